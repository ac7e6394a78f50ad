"""The tables of exercises: right answers in every style pass, and no mistake gets the hint for another."""

from dataclasses import replace

from mnist_lr_helpers.exercises.grading import Grade, exercises_of

import pytest
import torch
from answers import EXERCISES, MEASURED, NATURAL, NUMBERS, OTHERWISE, graded


def test_exercises_stand_in_order_and_name_their_mistakes() -> None:
    assert list(EXERCISES) == sorted(EXERCISES)
    assert all(name.split(".")[0] == number for number in NUMBERS for name in exercises_of(number))
    assert all(len(exercise.mistakes) >= 3 for exercise in EXERCISES.values())


def test_each_exercise_has_two_hints_that_do_not_name_its_mistakes() -> None:
    assert not {name: one.hints for name, one in EXERCISES.items() if len(set(one.hints)) != 2}
    assert not [name for name, one in EXERCISES.items() if set(one.hints) & set(one.mistakes)]


def test_there_is_a_measurement_for_every_value_that_is_asked_for() -> None:
    assert set(MEASURED) == {name for name, exercise in EXERCISES.items() if not exercise.probes}


@pytest.mark.parametrize(("name", "hint"), [(name, hint) for name, one in EXERCISES.items() for hint in one.mistakes])
def test_each_known_mistake_gets_its_own_hint(name: str, hint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = replace(EXERCISES[name], use=lambda answer, *probe: answer(*probe))  # the mistake is what is judged
    monkeypatch.setitem(exercises_of(name.split(".")[0]), name, plain)

    def answer(*probe: object, **measured: object) -> object:
        """The mistake; what it leaves open is right."""
        value = EXERCISES[name].mistakes[hint](*probe, **measured)
        right = EXERCISES[name].expected(*probe, **measured)
        if isinstance(value, tuple) and ... in [part for part in value if part is ...]:
            return [own if own is not ... else other for own, other in zip(value, right, strict=True)]
        return value

    grade = graded(name, answer)
    assert grade.status == "wrong"
    assert grade.message.split("; with ")[0] == hint  # what follows is about an input that this mistake stops on


@pytest.mark.parametrize("name", OTHERWISE)
def test_a_right_answer_in_another_style_is_right(name: str) -> None:
    assert graded(name, OTHERWISE[name]) == Grade("right", "right")


@pytest.mark.parametrize(("name", "words"), [(name, words) for name, answers in NATURAL.items() for words in answers])
def test_a_student_who_makes_a_usual_mistake_is_told_which(name: str, words: str) -> None:
    grade = graded(name, NATURAL[name][words])
    assert grade.status == "wrong"
    assert words in grade.message


def test_every_exercise_is_tried_with_a_student_s_mistakes() -> None:
    assert set(NATURAL) == set(EXERCISES)


def test_what_a_task_rules_out_is_not_right() -> None:
    def squared_gradient(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        logits.requires_grad_()
        truth = torch.nn.functional.one_hot(labels, logits.shape[1])
        (logits.softmax(dim=1) - truth).square().sum(dim=1).mean().backward()
        return logits.grad

    for name, answer in {
        "06.1 log-softmax": lambda logits: logits - logits.logsumexp(dim=1, keepdim=True),
        "06.4 squared-gradient": squared_gradient,
    }.items():
        assert "which the task rules out" in graded(name, answer).message
