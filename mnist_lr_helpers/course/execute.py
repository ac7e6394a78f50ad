"""Executes notebooks with papermill, each in a process of its own; reports in one table and in ``run.json``."""

from __future__ import annotations

import ast
import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from mnist_lr_helpers.course.usage import UsageError, convert, nearest
from mnist_lr_helpers.download import DATASET_MIME, resolve
from mnist_lr_helpers.exceptions import DataError
from mnist_lr_helpers.files import PROJECT, write_atomically

import nbformat
import papermill
import psutil
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpecManager
from tabulate import tabulate
from tqdm import tqdm
from traitlets import default

NOTEBOOKS = PROJECT / "notebooks"
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
KILLED = "killed from outside, most often for want of memory; close other programs, and run with --jobs 1"
# A fresh process for each notebook, without this process's threads and memory. To import papermill takes seconds, so
# where there is a server to fork them from, it has done that before.
FRESH = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
REMEDIES = {
    "DeadKernelError": ", most often for want of memory; close other programs, or set a smaller TRAIN_SIZE",
    "CellTimeoutError": " --cell-timeout S allows a cell more seconds",
    "ModuleNotFoundError": "; install what the course needs as its README says, then run again",
}


NO_START = "Kernel died before replying"  # what jupyter_client says where another program took the kernel's port first

# By which other programs know the language of a notebook, such as the export as a script.
LANGUAGE = {
    "name": "python",
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}


class OwnKernel(AsyncKernelManager):
    """Starts the kernel in this process's Python, where a kernelspec of the user may name another one."""

    @default("kernel_spec_manager")
    def _without_kernels_of_the_user(self) -> KernelSpecManager:
        return KernelSpecManager(kernel_dirs=[])  # which leaves the native one


@dataclass(frozen=True)
class Job:
    """One notebook to execute in its own folder, and where its executed copy goes."""

    name: str  # what the table calls it
    notebook: Path
    target: Path
    parameters: dict[str, Any]
    cell_timeout: int  # seconds


@dataclass(frozen=True)
class Result:
    """What ``run.json`` says of one notebook."""

    notebook: str
    status: str
    seconds: float
    peak_memory_mb: float | None  # None where the system does not tell
    dataset: str | None
    parameters: dict[str, Any]
    error: str | None
    started: str = ""  # ISO 8601, UTC


def find_notebooks(names: Sequence[str]) -> list[Path]:
    """The notebooks of these names, numbers or paths; all of the course without any.

    Raises:
        UsageError: there is no such notebook, or two of one name.
    """
    known = {path.stem: path for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))}
    found: dict[str, Path] = {}
    for name in names or known:
        path, stem = Path(name), Path(name).name.removesuffix(".ipynb")
        matches = [known[key] for key in known if stem in (key, key.split("_")[0])]
        if path.suffix == ".ipynb" and path.is_file():
            matches = [path.resolve()]
        elif not matches or path.name != name:  # a path says which file is meant: none of the same name stands in
            there_are = f"did you mean {nearest(stem, known)!r}? There are: {', '.join(known)}"
            raise UsageError(f"there is no notebook {name!r}; {there_are}")
        if found.setdefault(matches[0].name, matches[0]) != matches[0]:
            raise UsageError(f"two notebooks are called {path.name}; run one at a time, their copies have one place")
    return list(found.values())


def parameters_of(notebook: Path) -> dict[str, Any]:
    """Names and default values in the notebook's cell tagged ``parameters``.

    Raises:
        UsageError: the file is no notebook, or a default is not a plain value.
    """
    try:
        inspected = papermill.inspect_notebook(str(notebook))
        return {name: ast.literal_eval(entry["default"]) for name, entry in inspected.items()}
    except (ValueError, SyntaxError, AttributeError, nbformat.ValidationError) as error:
        raise UsageError(f"the parameters of {notebook} cannot be read: {error}") from error


