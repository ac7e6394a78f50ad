"""What students might answer to the exercises of notebook 10: rightly in another style, and with the usual mistakes."""

import numpy as np
import torch


def one_hot(labels, n_classes):
    return torch.nn.functional.one_hot(labels, n_classes).float()


def case_by_case(accuracy, wrong, classes):
    """Add up the cases: an answer is right or wrong, its label stays or moves to each of the other classes."""
    total = 0.0
    for moved_to in range(1, classes):
        total += accuracy * (1 - wrong) / (classes - 1)  # right, stays
        total += (1 - accuracy) * wrong / (classes - 1) * (moved_to == 1)  # wrong, moves to the answer
    return total


# Right answers in another style than the solution's.
OTHERWISE = {
    "10.1 wrong test labels": case_by_case,
    "10.2 confident-learning thresholds": lambda p, y: (
        (torch.eye(p.shape[1])[y] * p).sum(dim=0) / y.bincount(minlength=p.shape[1])
    ),
    "10.3 faded image": lambda z, biases, c: torch.lerp(biases, z, c).argmax(),
    "10.4 steady logits": lambda x, w: x @ (w - w.mean(dim=1, keepdim=True)).T,
}

# Words of the hint → an answer as students write it.
NATURAL = {
    "10.1 wrong test labels": {
        "by accident": lambda a, q, k: (1 - q) * a,
        "how many are there": lambda a, q, k: a - a * q + q * (1 - a) * (1 / k),
        "wrong already": lambda a, q, k: a - q,
        "not every wrong answer": lambda a, q, k: a * (1 - q) + q * (1 - a),
        "a right answer never": lambda a, q, k: (1 - q) * a + q / (k - 1),
    },
    "10.2 confident-learning thresholds": {
        "averages over all images": lambda p, y: p.sum(0) / len(p),
        "not by their prediction": lambda p, y: [p[p.argmax(1) == j][:, j].mean() for j in range(3)],
        "also where another class": lambda p, y: [p[(p.argmax(1) == y) & (y == j)][:, j].mean() for j in range(3)],
        "which need not be j": lambda p, y: [p.amax(dim=1)[y == j].mean() for j in range(3)],
        "divides by the number of all": lambda p, y: (one_hot(y, 3) * p).mean(0),
    },
    "10.3 faded image": {
        "the biases do not fade": lambda z, b, c: torch.argmax(c * z),
        "the probabilities do not": lambda z, b, c: torch.argmax(
            c * torch.softmax(z, 0) + (1 - c) * torch.softmax(b, 0)
        ),
        "which class do they choose": lambda z, b, c: torch.lerp(b, z, c),
    },
    "10.4 steady logits": {
        "grey still adds": lambda x, w: torch.einsum("nd,kd->nk", x, w),
        "each image has its own": lambda x, w: (x - np.mean(x.numpy())) @ w.T,
        "changes no answer": lambda x, w: (z := x @ w.T) - z.mean(1)[:, None],
        "contrast scales all logits": lambda x, w: ((x - x.mean(1)[:, None]) / x.std(1)[:, None]) @ w.T,
    },
}

# What a run might have measured: no answer here is a value.
MEASURED: dict[str, dict[str, object]] = {}
