"""Training: the configuration, the loop, checkpoints, the learning-rate range test, the convex optimum."""

from __future__ import annotations

import copy
import io
import math
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from glob import escape
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, nll_loss
from torch.utils.flop_counter import FlopCounterMode
from tqdm.auto import tqdm

from mnist_lr_helpers.data import Split
from mnist_lr_helpers.files import write_atomically
from mnist_lr_helpers.models import LogisticRegression

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

OPTIMIZERS = ("sgd", "adam", "adamw")
CHECKPOINT_FORMAT = 1
FLOPS_WORTH_SHARING = 50e6  # of one forward pass
Result = TypeVar("Result")
Augmentation = Callable[..., Tensor]  # (images [n, 1, 28, 28], generator=torch.Generator)


class TrainingError(RuntimeError):
    """Training cannot start or go on; the message says why and what to change."""


class CheckpointError(TrainingError):
    """A checkpoint cannot be used; the message says why."""


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
        }
        for name, (kind, in_range, meaning) in rules.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, kind) or not in_range(value):
                raise ValueError(f"{name} is {value!r}; it must be {meaning}")
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer is {self.optimizer!r}; choose one of {', '.join(OPTIMIZERS)}")


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


def fit(
    model: nn.Module,
    train: Split,
    *,
    validation: Split,
    config: TrainingConfig,
    generator: torch.Generator,
    augment: Augmentation | None = None,
    checkpoint: Path | str | None = None,
    progress: bool = True,
) -> History:
    """Train a model in place and leave it with the weights of its best validation loss.

    Args:
        model: maps images ``[n, 1, 28, 28]`` (or features ``[n, d]``) to logits ``[n, n_classes]``.
        train: images to learn from; shuffled anew in each epoch.
        validation: images that choose the best epoch.
        config: how to train.
        generator: source of the shuffling, and of nothing else.
        augment: changes a batch of images before it is used, same shape. Its own generator
            is seeded from ``generator``'s seed, so it does not change the shuffling.
        checkpoint: file that is written after each epoch; if it exists, training goes on
            from it and ends with the very weights of an uninterrupted run.
        progress: show a progress bar.

    Raises:
        TrainingError: pixels, labels or the loss are not usable.
        CheckpointError: the checkpoint belongs to another run or is damaged.
    """
    _check(train, model)
    optimizer = _optimizer(model, config)
    augmenting = torch.Generator().manual_seed(generator.initial_seed())
    state = _Progress(History(), copy.deepcopy(model.state_dict()), {"shuffle": generator, "augment": augmenting})
    if checkpoint is not None and Path(checkpoint).exists():
        _load_checkpoint(Path(checkpoint), model, optimizer, config, state)
    with _threads(model, train.images[: config.batch_size]):
        _run_epochs(model, train, validation, config, optimizer, augment, state, checkpoint, progress)
    model.load_state_dict(state.best)
    return state.history


def _run_epochs(
    model: nn.Module,
    train: Split,
    validation: Split,
    config: TrainingConfig,
    optimizer: torch.optim.Optimizer,
    augment: Augmentation | None,
    state: _Progress,
    checkpoint: Path | str | None,
    progress: bool,
) -> None:
    """All epochs that are still to do; ``state`` is brought up to date after each."""
    _check(validation, model, "validation")
    history, generators = state.history, state.generators
    transform = None if augment is None else partial(augment, generator=generators["augment"])
    epochs = range(len(history.rows) + 1, config.epochs + 1)
    bar = tqdm(epochs, desc="training", unit="epoch", leave=False, disable=not progress)
    for epoch in bar:
        if history.stopped_early:
            break
        started = time.perf_counter()
        learning_rate = _learning_rate(config, epoch)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        order = torch.randperm(len(train), generator=generators["shuffle"]).to(train.labels.device)
        batches = order.split(config.batch_size)
        row = {"epoch": epoch}
        row["train_loss"], row["train_accuracy"] = _train_epoch(model, train, optimizer, batches, transform, epoch)
        row["validation_loss"], row["validation_accuracy"] = loss_and_accuracy(model, validation)
        row |= {"learning_rate": learning_rate, "seconds": time.perf_counter() - started}
        if not history.rows or row["validation_loss"] < min(old["validation_loss"] for old in history.rows):
            state.best = copy.deepcopy(model.state_dict())
        history.rows.append(row)
        history.stopped_early = 0 < config.patience <= epoch - history.best_epoch
        bar.set_postfix(loss=f"{row['train_loss']:.4f}", validation=f"{row['validation_accuracy']:.2%}")
        if checkpoint is not None:
            _save_checkpoint(Path(checkpoint), model, optimizer, config, state)


