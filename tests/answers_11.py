"""What students might answer to the exercises of notebook 11: rightly in another style, and with the usual mistakes."""

import numpy as np
import sklearn.metrics
import torch


def sigmoid(z):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-z))


def log_loss(p, y):
    with np.errstate(divide="ignore", invalid="ignore"):
        return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()


def overflowing(z, y):
    with np.errstate(over="ignore"):
        return np.log(1 + np.exp(np.where(y == 1, -z, z))).mean()


def precision_and_recall(y, yes):
    return sklearn.metrics.precision_score(y, yes), sklearn.metrics.recall_score(y, yes)


# Right answers in another style than the solution's.
OTHERWISE = {
    "11.1 stable-loss": lambda z, y: torch.nn.functional.binary_cross_entropy_with_logits(
        torch.tensor(z), torch.tensor(y).float()
    ),
    "11.2 precision-and-recall": lambda p, y, threshold: (
        sklearn.metrics.precision_score(y, p > threshold),
        sklearn.metrics.recall_score(y, p > threshold),
    ),
}

# Words of the hint → an answer as students write it.
NATURAL = {
    "11.1 stable-loss": {
        "sigmoid and logarithm": lambda z, y: log_loss(sigmoid(z), y),
        "exponential of a large logit": overflowing,
        "clipping": lambda z, y: log_loss(np.clip(sigmoid(z), 1e-7, 1 - 1e-7), y),
        "the sum over": lambda z, y: np.logaddexp(0, (1 - 2 * y) * z).sum(),
        "interchanged": lambda z, y: np.logaddexp(0, np.where(y == 1, z, -z)).mean(),
        "one loss for each image": lambda z, y: np.logaddexp(0, (1 - 2 * y) * z),
    },
    "11.2 precision-and-recall": {
        "recall comes first": lambda p, y, t: precision_and_recall(y, p > t)[::-1],
        "the first number is the accuracy": lambda p, y, t: (((p > t) == y).mean(), precision_and_recall(y, p > t)[1]),
        "the threshold is not used": lambda p, y, t: precision_and_recall(y, p > 0.5),
        "equal to the threshold": lambda p, y, t: precision_and_recall(y, p >= np.float32(t)),
        "not below": lambda p, y, t: precision_and_recall(y, p < t),
    },
    "11.3 the-way-back": {
        "this is the other way": lambda mean, k: 1 - 2 / k * (1 - mean),
        "costs two answers": lambda mean, k: 1 - (1 - mean) * k,
        "right for ten classes": lambda mean, k: 1 - 5 * (1 - mean),
        "for 0.9, 5 yours is": lambda mean, k: 1 - k // 2 * (1 - mean),
    },
}

# What a run might have measured, for the exercises whose answer is a value.
MEASURED = {}
