"""``make mutants``: changes the helpers in small ways, one at a time, and looks whether the unit tests notice.

mutmut makes the mutants: another operator, another number, an argument left out, … Each is written into a copy of the
project under build/mutants, where the unit tests of its module run. What has been tried is not tried again, unless the
module has changed since; ``--again`` tries again what survived, after the tests have changed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import cache_from_source
from multiprocessing import get_context
from pathlib import Path

from mnist_lr_helpers.course.publish import show_on_page
from mnist_lr_helpers.files import PROJECT, write_atomically
from mnist_lr_helpers.reproduction.engine import identity

import pandas as pd
from sabotage import store
from side_environment import side_environment
from tabulate import tabulate
from tqdm import tqdm
from unit_tests import LIBRARIES, run_tests

HERE = Path(__file__).resolve().parent
BUILD = PROJECT / "build" / "mutants"
STORED = PROJECT / "data" / "results" / "mutants.csv"
ALIVE = STORED.with_name("mutants_alive.csv")
MUTMUT = "mutmut==3.8.1"
KILLED, SURVIVED, TIMED_OUT = "killed", "survived", "timed out"
PLACE = ["module", "function", "before", "after"]
COLUMNS = ["key", *PLACE, "outcome", "seconds"]
GOAL = 0.85


@dataclass(frozen=True)
class Subject:
    """A module or package, the test files that try it, and of how many of its mutants one is tried."""

    tests: tuple[str, ...]
    every: int = 1


SUBJECTS = {
    "models": Subject(("test_models.py",)),
    "training": Subject(("test_training.py",)),
    "evaluation": Subject(("test_evaluation.py",)),
    "features": Subject(("test_features.py",)),
    "warps": Subject(("test_warps.py",)),
    "handwriting": Subject(("test_handwriting.py",), every=3),
}


def all_mutants(name: str, project: Path = PROJECT) -> list[dict[str, str]]:
    """The mutants of a module or of all files of a package, made once and kept; each has its file, relative."""
    package, programs = project / "mnist_lr_helpers", side_environment("mutmut", MUTMUT)
    found = []
    for path in sorted(package.glob(f"{name}.py")) or sorted((package / name).glob("*.py")):
        code = path.read_bytes()
        kept = BUILD / "made" / f"{path.stem}_{hashlib.sha256(code).hexdigest()[:16]}.json"
        if not kept.exists():
            command = [programs / "python", HERE / "mutmut_says.py", path]
            write_atomically(kept, subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.PIPE).stdout)
        module = ".".join(path.relative_to(package).with_suffix("").parts)
        place = {"module": module, "file": str(path.relative_to(project))}
        found += [place | one for one in json.loads(kept.read_bytes())]
    for one in found:
        one["key"] = hashlib.sha256((one["file"] + one["code"]).encode()).hexdigest()[:16]
    return found


class Laboratory:
    """A copy of the project in which the mutants of one subject are tried.

    Attributes:
        seconds: how long a mutant may take the tests; each that takes longer gets a second chance.
    """

    def __init__(self, folder: Path, tests: Sequence[str], project: Path = PROJECT) -> None:
        self.copy, self.tests, self.told = folder / "project", tests, folder / "last_tests.txt"
        unneeded = shutil.ignore_patterns(".*", "build", "__pycache__", "data", "notebooks")
        shutil.copytree(project, self.copy, ignore=unneeded, dirs_exist_ok=True)
        self.processes = get_context("forkserver")
        self.processes.set_forkserver_preload(LIBRARIES)
        self.seconds, started = 600.0, time.perf_counter()
        for _ in range(2):  # the first loads the libraries
            started = time.perf_counter()
            if self.run() != SURVIVED:
                raise RuntimeError(f"the tests fail without a mutant, too: {self.told.read_text(encoding='utf-8')}")
        self.seconds = 15 + 5 * (time.perf_counter() - started)

    def run(self) -> str:
        """What the tests find."""
        process = self.processes.Process(target=run_tests, args=(self.copy, self.tests, self.told))
        process.start()
        process.join(self.seconds)
        ended = process.exitcode is not None
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.join()
        return (KILLED if process.exitcode else SURVIVED) if ended else TIMED_OUT

    def outcome(self, mutant: Mapping[str, str]) -> str:
        """What becomes of a mutant; it has timed out if it did so twice."""
        path = self.copy / mutant["file"]
        original = path.read_bytes()
        # Python takes two files of one length within one second for the same.
        Path(cache_from_source(str(path))).unlink(missing_ok=True)
        try:
            path.write_text(mutant["code"], encoding="utf-8")
            found = self.run()
            return self.run() if found == TIMED_OUT else found
        finally:
            path.write_bytes(original)


def tried(name: str, *, again: bool = False) -> tuple[int, pd.DataFrame]:
    """How many mutants a subject has, and a row for each that is tried; those tried before are not tried again.

    With ``again`` those are that survived.
    """
    made, subject, path = all_mutants(name), SUBJECTS[name], BUILD / name / "tried.csv"
    chosen = made[:: subject.every]
    known = {}
    if path.exists():
        known = {row.key: row for row in pd.read_csv(path, keep_default_na=False).itertuples()}
    repeated = (SURVIVED,) if again else ()
    left = [one for one in chosen if one["key"] not in known or known[one["key"]].outcome in repeated]
    if left:
        laboratory = Laboratory(BUILD / name, subject.tests)
        for mutant in tqdm(left, desc=name, unit="mutant", smoothing=0.05):
            started = time.perf_counter()
            row = mutant | {"outcome": laboratory.outcome(mutant), "seconds": time.perf_counter() - started}
            frame = pd.DataFrame([row], columns=COLUMNS).round({"seconds": 2})
            frame.to_csv(path, mode="a", index=False, header=not path.exists())
    rows = pd.read_csv(path, keep_default_na=False).drop_duplicates("key", keep="last").set_index("key")
    return len(made), rows.loc[[one["key"] for one in chosen]]


def summary(results: Mapping[str, tuple[int, pd.DataFrame]]) -> pd.DataFrame:
    """A row for each subject: how many mutants it has, how many were tried, and how many of these were noticed."""
    lines = []
    for name, (made, rows) in results.items():
        timed_out, noticed = int((rows["outcome"] == TIMED_OUT).sum()), int((rows["outcome"] != SURVIVED).sum())
        lines.append((name, made, len(rows), noticed, timed_out, round(noticed / len(rows), 3)))
    return pd.DataFrame(lines, columns=["module", "mutants", "tried", "noticed", "timed out", "share"])


def survivors(results: Mapping[str, tuple[int, pd.DataFrame]], stored: pd.DataFrame) -> pd.DataFrame:
    """A row for each mutant that nobody noticed, with what has been written about it before."""
    rows = pd.concat([rows.loc[rows["outcome"] == SURVIVED, PLACE] for _, rows in results.values()])
    told = stored.drop_duplicates(PLACE)
    return rows.merge(told, on=PLACE, how="left").fillna({"why": ""})


def table(lines: pd.DataFrame) -> str:
    """The book's table."""
    shown = lines.assign(share=lines["share"].map("{:.1%}".format))
    return tabulate(shown, "keys", tablefmt="github", showindex=False, colalign=("left", *["right"] * 5)) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the mutants, print what survived, store if asked to; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="MODULE", help=f"of {', '.join(SUBJECTS)}; without, all")
    parser.add_argument("--again", action="store_true", help="try again what survived")
    parser.add_argument("--store", action="store_true", help="store the result; only of a whole run")
    options = parser.parse_args(arguments)
    if options.store and options.names:
        parser.error("only a whole run is stored")
    results = {name: tried(name, again=options.again) for name in options.names or SUBJECTS}
    lines = summary(results)
    stored = pd.read_csv(ALIVE, keep_default_na=False) if ALIVE.exists() else pd.DataFrame(columns=[*PLACE, "why"])
    alive = survivors(results, stored)
    print(*(f"{row.module}, {row.function}: {row.before}  →  {row.after}" for row in alive.itertuples()), sep="\n")
    print(table(lines))
    if options.store:
        write_atomically(ALIVE, alive.to_csv(index=False).encode())
        store(lines, STORED, "make mutants ARGS=--store", {"versions": f"{identity()['versions']}, {MUTMUT}"})
        show_on_page("mutants", table(lines))
    return int((lines["share"] < GOAL).any())