def plan(
    notebooks: Sequence[Path], given: Sequence[tuple[str, str]], *, quick: bool, output: Path, cell_timeout: int
) -> list[Job]:
    """One job per notebook; each parameter goes to the notebooks that have it.

    Raises:
        UsageError: no notebook has a parameter of that name, the value has another type, or a copy would
            replace its original.
    """
    known = {notebook: parameters_of(notebook) for notebook in notebooks}
    names = sorted(set().union(*known.values()))
    for name, _ in given:
        if name not in names:
            hint = f"did you mean {nearest(name, names)!r}? " if names else ""
            raise UsageError(f"there is no parameter {name!r}; {hint}The parameters are: {', '.join(names) or 'none'}")
    jobs = []
    for notebook, defaults in known.items():
        target = output / notebook.name
        if target.exists() and target.samefile(notebook):
            raise UsageError(f"the executed copy would replace {notebook}; name another folder with --output")
        chosen = {name: convert(name, text, defaults[name]) for name, text in given if name in defaults}
        if quick and "QUICK" in defaults:
            chosen["QUICK"] = True
        called = notebook.stem if notebook.parent == NOTEBOOKS else str(notebook)  # only the course's have names
        jobs.append(Job(called, notebook, target, chosen, cell_timeout))
    return jobs


