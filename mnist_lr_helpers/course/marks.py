"""Marks a class: ``marks.csv``, and ``summary.html`` with what the class did not understand."""

from __future__ import annotations

import csv
import hashlib
import html
import io
import json
import multiprocessing
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, astuple, fields
from pathlib import Path
from queue import Empty, Queue
from threading import Event

from mnist_lr_helpers.course.execute import default_workers, find_notebooks
from mnist_lr_helpers.course.hand_ins import HandIn, read_hand_ins
from mnist_lr_helpers.course.trial import Mark, Task, tasks_of, try_lesson
from mnist_lr_helpers.course.usage import UsageError
from mnist_lr_helpers.files import write_atomically

import nbformat
from tqdm import tqdm

EXERCISES = Path(__file__).parents[1] / "exercises"
POINTS = EXERCISES / "points.csv"
STATUSES = {"right": "#029E73", "wrong": "#DE8F05", "stopped": "#D55E00", "broken": "#D55E00"}
STATUSES |= {"not attempted": "#BBBBBB", "missing": "#DDDDDD"}
COLUMNS = (*(one.name for one in fields(Mark)), "points")
STYLE = """\
body { font-family: sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }
td, th { text-align: left; padding: 2px 10px; vertical-align: top } td.number { text-align: right }
.bar { display: inline-block; height: 0.8em } caption { text-align: left; font-weight: bold; padding: 1.2em 0 0.4em }"""


def mark_class(folder: Path, output: Path, points: Path = POINTS, workers: int | None = None) -> int:
    """Mark all that lies in a folder; returns 1 if something in it could not be read, else 0.

    What has been marked is kept in ``output``, so that a second run goes on where the first was stopped, and marks
    only what is new.

    Raises:
        UsageError: no such folder, nothing to mark in it, a table of points that cannot be read, or a system whose
            processes cannot split off.
    """
    if not hasattr(os, "fork"):
        raise UsageError("Windows cannot try answers in processes that split off; mark in WSL, on Linux or on macOS")
    worth = read_points(points)
    hand_ins = read_hand_ins(folder)
    lessons = {path: tasks_of(nbformat.read(path, as_version=4)) for path in find_notebooks([])}
    given_out = {path: tasks for path, tasks in lessons.items() if _handed_in(tasks, hand_ins)}
    if not given_out:
        raise UsageError(f"no notebook in {folder} has an exercise of the course")
    journal = output / "journal.jsonl"
    marks = _mark(given_out, hand_ins, journal, workers or default_workers())
    rows = [(*astuple(mark), worth.get(mark.exercise.split()[0], 1) * (mark.status == "right")) for mark in marks]
    table = io.StringIO()
    csv.writer(table).writerows([COLUMNS, *rows])
    write_atomically(output / "marks.csv", table.getvalue().encode())
    troubles = [trouble for hand_in in hand_ins for trouble in hand_in.troubles]
    write_atomically(output / "summary.html", summary(rows, troubles).encode())
    print(f"{len(hand_ins)} students, {len(marks)} answers: {output / 'marks.csv'}, {output / 'summary.html'}")
    print(*troubles, sep="\n")
    return int(bool(troubles))


def read_points(path: Path = POINTS) -> dict[str, float]:
    """Exercise number → points.

    Raises:
        UsageError: the file is not there, or a line of it is not a number and its points.
    """
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))[1:]
        return {exercise.split()[0]: float(points) for exercise, points in lines}
    except (OSError, ValueError, IndexError) as error:
        raise UsageError(f"the points in {path} cannot be read ({error}); copy {POINTS}, and change that") from error


def _handed_in(tasks: Sequence[Task], hand_ins: Sequence[HandIn]) -> bool:
    return any(_cell_of(task, hand_in) is not None for task in tasks for hand_in in hand_ins)


def _cell_of(task: Task, hand_in: HandIn) -> str | None:
    """The cell that a student has answered in: the last one with its check that was changed, or the one with its id."""
    there = hand_in.cells.get(task.number) or [
        code for identity, code in hand_in.cells_by_id.items() if identity == task.cell_id
    ]
    changed = [code for code in there if code.strip() != task.stub.strip()]
    return (changed or there or [None])[-1]


