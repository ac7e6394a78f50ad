"""What students might answer to the exercises of notebook 06: rightly in another style, and with the usual mistakes."""

import math

import numpy as np
import torch


def softmaxed(logits):
    return logits.exp() / logits.exp().sum(dim=1, keepdim=True)


def one_hot(labels, n_classes):
    return torch.nn.functional.one_hot(labels, n_classes).float()


def _log_softmax_row_by_row(logits: torch.Tensor) -> list[list[float]]:
    rows = [[value - max(row) for value in row] for row in logits.tolist()]
    return [[value - math.log(sum(map(math.exp, row))) for value in row] for row in rows]


def _bias_gradient_by_hand(logits: torch.Tensor, labels: torch.Tensor) -> np.ndarray:
    powers = np.exp(logits.numpy())
    difference = powers / powers.sum(axis=1, keepdims=True)
    difference[np.arange(len(labels)), labels.numpy()] -= 1
    return difference.sum(axis=0) / len(labels)


# Right answers in another style than the solution's.
OTHERWISE = {
    "06.1 parameter-count": lambda height, width, channels, classes: sum(
        p.numel() for p in torch.nn.Linear(height * width * channels, classes, device="meta").parameters()
    ),
    "06.2 stable-log-softmax": _log_softmax_row_by_row,
    "06.3 bias-gradient": _bias_gradient_by_hand,
    "06.4 many-batches": lambda losses, sizes: np.average(losses, weights=sizes),
}

# Words of the hint → an answer as students write it.
NATURAL = {
    "06.1 parameter-count": {
        "the biases are missing": lambda h, w, c, k: math.prod((h, w, c, k)),
        "a bias of its own": lambda h, w, c, k: 1 + k * c * w * h,
        "belong to classes": lambda h, w, c, k: h * w * c * k + h * w * c,
        "as many numbers as there are channels": lambda h, w, c, k: h * w * k + k,
    },
    "06.2 stable-log-softmax": {
        "the exponential of a large logit": lambda z: torch.log(softmaxed(z)),
        "rounded to 0": lambda z: torch.log(torch.softmax(z, 1)),
        "subtract something": lambda z: z - torch.log(torch.exp(z).sum(dim=1, keepdim=True)),
        "mind dim": lambda z: (z - z.amax(0)) - (z - z.amax(0)).exp().sum(dim=0).log(),
        "keeps it finite, and wrong": lambda z: torch.log(torch.softmax(z, dim=1) + 1e-12),
    },
    "06.3 bias-gradient": {
        "points downhill": lambda z, y: (one_hot(y, z.shape[1]) - z.softmax(1)).mean(0),
        "this is a sum": lambda z, y: (softmaxed(z) - one_hot(y, z.shape[1])).sum(0),
        "logits minus truth": lambda z, y: (z - one_hot(y, z.shape[1])).mean(0),
        "labels are not used": lambda z, y: softmaxed(z).mean(0),
        "mind dim": lambda z, y: (torch.softmax(z, 0) - one_hot(y, z.shape[1])).mean(0),
        "one row for each image": lambda z, y: softmaxed(z) - one_hot(y, z.shape[1]),
    },
    "06.4 many-batches": {
        "every batch counts the same": lambda losses, sizes: np.mean(losses),
        "the sum over the images": lambda losses, sizes: np.dot(losses, sizes),
        "the last batch is left out": lambda losses, sizes: (
            sum(loss * size for loss, size in zip(losses[:-1], sizes, strict=False)) / sum(sizes[:-1])
        ),
    },
}

# What a run might have measured, for the exercises whose answer is a value.
MEASURED = {}
