"""Exercises of notebook 08: an interval, McNemar's exact test, a comparison planned, the seed's own variance."""

from __future__ import annotations

from itertools import combinations

from mnist_lr_helpers.data import seeded
from mnist_lr_helpers.exercises.grading import Exercise

import torch
from scipy import stats
from torch import Tensor

RIGHT = torch.rand(5, 40, generator=seeded(8)) < torch.tensor([0.6, 0.7, 0.8, 0.85, 0.9])[:, None]
SMALL = torch.tensor([[True, True, False, True], [True, False, True, True]])


def _wilson(right: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    centre = (right + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * (right * (n - right) / n + z * z / 4) ** 0.5
    return centre - half, centre + half


def _wald(right: int, n: int) -> tuple[float, float]:
    half = 1.959964 * (right / n * (1 - right / n) / n) ** 0.5
    return right / n - half, right / n + half


def _at_most(heads: int, tosses: int) -> float:
    return float(stats.binom.cdf(heads, tosses, 0.5))


def _mcnemar(b: int, c: int) -> float:
    return min(1.0, 2 * _at_most(min(b, c), b + c))


def _needed(difference: float, variance: float, errors: float = 2.80) -> float:
    return errors**2 * variance / difference**2


def _variance(right: Tensor) -> Tensor:
    return right.double().mean(dim=1).var()


def _discordant(right: Tensor) -> Tensor:
    """Mean share of the images that just one of two models gets right."""
    return torch.stack([(a != b).double().mean() for a, b in combinations(right, 2)]).mean()


def _own(right: Tensor, factor: float = 0.5) -> Tensor:
    return _variance(right) - factor * _discordant(right) / right.shape[1]


EXERCISES: dict[str, Exercise] = {
    "08.1 wilson-interval": Exercise(
        expected=_wilson,
        probes=((9258, 10_000), (19, 20), (0, 20)),
        mistakes={
            "these bounds lie equally far from the estimate: that is the normal (Wald) interval": _wald,
            "this is the normal (Wald) interval, cut off at 0 and 1: for 0 of 20 it has no width": lambda r, n: tuple(
                min(max(bound, 0.0), 1.0) for bound in _wald(r, n)
            ),
            "this z leaves 5 % on each side; the interval covers only 90 %": lambda r, n: _wilson(r, n, 1.644854),
            "for 95 % z is nearer to 1.96 than to 2": lambda r, n: _wilson(r, n, 2),
            "high comes first; give (low, high)": lambda r, n: _wilson(r, n)[::-1],
        },
        tolerance=2e-5,
        hints=(
            "The last line of the derivation has three parts: a factor, a middle and a root. Which of them is ±?",
            "With k right answers, n p̂ is k. What is n p̂ (1 − p̂), written with k and n?",
        ),
    ),
    "08.2 mcnemar-exact": Exercise(
        expected=_mcnemar,
        probes=((12, 4), (0, 5), (3, 3), (40, 61)),
        mistakes={
            "this looks at one side only; the other model might have won as well": lambda b, c: _at_most(
                min(b, c), b + c
            ),
            "a probability is at most 1": lambda b, c: 2 * _at_most(min(b, c), b + c),
            "the split that was observed counts, too: at most min(b, c), not fewer": lambda b, c: min(
                1.0, 2 * _at_most(min(b, c) - 1, b + c)
            ),
            "this is the probability of this one split; those that are more uneven count, too": lambda b, c: float(
                stats.binom.pmf(min(b, c), b + c, 0.5)
            ),
            "this takes the larger count: it is the chance of a split that is no more uneven": lambda b, c: min(
                1.0, 2 * _at_most(max(b, c), b + c)
            ),
            "this is the χ² approximation; the task wants the exact probability": lambda b, c: float(
                stats.chi2.sf((b - c) ** 2 / (b + c), 1)
            ),
        },
        hints=(
            "How many coins are tossed? And what would be an even more uneven split than 12 to 4?",
            "One side is the chance of at most min(b, c) heads. What about the other side, and what about 3 to 3?",
        ),
    ),
    "08.3 images-needed": Exercise(
        expected=lambda d, psi: _needed(d, psi - d * d),
        probes=((0.01, 0.02), (0.02, 0.05), (0.005, 0.012)),
        mistakes={
            "with 1.96 standard errors you succeed in half of the attempts only": lambda d, psi: _needed(
                d, psi - d * d, 1.96
            ),
            "2.80 is squared, too": lambda d, psi: _needed(d, psi - d * d, 2.80**0.5),
            "the variance of a difference is ψ − δ², not ψ": lambda d, psi: _needed(d, psi),
            "the difference is squared below the fraction": lambda d, psi: 2.80**2 * (psi - d * d) / d,
        },
        tolerance=2e-3,
        hints=(
            "What is the standard error of the difference with n images? How many of them should the difference be?",
            "The displayed formula has n alone on its left. Which of the two arguments is δ, and which is ψ?",
        ),
    ),
    "08.4 own-variance": Exercise(
        expected=_own,
        probes=((SMALL,), (RIGHT,), (RIGHT[1:4, :30],)),
        mistakes={
            "this is the variance of the accuracies; the test images' part is still in it": _variance,
            "this is the test images' part, which is to be taken off": lambda r: _discordant(r) / (2 * r.shape[1]),
            "ψ/n is the variance of a difference; one model has half of it": lambda r: _own(r, 1.0),
            "the sum of squares is divided by k here; for k models it is k − 1": lambda r: (
                _own(r) - _variance(r) / len(r)
            ),
            "each model is compared with itself here, too, which makes ψ too small": lambda r: _own(
                r, 0.5 * (len(r) - 1) / len(r)
            ),
            "ψ is divided by the number of images: this takes off far too much": lambda r: _own(r, 0.5 * r.shape[1]),
            "p(1 − p)/n is the doubt about one model; what the models share cancels here": lambda r: (
                _variance(r) - (r.double().mean() * (1 - r.double().mean()) / r.shape[1])
            ),
            "a standard deviation is asked for nowhere: variances are what adds up": lambda r: (
                _variance(r).sqrt() - (_discordant(r) / (2 * r.shape[1])).sqrt()
            ),
        },
        hints=(
            "Two things are needed: the variance of the k accuracies, and the mean ψ of all pairs. Which comes first?",
            "For one pair, ψ is the share of places where two rows differ. How do you go through all pairs once?",
        ),
    ),
}