def _mark(
    lessons: Mapping[Path, Sequence[Task]], hand_ins: Sequence[HandIn], journal: Path, workers: int
) -> list[Mark]:
    """All marks, by student and exercise; what the journal knows is not tried again."""
    known = _read_journal(journal)
    wanted: dict[Path, dict[str, dict[str, list[str]]]] = {}
    keys, missing = {}, []
    for path, tasks in lessons.items():
        judges = EXERCISES / f"e{path.stem[:2]}.py"
        version = hashlib.sha256(path.read_bytes() + judges.read_bytes()).hexdigest()
        for hand_in in hand_ins:
            cells: list[str] = []
            for task in tasks:
                code = _cell_of(task, hand_in)
                if code is None:
                    missing.append(Mark(hand_in.student, task.name, "missing", "", "there is no cell for it"))
                    continue
                cells = [*cells, code]
                key = hashlib.sha256(json.dumps([version, task.name, hand_in.student, cells]).encode()).hexdigest()
                keys[hand_in.student, task.name] = key
                if key not in known:
                    wanted.setdefault(path, {}).setdefault(hand_in.student, {})[task.number] = cells
    for mark in _try_all(wanted, workers):
        key = keys[mark.student, mark.exercise]
        known[key] = mark
        journal.parent.mkdir(parents=True, exist_ok=True)
        with journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key} | asdict(mark)) + "\n")
    marks = [*missing, *(known[key] for key in keys.values())]
    return sorted(marks, key=lambda mark: (mark.student, mark.exercise))


def _read_journal(journal: Path) -> dict[str, Mark]:
    known = {}
    for line in journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []:
        try:
            row = json.loads(line)
            key = row.pop("key")
            known[key] = Mark(**row)
        except (ValueError, TypeError, KeyError):  # the line at which a run was stopped
            continue
    return known


def _try_all(wanted: Mapping[Path, Mapping[str, Mapping[str, list[str]]]], workers: int) -> Iterator[Mark]:
    """The marks as they come, from lessons that are run side by side."""
    if not wanted:
        return
    fresh = multiprocessing.get_context("spawn")
    total = sum(len(cells) for answers in wanted.values() for cells in answers.values())
    with (
        fresh.Manager() as manager,
        ProcessPoolExecutor(workers, mp_context=fresh) as pool,
        tqdm(total=total, desc="answers", unit="answer") as bar,
    ):
        marks, stop = manager.Queue(), manager.Event()
        lessons = [pool.submit(_try_one, path, answers, marks, stop) for path, answers in wanted.items()]
        try:
            while bar.n < total:
                try:
                    yield marks.get(timeout=1)
                    bar.update()
                except Empty:
                    for lesson in lessons:
                        if lesson.done():
                            lesson.result()  # raises what the lesson stopped with
        finally:
            stop.set()


def _try_one(path: Path, answers: Mapping[str, Mapping[str, list[str]]], marks: Queue, stop: Event) -> None:
    for mark in try_lesson(path, answers):
        marks.put(mark)
        if stop.is_set():
            return


def summary(rows: Sequence[tuple], troubles: Sequence[str]) -> str:
    """A page on the class: by exercise who came how far, and the known mistakes; below, the points of each student."""
    by_exercise: dict[str, list[tuple]] = {}
    by_student: dict[str, list[tuple]] = {}
    for row in rows:
        by_exercise.setdefault(row[1], []).append(row)
        by_student.setdefault(row[0], []).append(row)
    parts = ["<!DOCTYPE html>", '<html lang="en"><head><meta charset="utf-8"><title>What the class knows</title>']
    parts += [f"<style>{STYLE}</style></head><body><h1>What the class knows</h1>"]
    parts += ["<ul>", *(f"<li>{html.escape(trouble)}</li>" for trouble in troubles), "</ul>"] if troubles else []
    parts += ["<table><caption>Exercises</caption>", *map(_exercise_row, by_exercise.items()), "</table>"]
    parts += ["<table><caption>Mistakes with a name: what to repeat</caption>"]
    for exercise, those in by_exercise.items():
        mistakes = Counter(row[3] for row in those if row[3])
        for mistake, count in mistakes.most_common():
            parts.append(_line(exercise, _bar(count, len(those), STATUSES["wrong"]) + f" {count}", mistake))
    parts += ["</table><table><caption>Students</caption>"]
    for student, those in by_student.items():
        count = sum(row[2] == "right" for row in those)
        parts.append(_line(student, f"{count} of {len(those)} right", f"{sum(row[-1] for row in those):g} points"))
    return "\n".join([*parts, "</table></body></html>\n"])


def _exercise_row(exercise_and_rows: tuple[str, Sequence[tuple]]) -> str:
    exercise, rows = exercise_and_rows
    counts = Counter(row[2] for row in rows)
    bars = "".join(_bar(counts[status], len(rows), colour) for status, colour in STATUSES.items())
    return _line(exercise, bars, ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status]))


def _bar(count: int, whole: int, colour: str) -> str:
    return f'<span class="bar" style="width: {12 * count / whole:.2f}em; background: {colour}"></span>'


def _line(first: str, markup: str, last: str) -> str:
    return f"<tr><td>{html.escape(first)}</td><td>{markup}</td><td>{html.escape(last)}</td></tr>"
