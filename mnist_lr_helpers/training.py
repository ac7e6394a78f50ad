"""Training: the configuration, and one loop for every model."""

from __future__ import annotations

import copy
import math
import operator
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, TypeVar

from mnist_lr_helpers.data import Split
from mnist_lr_helpers.exceptions import TrainingError

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm.auto import tqdm

if TYPE_CHECKING:
    import pandas as pd

OPTIMIZERS = ("sgd", "adam", "adamw")
# Added to the seed of the shuffling, so that augmentation has random numbers of its own. PyTorch's generator looks at
# the lower 32 bits of a seed alone, so it must not be a multiple of 2**32.
AUGMENTATION_STREAM = 2_654_435_769
Result = TypeVar("Result")
_WORKER = threading.local()  # each thread of ``side_by_side`` has the event here that tells it to stop
Augmentation = Callable[..., Tensor]  # (images [n, 1, 28, 28], generator=torch.Generator) -> same shape


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Everything that decides how a model is trained, apart from data, weights and chance.

    Attributes:
        epochs: passes over the training images.
        batch_size: images per step; the last batch of an epoch may be smaller.
        learning_rate: step size at the start.
        momentum: of SGD, 0 to below 1; ignored by Adam.
        weight_decay: λ' in g ← g + λ' w for the weights, not the biases. The penalty
            λ‖W‖² in the loss is λ' = 2 λ. ``"adamw"`` decouples it from the gradient.
        optimizer: ``"sgd"``, ``"adam"`` or ``"adamw"``.
        decay_every: epochs between two cuts of the learning rate; 0 for none.
        decay_factor: what each cut multiplies the learning rate by.
        patience: stop after this many epochs without a better validation loss; 0 for never.
        threads: cores that share the work of a batch. With 1, the fastest for a single layer, results do not depend on
            how many cores there are.
        augment: changes a batch of images before it is used: (images, generator=…) -> images, same shape.
        progress: whether a progress bar is shown; no part of the recipe.

    Raises:
        ValueError: a value is out of range; the message names it and its range.
    """

    epochs: int = 10
    batch_size: int = 64
    learning_rate: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 0.0
    optimizer: str = "sgd"
    decay_every: int = 0
    decay_factor: float = 0.1
    patience: int = 0
    threads: int = 1
    augment: Augmentation | None = None
    progress: bool = True

    def __post_init__(self) -> None:
        rules: dict[str, tuple[type, Callable[[float], bool], str]] = {
            "epochs": (int, lambda x: x >= 1, "a whole number of at least 1"),
            "batch_size": (int, lambda x: x >= 1, "a whole number of images, at least 1"),
            "learning_rate": (Real, lambda x: 0 < x < math.inf, "a positive number"),
            "momentum": (Real, lambda x: 0 <= x < 1, "at least 0 and below 1, or the steps grow without end"),
            "weight_decay": (Real, lambda x: 0 <= x < math.inf, "a number of at least 0"),
            "decay_every": (int, lambda x: x >= 0, "a whole number of epochs, 0 for no decay"),
            "decay_factor": (Real, lambda x: 0 < x <= 1, "above 0 and at most 1"),
            "patience": (int, lambda x: x >= 0, "a whole number of epochs, 0 for no early stopping"),
            "threads": (int, lambda x: x >= 1, "a whole number of at least 1"),
        }
        for name, (kind, in_range, meaning) in rules.items():
            number = _as_number(getattr(self, name), kind)
            if number is None or not in_range(number):
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be {meaning}")
            object.__setattr__(self, name, number)
        if self.augment is not None and not callable(self.augment):
            raise ValueError(f"augment is {self.augment!r}; it must be a function (images, generator=…), or None")
        if not isinstance(self.progress, bool):
            raise ValueError(f"progress is {self.progress!r}; it must be True or False")
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer is {self.optimizer!r}; choose one of {', '.join(OPTIMIZERS)}")


def _as_number(value: object, kind: type) -> float | None:
    """The value as a number of that kind, also if it is NumPy's or PyTorch's; None if it is none."""
    if isinstance(value, bool):
        return None
    if kind is not int:
        return value if isinstance(value, kind) else None
    try:
        return operator.index(value)
    except TypeError:
        return None


@dataclass
class History:
    """What happened in each epoch; ``table`` shows it as a pandas DataFrame."""

    rows: list[dict[str, float]] = field(default_factory=list)
    stopped_early: bool = False

    @property
    def table(self) -> pd.DataFrame:
        """One row per epoch: losses, accuracies (fractions), learning rate, seconds."""
        import pandas as pd

        return pd.DataFrame(self.rows).astype({"epoch": int}).set_index("epoch")

    @property
    def best_epoch(self) -> int:
        """The epoch with the lowest validation loss, whose weights the model keeps."""
        return int(min(self.rows, key=lambda row: row["validation_loss"])["epoch"])

    @property
    def seconds(self) -> float:
        """Seconds of all epochs together, validation included."""
        return sum(row["seconds"] for row in self.rows)


@dataclass
class TrainingState:
    """A training between two epochs, as ``after_epoch`` sees it.

    Attributes:
        model: with its weights of now.
        best_weights: those of the epoch with the lowest validation loss so far.
        optimizer: of ``make_optimizer``.
        scheduler: sets the learning rate, from epoch to epoch.
        generators: ``"shuffling"`` and ``"augmentation"``, a stream of random numbers each.
        config: how the model is trained.
        train: images to learn from.
        validation: images that choose the best epoch.
        history: one row per finished epoch.
    """

    model: nn.Module
    best_weights: dict[str, Tensor]
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler
    generators: dict[str, torch.Generator]
    config: TrainingConfig
    train: Split
    validation: Split
    history: History = field(default_factory=History)

    @property
    def epoch(self) -> int:
        """Finished epochs; 0 before the first."""
        return len(self.history.rows)

    @property
    def out_of_patience(self) -> bool:
        """Whether the validation loss has not fallen for ``config.patience`` epochs."""
        return self.epoch > 0 and 0 < self.config.patience <= self.epoch - self.history.best_epoch

    @property
    def finished(self) -> bool:
        """Whether no epoch is left to do."""
        return self.epoch >= self.config.epochs or self.out_of_patience


def fit(
    model: nn.Module,
    train: Split,
    validation: Split,
    config: TrainingConfig,
    *,
    generator: torch.Generator,
    after_epoch: Callable[[TrainingState], object] | None = None,
) -> History:
    """Train a model in place and leave it with the weights of its lowest validation loss.

    Args:
        model: maps images ``[n, 1, 28, 28]`` (or features ``[n, d]``) to logits ``[n, n_classes]``.
        train: images to learn from; shuffled anew in each epoch.
        validation: images that choose the best epoch.
        config: how to train.
        generator: source of the shuffling. Augmentation has a stream of its own, from the same seed.
        after_epoch: called with the state after each epoch, and once before the first, at ``state.epoch`` 0.

    Raises:
        TrainingError: pixels, labels or the loss are not usable.
    """
    state = _begin(model, train, validation, config, generator=generator)
    look = after_epoch or (lambda state: None)
    augment = config.augment and partial(config.augment, generator=state.generators["augmentation"])
    bar = tqdm(total=config.epochs, desc="training", unit="epoch", leave=False, disable=not config.progress)
    with bar, limited_threads(config.threads):
        look(state)
        while not state.finished:
            started = time.perf_counter()
            train_loss, train_accuracy = train_epoch(
                model, train, state.optimizer, batch_size=config.batch_size, generator=generator, augment=augment
            )
            validation_loss, validation_accuracy = loss_and_accuracy(model, validation)
            row = {"epoch": state.epoch + 1, "train_loss": train_loss, "train_accuracy": train_accuracy}
            row |= {"validation_loss": validation_loss, "validation_accuracy": validation_accuracy}
            row["learning_rate"] = state.optimizer.param_groups[0]["lr"]
            row["seconds"] = time.perf_counter() - started
            state.history.rows.append(row)
            state.scheduler.step()
            if state.history.best_epoch == state.epoch:
                state.best_weights = copy.deepcopy(model.state_dict())
            bar.set_postfix(loss=f"{train_loss:.4f}", validation=f"{validation_accuracy:.2%}", refresh=False)
            bar.update(state.epoch - bar.n)
            look(state)
    model.load_state_dict(state.best_weights)
    state.history.stopped_early = state.out_of_patience
    return state.history


def make_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """PyTorch's optimizer of that name; the penalty falls on the weights, not on the biases."""
    weights = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    biases = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    groups = [{"params": weights, "weight_decay": config.weight_decay}, {"params": biases, "weight_decay": 0.0}]
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.learning_rate, momentum=config.momentum, fused=True)
    if config.optimizer == "adam":
        return torch.optim.Adam(groups, lr=config.learning_rate, fused=True)
    return torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)


