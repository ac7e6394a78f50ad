"""A class hands in good, bad, hostile and half-finished work, in every wrapping; the marks are right."""

import ast
import csv
import io
import json
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mnist_lr_helpers.course import hand_ins, marks
from mnist_lr_helpers.course.command import main
from mnist_lr_helpers.course.hand_ins import answer_in, read_hand_ins
from mnist_lr_helpers.course.student import without_solutions
from mnist_lr_helpers.course.usage import UsageError
from mnist_lr_helpers.exercises.grading import exercises_of

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="answers are tried in processes that split off"),
    pytest.mark.slow,
]


def cell(body: str, name: str, answer: str = "") -> str:
    """A cell with an exercise: the answer's code, and its check."""
    return f"{body}\n\n\ncheck({name!r}, {answer or body.split('(')[0].removeprefix('def ')})"


SCORES, LOGITS = "def probability(scores):\n    ", "def mean_loss(logits, labels):\n    "
PROBABILITY = cell(f"{SCORES}...", "02.1 probability")
LOSS = cell(f"{LOGITS}...", "02.2 loss")
RUB_OUT = "lead_and_pixels = ...\n\n\ncheck('05.3 rub out', lead_and_pixels, votes=four_votes, bias=four_bias)"
BY_HAND = "-(logits - logits.exp().sum(1, keepdim=True).log())[range(len(labels)), labels]"
SUMMED = cell(f"{LOGITS}return ({BY_HAND}).sum()", "02.2 loss")
RIGHT = {
    PROBABILITY: cell(f"{SCORES}return 1 / (1 + torch.exp(-scores))", "02.1 probability"),
    LOSS: cell(f"{LOGITS}return ({BY_HAND}).mean()", "02.2 loss"),
    RUB_OUT: RUB_OUT.replace("...", "(3.5, 2)"),
}


def write_lessons(folder: Path) -> list[Path]:
    """Two lessons as small as can be: with functions to write, and with a number that the lesson's run decides."""
    imports = "import torch\nfrom torch import nn\nfrom mnist_lr_helpers.exercises import check"
    measured = "four_votes, four_bias = torch.tensor([3.0, 2.0, -1.5, -1.0, 0.5]), 0.5"
    written = {
        "02_build_the_model": [new_code_cell(imports), exercise(PROBABILITY), exercise(LOSS)],
        "05_analyse_the_errors": [new_code_cell(f"{imports}\n{measured}"), exercise(RUB_OUT)],
    }
    folder.mkdir()
    for name, cells in written.items():
        nbformat.write(new_notebook(cells=[new_markdown_cell(f"# {name}"), *cells]), folder / f"{name}.ipynb")
    return sorted(folder.glob("*.ipynb"))


@pytest.fixture
def lessons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    paths = write_lessons(tmp_path / "lessons")
    monkeypatch.setattr(marks, "find_notebooks", lambda _: paths)
    return paths


