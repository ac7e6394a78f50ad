"""Runs the studies on Dask: checks first, stores each finished training at once, assembles the tables at the end.

A training is one configuration of a study with one seed, whatever its function measures.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import platform
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_lr_helpers.course.usage import UsageError, nearest
from mnist_lr_helpers.download import raw_folder, resolve
from mnist_lr_helpers.exceptions import DataError
from mnist_lr_helpers.files import PROJECT, write_atomically
from mnist_lr_helpers.reproduction.claims import CLAIMS
from mnist_lr_helpers.reproduction.ledger import RESULTS, write_ledger
from mnist_lr_helpers.reproduction.recipes import Row
from mnist_lr_helpers.reproduction.studies import STUDIES, Study
from mnist_lr_helpers.training import limited_threads

from tabulate import tabulate
from tqdm import tqdm

if TYPE_CHECKING:
    from distributed import Client

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

    @property
    def key(self) -> str:
        """A name for people and files, in a folder for its study; other settings give another one."""
        text = json.dumps([self.measure, dict(self.settings)], sort_keys=True, default=lambda one: one.__qualname__)
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        return f"{self.study}/{re.sub(r'[^A-Za-z0-9.=-]+', '_', self.configuration)}-{self.seed}-{digest}"


@dataclass(frozen=True)
class Store:
    """A folder of finished trainings, each stored with the identity of the world that it was made in."""

    folder: Path
    identity: Mapping[str, Any]

    def save(self, training: Training, result: Result) -> None:
        """Store a finished training, whole or not at all."""
        saved = result | {"identity": self.identity}
        write_atomically(self.folder / f"{training.key}.json", json.dumps(saved).encode())

    def load(self, training: Training) -> Result | None:
        """A stored training, or None if there is none with these settings.

        Raises:
            UsageError: it is damaged, or was made with other versions or another data set.
        """
        path = self.folder / f"{training.key}.json"
        if not path.exists():
            return None
        try:
            saved = json.loads(path.read_text("utf-8"))
            theirs, _ = saved["identity"], saved["rows"]
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{path} is damaged ({error!r}); once deleted, it is made anew") from error
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
    store = Store(folder, identity())
    results = {t: store.load(t) if resume else None for study in studies for t in trainings_of(study, tables, quick)}
    todo, failures = [training for training, result in results.items() if result is None], []
    if todo:
        with connected(scheduler, workers) as client:
            workers = compare_workers(client, store.identity)
            for training, result in ended(todo, client):
                if isinstance(result, str):
                    failures.append(f"{training.study}, {training.configuration}, seed {training.seed}: {result}")
                else:
                    results[training] = result
                    store.save(training, result)
    options = ["--quick"] * quick + ["--scheduler ADDRESS"] * bool(scheduler)
    command = " ".join(["python -m mnist_lr_helpers reproduce", *names, *options])
    about = {"command": command, "date": time.strftime("%Y-%m-%d"), "threads": 1, **store.identity}
    own = {study: {t: result for t, result in results.items() if t.study == study.name} for study in studies}
    rows = [assemble(study, mine, tables, about) for study, mine in own.items() if None not in mine.values()]
    print(tabulate(rows, ("study", "trainings", "seconds", "table"), floatfmt=".0f"))
    print(
        f"{len(todo)} trainings in {time.perf_counter() - started:.0f} s; {len(results) - len(todo)} were stored before"
    )
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
        write_ledger(CLAIMS.values(), tables)
        print(f"Verdicts on the claims: {tables / 'claims.csv'}")
    return 0


def find_studies(names: Sequence[str]) -> list[Study]:
    """The studies of these names, all of them without any.

    Raises:
        UsageError: there is no such study.
    """
    for name in names:
        if name not in STUDIES:
            like = nearest(name, STUDIES)
            raise UsageError(f"there is no study {name!r}; did you mean {like!r}? There are: {', '.join(STUDIES)}")
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
    files = sorted(raw_folder("mnist").glob("*-ubyte"))
    md5 = {file.name: hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest() for file in files}
    versions = {"Python": platform.python_version()} | {package: version(package) for package in PACKAGES}
    text = ", ".join(f"{package} {number}" for package, number in versions.items())
    return {"versions": text, "dataset": {"name": "mnist", "md5": md5}}


def _compare(theirs: Mapping[str, Any], mine: Mapping[str, Any], who: str, remedy: str) -> None:
    for name, what in (("versions", "versions"), ("dataset", "data set")):
        if theirs.get(name) != mine[name]:
            raise UsageError(f"{who} another {what}: {theirs.get(name)}, not {mine[name]}; {remedy}")


def trainings_of(study: Study, tables: Path = RESULTS, quick: bool = False) -> list[Training]:
    """All trainings of a study, with the seconds that each took last time; a quick run has one seed and few images."""
    trainings, about = [], tables / f"{study.name}.json"
    seconds = json.loads(about.read_text("utf-8"))["seconds_by_configuration"] if about.exists() else {}
    for name, seed in study.grid:
        measure, settings = study.measuring(name)
        if quick:
            few = {"epochs": 2, "last_at": 0}
            settings |= {"train_size": 1_000} | {key: few[key] for key in few.keys() & settings.keys()}
        expected = seconds.get(name, UNKNOWN_SECONDS)
        trainings.append(Training(study.name, name, seed, measure, settings, study.alone, expected))
    return [training for training in trainings if not (quick and training.seed)]


@contextmanager
def connected(scheduler: str | None, workers: int | None) -> Iterator[Client]:
    """A client of the scheduler at that address, or of a cluster of our own with so many single-threaded workers.

    Without a number, Dask takes one worker for each core.

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


