"""How one training of a study is done: a seed and a configuration in, rows (epoch, metric, value) out.

``epoch`` carries what the metric counts by: the epoch, the step, the digit, 10 · true + predicted, the decile; else 0.
Where a document chooses by the test images, they are what is evaluated after each epoch; metrics then say "test".
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample

from mnist_lr_helpers import features, training
from mnist_lr_helpers.data import Split, load_data
from mnist_lr_helpers.evaluation import predict
from mnist_lr_helpers.models import ConvolutionalNetwork, LogisticRegression, MultilayerPerceptron
from mnist_lr_helpers.training import History, TrainingConfig, TrainingError, loss_and_accuracy

Row = tuple[int, str, float]
S1 = {"initialisation": "xavier", "scaling": "std", "whole": False, "batch_size": 64, "learning_rate": 0.01}
S1 |= {"momentum": 0.9, "epochs": 30, "decay_every": 10, "patience": 5}


def seeded(seed: int) -> torch.Generator:
    """A generator of its own for one purpose."""
    return torch.Generator().manual_seed(seed)


def _raw(_: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda images: images * 255


def _per_pixel(train: Tensor) -> Callable[[Tensor], Tensor]:
    mean, std = train.mean(dim=0), train.std(dim=0)
    return lambda images: (images - mean) / torch.where(std > 0, std, 1.0)


def _deskewed(train: Tensor) -> Callable[[Tensor], Tensor]:
    mean, std = train.mean(), train.std()
    return lambda images: (features.deskew(images) - mean) / std


def _gradients(_: Tensor) -> Callable[[Tensor], Tensor]:
    return features.oriented_gradients


INPUTS = {"raw": _raw, "pixel": _per_pixel, "deskewed": _deskewed, "gradients": _gradients}


@lru_cache(maxsize=2)
def parts(
    scaling: str = "unit", *, whole: bool = True, seed: int = 0, train_size: int | None = None
) -> dict[str, Split]:
    """MNIST's splits as a document uses them.

    Args:
        scaling: ``"unit"`` for pixels in [0, 1], ``"std"`` for mean 0 and standard deviation 1, or one of ``INPUTS``.
        whole: train on all 60,000 images, so that there is no ``"validation"``; else on 54,000.
        seed: of the split into 54,000 and 6,000.
        train_size: fewer training images, for a smoke run.
    """
    dataset = load_data("mnist", seed=seed, train_size=train_size, scaling="standard" if scaling == "std" else "unit")
    found = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    if whole:
        both = found["train"], found.pop("validation")
        found["train"] = Split(torch.cat([s.images for s in both]), torch.cat([s.labels for s in both]))
    if scaling in INPUTS:
        change = INPUTS[scaling](found["train"].images)
        found = {name: Split(change(split.images), split.labels) for name, split in found.items()}
    return found


def _shift_and_turn(images: Tensor, *, generator: torch.Generator) -> Tensor:
    """Each image moved by up to 2 pixels and turned by up to 10°, at random."""
    numbers = 2 * torch.rand(len(images), 3, generator=generator) - 1
    angle = torch.deg2rad(10 * numbers[:, 0])
    where = torch.stack([angle.cos(), angle.sin(), numbers[:, 1] / 7, -angle.sin(), angle.cos(), numbers[:, 2] / 7], 1)
    background = images.amin()
    grid = affine_grid(where.view(-1, 2, 3), list(images.shape), align_corners=False)
    return grid_sample(images - background, grid, align_corners=False) + background


def _drop_pixels(images: Tensor, *, generator: torch.Generator) -> Tensor:
    """A tenth of the pixels made black, the others strengthened to keep the mean (Srivastava et al. 2014)."""
    background = images.amin()
    return (images - background) * (torch.rand(images.shape, generator=generator) >= 0.1) / 0.9 + background


AUGMENTATIONS = {"": None, "shift and turn": _shift_and_turn, "drop pixels": _drop_pixels}


@dataclass(frozen=True)
class Run:
    """A training so far: the model with its present weights and with its best, where it started, what it saw."""

    model: nn.Module
    best: nn.Module
    start: dict[str, Tensor]
    data: dict[str, Split]
    history: History
    config: TrainingConfig
    seed: int
    recipe: dict[str, Any]

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.history.rows)

    @property
    def finished(self) -> bool:
        """Whether this was the last epoch."""
        return self.epoch == self.config.epochs or self.history.stopped_early


def new_model(
    images: Tensor,
    seed: int,
    *,
    hidden: Sequence[int] = (),
    channels: Sequence[int] = (),
    initialisation: str = "torch",
) -> nn.Module:
    """An untrained model for such images: softmax regression, unless widths or channels say otherwise."""
    if channels:
        return ConvolutionalNetwork(channels, generator=seeded(seed))
    if hidden:
        return MultilayerPerceptron(hidden, generator=seeded(seed))
    normal = initialisation == "normal(0,1)"
    start = "zeros" if normal else initialisation
    model = LogisticRegression(images[0].numel(), initialisation=start, generator=seeded(seed))
    if normal:
        nn.init.normal_(model.linear.weight, generator=seeded(seed))
    return model


def stages(
    seed: int,
    *,
    stops: Iterable[int] = (),
    hidden: Sequence[int] = (),
    channels: Sequence[int] = (),
    initialisation: str = "torch",
    scaling: str = "unit",
    whole: bool = True,
    train_size: int | None = None,
    arrange: str = "",
    augment: str = "",
    **settings: Any,  # noqa: ANN401 - whatever TrainingConfig takes
) -> Iterator[Run]:
    """Train with ``fit``, pausing after the epochs ``stops`` and at the end; chance depends on the seed alone."""
    recipe = {"hidden": hidden, "channels": channels, "initialisation": initialisation, "scaling": scaling}
    recipe |= {"whole": whole, "train_size": train_size, **settings}
    config, data = TrainingConfig(**settings), parts(scaling, whole=whole, seed=seed, train_size=train_size)
    best = new_model(data["train"].images, seed, hidden=hidden, channels=channels, initialisation=initialisation)
    start, model = copy.deepcopy(best.state_dict()), copy.deepcopy(best)
    options = {"validation": data["validation" if "validation" in data else "test"], "progress": False}
    options["augment"] = AUGMENTATIONS[augment]
    train = rearranged(data["train"], arrange, seed, recipe)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "run.pt"
        for stop in sorted({*stops, config.epochs}):
            now, order = replace(config, epochs=stop), seeded(1_000 + seed)
            history = training.fit(best, train, config=now, generator=order, checkpoint=checkpoint, **options)
            model.load_state_dict(torch.load(checkpoint, weights_only=True)["model"])
            yield Run(model, best, start, data, history, config, seed, recipe)
            if history.stopped_early:
                break


def finished(seed: int, **recipe: Any) -> Run:  # noqa: ANN401 - see stages
    """The end of a training."""
    *_, last = stages(seed, **recipe)
    return last


def rearranged(train: Split, how: str, seed: int, recipe: dict[str, Any]) -> Split:
    """The training images in another order or with some of them repeated.

    ``"balanced"`` repeats images of the rarer classes, which has the expectation of class weights; ``"errors"`` repeats
    twice the images that a first model, trained by the same recipe, gets wrong; ``"sorted"`` sorts by label.
    """
    if not how:
        return train
    if how == "balanced":
        members = [(train.labels == k).nonzero()[:, 0] for k in range(10)]
        most = max(map(len, members))
        index = torch.cat([member[torch.arange(most) % len(member)] for member in members])
    elif how == "errors":
        wrong = (~predict(finished(seed, **recipe).model, train).correct).nonzero()[:, 0]
        index = torch.cat([torch.arange(len(train)), wrong, wrong])
    else:
        index = train.labels.argsort(stable=True)
    return Split(train.images[index], train.labels[index])


def train(
    seed: int,
    *,
    each: Sequence[str] = (),
    last: Sequence[str] = (),
    look: Sequence[int] = (),
    keep: int = 1,
    stepwise: bool = False,
    **recipe: Any,  # noqa: ANN401 - see stages
) -> list[Row]:
    """Train by a recipe and report.

    Args:
        seed: of the weights, the order of the images and, if there is one, the split.
        each: reports after each epoch; see ``REPORTS``.
        last: reports at the end, or at the epochs ``look``.
        look: see ``last``.
        keep: which epochs of the learning curves are kept: 1, 2, 3, 5, every ``keep``-th and the last.
        stepwise: pause after each epoch, so that the curves of a run that breaks survive.
        **recipe: what ``stages`` takes.
    """
    from mnist_lr_helpers.reproduction.reports import REPORTS

    every = [e for e in range(1, recipe["epochs"] + 1) if stepwise or (each and _in_steps(e, keep))]
    rows: list[Row] = []
    run = None
    try:
        for run in stages(seed, stops=[*every, *look], **recipe):
            names = [*each] if _kept(run, run.epoch, keep) else []
            names += last if run.epoch in look or (run.finished and not look) else []
            rows += [row for name in names for row in REPORTS[name](run)]
    except TrainingError:
        rows.append((run.epoch + 1 if run else 1, "diverged", 1.0))
    return rows if run is None else [*curves(run, keep), *rows]


def _in_steps(epoch: int, keep: int) -> bool:
    return epoch in (1, 2, 3, 5) or epoch % keep == 0


def _kept(run: Run, epoch: int, keep: int) -> bool:
    return _in_steps(epoch, keep) or (epoch == run.epoch and run.finished)


def curves(run: Run, keep: int = 1) -> list[Row]:
    """Loss and accuracy after each epoch; on the training images as seen on the way."""
    judge = "validation" if "validation" in run.data else "test"
    names = {"train_loss": "train_loss", "train_accuracy": "train_accuracy"}
    names |= {f"{judge}_{kind}": f"validation_{kind}" for kind in ("loss", "accuracy")}
    rows = [row for row in run.history.rows if _kept(run, int(row["epoch"]), keep)]
    return [(int(row["epoch"]), name, row[key]) for row in rows for name, key in names.items()]


def train_in_order(seed: int, *, order: str, **recipe: Any) -> list[Row]:  # noqa: ANN401 - see stages
    """The recipe without shuffling and without early stopping, in the order of the file or sorted by label."""
    first = {"initialisation": recipe.pop("initialisation"), "hidden": (), "channels": ()}
    data = parts(recipe.pop("scaling"), whole=recipe.pop("whole"), seed=seed, train_size=recipe.pop("train_size", None))
    config, rows = TrainingConfig(**recipe), []
    images = rearranged(data["train"], "sorted" if order == "sorted" else "", seed, {})
    model = new_model(images.images, seed, **first)
    optimizer = training._optimizer(model, config)
    batches = torch.arange(len(images)).split(config.batch_size)
    for epoch in range(1, config.epochs + 1):
        optimizer.param_groups[0]["lr"] = optimizer.param_groups[1]["lr"] = training._learning_rate(config, epoch)
        loss, _ = training._train_epoch(model, images, optimizer, batches, None, epoch)
        rows.append((epoch, "train_loss", loss))
        for name in ("validation", "test"):
            values = zip(("loss", "accuracy"), loss_and_accuracy(model, data[name]), strict=True)
            rows += [(epoch, f"{name}_{kind}", value) for kind, value in values]
    return rows


def steps(
    model: nn.Module, batches: Iterable[Split], config: TrainingConfig, rates: Sequence[float] = ()
) -> Iterator[float]:
    """One optimiser step on each batch, at its own learning rate if there are ``rates``; yields the loss before it."""
    optimizer = training._optimizer(model, config)
    for number, batch in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = rates[number] if len(rates) else config.learning_rate
        yield training._train_epoch(model, batch, optimizer, [torch.arange(len(batch))], None, 1)[0]


def batches_of(split: Split, size: int, seed: int) -> Iterator[Split]:
    """The images once, in random order, in batches."""
    for index in torch.randperm(len(split), generator=seeded(seed)).split(size):
        yield Split(split.images[index], split.labels[index])
