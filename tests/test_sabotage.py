"""Every conclusion can fall: what is stored of the mistakes made on purpose, and how they are made."""

import ast
import re
from copy import deepcopy
from functools import cache
from pathlib import Path

from mnist_lr_helpers.course.execute import find_notebooks

import nbformat
import pandas as pd
import pytest
import sabotage
import seeds
from catalogue import SABOTAGES, Sabotage
from nbformat.v4 import new_code_cell, new_notebook, new_output

SEEDS = pd.read_csv(seeds.STORED, keep_default_na=False)
STORED = pd.read_csv(sabotage.STORED, keep_default_na=False)


@pytest.mark.parametrize("path", find_notebooks([]), ids=lambda path: path.stem)
def test_each_conclusion_is_refuted_by_a_mistake(path) -> None:
    shown = sabotage.statements(committed(path))
    assert len(shown) >= 3
    assert path.stem not in sabotage.unrefuted(STORED), sabotage.unrefuted(STORED)[path.stem]


def test_each_mistake_is_stored_and_noticed_wherever_it_is_made() -> None:
    assert len(SABOTAGES) >= 30
    tried = {(row.sabotage, row.notebook[:2]) for row in STORED.itertuples()}
    assert tried == {(one.name, number) for one in SABOTAGES.values() for number in one.notebooks}
    assert sabotage.unnoticed(STORED) == []


@pytest.mark.parametrize("path", find_notebooks([]), ids=lambda path: path.stem)
def test_each_conclusion_says_with_how_many_other_seeds_it_holds_unless_with_all(path) -> None:
    tried = SEEDS[SEEDS["notebook"] == path.stem].set_index("conclusion")["holds"]
    assert list(tried.index) == list(sabotage.statements(committed(path)))
    for conclusion, holds in tried.items():
        told = re.search(r"\(with (\d) of 5 other seeds\)", conclusion)
        assert holds == (int(told[1]) if told else len(seeds.SEEDS)), conclusion


def test_seeds_are_counted(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sabotage, "BUILD", tmp_path)
    monkeypatch.setattr(seeds, "conclusions", lambda: {"00_first_digit": ["Conclusion 0", "Conclusion 1"]})
    marks = ["✔✔", "✔✘", "✘✔", "✔✘"]
    done = seeds.trials(["00"])
    assert {"SEED = 1 ", "SEED = 5 "} <= {trial.sabotage.slips[0][1] for trial in done}
    for trial, shown in zip(done, [*(executed(*one) for one in marks), executed(error="no")], strict=True):
        trial.executed.parent.mkdir(parents=True)
        nbformat.write(shown, trial.executed)
    rows = seeds.count(done)
    assert rows.to_numpy().tolist() == [
        ["00_first_digit", "Conclusion 0", 3, "3 5"],
        ["00_first_digit", "Conclusion 1", 2, "2 4 5"],
    ]
    assert "| 00_first_digit | 2 | 0 | Conclusion 0; Conclusion 1 |" in re.sub(" +", " ", seeds.table(rows))


@cache
def committed(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def recorded(notebook: nbformat.NotebookNode) -> list[str]:
    """What a notebook gives to ``found.record``."""
    trees = [ast.parse(cell.source) for cell in notebook.cells if cell.cell_type == "code"]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [ast.unparse(call) for call in calls if ast.unparse(call.func) == "found.record"]


@pytest.mark.parametrize("trial", sabotage.trials([], []), ids=lambda t: f"{t.sabotage.name}, {t.notebook.stem[:2]}")
def test_each_mistake_can_still_be_made_and_not_in_what_is_concluded(trial) -> None:
    original = committed(trial.notebook)
    broken = sabotage.break_notebook(deepcopy(original), trial.sabotage)
    changed = [cell.source for cell in broken.cells[1:]] != [cell.source for cell in original.cells]
    assert changed == bool(trial.sabotage.slips)
    assert recorded(broken) == recorded(original) != []


def executed(*marks: str, error: str = "") -> nbformat.NotebookNode:
    rows = [f"| {mark} | Conclusion {number} | a [b] of c |" for number, mark in enumerate(marks)]
    table = "\n".join(["| | What we found | Evidence |", "|---|---|---|", *rows])
    outputs = [new_output("display_data", {"text/markdown": table})]
    if error:
        outputs = [new_output("error", ename="ValueError", evalue=error, traceback=[])]
    return new_notebook(cells=[new_code_cell("found = 1\nfound", outputs=outputs)])


@pytest.mark.parametrize(
    ("notebook", "outcomes"),
    [
        (executed("✔", "✘"), [("refuted", "Conclusion 1")]),
        (executed("✘", "✘"), [("refuted", "Conclusion 0"), ("refuted", "Conclusion 1")]),
        (executed("✔", "✔"), [("unnoticed", "")]),
        (executed(error="no"), [("stopped", "ValueError: no")]),
    ],
)
def test_an_outcome_is_what_fell(notebook, outcomes, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sabotage, "BUILD", tmp_path)
    trial = sabotage.Trial(Sabotage("some slip", "Somebody slips.", ("00",)), find_notebooks(["00"])[0])
    trial.executed.parent.mkdir(parents=True)
    nbformat.write(notebook, trial.executed)
    assert [(row["outcome"], row["what"]) for row in sabotage.outcome(trial)] == outcomes


def test_what_was_run_is_run_again_only_if_something_has_changed(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sabotage, "BUILD", tmp_path)
    trial = sabotage.Trial(Sabotage("some slip", "Somebody slips.", ("00",)), find_notebooks(["00"])[0])
    trial.executed.parent.mkdir(parents=True)
    nbformat.write(executed("✔"), trial.broken)
    assert not sabotage.is_done(trial)
    nbformat.write(executed("✘"), trial.executed)
    assert sabotage.is_done(trial)
    changed = executed("✔")
    changed.cells[0].source += "  # changed"
    nbformat.write(changed, trial.broken)
    assert not sabotage.is_done(trial)


def test_a_slip_that_finds_nothing_to_replace_is_an_error() -> None:
    with pytest.raises(ValueError, match="'a slip' replaces 'x = 1'"):
        sabotage.break_notebook(new_notebook(), Sabotage("a slip", "", ("00",), slips=(("x = 1", "x = 2"),)))
