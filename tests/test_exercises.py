"""The grader answers: not attempted, wrong because …, right; the table of conclusions judges only what it can."""

import pytest
import torch
from conftest import seeded

from mnist_lr_helpers import exercises
from mnist_lr_helpers.data import Dataset


@pytest.fixture
def mean_exercise(monkeypatch: pytest.MonkeyPatch) -> str:
    exercise = exercises.Exercise(
        expected=lambda x: x.mean(),
        mistakes={"that is the sum": lambda x: x.sum()},
        probes=((torch.arange(4.0),), (torch.rand(3, generator=seeded()),)),
    )
    monkeypatch.setitem(exercises.EXERCISES, "mean", exercise)
    return "mean"


@pytest.mark.parametrize(
    ("answer", "status", "word"),
    [
        (..., "not attempted", "Replace"),
        (None, "not attempted", "Replace"),
        (lambda x: ..., "not attempted", "Replace"),
        (lambda x: x.sum() / len(x), "right", "right"),
        (lambda x: float(sum(x) / len(x)), "right", "right"),
        (lambda x: x.sum(), "wrong", "that is the sum"),
        (lambda x: x.max(), "wrong", "none of the usual"),
        (lambda x: x.mean().reshape(1), "wrong", "none of the usual"),
        (lambda x: 1 / 0, "wrong", "ZeroDivisionError"),
        (lambda x: "mean", "wrong", "none of the usual"),
        (1.5, "wrong", "should be a function"),
    ],
)
def test_grades(mean_exercise: str, answer: object, status: str, word: str) -> None:
    grade = exercises.grade_answer(mean_exercise, answer)
    assert grade.status == status
    assert word in grade.message


def test_values_are_judged_by_what_the_run_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    exercise = exercises.Exercise(
        expected=lambda measured: measured > 3, mistakes={"no": lambda measured: measured <= 3}
    )
    monkeypatch.setitem(exercises.EXERCISES, "larger", exercise)
    assert exercises.grade_answer("larger", True, measured=5).status == "right"
    assert exercises.grade_answer("larger", True, measured=2).message == "no"
    assert exercises.grade_answer("larger", 1, measured=5).status == "wrong"


def test_unknown_exercise_is_an_error() -> None:
    with pytest.raises(KeyError, match="there is no exercise"):
        exercises.check("nothing", 1)


def test_every_registered_exercise_has_named_mistakes() -> None:
    for name, exercise in exercises.EXERCISES.items():
        assert len(exercise.mistakes) >= 3, name
        for probe in exercise.probes:
            exercise.expected(*probe)


@pytest.mark.parametrize(
    ("name", "hint"), [(n, h) for n, e in exercises.EXERCISES.items() if e.probes for h in e.mistakes]
)
def test_each_known_mistake_gets_its_own_hint(name: str, hint: str) -> None:
    grade = exercises.grade_answer(name, exercises.EXERCISES[name].mistakes[hint])
    assert (grade.status, grade.message) == ("wrong", hint)


def test_conclusions_are_judged_only_where_they_can_be(digits: Dataset) -> None:
    found = exercises.Findings(digits)
    found.record("accuracy is high", False, "0.5")
    found.record("probabilities sum to one", True, "1.0", anywhere=True)
    found.record("and a wrong theorem shows", False, "2.0", anywhere=True)
    assert found.verdicts.splitlines() == [
        "not judged (this is digits, not mnist): accuracy is high",
        "✔ probabilities sum to one",
        "✘ and a wrong theorem shows",
    ]
    assert "| ✔ | probabilities sum to one | 1.0 |" in found._repr_markdown_()


def test_timings_stand_in_the_table_and_are_not_compared(digits: Dataset) -> None:
    found = exercises.Findings(digits)
    found.record("a loop is slower", False, "0.9 times", anywhere=True, timing=True)
    assert found.verdicts == ""
    assert "✘ a loop is slower [0.9 times]" in repr(found)
