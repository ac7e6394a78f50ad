"""Exercises of notebook 08: an interval, calibration, a prediction set, shares by row."""

from __future__ import annotations

import math

from mnist_lr_helpers.exercises.grading import Exercise

import torch


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


def _of_rank(scores: torch.Tensor, rank: int) -> torch.Tensor:
    """The score of this rank, counted from 1."""
    return scores.sort().values[rank - 1]


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
    ),
    "08.2 calibration-error": Exercise(
        expected=_mean_gap,
        probes=(
            (torch.tensor([0.31, 0.55, 0.62, 0.97, 0.93, 0.88]), torch.tensor([0, 1, 0, 1, 0, 1]) == 1, 5),
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
            "these are always ten bins; the number is given": lambda c, ok, bins: _mean_gap(c, ok, 10),
            "every bin counts the same here, also one that holds a single image": lambda c, ok, bins: (
                _bin_gaps(c, ok, bins)[1].abs().mean()
            ),
            "gaps of opposite sign cancel each other here": lambda c, ok, bins: (ok.float() - c).mean().abs(),
            "gaps of opposite sign cancel each other here: an absolute value is missing": lambda c, ok, bins: (
                ok.float() - c
            ).mean(),
            "this is the largest gap of any bin (the maximum calibration error)": lambda c, ok, bins: (
                _bin_gaps(c, ok, bins)[1].abs().max()
            ),
            "this compares each image with itself; average within a bin first": lambda c, ok, bins: (
                (ok.float() - c).abs().mean()
            ),
        },
    ),
    "08.3 conformal-threshold": Exercise(
        expected=lambda scores, alpha: _of_rank(scores, math.ceil((len(scores) + 1) * (1 - alpha))),
        probes=(
            (torch.arange(10) ** 2 / 100, 0.25),
            (torch.tensor([0.9, 0.1, 0.4, 0.3, 0.8, 0.2, 0.7]), 0.3),
            (torch.arange(9) ** 2 / 100, 0.5),
            (torch.tensor([0.6, 0.1, 0.5, 0.2, 0.4, 0.3]), 0.3),
        ),
        mistakes={
            "where (m + 1)(1 − α) is whole this takes one rank too many": lambda s, a: _of_rank(
                s, int((len(s) + 1) * (1 - a)) + 1
            ),
            "this takes one rank too many: ranks count from 1, places from 0": lambda s, a: _of_rank(
                s, math.ceil((len(s) + 1) * (1 - a)) + 1
            ),
            "the new image has a rank too: with m instead of m + 1 the promise is broken by a hair": lambda s, a: (
                _of_rank(s, math.ceil(len(s) * (1 - a)))
            ),
            "the rank is rounded up, not down": lambda s, a: _of_rank(s, math.floor((len(s) + 1) * (1 - a))),
            "this is the other end of the scores: a threshold that only a share alpha stays below": lambda s, a: (
                _of_rank(s, math.ceil((len(s) + 1) * a))
            ),
            "these scores are sorted downwards; the lowest has rank 1": lambda s, a: (
                -_of_rank(-s, math.ceil((len(s) + 1) * (1 - a)))
            ),
            "this interpolates between two scores; take one of them": lambda s, a: s.quantile(1 - a),
            "the scores have to be sorted first": lambda s, a: s[math.ceil((len(s) + 1) * (1 - a)) - 1],
            "this is the rank; which score has it?": lambda s, a: math.ceil((len(s) + 1) * (1 - a)),
        },
    ),
    "08.4 row-normalised": Exercise(
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
            "whole numbers cannot hold shares: // and an array of counts both cut the fractions off": lambda c: c * 0,
        },
    ),
}
