"""Exercises of notebook 03: a training step, an epoch, the choice of a learning rate, the best weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import fmean
from typing import Any

from mnist_lr_helpers.data import seeded
from mnist_lr_helpers.exercises.grading import Exercise

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

IMAGES = torch.rand(6, 4, generator=seeded(3))
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])


def take_two_steps(step: Callable[..., Any], images: Tensor, labels: Tensor) -> tuple[Any, ...]:
    """The loss of each of two steps from zero weights, and the weights after them."""
    model = nn.Linear(images.shape[1], 3, bias=False)
    nn.init.zeros_(model.weight)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    losses = [step(model, optimizer, images, labels) for _ in range(2)]
    return (*(-1.0 if loss is None else loss for loss in losses), model.weight.detach())


def _two(order: str, softmax: bool = False, late: bool = False) -> Callable[..., tuple[Any, ...]]:
    """Two steps, each of these parts in order: z(ero_grad), b(ackward), s(tep); ``late``: the loss from after them."""

    def step(model: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor) -> float:
        logits = model(images)
        loss = cross_entropy(logits.softmax(dim=1) if softmax else logits, labels)
        parts = {"z": optimizer.zero_grad, "b": loss.backward, "s": optimizer.step}
        for part in order:
            parts[part]()
        return cross_entropy(model(images), labels).item() if late else loss.item()

    return lambda images, labels: take_two_steps(step, images, labels)


def go_through(run: Callable[..., Any], n: int, batch_size: int) -> tuple[Any, ...]:
    """What an epoch returns; its batches, its different images; old order? labels of others? generator left unused?"""
    seen, generator, fresh = [], seeded(7), seeded(7).get_state()

    def step(images: Tensor, labels: Tensor) -> float:
        seen.append(torch.stack([images[:, 0], labels]))
        return images[:, 0].pow(2).mean().item()  # a loss that differs from image to image

    mean = run(step, torch.arange(float(n))[:, None], torch.arange(n), batch_size, generator)
    order, labels = torch.cat([torch.zeros(2, 0), *seen], dim=1)
    wrong = (order.equal(order.sort().values), not order.equal(labels), fresh.equal(generator.get_state()))
    return mean, len(seen), len(order.unique()), *map(int, wrong)


def _epoch(n: int, batch_size: int, mean: Callable[[list[float]], float] | None = None) -> tuple[Any, ...]:
    """What a right epoch leaves, but for another way to make one loss of the batches' losses."""
    shuffled = torch.randperm(n, generator=seeded(7)).float()
    losses = [batch.pow(2).mean().item() for batch in shuffled.split(batch_size)]
    value = mean(losses) if mean else torch.arange(float(n)).pow(2).mean().item()
    return value, math.ceil(n / batch_size), n, 0, 0, 0


def keep(run: Callable[..., Any], losses: list[float]) -> object:
    """The weight that an answer keeps, where the epochs have these losses and each adds 1 to the weight."""
    model, validated = nn.Linear(1, 1, bias=False), iter(losses)
    nn.init.zeros_(model.weight)
    kept = run(model, lambda: model.weight.data.add_(1), lambda: next(validated, math.nan), len(losses))
    return kept["weight"].item() if isinstance(kept, dict) and "weight" in kept else kept


def _lowest(values: list[float]) -> int:
    return min((value, place) for place, value in enumerate(values) if not math.isnan(value))[1]


