"""Exercises of notebook 05: the surest errors, votes, one error and one weight image explained, rates by group."""

from __future__ import annotations

from collections.abc import Callable

from mnist_lr_helpers.data import seeded
from mnist_lr_helpers.exercises.grading import Exercise

import torch
from torch import Tensor
from torch.nn.functional import pad

_FIRST = (torch.tensor([[0.9, 0.1], [0.3, 0.7], [0.4, 0.6]]), torch.tensor([1, 0, 1]), 2)
_TENTHS = [[9, 1, 0], [1, 7, 2], [5, 2, 3], [0, 2, 8], [2, 6, 2], [3, 3, 4], [0.5, 0, 9.5], [0, 10, 0], [4, 0, 6]]
_MORE = (torch.tensor(_TENTHS) / 10, torch.tensor([0, 0, 2, 1, 1, 0, 2, 1, 0]), 3)
_IMAGE = torch.tensor([1.0, 0.5, 0.0, 0.25])
_WEIGHTS = torch.tensor([[0.5, -0.6, 1.0, 2.0], [0.2, 0.0, 2.0, -1.0], [-0.3, 0.9, 0.4, 0.6]])
_SMALL = torch.tensor([[1.0, -2.0, 0.0], [0.0, -3.0, -1.0]])
_SPECKLED = torch.randn(5, 6, generator=seeded(5))
_SMOOTH = torch.rand(4, 5, generator=seeded(6)) - 0.8
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


def _costs(template: Tensor, size: int) -> Tensor:
    """The weights under a blot, summed up, for each place of its upper left corner: [rows, columns]."""
    return template.unfold(0, size, 1).unfold(1, size, 1).sum(dim=(2, 3))


def _cheapest(template: Tensor, size: int) -> tuple[int, int]:
    """Row and column of the corner of the blot whose weights have the lowest sum."""
    costs = _costs(template, size)
    return divmod(int(costs.argmin()), costs.shape[1])


def _rubbed_out(votes: Tensor, bias: float, size: Tensor | None = None) -> int:
    """How many votes must fall, that of the largest size first or as they stand, until less than nothing is left."""
    falling = votes if size is None else votes[size.argsort(descending=True)]
    return int((votes.sum() + bias - falling.cumsum(dim=0) < 0).nonzero()[0, 0]) + 1


def _with_lead(pixels: Callable[[Tensor, float], int]) -> Callable[..., tuple[float, int]]:
    """The right lead, and this number of pixels."""
    return lambda votes, bias: (votes.sum().item() + bias, pixels(votes, bias))


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
            "these are places among the errors, not among all images": lambda p, y, k: _sorted(p, y).indices[:k],
            "these are confidences; say where they stand": lambda p, y, k: _sorted(p, y).values[:k],
        },
        hints=(
            "Which two things must you know of each image: how sure the model is, and what else?",
            "What could you do to the confidence of the right answers, so that none of them comes out on top?",
        ),
    ),
    "05.2 votes": Exercise(
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
    "05.3 rub out": Exercise(
        expected=lambda votes, bias: (votes.sum() + bias, _rubbed_out(votes, bias, votes)),
        mistakes={
            "the biases are forgotten: they count, too": lambda votes, bias: (votes.sum().item(), ...),
            "with so few, 9 is still ahead": _with_lead(lambda v, b: _rubbed_out(v, b, v) - 1),
            "the strongest vote comes first, not the first pixel": _with_lead(_rubbed_out),
            "here votes for 4 are rubbed out, too": _with_lead(lambda v, b: _rubbed_out(v, b, v.abs())),
            "this rubs out all that vote for 9; fewer will do": _with_lead(lambda v, b: int((v > 0).sum())),
        },
        tolerance=2e-3,
        hints=(
            "By how much is 9 ahead before you rub out anything? Votes and biases both count.",
            "Sort the votes. What is left of the lead after the first, after the first two, after the first three?",
        ),
    ),
    "05.4 weight image": Exercise(
        expected=_cheapest,
        probes=((_SMALL, 2), (_SPECKLED, 2), (_SMOOTH, 2), (_SPECKLED, 3), (-_SMOOTH, 2)),
        mistakes={
            "here ink helps most; where does it cost most?": lambda t, size: _cheapest(-t, size),
            "this is the bluest single pixel; a blot covers more than one": lambda t, size: _cheapest(t, 1),
            "the row comes first, then the column": lambda t, size: _cheapest(t, size)[::-1],
            "this is the middle of the blot; its upper left corner is asked for": lambda t, size: [
                place + size // 2 for place in _cheapest(t, size)
            ],
            "the sign is lost: red weights speak for the digit": lambda t, size: _cheapest(-t.abs(), size),
            "the last corners are left out: a range ends before its end": lambda t, size: _cheapest(t[:-1, :-1], size),
            "the blot hangs over the edge: it fits in at fewer corners": lambda t, size: _cheapest(
                pad(t, (0, size - 1, 0, size - 1)), size
            ),
            "this is what the blot costs; asked for is where": lambda t, size: _costs(t, size).min(),
        },
        hints=(
            "Slide a square hole over the picture. Which two things do you keep of the best place so far?",
            "Which slice lies under the blot at one corner? And of 5 rows, how many can a blot of 2 begin in?",
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
        },
        hints=(
            "How do you pick the images of one group, say group 0, out of `wrong`?",
            "What must stand above the fraction line for this group, and what below?",
        ),
    ),
}
