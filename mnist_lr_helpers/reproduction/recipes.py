"""How a model of a study is trained: a recipe and a seed decide everything."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from typing import NamedTuple

from mnist_lr_helpers import features
from mnist_lr_helpers.data import Split, load_data, seeded
from mnist_lr_helpers.evaluation import Predictions, predict
from mnist_lr_helpers.models import ConvolutionalNetwork, LogisticRegression, MultilayerPerceptron
from mnist_lr_helpers.training import TrainingConfig, TrainingState, batches, fit, train_epoch
from mnist_lr_helpers.warps import warp

import torch
from torch import Tensor, nn

Setting = str | float | Sequence | Callable | None  # what a configuration of a study may hold


class Row(NamedTuple):
    """One number of a stored table.

    Attributes:
        at: what the metric counts by: the epoch, hence the column's name, ``epoch``; else the step, the digit, the bin
            or decile, or 10 · true + predicted digit; 0 for a metric that is a single number.
        metric: its name, which verdicts look up.
        value: the number.
    """

    at: int
    metric: str
    value: float


def rows_of(values: Mapping[str, float], at: int = 0) -> list[Row]:
    """A row for each metric."""
    return [Row(at, metric, float(value)) for metric, value in values.items()]


@dataclass(frozen=True, kw_only=True)
class Recipe(TrainingConfig):
    """How a model is trained, as in ``TrainingConfig``; which model, and on which images of MNIST.

    Attributes:
        hidden: widths of the hidden layers of a network; none for softmax regression.
        channels: of a convolutional network; none for another model.
        initialisation: of softmax regression, see ``LogisticRegression``; or one of ``STARTS``.
        scaling: ``"unit"`` for pixels in [0, 1], ``"std"`` for mean 0 and standard deviation 1, or one of ``INPUTS``.
        whole: train on all 60,000 images, and let the test images choose the epoch, as some documents do; else on
            54,000, with 6,000 others for validation.
        arrangement: see ``arranged``.
        longest_gradient: longer ones, over all parameters together, are cut to this length; 0 for none.
        train_size: fewer training images, for a smoke run.
    """

    hidden: Sequence[int] = ()
    channels: Sequence[int] = ()
    initialisation: str = "torch"
    scaling: str = "unit"
    whole: bool = True
    arrangement: str = ""
    longest_gradient: float = 0.0
    train_size: int | None = None
    progress: bool = False


S1 = {"initialisation": "xavier", "scaling": "std", "whole": False, "batch_size": 64, "learning_rate": 0.01}
S1 |= {"momentum": 0.9, "epochs": 30, "decay_every": 10, "patience": 5}
STARTS = {"normal(0,1)": nn.init.normal_, "he": nn.init.kaiming_normal_}  # the second: He et al. 2015
STARTS["torch / 255"] = partial(nn.init.uniform_, a=-1 / 28 / 255, b=1 / 28 / 255)


def _per_pixel(images: Tensor, train: Tensor) -> Tensor:
    std = train.std(dim=0)
    return (images - train.mean(dim=0)) / torch.where(std > 0, std, 1.0)


# What becomes of pixels in [0, 1]; the training images are given, too.
INPUTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "raw": lambda images, _: images * 255,
    "pixel": _per_pixel,
    "deskewed": lambda images, train: (features.deskew(images) - train.mean()) / train.std(),
    "gradients": lambda images, _: features.oriented_gradients(images),
}


def splits_of(recipe: Recipe, seed: int = 0) -> dict[str, Split]:
    """``"train"``, ``"test"`` and, unless all of the official training images are trained on, ``"validation"``."""
    return _splits(recipe.scaling, recipe.whole, seed, recipe.train_size)


@lru_cache(maxsize=2)
def _splits(scaling: str, whole: bool, seed: int, train_size: int | None) -> dict[str, Split]:
    dataset = load_data("mnist", seed=seed, train_size=train_size, scaling="standard" if scaling == "std" else "unit")
    splits = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    if whole:
        both = splits["train"], splits.pop("validation")
        splits["train"] = Split(torch.cat([s.images for s in both]), torch.cat([s.labels for s in both]))
    if scaling not in INPUTS:
        return splits
    change, train = INPUTS[scaling], splits["train"].images
    return {name: Split(change(split.images, train), split.labels) for name, split in splits.items()}


def shift_and_turn(images: Tensor, *, generator: torch.Generator) -> Tensor:
    """Each image turned by up to 10° and moved by up to 2 pixels each way, at random."""
    angle, dx, dy = (2 * torch.rand(3, len(images), generator=generator) - 1) * torch.tensor([[10.0], [2.0], [2.0]])
    background = images.amin()
    return warp(images - background, angle=angle, shift=(dx, dy)) + background


def drop_pixels(images: Tensor, *, generator: torch.Generator) -> Tensor:
    """A tenth of the pixels made black, the others strengthened to keep the mean (Srivastava et al. 2014)."""
    background = images.amin()
    return (images - background) * (torch.rand(images.shape, generator=generator) >= 0.1) / 0.9 + background


def new_model(recipe: Recipe, images: Tensor, seed: int) -> nn.Module:
    """The recipe's model for such images, untrained."""
    if recipe.channels:
        return ConvolutionalNetwork(recipe.channels, generator=seeded(seed))
    if recipe.hidden:
        return MultilayerPerceptron(recipe.hidden, generator=seeded(seed))
    draw = STARTS.get(recipe.initialisation)
    start = "zeros" if draw else recipe.initialisation
    model = LogisticRegression(images[0].numel(), initialisation=start, generator=seeded(seed))
    if draw:
        draw(model.linear.weight, generator=seeded(seed))
    return model