@contextmanager
def _threads(model: nn.Module, images: Tensor) -> Iterator[None]:
    """One thread where a batch is too small to share: handing it over costs more than the work.

    The choice depends on the arithmetic of the batch alone, never on the machine's load,
    so that results stay bit-identical.
    """
    before = torch.get_num_threads()
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model(images)
    try:
        if counter.get_total_flops() < FLOPS_WORTH_SHARING:
            torch.set_num_threads(1)
        yield
    finally:
        torch.set_num_threads(before)


def _train_epoch(
    model: nn.Module,
    train: Split,
    optimizer: torch.optim.Optimizer,
    batches: Sequence[Tensor],
    augment: Callable[[Tensor], Tensor] | None,
    epoch: int,
) -> tuple[float, float]:
    """One pass over the training images; loss and accuracy as seen on the way, per image."""
    model.train()
    written_out = type(model) is LogisticRegression and all(weights.requires_grad for weights in model.parameters())
    # Loss and predictions go to tensors set aside before: reading a number in every batch would make a GPU wait, and
    # new small tensors between the large, short-lived ones would leave holes in the memory.
    losses = torch.zeros(len(batches), device=train.labels.device)
    predicted = torch.empty_like(train.labels).split([len(index) for index in batches])
    for batch, index in enumerate(batches):
        images, labels = train.images.index_select(0, index), train.labels.index_select(0, index)
        if augment is not None:
            images = augment(images)
        if written_out:
            logits, loss = _softmax_regression_gradient(model, images, labels)
        else:
            logits = model(images)
            loss = cross_entropy(logits, labels)
            optimizer.zero_grad()
            loss.backward()
        optimizer.step()
        losses[batch] = loss.detach()
        torch.argmax(logits.detach(), dim=1, out=predicted[batch])
    batch_losses = losses.double()
    if not batch_losses.isfinite().all():
        batch = int((~batch_losses.isfinite()).nonzero()[0])
        raise TrainingError(
            f"the loss is {batch_losses[batch]:.0f} in epoch {epoch}, batch {batch + 1} of {len(batches)}, at learning "
            f"rate {optimizer.param_groups[0]['lr']:g}: the steps are too large. Try a learning rate ten times smaller"
        )
    sizes = torch.tensor([len(index) for index in batches], device=batch_losses.device)
    mean_loss = (batch_losses * sizes).sum() / len(train)
    correct = (torch.cat(predicted) == train.labels.index_select(0, torch.cat(batches))).sum()
    return mean_loss.item(), correct.item() / len(train)


