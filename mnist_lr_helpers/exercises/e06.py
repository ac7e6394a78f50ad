"""Exercises of notebook 06: parameters, a stable log-softmax, the gradient, the loss of many batches."""

from __future__ import annotations

from mnist_lr_helpers.exercises.grading import Exercise

import torch


def _residual(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return logits.softmax(dim=1) - torch.eye(logits.shape[1])[labels]


def _weighted(losses: list[float], sizes: list[int]) -> float:
    return sum(loss * size for loss, size in zip(losses, sizes, strict=True))


EXERCISES: dict[str, Exercise] = {
    "06.1 parameter-count": Exercise(
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
    "06.2 stable-log-softmax": Exercise(
        expected=lambda z: z.log_softmax(dim=1),
        probes=((torch.tensor([[1.0, 2.0, 4.0]]),), (torch.tensor([[1000.0, 0.0, -1000.0], [3.0, 3.0, 3.0]]),)),
        mistakes={
            "the exponential of a large logit is infinite": lambda z: (z.exp() / z.exp().sum(1, keepdim=True)).log(),
            "the exponential of a large logit is infinite: subtract something from all logits first": lambda z: (
                z - z.exp().sum(1, keepdim=True).log()
            ),
            "a tiny probability is rounded to 0 before its logarithm is taken": lambda z: z.softmax(dim=1).log(),
            "a little added before the logarithm keeps it finite, and wrong": lambda z: (z.softmax(1) + 1e-12).log(),
            "these are the probabilities, not their logarithms": lambda z: z.softmax(dim=1),
            "you compare images with each other instead of classes: mind dim": lambda z: z.log_softmax(dim=0),
            "you only subtract the largest logit; something is still missing": lambda z: z - z.amax(1, keepdim=True),
            "this subtracts the largest logit of the whole batch, and another image may be far below it": lambda z: (
                z - z.max() - (z - z.max()).exp().sum(1, keepdim=True).log()
            ),
        },
        ruled_out=frozenset({"log_softmax", "LogSoftmax", "logsumexp", "cross_entropy"}),
    ),
    "06.3 bias-gradient": Exercise(
        expected=lambda z, y: _residual(z, y).mean(dim=0),
        probes=(
            (torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), torch.tensor([0, 2])),
            (torch.tensor([[0.0, 0.0], [1.0, -1.0], [0.5, 2.0]]), torch.tensor([1, 0, 0])),
            (torch.tensor([[1.0, 0.0, 2.0, -1.0], [0.0, 1.0, 0.0, 0.5]]), torch.tensor([0, 1])),
        ),
        mistakes={
            "the sign is turned round: this points downhill": lambda z, y: -_residual(z, y).mean(dim=0),
            "the loss is a mean over the images, this is a sum": lambda z, y: _residual(z, y).sum(dim=0),
            "the loss is a mean over the images alone, not over the classes too": lambda z, y: (
                _residual(z, y).mean(dim=0) / z.shape[1]
            ),
            "this is one row for each image; the loss is a mean over them": _residual,
            "the labels are not used yet": lambda z, y: z.softmax(1).mean(dim=0),
            "these are logits minus truth, not probabilities": lambda z, y: (z - torch.eye(z.shape[1])[y]).mean(dim=0),
            "the probabilities of an image sum to 1, not those of a class: mind dim": lambda z, y: (
                z.softmax(dim=0) - torch.eye(z.shape[1])[y]
            ).mean(dim=0),
        },
        ruled_out=frozenset({"autograd", "backward", "grad"}),
    ),
    "06.4 many-batches": Exercise(
        expected=lambda losses, sizes: _weighted(losses, sizes) / sum(sizes),
        probes=(([0.5, 0.25, 2.0], [64, 64, 2]), ([1.0, 3.0], [10, 5]), ([0.7], [48])),
        mistakes={
            "every batch counts the same here, also a small one": lambda losses, sizes: sum(losses) / len(losses),
            "this is the sum over the images, not their mean": _weighted,
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
