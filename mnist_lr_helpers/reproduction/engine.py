"""Runs the studies on Dask: checks first, stores each finished training at once, assembles the tables at the end.

A training is one configuration of a study with one seed, whatever its function measures.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import logging
import math
import os
import platform
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tabulate import tabulate
from tqdm import tqdm

from mnist_lr_helpers.data import DataError, raw_folder, resolve
from mnist_lr_helpers.files import PROJECT, write_atomically
from mnist_lr_helpers.reproduction.claims import RESULTS, write_ledger
from mnist_lr_helpers.reproduction.recipes import Row
from mnist_lr_helpers.reproduction.studies import STUDIES, Study
from mnist_lr_helpers.runner import UsageError
from mnist_lr_helpers.training import limited_threads

if TYPE_CHECKING:
    from distributed import Client, Future

BUILD = PROJECT / "build"
PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "distributed")
SECONDS_TO_CONNECT = 8.0
UNKNOWN_SECONDS = 10.0  # of a training that was never timed, to reckon the remaining time
Result = dict[str, Any]  # of a training: its rows, its seconds and cpu_seconds


@dataclass(frozen=True, eq=False)
class Training:
    """One configuration of a study with one seed, and all that decides its result."""

    study: str
    configuration: str
    seed: int
    measure: Callable[..., list[Row]]
    settings: Mapping[str, Any]
    alone: bool = False
    expected_seconds: float = UNKNOWN_SECONDS

    def __str__(self) -> str:
        return f"{self.study}, {self.configuration}, seed {self.seed}"

    @cached_property
    def key(self) -> str:
        """A name for people and files; other settings give another one."""
        text = json.dumps([self.measure, dict(self.settings)], sort_keys=True, default=lambda one: one.__qualname__)
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        return f"{re.sub(r'[^A-Za-z0-9.=-]+', '_', self.configuration)}-{self.seed}-{digest}"


@dataclass(frozen=True)
class Store:
    """A folder of finished trainings, each stored with the identity of the world that it was made in."""

    folder: Path
    identity: Mapping[str, Any]

    def path(self, training: Training) -> Path:
        """Where a training is kept."""
        return self.folder / training.study / f"{training.key}.json"

    def save(self, training: Training, result: Result) -> None:
        """Store a finished training, whole or not at all."""
        write_atomically(self.path(training), json.dumps(result | {"identity": self.identity}).encode())

    def load(self, training: Training) -> Result | None:
        """A stored training, or None if there is none with these settings.

        Raises:
            UsageError: it is damaged, or was made with other versions or another data set.
        """
        path = self.path(training)
        if not path.exists():
            return None
        try:
            saved = json.loads(path.read_text("utf-8"))
            theirs, _ = saved["identity"], saved["rows"]
        except (ValueError, KeyError, TypeError) as error:
            problem = f"{path} is damaged ({type(error).__name__})"
            raise UsageError(f"{problem}; delete it, then --resume makes it anew") from error
        _compare(theirs, self.identity, f"{path} was made with", "leave --resume out to train everything anew")
        return saved


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
        UsageError: unknown study, no MNIST, no scheduler, or stored trainings that do not fit, and nothing was trained;
            or the scheduler is gone, and what was trained is stored.
        FileError: a file cannot be written.
    """
    studies, started = find_studies(names), time.perf_counter()
    output = BUILD / "reproduce_quick" if quick and output is None else output
    folder, tables = (BUILD / "reproduce", RESULTS) if output is None else (output / "trainings", output)
    store, workers = Store(folder, identity()), workers or cores()
    planned = [training for study in studies for training in trainings_of(study, tables, quick=quick)]
    results = {training: store.load(training) if resume else None for training in planned}
    todo = [training for training, result in results.items() if result is None]
    failures = train(todo, results, store, scheduler=scheduler, workers=workers) if todo else []
    about = {"command": _command(names, scheduler, quick), "date": time.strftime("%Y-%m-%d"), "threads": 1}
    about |= store.identity
    summary = []
    for study in studies:
        own = {training: result for training, result in results.items() if training.study == study.name}
        if None not in own.values():
            summary.append(assemble(study, own, tables, about))
    print(tabulate(summary, ("study", "trainings", "seconds", "table"), floatfmt=".0f"))
    seconds = round(time.perf_counter() - started, 1)
    print(f"{len(todo)} trainings in {seconds:.0f} s; {len(results) - len(todo)} were stored before")
    run = {"studies": [study.name for study in studies], "workers": workers, "seconds": seconds}
    write_atomically(folder / "run.json", json.dumps(run | {"trainings": len(todo)} | about).encode())
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


def cores() -> int:
    """How many this process may use, as far as Python knows."""
    return getattr(os, "process_cpu_count", os.cpu_count)() or 1


def identity() -> dict[str, Any]:
    """What must agree between this process, its workers and stored trainings: versions and the data set.

    Raises:
        UsageError: MNIST cannot be had; there is no fallback here.
    """
    try:
        resolve("mnist")
    except DataError as error:
        raise UsageError(f"the studies need MNIST itself.\n{error}") from error
    files = sorted(raw_folder("mnist").glob("*-ubyte"))
    md5 = {file.name: hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest() for file in files}
    versions = {"Python": platform.python_version()} | {package: version(package) for package in PACKAGES}
    text = ", ".join(f"{package} {number}" for package, number in versions.items())
    return {"versions": text, "dataset": {"name": "mnist", "md5": md5}}


def _compare(theirs: Mapping[str, Any], mine: Mapping[str, Any], who: str, remedy: str) -> None:
    for name, what in (("versions", "versions"), ("dataset", "data set")):
        if theirs.get(name) != mine[name]:
            raise UsageError(f"{who} another {what}: {theirs.get(name)}, not {mine[name]}; {remedy}")