def default_workers() -> int:
    """Two notebooks at a time where there are two cores and 4 GB of memory for each, else one."""
    return max(1, min(2, os.cpu_count() or 1, psutil.virtual_memory().total // (4 * 10**9)))


def prepare_data(dataset: str) -> None:
    """Fetch the data once before any kernel starts, so that no kernel waits for the network again.

    Raises:
        UsageError: there is no such data set, or it cannot be had.
    """
    try:
        name, _ = resolve(dataset)
    except (DataError, ValueError) as error:
        raise UsageError(str(error)) from error
    if dataset == "auto" and name != "mnist":
        os.environ["MNIST_LR_OFFLINE"] = "1"


def run(jobs: Sequence[Job], *, workers: int = 1) -> list[Result]:
    """Execute the jobs, ``workers`` at a time and each in a process of its own; their results in order.

    All together have no more threads than there are cores, unless ``OMP_NUM_THREADS`` asks for another number.
    However this ends, by Ctrl-C too, no kernel stays behind. It is to be called in the main thread.
    """
    # The first one first, to show soon that it works. Then, of several at a time, the last ones, since they take long.
    waiting = [*(jobs[1:] if workers > 1 else reversed(jobs[1:])), *jobs[:1]]  # taken from its end
    places, processes = list(range(workers, 0, -1)), []  # a place is a line of the terminal
    running: dict[Connection, tuple[Job, int]] = {}
    results = {}
    share = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // workers))} if workers > 1 else {}
    _start_server()
    try:
        with tqdm(total=len(jobs), desc="notebooks", unit="notebook", position=0) as bar:
            while waiting or running:
                while waiting and places:
                    job, place = waiting.pop(), places.pop()
                    running[_start(job, place, share | os.environ, processes)] = job, place
                for answer in wait(list(running)):
                    job, place = running.pop(answer)
                    places.append(place)
                    results[job.notebook] = result = _collect(job, answer)
                    bar.write(f"{result.notebook}: {result.status} in {result.seconds:.0f} s", file=sys.stderr)
                    bar.update()
        return [results[job.notebook] for job in jobs]
    finally:
        _kill(process.pid for process in processes if process.is_alive())


def _start_server() -> None:
    """Start what forks the processes, so that neither it nor they hear Ctrl-C: this process does, and ends them."""
    if sys.platform != "win32":
        heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
        FRESH.set_forkserver_preload([__name__])
        forkserver.ensure_running()
        signal.signal(signal.SIGINT, heard)


def _start(job: Job, place: int, environ: dict[str, str], processes: list[BaseProcess]) -> Connection:
    """Start a process for the job and add it to the list; returns where its result will arrive."""
    answer, sender = FRESH.Pipe(duplex=False)
    processes.append(FRESH.Process(target=_work, args=(job, place, environ, sender)))
    processes[-1].start()
    sender.close()  # the other process holds the only copy: if it dies, the answer ends
    return answer


def _work(job: Job, place: int, environ: dict[str, str], sender: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where no server has seen to it
    os.environ.clear()  # it is that of the time when the server started
    os.environ.update(environ)
    sender.send(execute(job, place))


def _collect(job: Job, answer: Connection) -> Result:
    """The result of a job whose process has answered or died; its executed copy is cleaned."""
    try:
        result = answer.recv()
    except EOFError:
        result = Result(job.name, "failed", 0.0, None, None, job.parameters, KILLED)
    try:
        return replace(result, dataset=clean(job.target)) if job.target.exists() else result
    except Exception as failure:  # the disk was full: half a notebook is worse than none
        job.target.unlink(missing_ok=True)
        return replace(result, status="failed", error=result.error or _explained(failure))


def _kill(pids: Iterable[int]) -> None:
    """Kill these processes and all that they have started, kernels above all."""
    family = []
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            family += [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(family, timeout=5)


def execute(job: Job, place: int = 1) -> Result:
    """Execute one notebook in a kernel of its own and keep its executed copy, passed or failed.

    The peak memory is that of this process's largest child, so one process executes one notebook.
    """
    started, error = time.perf_counter(), None
    date = datetime.now(UTC).isoformat(timespec="milliseconds")
    try:
        job.target.parent.mkdir(parents=True, exist_ok=True)
        job.target.unlink(missing_ok=True)  # of an earlier run
        _execute(job, place)
    except papermill.PapermillExecutionError as failure:
        last = str(failure.evalue).strip().splitlines() or [""]
        error = f"cell {failure.exec_count}: {failure.ename}: {last[-1]}{REMEDIES.get(failure.ename, '')}"
    except Exception as failure:  # a dead kernel, a timeout, a full disk: all belong into the table
        error = _explained(failure)
    status, seconds = "failed" if error else "passed", round(time.perf_counter() - started, 1)
    return Result(job.name, status, seconds, peak_memory_mb(), None, job.parameters, error, date)


def _execute(job: Job, place: int, attempts: int = 3) -> None:
    """Give the notebook to papermill; again where its kernel did not start, as nothing has run then."""
    bar = {"desc": f"  {job.notebook.stem}", "position": place, "leave": False, "unit": "cell"}
    try:
        papermill.execute_notebook(
            str(job.notebook),
            str(job.target),
            parameters=job.parameters,
            kernel_name=NATIVE_KERNEL_NAME,
            kernel_manager_class=OwnKernel,
            cwd=str(job.notebook.parent),
            progress_bar=bar if sys.stderr.isatty() else False,
            execution_timeout=job.cell_timeout,
            # Every kernel is interrupted before it is told to end; one that is still answering calls this an error.
            extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
        )
    except RuntimeError as failure:
        if attempts == 1 or NO_START not in str(failure):
            raise
        _execute(job, place, attempts - 1)


def peak_memory_mb() -> float | None:
    """Most memory that any one of the processes started and ended by this one had, in MB; None on Windows.

    Pages that it shares with others count in full.
    """
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)  # bytes there, else KB


def clean(path: Path) -> str | None:
    """Take what differs from run to run out of an executed notebook; return the data set it used.

    Remains of progress bars, times and paths in the metadata go; results stay.
    """
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata = {"kernelspec": notebook.metadata.get("kernelspec", {}), "language_info": LANGUAGE}
    dataset = None
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if WIDGET_MIME not in output.get("data", {})]
            shown = [o["data"][DATASET_MIME]["name"] for o in cell.outputs if DATASET_MIME in o.get("data", {})]
            dataset = shown[0] if shown else dataset
    write_atomically(path, nbformat.writes(notebook).encode())
    return dataset


def report(results: Sequence[Result], folder: Path) -> None:
    """Write ``run.json`` into the folder."""
    rows = [asdict(result) for result in results]
    write_atomically(folder / "run.json", json.dumps(rows, indent=2).encode())


def table_of(results: Sequence[Result], elapsed: float) -> str:
    """The results as a table for people, with the seconds of the whole run below."""
    headers = ("notebook", "result", "seconds", "peak MB", "data set", "error")
    rows = [(r.notebook, r.status, r.seconds, r.peak_memory_mb, r.dataset, r.error) for r in results]
    return f"{tabulate(rows, headers, floatfmt='.0f')}\n{len(rows)} notebooks, {elapsed:.0f} s in all"


def _explained(failure: Exception) -> str:
    name, lines = type(failure).__name__, str(failure).strip().splitlines() or [""]
    return f"{name}: {lines[0]}{REMEDIES.get(name, '')}"
