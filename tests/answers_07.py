"""What students might answer to the exercises of notebook 07: rightly in another style, and with the usual mistakes."""

import torch
from torch.nn.functional import cross_entropy


def _curvature_by_autograd(logits: torch.Tensor, slopes: torch.Tensor) -> torch.Tensor:
    """The second derivative of the mean loss along the line; the labels make no difference."""
    labels = torch.zeros(len(logits), dtype=torch.int64)

    def loss(t: torch.Tensor) -> torch.Tensor:
        return cross_entropy(logits + t * slopes, labels)

    return torch.autograd.functional.hessian(loss, torch.tensor(0.0))


def _gap_by_autograd(weights: torch.Tensor, inputs: torch.Tensor, labels: torch.Tensor, penalty: float) -> torch.Tensor:
    weights = weights.clone().requires_grad_()
    objective = cross_entropy(inputs @ weights.T, labels) + penalty / 2 * weights.square().sum()
    objective.backward()
    return weights.grad.norm() ** 2 / 2 / penalty


def _fair_by_steps(rate: float, m: float, b: int, m2: float, b2: int) -> float:
    path = rate / (1 - m) * (1_000 / b)
    return path / (1_000 / b2) * (1 - m2)


def gap(weights, inputs, labels, penalty, *, decay=1.0, n=None, share=0.5, power=2):
    p = torch.softmax(inputs @ weights.T, dim=-1)
    p[torch.arange(len(labels)), labels] -= 1
    gradient = torch.einsum("nc,nd->cd", p, inputs) / (n or len(labels)) + decay * penalty * weights
    return share * gradient.norm() ** power / penalty


# Right answers in another style than the solution's.
OTHERWISE = {
    "07.1 curvature": _curvature_by_autograd,
    "07.2 certificate": _gap_by_autograd,
    "07.3 fair rate": _fair_by_steps,
}

# Words of the hint → an answer as students write it.
NATURAL = {
    "07.1 curvature": {
        "do not weigh alike": lambda z, d: d.var(dim=1).mean(),
        "mean of the squares minus": lambda z, d: (z.softmax(1) * d * d).sum() / len(z),
        "return their mean": lambda z, d: (z.softmax(1) * (d - (z.softmax(1) * d).sum(1, keepdim=True)) ** 2).sum(1),
        "adds up the images": lambda z, d: (z.softmax(1) * (d - (z.softmax(1) * d).sum(1, keepdim=True)) ** 2).sum(),
        "over which dimension": lambda z, d: ((z.softmax(0) * d**2).sum(1) - (z.softmax(0) * d).sum(1).square()).mean(),
    },
    "07.2 certificate": {
        "has a gradient too": lambda w, x, y, penalty: gap(w, x, y, penalty, decay=0.0),
        "no 2 in it": lambda w, x, y, penalty: gap(w, x, y, penalty, decay=2.0),
        "adds up the images": lambda w, x, y, penalty: gap(w, x, y, penalty, n=1),
        "opposite signs": lambda w, x, y, penalty: gap(w, x, y, penalty, decay=-1.0),
        "below the line": lambda w, x, y, penalty: gap(w, x, y, penalty, share=1.0),
        "has to be squared": lambda w, x, y, penalty: gap(w, x, y, penalty, power=1),
    },
    "07.3 fair rate": {
        "momentum is not used": lambda rate, m, b, m2, b2: b2 * rate / b,
        "batch size is not used": lambda rate, m, b, m2, b2: rate / (1 - m) * (1 - m2),
        "the wrong way round: does": lambda rate, m, b, m2, b2: rate / (1 - m2) * (1 - m) * (b2 / b),
        "longer or shorter": lambda rate, m, b, m2, b2: rate / (1 - m) * (1 - m2) / (b2 / b),
        "as well": lambda rate, m, b, m2, b2: rate * (1 - m2) * (b2 / b),
        "with its root": lambda rate, m, b, m2, b2: rate * (1 - m2) / (1 - m) * (b2 / b) ** (1 / 2),
    },
}

# What a run might have measured, for the exercises whose answer is a value.
MEASURED = {}
