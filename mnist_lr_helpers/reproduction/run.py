"""Runs the studies on Dask: checks first, stores each finished training at once, assembles the tables at the end."""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import os
import platform
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from tabulate import tabulate
from tqdm import tqdm

from mnist_lr_helpers.course.usage import UsageError
from mnist_lr_helpers.data import DataError, raw_folder, resolve
from mnist_lr_helpers.files import PROJECT, write_atomically
from mnist_lr_helpers.reproduction.claims import RESULTS, write_ledger
from mnist_lr_helpers.reproduction.studies import STUDIES, Study
from mnist_lr_helpers.reproduction.trainings import Row

if TYPE_CHECKING:
    from distributed import Client

BUILD = PROJECT / "build"
PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "distributed")
SECONDS_TO_CONNECT = 8.0
UNKNOWN_SECONDS = 10.0  # of a training that was never timed, to reckon the remaining time


@dataclass(frozen=True, eq=False)
class Training:
    """One (configuration, seed) of a study, and all that decides its result."""

    study: str
    configuration: str
    seed: int
    trainer: Callable[..., list[Row]]
    settings: Mapping[str, Any]
    alone: bool = False
    expected_seconds: float = UNKNOWN_SECONDS

    @cached_property
    def key(self) -> str:
        """A name for people and files; another recipe gives another one."""
        recipe = json.dumps([self.trainer.__qualname__, dict(self.settings)], sort_keys=True)
        digest = hashlib.sha256(recipe.encode()).hexdigest()[:8]
        return f"{re.sub(r'[^A-Za-z0-9.=-]+', '_', self.configuration)}-{self.seed}-{digest}"


def reproduce(
    names: Sequence[str],
    *,
    scheduler: str | None = None,
    resume: bool = False,
    output: Path | None = None,
    workers: int | None = None,
    quick: bool = False,
) -> int:
    """Run the studies of these names, all without any; returns 1 if a training failed, else 0.

    Args:
        names: of studies.
        scheduler: address of a running Dask scheduler; without one, a cluster on this machine is started.
        resume: keep trainings that an earlier run has stored.
        output: where tables go, and trainings below it; without it ``data/results/`` and ``build/``.
        workers: processes of the local cluster, each with one thread; default one per core.
        quick: a smoke run on few images; its tables go below ``build/`` unless ``output`` is given.

    Raises:
        UsageError: unknown study, no MNIST, no scheduler, or stored trainings that do not fit. Nothing was trained.
        DataError: a file cannot be written.
    """
    studies, started = find_studies(names), time.perf_counter()
    output = BUILD / "reproduce_quick" if quick and output is None else output
    store, tables = (BUILD / "reproduce", RESULTS) if output is None else (output / "trainings", output)
    mine = identity()
    planned = {study.name: trainings_of(study, tables, quick=quick) for study in studies}
    results = {t: load(t, store, mine) if resume else None for some in planned.values() for t in some}
    todo = [training for training, saved in results.items() if saved is None]
    failures: list[str] = []
    workers = workers or len(os.sched_getaffinity(0))
    if todo:
        with connected(scheduler, workers) as client:
            compare_workers(client, mine)
            for training, result in finished(todo, client):
                if isinstance(result, str):
                    failures.append(f"{training.study}, {training.configuration}, seed {training.seed}: {result}")
                else:
                    results[training] = save(training, result, store, mine)
    about = {"command": _command(names, scheduler, quick), "date": time.strftime("%Y-%m-%d"), "threads": 1, **mine}
    done = {study: {t: results[t] for t in planned[study.name]} for study in studies}
    complete = {study: saved for study, saved in done.items() if None not in saved.values()}
    rows = [assemble(study, saved, tables, about) for study, saved in complete.items()]
    print(tabulate(rows, ("study", "trainings", "seconds", "table"), floatfmt=".0f"))
    seconds = round(time.perf_counter() - started, 1)
    print(f"{len(todo)} trainings in {seconds:.0f} s; {len(results) - len(todo)} were stored before")
    run = {"studies": [*planned], "workers": workers, "seconds": seconds}
    write_atomically(store / "run.json", json.dumps(run | {"trainings": len(todo)} | about).encode())
    if not quick:
        judge_claims(tables)
    print(*(f"failed: {failure}\n" for failure in failures), sep="", end="")
    return int(bool(failures))


def judge_claims(tables: Path = RESULTS) -> int:
    """Write the ledger, ``claims.csv``, if the tables of all studies are there; else say which are not. Returns 0."""
    missing = [name for name in STUDIES if not (tables / f"{name}.csv").exists()]
    if missing:
        print(f"No verdicts on the claims yet: they also need {', '.join(missing)}")
    else:
        write_ledger(tables)
        print(f"Verdicts on the claims: {_shown(tables / 'claims.csv')}")
    return 0


