"""Measurements that are no plain training: the data, costs, gradient noise, the optimum, range tests, one-vs-rest."""

from __future__ import annotations

import hashlib
import time
import timeit
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, cross_entropy, interpolate
from torch.utils.flop_counter import FlopCounterMode

from mnist_lr_helpers import features
from mnist_lr_helpers.data import Split, raw_folder, read_idx
from mnist_lr_helpers.download import CATALOGUE
from mnist_lr_helpers.evaluation import Predictions, expected_calibration_error, predict
from mnist_lr_helpers.models import LogisticRegression, parameter_count
from mnist_lr_helpers.reproduction.trainings import S1, Row, batches_of, finished, new_model, parts, seeded, steps
from mnist_lr_helpers.training import TrainingConfig, TrainingError, convex_optimum, fit, loss_and_accuracy


def describe(seed: int, *, part: str, train_size: int | None = None) -> list[Row]:
    """Facts of the official files, ``"train"`` or ``"t10k"``; digits and pairs of digits in place of the epoch."""
    folder = raw_folder("mnist")
    raw, labels = (read_idx(folder / f"{part}-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1"))
    values: dict[str, float] = {"images": len(raw), "height": raw.shape[1], "width": raw.shape[2]}
    values |= {"pixel_min": raw.min().item(), "pixel_max": raw.max().item(), "zero_fraction": (raw == 0).float().mean()}
    images = raw.flatten(start_dim=1).float() / 255  # [n, 784]
    inner = torch.zeros(28, 28, dtype=torch.bool)
    inner[7:21, 7:21] = True
    spread, dead = images.std(dim=0), (images.amax(dim=0) == 0).view(28, 28)
    values |= {"mean": images.double().mean(), "std": images.double().std()}
    values |= {"first_1000_mean": images[:1_000].mean(), "first_1000_std": images[:1_000].std()}
    values |= {"std_centre14": spread[inner.flatten()].mean(), "std_outside": spread[~inner.flatten()].mean()}
    values |= {"dead_pixels": dead.sum(), "dead_pixels_first_row": dead[0].sum()}
    values |= {"dead_pixels_top_left7": dead[:7, :7].sum()}
    for name, each in {"brightness": images.mean(dim=1), "contrast": images.std(dim=1)}.items():
        values |= {f"{name}_mean": each.mean(), f"{name}_sd": each.std()}
        values |= {f"{name}_min": each.min(), f"{name}_max": each.max()}
    values |= _shapes(images.view(-1, 1, 28, 28))
    name = f"{part}-images-idx3-ubyte"
    md5 = hashlib.md5((folder / name).read_bytes(), usedforsecurity=False).hexdigest()
    values["md5_matches"] = md5 == {a.unpacked: a.unpacked_md5 for a in CATALOGUE["mnist"].files()}[name]
    archive = folder / f"{name}.gz"
    values |= {"bytes": archive.stat().st_size} if archive.exists() else {}
    return [(0, name, float(value)) for name, value in values.items()] + _per_digit(images, labels.long())


def _shapes(images: Tensor) -> dict[str, Tensor]:
    """Centre of mass (pixel positions from 0), bounding box in pixels, slant in pixels across per pixel down."""
    centre, covariance = features.moments(images)
    centre, slant = centre + 13.5, covariance[:, 0, 1] / covariance[:, 1, 1]
    values = {"slant_sd": slant.std()}
    for axis, (place, side) in enumerate((("x", "width"), ("y", "height"))):
        values |= {f"centre_{place}_mean": centre[:, axis].mean(), f"centre_{place}_sd": centre[:, axis].std()}
        inked = (images[:, 0] > 0).any(dim=1 if axis == 0 else 2).long()  # [n, 28]
        values[f"box_{side}_max"] = (28 - inked.argmax(dim=1) - inked.flip(1).argmax(dim=1)).max()
    return values


def _per_digit(images: Tensor, labels: Tensor) -> list[Row]:
    means, rows = [], [(i, "first_label", label) for i, label in enumerate(labels[:25].tolist())]
    for k in range(10):
        own = images[labels == k]
        means.append(own.mean(dim=0))
        values = {"count": len(own), "within_variance": own.var(dim=0).sum().item(), "ink": own.mean().item()}
        rows += [(k, name, value) for name, value in values.items()]
        rows += [(10 * j + k, "mean_distance", (means[j] - means[k]).norm().item()) for j in range(k)]
    return rows


