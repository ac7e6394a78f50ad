"""Exercises of notebook 15: whole images, one more run, a comparison by pairs."""

from __future__ import annotations

from statistics import fmean

from mnist_lr_helpers.exercises.grading import Exercise

import torch


def _t(runs: torch.Tensor, *, lost: int = 1, share: float = 0.975) -> float:
    """The quantile of Student's t; ``lost`` of the runs' degrees of freedom are used up."""
    from scipy import stats

    return stats.t.ppf(share, len(runs) - lost)


def _one_more(
    runs: torch.Tensor,
    *,
    own: float = 1.0,
    mean: float = 1.0,
    divisor: int = 1,
    power: int = 1,
    quantile: float | None = None,
) -> tuple[float, float]:
    """Student's prediction interval, or what becomes of it without one of its parts."""
    spread = runs.double().std(correction=divisor).item() ** power
    half = (_t(runs) if quantile is None else quantile) * spread * (own + mean / len(runs)) ** 0.5
    return runs.double().mean().item() - half, runs.double().mean().item() + half


def _gaps(first: dict[int, float], second: dict[int, float]) -> list[float]:
    return [first[seed] - second[seed] for seed in first if seed in second]


def _by_pairs(gaps: list[float]) -> tuple[float, float, float]:
    """Mean difference of pairs, its t, and its two-sided p-value."""
    from scipy import stats

    return fmean(gaps), *stats.ttest_1samp(gaps, 0)


def _of_two_groups(first: dict[int, float], second: dict[int, float]) -> float:
    """The p-value of the runs that have partners, as if they had none."""
    from scipy import stats

    both = [seed for seed in first if seed in second]
    groups = [first[seed] for seed in both], [second[seed] for seed in both]
    return float(stats.ttest_ind(*groups).pvalue)


_runs = ([0.9247, 0.9252, 0.9239, 0.9258, 0.9244], [3.0, 9.0, 4.0, 5.0])
_accuracies = (
    (0.9729928571428571, 14_000),
    (0.9729928571428571, 140_000),
    (0.57, 100),
    (0.14, 100),
    (0.975, 30),
    (0.9729935, 140_000),
    (136_219.003 / 140_000, 140_000),
)

EXERCISES: dict[str, Exercise] = {
    "15.1 whole-images": Exercise(
        expected=lambda accuracy, n: abs(accuracy * n - round(accuracy * n)) < 1e-6,
        probes=_accuracies,
        hints=(
            "How many right answers would this accuracy mean? What kind of number must that be?",
            "A computer's product is hardly ever exactly whole. How do you measure how far it is from the nearest?",
        ),
        mistakes={
            "a computer's 0.57 · 100 is not quite 57: leave room for rounding": lambda a, n: a * n == round(a * n),
            "this cuts the decimals off; a number a hair below 57 is near 57, not 56": lambda a, n: (
                abs(a * n - int(a * n)) < 1e-6
            ),
            "every number is within one half of a whole one": lambda a, n: abs(a * n - round(a * n)) <= 0.5,
            "this accepts an accuracy that is only near; so many decimals were printed for a reason": lambda a, n: (
                abs(round(a * n) / n - a) < 1e-6
            ),
            "this leaves too much room: a Python float's rounding is far below a thousandth of an image": lambda a, n: (
                abs(a * n - round(a * n)) < 1e-2
            ),
        },
    ),
    "15.2 one-more-run": Exercise(
        expected=_one_more,
        probes=tuple((torch.tensor(runs),) for runs in _runs),
        hints=(
            "Where the mean lies is uncertain, and so is where one run falls about it. Which is which in √(1 + 1/n)?",
            "Which standard deviation suits a mean taken from the same runs? How many degrees of freedom go with it?",
        ),
        mistakes={
            "this is where the mean lies; a single run scatters far more": lambda runs: _one_more(runs, own=0.0),
            "the mean itself is not known exactly": lambda runs: _one_more(runs, mean=0.0),
            "with so few runs 1.96 is too short: the spread is estimated, too": lambda runs: _one_more(
                runs, quantile=1.959964
            ),
            "the spread is measured from the runs' own mean, which costs one degree of freedom": lambda runs: _one_more(
                runs, quantile=_t(runs, lost=0)
            ),
            "this standard deviation divides by n": lambda runs: _one_more(runs, divisor=0),
            "this is the variance; s is its root": lambda runs: _one_more(runs, power=2),
            "this leaves 5 % on each side, 10 % in all": lambda runs: _one_more(runs, quantile=_t(runs, share=0.95)),
        },
        tolerance=1e-6,
    ),
    "15.3 by-pairs": Exercise(
        expected=lambda first, second: _by_pairs(_gaps(first, second))[::2],
        probes=(
            ({0: 0.93, 1: 0.91, 2: 0.925, 3: 0.92}, {5: 0.88, 3: 0.926, 2: 0.93, 1: 0.912, 0: 0.929}),
            ({7: 0.95, 2: 0.93, 3: 0.94, 9: 0.99}, {2: 0.91, 3: 0.9, 7: 0.945}),
        ),
        hints=(
            "Which seeds are in both dictionaries? What single number does each of them give you?",
            "You have a handful of differences now. Which mean do you expect of them if the recipes are equally good?",
        ),
        mistakes={
            "match the runs by their seed, not by their place": lambda first, second: _by_pairs(
                [a - b for a, b in zip(first.values(), second.values(), strict=False)]
            )[::2],
            "the sign is turned round: first minus second": lambda first, second: _by_pairs(_gaps(second, first))[::2],
            "a run without a partner has no difference; leave it out": lambda first, second: (
                fmean(first.values()) - fmean(second.values()),
                ...,
            ),
            "this treats the runs as two groups; test the differences": lambda first, second: (
                ...,
                _of_two_groups(first, second),
            ),
            "either recipe might have been the better one: count both sides": lambda first, second: (
                ...,
                _by_pairs(_gaps(first, second))[2] / 2,
            ),
            "that is t; how probable is one at least as far from 0?": lambda first, second: (
                ...,
                _by_pairs(_gaps(first, second))[1],
            ),
        },
        tolerance=1e-6,
    ),
}