def find_studies(names: Sequence[str]) -> list[Study]:
    """The studies of these names, all of them without any.

    Raises:
        UsageError: there is no such study.
    """
    for name in names:
        if name not in STUDIES:
            nearest = difflib.get_close_matches(name, STUDIES, n=1, cutoff=0.0)[0]
            raise UsageError(f"there is no study {name!r}; did you mean {nearest!r}? There are: {', '.join(STUDIES)}")
    return [STUDIES[name] for name in dict.fromkeys(names)] or [*STUDIES.values()]


def identity() -> dict[str, Any]:
    """What must agree between this process, its workers and stored trainings: versions and the data set.

    Raises:
        UsageError: MNIST cannot be had; there is no fallback here.
    """
    try:
        resolve("mnist")
    except DataError as error:
        raise UsageError(f"the studies need MNIST itself.\n{error}") from error
    folder = raw_folder("mnist")
    files = sorted(folder.glob("*-ubyte"))
    md5 = {file.name: hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest() for file in files}
    versions = {"Python": platform.python_version()} | {package: version(package) for package in PACKAGES}
    text = ", ".join(f"{package} {number}" for package, number in versions.items())
    return {"versions": text, "dataset": {"name": "mnist", "md5": md5}}


def trainings_of(study: Study, tables: Path = RESULTS, *, quick: bool = False) -> list[Training]:
    """All trainings of a study, with the seconds that each took last time; a quick run has one seed and few images."""
    try:
        seconds = json.loads((tables / f"{study.name}.json").read_text("utf-8"))["seconds_by_configuration"]
    except (OSError, ValueError, KeyError):
        seconds = {}
    trainings = []
    for name, seed in study.grid:
        settings = dict(study.configurations[name])
        trainer = settings.pop("trainer", study.trainer)
        if quick:
            epochs = min(2, settings.get("epochs", 0))
            settings |= {"train_size": 1_000} | ({"epochs": epochs} if epochs else {})
            settings |= {"look": []} if "look" in settings else {}
        if not (quick and seed):
            expected = seconds.get(name, UNKNOWN_SECONDS)
            trainings.append(Training(study.name, name, seed, trainer, settings, study.alone, expected))
    return trainings


@contextmanager
def connected(scheduler: str | None, workers: int) -> Iterator[Client]:
    """A client of the scheduler at that address, or of a cluster of our own with so many single-threaded workers.

    Raises:
        UsageError: nothing answers there, or it has no workers.
    """
    import dask
    from distributed import Client, LocalCluster

    if scheduler is None:
        # Not daemons: those may not have children, and a DataLoader starts some.
        own = {"distributed.worker.daemon": False, "distributed.comm.timeouts.connect": "30s"}
        options = {"n_workers": workers, "threads_per_worker": 1, "host": "127.0.0.1"}
        options |= {"dashboard_address": "127.0.0.1:0", "scheduler_kwargs": {"dashboard": False}}
        with dask.config.set(own), LocalCluster(**options) as cluster, Client(cluster) as client:
            yield client
        return
    try:
        client = Client(scheduler, timeout=SECONDS_TO_CONNECT)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"no Dask scheduler answers at {scheduler!r} ({error or type(error).__name__}). Start one with `dask "
            "scheduler` and give its address, tcp://HOST:PORT, or leave --scheduler out to compute on this machine"
        ) from error
    with client:
        if not client.scheduler_info(n_workers=-1)["workers"]:
            raise UsageError(f"the scheduler at {scheduler} has no workers; start some with `dask worker {scheduler}`")
        yield client


def compare_workers(client: Client, mine: Mapping[str, Any]) -> None:
    """Make sure that every worker has the same versions and MNIST.

    Raises:
        UsageError: one has not; the message names it.
    """
    for worker, theirs in client.run(identity, on_error="return").items():
        if isinstance(theirs, BaseException):
            raise UsageError(f"worker {worker} cannot take part: {theirs}") from theirs
        _compare(theirs, mine, f"worker {worker} has", "install the same versions there")


def _compare(theirs: Mapping[str, Any], mine: Mapping[str, Any], who: str, remedy: str) -> None:
    for name, what in (("versions", "versions"), ("dataset", "data set")):
        if theirs.get(name) != mine[name]:
            raise UsageError(f"{who} another {what}: {theirs.get(name)}, not {mine[name]}; {remedy}")