@dataclass
class Marked:
    """A small class whose work has been marked."""

    folder: Path
    output: Path

    def grade(self, *options: str) -> dict[tuple[str, str], dict[str, str]]:
        """Mark it again; what has been tried before is not tried again."""
        assert main(["grade", str(self.folder), "--output", str(self.output), *options]) == 0
        return read_marks(self.output)


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Marked]:
    """One who is right, two who make the same mistake, and one whose notebook has a cell twice."""
    place = tmp_path_factory.mktemp("marked")
    lessons = write_lessons(place / "lessons")
    small = Marked(place / "class", place / "marks")
    put(small.folder / "ada.ipynb", handed_in(lessons[0], RIGHT))
    for student in ("<b>ann<b>", "bob"):
        put(small.folder / student / "x.ipynb", handed_in(lessons[0], {LOSS: SUMMED}))
    twice = json.loads(handed_in(lessons[0], RIGHT))
    twice["cells"] += [{**cell, "source": LOSS, "id": "copy"} for cell in twice["cells"][-1:]]
    put(small.folder / "zoe.ipynb", json.dumps(twice).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(marks, "find_notebooks", lambda _: lessons)
        small.grade()
        yield small


def exercise(code: str) -> nbformat.NotebookNode:
    return new_code_cell(code, metadata={"tags": ["exercise"]})


def handed_in(lesson: Path, changes: dict[str, str] | None = None) -> bytes:
    """A notebook of the students' edition in which some cells have another text."""
    notebook = without_solutions(nbformat.read(lesson, as_version=4))
    for cell in notebook.cells:
        cell.source = (changes or {}).get(cell.source, cell.source)
    return nbformat.writes(notebook).encode()


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def read_marks(output: Path) -> dict[tuple[str, str], dict[str, str]]:
    rows = csv.DictReader((output / "marks.csv").read_text(encoding="utf-8").splitlines())
    return {(row["student"], row["exercise"].split()[0]): row for row in rows}


def test_a_class(lessons: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    model, errors = lessons
    folder, output = tmp_path / "class", tmp_path / "marks"
    for lesson in lessons:
        put(folder / "ada" / f"{lesson.stem} (1).ipynb", handed_in(lesson, RIGHT))
    # Half-finished: a usual mistake, a forgotten return, and the number of another row.
    put(
        folder / "ben.ipynb",
        handed_in(model, {PROBABILITY: f"{SCORES}scores.sigmoid()\n\n\nprint('no check')"}),
    )
    # Hostile: a loop without end in the cell, another in the function, and a way out of the process.
    leaving = cell(f"{LOGITS}import os\n    os._exit(0)", "02.2 loss")
    program = f"{PROBABILITY}\nimport subprocess\nsubprocess.run('ls')"
    put(
        folder / "cem.ipynb",
        handed_in(model, {PROBABILITY: program, LOSS: leaving}),
    )
    put(
        folder / "gus.ipynb",
        handed_in(model, {PROBABILITY: f"while True:\n    pass\n{PROBABILITY}", LOSS: RIGHT[LOSS]}),
    )
    # Everything in another place: renamed function and exercise, the check edited, a cell on top, all in an archive.
    renamed = cell("def my_own(z):\n    return 1 / (1 + torch.exp(-z))", "02.1 mine")
    unchecked = f"%timeit 1\n{LOGITS}return ({BY_HAND}).mean()\nprint('✔ all right')"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("some/folder/solution.ipynb", handed_in(model, {PROBABILITY: renamed, LOSS: unchecked}))
        archive.writestr("__MACOSX/some/folder/._solution.ipynb", b"?")
    put(folder / "dora.zip", packed.getvalue())
    # A system's names; a broken file beside a sound one, and no Python in a cell.
    put(folder / "Eva Ek_4711_assignsubmission_file_05.ipynb", handed_in(errors, RIGHT)[:200])
    put(
        folder / "Eva Ek_4711_assignsubmission_file_02.ipynb",
        handed_in(model, {LOSS: LOSS.replace("):", ")")}),
    )
    # Looks the answer up.
    look_up = "from mnist_lr_helpers.exercises import e02\nprobability = e02.EXERCISES['02.1 probability'].expected"
    put(folder / "fay" / "a.ipynb", handed_in(model, {PROBABILITY: look_up}))
    assert main(["grade", str(folder), "--output", str(output)]) == 1
    told = capsys.readouterr().out
    assert "7 students" in told
    assert "Eva Ek_4711_assignsubmission_file_05.ipynb: it is no notebook" in told

    found = read_marks(output)
    status = {key: row["status"] for key, row in found.items()}
    assert {key: one for key, one in status.items() if key[0] == "ada"} == {
        ("ada", "02.1"): "right",
        ("ada", "02.2"): "right",
        ("ada", "05.3"): "right",
    }
    assert (status["ben", "02.1"], status["ben", "02.2"], status["ben", "05.3"]) == (
        "wrong",
        "not attempted",
        "missing",
    )
    assert "your function returns nothing" in found["ben", "02.1"]["message"]
    assert (status["cem", "02.1"], status["cem", "02.2"]) == ("broken", "stopped")
    assert "subprocess" in found["cem", "02.1"]["message"]
    assert (status["gus", "02.1"], status["gus", "02.2"]) == ("stopped", "right")
    assert (status["dora", "02.1"], status["dora", "02.2"]) == ("right", "right")
    assert (status["Eva Ek", "02.1"], status["Eva Ek", "02.2"]) == ("not attempted", "broken")
    assert "line 1" in found["Eva Ek", "02.2"]["message"]
    assert status["fay", "02.1"] == "broken"
    page = (output / "summary.html").read_text(encoding="utf-8")
    assert "3 of 3 right" in page
    assert "1 right" in page


def test_named_mistakes_are_counted(marked: Marked) -> None:
    page = (marked.output / "summary.html").read_text(encoding="utf-8")
    name = read_marks(marked.output)["bob", "02.2"]["mistake"]
    assert name in exercises_of("02")["02.2 loss"].mistakes
    assert "02.2 loss</td><td><span" in page
    assert "<b>ann" not in page


def test_a_second_run_tries_only_what_is_new_and_gives_the_same_marks(
    marked: Marked, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked.grade()
    first = (marked.output / "marks.csv").read_bytes()
    with (marked.output / "journal.jsonl").open("a", encoding="utf-8") as journal:
        journal.write('{"key": "cut o')  # as a run that was stopped leaves it
    tried = []
    monkeypatch.setattr(marks, "_try_all", lambda wanted, workers: tried.append(wanted) or iter(()))
    marked.grade()
    assert tried == [{}]
    assert (marked.output / "marks.csv").read_bytes() == first


def test_points_come_from_the_teachers_table(marked: Marked, tmp_path: Path) -> None:
    points = tmp_path / "points.csv"
    points.write_text("exercise,points\n02.2 loss,2.5\n", encoding="utf-8")
    found = marked.grade("--points", str(points))
    assert [row["points"] for (student, _), row in found.items() if student == "ada"] == ["1", "2.5"]
    points.write_text("exercise,points\n02.2 loss,many\n", encoding="utf-8")
    with pytest.raises(UsageError, match="cannot be read"):
        marks.read_points(points)


def test_the_table_of_points_has_every_exercise_once() -> None:
    wanted = [name for path in sorted(marks.EXERCISES.glob("e[0-9][0-9].py")) for name in exercises_of(path.stem[1:])]
    lines = marks.POINTS.read_text(encoding="utf-8").splitlines()[1:]
    assert [line.rsplit(",", 1)[0] for line in lines] == wanted


def test_nothing_to_mark_is_said(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["grade", str(tmp_path / "nowhere")]) == 2
    (tmp_path / "empty").mkdir()
    assert main(["grade", str(tmp_path / "empty")]) == 2
    told = capsys.readouterr().err
    assert "there is no folder" in told
    assert "there is no notebook in" in told


def test_all_of_a_class_in_one_archive_and_bombs_are_left_alone(
    lessons: list[Path], tmp_path: Path, monkeypatch
) -> None:
    packed = tmp_path / "submissions.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("ekeva_LATE_123_456_05.ipynb", handed_in(lessons[1], RIGHT))
        archive.writestr("ekeva_123_457_02.ipynb", handed_in(lessons[0]))
        archive.writestr("ode/large.ipynb", b" " * 5_000)
        archive.writestr("ode/broken.zip", b"PK no archive")
    monkeypatch.setattr(hand_ins, "LARGEST", 4_999)
    eva, ode = read_hand_ins(packed)
    assert (eva.student, sorted(eva.cells)) == ("ekeva", ["02.1", "02.2", "05.3"])
    assert [trouble.split(": ")[1][:30] for trouble in ode.troubles] == [
        "the archive cannot be opened (",
        "it is larger than 30 MB",
    ]


def test_the_last_answer_counts_and_a_copy_that_was_not_touched_does_not(marked: Marked) -> None:
    assert read_marks(marked.output)["zoe", "02.2"]["status"] == "right"


def test_an_exercise_that_was_split_into_cells_is_read_as_a_whole(lessons: list[Path], tmp_path: Path) -> None:
    """Jupyter gives each part the tags of the whole, and another id."""
    notebook, edition = json.loads(handed_in(lessons[0], RIGHT)), []
    for whole in notebook["cells"]:
        parts = "".join(whole["source"]).split("\n\n\n") if "exercise" in whole["metadata"].get("tags", []) else []
        edition += [{**whole, "source": part, "id": f"{whole['id']}-{part[:3]}"} for part in parts] or [whole]
    assert len(edition) == len(notebook["cells"]) + 2
    put(tmp_path / "class" / "ada.ipynb", json.dumps(notebook | {"cells": edition}).encode())
    (hand_in,) = read_hand_ins(tmp_path / "class")
    answers = {number: [ast.unparse(answer_in(code)) for code in codes] for number, codes in hand_in.cells.items()}
    wanted = {"02.1": RIGHT[PROBABILITY], "02.2": RIGHT[LOSS]}
    assert answers == {number: [ast.unparse(answer_in(code))] for number, code in wanted.items()}


def test_a_system_whose_processes_cannot_split_off_is_told_so(
    lessons: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    put(tmp_path / "class" / "ada.ipynb", handed_in(lessons[0]))
    monkeypatch.delattr("os.fork")
    assert main(["grade", str(tmp_path / "class"), "--output", str(tmp_path / "marks")]) == 2
    assert "mark in WSL, on Linux or on macOS" in capsys.readouterr().err