def arranged(train: Split, recipe: Recipe, seed: int) -> Split:
    """The training images in the recipe's order, or with some of them repeated.

    ``"balanced"`` repeats images of the rarer classes, which has the expectation of class weights; ``"errors"`` repeats
    twice the images that a first model, trained by the same recipe, gets wrong; ``"sorted"`` sorts by label.
    """
    if recipe.arrangement == "balanced":
        members = [(train.labels == k).nonzero()[:, 0] for k in range(10)]
        most = max(map(len, members))
        index = torch.cat([member[torch.arange(most) % len(member)] for member in members])
    elif recipe.arrangement == "errors":
        first = trained(replace(recipe, arrangement=""), seed)
        wrong = (~predict(first, train).correct).nonzero()[:, 0]
        index = torch.cat([torch.arange(len(train)), wrong, wrong])
    elif recipe.arrangement == "sorted":
        index = train.labels.argsort(stable=True)
    else:
        return train
    return Split(train.images[index], train.labels[index])


@dataclass(frozen=True)
class Moment:
    """A training after one of its epochs: the state of ``fit``, and what the training came from.

    What is asked of it must be asked then: the state goes on.
    """

    state: TrainingState
    recipe: Recipe
    seed: int
    splits: Mapping[str, Split]

    @cached_property
    def predictions(self) -> Predictions:
        """Of the test images."""
        return predict(self.state.model, self.splits["test"])


def follow(recipe: Recipe, seed: int, after_epoch: Callable[[Moment], object]) -> None:
    """Train by a recipe, and look at the training before it begins and after each epoch; see ``fit``.

    Raises:
        TrainingError: the loss is not finite any more.
    """
    splits = splits_of(recipe, seed)
    train, judge = arranged(splits["train"], recipe, seed), splits.get("validation", splits["test"])
    model, order = new_model(recipe, train.images, seed), seeded(1_000 + seed)
    moment = partial(Moment, recipe=recipe, seed=seed, splits=splits)

    def clip(*_: object) -> None:  # before each step
        nn.utils.clip_grad_norm_(model.parameters(), recipe.longest_gradient)

    def look(state: TrainingState) -> None:
        if recipe.longest_gradient and state.epoch == 0:
            state.optimizer.register_step_pre_hook(clip)
        after_epoch(moment(state))

    fit(model, train, judge, recipe, generator=order, after_epoch=look)


def trained(recipe: Recipe, seed: int) -> nn.Module:
    """The model at the end of the last epoch, be it the best epoch or not."""
    models = []
    follow(recipe, seed, lambda moment: models.append(copy.deepcopy(moment.state.model)))
    return models[-1]


def one_step(model: nn.Module, batch: Split, optimizer: torch.optim.Optimizer) -> float:
    """Take one optimiser step; returns the loss before it."""
    return train_epoch(model, batch, optimizer, batch_size=len(batch))[0]


def batches_of(split: Split, size: int, seed: int) -> Iterator[Split]:
    """The images once, in random order, in batches."""
    return (Split(*batch) for batch in batches(split, size, generator=seeded(seed)))
