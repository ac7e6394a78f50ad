"""Executes notebooks with papermill, measures them, and reports in one table and ``run.json``."""

from __future__ import annotations

import ast
import concurrent.futures
import difflib
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import papermill
import psutil
from tabulate import tabulate
from tqdm import tqdm

from mnist_lr_helpers.data import DataError, resolve
from mnist_lr_helpers.files import write_atomically

PROJECT = Path(__file__).resolve().parents[1]
NOTEBOOKS = PROJECT / "notebooks"
DATASET_MIME = "application/vnd.mnist-lr.dataset+json"
KILLED = "killed from outside, most often for want of memory; close other programs, and run with --jobs 1"
REMEDIES = {
    "DeadKernelError": ", most often for want of memory; close other programs, or set a smaller TRAIN_SIZE",
    "CellTimeoutError": " --cell-timeout S allows a cell more seconds",
    "ModuleNotFoundError": "; install what the course needs as its README says, then run again",
}


class UsageError(ValueError):
    """The command line asks for something that does not exist; the message says what does."""


@dataclass(frozen=True)
class Job:
    """One notebook to execute, and where its executed copy goes."""

    notebook: Path
    target: Path
    parameters: dict[str, Any]
    cell_timeout: int
    position: int = 1


@dataclass(frozen=True)
class Result:
    """What ``run.json`` says of one notebook."""

    notebook: str
    status: str
    seconds: float
    peak_memory_mb: float
    dataset: str | None
    parameters: dict[str, Any]
    error: str | None
    started: str = ""  # ISO 8601, UTC


def find_notebooks(names: Sequence[str]) -> list[Path]:
    """The notebooks of these names or numbers, all of them without any.

    Raises:
        UsageError: there is no such notebook.
    """
    known = {path.stem: path for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))}
    found = []
    for name in names or known:
        stem = Path(name).name.removesuffix(".ipynb")
        matches = [key for key in known if key == stem or key.split("_")[0] == stem]
        if not matches:
            nearest = difflib.get_close_matches(stem, known, n=1, cutoff=0.0)[0]
            raise UsageError(f"there is no notebook {name!r}; did you mean {nearest!r}? There are: {', '.join(known)}")
        found.append(known[matches[0]])
    return found


def convert(name: str, text: str, default: Any) -> Any:  # noqa: ANN401 - whatever type the default has
    """The text of a parameter as a value of its default's type.

    Raises:
        UsageError: the text is of another type; the message names both.
    """
    if isinstance(default, str):
        return text
    try:
        value = {"true": True, "false": False}.get(text.lower())
        value = ast.literal_eval(text) if value is None else value
        if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError, OverflowError):
        value = text
    if default is not None and value is not None and type(value) is not type(default):
        raise UsageError(
            f"{name} takes a value of type {type(default).__name__} (default {default!r}); "
            f"{text!r} is of type {type(value).__name__}"
        )
    return value


def parameters_of(notebook: Path) -> dict[str, Any]:
    """Names and default values in the notebook's cell tagged ``parameters``."""
    inspected = papermill.inspect_notebook(str(notebook))
    return {name: ast.literal_eval(entry["default"]) for name, entry in inspected.items()}


def plan(
    notebooks: Sequence[Path], given: Sequence[tuple[str, str]], *, quick: bool, output: Path, cell_timeout: int
) -> list[Job]:
    """One job per notebook; each parameter goes to the notebooks that have it.

    Raises:
        UsageError: no notebook has a parameter of that name, or the value has another type.
    """
    known = {notebook: parameters_of(notebook) for notebook in notebooks}
    names = sorted(set().union(*known.values()))
    for name, _ in given:
        if name not in names:
            nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.0)
            hint = f"did you mean {nearest[0]!r}? " if nearest else ""
            raise UsageError(f"there is no parameter {name!r}; {hint}The parameters are: {', '.join(names)}")
    jobs = []
    for notebook, defaults in known.items():
        chosen = {name: convert(name, text, defaults[name]) for name, text in given if name in defaults}
        if quick and "QUICK" in defaults:
            chosen["QUICK"] = True
        jobs.append(Job(notebook, output / notebook.name, chosen, cell_timeout))
    return jobs


