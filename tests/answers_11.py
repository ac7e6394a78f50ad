"""What students might answer to the exercises of notebook 11: rightly in another style, and with the usual mistakes."""

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits


def sigmoid(z):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-z))


def log_loss(p, y):
    with np.errstate(divide="ignore", invalid="ignore"):
        return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()


def overflowing(z, y):
    with np.errstate(over="ignore"):
        return np.log(1 + np.exp(np.where(y == 1, -z, z))).mean()


def step_by_torch(x, y, w, b, rate, penalty):
    weights, bias = torch.tensor(w, requires_grad=True), torch.tensor(b, requires_grad=True)
    losses = binary_cross_entropy_with_logits(torch.tensor(x) @ weights + bias, torch.tensor(y), reduction="sum")
    (losses / len(x) + penalty / 2 * (weights**2).sum()).backward()
    return weights - rate * weights.grad, bias - rate * bias.grad


def slopes(x, y, w, b):
    residual = sigmoid(x @ w + b) - y
    return x.T @ residual / len(x), residual.mean(axis=0, keepdims=True)


def step(x, y, w, b, rate, w_change, b_change=0):
    """A step with something added to the weights' gradient, and to the biases'."""
    dw, db = slopes(x, y, w, b)
    return w - rate * (dw + w_change), b - rate * (db + b_change)


# Right answers in another style than the solution's.
OTHERWISE = {
    "11.1 stable-loss": lambda z, y: binary_cross_entropy_with_logits(torch.tensor(z), torch.tensor(y).double()),
    "11.3 penalised-step": step_by_torch,
}

# Words of the hint → an answer as students write it.
NATURAL = {
    "11.1 stable-loss": {
        "sigmoid and logarithm": lambda z, y: log_loss(sigmoid(z), y),
        "exponential of a large score": overflowing,
        "clipping": lambda z, y: log_loss(np.clip(sigmoid(z), 1e-7, 1 - 1e-7), y),
        "the sum over": lambda z, y: np.logaddexp(0, (1 - 2 * y) * z).sum(),
        "interchanged": lambda z, y: np.logaddexp(0, np.where(y == 1, z, -z)).mean(),
        "one loss for each image": lambda z, y: np.logaddexp(0, (1 - 2 * y) * z),
    },
    "11.2 the-way-back": {
        "this is the other way": lambda mean, k: 1 - 2 / k * (1 - mean),
        "costs two answers": lambda mean, k: 1 - (1 - mean) * k,
        "right for ten classes": lambda mean, k: 1 - 5 * (1 - mean),
        "for 0.9, 5 yours is": lambda mean, k: 1 - k // 2 * (1 - mean),
    },
    "11.3 penalised-step": {
        "pulls the bias, too": lambda x, y, w, b, rate, lam: step(x, y, w, b, rate, lam * w, lam * b),
        "no factor of 2": lambda x, y, w, b, rate, lam: step(x, y, w, b, rate, 2 * lam * w),
        "away from zero": lambda x, y, w, b, rate, lam: step(x, y, w, b, rate, -lam * w),
        "step uphill": lambda x, y, w, b, rate, lam: step(x, y, w, b, -rate, lam * w),
        "learning rate multiplies": lambda x, y, w, b, rate, lam: step(x, y, w, b, rate, lam / rate * w),
        "where is the penalty": lambda x, y, w, b, rate, lam: step(x, y, w, b, rate, 0),
        "weights first": lambda x, y, w, b, rate, lam: step(x, y, w, b, rate, lam * w)[::-1],
    },
    "11.4 fair-lead": {
        "chosen by its test images": lambda v, t, v2, t2: (max(t2) - max(t)) * 100,
        "suits the softmax": lambda v, t, v2, t2: 100 * (t2 - t)[v2.argmax()],
        "suits the yes-or-no": lambda v, t, v2, t2: 100 * (t2 - t)[v.argmax()],
        "on the validation images": lambda v, t, v2, t2: 100 * v2.max() - 100 * v.max(),
        "hundredths": lambda v, t, v2, t2: t2[v2.argmax()] - t[v.argmax()],
    },
}

# What a run might have measured, for the exercises whose answer is a value.
MEASURED = {}
