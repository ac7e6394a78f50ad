"""``make sabotage``: runs notebooks on MNIST with one mistake made on purpose, and looks which conclusions fall.

Each mistake is made in a copy under build/sabotage: the notebooks know nothing of it. What has been run is not run
again unless the notebook, the mistake or the helpers have changed since, so an interrupted run goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mnist_lr_helpers.course.execute import NOTEBOOKS, Job, default_workers, find_notebooks, prepare_data, run
from mnist_lr_helpers.course.publish import show_on_page
from mnist_lr_helpers.files import PROJECT, write_atomically
from mnist_lr_helpers.reproduction.engine import identity

import matrix
import mistakes_beyond
import mistakes_core
import mistakes_deeper
import nbformat
import pandas as pd
from catalogue import SABOTAGES, Sabotage

HERE = Path(__file__).resolve().parent
BUILD = PROJECT / "build" / "sabotage"
STORED = PROJECT / "data" / "results" / "sabotage.csv"
PICTURE = NOTEBOOKS / "_static" / "sabotage.png"
MODULES = (mistakes_core, mistakes_deeper, mistakes_beyond)  # imported, they enter their mistakes
REFUTED, STOPPED, UNNOTICED = "refuted", "stopped", "unnoticed"


@dataclass(frozen=True)
class Trial:
    """One mistake made in one notebook."""

    sabotage: Sabotage
    notebook: Path

    @property
    def broken(self) -> Path:
        """The copy with the mistake in it."""
        return BUILD / self.sabotage.name.replace(" ", "_") / self.notebook.name

    @property
    def executed(self) -> Path:
        """The broken copy with its outputs."""
        return self.broken.parent / "executed" / self.notebook.name


def statements(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """The conclusions that an executed notebook shows, each with its mark: ✔ or ✘."""
    shown = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source.strip().endswith("found"):
            table = "".join(output.get("data", {}).get("text/markdown", "") for output in cell.outputs)
            for row in table.splitlines()[2:]:
                mark, statement, _ = row.removeprefix("| ").split(" | ", 2)
                shown[statement] = mark
    return shown


def break_notebook(notebook: nbformat.NotebookNode, one: Sabotage) -> nbformat.NotebookNode:
    """Make the mistake in a notebook, in place; returns it.

    Raises:
        ValueError: what the mistake replaces does not stand there.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for old, new in one.slips:
        places = [cell for cell in code if old in cell.source]
        if not places:
            raise ValueError(f"{one.name!r} replaces {old!r}, which its notebook does not have")
        for cell in places:
            cell.source = cell.source.replace(old, new)
    for cell in code:
        cell.outputs, cell.execution_count = [], None
    lines = [f"# Broken on purpose: {one.mistake}", f"# {_state(one)}"]
    if one.patch:
        module = inspect.getmodule(one.patch).__name__
        lines += ["import sys", "", f"sys.path.insert(0, {str(HERE)!r})", f"import {module}", ""]
        lines += [f"{module}.{one.patch.__name__}()"]
    notebook.cells.insert(0, nbformat.v4.new_code_cell("\n".join(lines)))
    return notebook