@torch.no_grad()
def _softmax_regression_gradient(model: LogisticRegression, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and loss of a batch; leaves the gradient, probabilities minus truth times pixels, in the parameters.

    What ``backward`` computes for this model, bit for bit, without the book-keeping, which costs more than the work.
    """
    logits = model(images)
    log_probabilities = logits.log_softmax(dim=1)
    loss = nll_loss(log_probabilities, labels)
    truth = torch.zeros_like(logits).scatter_(1, labels[:, None], -1 / len(labels))  # −y / n
    error = torch.ops.aten._log_softmax_backward_data(truth, log_probabilities, 1, logits.dtype)  # (p − y) / n
    model.linear.weight.grad, model.linear.bias.grad = error.T @ images.flatten(start_dim=1), error.sum(dim=0)
    return logits, loss


@torch.inference_mode()
def loss_and_accuracy(model: nn.Module, split: Split, batch_size: int = 4096) -> tuple[float, float]:
    """Mean cross-entropy and fraction of right predictions, each weighted by images."""
    model.eval()
    loss, correct = 0.0, 0
    for images, labels in zip(split.images.split(batch_size), split.labels.split(batch_size), strict=True):
        logits = model(images)
        loss += cross_entropy(logits, labels, reduction="sum").item()
        correct += (logits.argmax(dim=1) == labels).sum().item()
    return loss / len(split), correct / len(split)


def side_by_side(jobs: Iterable[Callable[[], Result]]) -> list[Result]:
    """Results of all jobs, each done on one core, as many at a time as there are cores.

    Small networks gain little from sharing one batch between cores. On one core each, their weights
    do not depend on how many cores there are.
    """
    cores = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(cores, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return list(pool.map(lambda job: job(), jobs))
    finally:
        torch.set_num_threads(cores)


def learning_rate_range_test(
    model: nn.Module,
    train: Split,
    *,
    generator: torch.Generator,
    batch_size: int = 64,
    momentum: float = 0.9,
    lowest: float = 1e-5,
    highest: float = 10.0,
    steps: int = 300,
    smoothing: float = 0.95,
) -> pd.DataFrame:
    """Raise the learning rate with every step, each on a new batch, and record the loss.

    The model is left as it was. ``smoothed`` is the exponential moving average of the
    loss, corrected for its start at zero (Smith 2017, "Cyclical learning rates for
    training neural networks"; the correction is Adam's, Kingma and Ba 2015). The test
    ends early once the smoothed loss is four times its minimum, or not finite.

    Returns one row per step: learning_rate, loss, smoothed.
    """
    import pandas as pd

    model, rows, average = copy.deepcopy(model).train(), [], 0.0
    optimizer = torch.optim.SGD(model.parameters(), lr=lowest, momentum=momentum)
    rates = torch.logspace(math.log10(lowest), math.log10(highest), steps, dtype=torch.float64).tolist()
    order = torch.randperm(len(train), generator=generator)
    for step, rate in enumerate(rates):
        optimizer.param_groups[0]["lr"] = rate
        index = order[torch.arange(step * batch_size, (step + 1) * batch_size) % len(train)]
        loss = cross_entropy(model(train.images[index]), train.labels[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average = smoothing * average + (1 - smoothing) * loss.item()
        smoothed = average / (1 - smoothing ** (step + 1))
        rows.append({"learning_rate": rate, "loss": loss.item(), "smoothed": smoothed})
        if not smoothed <= 4 * min(row["smoothed"] for row in rows) < math.inf:  # also when it is not a number
            break
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Optimum:
    """The best softmax regression for one penalty, and how far from the best it can be at most.

    Attributes:
        model: its weights.
        objective: mean cross-entropy + l2/2 (‖W‖² + ‖b‖²) on the training images, in nats.
        gradient_norm: length ‖g‖ of the objective's gradient.
        gap: ‖g‖² / (2 l2); no weights whatever have an objective lower than this one by more.
        passes: how often all training images were used.
    """

    model: LogisticRegression
    objective: float
    gradient_norm: float
    gap: float
    passes: int


def convex_optimum(
    train: Split, *, l2: float, start: LogisticRegression | None = None, tolerance: float = 1e-5
) -> Optimum:
    """Minimise mean cross-entropy + l2/2 (‖W‖² + ‖b‖²) until ``gap`` ≤ ``tolerance``, or as far as float32 allows.

    The penalty makes the objective f strongly convex: f(v) ≥ f(w) + g·(v − w) + l2/2 ‖v − w‖² ≥ f(w) − ‖g‖²/(2 l2)
    for all v, hence the gap; so the biases must be penalised too. L-BFGS-B works in coordinates where the mean Hessian
    block of a class, at ``start`` (or zero), is near the identity, to save passes.

    Raises:
        ValueError: ``l2`` is not positive, so that there is no certificate.
    """
    from scipy.optimize import minimize
    from threadpoolctl import threadpool_limits

    if not l2 > 0:
        raise ValueError(f"l2 is {l2!r}; the certificate needs a positive number")
    images = nn.functional.pad(train.images.flatten(start_dim=1), (0, 1), value=1.0)  # the last 1 feeds the bias
    n_classes, (n, width), seen = int(train.labels.max()) + 1, images.shape, {"passes": 0}
    model = copy.deepcopy(start) or LogisticRegression(width - 1, n_classes, initialisation="zeros")
    model.to(images.device)
    weights = torch.cat([model.linear.weight, model.linear.bias[:, None]], dim=1).detach()  # [n_classes, d + 1]
    some = images[:: max(1, n // 8_192)]  # enough for a rough curvature
    p = (some @ weights.T).softmax(dim=1)
    blocks = some.T @ ((p * (1 - p)).mean(dim=1, keepdim=True) * some) / len(some)
    curvature, axes = torch.linalg.eigh(blocks.double())
    scale = (curvature.clamp(min=0) + l2).sqrt()

    def evaluate(point: np.ndarray) -> tuple[float, np.ndarray]:
        seen["weights"] = weights = (
            (torch.from_numpy(point).to(scale).view(n_classes, width) / scale) @ axes.T
        ).float()
        seen["objective"], gradient = _objective(weights, images, train.labels, l2)
        seen["norm"], seen["passes"] = gradient.norm().item(), seen["passes"] + 1
        return seen["objective"], (gradient @ axes / scale).flatten().cpu().numpy()

    def stop_if_certified(_: np.ndarray) -> None:
        if seen["norm"] ** 2 <= 2 * l2 * tolerance:
            raise StopIteration

    origin = ((weights.double() @ axes) * scale).flatten().cpu().numpy()
    options = {"maxiter": 1000, "maxfun": 2000, "ftol": 0.0, "gtol": 0.0}
    with threadpool_limits(1, user_api="blas"):  # SciPy's threads would go on waiting, on the cores that torch needs
        found = minimize(evaluate, origin, jac=True, method="L-BFGS-B", callback=stop_if_certified, options=options)
        evaluate(found.x)
    model.load_state_dict({"linear.weight": seen["weights"][:, :-1], "linear.bias": seen["weights"][:, -1]})
    return Optimum(model, seen["objective"], seen["norm"], seen["norm"] ** 2 / (2 * l2), seen["passes"])


def _objective(weights: Tensor, images: Tensor, labels: Tensor, l2: float) -> tuple[float, Tensor]:
    """Mean cross-entropy + l2/2 ‖weights‖², and its gradient in float64."""
    rows = torch.arange(len(labels), device=labels.device)
    log_probabilities = (images @ weights.T).log_softmax(dim=1)
    loss = -log_probabilities[rows, labels].double().mean() + l2 / 2 * weights.double().square().sum()
    error = log_probabilities.exp_()
    error[rows, labels] -= 1  # p − y
    return loss.item(), (error.T @ images / len(labels)).double() + l2 * weights


@dataclass
class _Progress:
    """What a checkpoint holds besides model and optimizer."""

    history: History
    best: dict[str, Tensor]
    generators: dict[str, torch.Generator]


def _learning_rate(config: TrainingConfig, epoch: int) -> float:
    cuts = (epoch - 1) // config.decay_every if config.decay_every else 0
    return config.learning_rate * config.decay_factor**cuts


def _optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    weights = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    biases = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    groups = [{"params": weights, "weight_decay": config.weight_decay}, {"params": biases, "weight_decay": 0.0}]
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.learning_rate, momentum=config.momentum, fused=True)
    optimizer_class = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.optimizer]
    return optimizer_class(groups, lr=config.learning_rate, fused=True)


def _check(split: Split, model: nn.Module, part: str = "training") -> None:
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
    with torch.inference_mode():
        n_classes = model.eval()(split.images[:1]).shape[1]
    if int(split.labels.min()) < 0 or int(split.labels.max()) >= n_classes:
        raise TrainingError(
            f"{part} labels run from {int(split.labels.min())} to {int(split.labels.max())}, but the model has "
            f"{n_classes} outputs, for labels 0 to {n_classes - 1}"
        )


def _identity(model: nn.Module, config: TrainingConfig) -> dict[str, object]:
    """What must agree for a checkpoint to be continued."""
    shapes = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    return {
        "format": CHECKPOINT_FORMAT,
        "torch version": str(torch.__version__),
        "model": f"{type(model).__name__} {shapes}",
        # More epochs or more patience than before is a continuation, not another run.
        **{name: value for name, value in asdict(config).items() if name not in ("epochs", "patience")},
    }


def _save_checkpoint(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    config: TrainingConfig,
    state: _Progress,
) -> None:
    buffer = io.BytesIO()
    torch.save(
        {
            "identity": _identity(model, config),
            "model": model.state_dict(),
            "best": state.best,
            "optimizer": optimizer.state_dict(),
            "generators": {name: generator.get_state() for name, generator in state.generators.items()},
            "history": state.history.rows,
        },
        buffer,
    )
    write_atomically(path, buffer.getvalue())


def _load_checkpoint(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    config: TrainingConfig,
    state: _Progress,
) -> None:
    remedy = "delete the file to start afresh, or name another one"
    for leftover in path.parent.glob(f".{escape(path.name)}.*.part"):  # of a run that was killed while it wrote
        leftover.unlink()
    try:
        with zipfile.ZipFile(path) as archive:  # torch.load does not look at the checksums
            if damaged := archive.testzip():
                raise ValueError(damaged)
        saved = torch.load(path, weights_only=True)
        identity = dict(saved["identity"])
    except Exception as error:  # torch raises many kinds for a damaged or hostile file
        raise CheckpointError(
            f"{path} is no checkpoint of this course or is damaged ({type(error).__name__}); {remedy}"
        ) from error
    for name, value in _identity(model, config).items():
        if identity.get(name) != value:
            raise CheckpointError(
                f"{path} was written with {name} {identity.get(name)}, this run has {value}; {remedy}"
            )
    if len(saved["history"]) > config.epochs:
        raise CheckpointError(
            f"{path} already holds {len(saved['history'])} epochs, this run asks for {config.epochs}; {remedy}"
        )
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    for name, generator in state.generators.items():
        generator.set_state(saved["generators"][name])
    state.best, state.history.rows = saved["best"], saved["history"]
    rows = state.history.rows
    state.history.stopped_early = bool(rows) and 0 < config.patience <= len(rows) - state.history.best_epoch