EXERCISES: dict[str, Exercise] = {
    "03.1 training step": Exercise(
        expected=_two("zbs"),
        probes=((IMAGES, LABELS), (2 * IMAGES[:3], LABELS[:3])),
        use=take_two_steps,
        mistakes={
            "zero_grad is missing: the second step goes along the old gradient as well": _two("bs"),
            "no step is taken: is the step missing, or is the gradient forgotten just before it?": _two("zb"),
            "the step comes before backward, so it goes along the gradient of the step before": _two("sb"),
            "nothing is returned: hand the loss over with return": lambda x, y: (-1.0, -1.0, _two("zbs")(x, y)[2]),
            "this is the loss after the step; the one before it is asked for": _two("zbs", late=True),
            "the loss takes logits, and here it gets probabilities: the softmax is inside the loss": _two("zbs", True),
        },
        hints=(
            "Which of the five lines needs the result of which other? That gives the order.",
            "What is called on the optimizer, what on the loss, and what on the model?",
        ),
    ),
    "03.2 epoch": Exercise(
        expected=_epoch,
        probes=((100, 64), (60, 25), (7, 3)),
        use=go_through,
        mistakes={
            "the images come in their old order: nothing is shuffled": lambda n, b: (..., ..., ..., 1, 0, ...),
            "the order is not drawn from the generator that is given": lambda n, b: (..., ..., n, 0, ..., 1),
            "images and labels come in two orders: use one for both": lambda n, b: (..., ..., n, ..., 1, ...),
            "the last, smaller batch is left out": lambda n, b: (..., n // b, n // b * b, 0, 0, 0),
            "this is the sum of the batches' losses, not a mean": lambda n, b: _epoch(n, b, sum),
            "a batch of 36 images counts as much here as one of 64": lambda n, b: _epoch(n, b, fmean),
            "the last batch counts as full; it has fewer images": lambda n, b: _epoch(n, b, lambda ls: b * sum(ls) / n),
        },
        hints=(
            "What does `torch.randperm(10).split(4)` give? Each piece picks the images and labels of one batch.",
            "A batch's loss is a mean over its images. How do you get from means and sizes to the mean over all?",
        ),
    ),
    "03.3 choose a rate": Exercise(
        expected=lambda rates, train, validation: rates[_lowest(validation)],
        probes=(
            ([0.1, 1.0, 10.0], [0.3, 0.2, 0.1], [0.4, 0.35, math.nan]),
            ([0.01, 0.1, 1.0, 5.0], [math.nan, 0.3, 0.2, 0.4], [math.nan, 0.5, 0.4, 0.6]),
            ([0.02, 0.2, 2.0, 20.0], [0.5, 0.3, 0.02, 0.9], [0.6, 0.5, 0.7, 0.95]),
        ),
        mistakes={
            "this is a loss; the rate that led to it is wanted": lambda r, t, v: v[_lowest(v)],
            "this is the place in the list, not the rate": lambda r, t, v: _lowest(v),
            "the training loss chose here: it cannot see overfitting": lambda r, t, v: r[_lowest(t)],
            "argmin takes nan for the lowest": lambda r, t, v: r[int(torch.tensor(v).argmin())],
            "nan passes for the lowest: no comparison with nan is true": lambda r, t, v: r[v.index(min(v))],
            "without the nan, the places of the list shift": lambda r, t, v: r[_lowest([x for x in v if x == x])],
        },
        hints=(
            "Which list tells how the model does on images it has not seen? And what does `min([math.nan, 0.3])` give?",
            "`math.isnan` tells which losses are nan. How do you leave those runs out before you look for the lowest?",
        ),
    ),
    "03.4 best weights": Exercise(
        expected=lambda losses: _lowest(losses) + 1.0,
        probes=(([3.0, 1.0, 2.0, 1.0, 2.5, 1.5],), ([1.0, 2.0, 3.0],), ([0.9, 0.4, 0.6],)),
        use=keep,
        mistakes={
            "these are the last weights: is a copy kept, and the best loss with it?": lambda losses: float(len(losses)),
            "of equal losses this takes the later; keep the first": lambda ls: 4.0 if len(ls) == 6 else _lowest(ls) + 1,
            "this compares with the epoch before, not the best": lambda ls: 6.0 if len(ls) == 6 else _lowest(ls) + 1,
            "these are the weights from before the best epoch: train first, then validate": _lowest,
        },
        hints=(
            "What do you need to remember from epoch to epoch? Two things.",
            "The next epoch changes what `state_dict()` gave, its `dict` copy, too. `import copy`: what does it offer?",
        ),
    ),
}
