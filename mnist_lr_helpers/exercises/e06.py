"""Exercises of notebook 06: a stable log-softmax, slopes by differences, a hidden fault, another loss's gradient."""

from __future__ import annotations

from collections.abc import Callable

from mnist_lr_helpers.exercises.grading import Exercise

import torch
from torch import Tensor

CURVES: dict[str, Callable[[Tensor], Tensor]] = {
    "the sum of cubes": lambda v: (v**3).sum(),
    "the product of the first two numbers": lambda v: v[0] * v[1],
}


def _slopes(name: str, at: Tensor, ahead: float, behind: float) -> Tensor:
    """How much the function grows, per entry, from ``behind`` to ``ahead`` of that entry's own value."""
    moves = torch.eye(len(at), dtype=at.dtype)
    return torch.stack([CURVES[name](at + ahead * move) - CURVES[name](at + behind * move) for move in moves])


def _all_at_once(name: str, at: Tensor, h: float) -> Tensor:
    return ((CURVES[name](at + h) - CURVES[name](at - h)) / (2 * h)).expand(len(at))


def _never_put_back(name: str, at: Tensor, h: float) -> Tensor:
    before = torch.ones(len(at), len(at)).tril(-1)  # row i: the entries that have moved before i
    return torch.stack([_slopes(name, at - h * row, h, -h)[i] / (2 * h) for i, row in enumerate(before)])


def _truth(logits: Tensor, labels: Tensor) -> Tensor:
    return torch.eye(logits.shape[1])[labels]


def _repaired(probabilities: Tensor, pixels: Tensor, labels: Tensor) -> Tensor:
    return (probabilities - _truth(probabilities, labels)).T @ pixels / len(pixels)


def _powers(logits: Tensor, largest: Tensor | float) -> Tensor:
    powers = (logits - largest).exp()
    return powers / powers.sum(dim=1, keepdim=True)


def _squared(logits: Tensor, labels: Tensor) -> Tensor:
    """The gradient of the summed squared errors, one row an image."""
    p = logits.softmax(dim=1)
    errors = p - _truth(logits, labels)
    return 2 * p * (errors - (p * errors).sum(dim=1, keepdim=True))


_weights = torch.tensor([[0.5, -1.0, 2.0], [1.0, 0.0, 1.0]])
_images = torch.tensor([[1.0, 0.5, 0.0], [0.0, 1.0, 0.5], [1.0, 1.0, 1.0]])


EXERCISES: dict[str, Exercise] = {
    "06.1 log-softmax": Exercise(
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
        hints=(
            "What is the largest number that exp gets to see in your function? What would be a safe one?",
            "Put any class k in place of the label y in the last displayed line. Which terms are the same for all k?",
        ),
        ruled_out=frozenset({"log_softmax", "LogSoftmax", "logsumexp", "cross_entropy"}),
    ),
    "06.2 slopes": Exercise(
        expected=lambda name, at, h: _slopes(name, at, h, -h) / (2 * h),
        probes=(
            ("the sum of cubes", torch.tensor([1.0, 2.0, -1.0], dtype=torch.float64), 0.5),
            ("the product of the first two numbers", torch.tensor([3.0, 5.0, 7.0], dtype=torch.float64), 0.5),
        ),
        use=lambda answer, name, at, h: answer(CURVES[name], at, h),
        mistakes={
            "this looks to one side only": lambda name, at, h: _slopes(name, at, h, 0) / h,
            "from one side to the other it is a longer way than h": lambda name, at, h: _slopes(name, at, h, -h) / h,
            "all entries move at the same time: each needs a turn of its own": _all_at_once,
            "an entry is not put back before the next one moves": _never_put_back,
        },
        hints=(
            "Which two values of the function do you need for the first entry? What has become of the others?",
            "How do you leave `at` itself as it was? And how far apart are your two places?",
        ),
        ruled_out=frozenset({"autograd", "backward", "grad", "gradcheck", "jacobian"}),
    ),
    "06.3 repaired": Exercise(
        expected=lambda w, x, y: _repaired((x @ w.T).softmax(dim=1), x, y),
        probes=(
            (_weights, _images, torch.tensor([0, 1, 1])),
            (200 * _weights, _images, torch.tensor([1, 0, 1])),
            (torch.tensor([[60.0, -60.0], [55.0, -62.0]]), torch.eye(2), torch.tensor([1, 0])),
        ),
        mistakes={
            "the fault is still there: you see it with weights other than zero": lambda w, x, y: _repaired(
                _powers(x @ w.T, (x @ w.T).amax(dim=0)), x, y
            ),
            "now a large logit overflows": lambda w, x, y: _repaired(_powers(x @ w.T, 0.0), x, y),
            "one number for the whole batch: an image far below it is left with nothing but zeros": lambda w, x, y: (
                _repaired(_powers(x @ w.T, (x @ w.T).max()), x, y)
            ),
            "now each class sums to 1, not each image": lambda w, x, y: _repaired((x @ w.T).softmax(dim=0), x, y),
            "this is a sum over the images": lambda w, x, y: len(x) * _repaired((x @ w.T).softmax(dim=1), x, y),
        },
        hints=(
            "With zero weights all logits are alike. Which lines can then do no harm, whatever they do?",
            "Print the shape of each intermediate result. Which numbers may be subtracted from an image's logits "
            "without changing its probabilities?",
        ),
    ),
    "06.4 squared-gradient": Exercise(
        expected=lambda z, y: _squared(z, y) / len(z),
        probes=(
            (torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), torch.tensor([0, 2])),
            (torch.tensor([[0.0, 0.0], [1.0, -1.0], [0.5, 2.0]]), torch.tensor([1, 0, 0])),
        ),
        mistakes={
            "this is the slope along p, not along the logits": lambda z, y: 2 * (z.softmax(1) - _truth(z, y)) / len(z),
            "this is the gradient of cross-entropy": lambda z, y: (z.softmax(1) - _truth(z, y)) / len(z),
            "a logit moves all probabilities of its image, not only its own": lambda z, y: (
                2 * (z.softmax(1) - _truth(z, y)) * z.softmax(1) * (1 - z.softmax(1)) / len(z)
            ),
            "the derivative of a square brings a factor": lambda z, y: _squared(z, y) / (2 * len(z)),
            "the loss is a mean over the images, this is a sum": _squared,
        },
        hints=(
            "What is the slope of the loss along one probability? How many probabilities does one logit move?",
            "Write the sum over j out. Where does [j = k] leave one term, and which part is the same for all classes?",
        ),
        ruled_out=frozenset({"autograd", "backward", "grad", "jacobian"}),
    ),
}
