"""Exercises of notebook 10: confusions, thresholds of confident learning, a fading image."""

from __future__ import annotations

from mnist_lr_helpers.exercises.grading import Exercise

import torch

_pairs = (
    (torch.tensor([7, 5, 5, 5, 2, 2, 2, 2, 2, 2, 2, 2]), torch.tensor([1, 3, 3, 3, 8, 8, 6, 6, 2, 2, 2, 2])),
    (torch.tensor([8, 6, 6, 6, 3, 3, 3, 3, 3, 3, 3, 3]), torch.tensor([2, 4, 4, 4, 9, 9, 7, 7, 3, 3, 3, 3])),
    # The one 9 is taken for a 1, but more 4s for a 9; and 2 and 7 are taken for each other more often still.
    (torch.tensor([2, 2, 7, 7, 4, 4, 4, 4, 4, 2, 2, 7, 9]), torch.tensor([7, 7, 2, 2, 9, 9, 9, 4, 4, 2, 2, 7, 1])),
)
_seven = torch.tensor([[7, 2, 1], [5, 3, 2], [2, 6, 2], [1, 8, 1], [3, 3, 4], [2, 3, 5], [4, 5, 1]]) / 10
_pages = (
    ([5.0, 1, 0], [0.0, 2, 1], 0.2),
    ([3.0, 0, 0], [0.0, 2, 0], 0.5),
    ([3.0, 2.9, 0], [3.0, 0, 0], 0.25),
    ([2.0, 1.9, 0], [0.0, 5, 0], 0.9),
    ([20.0, 0, 0], [0.0, 4, 0], 0.3),
)


def _most_frequent(code: torch.Tensor) -> tuple[int, int]:
    return divmod(int(code.mode().values), 10)


EXERCISES: dict[str, Exercise] = {
    "10.1 most frequent confusion": Exercise(
        expected=lambda y, p: _most_frequent((10 * y + p)[y != p]),
        probes=_pairs,
        mistakes={
            "this kind of error comes first, but others come more often": lambda y, p: (int(y[0]), int(p[0])),
            "a right prediction is no confusion": lambda y, p: _most_frequent(10 * y + p),
            "the true class comes first in the pair": lambda y, p: _most_frequent((10 * p + y)[y != p]),
            "label and prediction belong together; count pairs, not each for itself": lambda y, p: (
                int(y[y != p].mode().values),
                int(p[y != p].mode().values),
            ),
        },
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
    ),
    "10.3 faded image": Exercise(
        expected=lambda z, blank, c: (blank + c * (z - blank)).argmax(),
        probes=tuple((torch.tensor(z), torch.tensor(blank), c) for z, blank, c in _pages),
        mistakes={
            "scaling all logits alike never changes their order; a blank page votes too": lambda z, b, c: z.argmax(),
            "the line starts at the blank page, not at zero": lambda z, b, c: (z - b).argmax(),
            "at c = 1 the whole image is there, not the blank page": lambda z, b, c: (z + c * (b - z)).argmax(),
            "the blank page counts in full and in the image as well": lambda z, b, c: (b + c * z).argmax(),
            "the logits lie on a straight line, the probabilities do not": lambda z, b, c: (
                c * z.softmax(dim=0) + (1 - c) * b.softmax(dim=0)
            ).argmax(),
            "these are logits; which class do they choose?": lambda z, b, c: b + c * (z - b),
        },
    ),
}
