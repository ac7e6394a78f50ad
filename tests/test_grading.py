"""The grader answers: not attempted, wrong because …, right; and it says of a wrong answer what can be seen in it."""

import ast
import contextlib
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from mnist_lr_helpers.exercises import e02, grading, guard
from mnist_lr_helpers.exercises.grading import Exercise, Grade, grade_answer

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import seeded

NAME = "02.9 test"
RIGHT = Grade("right", "right")


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Callable[..., Grade]]:
    """Registers an exercise, and returns what grades an answer to it."""

    def register(expected: Callable, *probes: tuple, mistakes: dict | None = None, **options) -> Callable[..., Grade]:
        exercise = Exercise(expected, mistakes or {}, probes, **options)
        monkeypatch.setitem(e02.EXERCISES, NAME, exercise)
        return lambda answer, **given: grade_answer(NAME, answer, **given)

    return register


@pytest.fixture
def mean(ask: Callable) -> Callable[..., Grade]:
    """Grades the mean of a tensor."""
    return ask(
        lambda x: x.mean(),
        (torch.arange(4.0),),
        (torch.rand(3, generator=seeded()),),
        mistakes={"that is the sum": lambda x: x.sum()},
    )


@pytest.mark.parametrize(
    ("answer", "status", "word"),
    [
        (..., "not attempted", "Replace"),
        (lambda x: ..., "not attempted", "Replace"),
        (lambda x: x.sum() / len(x), "right", "right"),
        (lambda x: float(sum(x) / len(x)), "right", "right"),
        (lambda x: x.sum(), "wrong", "that is the sum"),
        (lambda x: x.max(), "wrong", "none of the usual"),
        (lambda x: 1 / 0, "wrong", "ZeroDivisionError"),
        (1.5, "wrong", "should be a function"),
        (None, "wrong", "should be a function"),
    ],
)
def test_grades(mean: Callable, answer: object, status: str, word: str) -> None:
    grade = mean(answer)
    assert grade.status == status
    assert word in grade.message


def test_check_prints_mark_name_and_verdict(mean: Callable, capsys: pytest.CaptureFixture) -> None:
    for answer in (torch.mean, torch.sum, ...):
        grading.check(NAME, answer)
    right, wrong, stub = capsys.readouterr().out.splitlines()
    assert right == f"✔ {NAME}: right"
    assert wrong == f"✘ {NAME}: that is the sum"
    assert stub.startswith(f"○ {NAME}: not attempted yet.")


@pytest.mark.parametrize("name", ["nothing", "", "01", "01.7 nothing", "99.1 batches", "__init__.1"])
def test_unknown_exercise_is_an_error(name: str) -> None:
    with pytest.raises(KeyError, match="there is no exercise"):
        grading.check(name, 1)