def default_workers() -> int:
    """Two notebooks at a time where there are two cores and 4 GB of memory for each, else one."""
    return max(1, min(2, os.cpu_count() or 1, psutil.virtual_memory().total // (4 * 10**9)))


def run(jobs: Sequence[Job], *, workers: int = 1) -> list[Result]:
    """Execute the jobs, ``workers`` at a time, and return their results in order.

    However this ends, by Ctrl-C too, no kernel stays behind.
    """
    spawn = multiprocessing.get_context("spawn")  # a fork would copy this process's threads' locks
    pool = concurrent.futures.ProcessPoolExecutor(workers, spawn, initializer=_leave_interrupts_to_parent)
    numbered = [Job(**(vars(job) | {"position": 1 + i % workers})) for i, job in enumerate(jobs)]
    try:
        # Of several at a time the last come first: the short ones at the beginning then fill the gap at the end.
        futures = {pool.submit(execute, job): job for job in numbered[:: 1 if workers == 1 else -1]}
        results = {}
        with tqdm(total=len(jobs), desc="notebooks", unit="notebook", position=0) as bar:
            for future in concurrent.futures.as_completed(futures):
                job = futures[future]
                try:
                    result = future.result()
                except BrokenProcessPool:  # the process that ran the kernel was killed, and with it the others' turn
                    result = Result(job.notebook.stem, "failed", 0.0, 0.0, None, job.parameters, KILLED)
                results[job.notebook] = result
                bar.write(f"{result.notebook}: {result.status} in {result.seconds:.0f} s", file=sys.stderr)
                bar.update()
        return [results[job.notebook] for job in jobs]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        descendants = psutil.Process().children(recursive=True)
        for process in descendants:
            if "resource_tracker" not in " ".join(_command(process)):
                process.kill()
        psutil.wait_procs(descendants, timeout=5)


def execute(job: Job) -> Result:
    """Execute one notebook in this process's own kernel and keep its executed copy, passed or failed."""
    started, error, dataset = time.perf_counter(), None, None
    date = datetime.now(UTC).isoformat(timespec="milliseconds")
    bar = {"desc": f"  {job.notebook.stem}", "position": job.position, "leave": False, "unit": "cell"}
    with memory_watch() as peak:
        try:
            job.target.parent.mkdir(parents=True, exist_ok=True)
            job.target.unlink(missing_ok=True)  # of an earlier run
            papermill.execute_notebook(
                str(job.notebook),
                str(job.target),
                parameters=job.parameters,
                kernel_name="python3",
                cwd=str(NOTEBOOKS),
                progress_bar=bar if sys.stderr.isatty() else False,
                execution_timeout=job.cell_timeout,
                extra_arguments=["--IPKernelApp.log_level=ERROR"],
            )
        except papermill.PapermillExecutionError as failure:
            last = str(failure.evalue).strip().splitlines() or [""]
            error = f"cell {failure.exec_count}: {failure.ename}: {last[-1]}{REMEDIES.get(failure.ename, '')}"
        except Exception as failure:  # a dead kernel, a timeout, a full disk: all belong into the table
            error = _explained(failure)
    seconds = time.perf_counter() - started
    try:
        dataset = clean(job.target) if job.target.exists() else None
    except Exception as failure:  # the disk was full: half a notebook is worse than none
        job.target.unlink()
        error = error or _explained(failure)
    status = "failed" if error else "passed"
    name = job.notebook.stem
    memory = round(peak[0] / 2**20, 1)
    return Result(name, status, round(seconds, 1), memory, dataset, job.parameters, error, date)


def clean(path: Path) -> str | None:
    """Take what differs from run to run out of an executed notebook; return the data set it used.

    Remains of progress bars, times and paths in the metadata go; results stay.
    """
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata = {"kernelspec": notebook.metadata.get("kernelspec", {}), "language_info": {"name": "python"}}
    dataset = None
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [
                o for o in cell.outputs if "application/vnd.jupyter.widget-view+json" not in o.get("data", {})
            ]
            shown = [o["data"][DATASET_MIME]["name"] for o in cell.outputs if DATASET_MIME in o.get("data", {})]
            dataset = shown[0] if shown else dataset
    write_atomically(path, nbformat.writes(notebook).encode())
    return dataset


def report(results: Sequence[Result], folder: Path) -> None:
    """Write ``run.json`` into the folder."""
    rows = [asdict(result) for result in results]
    write_atomically(folder / "run.json", json.dumps(rows, indent=2).encode())


def table_of(results: Sequence[Result], elapsed: float | None = None) -> str:
    """The results as a table for people, with the seconds of the whole run (or their sum) below."""
    headers = ("notebook", "result", "seconds", "peak MB", "data set", "error")
    rows = [(r.notebook, r.status, f"{r.seconds:.0f}", f"{r.peak_memory_mb:.0f}", r.dataset, r.error) for r in results]
    elapsed = sum(result.seconds for result in results) if elapsed is None else elapsed
    total = f"{len(rows)} notebooks, {elapsed:.0f} s in all"
    return f"{tabulate(rows, headers, colalign=('left', 'left', 'right', 'right'))}\n{total}"


def prepare_data(dataset: str) -> None:
    """Fetch the data once before any kernel starts, so that no kernel waits for the network again."""
    try:
        name, _ = resolve(dataset)
    except (DataError, ValueError) as error:
        raise UsageError(str(error)) from error
    if dataset == "auto" and name != "mnist":
        os.environ["MNIST_LR_OFFLINE"] = "1"


def _explained(failure: Exception) -> str:
    name, lines = type(failure).__name__, str(failure).strip().splitlines() or [""]
    return f"{name}: {lines[0]}{REMEDIES.get(name, '')}"


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _leave_interrupts_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def memory_watch(every: float = 0.5) -> Iterator[list[int]]:
    """Peak memory in bytes of this process's children (the kernel and its workers), as a one-element list."""
    peak, done = [0], threading.Event()

    def watch() -> None:
        me = psutil.Process()
        while not done.wait(every):
            peak[0] = max(peak[0], _memory(me.children(recursive=True)))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def _memory(processes: Sequence[psutil.Process]) -> int:
    """Memory of the processes together, pages that they share counted once where the system tells."""
    total = 0
    for process in processes:
        try:
            # Shared pages take long to count: a fifth of a core, twice a second, for a kernel of 1 GB.
            shared = len(processes) > 1 and sys.platform == "linux"
            total += process.memory_full_info().pss if shared else process.memory_info().rss
        except psutil.Error:
            continue  # it has just ended
    return total