def _state(one: Sabotage) -> str:
    """A checksum of all that decides a trial beside the notebook: the helpers, and the mistake."""
    digest = hashlib.sha256(inspect.getsource(one.patch).encode() if one.patch else b"")
    for path in sorted((PROJECT / "mnist_lr_helpers").glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def is_done(trial: Trial) -> bool:
    """Whether this very copy has been executed to its end, or to its stop."""
    if not trial.executed.exists():
        return False
    broken, executed = (nbformat.read(path, as_version=4) for path in (trial.broken, trial.executed))
    made, ran = ([c.source for c in one.cells if c.cell_type == "code"] for one in (broken, executed))
    return made == ran and (bool(statements(executed)) or error_of(executed) is not None)


def error_of(notebook: nbformat.NotebookNode) -> str | None:
    """The error at which an executed notebook stopped."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    errors = [output for output in outputs if output.output_type == "error"]
    return f"{errors[0].ename}: {errors[0].evalue}".splitlines()[0] if errors else None


def outcome(trial: Trial) -> list[dict[str, str]]:
    """A row for each conclusion that this trial refuted; one row if it stopped, or went unnoticed."""
    executed = nbformat.read(trial.executed, as_version=4)
    row = {"sabotage": trial.sabotage.name, "notebook": trial.notebook.stem}
    if error := error_of(executed):
        return [row | {"outcome": STOPPED, "what": re.sub(r"/\S+/", "", error)[:200]}]
    refuted = [statement for statement, mark in statements(executed).items() if mark == "✘"]
    return [row | {"outcome": REFUTED, "what": one} for one in refuted] or [row | {"outcome": UNNOTICED, "what": ""}]


def trials(names: Sequence[str], notebooks: Sequence[str]) -> list[Trial]:
    """Every mistake, or those of these names, in each notebook that it can reach, or in these."""
    chosen = {path.stem[:2]: path for path in find_notebooks(notebooks)}
    some = [SABOTAGES[name.replace("_", " ")] for name in names] or list(SABOTAGES.values())
    some.sort(key=lambda one: one.notebooks)
    return [Trial(one, chosen[number]) for one in some for number in one.notebooks if number in chosen]


def execute_all(todo: Sequence[Trial], workers: int) -> None:
    """Run all trials that have not been run as they stand."""
    for trial in todo:
        broken = break_notebook(nbformat.read(trial.notebook, as_version=4), trial.sabotage)
        for number, cell in enumerate(broken.cells):
            cell.id = f"cell-{number}"  # the same whenever it is made
        write_atomically(trial.broken, nbformat.writes(broken).encode())
    left = [trial for trial in todo if not is_done(trial)]
    print(f"{len(todo)} trials, {len(todo) - len(left)} of them done before")
    jobs = [Job(f"{t.sabotage.name}, {t.notebook.stem[:2]}", t.broken, t.executed, {}, 900) for t in left]
    run(jobs, workers=workers)


def conclusions() -> dict[str, list[str]]:
    """What each committed notebook concludes, by its name."""
    return {path.stem: list(statements(nbformat.read(path, as_version=4))) for path in find_notebooks([])}


def unrefuted(rows: pd.DataFrame) -> dict[str, list[str]]:
    """The conclusions that no mistake refutes, by notebook."""
    fallen = set(rows.loc[rows["outcome"] == REFUTED, "what"])
    left = {name: [one for one in some if one not in fallen] for name, some in conclusions().items()}
    return {name: some for name, some in left.items() if some}


def unnoticed(rows: pd.DataFrame) -> list[str]:
    """The mistakes that no notebook notices, neither by a conclusion nor by an error."""
    noticed = set(rows.loc[rows["outcome"] != UNNOTICED, "sabotage"])
    return [name for name in dict.fromkeys(rows["sabotage"]) if name not in noticed]


def store(rows: pd.DataFrame, path: Path, command: str, about: Mapping[str, object]) -> None:
    """Write a table, and beside it the command, the date, the versions and the data that made it."""
    write_atomically(path, rows.to_csv(index=False).encode())
    record = {"command": command, "date": f"{datetime.now(UTC):%Y-%m-%d}", **about}
    write_atomically(path.with_suffix(".json"), (json.dumps(record, indent=2) + "\n").encode())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print what is left standing, store if asked to; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make sabotage", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="MISTAKE", help="a mistake's name, with _ for spaces; without, all")
    parser.add_argument("--notebooks", nargs="*", default=[], metavar="NN", help="only in these")
    parser.add_argument("--jobs", type=int, default=default_workers(), metavar="N", help="notebooks at a time")
    parser.add_argument("--store", action="store_true", help="store the result; only of a whole run")
    options = parser.parse_args(arguments)
    whole = not options.names and not options.notebooks
    if options.store and not whole:
        parser.error("only a whole run is stored")
    prepare_data("mnist")
    about = identity()
    started = time.perf_counter()
    todo = trials(options.names, options.notebooks)
    execute_all(todo, options.jobs)
    rows = pd.DataFrame([row for trial in todo for row in outcome(trial)])
    for row in rows.itertuples():
        print(f"{row.outcome:10} {row.notebook[:2]}  {row.sabotage}: {row.what}")
    print(f"{time.perf_counter() - started:.0f} s")
    if not whole:
        return 0
    for name, left in unrefuted(rows).items():
        print(f"{name}: nothing refutes", *left, sep="\n  ")
    print("Nothing notices:", ", ".join(unnoticed(rows)) or "none")
    if options.store:
        store(rows, STORED, "make sabotage ARGS=--store", about)
        matrix.draw(rows, conclusions(), PICTURE)
        show_on_page("sabotage", matrix.table(rows))
    return int(bool(unrefuted(rows) or unnoticed(rows)))
