"""What is measured otherwise than by a report on a training: the data, costs, gradients, the optimum, range tests."""

from __future__ import annotations

import time
import timeit
import warnings

from mnist_lr_helpers import features, training
from mnist_lr_helpers.data import Split, raw_folder, read_idx, seeded
from mnist_lr_helpers.evaluation import predict
from mnist_lr_helpers.models import LogisticRegression, parameter_count
from mnist_lr_helpers.optimum import convex_optimum
from mnist_lr_helpers.reproduction import recipes
from mnist_lr_helpers.reproduction.recipes import S1, Recipe, Row, Setting, rows_of, splits_of

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, cross_entropy, interpolate
from torch.utils.flop_counter import FlopCounterMode


def describe(seed: int, *, part: str, train_size: int | None = None) -> list[Row]:
    """Facts of the official files, ``"train"`` or ``"t10k"``; digits and pairs of digits, too."""
    folder = raw_folder("mnist")
    raw, labels = (read_idx(folder / f"{part}-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1"))
    values: dict[str, float] = {"images": len(raw), "height": raw.shape[1], "width": raw.shape[2]}
    values |= {"pixel_min": raw.min(), "pixel_max": raw.max(), "zero_fraction": (raw == 0).float().mean()}
    images = raw.flatten(start_dim=1).float() / 255  # [n, 784]
    inner = torch.zeros(28, 28, dtype=torch.bool)
    inner[7:21, 7:21] = True
    spread, brightness = images.std(dim=0), images.mean(dim=1)
    values |= {"mean": images.double().mean(), "std": images.double().std()}
    values |= {"first_1000_mean": images[:1_000].mean(), "first_1000_std": images[:1_000].std()}
    values |= {"std_centre14": spread[inner.flatten()].mean(), "std_outside": spread[~inner.flatten()].mean()}
    values |= {"brightness_mean": brightness.mean(), "brightness_sd": brightness.std()}
    values |= {"brightness_min": brightness.min(), "brightness_max": brightness.max()}
    values |= _shapes(images.view(-1, 1, 28, 28))
    archive = folder / f"{part}-images-idx3-ubyte.gz"
    values |= {"bytes": archive.stat().st_size} if archive.exists() else {}
    return rows_of(values) + _per_digit(images, labels.long())


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
    """The first labels by position; counts and variances by digit; distances of mean images by pair of digits."""
    means, rows = [], [Row(i, "first_label", label) for i, label in enumerate(labels[:25].tolist())]
    for k in range(10):
        own = images[labels == k]
        means.append(own.mean(dim=0))
        rows += rows_of({"count": len(own), "within_variance": own.var(dim=0).sum()}, k)
        rows += [Row(10 * j + k, "mean_distance", (means[j] - means[k]).norm().item()) for j in range(k)]
    return rows


def train_in_order(seed: int, **settings: Setting) -> list[Row]:
    """Train by a recipe, but in the order in which the images stand, and without early stopping."""
    recipe, rows = Recipe(**settings), []
    splits = splits_of(recipe, seed)
    train = recipes.arranged(splits["train"], recipe, seed)
    model = recipes.new_model(recipe, train.images, seed)
    optimizer = training.make_optimizer(model, recipe)
    scheduler = training.make_scheduler(optimizer, recipe)
    for epoch in range(1, recipe.epochs + 1):
        values = {"train_loss": training.train_epoch(model, train, optimizer, batch_size=recipe.batch_size)[0]}
        scheduler.step()
        for name in ("validation", "test"):
            values[f"{name}_loss"], values[f"{name}_accuracy"] = training.loss_and_accuracy(model, splits[name])
        rows += rows_of(values, epoch)
    return rows


def train_twice(seed: int, **settings: Setting) -> list[Row]:
    """Train twice with the same seed: the largest difference of any weight."""
    pair = [recipes.trained(Recipe(**settings), seed).parameters() for _ in range(2)]
    gaps = [(a - b).abs().max().item() for a, b in zip(*pair, strict=True)]
    return rows_of({"max_weight_difference": max(gaps)})


def range_test(seed: int, *, after_training: bool, train_size: int | None = None) -> list[Row]:
    """One step of plain SGD, on a batch of its own, at each rate from 1e-7 to 10; the weights stay changed.

    What S1 overlooked is that its model does not come out of the test as it went in.
    """
    recipe = Recipe(**S1, train_size=train_size)
    splits = splits_of(recipe, seed)
    model = recipes.trained(recipe, seed) if after_training else recipes.new_model(recipe, splits["train"].images, seed)
    optimizer = training.make_optimizer(model, training.TrainingConfig(momentum=0.0))
    rows = rows_of({"test_accuracy_before": training.loss_and_accuracy(model, splits["test"])[1]})
    schedule = torch.logspace(-7, 1, 100, dtype=torch.float64).tolist()
    batches = recipes.batches_of(splits["train"], 64, seed)
    for step, (rate, batch) in enumerate(zip(schedule, batches, strict=False), start=1):
        for group in optimizer.param_groups:
            group["lr"] = rate
        rows += rows_of({"learning_rate": rate, "loss": recipes.one_step(model, batch, optimizer)}, step)
    return rows + rows_of({"test_accuracy_after": training.loss_and_accuracy(model, splits["test"])[1]})


def gradient_of(model: nn.Module, split: Split) -> Tensor:
    """The gradient of the mean loss on these images, all parameters in a row."""
    loss = cross_entropy(model(split.images), split.labels)
    return torch.cat([gradient.flatten() for gradient in torch.autograd.grad(loss, list(model.parameters()))])


