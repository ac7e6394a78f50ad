"""The grader answers: not attempted, wrong because …, right; the table of conclusions judges only what it can."""

import math
from collections import Counter
from itertools import accumulate, count

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
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


def test_a_function_is_no_answer_to_a_question_for_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    exercise = exercises.Exercise(expected=lambda measured: measured, mistakes={})
    monkeypatch.setitem(exercises.EXERCISES, "value", exercise)
    grade = exercises.grade_answer("value", lambda: 5, measured=5)
    assert (grade.status, "did you forget the brackets?" in grade.message) == ("wrong", True)
    assert exercises.grade_answer("value", ..., measured=5).status == "not attempted"


def test_an_answer_in_place_does_not_change_the_question(mean_exercise: str) -> None:
    def zero_and_answer(x: torch.Tensor) -> torch.Tensor:
        return x.mul_(0).mean()  # right, if the question were changed with it

    before = [probe[0].clone() for probe in exercises.EXERCISES[mean_exercise].probes]
    assert exercises.grade_answer(mean_exercise, zero_and_answer).status == "wrong"
    assert exercises.grade_answer(mean_exercise, lambda x: x.sum().div_(len(x))).status == "right"
    assert all(map(torch.equal, before, [probe[0] for probe in exercises.EXERCISES[mean_exercise].probes]))


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (lambda x: (x, x.sum()), "right"),
        (lambda x: [x.numpy(), float(x.sum())], "right"),
        (lambda x: (x.sum(), x), "wrong"),
        (lambda x: (x,), "wrong"),
    ],
)
def test_several_things_may_be_asked_for_at_once(monkeypatch: pytest.MonkeyPatch, answer: object, status: str) -> None:
    exercise = exercises.Exercise(expected=lambda x: (x, x.sum()), mistakes={}, probes=((torch.arange(4.0),),))
    monkeypatch.setitem(exercises.EXERCISES, "two", exercise)
    assert exercises.grade_answer("two", answer).status == status


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


# What a run might have measured, for the exercises whose answer is a value.
MEASURED = {
    "01.3 slant and class": {
        "slant": torch.tensor([1.0, 2, 3, 8, 9, 20]),
        "labels": torch.tensor([0, 0, 0, 1, 1, 2]),
    },
    "03.4 predict": {},
    "09.3 longest-step": {"errors": [700, 690, 300, 120, 100, 15]},
}


def test_there_is_a_measurement_for_every_value_that_is_asked_for() -> None:
    assert set(MEASURED) == {name for name, exercise in exercises.EXERCISES.items() if not exercise.probes}


@pytest.mark.parametrize(("name", "hint"), [(n, h) for n in MEASURED for h in exercises.EXERCISES[n].mistakes])
def test_each_known_mistake_about_a_value_gets_its_own_hint(name: str, hint: str) -> None:
    answer = exercises.EXERCISES[name].mistakes[hint](**MEASURED[name])
    grade = exercises.grade_answer(name, answer, **MEASURED[name])
    assert (grade.status, grade.message) == ("wrong", hint)


def _standardised_in_place(train: torch.Tensor, test: torch.Tensor) -> list[torch.Tensor]:
    mean, std = train.mean().item(), train.std().item()
    return [part.sub_(mean).div_(std) for part in (train, test)]