def make_scheduler(optimizer: torch.optim.Optimizer, config: TrainingConfig) -> torch.optim.lr_scheduler.LRScheduler:
    """Cuts the learning rate every ``config.decay_every`` epochs, or leaves it as it is."""
    if config.decay_every == 0:
        return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)
    return torch.optim.lr_scheduler.StepLR(optimizer, step_size=config.decay_every, gamma=config.decay_factor)


def decay_per_epoch(share: float, epochs: int) -> float:
    """The factor that, applied after each epoch, leaves this share of the learning rate for the last one."""
    return share ** (1 / max(1, epochs - 1))


def train_epoch(
    model: nn.Module,
    train: Split,
    optimizer: torch.optim.Optimizer,
    *,
    batch_size: int,
    generator: torch.Generator | None = None,
    augment: Callable[[Tensor], Tensor] | None = None,
) -> tuple[float, float]:
    """Take one step for each batch of the training images.

    Args:
        model: maps images to logits.
        train: images ``[n, …]`` and labels ``[n]``.
        optimizer: of the model's parameters.
        batch_size: images per step.
        generator: source of the order; without one, the images come as they stand.
        augment: changes a batch of images before it is used.

    Returns:
        Mean loss and fraction of right answers, over the images, each judged before its step.

    Raises:
        TrainingError: the loss is not finite.
    """
    model.train()
    # Losses go where there is room for all: a new small tensor a batch would leave holes between the large ones.
    losses = torch.zeros(math.ceil(len(train) / batch_size), device=train.labels.device)
    sizes, right = [], 0
    for number, (images, labels) in enumerate(batches(train, batch_size, generator=generator)):
        _stop_if_told()
        if augment is not None:
            images = augment(images.clone())  # which may change them in place
        optimizer.zero_grad()
        logits = model(images)  # [batch, n_classes]
        loss = cross_entropy(logits, labels)
        loss.backward()
        optimizer.step()
        losses[number] = loss.detach()
        sizes.append(len(labels))
        right += (logits.argmax(dim=1) == labels).sum()
    # Numbers are read here and not in each batch, where a GPU would have to wait for it.
    losses = losses.cpu().double()
    _check_losses(losses, optimizer)
    return (losses * torch.tensor(sizes)).sum().item() / len(train), int(right) / len(train)