def repeat(seed: int, **recipe: Any) -> list[Row]:  # noqa: ANN401 - see stages
    """Train twice with the same seed: the largest difference of any weight."""
    pair = [finished(seed, **recipe).model.parameters() for _ in range(2)]
    gaps = [(a - b).abs().max().item() for a, b in zip(*pair, strict=True)]
    return [(0, "max_weight_difference", max(gaps))]


def range_test(seed: int, *, trained: bool, rates: int = 100, train_size: int | None = None) -> list[Row]:
    """One step of plain SGD, on a batch of its own, at each rate from 1e-7 to 10; the weights stay changed."""
    if trained:
        model = finished(seed, train_size=train_size, **S1).model
    data = parts("std", whole=False, seed=seed, train_size=train_size)
    if not trained:
        model = new_model(data["train"].images, seed, initialisation="xavier")
    rows = [(0, "test_accuracy_before", loss_and_accuracy(model, data["test"])[1])]
    schedule = torch.logspace(-7, 1, rates, dtype=torch.float64).tolist()
    config = TrainingConfig(learning_rate=1.0, momentum=0.0, batch_size=64)
    batches = (batch for batch, _ in zip(batches_of(data["train"], 64, seed), schedule, strict=False))
    try:
        for step, loss in enumerate(steps(model, batches, config, schedule), start=1):
            rows += [(step, "learning_rate", schedule[step - 1]), (step, "loss", loss)]
    except TrainingError:
        rows.append((0, "diverged", 1.0))
    return [*rows, (0, "test_accuracy_after", loss_and_accuracy(model, data["test"])[1])]


def gradient_noise(seed: int, *, batch_size: int, draws: int = 200, train_size: int | None = None) -> list[Row]:
    """Trace of the covariance of minibatch gradients, after one epoch of S1's recipe; squared length of the whole."""
    model = finished(seed, train_size=train_size, **S1 | {"epochs": 1}).model
    train = parts("std", whole=False, seed=seed, train_size=train_size)["train"]

    def gradient(index: Tensor | slice) -> Tensor:
        loss = cross_entropy(model(train.images[index]), train.labels[index])
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(model.parameters()))])

    whole, generator = gradient(slice(None)), seeded(seed)
    drawn = [torch.randint(len(train), (batch_size,), generator=generator) for _ in range(draws)]
    variance = torch.stack([(gradient(index) - whole).square().sum() for index in drawn]).mean()
    return [(0, "gradient_variance", variance.item()), (0, "gradient_norm", whole.norm().item())]


def gradient_norms(seed: int, *, epochs: int, train_size: int | None = None) -> list[Row]:
    """Smallest and largest length of a minibatch gradient in each epoch of S1's recipe."""
    data, rows = parts("std", whole=False, seed=seed, train_size=train_size), []
    model = new_model(data["train"].images, seed, initialisation="xavier")
    for epoch in range(1, epochs + 1):
        batches = batches_of(data["train"], 64, 1_000 * seed + epoch)
        walk = steps(model, batches, TrainingConfig(batch_size=64, learning_rate=0.01))
        norms = [float(sum(p.grad.square().sum() for p in model.parameters())) ** 0.5 for _ in walk]
        rows += [(epoch, "gradient_norm_min", min(norms)), (epoch, "gradient_norm_max", max(norms))]
    return rows


def first_gradient(seed: int, *, scaling: str, train_size: int | None = None) -> list[Row]:
    """Length of the first gradient, on the first 64 training images, before anything is learned."""
    train = parts(scaling, seed=seed, train_size=train_size)["train"]
    model = new_model(train.images, seed)
    cross_entropy(model(train.images[:64]), train.labels[:64]).backward()
    norm = sum(p.grad.square().sum() for p in model.parameters()) ** 0.5
    return [(0, "first_gradient_norm", float(norm))]


