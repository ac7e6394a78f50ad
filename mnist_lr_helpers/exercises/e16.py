"""Exercises of notebook 16: centring, the votes of the pixels, a surprise."""

from __future__ import annotations

import math

from mnist_lr_helpers.exercises.grading import Exercise

import torch


def _way(profile: torch.Tensor, middle: float = 14.0) -> float:
    """How far the centre of mass has to move down, in rows."""
    return middle - ((profile * torch.arange(len(profile))).sum() / profile.sum()).item()


def _surprise(n: int, accuracy: float, level: float = 0.05) -> int:
    chance, k = 0.0, -1
    while (chance := chance + math.comb(n, k + 1) * accuracy ** (k + 1) * (1 - accuracy) ** (n - k - 1)) <= level:
        k += 1
    return k


def _normal(n: int, p: float) -> int:
    """The normal distribution's answer to the question about the binomial one."""
    return math.floor(n * p - 1.644854 * (n * p * (1 - p)) ** 0.5)


# None of the mistakes has to round a half, which can be rounded in two ways.
_profiles = (
    torch.tensor([8.0, 1, 1, 1, 1, 1, 1, 1, 0]),
    torch.arange(19.0),
    torch.tensor([1.0, 4, 2]),
    torch.cat([torch.zeros(15), torch.tensor([1.0, 0, 0, 5, 3, 2])]),  # its centre lies below row 14
)
_ink, _weights = torch.tensor([0.0, 0.5, 1.0, 0.25]), torch.tensor([[1.0, 2, 3, 4], [4, 0, -2, 1], [0, 1, 1, -3]])

EXERCISES: dict[str, Exercise] = {
    "16.1 into-the-middle": Exercise(
        expected=lambda profile: round(_way(profile)),
        probes=tuple((profile,) for profile in _profiles),
        hints=(
            "In which row would the digit balance, if its ink were weight? Rows with more ink count for more.",
            "A mean of row numbers: how far is it from 14, in which direction, and which whole number is nearest?",
        ),
        mistakes={
            "this aims at the middle between rows 13 and 14": lambda profile: round(_way(profile, 13.5)),
            "this puts the middle of the box, not of the ink, at row 14": lambda profile: round(
                _way(torch.ones_like(profile))
            ),
            "the sign is turned round: positive is down": lambda profile: -round(_way(profile)),
            "whole rows, please": _way,
            "this counts the rows from 1": lambda profile: round(_way(profile, 13.0)),
            "this is the row of the centre; how far is it from row 14?": lambda profile: round(14 - _way(profile)),
            "this cuts the fraction off; the next whole number may be nearer": lambda profile: int(_way(profile)),
            "this always rounds up; the next whole number below may be nearer": lambda profile: math.ceil(
                _way(profile)
            ),
            "a digit can lie too low, too": lambda profile: max(0, round(_way(profile))),
            "a digit can lie too low, too: then the answer is negative": lambda profile: abs(round(_way(profile))),
            "this brings the row with the most ink to row 14, not the centre of all ink": lambda profile: (
                14 - int(profile.argmax())
            ),
        },
    ),
    "16.2 votes": Exercise(
        expected=lambda ink, weights, std, first, second: (weights[first] - weights[second]) * ink / std,
        probes=((_ink, _weights, 0.5, 1, 2), (_ink, _weights, 0.3, 2, 0)),
        hints=(
            "Write down the logit of one class for a standardised drawing. Which of its terms depend on the ink?",
            "Subtract the two logits. What is the factor in front of the ink of a single pixel?",
        ),
        mistakes={
            "the layer sees the ink divided by std": lambda ink, w, std, a, b: (w[a] - w[b]) * ink,
            "these are votes for the second class": lambda ink, w, std, a, b: (w[b] - w[a]) * ink / std,
            "this leaves out what the ink adds to the second class": lambda ink, w, std, a, b: w[a] * ink / std,
            "a pixel without ink has no vote": lambda ink, w, std, a, b: (w[a] - w[b]) / std,
            "a pixel without ink has no vote, but standardising gives it a value": lambda ink, w, std, a, b: (
                (w[a] - w[b]) * (ink - ink.mean()) / std
            ),
            "a pixel without ink has no vote, but this mean is taken off there, too": lambda ink, w, std, a, b: (
                (w[a] - w[b]) * (ink - 0.1307) / std
            ),
            "this is the sum of the votes; give one for each pixel": lambda ink, w, std, a, b: (
                (w[a] - w[b]) * ink / std
            ).sum(),
        },
    ),
    "16.3 surprise": Exercise(
        expected=_surprise,
        probes=((20, 0.926), (50, 0.9), (10, 0.5), (3, 0.2), (20, 0.985), (400, 0.97)),
        hints=(
            "How probable are 0 right answers? And 1 or fewer? At which count does that sum pass 5 %?",
            "binom.cdf(k, n, accuracy) is the probability of k or fewer. Which k still satisfy the condition?",
        ),
        mistakes={
            "this many is no surprise any more; one fewer is": lambda n, p: _surprise(n, p) + 1,
            "this is how many to expect; how few would be a surprise?": lambda n, p: round(n * p),
            "the probability of just this many is not that of this many or fewer": lambda n, p: max(
                (k for k in range(round(n * p)) if math.comb(n, k) * p**k * (1 - p) ** (n - k) <= 0.05), default=-1
            ),
            "this is a surprise at 1 %; the question says 5 %": lambda n, p: _surprise(n, p, 0.01),
            "this leaves 2.5 % on each side; only too few is a surprise here": lambda n, p: _surprise(n, p, 0.025),
            "this counts wrong answers; the question is about right ones": lambda n, p: n - _surprise(n, p),
            "the normal distribution is too rough for so few drawings": _normal,
        },
    ),
}
