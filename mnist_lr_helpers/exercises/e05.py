"""Exercises of notebook 05: the surest errors, confusions, votes of pixels, one error explained, rates by group."""

from __future__ import annotations

from collections import Counter

from mnist_lr_helpers.exercises.grading import Exercise

import torch
from torch import Tensor

_FIRST = (torch.tensor([[0.9, 0.1], [0.3, 0.7], [0.4, 0.6]]), torch.tensor([1, 0, 1]), 2)
_TENTHS = [[9, 1, 0], [1, 7, 2], [5, 2, 3], [0, 2, 8], [2, 6, 2], [3, 3, 4], [0.5, 0, 9.5], [0, 10, 0], [4, 0, 6]]
_MORE = (torch.tensor(_TENTHS) / 10, torch.tensor([0, 0, 2, 1, 1, 0, 2, 1, 0]), 3)
_IMAGE = torch.tensor([1.0, 0.5, 0.0, 0.25])
_WEIGHTS = torch.tensor([[0.5, -0.6, 1.0, 2.0], [0.2, 0.0, 2.0, -1.0], [-0.3, 0.9, 0.4, 0.6]])
_GROUPS = torch.tensor([0, 0, 1, 1, 1, 2, 2, 0, 1, 0])
_WRONG = torch.tensor([1, 0, 0, 1, 1, 0, 0, 0, 1, 0]).bool()


def _is_error(p: Tensor, y: Tensor) -> Tensor:
    return p.argmax(dim=1) != y


def _errors_by(keys: Tensor, p: Tensor, y: Tensor) -> Tensor:
    """Positions of the errors, those with the largest keys first."""
    places = _is_error(p, y).nonzero()[:, 0]
    return places[keys[places].argsort(descending=True)]


def _sorted(p: Tensor, y: Tensor) -> torch.return_types.sort:
    """Confidences of the errors, and their places among the errors, the surest first."""
    return p.amax(dim=1)[_is_error(p, y)].sort(descending=True)


def _pairs(y: Tensor, p: Tensor) -> list[tuple[int, int]]:
    return [(a, b) for a, b in zip(y.tolist(), p.tolist(), strict=True) if a != b]


def _most(things: list[tuple[int, int]]) -> tuple[int, int]:
    return Counter(things).most_common(1)[0][0]


def _rubbed_out(votes: Tensor, bias: float) -> int:
    """How many votes must fall, in this order, until less than nothing is left."""
    left = votes.sum() + bias - votes.cumsum(dim=0)
    return int((left < 0).nonzero()[0, 0]) + 1


def _by(size: Tensor, votes: Tensor) -> Tensor:
    """The votes, that of the largest size first."""
    return votes[size.argsort(descending=True)]


def _sums(wrong: Tensor, groups: Tensor, count: int) -> Tensor:
    """The number of errors of each group."""
    return torch.stack([wrong[groups == group].sum() for group in range(count)])


def _rates(wrong: Tensor, groups: Tensor, count: int) -> Tensor:
    return _sums(wrong, groups, count) / groups.bincount(minlength=count)


