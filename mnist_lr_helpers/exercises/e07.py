"""Exercises of notebook 07: curvature along a line, the certificate, a fair learning rate."""

from __future__ import annotations

from collections.abc import Callable

from mnist_lr_helpers.data import seeded
from mnist_lr_helpers.exercises.grading import Exercise

import torch
from torch import Tensor
from torch.nn.functional import one_hot

LOGITS = torch.randn(4, 3, generator=seeded(1))
SLOPES = torch.randn(4, 3, generator=seeded(2))
WEIGHTS = torch.randn(3, 5, generator=seeded(3))
INPUTS = torch.rand(7, 5, generator=seeded(4))
LABELS = torch.tensor([0, 1, 2, 2, 1, 0, 2])


def _moments(shares: Tensor, slopes: Tensor) -> tuple[Tensor, Tensor]:
    """Of each image, the mean of its slopes and of their squares, where each class has its share."""
    return (shares * slopes).sum(dim=1), (shares * slopes**2).sum(dim=1)


def _variances(shares: Tensor, slopes: Tensor) -> Tensor:
    mean, mean_square = _moments(shares, slopes)
    return mean_square - mean**2


def _gradient(
    w: Tensor, x: Tensor, y: Tensor, penalty: float, *, of: Callable[[Tensor], Tensor] | None = None, n: int = 0
) -> Tensor:
    """Of the objective; ``of`` makes something else than the probabilities of the logits, ``n`` divides instead."""
    z = x @ w.T
    p = of(z) if of else z.softmax(dim=1)
    return (p - one_hot(y, len(w))).T @ x / (n or len(x)) + penalty * w


def _gap(gradient: Tensor, penalty: float) -> Tensor:
    return gradient.square().sum() / (2 * penalty)


EXERCISES: dict[str, Exercise] = {
    "07.1 curvature": Exercise(
        expected=lambda z, d: _variances(z.softmax(dim=1), d).mean(),
        probes=((LOGITS, SLOPES), (LOGITS[:2] * 3, SLOPES[:2])),
        hints=(
            "Which numbers of an image are averaged in a variance, and with which shares?",
            "Compute for each image the mean of d and the mean of d², both with the same shares. "
            "What is left to do with the two, and then with the images?",
        ),
        mistakes={
            "a variance is the mean of the squares minus something": lambda z, d: _moments(z.softmax(dim=1), d)[
                1
            ].mean(),
            "the mean has to be squared before it is subtracted": lambda z, d: (
                _moments(z.softmax(dim=1), d)[1] - _moments(z.softmax(dim=1), d)[0]
            ).mean(),
            "the mean of the whole batch is no image's own: subtract before you average the images": lambda z, d: (
                _moments(z.softmax(dim=1), d)[1].mean() - _moments(z.softmax(dim=1), d)[0].mean() ** 2
            ),
            "the classes do not weigh alike: each has its probability": lambda z, d: d.var(dim=1, correction=0).mean(),
            "this is what `var` gives; the classes do not weigh alike": lambda z, d: d.var(dim=1).mean(),
            "the shares are probabilities, not logits": lambda z, d: _variances(z, d).mean(),
            "the probabilities of one image add up to 1: over which dimension?": lambda z, d: _variances(
                z.softmax(dim=0), d
            ).mean(),
            "this adds up the images; the loss is their mean": lambda z, d: _variances(z.softmax(dim=1), d).sum(),
            "these are the curvatures of the images; return their mean": lambda z, d: _variances(z.softmax(dim=1), d),
            "the root makes it a spread; the second derivative is the variance": lambda z, d: (
                _variances(z.softmax(dim=1), d).sqrt().mean()
            ),
            "this is the mean slope; the curvature is a variance": lambda z, d: _moments(z.softmax(dim=1), d)[0].mean(),
        },
    ),
    "07.2 certificate": Exercise(
        expected=lambda w, x, y, penalty: _gap(_gradient(w, x, y, penalty), penalty),
        probes=((WEIGHTS, INPUTS, LABELS, 0.1), (WEIGHTS / 2, INPUTS[:5], LABELS[:5], 0.02)),
        hints=(
            "The objective has two parts. What is the gradient of each?",
            "For one image it is (p − y) times x. How do you get p from the weights, and what does the mean over "
            "the images divide by?",
        ),
        mistakes={
            "the penalty has a gradient too": lambda w, x, y, penalty: _gap(_gradient(w, x, y, 0.0), penalty),
            "the derivative of λ/2 w² has no 2 in it": lambda w, x, y, penalty: _gap(
                _gradient(w, x, y, 2 * penalty), penalty
            ),
            "this adds up the images; the loss is their mean": lambda w, x, y, penalty: _gap(
                _gradient(w, x, y, penalty, n=1), penalty
            ),
            "the mean is over images, not over images times classes": lambda w, x, y, penalty: _gap(
                _gradient(w, x, y, penalty, n=len(x) * len(w)), penalty
            ),
            "the two parts have opposite signs here: is it p − y or y − p?": lambda w, x, y, penalty: _gap(
                _gradient(w, x, y, -penalty), penalty
            ),
            "logits are not probabilities yet": lambda w, x, y, penalty: _gap(
                _gradient(w, x, y, penalty, of=lambda z: z), penalty
            ),
            "a factor of 2 is missing below the line": lambda w, x, y, penalty: (
                2 * _gap(_gradient(w, x, y, penalty), penalty)
            ),
            "the length of the gradient has to be squared": lambda w, x, y, penalty: (
                _gradient(w, x, y, penalty).norm() / (2 * penalty)
            ),
            "this is the length of the gradient; the gap is made from it": lambda w, x, y, penalty: _gradient(
                w, x, y, penalty
            ).norm(),
            "this is the gradient; the gap is one number": _gradient,
        },
    ),
    "07.3 fair rate": Exercise(
        expected=lambda rate, m, b, m2, b2: rate * (1 - m2) / (1 - m) * b2 / b,
        probes=((0.1, 0.0, 64, 0.9, 256), (0.02, 0.5, 100, 0.8, 30), (0.3, 0.9, 32, 0.9, 64)),
        hints=(
            "How many steps of the old recipe does one step of the new one replace?",
            "A recipe moves the weights by rate / (1 − momentum) a step. Write the path of an epoch for both recipes, "
            "and set them equal.",
        ),
        mistakes={
            "the momentum is not used yet": lambda rate, m, b, m2, b2: rate * b2 / b,
            "the batch size is not used yet": lambda rate, m, b, m2, b2: rate * (1 - m2) / (1 - m),
            "momentum acts the wrong way round: does it take the weights farther?": lambda rate, m, b, m2, b2: (
                rate * (1 - m) / (1 - m2) * b2 / b
            ),
            "larger batches make fewer steps: must each be longer or shorter?": lambda rate, m, b, m2, b2: (
                rate * (1 - m2) / (1 - m) * b / b2
            ),
            "both are the wrong way round": lambda rate, m, b, m2, b2: rate * (1 - m) / (1 - m2) * b / b2,
            "the old recipe may have momentum as well": lambda rate, m, b, m2, b2: rate * (1 - m2) * b2 / b,
            "the path grows with the number of steps, not with its root": lambda rate, m, b, m2, b2: (
                rate * (1 - m2) / (1 - m) * (b2 / b) ** 0.5
            ),
        },
    ),
}
