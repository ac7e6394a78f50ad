"""The course as assignments of nbgrader and Otter: what they hand out, and that their marks are those of `grade`."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from mnist_lr_helpers.course import marks
from mnist_lr_helpers.course.assignments import for_nbgrader, write_assignments
from mnist_lr_helpers.course.command import main
from mnist_lr_helpers.course.execute import find_notebooks

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from side_environment import side_environment

PROBABILITY = "def probability(scores):\n    ...\n\n\ncheck('02.1 probability', probability)"
SOLUTION = "def solved(scores):\n    return 1 / (1 + torch.exp(-scores))\n\n\ncheck('02.1 probability', solved)"
RUB_OUT = "lead_and_pixels = ...\n\n\ncheck('05.3 rub out', lead_and_pixels, votes=four_votes, bias=four_bias)"
TWO = "check('05.3 rub out', (3.5, 2), votes=four_votes, bias=four_bias)"


@pytest.fixture
def lesson(tmp_path: Path) -> Path:
    """A lesson as small as can be."""
    start = "import torch\nfrom mnist_lr_helpers.exercises import check\n"
    start += "four_votes, four_bias = torch.tensor([3.0, 2.0, -1.5, -1.0, 0.5]), 0.5"
    cells = [new_markdown_cell("# 02"), new_code_cell(start)]
    for stub, solution in ((PROBABILITY, SOLUTION), (RUB_OUT, TWO)):
        cells.append(new_code_cell(stub, metadata={"tags": ["exercise"]}))
        cells.append(new_code_cell(solution, metadata={"tags": ["solution"]}))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = tmp_path / "lessons" / "02_build_the_model.ipynb"
    path.parent.mkdir()
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


@pytest.mark.parametrize("path", find_notebooks([]), ids=lambda path: path.stem)
def test_each_exercise_of_a_lesson_has_its_solution_and_a_locked_test(path: Path) -> None:
    notebook = for_nbgrader(nbformat.read(path, as_version=4), {}, path.stem)
    nbformat.validate(notebook)
    about = [cell.metadata["nbgrader"] for cell in notebook.cells if "nbgrader" in cell.metadata]
    answers, tests = about[::2], about[1::2]
    assert all(one["solution"] and not one["locked"] for one in answers)
    assert all(one["grade"] and one["locked"] and one["points"] == 1 for one in tests)
    assert [one["grade_id"][7:] for one in answers] == [one["grade_id"][6:] for one in tests] != []
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            assert cell.source.count("### BEGIN SOLUTION") == cell.source.count("### END SOLUTION") == 1
            compile(cell.source, path.stem, "exec")


@pytest.fixture(scope="module")
def graders() -> Path:
    """The folder of programs of an environment with nbgrader and Otter, which sees what this one has."""
    try:
        return side_environment("graders", "nbgrader", "otter-grader")
    except RuntimeError as error:
        pytest.skip(str(error))


@pytest.fixture
def run(graders: Path, tmp_path: Path) -> Callable[..., str]:
    """Runs one of these programs in a folder, and returns what it prints."""
    environment = os.environ | {"JUPYTER_DATA_DIR": str(tmp_path / "jupyter"), "HOME": str(tmp_path)}
    environment["PATH"] = os.pathsep.join([str(graders), os.environ["PATH"]])  # nbgrader calls alembic
    environment["JUPYTER_PATH"] = str(Path(sys.prefix) / "share" / "jupyter")  # the templates of nbconvert
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)

    def run_there(folder: Path, program: str, *arguments: object) -> str:
        command = [graders / program, *map(str, arguments)]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run_there


ANSWERS = {"ada": {"...\n": "return scores.exp() / (1 + scores.exp())\n"}, "ben": {"= ...": "= (3.5, 2)"}}
POINTS = {"ada": 1.0, "ben": 1.0}


def hand_in(released: Path, student: str, target: Path) -> Path:
    """Answer the exercises of a notebook as this student does."""
    notebook = nbformat.read(released, as_version=4)
    for cell in notebook.cells:
        for old, new in ANSWERS[student].items():
            if "check('" in cell.source:
                cell.source = cell.source.replace(old, new)
    target.parent.mkdir(parents=True)
    nbformat.write(notebook, target)
    return target


def points_by_grade(folder: Path, lesson: Path, output: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    monkeypatch.setattr(marks, "find_notebooks", lambda _: [lesson])
    assert main(["grade", str(folder), "--output", str(output)]) == 0
    found = dict.fromkeys(ANSWERS, 0.0)
    for row in csv.DictReader((output / "marks.csv").read_text(encoding="utf-8").splitlines()):
        found[row["student"]] += float(row["points"])
    return found


@pytest.mark.slow
def test_nbgrader_assigns_and_gives_the_marks_of_grade(
    lesson: Path, run: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course, name = tmp_path / "course", lesson.stem
    write_assignments("nbgrader", course, [lesson])
    run(course, "nbgrader", "generate_assignment", name)
    released = course / "release" / name / f"{name}.ipynb"
    shown = "\n".join(cell.source for cell in nbformat.read(released, as_version=4).cells)
    assert "torch.exp" not in shown
    assert "def probability(scores):\n    ..." in shown
    for student in ANSWERS:
        hand_in(released, student, course / "submitted" / student / name / f"{name}.ipynb")
    run(course, "nbgrader", "autograde", name)
    run(course, "nbgrader", "generate_feedback", name)
    run(course, "nbgrader", "export", "--to", "grades.csv")
    rows = csv.DictReader((course / "grades.csv").read_text(encoding="utf-8").splitlines())
    assert {row["student_id"]: float(row["score"]) for row in rows} == POINTS
    page = (course / "feedback" / "ben" / name / f"{name}.html").read_text(encoding="utf-8")
    assert "not attempted yet" in page
    assert points_by_grade(course / "submitted", lesson, tmp_path / "marks", monkeypatch) == POINTS


@pytest.mark.slow
def test_otter_assigns_and_gives_the_marks_of_grade(lesson: Path, run: Callable[..., str], tmp_path: Path) -> None:
    (source,) = write_assignments("otter", tmp_path / "course", [lesson])
    run(source.parent, "otter", "assign", source.name, "out")
    released = source.parent / "out" / "student" / source.name
    shown = "\n".join(cell.source for cell in nbformat.read(released, as_version=4).cells)
    assert "torch.exp" not in shown
    assert "def probability(scores):\n    ..." in shown
    (archive,) = (source.parent / "out" / "autograder").glob("*.zip")
    for student, points in POINTS.items():
        given = hand_in(released, student, tmp_path / "submitted" / student / source.name)
        run(given.parent, "otter", "run", given.name, "-a", archive)
        results = json.loads((given.parent / "results.json").read_text(encoding="utf-8"))
        assert sum(test.get("score", 0) for test in results["tests"]) == points