def batches(
    split: Split, batch_size: int, *, generator: torch.Generator | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Images and labels, a batch at a time, the last one perhaps smaller.

    They come in random order; as they stand without a generator, and where one batch holds them all.
    """
    if generator is None or batch_size >= len(split):
        yield from zip(split.images.split(batch_size), split.labels.split(batch_size), strict=True)
        return
    order = torch.randperm(len(split), generator=generator).to(split.labels.device)
    for index in order.split(batch_size):
        yield split.images[index], split.labels[index]


@torch.inference_mode()
def loss_and_accuracy(model: nn.Module, split: Split, batch_size: int = 4096) -> tuple[float, float]:
    """Mean cross-entropy and fraction of right predictions, each weighted by images."""
    model.eval()
    loss, correct = 0.0, 0
    for images, labels in batches(split, batch_size):
        logits = model(images)
        loss += cross_entropy(logits, labels, reduction="sum").item()
        correct += (logits.argmax(dim=1) == labels).sum().item()
    return loss / len(split), correct / len(split)


def side_by_side(jobs: Iterable[Callable[[], Result]]) -> list[Result]:
    """Results of all jobs, each done on one core, as many at a time as there are cores.

    Small networks gain little from sharing one batch between cores. On one core each, their weights
    do not depend on how many cores there are. An interrupt (■) ends them all with their next batch.
    """
    cores, stop = torch.get_num_threads(), threading.Event()

    def begin() -> None:
        torch.set_num_threads(1)
        _WORKER.stop = stop

    with limited_threads(1), ThreadPoolExecutor(cores, initializer=begin) as pool:
        futures = [pool.submit(job) for job in jobs]
        try:
            waiting = futures
            while waiting:  # again and again: on Windows a wait without an end does not hear an interrupt
                done, waiting = wait(waiting, timeout=1, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
            return [future.result() for future in futures]
        except BaseException:  # of which only this thread learns
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise


def _stop_if_told() -> None:
    """End a training side by side with others when their caller was interrupted, or one of them has failed."""
    told = getattr(_WORKER, "stop", None)
    if told is not None and told.is_set():
        raise KeyboardInterrupt


@contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Let PyTorch use so many threads, and afterwards as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _begin(
    model: nn.Module, train: Split, validation: Split, config: TrainingConfig, *, generator: torch.Generator
) -> TrainingState:
    """The state before the first epoch, once both splits are found fit for the model."""
    _check_split(model, train, "training")
    _check_split(model, validation, "validation")
    optimizer = make_optimizer(model, config)
    scheduler = make_scheduler(optimizer, config)
    own_seed = (generator.initial_seed() + AUGMENTATION_STREAM) % 2**63
    generators = {"shuffling": generator, "augmentation": torch.Generator().manual_seed(own_seed)}
    weights = copy.deepcopy(model.state_dict())
    return TrainingState(model, weights, optimizer, scheduler, generators, config, train, validation)


def _check_losses(losses: Tensor, optimizer: torch.optim.Optimizer) -> None:
    if not losses.isfinite().all():
        batch = int((~losses.isfinite()).nonzero()[0])
        raise TrainingError(
            f"the loss is {losses[batch]:.0f} in batch {batch + 1} of {len(losses)}, at learning rate "
            f"{optimizer.param_groups[0]['lr']:g}: the steps are too large. Try a learning rate ten times smaller"
        )


def _check_split(model: nn.Module, split: Split, part: str) -> None:
    """Find unusable pixels and labels before they cost an hour."""
    if len(split) == 0 or len(split.images) != len(split.labels):
        counts = f"{len(split.images):,} {part} images and {len(split.labels):,} labels"
        raise TrainingError(f"there are {counts}; both must agree, and not be 0")
    if not torch.stack(split.images.aminmax()).isfinite().all():  # bytes and half precision need no copy for it
        bad = (~split.images.flatten(start_dim=1).isfinite()).any(dim=1).nonzero()[:, 0]
        if len(bad):
            raise TrainingError(
                f"{len(bad):,} {part} images hold values that are not finite, the first at index {int(bad[0])}; "
                "look at them"
            )
    n_classes = count_classes(model, split.images, f"{part} images")
    if int(split.labels.min()) < 0 or int(split.labels.max()) >= n_classes:
        raise TrainingError(
            f"{part} labels run from {int(split.labels.min())} to {int(split.labels.max())}, but the model has "
            f"{n_classes} outputs, for labels 0 to {n_classes - 1}"
        )


@torch.inference_mode()
def count_classes(model: nn.Module, images: Tensor, called: str = "images") -> int:
    """How many outputs the model has, tried on the first of the images.

    Raises:
        TrainingError: the model cannot take such images, or gives no logits for them; the message names their type
            and shape, and what they are ``called``.
    """
    found = f"{called} of {images.dtype} {list(images.shape)}"
    try:
        logits = model.eval()(images[:1])
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        raise TrainingError(
            f"the model cannot take {found} ({reason}); the course's own are torch.float32 [n, 1, 28, 28]"
        ) from error
    if logits.ndim != 2 or len(logits) != 1:
        raise TrainingError(f"for one of the {found} the model gives {list(logits.shape)}, not logits [1, n_classes]")
    return logits.shape[1]
