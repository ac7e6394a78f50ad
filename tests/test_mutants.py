"""The unit tests notice small changes of the helpers: what is stored of these, and how they are made and tried."""

import ast
import sys
from itertools import pairwise
from pathlib import Path

from mnist_lr_helpers.course.publish import PAGE
from mnist_lr_helpers.files import PROJECT

import mutants
import pandas as pd
import pytest

STORED = pd.read_csv(mutants.STORED)
ALIVE = pd.read_csv(mutants.ALIVE, keep_default_na=False)


def test_most_mutants_of_every_module_are_noticed() -> None:
    assert list(STORED["module"]) == list(mutants.SUBJECTS)
    assert (STORED["share"] >= mutants.GOAL).all()
    assert (STORED["tried"] >= STORED["mutants"].clip(upper=600)).all()
    assert (STORED["share"] - STORED["noticed"] / STORED["tried"]).abs().max() < 0.001
    assert STORED["noticed"].sum() + len(ALIVE) == STORED["tried"].sum()


def test_of_each_that_nobody_noticed_it_is_said_why() -> None:
    assert ALIVE[ALIVE["why"].str.strip() == ""].to_dict("records") == []


@pytest.mark.parametrize("module", sorted(set(ALIVE["module"])))
def test_the_functions_of_those_that_nobody_noticed_still_exist(module: str) -> None:
    path = PROJECT.joinpath("mnist_lr_helpers", *module.split(".")).with_suffix(".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    known = {"", *(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef))}
    named = ALIVE.loc[ALIVE["module"] == module, "function"]
    assert {part for name in named for part in name.split(".")} <= known


def test_the_book_shows_what_is_stored() -> None:
    assert mutants.table(STORED) in PAGE.read_text(encoding="utf-8")


def rows(*outcomes: str) -> pd.DataFrame:
    place = dict(zip(mutants.PLACE, ("tiny", "half", "n / 2", "n * 2"), strict=True))
    return pd.DataFrame([place | {"outcome": one, "seconds": 0.5} for one in outcomes])


def test_mutants_are_counted_and_what_was_written_about_them_is_kept() -> None:
    results = {"tiny": (9, rows("killed", "survived", "timed out"))}
    assert mutants.summary(results).to_numpy().tolist() == [["tiny", 9, 3, 2, 1, 0.667]]
    written = rows("survived")[mutants.PLACE].assign(why="only speed")
    assert mutants.survivors(results, written).to_numpy().tolist() == [["tiny", "half", "n / 2", "n * 2", "only speed"]]
    assert list(mutants.survivors(results, written[:0])["why"]) == [""]
    assert "66.7%" in mutants.table(mutants.summary(results))


@pytest.mark.parametrize("n", [0, 1, 169, 1_817])
def test_those_that_are_tried_lie_evenly_among_all(n: int) -> None:
    order = mutants.spread(n)
    assert sorted(order) == list(range(n))
    for taken in (n // 9, n // 3):
        gaps = [b - a for a, b in pairwise(sorted(order[:taken]))]
        assert max(gaps, default=0) <= 9 * n / max(taken, 1)


TINY = """
from functools import cache

@cache
def half(n):
    return n / 2

def count(n):
    i = 0
    while i < n:
        i += 1
    return i

def count_down(n):
    while n > 0:
        n -= 1
    return n

def untested():
    return 1
"""
TESTS = """
import subprocess
import sys

from mnist_lr_helpers.tiny import count_down, half

def test_half():
    assert half(6) == 3

def test_count_down():
    assert count_down(3) == 0

def test_count_in_another_process():
    code = "from mnist_lr_helpers.tiny import count; assert count(3) == 3"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="processes do not split off there")
def test_a_mutant_that_a_test_notices_and_one_that_it_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    files = {"mnist_lr_helpers/__init__.py": "", "mnist_lr_helpers/tiny.py": TINY, "tests/test_tiny.py": TESTS}
    for name, text in files.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(mutants, "BUILD", tmp_path / "build")
    try:
        made = {(one["function"], one["before"], one["after"]): one for one in mutants.all_mutants("tiny", project)}
    except RuntimeError as error:
        pytest.skip(str(error))
    assert {function for function, *_ in made} == {"half", "count", "count_down", "untested"}
    monkeypatch.setattr(mutants, "LIBRARIES", ["pytest"])
    laboratory = mutants.Laboratory(tmp_path / "build", ["test_tiny.py"], project)
    laboratory.most = 4
    expected = {
        ("half", "return n / 2", "return n * 2"): mutants.KILLED,
        ("count", "while i < n:", "while i <= n:"): mutants.KILLED,  # seen by the test in another process alone
        ("count_down", "n -= 1", "n += 1"): mutants.TIMED_OUT,
        ("untested", "return 1", "return 2"): mutants.SURVIVED,
    }
    assert {change: laboratory.outcome(made[change]) for change in expected} == expected
    assert made["half", "return n / 2", "return n * 2"]["code"] == TINY.replace("n / 2", "n * 2")
    assert laboratory.copy.joinpath("mnist_lr_helpers/tiny.py").read_text(encoding="utf-8") == TINY


def test_a_copy_whose_tests_fail_without_a_mutant_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutants.Laboratory, "run", lambda laboratory: mutants.KILLED)
    (tmp_path / "project").mkdir()
    (tmp_path / "last_tests.txt").write_text("1 failed", encoding="utf-8")
    with pytest.raises(RuntimeError, match="without a mutant, too: 1 failed"):
        mutants.Laboratory(tmp_path, [], tmp_path / "project")