def work(trainer: Callable[..., list[Row]], seed: int, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Train on one thread, in a worker; rows with six significant digits, none that are not finite, and the time."""
    torch.set_num_threads(1)
    started, cpu = time.perf_counter(), time.process_time()
    rows = [(int(epoch), metric, _rounded(float(value))) for epoch, metric, value in trainer(seed, **settings)]
    times = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu}
    return {"rows": [row for row in rows if math.isfinite(row[2])], **{k: round(v, 3) for k, v in times.items()}}


def _rounded(value: float) -> float:
    return value if value.is_integer() else float(f"{value:.6g}")  # whole numbers, of bytes for one, stay whole


def finished(todo: Sequence[Training], client: Client) -> Iterator[tuple[Training, dict[str, Any] | str]]:
    """Each training with its result, or why it failed, as soon as it is done; the long ones are started first.

    A worker that dies costs the training that it was in: the scheduler gives it to another one.
    """
    from distributed import as_completed

    together = sorted((t for t in todo if not t.alone), key=lambda t: -t.expected_seconds)
    groups = [together, *([t] for t in todo if t.alone)]
    total = sum(t.expected_seconds for t in todo)
    form = "{desc} {percentage:3.0f}% |{bar}| {elapsed} so far, {remaining} to go{postfix}"
    with tqdm(total=total, desc="trainings", bar_format=form) as bar:
        left = len(todo)
        for group in groups:
            futures = {}
            for place, t in enumerate(group):
                options = {"key": f"{t.study}/{t.key}", "pure": False, "priority": -place}
                futures[client.submit(work, t.trainer, t.seed, dict(t.settings), **options)] = t
            for future in as_completed(list(futures)):  # a result is fetched at once, before its worker can die
                training, left = futures.pop(future), left - 1
                error = future.exception()
                yield training, f"{type(error).__name__}: {error}" if error else future.result()
                bar.set_postfix_str(f"{left} left; {training.study}, {training.configuration}", refresh=False)
                bar.update(training.expected_seconds)


def _file(training: Training, store: Path) -> Path:
    return store / training.study / f"{training.key}.json"


def save(training: Training, result: dict[str, Any], store: Path, mine: Mapping[str, Any]) -> dict[str, Any]:
    """Store a finished training, whole or not at all, with what it depends on; returns what was stored."""
    write_atomically(_file(training, store), json.dumps(result | {"identity": mine}).encode())
    return result


def load(training: Training, store: Path, mine: Mapping[str, Any]) -> dict[str, Any] | None:
    """A stored training, or None if there is none of this recipe.

    Raises:
        UsageError: it is damaged, or was made with other versions or another data set.
    """
    path = _file(training, store)
    if not path.exists():
        return None
    try:
        saved = json.loads(path.read_text("utf-8"))
        theirs, _ = saved["identity"], saved["rows"]
    except (ValueError, KeyError, TypeError) as error:
        problem = f"{path} is damaged ({type(error).__name__})"
        raise UsageError(f"{problem}; delete it, then --resume makes it anew") from error
    _compare(theirs, mine, f"{path} was made with", "leave --resume out to train everything anew")
    return saved


def assemble(study: Study, saved: Mapping[Training, dict[str, Any]], tables: Path, about: Mapping[str, Any]) -> tuple:
    """Write a study's table and the JSON beside it; returns a row for the summary."""
    import pandas as pd

    rows = [(t.configuration, t.seed, *row) for t, result in saved.items() for row in result["rows"]]
    names = ["configuration", "seed", "epoch", "metric", "value"]
    table = pd.DataFrame(rows, columns=names).drop_duplicates(names[:-1])  # the last epoch may also be the end
    times = pd.DataFrame([(t.configuration, result["seconds"]) for t, result in saved.items()], columns=["name", "s"])
    facts = {"study": study.name, "note": study.note, **about, "trainings": len(saved)}
    facts["seconds"] = round(float(times["s"].sum()), 1)
    facts["cpu_seconds"] = round(sum(result["cpu_seconds"] for result in saved.values()), 1)
    facts["seconds_by_configuration"] = times.groupby("name", sort=False)["s"].mean().round(1).to_dict()
    path = tables / f"{study.name}.csv"
    write_atomically(path, table.to_csv(index=False, lineterminator="\n", float_format="%.10g").encode())
    write_atomically(path.with_suffix(".json"), (json.dumps(facts, indent=2) + "\n").encode())
    return study.name, len(saved), facts["seconds"], _shown(path)


def _shown(path: Path) -> Path:
    return path.relative_to(PROJECT) if path.is_relative_to(PROJECT) else path


def _command(names: Sequence[str], scheduler: str | None, quick: bool) -> str:
    options = ["--quick"] * quick + ["--scheduler ADDRESS"] * bool(scheduler)
    return " ".join(["python -m mnist_lr_helpers reproduce", *names, *options])
