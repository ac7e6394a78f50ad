"""``make seeds``: runs every notebook on MNIST with five other seeds, and counts how often each conclusion holds.

A conclusion that falls with one of them says so in its own words, or it goes: a test holds the notebooks against what
is stored. Runs are kept under build/sabotage, and resumed, as those of ``make sabotage`` are.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from mnist_lr_helpers.course.execute import default_workers, find_notebooks, prepare_data
from mnist_lr_helpers.course.publish import show_on_page
from mnist_lr_helpers.files import PROJECT
from mnist_lr_helpers.reproduction.engine import identity

import nbformat
import pandas as pd
from catalogue import Sabotage
from sabotage import Trial, conclusions, execute_all, statements, store
from tabulate import tabulate

STORED = PROJECT / "data" / "results" / "seeds.csv"
SEEDS = (1, 2, 3, 4, 5)


def with_seed(seed: int) -> Sabotage:
    """Another seed, as a slip in the cell of the parameters."""
    return Sabotage(f"seed {seed}", "nothing, but its seed is another.", (), slips=(("SEED = 0 ", f"SEED = {seed} "),))


def trials(notebooks: Sequence[str]) -> list[Trial]:
    """All notebooks, or those of these numbers, with each of the other seeds."""
    return [Trial(with_seed(seed), path) for path in find_notebooks(notebooks) for seed in SEEDS]


def count(done: Sequence[Trial]) -> pd.DataFrame:
    """For each committed conclusion with how many of the other seeds it holds, and with which it does not.

    A notebook that stops with an error counts for all its conclusions as one in which they fall.
    """
    marks = {(t.notebook.stem, t.sabotage.name): statements(nbformat.read(t.executed, as_version=4)) for t in done}
    rows = []
    for notebook, conclusion in ((name, one) for name, some in conclusions().items() for one in some):
        held = {seed: shown.get(conclusion) == "✔" for (name, seed), shown in marks.items() if name == notebook}
        fell = [seed.removeprefix("seed ") for seed, holds in held.items() if not holds]
        if held:
            rows.append((notebook, conclusion, sum(held.values()), " ".join(fell)))
    return pd.DataFrame(rows, columns=["notebook", "conclusion", "holds", "falls with seed"])


def table(rows: pd.DataFrame) -> str:
    """The book's table: how many conclusions of each notebook hold with all other seeds, and which do not."""
    lines = []
    for notebook, some in rows.groupby("notebook"):
        fallen = some.loc[some["holds"] < len(SEEDS), "conclusion"].tolist()
        lines.append((notebook, len(some), len(some) - len(fallen), "; ".join(fallen)))
    lines.append(("all", len(rows), int((rows["holds"] == len(SEEDS)).sum()), ""))
    return tabulate(lines, ("notebook", "conclusions", "hold with all five", "the others"), tablefmt="github") + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print what falls, store if asked to; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make seeds", description=__doc__)
    parser.add_argument("notebooks", nargs="*", metavar="NN", help="only these; without, all")
    parser.add_argument("--jobs", type=int, default=default_workers(), metavar="N", help="notebooks at a time")
    parser.add_argument("--store", action="store_true", help="store the result; only of a whole run")
    options = parser.parse_args(arguments)
    if options.store and options.notebooks:
        parser.error("only a whole run is stored")
    prepare_data("mnist")
    about, started = identity(), time.perf_counter()
    todo = trials(options.notebooks)
    execute_all(todo, options.jobs)
    rows = count(todo)
    for row in rows[rows["holds"] < len(SEEDS)].itertuples(index=False):
        print(f"{row.notebook}: holds with {row.holds} of {len(SEEDS)}: {row.conclusion}")
    print(f"{time.perf_counter() - started:.0f} s")
    if options.store:
        store(rows, STORED, "make seeds ARGS=--store", about)
        show_on_page("seeds", table(rows))
    return 0