def compare_workers(client: Client, mine: Mapping[str, Any]) -> int:
    """Make sure that every worker has the same versions and MNIST; returns how many there are.

    Raises:
        UsageError: one has not; the message names it.
    """
    found = client.run(identity, on_error="return")
    for worker, theirs in found.items():
        if isinstance(theirs, BaseException):
            raise UsageError(f"worker {worker} cannot take part: {theirs}") from theirs
        _compare(theirs, mine, f"worker {worker} has", "install the same versions there")
    return len(found)


def ended(todo: Sequence[Training], client: Client) -> Iterator[tuple[Training, Result | str]]:
    """Each training with its result, or why it failed, as soon as it has ended; the long ones are started first.

    A worker that dies costs the training that it was in: the scheduler gives it to another one.

    Raises:
        UsageError: the scheduler is gone.
    """
    together = sorted((t for t in todo if not t.alone), key=lambda t: -t.expected_seconds)
    form = "{desc} {percentage:3.0f}% |{bar}| {elapsed} so far, {remaining} to go; {postfix}"
    with tqdm(total=sum(t.expected_seconds for t in todo), desc="trainings", bar_format=form) as bar:
        for group in (together, *([t] for t in todo if t.alone)):
            for training, result in _computed(group, client):
                yield training, result
                bar.set_postfix_str(f"last: {training.study}, {training.configuration}", refresh=False)
                bar.update(training.expected_seconds)


def _computed(group: Sequence[Training], client: Client) -> Iterator[tuple[Training, Result | str]]:
    from distributed import as_completed

    futures = {}
    for place, t in enumerate(group):
        options = {"key": t.key, "pure": False, "priority": -place}
        futures[client.submit(work, t.measure, t.seed, dict(t.settings), **options)] = t
    try:
        for future in as_completed(list(futures)):  # a result is fetched at once, before its worker can die
            error = future.exception()  # of the training; none of a training that is lost
            yield futures.pop(future), f"{type(error).__name__}: {error}" if error else future.result()
    except (CancelledError, OSError) as error:
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # it would show the whole way to this
        raise UsageError(
            "the Dask scheduler is gone. The trainings that had ended are kept: start it again and use --resume"
        ) from error


def work(measure: Callable[..., list[Row]], seed: int, settings: Mapping[str, Any]) -> Result:
    """Measure on one thread, in a worker; rows with six significant digits, none that are not finite, and the time."""
    started, cpu = time.perf_counter(), time.process_time()
    with limited_threads(1):
        rows = [(int(row.at), row.metric, _rounded(float(row.value))) for row in measure(seed, **settings)]
    times = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu}
    return {"rows": [row for row in rows if math.isfinite(row[2])], **{k: round(v, 3) for k, v in times.items()}}


def _rounded(value: float) -> float:
    return value if value.is_integer() else float(f"{value:.6g}")  # whole numbers, of bytes for one, stay whole


def assemble(study: Study, results: dict[Training, Result], tables: Path, about: dict[str, Any]) -> tuple:
    """Write a study's table and the JSON beside it; returns a row for the summary."""
    import pandas as pd

    rows = [(t.configuration, t.seed, *row) for t, result in results.items() for row in result["rows"]]
    table = pd.DataFrame(rows, columns=["configuration", "seed", "epoch", "metric", "value"])
    times = pd.DataFrame(list(results.values()), [t.configuration for t in results], ["seconds", "cpu_seconds"])
    facts = {"study": study.name, "note": study.note, **about, "trainings": len(results)}
    facts |= times.sum().round(1).to_dict()
    facts["seconds_by_configuration"] = times["seconds"].groupby(level=0, sort=False).mean().round(1).to_dict()
    path = tables / f"{study.name}.csv"
    write_atomically(path, table.to_csv(index=False, lineterminator="\n", float_format="%.10g").encode())
    write_atomically(path.with_suffix(".json"), (json.dumps(facts, indent=2) + "\n").encode())
    return study.name, len(results), facts["seconds"], path
