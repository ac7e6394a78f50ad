"""Exercises of notebook 02: the sigmoid, the loss of a batch, the gradient of the weights, the module."""

from __future__ import annotations

from mnist_lr_helpers.data import seeded
from mnist_lr_helpers.exercises.grading import Exercise

import torch
from torch import Tensor
from torch.nn.functional import linear, one_hot

IMAGES = torch.rand(3, 1, 28, 28, generator=seeded(0))
WEIGHTS = 0.1 * torch.randn(10, 784, generator=seeded(1))
BIASES = torch.arange(10.0) / 10


def _of_the_label(logits: Tensor, labels: Tensor) -> Tensor:
    """The probability of each image's label."""
    return logits.softmax(dim=1)[torch.arange(len(labels)), labels]


def _errors(probabilities: Tensor, labels: Tensor) -> Tensor:
    return probabilities - one_hot(labels, probabilities.shape[1])


def _logits(images: Tensor, weights: Tensor, biases: Tensor | None = None) -> Tensor:
    return linear(images.flatten(start_dim=1), weights, biases)


EXERCISES: dict[str, Exercise] = {
    "02.1 probability": Exercise(
        expected=torch.sigmoid,
        probes=((torch.tensor([0.0, 2.2]),), (torch.tensor([-3.0, 0.5, 1.0]),)),
        mistakes={
            "these are the odds; a probability is the part of all that is won": torch.exp,
            "the sign is turned round: a high score should make the class probable": lambda z: torch.sigmoid(-z),
            "this takes the scores for odds; they are the logarithms of odds": lambda z: z / (z + 1),
            "odds of 3 to 1 are three parts of 3 + 1, not of 3 − 1": lambda z: z.exp() / (z.exp() - 1),
            "the scores share one probability here; each score is a question of its own": lambda z: z.softmax(dim=0),
        },
        ruled_out=frozenset({"sigmoid", "Sigmoid", "expit"}),
        hints=(
            "How do you get from a score, the logarithm of the odds, back to the odds?",
            "Odds of 3 to 1 are three parts of four. Which part of which whole are odds of `odds` to 1?",
        ),
    ),
    "02.2 loss": Exercise(
        expected=lambda logits, labels: -_of_the_label(logits, labels).log().mean(),
        probes=(
            (torch.tensor([[2.0, 1.0, 0.0]]), torch.tensor([1])),
            (torch.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [-1.0, 0.5, 0.0]]), torch.tensor([0, 2, 1])),
            (torch.tensor([[1.0, 0.0, 2.0, -1.0], [0.0, 1.0, 0.0, 0.5]]), torch.tensor([3, 0])),
        ),
        mistakes={
            "the minus is missing: the logarithm of a probability is negative": lambda z, y: (
                _of_the_label(z, y).log().mean()
            ),
            "this is the sum over the images, not their mean": lambda z, y: -_of_the_label(z, y).log().sum(),
            "this is one loss for each image; the batch has one, their mean": lambda z, y: -_of_the_label(z, y).log(),
            "the labels are not used: only the probability of the label counts": lambda z, y: (
                -z.softmax(dim=1).log().mean()
            ),
            "these are logits of the label; turn them into probabilities first": lambda z, y: (
                -(z.gather(1, y[:, None]).mean())
            ),
            "the logarithm is missing: this is the mean of the probabilities": lambda z, y: _of_the_label(z, y).mean(),
            "this is the logarithm of a mean, not a mean of logarithms": lambda z, y: -_of_the_label(z, y).mean().log(),
            "[:, labels] takes whole columns; pick one number a row": lambda z, y: -z.softmax(1)[:, y].log().mean(),
            "softmax goes over the classes of one image, not over the images: mind dim": lambda z, y: (
                -z.softmax(dim=0)[torch.arange(len(y)), y].log().mean()
            ),
            "there are two softmaxes: these are probabilities already": lambda z, y: (
                -_of_the_label(z.softmax(dim=1), y).log().mean()
            ),
        },
        ruled_out=frozenset({"cross_entropy", "CrossEntropyLoss", "nll_loss", "NLLLoss"}),
        hints=(
            "For one image, which of its ten probabilities does the loss look at?",
            "Softmax over each row, then one number from each row. Where do logarithm, minus and mean come?",
        ),
    ),
    "02.3 gradient": Exercise(
        expected=lambda pixels, p, labels: _errors(p, labels).T @ pixels / len(pixels),
        probes=(
            (torch.tensor([[1.0, 0.5, 0.0]]), torch.tensor([[0.27, 0.73]]), torch.tensor([0])),
            (
                torch.tensor([[1.0, 0.5, 0.0, 0.2], [0.0, 1.0, 0.3, 0.0]]),
                torch.tensor([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]]),
                torch.tensor([2, 0]),
            ),
        ),
        mistakes={
            "the sign is turned round: this points downhill": lambda x, p, y: -_errors(p, y).T @ x / len(x),
            "the loss is a mean over the images, this is a sum": lambda x, p, y: _errors(p, y).T @ x,
            "this is turned on its side: one row a class, one column a pixel": lambda x, p, y: (
                x.T @ _errors(p, y) / len(x)
            ),
            "the labels are not used: the truth is missing": lambda x, p, y: p.T @ x / len(x),
            "the pixels are not used: this is the gradient of the biases": lambda x, p, y: _errors(p, y).mean(dim=0),
            "the truth is 1 in the column of the label; here it is the label's number": lambda x, p, y: (
                (p - y[:, None]).T @ x / len(x)
            ),
        },
        hints=(
            "The shapes help: how do you get [k, d] out of P − Y, which is [n, k], and X, which is [n, d]?",
            "Make Y with one_hot first. The product of the two adds up over the images; what makes a mean of it?",
        ),
    ),
    "02.4 module": Exercise(
        expected=lambda images, weights, biases: (_logits(images, weights, biases), 7_850),
        probes=((IMAGES, WEIGHTS, BIASES), (IMAGES[:1], -WEIGHTS, BIASES + 1)),
        mistakes={
            "there is a softmax in the module; the loss will apply another": lambda x, w, b: (
                _logits(x, w, b).softmax(dim=1),
                ...,
            ),
            "there is a log-softmax in the module; it should end at the logits": lambda x, w, b: (
                _logits(x, w, b).log_softmax(dim=1),
                ...,
            ),
            "the module has no biases": lambda x, w, b: (_logits(x, w), 7_840),
            "the given biases are not loaded": lambda x, w, b: (_logits(x, w), ...),
            "the logits are right; each class has a bias, and it counts too": lambda x, w, b: (..., 7_840),
            "the logits are right; count the numbers in the parameters, not the tensors": lambda x, w, b: (..., 2),
            "the logits come first, then the number": lambda x, w, b: (7_850, _logits(x, w, b)),
            "the logits are turned on their side: one row an image": lambda x, w, b: (_logits(x, w, b).T, ...),
        },
        hints=(
            "Which one layer holds 10 rows of 784 weights and 10 biases, and what shape of input does it take?",
            "`load_state_dict` takes names and tensors, as for the plane. A sum of `numel()` over what counts?",
        ),
    ),
}