def _bias_gradient_by_autograd(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    bias = torch.zeros(logits.shape[1], requires_grad=True)
    return torch.autograd.grad(torch.nn.functional.cross_entropy(logits + bias, labels), bias)[0]


def _smoothed(losses: list[float], beta: float) -> list[float]:
    shares = [[(1 - beta) * beta**age for age in reversed(range(t))] for t in range(1, len(losses) + 1)]
    return [sum(map(math.prod, zip(share, losses, strict=False))) / sum(share) for share in shares]


def _epochs_walked(path: float, rate: float, momentum: float, batch_size: int, n: int) -> int:
    each = len(range(0, n, batch_size)) * rate / (1 - momentum)
    return next(epoch for epoch in count(1) if epoch * each >= path)


def _calibration_error(confidence: torch.Tensor, correct: torch.Tensor, bins: int) -> float:
    sums = np.zeros(bins)
    which = np.digitize(confidence.numpy(), np.linspace(0, 1, bins + 1)[1:-1].astype(np.float32), right=True)
    np.add.at(sums, which, correct.numpy() - confidence.numpy())
    return np.abs(sums).sum() / len(confidence)


def _widest(first: int, second: int) -> int:
    deep = 784 * first + first + first * second + second + second * 10 + 10
    return next(width for width in count(1) if 784 * (width + 1) + (width + 1) + (width + 1) * 10 + 10 > deep)


def _decayed_by_torch(w: float, rate: float, penalty: float, steps: int) -> torch.Tensor:
    weight = torch.tensor(w, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        (penalty * weight**2).backward()
        optimizer.step()
    return weight


def _convolution_in_loops(image: torch.Tensor, weights: torch.Tensor) -> list[list[float]]:
    rows, columns, side = image.shape[0], image.shape[1], len(weights)
    return [
        [(image[i : i + side, j : j + side] * weights).sum().item() for j in range(columns - side + 1)]
        for i in range(rows - side + 1)
    ]


def _slope_by_numpy(ink: torch.Tensor) -> float:
    y, x = np.indices(ink.shape)
    covariance = np.cov(x.ravel(), y.ravel(), aweights=ink.numpy().ravel())
    return covariance[0, 1] / covariance[1, 1]


# Right answers in another style than the solution's.
OTHERWISE = {
    "01.1 batches": lambda n, size: (len(range(0, n, size)), len(range(range(0, n, size)[-1], n))),
    "01.2 standardise": lambda mean, std: torch.tensor([mean - 0.1307, std]) / 0.3081,
    "01.3 slant and class": lambda slant, labels: (
        1
        - sum((labels == k).sum() * slant[labels == k].var(correction=0) for k in labels.unique())
        / (len(slant) * slant.var(correction=0))
    ),
    "01.4 no peeking": _standardised_in_place,
    "02.1 parameter-count": lambda height, width, channels, classes: sum(
        p.numel() for p in torch.nn.Linear(height * width * channels, classes, device="meta").parameters()
    ),
    "02.2 stable-log-softmax": lambda z: z - z.logsumexp(dim=1, keepdim=True),
    "02.3 bias-gradient": _bias_gradient_by_autograd,
    "02.4 many-batches": lambda losses, sizes: np.average(losses, weights=sizes),
    "03.1 smoothing": _smoothed,
    "03.2 step decay": lambda epoch, start, every, factor: list(
        accumulate(range(1, epoch), lambda rate, done: rate if done % every else rate * factor, initial=start)
    )[-1],
    "03.3 epochs needed": _epochs_walked,
    "03.4 predict": lambda: torch.tensor([2, 2, 0.1, 1]),
    "04.1 wilson-interval": lambda k, n: tuple(scipy.stats.binomtest(k, n).proportion_ci(method="wilson")),
    "04.2 calibration-error": _calibration_error,
    "04.3 conformal-threshold": lambda scores, alpha: sorted([*scores.tolist(), math.inf])[
        next(r for r in count() if (r + 1) / (len(scores) + 1) >= 1 - alpha - 1e-12)
    ],
    "05.1 most frequent confusion": lambda y, p: Counter(
        pair for pair in zip(y.tolist(), p.tolist(), strict=True) if pair[0] != pair[1]
    ).most_common(1)[0][0],
    "05.2 confident-learning thresholds": lambda p, y: (
        (torch.eye(p.shape[1])[y] * p).sum(dim=0) / y.bincount(minlength=p.shape[1])
    ),
    "05.3 faded image": lambda z, blank, c: max(
        range(len(z)), key=lambda k: c * float(z[k]) + (1 - c) * float(blank[k])
    ),
    "06.1 stable-loss": lambda z, y: torch.nn.functional.binary_cross_entropy_with_logits(
        torch.tensor(z), torch.tensor(y).float()
    ),
    "06.2 precision-and-recall": lambda p, y, threshold: (
        sklearn.metrics.precision_score(y, p > threshold),
        sklearn.metrics.recall_score(y, p > threshold),
    ),
    "07.1 equal-size": _widest,
    "07.2 idle-weight": _decayed_by_torch,
    "08.1 valid-convolution": _convolution_in_loops,
    "08.2 count-a-layer": lambda side, inputs, filters, kernel: (
        sum(p.numel() for p in torch.nn.Conv2d(inputs, filters, kernel, device="meta").parameters()),
        side * side * torch.empty(filters, inputs, kernel, kernel, device="meta").numel(),
    ),
    "08.3 receptive-field": lambda kernel, blocks: 1 + kernel * (2**blocks - 1),
    "09.1 feature-count": lambda side, orientations, cells: sum(
        orientations
        for cell in cells
        for _ in range(0, side - cell + 1, cell // 2)
        for _ in range(0, side - cell + 1, cell // 2)
    ),
    "09.2 slope": _slope_by_numpy,
    "09.3 longest-step": lambda errors: 2 + int(np.diff(np.log(errors)).argmin()),
    "10.1 whole-images": lambda accuracy, n: np.isclose(accuracy * n, round(accuracy * n), rtol=0, atol=1e-6),
    "10.2 price-of-peeking": lambda validation, test: float(
        test.numpy()[validation.numpy().argmin()] - min(test.tolist())
    ),
    "10.3 one-more-run": lambda runs: scipy.stats.t.interval(
        0.95, len(runs) - 1, runs.mean().item(), np.std(runs.numpy(), ddof=1) * math.sqrt(1 + 1 / len(runs))
    ),
    "11.3 votes": lambda ink, weights, std, first, second: (
        np.subtract(*weights[[first, second]].numpy()) * (ink / std).numpy()
    ),
}


def test_at_least_half_of_the_exercises_are_solved_in_a_second_style() -> None:
    assert set(OTHERWISE) <= set(exercises.EXERCISES)
    assert 2 * len(OTHERWISE) >= len(exercises.EXERCISES)


@pytest.mark.parametrize("name", OTHERWISE)
def test_a_right_answer_in_another_style_is_right(name: str) -> None:
    measured = MEASURED.get(name, {})
    answer = OTHERWISE[name](**measured) if name in MEASURED else OTHERWISE[name]
    assert exercises.grade_answer(name, answer, **measured) == exercises.Grade("right", "right")


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