def optimum(
    seed: int,
    *,
    l2: float,
    start: str = "zeros",
    images: int | None = None,
    tolerance: float = 1e-4,
    train_size: int | None = None,
) -> list[Row]:
    """The certified optimum of softmax regression on pixels in [0, 1], from a given start; see ``convex_optimum``."""
    data = parts("unit", train_size=train_size)
    train = Split(data["train"].images[:images], data["train"].labels[:images])
    found = convex_optimum(train, l2=l2, tolerance=tolerance, start=new_model(train.images, seed, initialisation=start))
    values = {"objective": found.objective, "gap": found.gap, "passes": found.passes}
    values["weight_norm"] = found.model.linear.weight.norm().item()
    cross_entropy(found.model(train.images), train.labels).backward()
    values["gradient_norm"] = float(sum(p.grad.square().sum() for p in found.model.parameters()) ** 0.5)
    of_label = predict(found.model, train).probabilities.gather(1, train.labels[:, None])
    values["mean_miss"] = 1 - of_label.double().mean().item()
    for name, split in (("train", train), ("test", data["test"])):
        values[f"{name}_loss"], values[f"{name}_accuracy"] = loss_and_accuracy(found.model, split)
    values["test_ece15"] = expected_calibration_error(predict(found.model, data["test"])).item()
    return [(0, name, value) for name, value in values.items()]


