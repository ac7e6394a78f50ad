"""The committed notebooks: executed, clean, true, and repeatable."""

import ast
import json
import re
from pathlib import Path

from mnist_lr_helpers.course.execute import find_notebooks, parameters_of
from mnist_lr_helpers.course.publish import RUN_TIMES
from mnist_lr_helpers.data import DataError, resolve

import nbformat
import pytest
from conftest import in_child, nbval

NOTEBOOKS = find_notebooks([])
ROOMS = ["What we found", "Exercises", "Recap", "Where to go next"]
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in read(path).cells if cell.cell_type == "code" and cell.source.strip()]


def tags(cell: nbformat.NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def texts(path: Path) -> str:
    """Everything in a notebook but its pictures."""
    notebook = read(path)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            for mime in list(output.get("data", {})):
                if mime.startswith(("image/", "video/")):
                    del output["data"][mime]
    return nbformat.writes(notebook)


def mnist_at_hand() -> bool:
    try:
        return resolve("mnist")[0] == "mnist"
    except DataError:
        return False


def test_all_notebooks_are_there_and_no_number_stands_twice() -> None:
    assert [int(path.stem[:2]) for path in NOTEBOOKS] == list(range(1, len(NOTEBOOKS) + 1))


@every_notebook
def test_executed_top_to_bottom_with_outputs(path: Path) -> None:
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert sum(bool(cell.outputs) for cell in cells) >= len(cells) / 2
    assert not [o for cell in cells for o in cell.outputs if o.output_type == "error" or o.get("name") == "stderr"]


@every_notebook
def test_no_notebook_is_too_large_to_read_over_a_slow_line(path: Path) -> None:
    assert path.stat().st_size <= 1_500_000


@every_notebook
def test_no_conclusion_is_refuted(path: Path) -> None:
    *_, verdicts = (cell for cell in code_cells(path) if "found.verdicts" in cell.source)
    lines = "".join(output.text for output in verdicts.outputs).splitlines()
    assert len(lines) >= 5
    assert all(line.startswith("✔ ") for line in lines), lines
    (table,) = (cell for cell in code_cells(path) if cell.source.splitlines()[-1] == "found")  # with the timings
    (shown,) = (output.data["text/plain"] for output in table.outputs)
    assert all(any(row.startswith(f"{line} [") for row in shown.splitlines()) for line in lines)
    assert all(line.startswith("✔ ") for line in shown.splitlines()), shown


@every_notebook
def test_rooms_tags_and_cell_lengths(path: Path) -> None:
    notebook = read(path)
    headings = re.findall(r"^## (.+)$", "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown"), re.M)
    assert headings[-4:] == ROOMS
    assert notebook.cells[0].source.startswith(f"# {path.stem[:2]} · ")
    assert re.search(
        r"\*Measured running time: \d+ s on \d+ CPU cores; peak memory \d+ MB\.\*", notebook.cells[0].source
    )
    tagged = [tags(cell) for cell in notebook.cells]
    assert sum("parameters" in t for t in tagged) == 1
    assert sum("nbval-check-output" in t for t in tagged) >= 3
    exercises, solutions = (sum(tag in t for t in tagged) for tag in ("exercise", "solution"))
    assert exercises == solutions >= 2
    for cell in code_cells(path):
        lines = [line for line in cell.source.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        assert len(lines) <= 15, cell.source


@every_notebook
def test_parameters_have_comments_and_plain_defaults(path: Path) -> None:
    source = next(cell.source for cell in code_cells(path) if "parameters" in tags(cell))
    assert all("#" in line for line in source.splitlines() if "=" in line)
    defaults = parameters_of(path)
    assert {"DATASET", "SEED", "QUICK"} <= set(defaults)
    assert (defaults["DATASET"], defaults["QUICK"]) == ("auto", False)
    assert ast.parse(source)


@every_notebook
def test_links_between_notebooks_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+\.(?:ipynb|md))", texts(path)):
        assert (path.parent / target).exists(), target


@every_notebook
def test_stored_times_are_those_in_the_title(path: Path) -> None:
    stored = json.loads(RUN_TIMES.read_text(encoding="utf-8"))[path.stem]
    assert f"{stored['seconds']} s on" in read(path).cells[0].source
    assert stored["peak_memory_mb"] <= 2000


@pytest.mark.notebook
@pytest.mark.parametrize("path", NOTEBOOKS[::-1], ids=lambda path: path.stem)
def test_nbval_repeats_the_committed_outputs(path: Path) -> None:
    """The full notebook on MNIST; the tagged cells must print what they printed when committed.

    They were committed after a run one by one and in order; here they run backwards, and two at a time.
    """
    if not mnist_at_hand():
        pytest.skip("MNIST cannot be had here: the students' edition is executed on the small digits")
    peak = in_child(nbval, str(path))
    assert 200 <= peak <= 2000, "torch alone needs more than 200 MB"