@pytest.mark.slow
def test_only_the_file_of_the_notebook_is_read() -> None:
    code = """
import sys
from mnist_lr_helpers.exercises import grading
print([name for name in sys.modules if ".exercises" in name])
grading.grade_answer("07.2 certificate", ...)
print([name for name in sys.modules if ".exercises" in name])
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    before, after = (set(ast.literal_eval(line)) for line in printed.splitlines())
    assert not {name for name in before if name[-2:].isdigit()}
    assert after - before == {"mnist_lr_helpers.exercises.e07"}


# Not attempted, and attempts that look like it


def documented(x):
    """Still to do."""


def passing(x):
    pass


def left_as_it_was(x):
    return ...


def printed_only(x):
    print(x.mean())


def not_returned(x):
    x.sum() / 4


def without_else(x):
    if len(x) == 4:
        return x.mean()


def above_the_dots(x):
    total = x.sum() / len(x)  # noqa: F841
    return ...


@pytest.mark.parametrize("stub", [documented, passing, left_as_it_was, lambda x: None])
def test_an_empty_body_is_not_attempted(mean: Callable, stub: Callable) -> None:
    assert mean(stub).status == "not attempted"


@pytest.mark.parametrize("attempt", [printed_only, not_returned])
def test_who_returns_nothing_is_told_so(mean: Callable, attempt: Callable) -> None:
    grade = mean(attempt)
    assert grade.status == "wrong"
    assert "your function returns nothing: print shows a value, return hands it over" in grade.message


def test_who_returns_nothing_for_some_inputs_is_told_for_which(mean: Callable) -> None:
    grade = mean(without_else)
    assert grade.status == "wrong"
    assert grade.message.startswith("with tensor([0.4963, 0.7682, 0.0885]) your function returns nothing")
    assert grade.message.endswith("right for tensor([0., 1., 2., 3.])")


def test_dots_left_below_code_are_named(mean: Callable) -> None:
    assert mean(above_the_dots).status == "wrong"
    assert "your function returns `...`" in mean(above_the_dots).message


# Values


def test_values_are_judged_by_what_the_run_measured(ask: Callable) -> None:
    larger = ask(lambda measured: measured > 3, mistakes={"no": lambda measured: measured <= 3})
    assert larger(True, measured=5) == RIGHT
    assert larger(True, measured=2).message == "no"
    assert larger(1, measured=5).message == "True or False, please: this is of the type int"


def test_a_function_is_no_answer_to_a_question_for_a_value(ask: Callable) -> None:
    value = ask(lambda measured: measured)
    assert "did you forget the brackets?" in value(lambda: 5, measured=5).message
    assert value(..., measured=5).status == "not attempted"
    assert value(None, measured=5).message.startswith("the answer is None, which is nothing")


def test_a_measurement_that_the_answer_has_overwritten_is_named(ask: Callable) -> None:
    grade = ask(lambda errors: errors[0] + 1)(4, errors={"rung": 3})
    assert grade.status == "wrong"
    assert "the check cannot use errors any more (KeyError" in grade.message
    with pytest.raises(TypeError):  # whoever wrote the check forgot it
        grade_answer(NAME, 4)


VALUES = [2.0, 0.5, 1.0]
ALIKE = [
    tuple(VALUES),
    np.array(VALUES),
    np.array(VALUES, dtype=np.float16),
    np.array(VALUES, dtype=np.longdouble),
    torch.tensor(VALUES, requires_grad=True),
    torch.tensor(VALUES, dtype=torch.bfloat16),
    torch.tensor(VALUES).to_sparse(),
    pd.Series(VALUES, index=[7, 8, 9]),
    [torch.tensor(2.0, requires_grad=True), np.float32(0.5), 1],
    [Fraction(2), Fraction(1, 2), Decimal(1)],
    pd.Series(VALUES, dtype="Float64"),
]


@pytest.mark.parametrize("value", ALIKE, ids=lambda value: type(value).__name__)
def test_any_kind_of_array_is_accepted(ask: Callable, value: object) -> None:
    for expected in (VALUES, torch.tensor(VALUES), np.array(VALUES)):
        assert ask(lambda right=expected: right)(value) == RIGHT


@pytest.mark.parametrize(
    "value", [0.5, np.float32(0.5), np.array(0.5), torch.tensor(0.5, dtype=torch.half), Fraction(1, 2), Decimal("0.5")]
)
def test_any_kind_of_number_is_accepted(ask: Callable, value: object) -> None:
    assert ask(lambda: 0.5)(value) == RIGHT


@pytest.mark.parametrize("truth", [True, np.True_, torch.tensor(True), np.array(True)])
def test_any_kind_of_truth_is_accepted(ask: Callable, truth: object) -> None:
    assert ask(lambda: True)(truth) == RIGHT
    assert ask(lambda: False)(truth).status == "wrong"
    assert ask(lambda: 1)(truth).message.startswith(f"a number, please: this is of the type {type(truth).__name__}")


def test_a_data_frame_is_a_matrix(ask: Callable) -> None:
    shares = ask(lambda counts: counts / counts.sum(axis=1, keepdims=True), (np.array([[6, 2], [1, 3]]),))
    assert shares(lambda counts: pd.DataFrame(counts).div(pd.DataFrame(counts).sum(axis=1), axis=0)) == RIGHT


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (lambda x: (x, x.sum()), "right"),
        (lambda x: [x.numpy(), float(x.sum())], "right"),
        (lambda x: (x.sum(), x), "wrong"),
        (lambda x: (x,), "wrong"),
        (lambda x: x, "wrong"),
    ],
)
def test_several_things_may_be_asked_for_at_once(ask: Callable, answer: Callable, status: str) -> None:
    assert ask(lambda x: (x, x.sum()), (torch.arange(4.0),))(answer).status == status


def test_the_tolerance_is_that_of_the_exercise(ask: Callable) -> None:
    for tolerance, near, far in ((1e-4, 1.5e-4, 2.5e-4), (1e-2, 1.5e-2, 2.5e-2)):  # absolute plus relative
        one = ask(lambda: 1.0, tolerance=tolerance)
        assert (one(1 + near).status, one(1 + far).status) == ("right", "wrong")


def test_a_mistake_may_leave_some_values_open(ask: Callable) -> None:
    pair = ask(lambda: (2.0, 0.1), mistakes={"no momentum": lambda: (..., 1.0), "slow": lambda: (0.5, ...)})
    assert pair([7, 1]).message == "no momentum"
    assert pair(np.array([0.5, 0.1])).message == "slow"
    assert "no. 1" in pair([2, 3]).message


# Each probe is judged


def test_every_probe_counts(ask: Callable) -> None:
    double = ask(lambda x: 2 * x, (2,), (3,), (0,))
    for right_only_for in (2, 3, 0):
        assert double(lambda x, only=right_only_for: 2 * x if x == only else 99).status == "wrong"


def test_a_crash_names_its_input_and_does_not_hide_the_hint(ask: Callable) -> None:
    inverse = ask(lambda a, b: a / (b + 1), (3, 1), (5, 4), (2, 0), mistakes={"one more": lambda a, b: a / max(b, 1)})
    assert inverse(lambda a, b: a / b).message == (
        "one more; with 2, 0 your code stops with ZeroDivisionError: division by zero"
    )
    assert inverse(lambda a, b: (a / (b + 1)) if b else 1 / 0).message == (
        "with 2, 0 your code stops with ZeroDivisionError: division by zero; right for 3, 1"
    )
    assert inverse(lambda a, b: [1 / b] and -1).message == (
        "with 2, 0 your code stops with ZeroDivisionError: division by zero; for 3, 1 yours is -1"
    )


def test_a_mistake_that_stops_is_not_that_of_an_answer_which_goes_through(ask: Callable) -> None:
    mistakes = {"inverse": lambda x: 1 / x, "inverse, but for 0": lambda x: 1 / x if x else 7}
    assert ask(lambda x: -x, (2,), (0,), mistakes=mistakes)(mistakes["inverse, but for 0"]).message == (
        "inverse, but for 0"
    )


def test_a_wrong_answer_is_shown_where_it_is_wrong(ask: Callable) -> None:
    batches = ask(lambda n, size: (-(-n // size), n % size or size), (54_000, 64), (128, 64))
    message = batches(lambda n, size: (-(-n // size), n % size)).message
    assert message.endswith("right for 54000, 64; for 128, 64 yours is (2, 0)")
    assert "64, 64" not in message, "the right answer is given away"


# What a program can say without knowing the exercise


@pytest.mark.parametrize(
    ("answer", "clue"),
    [
        (lambda x: -x, "the sign is turned round"),
        (lambda x: 100 * x, "100 times too large; are these percentages?"),
        (lambda x: x / 100, "100 times too small"),
        (lambda x: x.flip(0), "the last comes first"),
        (lambda x: x.round(decimals=2), "close, but not close enough"),
        (lambda x: x + x * torch.tensor([0.0, 5, 9]), "of the 3 values only these are right: no. 1"),
        (lambda x: x[:2], "this is shape [2], asked for is shape [3]"),
        (lambda x: x[None], "this is shape [1, 3], asked for is shape [3]"),
        (lambda x: x.sum(), "this is one number, asked for is shape [3]"),
        (lambda x: x * torch.nan, "there is a nan in it"),
        (lambda x: "0.41", "numbers, please: this is of the type str"),
        (lambda x: {"mean": 1}, "of the type dict"),
        (lambda x: x * 1j, "of the type Tensor of torch.complex64"),
        (lambda x: x > 0, "of the type Tensor of torch.bool"),
        (lambda x: x + 1, "not right yet, and none of the usual mistakes"),
    ],
)
def test_what_can_be_seen_in_a_wrong_answer_is_said(ask: Callable, answer: Callable, clue: str) -> None:
    grade = ask(lambda x: x, (torch.tensor([0.412, 0.263, 0.834]),), (torch.tensor([0.333, 0.476, 0.691]),))(answer)
    assert grade.status == "wrong"
    assert clue in grade.message
    assert grade.message.count("; for tensor([0.4120, 0.2630, 0.8340]) yours is ") == 1


def test_a_clue_has_to_fit_everywhere(ask: Callable) -> None:
    same = ask(lambda x: x, (0.5,), (0.25,))
    assert "percentages" not in same(lambda x: 50 if x == 0.5 else 7).message
    assert "sign" not in same(lambda x: -0.5).message
    assert "close" not in same(lambda x: 0.5 if x == 0.5 else 0.3).message


def test_text_that_looks_like_a_number_is_text(ask: Callable) -> None:
    assert ask(lambda: 4)("4").message == "a number, please: this is of the type str"


# What an answer must not do


def test_an_answer_in_place_does_not_change_the_question(mean: Callable) -> None:
    before = [probe[0].clone() for probe in e02.EXERCISES[NAME].probes]
    assert mean(lambda x: x.mul_(0).mean()).status == "wrong"  # right, if the question were changed with it
    assert mean(lambda x: x.sum().div_(len(x))) == RIGHT
    assert all(map(torch.equal, before, [probe[0] for probe in e02.EXERCISES[NAME].probes]))


@pytest.mark.parametrize(
    "answer",
    [
        lambda losses, weights: losses.pop() + sum(losses),
        lambda losses, weights: losses.append(sum(losses)) or losses[-1],
        lambda losses, weights: (weights.sub_(1), sum(losses))[1],
    ],
)
def test_who_changes_what_was_given_is_told_so(ask: Callable, answer: Callable) -> None:
    total = ask(lambda losses, weights: sum(losses), ([1.0, 2.5], torch.ones(2)), ([3.0], torch.ones(1)))
    assert total(sum_of_copy) == RIGHT
    assert total(answer) == Grade("right", "right, but your function changes what it was given: let it work on a copy")


def sum_of_copy(losses, weights):
    losses = losses.copy()
    return losses.pop() + sum(losses)


def test_a_function_that_the_task_rules_out_is_named(ask: Callable) -> None:
    spread = ask(lambda x: x.var(), (torch.arange(4.0),), ruled_out=frozenset({"var", "std"}))
    assert spread(lambda x: ((x - x.mean()) ** 2).sum() / (len(x) - 1)) == RIGHT
    for cheat in (lambda x: x.std() ** 2, lambda x: (lambda y: torch.std(y) ** 2)(x)):
        assert spread(cheat) == Grade("wrong", "the right numbers, but by std, which the task rules out")
    assert "std" not in spread(lambda x: x.std()).message


# Odd answers


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


class Invisible:
    def __repr__(self) -> str:
        raise ValueError("no sight")


def stop(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    "answer",
    [
        lambda x: x.to("meta"),
        lambda x: x.to("meta").mean(),
        lambda x: x.to_sparse(),
        lambda x: Invisible(),
        lambda x: [Invisible()],
        lambda x: {"a": Invisible},
        lambda x: iter(x),
        lambda x: [[1, 2], [3]],
        lambda x: [1, None],
        lambda x: 10**5000,
        lambda x: np.array(["a"]),
        lambda x: pd.Series(["a", 1]),
        lambda x: pd.Timestamp("2024-01-01"),
        lambda x: torch.nn.Linear(2, 2),
        lambda x: [0.0] * 1_000_000,
        lambda x: "long " * 1_000_000,
        lambda x: stop(Unspeakable()),
        lambda x: stop(ValueError("long " * 1_000_000)),
    ],
)
def test_odd_answers_are_wrong_and_soon_told(mean: Callable, answer: Callable) -> None:
    grade = mean(answer)
    assert grade.status == "wrong"
    assert len(grade.message) < 600
    assert "\n" not in grade.message


def test_odd_values_are_wrong(ask: Callable) -> None:
    circle: list = []
    circle.append(circle)
    for value in (circle, Invisible(), torch.ones(2, device="meta"), set(), object, print):
        assert ask(lambda: 0.5)(value).status == "wrong"


# Answers that would do harm


def test_an_answer_that_never_ends_is_stopped(mean: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "SECONDS", 0.2)

    def endless(x):
        while True:
            with contextlib.suppress(Exception):
                x = x + 1

    before = signal.getsignal(signal.SIGALRM)
    grade = mean(endless)
    assert grade.status == "wrong"
    assert grade.message.startswith("with tensor([0., 1., 2., 3.]) your code takes more than")
    assert signal.getsignal(signal.SIGALRM) is before


@pytest.mark.parametrize("leave", [SystemExit, GeneratorExit])
def test_an_answer_that_leaves_is_told_so(mean: Callable, leave: type[BaseException]) -> None:
    def leaving(x):
        raise leave

    assert f"your code leaves with {leave.__name__}" in mean(leaving).message


def test_an_interrupt_is_the_readers_own(mean: Callable) -> None:
    def interrupted(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mean(interrupted)


def test_prints_are_shown_and_cut(mean: Callable, capsys: pytest.CaptureFixture) -> None:
    def talkative(x):
        print("here", "x" * 10_000_000)
        return x.mean()

    assert mean(talkative) == RIGHT
    printed = capsys.readouterr().out
    assert printed.startswith("here x")
    assert printed.count("the rest is left out") == 1
    assert len(printed) < 3_000


def test_a_replaced_function_is_put_back_and_named(mean: Callable) -> None:
    true = torch.allclose, torch.Tensor.mean

    def patching(x):
        torch.allclose = lambda *_, **__: True
        torch.Tensor.mean = lambda *_, **__: 0
        return 0

    grade = mean(patching)
    assert grade.status == "wrong"
    assert "replaces torch.allclose, torch.Tensor.mean" in grade.message
    assert (torch.allclose, torch.Tensor.mean) == true


def test_what_was_replaced_before_does_not_judge(mean: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "allclose", lambda *_, **__: True)
    assert mean(lambda x: x.mean() + 1).status == "wrong"


def test_what_equals_everything_equals_no_number(mean: Callable) -> None:
    class Chameleon:
        def __eq__(self, other):
            return True

        __hash__ = None

    assert mean(lambda x: Chameleon()).status == "wrong"


def test_what_is_told_of_an_object_is_the_same_each_time(mean: Callable) -> None:
    told = mean(lambda x: object()).message
    assert "object object" in told
    assert "0x" not in told


def test_a_hint_may_be_asked_for_without_quotes(
    ask: Callable, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    ask(lambda x: x, (1.0,), hints=("Which one?", "And how?"))
    monkeypatch.setattr(grading, "asked_for", Counter())
    grading.hint("02.9")
    grading.hint(02.9)
    assert capsys.readouterr().out == "Hint 1 of 2: Which one?\nHint 2 of 2: And how?\n"


def test_a_grade_names_the_known_mistake(mean: Callable) -> None:
    assert mean(torch.sum).mistake == "that is the sum"
    assert mean(torch.max).mistake == ""


def test_values_that_the_reader_never_saw_are_not_shown(ask: Callable) -> None:
    twice = ask(lambda x: (4, x), (1.0,), (2.0,), use=lambda answer, x: (answer(), x))
    assert twice(lambda: 5) == Grade("wrong", "not right yet, and none of the usual mistakes")