def cost(
    seed: int,
    *,
    side: int = 28,
    batch_size: int = 64,
    hidden: Sequence[int] = (),
    channels: Sequence[int] = (),
    train_size: int | None = None,
) -> list[Row]:
    """Size, work and time of a model on one thread; an epoch of 60,000 images is reckoned from one of 6,000."""
    data = parts("unit", train_size=train_size)["train"]
    images = data.images[:6_000]
    images = adaptive_avg_pool2d(images, side) if side < 28 else interpolate(images, size=side)
    part, few = Split(images, data.labels[:6_000]), Split(images[:64], data.labels[:64])
    model = new_model(images, seed, hidden=hidden, channels=channels)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model(images[:1])
    config = TrainingConfig(epochs=3, batch_size=batch_size, learning_rate=0.01)
    history = fit(model, part, validation=few, config=config, generator=seeded(seed), progress=False)
    values = {"parameters": parameter_count(model), "macs": counter.get_total_flops() // 2}
    values["seconds_per_epoch"] = min(row["seconds"] for row in history.rows) * 60_000 / len(part)
    values["batch_bytes"] = batch_size * images[0].numel() * 4
    with torch.inference_mode():
        values["latency_one"] = (
            min(timeit.repeat(lambda: [model(images[i : i + 1]) for i in range(100)], number=1)) / 100
        )
        values["latency_1000"] = min(timeit.repeat(lambda: model(images[:1_000]), number=1)) / min(1_000, len(images))
    return [(0, name, value) for name, value in values.items()]


def loader(seed: int, *, workers: int, batch_size: int = 64, train_size: int | None = None) -> list[Row]:
    """One epoch of softmax regression fed by torchvision and a DataLoader, reckoned from 12,000 images."""
    from torch.utils.data import DataLoader, Subset
    from torchvision import datasets, transforms

    change = transforms.Compose([transforms.ToTensor(), transforms.Normalize(0.1307, 0.3081)])
    source = Subset(datasets.MNIST(raw_folder("mnist").parents[1], transform=change), range(train_size or 12_000))
    model = LogisticRegression(generator=seeded(seed))
    options = {"batch_size": batch_size, "shuffle": True, "num_workers": workers, "generator": seeded(seed)}
    started = time.perf_counter()
    with warnings.catch_warnings(action="ignore"):  # of more workers than cores, which are to be measured
        batches = iter(DataLoader(source, **options))
    first = time.perf_counter() - started
    for _ in steps(model, (Split(*batch) for batch in batches), TrainingConfig(batch_size=batch_size)):
        pass
    seconds = (time.perf_counter() - started - first) * 60_000 / len(source) + first
    return [(0, "seconds_per_epoch", seconds), (0, "seconds_to_start", first)]


def _seventy_thousand(seed: int, train_size: int | None) -> tuple[Split, Split]:
    """All images, shuffled, cut into four fifths and one fifth, as in S3."""
    data = parts("unit", train_size=train_size)
    images, labels = (torch.cat([getattr(data[name], kind) for name in data]) for kind in ("images", "labels"))
    order = torch.randperm(len(labels), generator=seeded(seed))
    return tuple(Split(images[index], labels[index]) for index in order.split(len(labels) * 4 // 5 + 1)[:2])


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def one_vs_rest(
    seed: int,
    *,
    learning_rate: float,
    epochs: int,
    every: int = 50,
    printed: bool = False,
    train_size: int | None = None,
) -> list[Row]:
    """S3's ten classifiers in NumPy: gradient descent from zero, with the right or the printed bias gradient.

    The metrics count by the step. Source of the formulas: the Mini Project; its bias gradient is YᵀŶ/m.
    """
    train, test = _seventy_thousand(seed, train_size)
    x, y = train.images.flatten(start_dim=1).numpy(), np.eye(10, dtype=np.float32)[train.labels.numpy()]
    weights, bias, rows = np.zeros((10, 784), dtype=np.float32), np.zeros(10, dtype=np.float32), []
    blocks = [slice(start, start + 512) for start in range(0, len(x), 512)]  # they stay in the processor's cache
    for step in range(1, epochs + 1):
        slope, bias_slope = np.zeros_like(weights), np.zeros_like(bias)
        for block in blocks:
            p = _sigmoid(x[block] @ weights.T + bias)
            slope += (p - y[block]).T @ x[block]
            bias_slope += (y[block] * p if printed else p - y[block]).sum(axis=0)
        weights -= np.float32(learning_rate / len(x)) * slope
        bias -= np.float32(learning_rate / len(x)) * bias_slope
        if step % every == 0 or step == epochs:
            rows += _ten_accuracies(weights, bias, train, test, step)
    return rows + _ten_reports(weights, bias, test, epochs)


def _ten_accuracies(weights: np.ndarray, bias: np.ndarray, train: Split, test: Split, step: int) -> list[Row]:
    values = {"bias_min": bias.min(), "bias_max": bias.max()}
    for name, split in (("", test), ("_train", train)):
        z, labels = split.images.flatten(start_dim=1).numpy() @ weights.T + bias, split.labels.numpy()
        binary = ((z > 0) == (labels[:, None] == np.arange(10))).mean(axis=0)
        values[f"argmax_accuracy{name}"] = (z.argmax(axis=1) == labels).mean()
        values[f"mean_accuracy{name}"] = binary.mean()
        values |= {f"accuracy_{k}": binary[k] for k in range(10)} if not name else {"train_accuracy_0": binary[0]}
    return [(step, name, float(value)) for name, value in values.items()]


def _ten_reports(weights: np.ndarray, bias: np.ndarray, test: Split, step: int) -> list[Row]:
    from sklearn.metrics import average_precision_score, f1_score, recall_score

    z = test.images.flatten(start_dim=1).numpy() @ weights.T + bias
    truth = test.labels.numpy()[:, None] == np.arange(10)
    scores = {"f1": f1_score(truth, z > 0, average=None), "recall": recall_score(truth, z > 0, average=None)}
    scores["average_precision"] = average_precision_score(truth, z, average=None)
    rows = [(step, f"{name}_{k}", value) for name, values in scores.items() for k, value in enumerate(values)]
    return rows + _judged(_sigmoid(z), test, step)


def _judged(probabilities: np.ndarray, test: Split, step: int) -> list[Row]:
    p = torch.from_numpy(probabilities / probabilities.sum(axis=1, keepdims=True)).float()
    predictions = Predictions(p, test.labels)
    nll = -p.gather(1, test.labels[:, None]).clamp_min(1e-30).log().mean().item()
    ece = expected_calibration_error(predictions).item()
    return [(step, "argmax_accuracy_end", predictions.accuracy), (step, "nll", nll), (step, "ece15", ece)]


def converged(seed: int, *, softmax: bool, l2: float = 1e-4, train_size: int | None = None) -> list[Row]:
    """Softmax regression, or ten separate classifiers, on S3's split, trained to the optimum with the same penalty."""
    train, test = _seventy_thousand(seed, train_size)
    if softmax:
        return _judged(predict(convex_optimum(train, l2=l2, tolerance=1e-3).model, test).probabilities.numpy(), test, 0)
    answers = []
    for k in range(10):
        binary = Split(train.images, (train.labels == k).long())
        # Two rows w and −w carry half the penalty of one row 2w, hence twice the l2.
        model = convex_optimum(binary, l2=2 * l2, tolerance=1e-3).model
        answers.append(predict(model, Split(test.images, test.labels)).probabilities[:, 1])
    return _judged(torch.stack(answers, dim=1).numpy(), test, 0)
