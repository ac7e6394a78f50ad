"""Exercises of notebook 04: accuracy, the confusion matrix, precision and recall, the four counts of a threshold."""

from __future__ import annotations

from collections.abc import Callable

from mnist_lr_helpers.data import seeded
from mnist_lr_helpers.exercises.grading import Exercise

import torch
from torch import Tensor

LOGITS = torch.randn(8, 4, generator=seeded(4))
LABELS = torch.tensor([0, 1, 2, 3, 0, 1, 2, 3])
PREDICTED = torch.tensor([0, 1, 1, 3, 2, 1, 2, 3])
MATRIX = torch.tensor([[20, 3, 2], [1, 30, 4], [5, 0, 10]])
SURE = torch.tensor([0.95, 0.7, 0.5, 0.4, 0.35, 0.2, 0.05])
IS_CLASS = torch.tensor([True, True, False, True, False, False, False])


def _matrix(labels: Tensor, predicted: Tensor, n_classes: int) -> Tensor:
    return (labels * n_classes + predicted).bincount(minlength=n_classes**2).view(n_classes, n_classes)


def _scores(matrix: Tensor, k: int) -> tuple[float, float, float]:
    precision, recall = (matrix[k, k].item() / sums[k].item() for sums in (matrix.sum(dim=0), matrix.sum(dim=1)))
    return precision, recall, 2 * precision * recall / (precision + recall)


def _counts(called: Tensor, truth: Tensor) -> tuple[int, ...]:
    pairs = ((called, truth), (called, ~truth), (~called, truth), (~called, ~truth))
    return tuple(int((one & other).sum()) for one, other in pairs)


def _reordered(*places: int) -> Callable[..., tuple[int, ...]]:
    return lambda p, truth, t: tuple(_counts(p > t, truth)[place] for place in places)


EXERCISES: dict[str, Exercise] = {
    "04.1 accuracy": Exercise(
        expected=lambda logits, labels: (logits.argmax(dim=1) == labels).double().mean().item(),
        probes=(
            (torch.tensor([[2.0, 1, 0], [0, 1, 3]]), torch.tensor([0, 1])),
            (LOGITS, LABELS),
            (torch.tensor([[2.0, 0, 1], [1, 0.9, 0.8], [0.2, 0.3, 0.1]]), torch.tensor([0, 2, 1])),
        ),
        mistakes={
            "these are the largest logits, not whose they are": lambda z, y: (z.amax(dim=1) == y).float().mean(),
            "this counts the right answers; the share is wanted": lambda z, y: (z.argmax(dim=1) == y).sum(),
            "this is the share of wrong answers": lambda z, y: (z.argmax(dim=1) != y).double().mean(),
            "argmax goes over the images here; each image has one answer, so go along dim=1": lambda z, y: (
                torch.tensor([z.argmax(dim=0)[k % z.shape[1]] == k for k in y]).double().mean()
            ),
            "argmax without dim=1 is one place in the whole table": lambda z, y: (z.argmax() == y).double().mean(),
            "these are percent; a share lies between 0 and 1": lambda z, y: (
                100 * (z.argmax(dim=1) == y).double().mean()
            ),
            "this says for each image whether it is right; take the mean": lambda z, y: z.argmax(dim=1) == y,
            "this is the mean probability of the labels, not how often the answer is right": lambda z, y: z.softmax(
                dim=1
            )[torch.arange(len(y)), y].mean(),
        },
        hints=(
            "Which class does the model answer for one image, given its row of logits?",
            "Comparing two tensors gives True and False. What is the mean of these, taken as 1 and 0?",
        ),
    ),
    "04.2 confusion matrix": Exercise(
        expected=_matrix,
        probes=(
            (torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), 2),
            (LABELS, PREDICTED, 4),
            (LABELS[:3], PREDICTED[:3], 4),
        ),
        mistakes={
            "rows and columns have changed places: true classes are the rows": lambda y, p, k: _matrix(y, p, k).T,
            "each pair is counted once only: go pair by pair, adding 1": lambda y, p, k: _matrix(y, p, k).clamp(max=1),
            "these are shares of each row; counts are wanted": lambda y, p, k: (
                _matrix(y, p, k) / _matrix(y, p, k).sum(dim=1, keepdim=True).clamp(min=1)
            ),
            "only the right answers are counted": lambda y, p, k: _matrix(y, p, k).diag().diag(),
            "classes that do not occur have a row and a column, too: n_classes says how many": lambda y, p, k: _matrix(
                y, p, int(torch.cat([y, p]).max()) + 1
            ),
        },
        hints=(
            "Begin with a square of zeros. What does one image change in it?",
            "Walk through labels and answers together. Which cell does the pair (true class, answer) raise by 1?",
        ),
    ),
    "04.3 precision and recall": Exercise(
        expected=_scores,
        probes=((torch.tensor([[8, 2], [1, 9]]), 1), (MATRIX, 0), (MATRIX, 2)),
        mistakes={
            "precision and recall have changed places: recall goes along the row": lambda m, k: _scores(m.T, k),
            "F1 is not the plain mean; a low precision or recall should pull it down": lambda m, k: (
                *_scores(m, k)[:2],
                sum(_scores(m, k)[:2]) / 2,
            ),
            "the factor 2 in F1 is missing": lambda m, k: (*_scores(m, k)[:2], _scores(m, k)[2] / 2),
            "these are shares of all images; divide by the column and by the row": lambda m, k: (
                (m[k, k] / m.sum()).item(),
                (m[k, k] / m.sum()).item(),
                ...,
            ),
            "the class itself is left out of the sums below: they are whole columns and rows": lambda m, k: (
                (m[k, k] / (m[:, k].sum() - m[k, k])).item(),
                (m[k, k] / (m[k].sum() - m[k, k])).item(),
                ...,
            ),
        },
        tolerance=1e-3,
        hints=(
            "Which images were called k: those of a row or of a column? And which are of class k?",
            "Both shares have the same numerator, the cell on the diagonal. F1 is twice their product by their sum.",
        ),
    ),
    "04.4 four counts": Exercise(
        expected=lambda p, truth, t: _counts(p > t, truth),
        probes=((SURE, IS_CLASS, 0.5), (SURE, IS_CLASS, 0.3), (SURE, IS_CLASS, 0.99)),
        mistakes={
            "exactly on the threshold is not above it: above means >": lambda p, truth, t: _counts(p >= t, truth),
            "this calls what lies below the threshold": lambda p, truth, t: _counts(p < t, truth),
            "false positives and false negatives have changed places": _reordered(0, 2, 1, 3),
            "the order is true positives, false positives, false negatives, true negatives": _reordered(0, 3, 1, 2),
            "the threshold is fixed at one half here; use the one that is given": lambda p, truth, t: _counts(
                p > 0.5, truth
            ),
        },
        hints=(
            "Which images are called, and which are of the class? Each count is about a pair of answers to these two.",
            "`&` combines two tensors of True and False, `~` turns one round, and `sum` counts.",
        ),
    ),
}
