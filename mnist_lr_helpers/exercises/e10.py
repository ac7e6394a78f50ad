"""Exercises of notebook 10: wrong test labels, thresholds of confident learning, a fading image, steady logits."""

from __future__ import annotations

from mnist_lr_helpers.exercises.grading import Exercise

import torch

_seven = torch.tensor([[7, 2, 1], [5, 3, 2], [2, 6, 2], [1, 8, 1], [3, 3, 4], [2, 3, 5], [4, 5, 1]]) / 10
_faint = (
    ([5.0, 1, 0], [0.0, 2, 1], 0.2),
    ([3.0, 0, 0], [0.0, 2, 0], 0.5),
    ([3.0, 2.9, 0], [3.0, 0, 0], 0.25),
    ([2.0, 1.9, 0], [0.0, 5, 0], 0.9),
    ([20.0, 0, 0], [0.0, 4, 0], 0.3),
)
_ink = torch.tensor([[0.0, 0.2, 1.0, 0.4], [0.9, 0.0, 0.0, 0.1], [0.5, 0.5, 1.0, 0.8]])
_weights = torch.tensor([[0.5, -0.6, 1.0, 2.0], [0.2, 0.0, 2.0, -1.0], [-0.3, 0.9, 0.4, 0.6]])


def _without_mean(images: torch.Tensor) -> torch.Tensor:
    return images - images.mean(dim=1, keepdim=True)


EXERCISES: dict[str, Exercise] = {
    "10.1 wrong test labels": Exercise(
        expected=lambda a, q, k: a * (1 - q) + (1 - a) * q / (k - 1),
        probes=((0.9, 0.1, 10), (0.5, 0.3, 2), (0.98, 0.02, 5), (0.6, 0.5, 4)),
        mistakes={
            "a wrong answer may hit a moved label by accident": lambda a, q, k: a * (1 - q),
            "a moved label is one of the other classes; how many are there?": lambda a, q, k: (
                a * (1 - q) + (1 - a) * q / k
            ),
            "not every wrong answer is what its label moved to": lambda a, q, k: a * (1 - q) + (1 - a) * q,
            "where the label stayed, a wrong answer stays wrong": lambda a, q, k: a * (1 - q) + (1 - a) / (k - 1),
            "a right answer never meets a label that moved": lambda a, q, k: a * (1 - q) + q / (k - 1),
            "some labels move under answers that are wrong already": lambda a, q, k: a - q,
            "this is what moved labels take away; what is left?": lambda a, q, k: a * q,
        },
        hints=(
            "Of the right answers, how many keep a label that agrees with them?",
            "Take a wrong answer whose label moves. How likely is it that the label moves to just this answer?",
        ),
    ),
    "10.2 confident-learning thresholds": Exercise(
        expected=lambda p, y: torch.stack([p[y == j, j].mean() for j in range(p.shape[1])]),
        probes=((_seven, torch.tensor([0, 0, 1, 1, 2, 2, 2])),),
        mistakes={
            "this averages over all images, also over those with another label": lambda p, y: p.mean(dim=0),
            "this divides by the number of all images, not of those labelled j": lambda p, y: torch.stack(
                [p[y == j, j].sum() / len(y) for j in range(p.shape[1])]
            ),
            "this is the probability of the predicted class, which need not be j": lambda p, y: torch.stack(
                [p[y == j].amax(dim=1).mean() for j in range(p.shape[1])]
            ),
            "the images are chosen by their label, not by their prediction": lambda p, y: torch.stack(
                [p[p.argmax(dim=1) == j, j].mean() for j in range(p.shape[1])]
            ),
            "images that are labelled j count also where another class is predicted": lambda p, y: torch.stack(
                [p[(y == j) & (p.argmax(dim=1) == j), j].mean() for j in range(p.shape[1])]
            ),
            "a median is not a mean": lambda p, y: torch.stack([p[y == j, j].median() for j in range(p.shape[1])]),
        },
        hints=(
            "Which rows belong to class 0, and which of their numbers?",
            "`labels == 0` picks rows. What must stand beside it to pick one column of them?",
        ),
    ),
    "10.3 faded image": Exercise(
        expected=lambda z, bias, c: (bias + c * (z - bias)).argmax(),
        probes=tuple((torch.tensor(z), torch.tensor(bias), c) for z, bias, c in _faint),
        mistakes={
            "scaling all logits alike never changes their order; the biases do not fade": lambda z, b, c: z.argmax(),
            "the biases are gone; a faded image still has them": lambda z, b, c: (z - b).argmax(),
            "at c = 1 the whole image is there, not blank paper": lambda z, b, c: (z + c * (b - z)).argmax(),
            "the biases count in full, and once more in the logits": lambda z, b, c: (b + c * z).argmax(),
            "the logits lie on a straight line, the probabilities do not": lambda z, b, c: (
                c * z.softmax(dim=0) + (1 - c) * b.softmax(dim=0)
            ).argmax(),
            "these are logits; which class do they choose?": lambda z, b, c: b + c * (z - b),
        },
        hints=(
            "Which part of a logit comes from the ink, and which is there on blank paper, too?",
            "What becomes of each of the two parts when the ink shrinks to a share c?",
        ),
    ),
    "10.4 steady logits": Exercise(
        expected=lambda x, w: _without_mean(x) @ w.T,
        probes=((_ink, _weights), (0.5 * _ink[:2] + 0.3, _weights[:2])),
        mistakes={
            "grey still adds to the logits": lambda x, w: x @ w.T,
            "this is the mean over all images; each image has its own": lambda x, w: (x - x.mean()) @ w.T,
            "this is each pixel's mean over the images; an image's own mean is asked": lambda x, w: (
                (x - x.mean(dim=0)) @ w.T
            ),
            "what all ten logits share changes no answer; the mean is to go from the ink": lambda x, w: (
                x @ w.T - (x @ w.T).mean(dim=1, keepdim=True)
            ),
            "dividing takes out the contrast, not the grey": lambda x, w: x / x.mean(dim=1, keepdim=True) @ w.T,
            "only the mean is to go: contrast scales all logits alike": lambda x, w: (
                _without_mean(x) / x.std(dim=1, keepdim=True) @ w.T
            ),
        },
        hints=(
            "Which number of an image grows by g when every pixel grows by g?",
            "Along which axis do you average, and what shape must the result have to be subtracted from [n, 784]?",
        ),
    ),
}