EXERCISES: dict[str, Exercise] = {
    "05.1 surest errors": Exercise(
        expected=lambda p, y, k: _errors_by(p.amax(dim=1), p, y)[:k],
        probes=(_FIRST, _MORE),
        mistakes={
            "there are right answers among these": lambda p, y, k: p.amax(dim=1).argsort(descending=True)[:k],
            "these are the least sure; turn the order round": lambda p, y, k: _errors_by(-p.amax(dim=1), p, y)[:k],
            "these are the first errors, not the surest": lambda p, y, k: _is_error(p, y).nonzero()[:k, 0],
            "these are places among the errors, not among all images": lambda p, y, k: _sorted(p, y).indices[:k],
            "these are confidences; say where they stand": lambda p, y, k: _sorted(p, y).values[:k],
            "these are all errors; only the surest are asked for": lambda p, y, k: _errors_by(p.amax(dim=1), p, y),
        },
        hints=(
            "Which two things must you know of each image: how sure the model is, and what else?",
            "What could you do to the confidence of the right answers, so that none of them comes out on top?",
        ),
    ),
    "05.2 top confusion": Exercise(
        expected=lambda y, p: _most(_pairs(y, p)),
        probes=(
            (torch.tensor([4, 4, 4, 9]), torch.tensor([9, 9, 4, 4])),
            (torch.tensor([7, 5, 5, 5, 2, 2, 2, 2, 2, 2, 2, 2]), torch.tensor([1, 3, 3, 3, 8, 8, 6, 6, 2, 2, 2, 2])),
            (torch.tensor([2, 2, 7, 7, 4, 4, 4, 4, 2, 2, 9]), torch.tensor([7, 7, 2, 2, 9, 9, 9, 4, 2, 2, 1])),
        ),
        mistakes={
            "a right answer is no confusion": lambda y, p: _most(list(zip(y.tolist(), p.tolist(), strict=True))),
            "the true class comes first in the pair": lambda y, p: _most(_pairs(p, y)),
            "label and prediction belong together: count pairs, not each for itself": lambda y, p: (
                int(y[y != p].mode().values),
                int(p[y != p].mode().values),
            ),
            "4 for 9 and 9 for 4 are two kinds": lambda y, p: _most([(min(one), max(one)) for one in _pairs(y, p)]),
            "this kind of error comes first, but another comes more often": lambda y, p: _pairs(y, p)[0],
            "this is how often it comes; which kind is it?": lambda y, p: _pairs(y, p).count(_most(_pairs(y, p))),
        },
        hints=(
            "An error is a pair of numbers. How would you keep a tally of pairs on paper?",
            "In a ten by ten table of counts, where do the right answers lie, and what should become of them?",
        ),
    ),
    "05.3 votes": Exercise(
        expected=lambda x, w, a, b: x * (w[a] - w[b]),
        probes=((_IMAGE, _WEIGHTS, 1, 0), (_IMAGE, _WEIGHTS, 0, 2), (1 - _IMAGE, _WEIGHTS, 2, 1)),
        mistakes={
            "the sign is turned round: a positive vote is one for a": lambda x, w, a, b: x * (w[b] - w[a]),
            "a pixel without ink votes 0: the image is not used": lambda x, w, a, b: w[a] - w[b],
            "this is the sum; each pixel's own vote is asked for": lambda x, w, a, b: x @ (w[a] - w[b]),
            "only one class is used; a vote is about two": lambda x, w, a, b: x * w[a],
            "a vote for b is negative; here the sign is lost": lambda x, w, a, b: (x * (w[a] - w[b])).abs(),
        },
        hints=(
            "Which row of the weights belongs to class `a`?",
            "In the example the first pixel votes 1 · (0.2 − 0.5). Where does each of the three numbers come from?",
        ),
    ),
    "05.4 rub out": Exercise(
        expected=lambda votes, bias: _rubbed_out(_by(votes, votes), bias),
        mistakes={
            "with so few, 9 is still ahead": lambda votes, bias: _rubbed_out(_by(votes, votes), bias) - 1,
            "the strongest vote comes first, not the first pixel": lambda votes, bias: _rubbed_out(votes, bias),
            "the biases are forgotten: they count, too": lambda votes, bias: _rubbed_out(_by(votes, votes), 0.0),
            "here votes for 4 are rubbed out, too": lambda votes, bias: _rubbed_out(_by(votes.abs(), votes), bias),
            "this rubs out every pixel that votes for 9; fewer will do": lambda votes, bias: int((votes > 0).sum()),
        },
        hints=(
            "By how much is 9 ahead before you rub out anything? Votes and biases both count.",
            "Sort the votes. What is left of the lead after the first, after the first two, after the first three?",
        ),
    ),
    "05.5 error rates": Exercise(
        expected=_rates,
        probes=((torch.tensor([True, False, False]), torch.tensor([0, 0, 1]), 2), (_WRONG, _GROUPS, 3)),
        mistakes={
            "this is the accuracy; the errors are asked for": lambda wrong, groups, k: _rates(~wrong, groups, k),
            "these are numbers of errors; a rate is a part of the group": _sums,
            "this divides by all images, not by those of the group": lambda w, g, k: _sums(w, g, k) / len(w),
            "this is what part of all errors lies in each group": lambda w, g, k: _sums(w, g, k) / w.sum(),
            "these are percentages; the example has fractions": lambda wrong, g, k: 100 * _rates(wrong, g, k),
        },
        hints=(
            "How do you pick the images of one group, say group 0, out of `wrong`?",
            "What must stand above the fraction line for this group, and what below?",
        ),
    ),
}
