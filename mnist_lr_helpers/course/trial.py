"""Tries the answers of a class to the exercises of one lesson, each in a process of its own.

The lesson itself is run once, from the course's own notebook; where it comes to an exercise, a process splits off for
each student, in which the answer takes the place of the lesson's. Needs a system that can fork (Linux, macOS).
"""

from __future__ import annotations

import ast
import contextlib
import io
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from mnist_lr_helpers import exercises
from mnist_lr_helpers.course.hand_ins import answer_in, check_in
from mnist_lr_helpers.exercises import grading
from mnist_lr_helpers.exercises.grading import Grade
from mnist_lr_helpers.exercises.guard import TooLong, watched

import nbformat
import psutil
import torch

SECONDS = 20  # that a process may take in all; an answer itself has less, see guard.py
MEGABYTES = 2_000  # that it may take beyond the lesson
LARGEST_FILE = 1_000_000  # bytes that it may write
FORBIDDEN = ("socket.", "subprocess.", "shutil.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.kill")
FORBIDDEN += ("os.remove", "os.rename", "os.rmdir", "os.truncate", "os.chmod", "os.link", "os.symlink", "os.putenv")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


@dataclass(frozen=True)
class Task:
    """One exercise of the lesson: the cell as students got it, and what its check is given."""

    number: str  # "03.1"
    name: str  # "03.1 training step"
    cell_id: str
    stub: str
    answer: str  # the name that is graded
    given: dict[str, str]  # expressions for the lesson's own measurements


@dataclass(frozen=True)
class Mark:
    """What became of one student's answer to one exercise."""

    student: str
    exercise: str
    status: str  # right, wrong, not attempted, missing, broken, stopped
    mistake: str
    message: str


def tasks_of(notebook: nbformat.NotebookNode) -> list[Task]:
    """The exercises of a lesson, in order."""
    tasks = []
    for cell in notebook.cells:
        if "exercise" in cell.metadata.get("tags", []):
            call = check_in(cell.source)
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
            name = call.args[0].value
            tasks.append(Task(name.split()[0], name, cell.id, cell.source, ast.unparse(call.args[1]), given))
    return tasks


def try_lesson(path: Path, answers: Mapping[str, Mapping[str, Sequence[str]]]) -> Iterator[Mark]:
    """Run a lesson, and try at each of its exercises what students have answered.

    Args:
        path: the course's own notebook.
        answers: student → exercise number → the code of each exercise's cell so far, the asked one's last.
    """
    notebook = nbformat.read(path, as_version=4)
    tasks = {task.cell_id: task for task in tasks_of(notebook)}
    last = next(reversed(tasks))
    torch.set_num_threads(1)  # a process that has used more cannot be split
    names: dict[str, object] = {"__name__": "__main__"}
    endless: set[tuple[str, str]] = set()
    grading.exercises_of(path.stem[:2])  # read once, not in each process
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        if task := tasks.get(cell.id):
            for student, cells in answers.items():
                if task.number not in cells:
                    continue
                *before, asked = cells[task.number]
                before = [code for code in before if (student, code) not in endless]
                mark = _try_apart(student, task, [*before, asked], names)
                if mark.status == "stopped":
                    endless.add((student, asked))  # later answers do without it
                yield mark
            if cell.id == last:
                return
        with quiet():
            exec(compile(_as_run(cell, tasks), f"<{path.stem}>", "exec"), names)


def _as_run(cell: nbformat.NotebookNode, tasks: Mapping[str, Task]) -> str:
    """A lesson's cell; one with parameters is followed by the short run where no exercise asks for measurements."""
    short = "parameters" in cell.metadata.get("tags", []) and not any(task.given for task in tasks.values())
    return f"{cell.source}\nQUICK = True\n" if short else cell.source


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what a lesson prints, its progress bars included, to itself."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def _try_apart(student: str, task: Task, cells: Sequence[str], names: Mapping[str, object]) -> Mark:
    fork = multiprocessing.get_context("fork")
    answer, sender = fork.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as folder:
        process = fork.Process(target=_try_here, args=(sender, folder, task, cells, names), daemon=True)
        process.start()
        sender.close()
        try:
            late = Grade("stopped", f"it took more than {SECONDS} s")
            grade = answer.recv() if answer.poll(SECONDS) else late
        except (EOFError, OSError):
            grade = Grade("stopped", "its process ended before there was a verdict: too much memory, or os._exit")
        process.kill()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # all that it may have started
        process.join()
    return Mark(student, task.name, grade.status, grade.mistake, grade.message)


def _try_here(sender: Connection, folder: str, task: Task, cells: Sequence[str], names: Mapping[str, object]) -> None:
    """In the process that has split off: limits first, then the answer, then its grade."""
    os.setsid()
    exercise = grading.find_exercise(task.name)  # before the answer is kept from looking for it
    given = {name: eval(code, dict(names)) for name, code in task.given.items()}
    with quiet():
        _limit(folder)
        answer = _answer(task, cells, {name: value for name, value in names.items() if name != task.answer})
        sender.send(answer if isinstance(answer, Grade) else grading.judge(exercise, answer, given))
    signal.raise_signal(signal.SIGKILL)  # without waiting for threads that the answer may have left


def _answer(task: Task, cells: Sequence[str], names: dict[str, object]) -> object:
    """What the last of the cells makes of the name that is graded, or the grade of a cell that makes nothing."""
    try:
        *before, code = [compile(answer_in(cell), "<answer>", "exec") for cell in cells]
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        return Grade("broken", f"this is no Python{f', see line {line}' if line else ''}: {error}"[:300])
    try:
        with watched():
            for earlier in before:
                with contextlib.suppress(Exception):
                    exec(earlier, names)
            exec(code, names)
    except TooLong:
        return Grade("stopped", "the cell itself takes too long: does a loop never end?")
    except (Exception, SystemExit, GeneratorExit) as error:
        return Grade("broken", f"the cell stops with {type(error).__name__}: {error}"[:300])
    if task.answer not in names:  # it may have another name, by which the student has checked it
        with contextlib.suppress(ValueError, IndexError, NameError):
            return eval(ast.unparse(check_in(cells[-1]).args[1]), names)
    missing = Grade("missing", f"there is no {task.answer} in the cell; was it given another name?")
    return names.get(task.answer, missing)


def _limit(folder: str) -> None:
    """Little memory beyond the lesson's, small files, a folder of its own, no network and no other programs."""
    import resource  # not on Windows

    os.chdir(folder)
    memory = psutil.Process().memory_info().vms + MEGABYTES * 2**20
    for kind, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, LARGEST_FILE), (resource.RLIMIT_CORE, 0)):
        with contextlib.suppress(ValueError, OSError):  # some systems do not limit memory
            resource.setrlimit(kind, (most, most))
    inside = os.path.realpath(folder)

    def forbid(event: str, details: tuple) -> None:
        if event.startswith(FORBIDDEN):
            raise PermissionError(f"an answer must do without {event}")
        if event == "open" and details[2] & WRITING and not os.path.realpath(details[0]).startswith(inside):
            raise PermissionError(f"an answer must not write to {details[0]}")
        if event == "import" and str(details[0]).startswith("mnist_lr_helpers.exercises.e"):
            raise PermissionError("an answer must not look into the exercises")

    for name in [name for name in sys.modules if name.startswith("mnist_lr_helpers.exercises.e")]:
        del sys.modules[name]
        delattr(exercises, name.rpartition(".")[2])
    sys.addaudithook(forbid)
