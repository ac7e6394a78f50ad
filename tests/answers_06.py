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


def _slopes_in_place(function, at, h):
    slopes = []
    for i, middle in enumerate(at.tolist()):
        at[i] = middle + h
        above = function(at).item()
        at[i] = middle - h
        slopes.append((above - function(at).item()) / (2 * h))
        at[i] = middle
    return slopes


def _slopes_with(function, at, h, step):
    """The usual loop, with a mistake in ``step``."""
    slopes = []
    for i in range(len(at)):
        move = torch.zeros_like(at)
        move[i] = h
        slopes.append(step(function, at, move, h))
    return torch.stack(slopes)


def _forgets_to_put_back(function, at, h):
    slopes = torch.zeros(len(at), dtype=at.dtype)
    for i in range(len(at)):
        at[i] = at[i] + h
        above = function(at)
        at[i] = at[i] - h - h
        slopes[i] = (above - function(at)) / h / 2
    return slopes


def _repaired_by_hand(weights, pixels, labels):
    logits = (pixels @ weights.T).numpy().astype(np.float64)
    powers = np.exp(logits - logits.max(axis=1)[:, None])
    errors = powers / powers.sum(axis=1)[:, None]
    errors[np.arange(len(labels)), labels.numpy()] -= 1
    return errors.T @ pixels.numpy() / len(labels)


def _gradient_of(probabilities, pixels, labels):
    errors = probabilities.clone()
    errors[torch.arange(len(labels)), labels] -= 1
    return errors.T @ pixels / len(labels)


def _suspect(weights, pixels, labels):
    logits = pixels @ weights.T
    return _gradient_of(softmaxed(logits - logits.amax(dim=0)), pixels, labels)


def _squared_by_jacobian(logits, labels):
    p = softmaxed(logits)
    jacobians = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]  # [n, j, k]
    return (2 * (p - one_hot(labels, p.shape[1]))[:, None] @ jacobians)[:, 0] / len(p)


# Right answers in another style than the solution's.
OTHERWISE = {
    "06.1 log-softmax": _log_softmax_row_by_row,
    "06.2 slopes": _slopes_in_place,
    "06.3 repaired": _repaired_by_hand,
    "06.4 squared-gradient": _squared_by_jacobian,
}

# Words of the hint → an answer as students write it.
NATURAL = {
    "06.1 log-softmax": {
        "the exponential of a large logit": lambda z: torch.log(softmaxed(z)),
        "rounded to 0": lambda z: torch.log(torch.softmax(z, 1)),
        "subtract something": lambda z: z - torch.log(torch.exp(z).sum(dim=1, keepdim=True)),
        "mind dim": lambda z: (z - z.amax(0)) - (z - z.amax(0)).exp().sum(dim=0).log(),
        "keeps it finite, and wrong": lambda z: torch.log(torch.softmax(z, dim=1) + 1e-12),
    },
    "06.2 slopes": {
        "one side only": lambda f, at, h: _slopes_with(f, at, h, lambda f, at, v, h: (f(at + v) - f(at)) / h),
        "a longer way than h": lambda f, at, h: _slopes_with(f, at, h, lambda f, at, v, h: (f(at + v) - f(at - v)) / h),
        "at the same time": lambda f, at, h: torch.stack([(f(at + h) - f(at - h)) / 2 / h for _ in at]),
        "not put back": _forgets_to_put_back,
    },
    "06.3 repaired": {
        "still there": _suspect,
        "overflows": lambda w, x, y: _gradient_of(softmaxed(x @ w.T), x, y),
        "sum over the images": lambda w, x, y: _gradient_of((x @ w.T).softmax(1), x, y) * len(y),
        "not each image": lambda w, x, y: _gradient_of(torch.softmax(x @ w.T, 0), x, y),
    },
    "06.4 squared-gradient": {
        "not along the logits": lambda z, y: (softmaxed(z) - one_hot(y, z.shape[1])) * 2 / len(y),
        "gradient of cross-entropy": lambda z, y: (softmaxed(z) - one_hot(y, z.shape[1])) / len(y),
        "not only its own": lambda z, y: (
            2 * (softmaxed(z) - one_hot(y, z.shape[1])) * (softmaxed(z) - softmaxed(z) ** 2) / len(y)
        ),
        "brings a factor": lambda z, y: _squared_by_jacobian(z, y) / 2,
        "this is a sum": lambda z, y: _squared_by_jacobian(z, y) * len(y),
    },
}

# What a run might have measured, for the exercises whose answer is a value.
MEASURED = {}
