"""The tables of exercises: right answers in every style pass, and no mistake gets the hint for another."""

import math
from collections import Counter
from fractions import Fraction
from itertools import accumulate, count

from mnist_lr_helpers.exercises.grading import Grade, exercises_of, grade_answer

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import sklearn.metrics
import torch
from answers import EXERCISES, MEASURED, NUMBERS, graded


def test_exercises_stand_in_order_and_name_their_mistakes() -> None:
    assert list(EXERCISES) == sorted(EXERCISES)
    assert all(name.split(".")[0] == number for number in NUMBERS for name in exercises_of(number))
    assert all(len(exercise.mistakes) >= 3 for exercise in EXERCISES.values())


def test_there_is_a_measurement_for_every_value_that_is_asked_for() -> None:
    assert set(MEASURED) == {name for name, exercise in EXERCISES.items() if not exercise.probes}


@pytest.mark.parametrize(("name", "hint"), [(name, hint) for name, one in EXERCISES.items() for hint in one.mistakes])
def test_each_known_mistake_gets_its_own_hint(name: str, hint: str) -> None:
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


def _standardised_part_by_part(train: torch.Tensor, test: torch.Tensor) -> list[torch.Tensor]:
    mean, std = train.mean().item(), train.std().item()
    return [part.clone().sub_(mean).div_(std) for part in (train, test)]


def _log_softmax_row_by_row(logits: torch.Tensor) -> list[list[float]]:
    rows = [[value - max(row) for value in row] for row in logits.tolist()]
    return [[value - math.log(sum(map(math.exp, row))) for value in row] for row in rows]


def _bias_gradient_by_hand(logits: torch.Tensor, labels: torch.Tensor) -> np.ndarray:
    powers = np.exp(logits.numpy())
    difference = powers / powers.sum(axis=1, keepdims=True)
    difference[np.arange(len(labels)), labels.numpy()] -= 1
    return difference.sum(axis=0) / len(labels)


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
    "01.3 slant and class": lambda slant, labels: round(
        1
        - sum((labels == k).sum().item() * slant[labels == k].var(correction=0).item() for k in labels.unique())
        / (len(slant) * slant.var(correction=0).item()),
        3,
    ),
    "01.4 no peeking": _standardised_part_by_part,
    "02.1 parameter-count": lambda height, width, channels, classes: sum(
        p.numel() for p in torch.nn.Linear(height * width * channels, classes, device="meta").parameters()
    ),
    "02.2 stable-log-softmax": _log_softmax_row_by_row,
    "02.3 bias-gradient": _bias_gradient_by_hand,
    "02.4 many-batches": lambda losses, sizes: np.average(losses, weights=sizes),
    "03.1 smoothing": _smoothed,
    "03.2 step decay": lambda epoch, start, every, factor: list(
        accumulate(range(1, epoch), lambda rate, done: rate if done % every else rate * factor, initial=start)
    )[-1],
    "03.3 epochs needed": _epochs_walked,
    "03.4 predict": lambda: (2, Fraction(54_000, 27_000), Fraction(1, 10), 844 / 844),
    "04.1 wilson-interval": lambda k, n: tuple(scipy.stats.binomtest(k, n).proportion_ci(method="wilson")),
    "04.2 calibration-error": _calibration_error,
    "04.3 conformal-threshold": lambda scores, alpha: sorted([*scores.tolist(), math.inf])[
        next(r for r in count() if (r + 1) / (len(scores) + 1) >= 1 - alpha - 1e-12)
    ],
    "04.4 row-normalised": lambda counts: pd.DataFrame(counts).div(pd.DataFrame(counts).sum(axis=1), axis=0),
    "05.1 most frequent confusion": lambda y, p: Counter(
        pair for pair in zip(y.tolist(), p.tolist(), strict=True) if pair[0] != pair[1]
    ).most_common(1)[0][0],
    "05.2 confident-learning thresholds": lambda p, y: (
        (torch.eye(p.shape[1])[y] * p).sum(dim=0) / y.bincount(minlength=p.shape[1])
    ),
    "05.3 faded image": lambda z, blank, c: torch.lerp(blank, z, c).argmax(),
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


@pytest.mark.parametrize("name", OTHERWISE)
def test_a_right_answer_in_another_style_is_right(name: str) -> None:
    assert graded(name, OTHERWISE[name]) == Grade("right", "right")


def test_what_a_task_rules_out_is_not_right() -> None:
    def bias_gradient(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        bias = torch.zeros(logits.shape[1], requires_grad=True)
        torch.nn.functional.nll_loss((logits + bias).log_softmax(dim=1), labels).backward()
        return bias.grad

    for name, answer in {
        "02.2 stable-log-softmax": lambda logits: logits - logits.logsumexp(dim=1, keepdim=True),
        "02.3 bias-gradient": bias_gradient,
    }.items():
        assert "which the task rules out" in graded(name, answer).message


def test_slant_and_labels_may_be_columns_of_the_table() -> None:
    slant, labels = MEASURED["01.3 slant and class"].values()
    table = pd.DataFrame({"class": labels, "slant": slant}, index=range(7, 13))
    share = table.groupby("class")["slant"].transform("mean").var(ddof=0) / table["slant"].var(ddof=0)
    grade = grade_answer("01.3 slant and class", share, slant=table["slant"], labels=table["class"])
    assert grade == Grade("right", "right")
