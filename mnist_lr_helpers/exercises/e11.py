"""Exercises of notebook 11: a stable binary loss, precision and recall, shares of images and of answers."""

from __future__ import annotations

from mnist_lr_helpers.exercises.grading import Exercise

import torch
from torch.nn.functional import binary_cross_entropy, softplus


def _losses(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return softplus(torch.as_tensor((1 - 2 * y) * z))


def _rates(p: torch.Tensor, y: torch.Tensor, threshold: float) -> dict[str, torch.Tensor]:
    """What there is to say of answering yes above a threshold."""
    yes, truth = torch.as_tensor(p) > threshold, torch.as_tensor(y) == 1
    hits = (yes & truth).sum()
    return {
        "precision": hits / yes.sum(),
        "recall": hits / truth.sum(),
        "accuracy": (yes == truth).double().mean(),
        "specificity": (~yes & ~truth).sum() / (~truth).sum(),
    }


def _precision_and_recall(p: torch.Tensor, y: torch.Tensor, threshold: float) -> tuple[torch.Tensor, torch.Tensor]:
    rates = _rates(p, y, threshold)
    return rates["precision"], rates["recall"]


_logits = torch.tensor([3.0, -2.0, 0.5, 40.0, -1000.0, 1000.0]).numpy()
_truth = torch.tensor([1, 0, 0, 1, 0, 0]).numpy()
_scores = torch.tensor([0.9, 0.8, 0.5, 0.3, 0.6, 0.2]).numpy(), torch.tensor([1, 0, 1, 1, 1, 0]).numpy()

EXERCISES: dict[str, Exercise] = {
    "11.1 stable-loss": Exercise(
        expected=lambda z, y: _losses(z, y).mean(),
        probes=((_logits[:3], _truth[:3]), (_logits, _truth)),
        mistakes={
            "a large logit still breaks it: take sigmoid and logarithm together": lambda z, y: (
                lambda p, t: -(t * p.log() + (1 - t) * (1 - p).log()).mean()
            )(torch.tensor(z).sigmoid(), torch.tensor(y)),
            "the exponential of a large logit is infinite": lambda z, y: (
                (1 + torch.tensor((1 - 2 * y) * z).exp()).log().mean()
            ),
            "clipping the probability keeps it finite, and too small for large wrong logits": lambda z, y: (
                binary_cross_entropy(torch.tensor(z).sigmoid().clamp(1e-7, 1 - 1e-7), torch.tensor(y).float())
            ),
            "this is the sum over the images, not the mean": lambda z, y: _losses(z, y).sum(),
            "this is one loss for each image; give their mean": _losses,
            "only the images whose answer is yes have a loss here": lambda z, y: (
                _losses(z, y) * torch.tensor(y)
            ).mean(),
            "yes and no are interchanged": lambda z, y: _losses(-z, y).mean(),
        },
    ),
    "11.2 precision-and-recall": Exercise(
        expected=_precision_and_recall,
        probes=((*_scores, 0.5), (*_scores, 0.7), (*_scores, 0.25)),
        mistakes={
            "recall comes first; give (precision, recall)": lambda p, y, t: _precision_and_recall(p, y, t)[::-1],
            "the first number is the accuracy, which counts right no answers as well": lambda p, y, t: (
                _rates(p, y, t)["accuracy"],
                ...,
            ),
            "the threshold is not used": lambda p, y, t: _precision_and_recall(p, y, 0.5),
            "yes is for probabilities above the threshold, not below": lambda p, y, t: _precision_and_recall(-p, y, -t),
            "a probability equal to the threshold is not above it": lambda p, y, t: _precision_and_recall(
                p, y, t - 1e-6
            ),
            "the second number is the share of the true no's that are recognised": lambda p, y, t: (
                ...,
                _rates(p, y, t)["specificity"],
            ),
        },
    ),
    "11.3 the-way-back": Exercise(
        expected=lambda mean, n_classes: 1 - n_classes * (1 - mean) / 2,
        probes=((0.98, 10), (0.75, 4), (0.9, 5)),
        mistakes={
            "this is the other way: from the share of images to the mean": lambda m, n: 1 - 2 * (1 - m) / n,
            "a wrong image costs two answers: a yes too many and a yes too few": lambda m, n: 1 - n * (1 - m),
            "the mean shares out the wrong answers among all the models": lambda m, n: 1 - (1 - m) / 2,
            "two wrong answers are one wrong image, not four": lambda m, n: 1 - 2 * n * (1 - m),
            "this is right for ten classes; their number is given": lambda m, n: 1 - 10 * (1 - m) / 2,
            "this is the share of answers; every image gets many": lambda m, n: m,
            "this is the share of wrong images": lambda m, n: n * (1 - m) / 2,
        },
    ),
}
