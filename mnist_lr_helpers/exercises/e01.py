"""Exercises of notebook 01: counts of the classes, the pixel that tells two apart, a split, the nearest average."""

from __future__ import annotations

from collections.abc import Callable

from mnist_lr_helpers.data import seeded
from mnist_lr_helpers.exercises.grading import Exercise

import torch
from torch import Tensor

SEVEN = torch.rand(7, 4, 6, generator=seeded(2)) + torch.linspace(0, 1, 6)
OF_SEVEN = torch.tensor([4, 9, 9, 4, 9, 0, 9])
ONE_4_TWO_9S = torch.tensor([4, 9, 9])
FLAT = torch.rand(5, 6, generator=seeded(3))
THREE_AVERAGES = torch.rand(3, 6, generator=seeded(4)) * torch.tensor([[0.7], [1.0], [1.3]])


def _place(picture: Tensor) -> tuple[int, int]:
    return divmod(int(picture.argmax()), picture.shape[1])


def _telling(first: Tensor, second: Tensor) -> tuple[int, int]:
    return _place((first - second).abs())


def _pair(answer: Callable[[Tensor, Tensor], object], summary: Callable = torch.mean) -> Callable:
    """What becomes of the averages of the two classes."""
    return lambda x, y, first, second: answer(*(summary(x[y == k], dim=0) for k in (first, second)))


def _shuffle(parts: Callable[[Tensor, int], tuple[Tensor, Tensor]]) -> Callable:
    """What becomes of the positions, shuffled as the seed says."""
    return lambda n, m, seed: parts(torch.randperm(n, generator=seeded(seed)), m)


def _two_shuffles(n: int, m: int, seed: int) -> tuple[Tensor, Tensor]:
    """The generator goes on between them, so that the parts share images."""
    generator = seeded(seed)
    training = torch.randperm(n, generator=generator)[m:]
    return training, torch.randperm(n, generator=generator)[:m]


def _apart(answer: Callable[[Tensor], Tensor], of_a_difference: Callable = torch.square) -> Callable:
    """What becomes of the distances of images and averages, ``[n, k]``."""
    return lambda x, means: answer(of_a_difference(x[:, None] - means).sum(dim=2))


_right_split = _shuffle(lambda order, m: (order[m:], order[:m]))

