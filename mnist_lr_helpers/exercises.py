"""Graded checks for the reader's answers, and the table of conclusions.

An exercise is a row of ``EXERCISES``: what the right answer returns, the questions it is
asked, and the known mistakes, each with a hint that names the mistake and not the answer.
"""

from __future__ import annotations

import copy
import math
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
    probes = exercise.probes or ((),)
    if exercise.probes and not callable(answer) and not _missing(answer):
        return Grade("wrong", "the answer should be a function")
    if callable(answer) and not exercise.probes:
        return Grade("wrong", "the answer should be a value, not a function; did you forget the brackets?")
    try:  # each call gets its own copy, so that an answer which works in place cannot change the question
        answers = [answer(*copy.deepcopy(probe)) if callable(answer) else answer for probe in probes]
    except Exception as error:  # whatever the reader's code raises is shown to the reader
        return Grade("wrong", f"your code stops with {type(error).__name__}: {error}")
    if any(_missing(value) for value in answers):
        return Grade("not attempted", "not attempted yet. Replace the … with your answer")
    if _all_equal(answers, exercise.expected, probes, given, exercise.tolerance):
        return Grade("right", "right")
    for hint, mistake in exercise.mistakes.items():
        if _all_equal(answers, mistake, probes, given, exercise.tolerance):
            return Grade("wrong", hint)
    return Grade(
        "wrong",
        "not right yet, and none of the usual mistakes. Try it by hand on the smallest example, "
        "and then on the most extreme one that the task names",
    )


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
        _equal(value, reference(*copy.deepcopy(probe), **given), tolerance)
        for value, probe in zip(answers, probes, strict=True)
    )


def _equal(value: object, expected: object, tolerance: float) -> bool:
    if str(getattr(value, "dtype", "")) in ("bool", "torch.bool") and not getattr(value, "ndim", 0):
        value = bool(value)  # NumPy's or PyTorch's
    if isinstance(expected, str | bool) or isinstance(value, str | bool):
        return type(value) is type(expected) and value == expected
    if isinstance(expected, tuple | list) and isinstance(value, tuple | list):
        return len(value) == len(expected) and all(
            _equal(left, right, tolerance) for left, right in zip(value, expected, strict=True)
        )
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
    timings: set[str] = field(default_factory=set)

    def record(
        self, statement: str, holds: object, evidence: str, *, anywhere: bool = False, timing: bool = False
    ) -> None:
        """Add a conclusion; without ``anywhere`` it is judged only on a full run on MNIST.

        Args:
            statement: what we conclude, in words.
            holds: an expression evaluated on this run's results.
            evidence: the figures behind it.
            anywhere: the statement is true of any images, also of a few (a theorem, say).
            timing: the statement is about seconds, which depend on the machine and on what
                else it does; it stands in the table, but not in ``verdicts``.
        """
        if timing:
            self.timings.add(statement)
        judged = anywhere or (self.dataset.name == "mnist" and not self.quick)
        self.rows.append((statement, bool(holds) if judged else None, evidence))

    @property
    def verdicts(self) -> str:
        """One line per conclusion without figures and timings, so that it can be compared from run to run."""
        lasting = [(statement, holds) for statement, holds, _ in self.rows if statement not in self.timings]
        return "\n".join(f"{self._mark(holds)} {statement}" for statement, holds in lasting)

    def _mark(self, holds: bool | None) -> str:
        reason = "quick run" if self.quick else f"this is {self.dataset.name}, not mnist"
        return {True: "✔", False: "✘", None: f"not judged ({reason}):"}[holds]

    def __repr__(self) -> str:
        return "\n".join(f"{self._mark(holds)} {statement} [{evidence}]" for statement, holds, evidence in self.rows)

    def _repr_markdown_(self) -> str:
        cells = [f"| {self._mark(holds)} | {statement} | {evidence} |" for statement, holds, evidence in self.rows]
        return "\n".join(["| | What we found | Evidence from this run |", "|---|---|---|", *cells])


