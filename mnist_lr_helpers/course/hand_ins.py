"""What students have handed in: folders, archives and files of any name, as one notebook per student and lesson."""

from __future__ import annotations

import ast
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mnist_lr_helpers.course.usage import UsageError

import nbformat

LARGEST = 30_000_000  # bytes of one file
# How learning-management systems (Moodle, Canvas) name the files that they hand out, the student first.
NAMES_OF_SYSTEMS = (re.compile(r"(.+?)_\d+_assignsubmission_"), re.compile(r"([^\W_]+)(?:_LATE)?_\d+_\d+_"))
GRADED = re.compile(r"""\bcheck\(\s*["'](\d\d\.\d+)""")
ASIDE = ("check", "hint")  # calls in an answer's cell that are not part of the answer


@dataclass
class HandIn:
    """What one student has handed in.

    Attributes:
        student: as the folder, archive or file says.
        cells: exercise number → code of the cells that may answer it, in order of appearance.
        cells_by_id: cell id → code; a cell keeps its id when its text is changed.
        troubles: what could not be read, for the teacher.
    """

    student: str
    cells: dict[str, list[str]] = field(default_factory=dict)
    cells_by_id: dict[str, str] = field(default_factory=dict)
    lessons: set[str] = field(default_factory=set)
    troubles: list[str] = field(default_factory=list)


def read_hand_ins(folder: Path) -> list[HandIn]:
    """Everything below a folder, by student, in order of their names.

    A student is a folder or an archive in it; of files that lie in it directly, whoever their name begins with, if it
    is one of those that learning-management systems give, and otherwise the whole name. An archive stands for its
    folder, alone in a folder too: systems hand out all of a class in one.

    Raises:
        UsageError: there is no such folder, or no notebook in it.
    """
    if not folder.exists():
        raise UsageError(f"there is no folder {folder}; name the one that the hand-ins lie in")
    found: dict[str, HandIn] = {}
    for place, content in sorted(_files(folder)):
        student = _student(place)
        hand_in = found.setdefault(student, HandIn(student))
        _add(hand_in, place, content)
    if not found:
        raise UsageError(f"there is no notebook in {folder}, and no archive with one")
    return [found[student] for student in sorted(found)]


def _files(folder: Path) -> Iterator[tuple[str, bytes | str]]:
    """Place and content of each notebook; in place of the content, as a text, why it cannot be read."""
    inside = list(folder.iterdir()) if folder.is_dir() else [folder]
    if len(inside) == 1 and inside[0].suffix == ".zip":
        for place, content in _files_of_archive(inside[0], "all"):
            yield place.removeprefix("all/"), content
        return
    for path in folder.rglob("*"):
        place = path.relative_to(folder).as_posix()
        if not path.is_file() or _hidden(place):
            continue
        if path.suffix == ".zip":
            yield from _files_of_archive(path, place)
        elif path.suffix == ".ipynb":
            yield place, path.read_bytes() if path.stat().st_size <= LARGEST else "it is larger than 30 MB"


def _files_of_archive(path: Path | io.BytesIO, place: str) -> Iterator[tuple[str, bytes | str]]:
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                inside = f"{place.removesuffix('.zip')}/{entry.filename}"
                if entry.is_dir() or _hidden(entry.filename) or not entry.filename.endswith((".ipynb", ".zip")):
                    continue
                if entry.file_size > LARGEST:
                    yield inside, "it is larger than 30 MB"
                elif entry.filename.endswith(".zip"):
                    yield from _files_of_archive(io.BytesIO(archive.read(entry)), inside)
                else:
                    yield inside, archive.read(entry)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError) as error:
        yield place, f"the archive cannot be opened ({error})"


def _hidden(place: str) -> bool:
    """Checkpoints, and what some systems add to an archive."""
    return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(place).parts)


def _student(place: str) -> str:
    parts = PurePosixPath(place).parts
    if named := next(filter(None, (name.match(part) for name in NAMES_OF_SYSTEMS for part in parts)), None):
        return named[1]
    return parts[0].removesuffix(".ipynb").removesuffix(".zip")


def _add(hand_in: HandIn, place: str, content: bytes | str) -> None:
    """Take the cells of one notebook; those of a later one of the same lesson come after them."""
    if isinstance(content, str):
        hand_in.troubles.append(f"{place}: {content}")
        return
    try:
        notebook = nbformat.reads(content.decode("utf-8-sig"), as_version=4)
        cells = [(cell.get("id", ""), code) for cell, code in _joined(notebook.cells)]
    except Exception as error:  # whatever a broken file leads to
        hand_in.troubles.append(f"{place}: it is no notebook ({type(error).__name__})")
        return
    lessons = {number.split(".")[0] for _, code in cells for number in GRADED.findall(code)}
    if twice := lessons & hand_in.lessons:
        hand_in.troubles.append(f"{place}: a second notebook of {', '.join(sorted(twice))}; its answers count")
    hand_in.lessons |= lessons
    for identity, code in cells:
        hand_in.cells_by_id[identity] = code
        for number in dict.fromkeys(GRADED.findall(code)):
            hand_in.cells.setdefault(number, []).append(code)


def _joined(cells: Sequence[nbformat.NotebookNode]) -> Iterator[tuple[nbformat.NotebookNode, str]]:
    """Each code cell with its code; of an exercise's cell that was split, all parts stand with its check."""
    before = ""
    for cell in cells:
        if cell.cell_type == "code":
            code = f"{before}{cell.source}"
            waits = "exercise" in cell.metadata.get("tags", []) and not GRADED.search(code)
            before = f"{code}\n" if waits else ""
            yield cell, code


def answer_in(code: str) -> ast.Module:
    """A cell's code without its checks, hints and notebook commands.

    Raises:
        SyntaxError: it is no Python.
    """
    lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in code.splitlines()]
    tree = ast.parse("\n".join(lines))
    tree.body = [one for one in tree.body if not _is_aside(one)]
    return tree


def check_in(code: str) -> ast.Call:
    """The call of ``check`` in an exercise's cell.

    Raises:
        ValueError: there is none.
    """
    for one in ast.parse(code).body:
        if _is_aside(one) and one.value.func.id == "check":
            return one.value
    raise ValueError("there is no check in this cell")


def _is_aside(statement: ast.stmt) -> bool:
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ASIDE
