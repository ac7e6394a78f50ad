"""What students might answer to the exercises of notebook 02: rightly in another style, and with the usual mistakes."""

import numpy as np
import torch
from torch import nn


def losses(logits, labels):
    """The loss of each image, in NumPy."""
    powers = np.exp(logits.numpy())
    return [-np.log(row[label] / row.sum()) for row, label in zip(powers, labels.tolist(), strict=True)]


def gradient_in_loops(pixels, probabilities, labels):
    gradient = np.zeros((probabilities.shape[1], pixels.shape[1]))
    for image, row, label in zip(pixels.tolist(), probabilities.tolist(), labels.tolist(), strict=True):
        for k, p in enumerate(row):
            gradient[k] += (p - (k == label)) * np.array(image) / len(labels)
    return gradient


class Logits(nn.Module):
    """Images in, logits out, with what a student might put behind them."""

    def __init__(self, end: nn.Module, bias: bool = True) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(784, 10, bias=bias), end)

    def forward(self, images):
        return self.layers(images)


def tried(images, weights, biases, end=None, bias=True):
    model = Logits(end or nn.Identity(), bias)
    with torch.no_grad():
        model.layers[1].weight.copy_(weights)
        if bias:
            model.layers[1].bias.copy_(biases)
    return model(images), sum(p.numel() for p in model.parameters())


# Right answers in another style than the solution's.
OTHERWISE = {
    "02.1 probability": lambda scores: [1 / (1 + np.exp(-z)) for z in scores.tolist()],
    "02.2 loss": lambda logits, labels: float(np.mean(losses(logits, labels))),
    "02.3 gradient": gradient_in_loops,
    "02.4 module": lambda images, weights, biases: list(tried(images, weights, biases)),
}

# Words of the hint → an answer as students write it.
NATURAL = {
    "02.1 probability": {
        "these are the odds": lambda scores: np.exp(scores.numpy()),
        "the sign is turned round": lambda scores: [1 / (1 + np.exp(z)) for z in scores.tolist()],
        "share one probability": lambda scores: scores.exp() / scores.exp().sum(),
        "not of 3 − 1": lambda scores: [np.exp(z) / (np.exp(z) - 1) if z else np.inf for z in scores.tolist()],
    },
    "02.2 loss": {
        "the minus is missing": lambda logits, labels: -np.mean(losses(logits, labels)),
        "this is the sum": lambda logits, labels: sum(losses(logits, labels)),
        "one loss for each image": losses,
        "the logarithm is missing": lambda logits, labels: np.exp([-loss for loss in losses(logits, labels)]).mean(),
        "logits of the label": lambda logits, labels: (
            -np.mean([row[k] for row, k in zip(logits.tolist(), labels.tolist(), strict=True)])
        ),
        "not a mean of logarithms": lambda logits, labels: -np.log(np.exp([-x for x in losses(logits, labels)]).mean()),
        "takes whole columns": lambda logits, labels: -logits.softmax(dim=1)[:, labels].log().mean(),
        "two softmaxes": lambda logits, labels: nn.functional.cross_entropy(logits.softmax(dim=1), labels),
    },
    "02.3 gradient": {
        "this points downhill": lambda x, p, y: -gradient_in_loops(x, p, y),
        "this is a sum": lambda x, p, y: gradient_in_loops(x, p, y) * len(x),
        "turned on its side": lambda x, p, y: gradient_in_loops(x, p, y).T,
        "the labels are not used": lambda x, p, y: np.einsum("nk,nd->kd", p.numpy(), x.numpy()) / len(x),
    },
    "02.4 module": {
        "a softmax in the module": lambda x, w, b: tried(x, w, b, nn.Softmax(dim=1)),
        "a log-softmax in the module": lambda x, w, b: tried(x, w, b, nn.LogSoftmax(dim=1)),
        "the module has no biases": lambda x, w, b: tried(x, w, b, bias=False),
        "not the tensors": lambda x, w, b: (tried(x, w, b)[0], len(list(Logits(nn.Identity()).parameters()))),
        "the logits come first": lambda x, w, b: tried(x, w, b)[::-1],
    },
}

# What a run might have measured, for the exercises whose answer is a value.
MEASURED = {}
