"""Exercises, the students' edition, and what a reader needs around a lesson: headings, titles, recap, glossary."""

import ast
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

from mnist_lr_helpers.course.execute import NOTEBOOKS as FOLDER
from mnist_lr_helpers.course.execute import find_notebooks, plan, run
from mnist_lr_helpers.course.student import write_edition
from mnist_lr_helpers.exercises.grading import exercises_of

import nbformat
import pytest
from conftest import is_picture

NOTEBOOKS = find_notebooks([])
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@cache
def cells(path: Path) -> list[nbformat.NotebookNode]:
    return nbformat.read(path, as_version=4).cells


def tagged(path: Path, tag: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in cells(path) if tag in cell.metadata.get("tags", [])]


def prose(path: Path) -> str:
    return "\n\n".join(cell.source for cell in cells(path) if cell.cell_type == "markdown")


def printed(cell: nbformat.NotebookNode) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def graded(cell: nbformat.NotebookNode) -> list[str]:
    """The names of the exercises that a cell checks."""
    return re.findall(r"check\(\s*\"([^\"]+)\"", cell.source)


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_edition(tmp_path_factory.mktemp("build") / "student")


# The exercises


@every_notebook
def test_exercises_have_a_stub_and_a_solution(path: Path) -> None:
    stubs, solutions = tagged(path, "exercise"), tagged(path, "solution")
    fewest, most = (1, 2) if path.stem < "01" else (4, 6) if path.stem < "06" else (2, 4)
    assert fewest <= len(stubs) == len(solutions) <= most
    assert [graded(cell) for cell in stubs] == [graded(cell) for cell in solutions]
    assert all(len(graded(cell)) == 1 for cell in stubs)
    assert all(cell.metadata["jupyter"]["source_hidden"] and "hide-input" in cell.metadata.tags for cell in solutions)


def test_exercises_are_many_and_every_registered_one_is_set() -> None:
    asked = [name for path in NOTEBOOKS for cell in tagged(path, "exercise") for name in graded(cell)]
    assert len(asked) == len(set(asked)) >= 50
    assert asked == [name for path in NOTEBOOKS for name in exercises_of(path.stem[:2])]


@every_notebook
def test_as_committed_stubs_are_not_attempted_and_solutions_are_right(path: Path) -> None:
    for cell in tagged(path, "exercise"):
        assert re.fullmatch(r"○ .*not attempted yet.*\n", printed(cell)), printed(cell)
    for cell in tagged(path, "solution"):
        assert "✔" in printed(cell), cell.source
        assert "✘" not in printed(cell), printed(cell)


def functions(source: str) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}


def answered(source: str) -> str:
    """The name of what a cell gives to ``check``."""
    (call,) = (n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Call) and ast.unparse(n.func) == "check")
    return ast.unparse(call.args[1])