EXERCISES: dict[str, Exercise] = {
    "01.1 class counts": Exercise(
        expected=lambda labels: labels.bincount(minlength=10),
        probes=((torch.tensor([0, 2, 2]),), (torch.tensor([5, 1, 9, 5, 5, 0, 1]),), (torch.tensor([7, 7, 3, 4]),)),
        mistakes={
            "classes without an image are left out; their count is 0": lambda y: y.unique(return_counts=True)[1],
            "the list ends at the largest label; there are always ten classes": lambda y: y.bincount(),
            "these are the classes that occur; how often does each?": lambda y: y.unique(),
            "these are shares; asked for are numbers of images": lambda y: y.bincount(minlength=10) / len(y),
            "this adds up the labels themselves; count them": lambda y: y.bincount(minlength=10) * torch.arange(10),
            "this counts from 1 to 10; the classes are 0 to 9": lambda y: y.bincount(minlength=11)[1:],
            "this stops before 9: range(9) ends at 8": lambda y: y.bincount(minlength=10)[:9],
            "this says whether a class occurs; asked for is how often": lambda y: y.bincount(minlength=10) > 0,
        },
        hints=(
            "What is `labels == 2`, and what do you get if you add it up?",
            "Go through range(10), also past classes that do not occur, and put the ten sums into a list.",
        ),
    ),
    "01.2 telling pixel": Exercise(
        expected=_pair(_telling),
        probes=(
            (torch.tensor([[[0.0, 0.2, 1.0]], [[0.0, 0.9, 1.0]], [[0.0, 0.7, 0.8]]]), ONE_4_TWO_9S, 4, 9),
            (torch.tensor([[[0.0, 0.6, 0.1]], [[0.9, 0.0, 0.3]], [[0.0, 0.0, 0.3]]]), ONE_4_TWO_9S, 4, 9),
            (SEVEN, OF_SEVEN, 4, 9),
            (SEVEN * 1.5 - 0.4, OF_SEVEN, 9, 0),
            (-SEVEN[:, :, 1:], OF_SEVEN, 9, 4),
        ),
        mistakes={
            "this is a place in the flat image; find row and column": _pair(lambda a, b: (a - b).abs().argmax()),
            "the row comes first, then the column": _pair(lambda a, b: _telling(a, b)[::-1]),
            "rows and columns count from 0 here": _pair(lambda a, b: [k + 1 for k in _telling(a, b)]),
            "class a has more ink there; somewhere b may have still more than a": _pair(lambda a, b: _place(a - b)),
            "class b has more ink there; somewhere a may have still more than b": _pair(lambda a, b: _place(b - a)),
            "these are sums, in which the larger class has more ink. Take averages": _pair(_telling, torch.sum),
            "this compares one image of each class; take averages": _pair(_telling, lambda some, dim: some[0]),
            "an image need not have 28 columns": _pair(lambda a, b: divmod(int((a - b).abs().argmax()), 28)),
            "this is how much they differ; asked for is where": _pair(lambda a, b: (a - b).abs().max()),
        },
        hints=(
            "The cell that makes `averages` shows how to get the average image of one class. You need two of them.",
            "Which sign does a difference have where the other class has more ink? And where along the flat picture is "
            "its largest value? Then `divmod`, of that place as a number (`.item()`) and the number of columns.",
        ),
    ),
    "01.3 split": Exercise(
        expected=_right_split,
        probes=((5, 2, 0), (40, 4, 1), (9, 3, 7)),
        mistakes={
            "training comes first, then validation": _shuffle(lambda order, m: (order[:m], order[m:])),
            "nothing is shuffled here": lambda n, m, seed: (torch.arange(m, n), torch.arange(m)),
            "training holds the validation images, too": _shuffle(lambda order, m: (order, order[:m])),
            "the seed has no effect: the shuffle is always that of 0": lambda n, m, seed: _right_split(n, m, 0),
            "randperm has no generator: chance goes its own way": lambda n, m, _: torch.randperm(n).split([m, n - m])[
                ::-1
            ],
            "you shuffle twice, so that an image may be in both parts. Shuffle once, then cut": _two_shuffles,
            "validation gets the last ones; the task says the first": _shuffle(lambda o, m: (o[:-m], o[-m:])),
            "the parts are right, but sorted": lambda *given: [part.sort().values for part in _right_split(*given)],
        },
        hints=(
            "What does `torch.randperm(5)` give? Run it twice. What must you hand over so that it repeats itself?",
            "One shuffle is enough, `torch.randperm(n, generator=…)`. Where do you cut it in two?",
        ),
    ),
    "01.4 nearest average": Exercise(
        expected=_apart(lambda d: d.argmin(dim=1)),
        probes=(
            (torch.tensor([[0.0, 0.8]]), torch.tensor([[1.0, 1.0], [0.0, 0.0]])),
            (
                torch.tensor([[0.0, 1.0, 0.0], [0.4, 0.5, 0.9], [1.0, 0.2, 0.1], [0.3, 0.3, 0.3]]),
                torch.tensor([[0.9, 0.8, 0.9], [0.0, 0.95, 0.1], [1.0, 0.0, 0.3], [0.8, 0.2, 0.0]]),
            ),
            (FLAT, THREE_AVERAGES),
        ),
        mistakes={
            "this is the class of the farthest average": _apart(lambda d: d.argmax(dim=1)),
            "these are all distances; which average is the nearest?": _apart(lambda d: d),
            "these are the smallest distances; whose are they?": _apart(lambda d: d.amin(dim=1)),
            "this is the nearest image for each average; turn it round": _apart(lambda d: d.argmin(dim=0)),
            "differences cancel here: square them first": _apart(lambda d: d.abs().argmin(dim=1), torch.positive),
            "negative differences seem near here: square them first": _apart(lambda d: d.argmin(dim=1), torch.positive),
            "this adds up the sizes of the differences; square them": _apart(lambda d: d.argmin(dim=1), torch.abs),
            "the largest product favours averages with much ink": lambda x, means: (x @ means.T).argmax(dim=1),
            "this is a place in the whole table; each image has its own answer": _apart(torch.argmin),
            "classes are counted from 0": _apart(lambda d: d.argmin(dim=1) + 1),
        },
        hints=(
            "How far are all images from one average? `to_9`, a few cells up, is such a line.",
            "One such line for each average makes k rows of n distances. `torch.stack` makes a table of them. Along "
            "which side of it do you look for the smallest, and is it the value you want or its place?",
        ),
    ),
}