def gradient_noise(seed: int, *, batch_size: int, train_size: int | None = None) -> list[Row]:
    """Trace of the covariance of minibatch gradients, from 200 of them, after one epoch of S1's recipe."""
    recipe = Recipe(**S1 | {"epochs": 1}, train_size=train_size)
    model, train, generator = recipes.trained(recipe, seed), splits_of(recipe, seed)["train"], seeded(seed)
    whole = gradient_of(model, train)
    drawn = [torch.randint(len(train), (batch_size,), generator=generator) for _ in range(200)]
    batches = [Split(train.images[index], train.labels[index]) for index in drawn]
    variance = torch.stack([(gradient_of(model, batch) - whole).square().sum() for batch in batches]).mean()
    return rows_of({"gradient_variance": variance})


def gradient_norms(seed: int, *, epochs: int, train_size: int | None = None) -> list[Row]:
    """Smallest and largest length of a minibatch gradient in each epoch of S1's recipe."""
    recipe, rows = Recipe(**S1, train_size=train_size), []
    train = splits_of(recipe, seed)["train"]
    model = recipes.new_model(recipe, train.images, seed)
    for epoch in range(1, epochs + 1):
        optimizer, norms = training.make_optimizer(model, recipe), []
        for batch in recipes.batches_of(train, recipe.batch_size, 1_000 * seed + epoch):
            recipes.one_step(model, batch, optimizer)
            norms.append(float(sum(p.grad.square().sum() for p in model.parameters())) ** 0.5)
        rows += rows_of({"gradient_norm_min": min(norms), "gradient_norm_max": max(norms)}, epoch)
    return rows


def first_gradient(seed: int, **settings: Setting) -> list[Row]:
    """Length of the first gradient, on the first 64 training images, before anything is learned."""
    recipe = Recipe(**settings)
    train = splits_of(recipe, seed)["train"]
    gradient = gradient_of(recipes.new_model(recipe, train.images, seed), Split(train.images[:64], train.labels[:64]))
    return rows_of({"first_gradient_norm": gradient.norm()})


def optimum(seed: int, *, l2: float, images: int | None = None, **settings: Setting) -> list[Row]:
    """The certified optimum of softmax regression, from the start of a ``Recipe``; see ``convex_optimum``."""
    recipe = Recipe(**settings)
    splits = splits_of(recipe)
    train = Split(splits["train"].images[:images], splits["train"].labels[:images])
    start = recipes.new_model(recipe, train.images, seed)
    found = convex_optimum(train, l2=l2, tolerance=1e-4, start=start)
    values = {"objective": found.objective, "gap": found.gap}
    values["gradient_norm"] = gradient_of(found.model, train).norm()
    of_label = predict(found.model, train).probabilities.gather(1, train.labels[:, None])
    values["mean_miss"] = 1 - of_label.double().mean()
    for name, split in (("train", train), ("test", splits["test"])):
        values[f"{name}_loss"], values[f"{name}_accuracy"] = training.loss_and_accuracy(found.model, split)
    return rows_of(values)


def cost(seed: int, *, side: int = 28, **settings: Setting) -> list[Row]:
    """Size, work and time of a model on one thread; an epoch of 60,000 images is reckoned from one of 6,000."""
    recipe = Recipe(epochs=3, **settings)
    train = splits_of(recipe)["train"]
    images = train.images[:6_000]
    images = adaptive_avg_pool2d(images, side) if side < 28 else interpolate(images, size=side)
    part, few = Split(images, train.labels[:6_000]), Split(images[:64], train.labels[:64])
    model = recipes.new_model(recipe, images, seed)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model(images[:1])
    history = training.fit(model, part, few, recipe, generator=seeded(seed))
    values = {"parameters": parameter_count(model), "macs": counter.get_total_flops() // 2}
    values["seconds_per_epoch"] = min(epoch["seconds"] for epoch in history.rows) * 60_000 / len(part)
    values["batch_bytes"] = recipe.batch_size * images[0].numel() * 4
    with torch.inference_mode():
        one_by_one = timeit.repeat(lambda: [model(images[i : i + 1]) for i in range(100)], number=1)
        together = timeit.repeat(lambda: model(images[:1_000]), number=1)
    values |= {"latency_one": min(one_by_one) / 100, "latency_1000": min(together) / min(1_000, len(images))}
    return rows_of(values)


def loader(seed: int, *, workers: int, batch_size: int = 64, train_size: int | None = None) -> list[Row]:
    """One epoch of softmax regression fed by torchvision and a DataLoader, reckoned from 12,000 images."""
    from torch.utils.data import DataLoader, Subset
    from torchvision import datasets, transforms

    change = transforms.Compose([transforms.ToTensor(), transforms.Normalize(0.1307, 0.3081)])
    source = Subset(datasets.MNIST(raw_folder("mnist").parents[1], transform=change), range(train_size or 12_000))
    model = LogisticRegression(generator=seeded(seed))
    optimizer = training.make_optimizer(model, training.TrainingConfig())
    options = {"batch_size": batch_size, "shuffle": True, "num_workers": workers, "generator": seeded(seed)}
    # As in a script of one's own on Linux; Dask's processes would start new ones, which import everything again.
    options["multiprocessing_context"] = "fork" if workers else None
    started = time.perf_counter()
    with warnings.catch_warnings(action="ignore"):  # of more workers than cores, which are to be measured
        batches = iter(DataLoader(source, **options))
    first = time.perf_counter() - started
    for batch in batches:
        recipes.one_step(model, Split(*batch), optimizer)
    seconds = (time.perf_counter() - started - first) * 60_000 / len(source) + first
    return rows_of({"seconds_per_epoch": seconds})
