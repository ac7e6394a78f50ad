"""Exercises of notebook 09: the calibration error, a temperature, the threshold of a prediction set."""

from __future__ import annotations

import math

from mnist_lr_helpers.data import seeded
from mnist_lr_helpers.exercises.grading import Exercise

import torch
from torch import Tensor

PROBABILITIES = torch.randn(5, 4, generator=seeded(9)).softmax(dim=1)


def _bin_gaps(confidence: Tensor, correct: Tensor, bins: int) -> tuple[Tensor, Tensor]:
    """Share of the images, and accuracy minus mean confidence, of each bin that is not empty."""
    bin_of = torch.bucketize(confidence, torch.linspace(0, 1, bins + 1)[1:-1])
    held = [bin_of == b for b in bin_of.unique()]
    gaps = torch.stack([correct[here].float().mean() - confidence[here].mean() for here in held])
    return torch.stack([here.float().mean() for here in held]), gaps


def _mean_gap(confidence: Tensor, correct: Tensor, bins: int) -> Tensor:
    share, gap = _bin_gaps(confidence, correct, bins)
    return (share * gap.abs()).sum()


def _of_rank(scores: Tensor, rank: int) -> Tensor:
    """The score of this rank, counted from 1."""
    return scores.sort().values[rank - 1]


EXERCISES: dict[str, Exercise] = {
    "09.1 calibration-error": Exercise(
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
        hints=(
            "Which images belong to one bin? And what are accuracy and mean confidence of these alone?",
            "A bin with 50 images should weigh more than one with two. What do you divide by in the end?",
        ),
    ),
    "09.2 temperature": Exercise(
        expected=lambda p, t: (p.log() / t).softmax(dim=1),
        probes=((torch.tensor([[0.8, 0.2]]), 2.0), (PROBABILITIES, 0.5), (PROBABILITIES[:2], 3.0)),
        mistakes={
            "probabilities are no logits: take their logarithm first": lambda p, t: (p / t).softmax(dim=1),
            "logits are divided by T, not multiplied: T above 1 makes a model more modest": lambda p, t: (
                p.log() * t
            ).softmax(dim=1),
            "the rows do not add up to 1: a softmax, or a division, is missing": lambda p, t: p ** (1 / t),
            "these are logits; a softmax makes probabilities of them": lambda p, t: p.log() / t,
            "the softmax goes over the classes of one image: dim=1": lambda p, t: (p.log() / t).softmax(dim=0),
            "divided by T, then by their sum: T cancels, and nothing changes": lambda p, t: p,
        },
        hints=(
            "The softmax turns logits into probabilities. What leads back, up to a constant for each image?",
            "In the displayed formula z / T stands in the exponent. What may stand in for z?",
        ),
    ),
    "09.3 conformal-threshold": Exercise(
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
        hints=(
            "How many scores are there, with that of the new image? Which rank do the steps above ask for?",
            "`math.ceil` rounds up, and `sort().values` sorts. At which place of a tensor does rank 1 stand?",
        ),
    ),
}
