"""Folders, encodings, locales and line ends as other people's machines have them, all on this one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from mnist_lr_helpers.files import PROJECT

import nbformat
import pytest

PLACE = "Übungen für Zoë (neu) 数字 100% #1"  # a space, letters beyond ASCII, and what addresses would encode
TEXTS = {".py", ".md", ".csv", ".html", ".css", ".js", ".ipynb", ".lock", ".toml", ".yml"}
IGNORED = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")


@pytest.fixture
def course_there(tmp_path: Path) -> Path:
    """The course as checked out with Windows' line ends, in a folder with an awkward name."""
    course = tmp_path / PLACE / "mnist kurs"
    for part in ("mnist_lr_helpers", "notebooks"):
        shutil.copytree(PROJECT / part, course / part, ignore=IGNORED)
    for name in ("requirements.lock", "pyproject.toml", "environment.yml"):
        shutil.copy(PROJECT / name, course)
    for path in course.rglob("*"):
        if path.suffix in TEXTS:
            path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    return course


@pytest.fixture(scope="session")
def turkish(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A Turkish locale whose encoding is not UTF-8: there an I has a small form without a dot."""
    if not shutil.which("localedef"):
        pytest.skip("no localedef here: a locale cannot be made")
    folder = tmp_path_factory.mktemp("locales")
    made = ["localedef", "-i", "tr_TR", "-f", "ISO-8859-9", str(folder / "tr_TR.ISO-8859-9")]
    if subprocess.run(made, capture_output=True, check=False).returncode:
        pytest.skip("the sources of the Turkish locale are not installed here")
    return {"LOCPATH": str(folder), "LC_ALL": "tr_TR.ISO-8859-9", "LANG": "tr_TR.ISO-8859-9"}


def command(course: Path, *arguments: str, before: tuple[str, ...] = (), **environment: str) -> str:
    """Give a command of the course that lies there; return what it prints."""
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHONUTF8"))}
    settings |= {
        "PYTHONPATH": str(course),
        "PYTHONDONTWRITEBYTECODE": "1",
        "MNIST_LR_DATA": str(course.parent / "data"),
    }
    line = [*before, sys.executable, "-X", "utf8=0", "-m", "mnist_lr_helpers", *arguments]
    done = subprocess.run(line, cwd=course.parent, env=settings | environment, capture_output=True, check=False)
    told = (done.stdout + done.stderr).decode("utf-8", errors="replace")
    assert done.returncode == 0, told
    assert str(PROJECT) not in told
    return told


@pytest.mark.notebook
def test_a_lesson_runs_in_an_awkward_folder_a_foreign_locale_and_with_windows_line_ends(
    course_there: Path, turkish: dict[str, str]
) -> None:
    told = command(course_there, "run", "00", "--quick", "-p", "DATASET", "digits", **turkish)
    assert "passed" in told
    made = nbformat.read(course_there / "build" / "notebooks" / "00_first_digit.ipynb", as_version=4)
    assert sum(bool(cell.get("outputs")) for cell in made.cells) > 10


@pytest.mark.slow
def test_editions_and_environment_are_the_same_with_windows_line_ends(
    course_there: Path, turkish: dict[str, str]
) -> None:
    command(course_there, "student", **turkish)
    edition = nbformat.read(course_there / "build" / "student" / "02_build_the_model.ipynb", as_version=4)
    assert not any("\r" in cell.source or "solution" in cell.metadata.get("tags", []) for cell in edition.cells)
    command(course_there, "environment", **turkish)
    made = (course_there / "environment.yml").read_text(encoding="utf-8")
    assert made == (PROJECT / "environment.yml").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp932"])
def test_a_console_that_knows_few_letters_shows_what_it_can(encoding: str, tmp_path: Path) -> None:
    """Windows writes into a pipe or file as its code page says; the course's messages have letters beyond it."""
    line = [sys.executable, "-m", "mnist_lr_helpers", "run", f"{PLACE} ✔"]
    settings = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(line, cwd=tmp_path, env=settings, capture_output=True, check=False)
    assert done.returncode == 2
    assert b"there is no notebook" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.notebook
def test_a_read_only_course_folder_serves_and_says_where_results_may_go(course_there: Path, tmp_path: Path) -> None:
    before = ()
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # root may write anyway, unless it gives that up
        if not shutil.which("setpriv"):
            pytest.skip("root may write anywhere, and cannot give it up here")
        before = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
    lesson = nbformat.v4.new_notebook()
    parameters = nbformat.v4.new_code_cell('DATASET = "digits"\nQUICK = False', metadata={"tags": ["parameters"]})
    loading = "from mnist_lr_helpers.data import load_data\n\nload_data(DATASET)"
    lesson.cells = [parameters, nbformat.v4.new_code_cell(loading)]
    lesson.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(lesson, course_there / "notebooks" / "20_数字 laden.ipynb")
    folders = [course_there, *(path for path in course_there.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        results = str(tmp_path / "results")
        told = command(course_there, "run", "20", "--output", results, before=before, PYTHONIOENCODING="cp1252")
        assert "20_?? laden" in told
        assert "passed" in told
        with pytest.raises(AssertionError, match=r"cannot write .*build.* name another"):
            command(course_there, "run", "20", before=before)
    finally:
        for folder in folders:
            folder.chmod(0o755)