def _wilson(right: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    centre = (right + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * (right * (n - right) / n + z * z / 4) ** 0.5
    return centre - half, centre + half


def _wald(right: int, n: int) -> tuple[float, float]:
    half = 1.959964 * (right / n * (1 - right / n) / n) ** 0.5
    return right / n - half, right / n + half


def _bin_gaps(confidence: torch.Tensor, correct: torch.Tensor, bins: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Share of the images, and accuracy minus mean confidence, of each bin that is not empty."""
    bin_of = torch.bucketize(confidence, torch.linspace(0, 1, bins + 1)[1:-1])
    held = [bin_of == b for b in bin_of.unique()]
    gaps = torch.stack([correct[here].float().mean() - confidence[here].mean() for here in held])
    return torch.stack([here.float().mean() for here in held]), gaps


def _mean_gap(confidence: torch.Tensor, correct: torch.Tensor, bins: int) -> torch.Tensor:
    share, gap = _bin_gaps(confidence, correct, bins)
    return (share * gap.abs()).sum()


EXERCISES |= {
    "04.1 wilson-interval": Exercise(
        expected=_wilson,
        probes=((9258, 10_000), (19, 20), (0, 20)),
        mistakes={
            "these bounds lie equally far from the estimate: that is the normal (Wald) interval": _wald,
            "this is the normal (Wald) interval, cut off at 0 and 1: for 0 of 20 it has no width": lambda r, n: tuple(
                min(max(bound, 0.0), 1.0) for bound in _wald(r, n)
            ),
            "this z leaves 5 % on each side; the interval covers only 90 %": lambda r, n: _wilson(r, n, 1.644854),
            "these are percentages; give fractions of 1": lambda r, n: tuple(100 * b for b in _wilson(r, n)),
            "high comes first; give (low, high)": lambda r, n: _wilson(r, n)[::-1],
        },
        tolerance=2e-5,
    ),
    "04.2 calibration-error": Exercise(
        expected=_mean_gap,
        probes=(
            (torch.tensor([0.31, 0.55, 0.62, 0.97, 0.93, 0.88]), torch.tensor([0, 1, 0, 1, 1, 1]) == 1, 5),
            (torch.tensor([0.95, 0.9, 0.8, 0.85, 0.15]), torch.tensor([1, 0, 1, 0, 1]) == 1, 2),
            (torch.tensor([0.5, 0.75, 0.3, 0.6, 0.5]), torch.tensor([1, 0, 0, 1, 1]) == 1, 4),
        ),
        mistakes={
            "the middle of a bin is not the mean confidence of the images in it": lambda c, ok, bins: _mean_gap(
                ((c * bins).ceil() - 0.5) / bins, ok, bins
            ),
            "a confidence equal to an edge belongs to the bin below it": lambda c, ok, bins: _mean_gap(
                c + 1e-6, ok, bins
            ),
            "every bin counts the same here, also one that holds a single image": lambda c, ok, bins: (
                _bin_gaps(c, ok, bins)[1].abs().mean()
            ),
            "gaps of opposite sign cancel each other here": lambda c, ok, bins: (ok.float() - c).mean().abs(),
            "this is the largest gap of any bin (the maximum calibration error)": lambda c, ok, bins: (
                _bin_gaps(c, ok, bins)[1].abs().max()
            ),
            "this compares each image with itself; average within a bin first": lambda c, ok, bins: (
                (ok.float() - c).abs().mean()
            ),
        },
    ),
    "04.3 conformal-threshold": Exercise(
        expected=lambda scores, alpha: scores.sort().values[math.ceil((len(scores) + 1) * (1 - alpha)) - 1],
        probes=(
            (torch.arange(10) ** 2 / 100, 0.25),
            (torch.tensor([0.9, 0.1, 0.4, 0.3, 0.8, 0.2, 0.7]), 0.3),
            (torch.arange(9) ** 2 / 100, 0.5),
            (torch.tensor([0.6, 0.1, 0.5, 0.2, 0.4, 0.3]), 0.3),
        ),
        mistakes={
            "where (m + 1)(1 − α) is whole this takes one rank too many": lambda s, a: s.sort().values[
                int((len(s) + 1) * (1 - a))
            ],
            "the new image has a rank too: with m instead of m + 1 the promise is broken by a hair": lambda s, a: (
                s.sort().values[math.ceil(len(s) * (1 - a)) - 1]
            ),
            "the rank is rounded up, not down": lambda s, a: s.sort().values[math.floor((len(s) + 1) * (1 - a)) - 1],
            "this is the other end of the scores: a threshold that only a share alpha stays below": lambda s, a: (
                s.sort().values[math.ceil((len(s) + 1) * a) - 1]
            ),
            "this interpolates between two scores; take one of them": lambda s, a: s.quantile(1 - a),
            "the scores have to be sorted first": lambda s, a: s[math.ceil((len(s) + 1) * (1 - a)) - 1],
        },
    ),
    "04.4 row-normalised": Exercise(
        expected=lambda counts: counts / counts.sum(axis=1, keepdims=True),
        probes=tuple(
            (torch.tensor(counts).numpy(),) for counts in ([[6, 1, 3], [0, 4, 1], [2, 2, 12]], [[9, 1], [3, 17]])
        ),
        mistakes={
            "here each column sums to 1: that puts the precision on the diagonal": lambda c: c / c.sum(axis=0),
            "here all cells together sum to 1": lambda c: c / c.sum(),
            "true and predicted classes have changed places": lambda c: (c / c.sum(axis=1, keepdims=True)).T,
            "this divides the columns by the sums of the rows: a flat array is laid along the last axis": lambda c: (
                c / c.sum(axis=1)
            ),
            "these are percentages; give fractions of 1": lambda c: 100 * c / c.sum(axis=1, keepdims=True),
        },
    ),
}


def _residual(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return logits.softmax(dim=1) - torch.eye(logits.shape[1])[labels]


def _weighted(losses: list[float], sizes: list[int]) -> float:
    return sum(loss * size for loss, size in zip(losses, sizes, strict=True))


EXERCISES |= {
    "02.1 parameter-count": Exercise(
        expected=lambda height, width, channels, classes: (height * width * channels + 1) * classes,
        probes=((28, 28, 1, 10), (32, 32, 3, 100), (20, 30, 3, 7)),
        mistakes={
            "the weights are right, the biases are missing": lambda h, w, c, k: h * w * c * k,
            "each class has a bias of its own, not one for all": lambda h, w, c, k: h * w * c * k + 1,
            "each pixel has as many numbers as there are channels": lambda h, w, c, k: (h * w + 1) * k,
            "biases belong to classes, not to inputs": lambda h, w, c, k: h * w * c * (k + 1),
            "an image need not be square": lambda h, w, c, k: (h * h * c + 1) * k,
        },
    ),
    "02.2 stable-log-softmax": Exercise(
        expected=lambda z: z.log_softmax(dim=1),
        probes=((torch.tensor([[1.0, 2.0, 4.0]]),), (torch.tensor([[1000.0, 0.0, -1000.0], [3.0, 3.0, 3.0]]),)),
        mistakes={
            "the exponential of a large logit is infinite": lambda z: (z.exp() / z.exp().sum(1, keepdim=True)).log(),
            "the exponential of a large logit is infinite: subtract something from all logits first": lambda z: (
                z - z.exp().sum(1, keepdim=True).log()
            ),
            "a tiny probability is rounded to 0 before its logarithm is taken": lambda z: z.softmax(dim=1).log(),
            "these are the probabilities, not their logarithms": lambda z: z.softmax(dim=1),
            "you compare images with each other instead of classes: mind dim": lambda z: z.log_softmax(dim=0),
            "you only subtract the largest logit; something is still missing": lambda z: z - z.amax(1, keepdim=True),
            "this subtracts the largest logit of the whole batch, and another image may be far below it": lambda z: (
                z - z.max() - (z - z.max()).exp().sum(1, keepdim=True).log()
            ),
        },
    ),
    "02.3 bias-gradient": Exercise(
        expected=lambda z, y: _residual(z, y).mean(dim=0),
        probes=(
            (torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), torch.tensor([0, 2])),
            (torch.tensor([[0.0, 0.0], [1.0, -1.0], [0.5, 2.0]]), torch.tensor([1, 0, 0])),
            (torch.tensor([[1.0, 0.0, 2.0, -1.0], [0.0, 1.0, 0.0, 0.5]]), torch.tensor([0, 1])),
        ),
        mistakes={
            "the sign is turned round: this points downhill": lambda z, y: -_residual(z, y).mean(dim=0),
            "the loss is a mean over the images, this is a sum": lambda z, y: _residual(z, y).sum(dim=0),
            "the labels are not used yet": lambda z, y: z.softmax(1).mean(dim=0),
            "these are logits minus truth, not probabilities": lambda z, y: (z - torch.eye(z.shape[1])[y]).mean(dim=0),
        },
    ),
    "02.4 many-batches": Exercise(
        expected=lambda losses, sizes: _weighted(losses, sizes) / sum(sizes),
        probes=(([0.5, 0.25, 2.0], [64, 64, 2]), ([1.0, 3.0], [10, 5]), ([0.7], [48])),
        mistakes={
            "every batch counts the same here, also a small one": lambda losses, sizes: sum(losses) / len(losses),
            "this is the sum over the images, not their mean": lambda losses, sizes: _weighted(losses, sizes),
            "this is the sum of the batch means": lambda losses, sizes: sum(losses),
            "the last batch is left out": lambda losses, sizes: (
                _weighted(losses[:-1], sizes[:-1]) / max(1, sum(sizes[:-1]))
            ),
            "this divides as if all batches were as large as the first": lambda losses, sizes: (
                _weighted(losses, sizes) / (len(sizes) * sizes[0])
            ),
        },
    ),
}


def _between(values: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Share of the variance of ``values [n]`` that lies between the classes."""
    means = torch.stack([values[labels == k].double().mean() for k in labels.unique()])
    return means[labels.unique(return_inverse=True)[1]].var(correction=0) / values.double().var(correction=0)


def _standardised(train: torch.Tensor, test: torch.Tensor, known: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    mean, std = known.mean(), known.std(correction=0)
    return (train - mean) / std, (test - mean) / std


# So many pixels that it makes no difference whether a standard deviation divides by n or by n − 1.
_train_and_test = tuple(
    (train, 0.3 + 0.5 * test)
    for train, test in torch.rand(2, 2, 40, 28, 28, generator=torch.Generator().manual_seed(0))
)

EXERCISES |= {
    "01.1 batches": Exercise(
        expected=lambda n, size: (-(-n // size), n - (-(-n // size) - 1) * size),
        probes=((54_000, 64), (128, 64), (10, 64)),
        mistakes={
            "the last, smaller batch counts too": lambda n, size: (n // size, n % size or size),
            "the last, smaller batch counts too, and a last batch is never empty": lambda n, size: divmod(n, size),
            "a last batch is never empty: mind sizes that divide the number": lambda n, s: (-(-n // s), n % s),
            "where the batch size divides the number there is no extra batch": lambda n, s: (n // s + 1, n % s),
            "that is what the last batch lacks, not what it holds": lambda n, size: (-(-n // size), -n % size),
            "the number of batches comes first": lambda n, size: (n - (-(-n // size) - 1) * size, -(-n // size)),
        },
    ),
    "01.2 standardise": Exercise(
        expected=lambda mean, std: ((mean - 0.1307) / 0.3081, std / 0.3081),
        probes=((0.12824, 0.30514), (0.5, 0.2)),
        mistakes={
            "a shift moves all pixels alike, so the spread does not notice it": lambda mean, std: (
                (mean - 0.1307) / 0.3081,
                (std - 0.1307) / 0.3081,
            ),
            "the scale changes the spread too": lambda mean, std: ((mean - 0.1307) / 0.3081, std),
            "this undoes standardising": lambda mean, std: (mean * 0.3081 + 0.1307, std * 0.3081),
            "a variance is divided by the square, a standard deviation is not": lambda mean, std: (
                (mean - 0.1307) / 0.3081,
                std / 0.3081**2,
            ),
        },
    ),
    "01.3 slant and class": Exercise(
        expected=lambda slant, labels: _between(slant, labels),
        mistakes={
            "this is the part within the classes": lambda slant, labels: 1 - _between(slant, labels),
            "this is a ratio of standard deviations, not of variances": lambda slant, labels: _between(
                slant, labels
            ).sqrt(),
            "this is the variance between the classes; compare it with the whole": lambda slant, labels: (
                _between(slant, labels) * slant.double().var(correction=0)
            ),
            "a share runs from 0 to 1, not to 100": lambda slant, labels: 100 * _between(slant, labels),
            "each class counts the same here, although some classes have more images": lambda slant, labels: (
                torch.stack([slant[labels == k].double().mean() for k in labels.unique()]).var(correction=0)
                / slant.double().var(correction=0)
            ),
        },
    ),
    "01.4 no peeking": Exercise(
        expected=lambda train, test: _standardised(train, test, train),
        probes=_train_and_test,
        mistakes={
            "each set is standardised by itself here: the same test image would get other values in other company": (
                lambda train, test: (_standardised(train, train, train)[0], _standardised(test, test, test)[0])
            ),
            "these are the statistics of both sets together, so something about the test images gets in": (
                lambda train, test: _standardised(train, test, torch.cat([train, test]))
            ),
            "these are the statistics of the test images, which are not there yet when you train": (
                lambda train, test: _standardised(train, test, test)
            ),
            "the mean is right; the spread is not used yet": lambda train, test: (
                train - train.mean(),
                test - train.mean(),
            ),
            "every pixel has a mean and a spread of its own here; the course uses one of each for all pixels": (
                lambda train, test: tuple((x - train.mean(dim=0)) / train.std(dim=0) for x in (train, test))
            ),
            "the training images come first": lambda train, test: _standardised(test, train, train),
        },
    ),
}

_pairs = (
    (torch.tensor([7, 5, 5, 5, 2, 2, 2, 2, 2, 2, 2, 2]), torch.tensor([1, 3, 3, 3, 8, 8, 6, 6, 2, 2, 2, 2])),
    (torch.tensor([8, 6, 6, 6, 3, 3, 3, 3, 3, 3, 3, 3]), torch.tensor([2, 4, 4, 4, 9, 9, 7, 7, 3, 3, 3, 3])),
)
_seven = torch.tensor([[7, 2, 1], [5, 3, 2], [2, 6, 2], [1, 8, 1], [3, 3, 4], [2, 3, 5], [4, 5, 1]]) / 10
_pages = (([5, 1, 0], [0, 2, 1], 0.2), ([3, 0, 0], [0, 2, 0], 0.5), ([3, 2.9, 0], [3, 0, 0], 0.25))
_pages += (([2, 1.9, 0], [0, 5, 0], 0.9), ([20, 0, 0], [0, 4, 0], 0.3))


def _most_frequent(code: torch.Tensor) -> tuple[int, int]:
    return divmod(int(code.mode().values), 10)


EXERCISES |= {
    "05.1 most frequent confusion": Exercise(
        expected=lambda y, p: _most_frequent((10 * y + p)[y != p]),
        probes=_pairs,
        mistakes={
            "this kind of error comes first, but others come more often": lambda y, p: (int(y[0]), int(p[0])),
            "a right prediction is no confusion": lambda y, p: _most_frequent(10 * y + p),
            "the true class comes first in the pair": lambda y, p: _most_frequent((10 * p + y)[y != p]),
            "label and prediction belong together; count pairs, not each for itself": lambda y, p: (
                int(y[y != p].mode().values),
                int(p[y != p].mode().values),
            ),
        },
    ),
    "05.2 confident-learning thresholds": Exercise(
        expected=lambda p, y: torch.stack([p[y == j, j].mean() for j in range(p.shape[1])]),
        probes=((_seven, torch.tensor([0, 0, 1, 1, 2, 2, 2])),),
        mistakes={
            "this averages over all images, also over those with another label": lambda p, y: p.mean(dim=0),
            "this is the probability of the predicted class, which need not be j": lambda p, y: torch.stack(
                [p[y == j].amax(dim=1).mean() for j in range(p.shape[1])]
            ),
            "the images are chosen by their label, not by their prediction": lambda p, y: torch.stack(
                [p[p.argmax(dim=1) == j, j].mean() for j in range(p.shape[1])]
            ),
            "images that are labelled j count also where another class is predicted": lambda p, y: torch.stack(
                [p[(y == j) & (p.argmax(dim=1) == j), j].mean() for j in range(p.shape[1])]
            ),
            "a median is not a mean": lambda p, y: torch.stack([p[y == j, j].median() for j in range(p.shape[1])]),
        },
    ),
    "05.3 faded image": Exercise(
        expected=lambda z, blank, c: (blank + c * (z - blank)).argmax(),
        probes=tuple((torch.tensor(z), torch.tensor(blank), c) for z, blank, c in _pages),
        mistakes={
            "scaling all logits alike never changes their order; a blank page votes too": lambda z, b, c: z.argmax(),
            "the line starts at the blank page, not at zero": lambda z, b, c: (z - b).argmax(),
            "at c = 1 the whole image is there, not the blank page": lambda z, b, c: (z + c * (b - z)).argmax(),
            "the blank page counts in full and in the image as well": lambda z, b, c: (b + c * z).argmax(),
            "the logits lie on a straight line, the probabilities do not": lambda z, b, c: (
                c * z.float().softmax(dim=0) + (1 - c) * b.float().softmax(dim=0)
            ).argmax(),
            "these are logits; which class do they choose?": lambda z, b, c: b + c * (z - b),
        },
    ),
}


def _moving_average(losses: list[float], keep: float, *, start: float = 0.0, correct: float = 0.0) -> list[float]:
    average, averages = start, []
    for step, loss in enumerate(losses, start=1):
        average = keep * average + (1 - keep) * loss
        averages.append(average / (1 - correct**step))
    return averages


EXERCISES |= {
    "03.1 smoothing": Exercise(
        expected=lambda losses, beta: _moving_average(losses, beta, correct=beta),
        probes=(([2.0, 4.0, 1.0, 8.0], 0.6), ([3.0, 1.0, 5.0], 0.9), ([3.0, 1.0], 0.0)),
        mistakes={
            "the first values are too small: the start at zero is not corrected": _moving_average,
            "β is the share of the old average, not of the new loss": lambda losses, beta: _moving_average(
                losses, 1 - beta, correct=beta
            ),
            "this starts at the first loss instead of correcting a start at zero": lambda losses, beta: _moving_average(
                losses, beta, start=losses[0]
            ),
            "this corrects every value alike, as if the start at zero were never forgotten": lambda losses, beta: [
                average / (1 - beta) for average in _moving_average(losses, beta)
            ],
        },
    ),
    "03.2 step decay": Exercise(
        expected=lambda epoch, start, every, factor: start * factor ** ((epoch - 1) // every),
        probes=((1, 1.0, 10, 0.1), (10, 1.0, 10, 0.1), (11, 1.0, 10, 0.1), (21, 1.0, 10, 0.1), (24, 8.0, 5, 0.5)),
        mistakes={
            "epochs count from 1, so this cuts one epoch early": lambda e, s, n, f: s * f ** (e // n),
            "the first cut is right, the second comes too late": lambda e, s, n, f: s * f ** (e // (n + 1)),
            "each cut multiplies the rate again": lambda e, s, n, f: s * (f if e > n else 1),
            "this cuts in every epoch": lambda e, s, n, f: s * f ** (e - 1),
            "between two cuts the rate stays the same": lambda e, s, n, f: s * f ** ((e - 1) / n),
        },
    ),
    "03.3 epochs needed": Exercise(
        expected=lambda path, rate, m, batch, n: math.ceil(path * (1 - m) / (rate * math.ceil(n / batch))),
        probes=(
            (100.0, 0.01, 0.9, 64, 1_000),
            (7.3, 0.001, 0.0, 64, 60_000),
            (50.0, 0.02, 0.5, 300, 1_000),
            (8.0, 0.5, 0.5, 10, 20),  # the path is covered exactly
        ),
        mistakes={
            "this falls short of the path: round up": lambda p, r, m, b, n: int(p * (1 - m) / (r * math.ceil(n / b))),
            "where the path is covered exactly, no further epoch is needed": lambda p, r, m, b, n: (
                int(p * (1 - m) / (r * math.ceil(n / b))) + 1
            ),
            "this rounds to the nearest number, which may fall short of the path": lambda p, r, m, b, n: round(
                p * (1 - m) / (r * math.ceil(n / b))
            ),
            "the momentum is not used yet": lambda p, r, m, b, n: math.ceil(p / (r * math.ceil(n / b))),
            "momentum acts the wrong way round here: does it take the weights farther?": lambda p, r, m, b, n: (
                math.ceil(p / (1 - m) / (r * math.ceil(n / b)))
            ),
            "a step is a batch, not an image": lambda p, r, m, b, n: math.ceil(p * (1 - m) / (r * n)),
            "the smaller last batch is a step too": lambda p, r, m, b, n: math.ceil(p * (1 - m) / (r * (n // b))),
        },
    ),
    "03.4 predict": Exercise(
        expected=lambda: (2.0, 2.0, 0.1, 1.0),
        mistakes={
            "batches of half the size: how many steps do they make in an epoch?": lambda: (0.5, 2.0, 0.1, 4.0),
            "without momentum the weights do not go as far with the same gradient": lambda: (2.0, 2.0, 1.0, 1.0),
            "momentum acts the wrong way round here: which recipe has it, the old or the new?": lambda: (
                2.0,
                2.0,
                10.0,
                1.0,
            ),
            "a share μ is kept of each step, and of the step before it, and so on; add them all up": lambda: (
                2.0,
                2.0,
                1 / 1.9,
                1.0,
            ),
            "the last change has two effects; multiply them": lambda: (2.0, 2.0, 0.1, 2.0),
        },
        tolerance=1e-2,
    ),
}


def _rates(p: torch.Tensor, y: torch.Tensor, threshold: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Precision, recall and accuracy of saying yes above a threshold."""
    yes, truth = torch.as_tensor(p) > threshold, torch.as_tensor(y) == 1
    hits = (yes & truth).sum()
    return hits / yes.sum(), hits / truth.sum(), (yes == truth).double().mean()


_logits, _truth = (
    torch.tensor([3.0, -2.0, 0.5, 40.0, -1000.0, 1000.0]).numpy(),
    torch.tensor([1, 0, 0, 1, 0, 0]).numpy(),
)
_signed = torch.nn.functional.softplus
_scores = torch.tensor([0.9, 0.8, 0.5, 0.3, 0.6, 0.2]).numpy(), torch.tensor([1, 0, 1, 1, 1, 0]).numpy()

EXERCISES |= {
    "06.1 stable-loss": Exercise(
        expected=lambda z, y: _signed(torch.tensor((1 - 2 * y) * z)).mean(),
        probes=((_logits[:3], _truth[:3]), (_logits, _truth)),
        mistakes={
            "a large logit still breaks it: take sigmoid and logarithm together": lambda z, y: (
                lambda p, t: -(t * p.log() + (1 - t) * (1 - p).log()).mean()
            )(torch.tensor(z).sigmoid(), torch.tensor(y)),
            "the exponential of a large logit is infinite": lambda z, y: (
                (1 + torch.tensor((1 - 2 * y) * z).exp()).log().mean()
            ),
            "clipping the probability keeps it finite, and too small for large wrong logits": lambda z, y: (
                torch.nn.functional.binary_cross_entropy(
                    torch.tensor(z).sigmoid().clamp(1e-7, 1 - 1e-7), torch.tensor(y).float()
                )
            ),
            "this is the sum over the images, not the mean": lambda z, y: _signed(torch.tensor((1 - 2 * y) * z)).sum(),
            "yes and no are interchanged": lambda z, y: _signed(torch.tensor((2 * y - 1) * z)).mean(),
        },
    ),
    "06.2 precision-and-recall": Exercise(
        expected=lambda p, y, threshold: _rates(p, y, threshold)[:2],
        probes=((*_scores, 0.5), (*_scores, 0.7), (*_scores, 0.25)),
        mistakes={
            "recall comes first; give (precision, recall)": lambda p, y, t: _rates(p, y, t)[1::-1],
            "the first number is the accuracy, which counts right no answers as well": lambda p, y, t: (
                _rates(p, y, t)[2],
                _rates(p, y, t)[1],
            ),
            "the threshold is not used": lambda p, y, t: _rates(p, y, 0.5)[:2],
            "yes is for probabilities above the threshold, not below": lambda p, y, t: _rates(-p, y, -t)[:2],
            "a probability equal to the threshold is not above it": lambda p, y, t: _rates(p, y, t - 1e-6)[:2],
        },
    ),
    "06.3 the-way-back": Exercise(
        expected=lambda mean, n_classes: 1 - n_classes * (1 - mean) / 2,
        probes=((0.98, 10), (0.75, 4)),
        mistakes={
            "this is the other way: from the share of images to the mean": lambda m, n: 1 - 2 * (1 - m) / n,
            "a wrong image costs two answers: a yes too many and a yes too few": lambda m, n: 1 - n * (1 - m),
            "the mean shares out the wrong answers among all the models": lambda m, n: 1 - (1 - m) / 2,
            "two wrong answers are one wrong image, not four": lambda m, n: 1 - 2 * n * (1 - m),
            "this is the share of answers; every image gets many": lambda m, n: m,
            "this is the share of wrong images": lambda m, n: n * (1 - m) / 2,
        },
    ),
}


def _welch(m: float, s: float, n: int, m2: float, s2: float, n2: int) -> tuple[float, float]:
    v, v2 = s**2 / n, s2**2 / n2
    return (m - m2) / (v + v2) ** 0.5, (v + v2) ** 2 / (v**2 / (n - 1) + v2**2 / (n2 - 1))


EXERCISES |= {
    "07.1 equal-size": Exercise(
        expected=lambda first, second: (785 * first + (first + 1) * second + 10 * second) // 795,
        probes=((512, 256), (30, 2000), (64, 19), (64, 32)),
        mistakes={
            "the outputs of the shallow network have biases too": lambda a, b: (
                (785 * a + (a + 1) * b + 10 * (b + 1)) // 795
            ),
            "a width is a whole number: which way do you round?": lambda a, b: (785 * a + (a + 1) * b + 10 * b) / 795,
            "the nearest whole number can be one neuron too many": lambda a, b: round(
                (785 * a + (a + 1) * b + 10 * b) / 795
            ),
            "weights are not all: every neuron has a bias too": lambda a, b: (784 * a + a * b + b * 10) // 794,
            "this many neurons have more parameters than the deep network": lambda a, b: (
                -((785 * a + (a + 1) * b + 10 * b) // -795)
            ),
            "a hidden neuron has weights on both sides: to the outputs as well": lambda a, b: (
                (785 * a + (a + 1) * b + 10 * (b + 1)) // 785
            ),
            "these are as many hidden neurons, not as many parameters": lambda a, b: a + b,
            "this is the number of parameters; which width has as many?": lambda a, b: (
                785 * a + (a + 1) * b + 10 * (b + 1)
            ),
        },
    ),
    "07.2 idle-weight": Exercise(
        expected=lambda w, rate, penalty, steps: w * (1 - 2 * rate * penalty) ** steps,
        probes=((0.03, 0.1, 0.5, 10), (-2.0, 0.05, 1.0, 40)),
        mistakes={
            "the derivative of a square brings a factor of 2": lambda w, r, p, n: w * (1 - r * p) ** n,
            "each step shrinks what is left of the weight, not the first weight": lambda w, r, p, n: (
                w * (1 - 2 * r * p * n)
            ),
            "this weight grows: mind the direction of the step": lambda w, r, p, n: w * (1 + 2 * r * p) ** n,
            "that is a single step": lambda w, r, p, n: w * (1 - 2 * r * p),
            "that is Adam, whose steps do not depend on the penalty": lambda w, r, p, n: math.copysign(
                max(abs(w) - r * n, 0.0), w
            ),
        },
        tolerance=1e-6,
    ),
    "07.3 welch": Exercise(
        expected=_welch,
        probes=((0.0618, 0.001, 5, 0.0641, 0.0028, 8), (3.0, 1.0, 4, 2.0, 2.0, 10)),
        mistakes={
            "the sign of t is turned round: first minus second": lambda *a: _welch(*a[3:], *a[:3]),
            "t is right; these are the degrees of freedom for equal spreads": lambda *a: (
                _welch(*a)[0],
                a[2] + a[5] - 2,
            ),
            "a standard error is the root of s² / n, not of s / n": lambda m, s, n, m2, s2, n2: _welch(
                m, s**0.5, n, m2, s2**0.5, n2
            ),
            "mind the number of runs: you divide by the spread of one run, not of the mean": lambda *a: (
                (a[0] - a[3]) / (a[1] ** 2 + a[4] ** 2) ** 0.5,
                _welch(*a)[1],
            ),
        },
        tolerance=1e-6,
    ),
    "07.4 sum-for-mean": Exercise(
        expected=lambda rate, penalty, n: (rate / n, penalty * n),
        probes=((0.1, 1e-3, 200), (0.4, 5e-5, 64)),
        mistakes={
            "the steps now suit the images, but what is the penalty beside a sum?": lambda r, p, n: (r / n, p),
            "the balance suits, but how long are the steps now?": lambda r, p, n: (r, p * n),
            "it is the other way round: a sum is larger than a mean": lambda r, p, n: (r * n, p / n),
            "a longer gradient takes a shorter step; a larger loss takes a larger penalty": lambda r, p, n: (
                r / n,
                p / n,
            ),
            "nothing changed: that is right for the mean": lambda r, p, n: (r, p),
        },
        tolerance=1e-8,
    ),
}


def _visit(image: torch.Tensor, weights: torch.Tensor, padding: int = 0) -> torch.Tensor:
    return torch.conv2d(image[None, None], weights[None, None], padding=padding)[0, 0]


def _field(kernel: int, blocks: int, pooling: int = 1, growth: int = 2) -> int:
    return 1 + sum((kernel - 1 + pooling) * growth**block for block in range(blocks))


EXERCISES |= {
    "08.1 valid-convolution": Exercise(
        expected=_visit,
        probes=(
            (torch.arange(20.0).reshape(4, 5).sqrt(), torch.tensor([[1.0, 2.0], [-3.0, 5.0]])),
            (torch.arange(30.0).reshape(5, 6).sqrt(), torch.tensor([[1.0, 2, 0], [-3, 5, 1], [4, 0, -2]])),
        ),
        mistakes={
            "you turn the filter by half a turn; leave it as it is": lambda image, w: _visit(image, w.flip(0, 1)),
            "this is padded: the filter hangs over the border": lambda image, w: _visit(image, w, 1),
            "this is the lesson's convolution, whose map is as large as the image": lambda image, w: _visit(
                image, w, len(w) // 2
            )[: len(image), : len(image[0])],
            "some places at the end, where the filter still fits, are missing": lambda x, w: _visit(x, w)[:-1, :-1],
            "the filter's rows and columns have changed places": lambda image, w: _visit(image, w.T),
            "the sum over the patch is missing its weights": lambda image, w: _visit(image, torch.ones_like(w)),
        },
    ),
    "08.2 count-a-layer": Exercise(
        expected=lambda side, c, f, k: (f * (c * k * k + 1), side * side * f * c * k * k),
        probes=((28, 1, 16, 5), (14, 16, 32, 3)),
        mistakes={
            "the biases are missing from the parameters": lambda s, c, f, k: (f * c * k * k, s * s * f * c * k * k),
            "the two numbers have changed places": lambda s, c, f, k: (s * s * f * c * k * k, f * (c * k * k + 1)),
            "a bias is added, without a product: no multiply-add": lambda s, c, f, k: (
                f * (c * k * k + 1),
                s * s * f * (c * k * k + 1),
            ),
            "a filter looks at all input channels": lambda s, c, f, k: (f * (k * k + 1), s * s * f * k * k),
            "each filter has one bias, not one per channel": lambda s, c, f, k: (
                f * c * (k * k + 1),
                s * s * f * c * k * k,
            ),
            "every weight is used at every place of the output": lambda s, c, f, k: (
                f * (c * k * k + 1),
                f * c * k * k,
            ),
            "parameters are shared: they do not grow with the image": lambda s, c, f, k: (
                s * s * f * (c * k * k + 1),
                s * s * f * c * k * k,
            ),
        },
    ),
    "08.3 receptive-field": Exercise(
        expected=_field,
        probes=((5, 1), (5, 2), (3, 3)),
        mistakes={
            "pooling also widens the field by itself": lambda k, blocks: _field(k, blocks, pooling=0),
            "after pooling, a step on the map is two pixels of the image": lambda k, blocks: _field(
                k, blocks, growth=1
            ),
            "give the side of the square, not its area": lambda k, blocks: _field(k, blocks) ** 2,
            "a pixel sees one pixel before the first block, not none": lambda k, blocks: _field(k, blocks) - 1,
        },
    ),
}


def _cells(side: int, cell: int, step: int) -> int:
    return ((side - cell) // step + 1) ** 2


def _second_moments(ink: torch.Tensor, *, central: bool = True) -> torch.Tensor:
    """σxx, σxy and σyy of the ink [height, width], x to the right and y down, not divided by its mass."""
    y, x = torch.meshgrid(*(torch.arange(float(size)) for size in ink.shape), indexing="ij")
    if central:
        x, y = x - (ink * x).sum() / ink.sum(), y - (ink * y).sum() / ink.sum()
    return torch.stack([(ink * x * x).sum(), (ink * x * y).sum(), (ink * y * y).sum()])


_inks = (
    torch.eye(5)[:, :4] + torch.eye(5).roll(1, 1)[:, :4] / 2,
    torch.tensor([[0, 0, 0.2, 1], [0, 1, 1, 0], [0.5, 1, 0, 0]]),
)

EXERCISES |= {
    "09.1 feature-count": Exercise(
        expected=lambda side, k, cells: k * sum(_cells(side, cell, cell // 2) for cell in cells),
        probes=((28, 8, (4, 7)), (28, 6, (5,)), (16, 9, (2, 3, 8))),
        mistakes={
            "these cells do not overlap": lambda side, k, cells: k * sum((side // cell) ** 2 for cell in cells),
            "a row holds one more cell than there are steps": lambda side, k, cells: (
                k * sum(((side - cell) // (cell // 2)) ** 2 for cell in cells)
            ),
            "each cell has a number for every orientation": lambda side, k, cells: sum(
                _cells(side, cell, cell // 2) for cell in cells
            ),
            "cells lie in rows and columns": lambda side, k, cells: (
                k * sum((side - cell) // (cell // 2) + 1 for cell in cells)
            ),
            "some of these cells reach beyond the image": lambda side, k, cells: (
                k * sum((side // (cell // 2)) ** 2 for cell in cells)
            ),
        },
    ),
    "09.2 slope": Exercise(
        expected=lambda ink: _second_moments(ink)[1] / _second_moments(ink)[2],
        probes=tuple((ink,) for ink in _inks),
        mistakes={
            "the moments are to be taken about the centre of the ink": lambda ink: (
                _second_moments(ink, central=False)[1] / _second_moments(ink, central=False)[2]
            ),
            "this is the slope down per pixel to the right; x and y are mixed up": lambda ink: (
                _second_moments(ink)[1] / _second_moments(ink)[0]
            ),
            "the sign is turned round: y points down": lambda ink: -_second_moments(ink)[1] / _second_moments(ink)[2],
            "a correlation is no slope": lambda ink: (
                _second_moments(ink)[1] / (_second_moments(ink)[0] * _second_moments(ink)[2]).sqrt()
            ),
            "grey ink counts less than full ink": lambda ink: (lambda m: m[1] / m[2])(
                _second_moments((ink > 0).float())
            ),
        },
    ),
    "09.3 longest-step": Exercise(
        expected=lambda errors: 2 + max(range(5), key=lambda k: max(1, errors[k]) / max(1, errors[k + 1])),
        mistakes={
            "this step removes the most errors; equal lengths on that axis are equal ratios": lambda errors: (
                2 + max(range(5), key=lambda k: errors[k] - errors[k + 1])
            ),
            "this is the rung where the step begins": lambda errors: (
                1 + max(range(5), key=lambda k: max(1, errors[k]) / max(1, errors[k + 1]))
            ),
            "this is the shortest step": lambda errors: (
                2 + min(range(5), key=lambda k: max(1, errors[k]) / max(1, errors[k + 1]))
            ),
        },
    ),
}


def _steps(profile: torch.Tensor, middle: float = 14.0) -> int:
    return math.floor(middle - ((profile * torch.arange(len(profile))).sum() / profile.sum()).item() + 0.5)


def _surprise(n: int, accuracy: float, level: float = 0.05) -> int:
    chance, k = 0.0, -1
    while (chance := chance + math.comb(n, k + 1) * accuracy ** (k + 1) * (1 - accuracy) ** (n - k - 1)) <= level:
        k += 1
    return k


_profiles = (
    torch.tensor([8.0, 1, 1, 1, 1, 1, 1, 1, 0]),
    torch.arange(20.0),
    torch.tensor([1.0, 4, 2]),
    torch.cat([torch.zeros(14), torch.tensor([1.0, 0, 0, 5, 3, 2])]),  # its centre lies below row 14
)
_ink, _weights = torch.tensor([0.0, 0.5, 1.0, 0.25]), torch.tensor([[1.0, 2, 3, 4], [4, 0, -2, 1], [0, 1, 1, -3]])

EXERCISES |= {
    "11.1 into-the-middle": Exercise(
        expected=_steps,
        probes=tuple((profile,) for profile in _profiles),
        mistakes={
            "this aims at the middle between rows 13 and 14": lambda profile: _steps(profile, 13.5),
            "this puts the middle of the box, not of the ink, at row 14": lambda profile: _steps(
                torch.ones_like(profile)
            ),
            "the sign is turned round: positive is down": lambda profile: -_steps(profile),
            "whole rows, please": lambda profile: 14 - ((profile * torch.arange(len(profile))).sum() / profile.sum()),
            "this counts the rows from 1": lambda profile: _steps(profile, 13.0),
            "this cuts the fraction off; the next whole number may be nearer": lambda profile: int(
                14 - ((profile * torch.arange(len(profile))).sum() / profile.sum()).item()
            ),
            "a digit can lie too low, too": lambda profile: max(0, _steps(profile)),
            "this brings the row with the most ink to row 14, not the centre of all ink": lambda profile: (
                14 - int(profile.argmax())
            ),
        },
    ),
    "11.2 surprise": Exercise(
        expected=_surprise,
        probes=((20, 0.926), (50, 0.9), (10, 0.5), (3, 0.2), (20, 0.985)),
        mistakes={
            "this many is no surprise any more; one fewer is": lambda n, p: _surprise(n, p) + 1,
            "this is how many to expect; how few would be a surprise?": lambda n, p: round(n * p),
            "the probability of just this many is not that of this many or fewer": lambda n, p: max(
                (k for k in range(round(n * p)) if math.comb(n, k) * p**k * (1 - p) ** (n - k) <= 0.05), default=-1
            ),
            "this is a surprise at 1 %; the question says 5 %": lambda n, p: _surprise(n, p, 0.01),
            "this leaves 2.5 % on each side; only too few is a surprise here": lambda n, p: _surprise(n, p, 0.025),
        },
    ),
    "11.3 votes": Exercise(
        expected=lambda ink, weights, std, first, second: (weights[first] - weights[second]) * ink / std,
        probes=((_ink, _weights, 0.5, 1, 2), (_ink, _weights, 0.3, 2, 0)),
        mistakes={
            "the layer sees the ink divided by std": lambda ink, w, std, a, b: (w[a] - w[b]) * ink,
            "these are votes for the second class": lambda ink, w, std, a, b: (w[b] - w[a]) * ink / std,
            "this leaves out what the ink adds to the second class": lambda ink, w, std, a, b: w[a] * ink / std,
            "a pixel without ink has no vote": lambda ink, w, std, a, b: (w[a] - w[b]) / std,
            "this is the sum of the votes; give one for each pixel": lambda ink, w, std, a, b: (
                (w[a] - w[b]) * ink / std
            ).sum(),
        },
    ),
}


def _one_more(
    runs: torch.Tensor, *, own: float = 1.0, mean: float = 1.0, freedom: int = 1, divisor: int = 1, normal: bool = False
) -> tuple[float, float]:
    """Student's prediction interval, or what becomes of it without one of its parts."""
    from scipy import stats

    n, quantile = len(runs), 1.959964
    if not normal:
        quantile = stats.t.ppf(0.975, n - freedom)
    half = quantile * runs.double().std(correction=divisor).item() * (own + mean / n) ** 0.5
    return runs.double().mean().item() - half, runs.double().mean().item() + half


_runs = (torch.tensor([0.9247, 0.9252, 0.9239, 0.9258, 0.9244]), torch.tensor([3.0, 5.0, 4.0]))
_losses = (torch.tensor([0.30, 0.20, 0.17, 0.19, 0.24]), torch.tensor([0.28, 0.19, 0.18, 0.16, 0.21]))
_accuracies = (
    (0.9729928571428571, 14_000),
    (0.9729928571428571, 140_000),
    (0.57, 100),
    (0.07, 100),
    (0.975, 30),
    (0.9729935, 140_000),
)

EXERCISES |= {
    "10.1 whole-images": Exercise(
        expected=lambda accuracy, n: abs(accuracy * n - round(accuracy * n)) < 1e-6,
        probes=_accuracies,
        mistakes={
            "a computer's 0.57 · 100 is not quite 57: leave room for rounding": lambda a, n: a * n == round(a * n),
            "this cuts the decimals off; a number a hair below 57 is near 57, not 56": lambda a, n: (
                abs(a * n - int(a * n)) < 1e-6
            ),
            "every number is within one half of a whole one": lambda a, n: abs(a * n - round(a * n)) <= 0.5,
            "this accepts an accuracy that is only near; so many decimals were printed for a reason": lambda a, n: (
                abs(round(a * n) / n - a) < 1e-6
            ),
            "this answers the opposite question": lambda a, n: abs(a * n - round(a * n)) >= 1e-6,
        },
    ),
    "10.2 price-of-peeking": Exercise(
        expected=lambda validation, test: test[validation.argmin()] - test.min(),
        probes=(_losses, (torch.tensor([0.5, 0.4, 0.6, 0.7]), torch.tensor([0.52, 0.45, 0.44, 0.9]))),
        mistakes={
            "these are losses on different images; compare two values of the test loss": lambda validation, test: (
                validation.min() - test.min()
            ),
            "nobody chose the last epoch": lambda validation, test: test[-1] - test.min(),
            "the sign is turned round: the minimum is never the higher one": lambda validation, test: (
                test.min() - test[validation.argmin()]
            ),
            "this is a share of the loss; the task asks for nats": lambda validation, test: (
                test[validation.argmin()] / test.min() - 1
            ),
            "this is the epoch, not a loss": lambda validation, test: validation.argmin(),
            "this is the loss itself; how far is it from the minimum?": lambda validation, test: test[
                validation.argmin()
            ],
        },
    ),
    "10.3 one-more-run": Exercise(
        expected=_one_more,
        probes=tuple((runs,) for runs in _runs),
        mistakes={
            "this is where the mean lies; a single run scatters far more": lambda runs: _one_more(runs, own=0.0),
            "the mean itself is not known exactly": lambda runs: _one_more(runs, mean=0.0),
            "with so few runs 1.96 is too short: the spread is estimated, too": lambda runs: _one_more(
                runs, normal=True
            ),
            "the spread is measured from the runs' own mean, which costs one degree of freedom": lambda runs: _one_more(
                runs, freedom=0
            ),
            "this standard deviation divides by n": lambda runs: _one_more(runs, divisor=0),
        },
    ),
}
