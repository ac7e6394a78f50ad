"""The committed notebooks: executed, clean, true, and repeatable."""

import ast
import json
import re
from itertools import pairwise
from pathlib import Path

from mnist_lr_helpers.course.execute import find_notebooks, parameters_of
from mnist_lr_helpers.course.publish import RUN_TIMES
from mnist_lr_helpers.download import DataError, resolve

import nbformat
import pytest
from conftest import in_child, nbval

NOTEBOOKS = find_notebooks([])
ROOMS = ["What we found", "Recap", "Where to go next"]
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


def words(path: Path) -> int:
    """How many words there are, counted as between spaces: signs, links and formulas count, too."""
    return sum(len(cell.source.split()) for cell in read(path).cells if cell.cell_type == "markdown")


def limits(path: Path) -> tuple[int, int]:
    """Most cells and most words: of the first ten minutes, of a lesson of the course, and of what lies beside it."""
    return (25, 900) if path.stem < "01" else (50, 1_800) if path.stem < "06" else (70, 2_500)


def mnist_at_hand() -> bool:
    try:
        return resolve("mnist")[0] == "mnist"
    except DataError:
        return False


def test_all_notebooks_are_there_and_no_number_stands_twice() -> None:
    numbers = [path.stem[:2] for path in NOTEBOOKS]
    assert numbers == sorted(set(numbers))
    assert numbers[:6] == ["00", "01", "02", "03", "04", "05"]


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
def test_three_to_six_conclusions_and_none_is_refuted(path: Path) -> None:
    *_, verdicts = (cell for cell in code_cells(path) if "found.verdicts" in cell.source)
    lines = "".join(output.text for output in verdicts.outputs).splitlines()
    assert 3 <= len(lines) <= 6
    assert all(line.startswith("✔ ") for line in lines), lines
    (table,) = (cell for cell in code_cells(path) if cell.source.splitlines()[-1] == "found")  # with the evidence
    (shown,) = (output.data["text/plain"] for output in table.outputs)
    assert all(any(row.startswith(f"{line} [") for row in shown.splitlines()) for line in lines)
    assert all(line.startswith("✔ ") for line in shown.splitlines()), shown


@every_notebook
def test_rooms_and_tags(path: Path) -> None:
    title, *cells = read(path).cells
    headings = re.findall(r"^## (.+)$", "\n".join(c.source for c in cells if c.cell_type == "markdown"), re.M)
    assert headings[-3:] == ROOMS
    assert title.source.startswith(f"# {path.stem[:2]} · ")
    assert re.search(r"\*Measured running time: \d+ s on \d+ CPU cores; peak memory \d+ MB\.\*", title.source)
    assert re.search(r"^\*Study time: about \d+ minutes\.\*$", title.source, re.M)
    tagged = [tags(cell) for cell in cells]
    assert sum("parameters" in t for t in tagged) == 1
    assert sum("nbval-check-output" in t for t in tagged) >= 3


@every_notebook
def test_a_notebook_is_short(path: Path) -> None:
    most_cells, most_words = limits(path)
    assert len(read(path).cells) <= most_cells
    assert words(path) <= most_words


def test_the_course_is_short() -> None:
    assert sum(map(words, NOTEBOOKS)) <= 32_000


@every_notebook
def test_code_that_is_shown_is_short_and_the_rest_draws_records_or_solves(path: Path) -> None:
    for cell in code_cells(path):
        folded = "hide-input" in tags(cell)
        assert folded == bool(cell.metadata.get("jupyter", {}).get("source_hidden")), cell.source
        lines = [line for line in cell.source.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        assert len(lines) <= (60 if folded else 12), cell.source
        if folded:
            assert "solution" in tags(cell) or re.search(r"\bshow\(|\bfound\b", cell.source), cell.source
        assert all(len(line) <= 88 for line in cell.source.splitlines()) or folded, cell.source


@every_notebook
def test_exercises_stand_where_they_belong(path: Path) -> None:
    cells = code_cells(path)
    assert "exercise" in [tag for cell in cells[:9] for tag in tags(cell)]
    places = [number for number, cell in enumerate(cells) if "exercise" in tags(cell)]
    assert min(after - before for before, after in pairwise([*places, len(cells)])) >= 2  # its solution stands between


@every_notebook
def test_tables_fit_a_page(path: Path) -> None:
    for cell in code_cells(path):
        for output in cell.outputs:
            table = output.get("data", {}).get("text/html", "")
            rows = re.findall(r"<tr.*?</tr>", table, re.S)
            assert len(rows) <= 13, cell.source
            assert all(len(re.findall(r"<t[hd]", row)) <= 7 for row in rows), cell.source
    markdown = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    for table in re.findall(r"(?:^\|.*\|$\n?)+", markdown, re.M):
        assert len(table.splitlines()) <= 14, table
        assert table.splitlines()[0].count("|") <= 7, table


@every_notebook
def test_every_figure_says_what_is_seen(path: Path) -> None:
    for cell in code_cells(path):
        for output in cell.outputs:
            data = output.get("data", {})
            told = re.findall(r'<img[^>]* alt="([^"]*)"', data.get("text/html", ""))
            assert told or not {"image/png", "image/gif"} & {*data}, cell.source
            for alt in told:
                assert len(alt) >= 40, alt
                assert alt not in cell.source.replace(f'alt="{alt}"', ""), f"it repeats a title: {alt}"


@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path.stem < "06"], ids=lambda path: path.stem)
def test_the_core_names_no_source(path: Path) -> None:
    assert not re.search(r"\bS[0-4]\b|Mastering Logistic|the report\b", texts(path))


@every_notebook
def test_parameters_have_comments_and_plain_defaults(path: Path) -> None:
    source = next(cell.source for cell in code_cells(path) if "parameters" in tags(cell))
    knobs = [line for line in source.splitlines() if "=" in line]
    assert len(knobs) <= 6
    assert all("#" in line for line in knobs)
    defaults = parameters_of(path)
    assert {"DATASET", "SEED", "QUICK"} <= set(defaults)
    assert (defaults["DATASET"], defaults["QUICK"]) == ("auto", False)
    assert ast.parse(source)


@every_notebook
def test_exported_as_slides_it_is_more_than_one(path: Path) -> None:
    """Each section begins a slide and each text one below it; code and its results stand with the text before.

    The core's slides are chosen cell by cell; test_paper_and_slides.py looks at them.
    """
    for cell in read(path).cells:
        if path.stem < "06":
            assert cell.metadata["slideshow"]["slide_type"], cell.source
        elif cell.cell_type == "markdown":
            kind = "slide" if re.match("##? ", cell.source) else "subslide"
            assert cell.metadata.get("slideshow") == {"slide_type": kind}, cell.source


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
