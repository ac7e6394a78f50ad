"""Writes the lessons as the source of assignments for nbgrader and Otter, which mark them with the course's checks."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mnist_lr_helpers.course.execute import NOTEBOOKS, find_notebooks
from mnist_lr_helpers.course.hand_ins import answer_in, check_in
from mnist_lr_helpers.course.marks import read_points
from mnist_lr_helpers.course.student import BESIDE, without_solutions
from mnist_lr_helpers.files import PROJECT, write_atomically

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_raw_cell

NBGRADER_CONFIG = """\
# The settings of nbgrader for this course: run it in this folder.
c = get_config()
c.CourseDirectory.course_id = "logistic_regression"
c.ClearSolutions.code_stub = {"python": ""}  # the cell keeps the stub that stands above the solution
c.ExecutePreprocessor.timeout = 600
"""
OTTER_CONFIG = "# ASSIGNMENT CONFIG\nname: {name}\ninit_cell: false\nexport_cell: false\ncheck_all_cell: false\n"


def write_assignments(kind: str, target: Path | None = None, notebooks: Sequence[Path] = ()) -> list[Path]:
    """Write each lesson as an assignment, ``"nbgrader"``'s or ``"otter"``'s; return the paths of its notebooks."""
    target = target or PROJECT / "build" / kind
    shutil.rmtree(target, ignore_errors=True)
    points, written = read_points(), []
    for path in notebooks or find_notebooks([]):
        folder = target / ("source" if kind == "nbgrader" else "") / path.stem
        written.append(folder / path.name)
        assignment = KINDS[kind](nbformat.read(path, as_version=4), points, path.stem)
        write_atomically(written[-1], nbformat.writes(assignment).encode())
        for page in BESIDE:
            shutil.copy(NOTEBOOKS / page, folder)
    if kind == "nbgrader":
        write_atomically(target / "nbgrader_config.py", NBGRADER_CONFIG.encode())
    return written


def for_nbgrader(notebook: NotebookNode, points: dict[str, float], _: str) -> NotebookNode:
    """Each exercise becomes a cell to answer in, with its solution, and a locked cell that grades it."""
    cells = []
    for cell, number, test in _exercises(notebook, "###"):
        cells.append(cell)
        if test:
            cell.metadata["nbgrader"] = _about(f"answer_{number}", solution=True)
            cells.append(new_code_cell(test))
            cells[-1].metadata["nbgrader"] = _about(f"check_{number}", grade=True, points=points.get(number, 1))
    notebook.cells = cells
    return notebook


def for_otter(notebook: NotebookNode, points: dict[str, float], name: str) -> NotebookNode:
    """Each exercise becomes a question, between raw cells that say what is what."""
    cells = [new_raw_cell(OTTER_CONFIG.format(name=name))]
    for cell, number, test in _exercises(notebook, "#"):
        if not test:
            cells.append(cell)
            continue
        about = f"name: q{number.replace('.', '_')}\npoints: {points.get(number, 1):g}\ncheck_cell: false"
        cells += [new_raw_cell(f"# BEGIN QUESTION\n{about}"), new_raw_cell("# BEGIN SOLUTION"), cell]
        cells += [new_raw_cell("# END SOLUTION"), new_raw_cell("# BEGIN TESTS"), new_code_cell(test)]
        cells += [new_raw_cell("# END TESTS"), new_raw_cell("# END QUESTION")]
    notebook.cells = cells
    return notebook


KINDS: dict[str, Callable[[NotebookNode, dict[str, float], str], NotebookNode]] = {
    "nbgrader": for_nbgrader,
    "otter": for_otter,
}


def _exercises(notebook: NotebookNode, comment: str) -> Iterator[tuple[NotebookNode, str, str]]:
    """Each cell of the students' edition; an exercise with its solution inside, its number, and code that grades it."""
    solutions = [cell.source for cell in notebook.cells if "solution" in cell.metadata.get("tags", [])]
    for cell in without_solutions(notebook).cells:
        if "exercise" not in cell.metadata.get("tags", []):
            yield cell, "", ""
            continue
        call, solution = check_in(cell.source), solutions.pop(0)
        number, name = call.args[0].value.split()[0], ast.unparse(call.args[1])
        stub, check, rest = cell.source.rpartition("check(")
        found = f"{ast.unparse(answer_in(solution))}\n{name} = {ast.unparse(check_in(solution).args[1])}"
        end = " NO PROMPT" if comment == "#" else ""
        cell.source = f"{stub}{comment} BEGIN SOLUTION{end}\n{found}\n{comment} END SOLUTION\n\n{check}{rest}"
        call.func.id = "grade_answer"
        test = "from mnist_lr_helpers.exercises.grading import grade_answer\n\n"
        yield cell, number, f'{test}grade = {ast.unparse(call)}\nassert grade.status == "right", grade.message'


def _about(grade_id: str, *, solution: bool = False, grade: bool = False, **more: float) -> dict[str, object]:
    """What nbgrader wants to know of a cell."""
    known = {"grade_id": grade_id.replace(".", "_"), "solution": solution, "grade": grade, "locked": grade}
    return known | {"schema_version": 3, "task": False} | more