def definitions(source: str) -> dict[str, ast.FunctionDef | ast.ClassDef]:
    return {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def pasted(exercise: str, solution: str) -> str | None:
    """The exercise with the solution's function in place of its stub; None if the answer is a value of the run.

    What else the solution defines, a class say, comes with it.
    """
    stub, function = definitions(exercise).get(answered(exercise)), definitions(solution).get(answered(solution))
    if stub is None or function is None:
        return None
    function.name = stub.name
    others = [ast.unparse(node) for name, node in definitions(solution).items() if node is not function]
    return "\n".join([*others, exercise.replace(ast.get_source_segment(exercise, stub), ast.unparse(function))])


@every_notebook
def test_solutions_pasted_into_the_stubs_pass(path: Path, capsys: pytest.CaptureFixture) -> None:
    nodes = [node for cell in cells(path) if cell.cell_type == "code" for node in ast.parse(cell.source).body]
    imports = [ast.unparse(node) for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    known: dict[str, object] = {}
    exec("\n".join(imports), known)
    for node in nodes:
        if isinstance(node, ast.Assign) and ast.unparse(node) == "criterion = nn.CrossEntropyLoss()":
            exec(ast.unparse(node), known)
    for exercise, solution in zip(tagged(path, "exercise"), tagged(path, "solution"), strict=True):
        if source := pasted(exercise.source, solution.source):
            exec(source, known)
            assert capsys.readouterr().out == f"✔ {graded(exercise)[0]}: right\n", source


# The students' edition


def test_the_edition_has_stubs_and_neither_solutions_nor_outputs(edition: list[Path]) -> None:
    assert [path.name for path in edition] == [path.name for path in NOTEBOOKS]
    for path, original in zip(edition, NOTEBOOKS, strict=True):
        assert not tagged(path, "solution")
        assert [cell.source for cell in tagged(path, "exercise")] == [c.source for c in tagged(original, "exercise")]
        assert len(cells(path)) == len(cells(original)) - len(tagged(original, "solution"))
        for cell in cells(path):
            assert cell.cell_type == "markdown" or (cell.outputs == [] and cell.execution_count is None)
        left = {cell.source for cell in cells(path)}
        assert not [cell for cell in tagged(original, "solution") if cell.source in left]
    folder = edition[0].parent
    assert {"README.md", "glossary.md", "set_up.md", "_static"} <= {path.name for path in folder.iterdir()}


@pytest.mark.notebook
@every_notebook
def test_the_edition_runs_on_digits_and_no_exercise_is_attempted(
    path: Path, edition: list[Path], tmp_path: Path
) -> None:
    """Top to bottom on the data that come along, as readers run it whom no network gives MNIST; then as a smoke run.

    Both in one kernel: half of a smoke run's time would go into starting another.
    """
    (given,) = (one for one in edition if one.name == path.name)
    twice = nbformat.read(given, as_version=4)
    again = nbformat.read(given, as_version=4).cells
    (parameters,) = (cell for cell in again if "parameters" in cell.metadata.get("tags", []))
    parameters.metadata.tags = []
    parameters.source = parameters.source.replace('"auto"', '"digits"').replace("QUICK = False", "QUICK = True")
    for number, cell in enumerate([*twice.cells, *again]):
        cell.id = f"cell-{number}"
    twice.cells += again
    nbformat.write(twice, tmp_path / path.name)
    (result,) = run(
        plan(
            [tmp_path / path.name], [("DATASET", "digits")], quick=False, output=tmp_path / "executed", cell_timeout=600
        )
    )
    assert (result.error, result.dataset) == (None, "digits")
    executed = tmp_path / "executed" / path.name
    for cell in tagged(executed, "exercise"):
        assert re.fullmatch(r"○ .*not attempted yet.*\n", printed(cell)), printed(cell)
    shown = [line for cell in cells(executed) if cell.cell_type == "code" for line in printed(cell).splitlines()]
    assert not [line for line in shown if line.startswith("✘ ")]
    assert sum("quick run" in line for line in shown) >= 1


# What a reader needs


@every_notebook
def test_headings_are_in_order(path: Path) -> None:
    levels = [len(marks) for marks in re.findall(r"^(#+) ", re.sub(r"```.*?```", "", prose(path), flags=re.S), re.M)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels)), levels


@every_notebook
def test_every_figure_has_a_title(path: Path) -> None:
    code = [cell for cell in cells(path) if cell.cell_type == "code"]
    titling = [name for cell in code for name, node in functions(cell.source).items() if "title" in ast.unparse(node)]
    for cell in code:
        if any(map(is_picture, cell.outputs)):
            called = {node.id for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)}
            assert "title" in cell.source or called & set(titling), cell.source


@every_notebook
def test_recap_asks_three_to_six_questions_that_fold(path: Path) -> None:
    recap = re.search(r"^## Recap\n(.*?)^## Where to go next", prose(path), re.M | re.S)[1]
    folded = re.findall(r"^<details><summary>(.+?)</summary>\n\n(.+?)\n\n</details>$", recap, re.M | re.S)
    assert 3 <= len(folded) <= 6
    assert recap.count("<details>") == recap.count("</details>") == len(folded)


# The glossary


def terms() -> list[str]:
    return re.findall(r"^## (.+)$", (FOLDER / "glossary.md").read_text(encoding="utf-8"), re.M)


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_the_glossary_has_each_term_once_in_alphabetical_order() -> None:
    order = [anchor(term).replace("-", " ") for term in terms()]
    assert order == sorted(set(order))


@pytest.mark.parametrize("path", [*NOTEBOOKS, FOLDER / "glossary.md"], ids=lambda path: path.stem)
def test_links_into_the_glossary_meet_a_term(path: Path) -> None:
    text = prose(path) if path.suffix == ".ipynb" else path.read_text(encoding="utf-8").replace("](#", "](glossary.md#")
    used = re.findall(r"\]\(glossary\.md#([^)]*)\)", text)
    assert len(used) >= (5 if path.stem == "glossary" else 2)
    assert set(used) <= {anchor(term) for term in terms()}
