"""Writes the students' edition: the notebooks without solutions and outputs, and what they need beside them.

Also as the source of assignments for nbgrader, which takes the solutions out itself and puts marks in.
"""

from __future__ import annotations

import ast
import shutil
from collections.abc import Sequence
from pathlib import Path

from mnist_lr_helpers.course.execute import NOTEBOOKS, find_notebooks
from mnist_lr_helpers.course.hand_ins import answer_in, check_in
from mnist_lr_helpers.course.marks import read_points
from mnist_lr_helpers.files import PROJECT, write_atomically

import nbformat

NBGRADER_CONFIG = """\
# The settings of `nbgrader` for this course: run it in this folder.
c = get_config()
c.CourseDirectory.course_id = "logistic_regression"
c.ClearSolutions.code_stub = {"python": ""}  # the cell keeps the stub that stands above the solution
c.ExecutePreprocessor.timeout = 600
"""


def write_edition(target: Path = PROJECT / "build" / "student", notebooks: Sequence[Path] = ()) -> list[Path]:
    """Write the edition anew and return the paths of its notebooks."""
    shutil.rmtree(target, ignore_errors=True)
    written = []
    for path in notebooks or find_notebooks([]):
        written.append(target / path.name)
        edition = without_solutions(nbformat.read(path, as_version=4))
        write_atomically(written[-1], nbformat.writes(edition).encode())
    shutil.copytree(NOTEBOOKS / "_static", target / "_static")
    shutil.copy(NOTEBOOKS / "glossary.md", target)
    shutil.copy(Path(__file__).with_name("student.md"), target / "README.md")
    return written


def without_solutions(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with its solution cells, all outputs and all execution counts taken out."""
    notebook.cells = [cell for cell in notebook.cells if "solution" not in cell.metadata.get("tags", [])]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def write_nbgrader(target: Path = PROJECT / "build" / "nbgrader", notebooks: Sequence[Path] = ()) -> list[Path]:
    """Write each lesson as the source of an nbgrader assignment, and return the paths of its notebooks."""
    shutil.rmtree(target, ignore_errors=True)
    write_atomically(target / "nbgrader_config.py", NBGRADER_CONFIG.encode())
    points, written = read_points(), []
    for path in notebooks or find_notebooks([]):
        folder = target / "source" / path.stem
        written.append(folder / path.name)
        assignment = for_nbgrader(nbformat.read(path, as_version=4), points)
        write_atomically(written[-1], nbformat.writes(assignment).encode())
        shutil.copy(NOTEBOOKS / "glossary.md", folder)
    return written


def for_nbgrader(notebook: nbformat.NotebookNode, points: dict[str, float]) -> nbformat.NotebookNode:
    """The notebook with each exercise as a cell to answer in, with its solution, and a locked cell that grades it."""
    solutions = [cell.source for cell in notebook.cells if "solution" in cell.metadata.get("tags", [])]
    cells = []
    for cell in without_solutions(notebook).cells:
        cells.append(cell)
        if "exercise" not in cell.metadata.get("tags", []):
            continue
        call, solution = check_in(cell.source), solutions.pop(0)
        number, name = call.args[0].value.split()[0], ast.unparse(call.args[1])
        stub, check, rest = cell.source.rpartition("check(")
        found = f"{ast.unparse(answer_in(solution))}\n{name} = {ast.unparse(check_in(solution).args[1])}"
        cell.source = f"{stub}### BEGIN SOLUTION\n{found}\n### END SOLUTION\n\n{check}{rest}"
        cell.metadata["nbgrader"] = _about(f"answer_{number}", solution=True)
        call.func.id = "grade_answer"
        graded = "from mnist_lr_helpers.exercises.grading import grade_answer\n\n"
        graded += f'grade = {ast.unparse(call)}\nassert grade.status == "right", grade.message'
        test = nbformat.v4.new_code_cell(graded)
        test.metadata["nbgrader"] = _about(f"check_{number}", grade=True, points=points.get(number, 1))
        cells.append(test)
    notebook.cells = cells
    return notebook


def _about(grade_id: str, *, solution: bool = False, grade: bool = False, **more: float) -> dict[str, object]:
    """What nbgrader wants to know of a cell."""
    known = {"grade_id": grade_id.replace(".", "_"), "solution": solution, "grade": grade, "locked": grade}
    return known | {"schema_version": 3, "task": False} | more
