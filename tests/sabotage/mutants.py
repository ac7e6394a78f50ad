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
from importlib.util import cache_from_source
from itertools import takewhile
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


# Each module or package, and the test files that try it.
SUBJECTS = {
    "models": ("test_models.py",),
    "training": ("test_training.py",),
    "evaluation": ("test_evaluation.py",),
    "features": ("test_features.py",),
    "handwriting": ("test_sheets.py", "test_handwriting.py"),
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
        most: seconds of processor time that the tests may take: five times what they take without a mutant, and five.
    """

    def __init__(self, folder: Path, tests: Sequence[str], project: Path = PROJECT) -> None:
        self.copy, self.tests, self.told = folder / "project", tests, folder / "last_tests.txt"
        unneeded = shutil.ignore_patterns(".*", "build", "__pycache__", "data", "notebooks")
        shutil.copytree(project, self.copy, ignore=unneeded, dirs_exist_ok=True)
        self.processes = get_context("forkserver")
        self.processes.set_forkserver_preload(LIBRARIES)
        self.most = 600
        found = self.run()
        last = self.told.read_text(encoding="utf-8").splitlines()
        if found != SURVIVED:
            raise RuntimeError("the tests fail without a mutant, too: " + "\n".join(last[-9:]))
        self.most = round(5 + 5 * float(last[-1]))

    def run(self) -> str:
        """What the tests find."""
        process = self.processes.Process(target=run_tests, args=(self.copy, self.tests, self.told, self.most))
        process.start()
        process.join(20 * self.most)  # for one that waits for ever, which takes no processor time
        status = process.exitcode
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.join()
        if status in (None, -signal.SIGXCPU):
            return TIMED_OUT
        return KILLED if status else SURVIVED

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


def spread(n: int) -> list[int]:
    """The numbers below n in an order in which the first ones lie evenly among all, however many of them one takes."""
    return sorted(range(n), key=lambda number: [number % 3**power > 0 for power in (6, 5, 4, 3, 2, 1)])


def tried(name: str, most: int, told: pd.DataFrame | None = None) -> tuple[int, pd.DataFrame]:
    """How many mutants a module has, and a row for each of the first ones in their order that have been tried.

    Args:
        name: of the module.
        most: how many are to be tried, unless they have been before.
        told: those that survived, with the column ``why``; if given, any without a reason there is tried again.
    """
    mutants, path = all_mutants(name), BUILD / name / "tried.csv"
    ordered = [mutants[number] for number in spread(len(mutants))]
    known = pd.read_csv(path, keep_default_na=False) if path.exists() else pd.DataFrame(columns=COLUMNS)
    known, again = known.drop_duplicates("key", keep="last"), set()
    if told is not None:
        survived = known[known["outcome"] == SURVIVED].merge(told, on=PLACE, how="left").fillna({"why": ""})
        again = set(survived.loc[survived["why"] == "", "key"])
    left = [one for one in ordered[:most] if one["key"] not in set(known["key"])]
    left += [one for one in ordered if one["key"] in again]
    if left:
        laboratory = Laboratory(BUILD / name, SUBJECTS[name])
        for mutant in tqdm(left, desc=name, unit="mutant", smoothing=0.05):
            started = time.perf_counter()
            row = mutant | {"outcome": laboratory.outcome(mutant), "seconds": time.perf_counter() - started}
            frame = pd.DataFrame([row], columns=COLUMNS).round({"seconds": 2})
            frame.to_csv(path, mode="a", index=False, header=not path.exists())
    rows = pd.read_csv(path, keep_default_na=False).drop_duplicates("key", keep="last").set_index("key")
    return len(mutants), rows.loc[[one["key"] for one in takewhile(lambda one: one["key"] in rows.index, ordered)]]


def summary(results: Mapping[str, tuple[int, pd.DataFrame]]) -> pd.DataFrame:
    """A row for each module: how many mutants it has, how many were tried, and how many of these were noticed."""
    lines = []
    for name, (number, rows) in results.items():
        timed_out, noticed = int((rows["outcome"] == TIMED_OUT).sum()), int((rows["outcome"] != SURVIVED).sum())
        lines.append((name, number, len(rows), noticed, timed_out, round(noticed / len(rows), 3)))
    return pd.DataFrame(lines, columns=["module", "mutants", "tried", "noticed", "timed out", "share"])


def survivors(results: Mapping[str, tuple[int, pd.DataFrame]], told: pd.DataFrame) -> pd.DataFrame:
    """A row for each mutant that nobody noticed, with what has been written about it before."""
    rows = pd.concat([rows.loc[rows["outcome"] == SURVIVED, PLACE] for _, rows in results.values()])
    return rows.merge(told, on=PLACE, how="left").fillna({"why": ""})


def table(lines: pd.DataFrame) -> str:
    """The book's table."""
    shown = lines.assign(share=lines["share"].map("{:.1%}".format))
    return tabulate(shown, "keys", tablefmt="github", showindex=False, colalign=("left", *["right"] * 5)) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the mutants, print what survived, store if asked to; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="MODULE", help=f"of {', '.join(SUBJECTS)}; without, all")
    parser.add_argument("--most", type=int, default=600, metavar="N", help="of a module, spread over all it has")
    parser.add_argument("--again", action="store_true", help="try again what survived, unless it is written why")
    parser.add_argument("--store", action="store_true", help="store the result, beside what is stored of other modules")
    options = parser.parse_args(arguments)
    told = pd.read_csv(ALIVE, keep_default_na=False) if ALIVE.exists() else pd.DataFrame(columns=[*PLACE, "why"])
    told = told.drop_duplicates(PLACE)
    results = {name: tried(name, options.most, told if options.again else None) for name in options.names or SUBJECTS}
    lines, alive = summary(results), survivors(results, told)
    print(*(f"{row.module}, {row.function}: {row.before}  →  {row.after}" for row in alive.itertuples()), sep="\n")
    print(table(lines))
    if options.store:
        others = pd.read_csv(STORED) if STORED.exists() else lines[:0]
        whole = pd.concat([lines, others[~others["module"].isin(list(results))]])
        whole = whole.sort_values("module", key=lambda names: names.map(list(SUBJECTS).index))
        apart = told[~told["module"].str.partition(".")[0].isin(list(results))]
        write_atomically(ALIVE, pd.concat([alive, apart]).to_csv(index=False).encode())
        store(whole, STORED, "make mutants ARGS=--store", {"versions": f"{identity()['versions']}, {MUTMUT}"})
        show_on_page("mutants", table(whole))
    return int((lines["share"] < GOAL).any())
