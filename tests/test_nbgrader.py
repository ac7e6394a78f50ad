"""The course as assignments of nbgrader: what it hands out, what it marks, and that its marks are those of `grade`."""

import csv
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from mnist_lr_helpers.course import marks
from mnist_lr_helpers.course.command import main
from mnist_lr_helpers.course.execute import find_notebooks
from mnist_lr_helpers.course.student import for_nbgrader, write_nbgrader
from mnist_lr_helpers.files import PROJECT

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

PROBABILITY = "def probability(scores):\n    ...\n\n\ncheck('02.1 probability', probability)"
SOLUTION = "def solved(scores):\n    return 1 / (1 + torch.exp(-scores))\n\n\ncheck('02.1 probability', solved)"
RUB_OUT = "pixels_rubbed_out = ...\n\n\ncheck('05.4 rub out', pixels_rubbed_out, votes=four_votes, bias=four_bias)"
TWO = "check('05.4 rub out', 2, votes=four_votes, bias=four_bias)"


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
    notebook = for_nbgrader(nbformat.read(path, as_version=4), {})
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
def nbgrader() -> Path:
    """nbgrader in an environment of its own, which sees what this one has."""
    folder = PROJECT / "build" / "nbgrader_environment"
    program = folder / ("Scripts" if sys.platform == "win32" else "bin") / "nbgrader"
    if not program.exists():
        venv.create(folder, with_pip=True, clear=True)
        packages = sysconfig.get_path("purelib", vars={"base": str(folder)})
        (Path(packages) / "course.pth").write_text("\n".join(path for path in sys.path if path), encoding="utf-8")
        install = [program.parent / "python", "-m", "pip", "install", "--quiet", "nbgrader"]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"nbgrader cannot be installed here: {done.stderr[-300:]}")
    return program


@pytest.mark.slow
def test_assign_autograde_and_feedback_give_the_marks_of_grade(
    lesson: Path, nbgrader: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course, name = tmp_path / "course", lesson.stem
    write_nbgrader(course, [lesson])
    environment = os.environ | {"JUPYTER_DATA_DIR": str(tmp_path / "jupyter"), "HOME": str(tmp_path)}
    environment["PATH"] = os.pathsep.join([str(nbgrader.parent), os.environ["PATH"]])  # it calls alembic
    environment["JUPYTER_PATH"] = str(Path(sys.prefix) / "share" / "jupyter")  # the templates of nbconvert

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [nbgrader, *arguments], cwd=course, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    assert "Success" in run("validate", f"source/{name}/{name}.ipynb")
    run("generate_assignment", name)
    released = nbformat.read(course / "release" / name / f"{name}.ipynb", as_version=4)
    shown = "\n".join(cell.source for cell in released.cells)
    assert "torch.exp" not in shown
    assert "def probability(scores):\n    ..." in shown
    answers = {"ada": {"...\n": "return scores.exp() / (1 + scores.exp())\n"}, "ben": {"= ...": "= 2"}}
    for student, changes in answers.items():
        notebook = nbformat.read(course / "release" / name / f"{name}.ipynb", as_version=4)
        for cell in notebook.cells:
            for old, new in changes.items():
                if cell.metadata.get("nbgrader", {}).get("solution"):
                    cell.source = cell.source.replace(old, new)
        handed_in = course / "submitted" / student / name / f"{name}.ipynb"
        handed_in.parent.mkdir(parents=True)
        nbformat.write(notebook, handed_in)
    run("autograde", name)
    run("generate_feedback", name)
    run("export", "--to", "grades.csv")
    rows = csv.DictReader((course / "grades.csv").read_text(encoding="utf-8").splitlines())
    scores = {row["student_id"]: float(row["score"]) for row in rows}
    page = (course / "feedback" / "ben" / name / f"{name}.html").read_text(encoding="utf-8")
    assert "not attempted yet" in page

    monkeypatch.setattr(marks, "find_notebooks", lambda _: [lesson])
    assert main(["grade", str(course / "submitted"), "--output", str(tmp_path / "marks")]) == 0
    ours = {"ada": 0.0, "ben": 0.0}
    for row in csv.DictReader((tmp_path / "marks" / "marks.csv").read_text(encoding="utf-8").splitlines()):
        ours[row["student"]] += float(row["points"])
    assert scores == ours == {"ada": 1.0, "ben": 1.0}