def trainings_of(study: Study, tables: Path = RESULTS, *, quick: bool = False) -> list[Training]:
    """All trainings of a study, with the seconds that each took last time; a quick run has one seed and few images."""
    try:
        seconds = json.loads((tables / f"{study.name}.json").read_text("utf-8"))["seconds_by_configuration"]
    except (OSError, ValueError, KeyError):
        seconds = {}
    trainings = []
    for name, seed in study.grid:
        measure, settings = study.measuring(name)
        if quick and seed:
            continue
        if quick:
            small = {"train_size": 1_000, "epochs": min(2, settings.get("epochs", 0)), "last_at": 0}
            settings |= {key: value for key, value in small.items() if key in settings or key == "train_size"}
        expected = seconds.get(name, UNKNOWN_SECONDS)
        trainings.append(Training(study.name, name, seed, measure, settings, study.alone, expected))
    return trainings


def train(
    todo: Sequence[Training],
    results: dict[Training, Result | None],
    store: Store,
    *,
    scheduler: str | None,
    workers: int,
) -> list[str]:
    """Do all trainings, put what they give into the store and into ``results``; returns what failed, in words.

    Raises:
        UsageError: no scheduler, no fitting worker, or the scheduler is gone.
    """
    failures = []
    with connected(scheduler, workers) as client:
        compare_workers(client, store.identity)
        try:
            for training, future in ended(todo, client):
                error = future.exception()
                if error:
                    failures.append(f"{training}: {type(error).__name__}: {error}")
                else:
                    results[training] = future.result()
                    store.save(training, results[training])
        except (CancelledError, OSError) as error:
            logging.getLogger("distributed").setLevel(logging.CRITICAL)  # it has nothing to add, at length
            kept = sum(results[training] is not None for training in todo)
            raise UsageError(
                f"the scheduler is gone; {kept} of {len(todo)} trainings had ended and are kept in {store.folder}. "
                "Start it again and go on with --resume"
            ) from error
    return failures


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


def ended(todo: Sequence[Training], client: Client) -> Iterator[tuple[Training, Future]]:
    """Each training as soon as it has ended; the long ones are started first, those that are timed run alone at last.

    A worker that dies costs the training that it was in: the scheduler gives it to another one.

    Raises:
        CancelledError: the scheduler is gone.
    """
    from distributed import as_completed

    together = sorted((t for t in todo if not t.alone), key=lambda t: -t.expected_seconds)
    total, left = sum(t.expected_seconds for t in todo), len(todo)
    form = "{desc} {percentage:3.0f}% |{bar}| {elapsed} so far, {remaining} to go{postfix}"
    with tqdm(total=total, desc="trainings", bar_format=form) as bar:
        for group in (together, *([t] for t in todo if t.alone)):
            futures = {}
            for place, t in enumerate(group):
                options = {"key": f"{t.study}/{t.key}", "pure": False, "priority": -place}
                futures[client.submit(work, t.measure, t.seed, dict(t.settings), **options)] = t
            for future in as_completed(list(futures)):  # a result is fetched at once, before its worker can die
                if future.cancelled():
                    raise CancelledError
                training, left = futures.pop(future), left - 1
                yield training, future
                bar.set_postfix_str(f"{left} left; {training.study}, {training.configuration}", refresh=False)
                bar.update(training.expected_seconds)


def work(measure: Callable[..., list[Row]], seed: int, settings: Mapping[str, Any]) -> Result:
    """Measure on one thread, in a worker; rows with six significant digits, none that are not finite, and the time."""
    started, cpu = time.perf_counter(), time.process_time()
    with limited_threads(1):
        rows = [(int(row.at), row.metric, _rounded(float(row.value))) for row in measure(seed, **settings)]
    times = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu}
    return {"rows": [row for row in rows if math.isfinite(row[2])], **{k: round(v, 3) for k, v in times.items()}}


def _rounded(value: float) -> float:
    return value if value.is_integer() else float(f"{value:.6g}")  # whole numbers, of bytes for one, stay whole


def assemble(
    study: Study, results: Mapping[Training, Result], tables: Path, about: Mapping[str, Any]
) -> tuple[str, int, float, Path]:
    """Write a study's table and the JSON beside it; returns a row for the summary."""
    import pandas as pd

    rows = [(t.configuration, t.seed, *row) for t, result in results.items() for row in result["rows"]]
    table = pd.DataFrame(rows, columns=["configuration", "seed", "epoch", "metric", "value"])
    times = pd.DataFrame([(t.configuration, result["seconds"]) for t, result in results.items()], columns=["name", "s"])
    facts = {"study": study.name, "note": study.note, **about, "trainings": len(results)}
    facts["seconds"] = round(float(times["s"].sum()), 1)
    facts["cpu_seconds"] = round(sum(result["cpu_seconds"] for result in results.values()), 1)
    facts["seconds_by_configuration"] = times.groupby("name", sort=False)["s"].mean().round(1).to_dict()
    path = tables / f"{study.name}.csv"
    write_atomically(path, table.to_csv(index=False, lineterminator="\n", float_format="%.10g").encode())
    write_atomically(path.with_suffix(".json"), (json.dumps(facts, indent=2) + "\n").encode())
    return study.name, len(results), facts["seconds"], _shown(path)


def _shown(path: Path) -> Path:
    return path.relative_to(PROJECT) if path.is_relative_to(PROJECT) else path


def _command(names: Sequence[str], scheduler: str | None, quick: bool) -> str:
    options = ["--quick"] * quick + ["--scheduler ADDRESS"] * bool(scheduler)
    return " ".join(["python -m mnist_lr_helpers reproduce", *names, *options])
