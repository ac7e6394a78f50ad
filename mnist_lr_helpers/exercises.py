"""Graded checks for the reader's answers, and the table of conclusions.

An exercise is a row of ``EXERCISES``: what the right answer returns, the questions it is
asked, and the known mistakes, each with a hint that names the mistake and not the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from mnist_lr_helpers.data import Dataset


@dataclass(frozen=True)
class Exercise:
    """How to grade one answer.

    Attributes:
        expected: the right answer, as a function of the arguments of each probe.
        mistakes: hint → what somebody who makes this mistake would answer.
        probes: argument tuples that a function is called with; empty for a plain value,
            whose ``expected`` takes the keyword arguments given to ``check``.
        tolerance: largest difference that still counts as equal.
    """

    expected: Callable[..., Any]
    mistakes: Mapping[str, Callable[..., Any]]
    probes: tuple[tuple[Any, ...], ...] = ()
    tolerance: float = 1e-4


@dataclass(frozen=True)
class Grade:
    """``"not attempted"``, ``"wrong"`` or ``"right"``, with what to tell the reader."""

    status: str
    message: str


EXERCISES: dict[str, Exercise] = {}


def check(name: str, answer: object, **given: object) -> None:
    """Grade an answer to the exercise called ``name`` and print the verdict.

    ``given`` are this run's own measurements, for questions about them.

    Raises:
        KeyError: there is no exercise of that name.
    """
    grade = grade_answer(name, answer, **given)
    print({"not attempted": "○", "wrong": "✘", "right": "✔"}[grade.status], f"{name}: {grade.message}")


def grade_answer(name: str, answer: object, **given: object) -> Grade:
    """Grade an answer: compare it with the right one, then with each known mistake."""
    if name not in EXERCISES:
        raise KeyError(f"there is no exercise {name!r}; the exercises are {', '.join(EXERCISES)}")
    exercise = EXERCISES[name]
    probes = exercise.probes if callable(answer) else ((),)
    if not callable(answer) and exercise.probes and not _missing(answer):
        return Grade("wrong", "the answer should be a function")
    try:
        answers = [answer(*probe) if callable(answer) else answer for probe in probes]
    except Exception as error:  # whatever the reader's code raises is shown to the reader
        return Grade("wrong", f"your code stops with {type(error).__name__}: {error}")
    if any(_missing(value) for value in answers):
        return Grade("not attempted", "not attempted yet. Replace the … with your answer")
    if _all_equal(answers, exercise.expected, probes, given, exercise.tolerance):
        return Grade("right", "right")
    for hint, mistake in exercise.mistakes.items():
        if _all_equal(answers, mistake, probes, given, exercise.tolerance):
            return Grade("wrong", hint)
    return Grade("wrong", "not right yet, and none of the usual mistakes. Try it by hand on the smallest example")


def _missing(value: object) -> bool:
    return value is None or value is ...


def _all_equal(
    answers: list[Any],
    reference: Callable[..., Any],
    probes: tuple[tuple[Any, ...], ...],
    given: Mapping[str, object],
    tolerance: float,
) -> bool:
    return all(
        _equal(value, reference(*probe, **given), tolerance) for value, probe in zip(answers, probes, strict=True)
    )


def _equal(value: object, expected: object, tolerance: float) -> bool:
    if isinstance(expected, str | bool) or isinstance(value, str | bool):
        return type(value) is type(expected) and value == expected
    try:
        left, right = (torch.as_tensor(side).detach().double() for side in (value, expected))
    except (TypeError, ValueError, RuntimeError):
        return False
    return left.shape == right.shape and torch.allclose(left, right, rtol=tolerance, atol=tolerance, equal_nan=True)


@dataclass
class Findings:
    """The table of conclusions: statements that this run's own results confirm or refute.

    Args:
        dataset: what the results were measured on.
        quick: whether this was a smoke run, whose results are too small to judge by.
    """

    dataset: Dataset
    quick: bool = False
    rows: list[tuple[str, bool | None, str]] = field(default_factory=list)

    def record(self, statement: str, holds: object, evidence: str, *, anywhere: bool = False) -> None:
        """Add a conclusion; without ``anywhere`` it is judged only on a full run on MNIST.

        Args:
            statement: what we conclude, in words.
            holds: an expression evaluated on this run's results.
            evidence: the figures behind it.
            anywhere: the statement is true of any images, also of a few (a theorem, say).
        """
        judged = anywhere or (self.dataset.name == "mnist" and not self.quick)
        self.rows.append((statement, bool(holds) if judged else None, evidence))

    @property
    def verdicts(self) -> str:
        """One line per conclusion without its figures, so that it can be compared from run to run."""
        return "\n".join(f"{self._mark(holds)} {statement}" for statement, holds, _ in self.rows)

    def _mark(self, holds: bool | None) -> str:
        reason = "quick run" if self.quick else f"this is {self.dataset.name}, not mnist"
        return {True: "✔", False: "✘", None: f"not judged ({reason}):"}[holds]

    def __repr__(self) -> str:
        return "\n".join(f"{self._mark(holds)} {statement} [{evidence}]" for statement, holds, evidence in self.rows)

    def _repr_markdown_(self) -> str:
        cells = [f"| {self._mark(holds)} | {statement} | {evidence} |" for statement, holds, evidence in self.rows]
        return "\n".join(["| | What we found | Evidence from this run |", "|---|---|---|", *cells])
