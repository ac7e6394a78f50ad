"""fit does what a textbook's loop does, and says what is wrong before it costs time."""

import math
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from fractions import Fraction
from functools import partial

from mnist_lr_helpers import models, training
from mnist_lr_helpers.data import Dataset, Split
from mnist_lr_helpers.training import TrainingConfig, TrainingError, TrainingState, fit

import numpy as np
import pytest
import torch
from conftest import seeded, without_float64
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot


def noise(n: int, seed: int) -> Split:
    """Images of 12 numbers in three classes, with nothing to learn."""
    return Split(torch.randn(n, 12, generator=seeded(seed)), torch.arange(n) % 3)


def small(seed: int = 0) -> models.LogisticRegression:
    return models.LogisticRegression(12, 3, generator=seeded(seed))


def train(digits: Dataset, *, seed: int = 0, look: Callable | None = None, **settings):
    model = models.LogisticRegression(generator=seeded(seed))
    config = TrainingConfig(progress=False, **{"epochs": 3} | settings)
    return model, fit(model, digits.train, digits.validation, config, generator=seeded(seed + 1), after_epoch=look)


# The loop.


def test_fit_equals_the_loop_written_out(digits: Dataset) -> None:
    """Two epochs with momentum and penalty, in NumPy's manner: a penalty on the weights, none on the biases."""
    model, history = train(digits, epochs=2, momentum=0.9, weight_decay=0.1)
    weights = models.LogisticRegression(generator=seeded(0)).linear.weight.detach().clone()
    bias, order, losses = torch.zeros(10), seeded(1), []
    speeds = torch.zeros(10, 784), torch.zeros(10)
    for _ in range(2):
        total = 0.0
        for index in torch.randperm(len(digits.train), generator=order).split(64):
            pixels, labels = digits.train.images[index].flatten(1), digits.train.labels[index]
            logits = pixels @ weights.T + bias
            total += cross_entropy(logits, labels).item() * len(labels)
            error = (logits.softmax(dim=1) - one_hot(labels, 10)) / len(labels)
            speeds = 0.9 * speeds[0] + error.T @ pixels + 0.1 * weights, 0.9 * speeds[1] + error.sum(dim=0)
            weights, bias = weights - 0.01 * speeds[0], bias - 0.01 * speeds[1]
        losses.append(total / len(digits.train))
    assert torch.allclose(model.linear.weight, weights, atol=1e-5)
    assert torch.allclose(model.linear.bias, bias, atol=1e-5)
    assert [row["train_loss"] for row in history.rows] == pytest.approx(losses, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("sgd", lambda w, g: w - 0.01 * (g + 0.5 * w)),
        ("adam", lambda w, g: w - 0.01 * (g + 0.5 * w).sign()),
        ("adamw", lambda w, g: w - 0.01 * 0.5 * w - 0.01 * g.sign()),
    ],
)
def test_the_first_step_of_each_optimizer_is_its_formula(name: str, step: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Adam's first step has the length of the learning rate; AdamW keeps the penalty out of it."""
    model, split = small(), noise(20, 1)
    weights = model.linear.weight.detach().clone()
    error = (split.images @ weights.T).softmax(dim=1) - one_hot(split.labels, 3)
    gradient = error.T @ split.images / len(split)
    optimizer = training.make_optimizer(model, TrainingConfig(optimizer=name, weight_decay=0.5))
    training.train_epoch(model, split, optimizer, batch_size=len(split))
    assert torch.allclose(model.linear.weight, step(weights, gradient), atol=1e-5)


def test_weight_decay_spares_the_biases() -> None:
    for name in training.OPTIMIZERS:
        groups = training.make_optimizer(small(), TrainingConfig(weight_decay=1.0, optimizer=name)).param_groups
        assert [(group["weight_decay"], group["params"][0].ndim) for group in groups] == [(1.0, 2), (0.0, 1)]


def test_without_a_generator_the_images_come_as_they_stand() -> None:
    model, split = small(), noise(10, 1)
    seen = []

    def watch(images: Tensor) -> Tensor:
        seen.append(images)
        return images

    optimizer = training.make_optimizer(model, TrainingConfig())
    training.train_epoch(model, split, optimizer, batch_size=4, augment=watch)
    assert [len(images) for images in seen] == [4, 4, 2]
    assert torch.equal(torch.cat(seen), split.images)
    training.train_epoch(model, split, optimizer, batch_size=4, generator=seeded(0), augment=watch)
    again = torch.cat(seen[3:])
    assert not torch.equal(again, split.images)
    assert torch.equal(again, split.images[torch.randperm(10, generator=seeded(0))])


def test_metrics_are_weighted_by_images(digits: Dataset) -> None:
    """1,386 images in batches of 64 leave a last batch of 42: a mean of batch means would be off."""
    _, history = train(digits, epochs=2)
    for row in history.rows:
        for part, split in (("train", digits.train), ("validation", digits.validation)):
            right = row[f"{part}_accuracy"] * len(split)
            assert right == pytest.approx(round(right), abs=1e-6)
    model, split = small(), noise(10, 1)
    losses = cross_entropy(model(split.images), split.labels, reduction="none")
    loss, accuracy = training.loss_and_accuracy(model, split, batch_size=4)
    assert loss == pytest.approx(losses.mean().item())
    assert accuracy == (model(split.images).argmax(dim=1) == split.labels).sum().item() / 10


def test_an_epoch_reports_what_it_saw() -> None:
    """With steps too short to matter, that is what the model says of all images, in whatever order they came."""
    model, split = small(), noise(30, 1)
    optimizer = training.make_optimizer(model, TrainingConfig(learning_rate=1e-12))
    seen = training.train_epoch(model, split, optimizer, batch_size=7, generator=seeded(1))
    assert seen == pytest.approx(training.loss_and_accuracy(model, split))


def test_what_a_model_does_in_training_alone_is_done_in_training_alone() -> None:
    """With half of the inputs dropped: so it is in each step, and not where losses are measured."""
    model, split = torch.nn.Sequential(torch.nn.Dropout(0.5), small()), noise(30, 1)
    sure, modes = training.loss_and_accuracy(small(), split), []
    model[0].register_forward_hook(lambda layer, *_: modes.append(layer.training))
    optimizer = training.make_optimizer(model, TrainingConfig(learning_rate=1e-12))
    model.eval()
    training.train_epoch(model, split, optimizer, batch_size=10)
    assert training.loss_and_accuracy(model, split) == pytest.approx(sure)
    assert modes == [True, True, True, False]


def test_same_seed_same_weights_and_other_seed_others(digits: Dataset) -> None:
    first, same, other = (train(digits, seed=seed)[0].linear.weight for seed in (0, 0, 5))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_looking_at_the_model_in_between_changes_nothing(digits: Dataset) -> None:
    def look(state: TrainingState) -> None:
        training.loss_and_accuracy(state.model, digits.test)
        torch.rand(3)

    assert torch.equal(train(digits, look=look)[0].linear.weight, train(digits)[0].linear.weight)


def test_after_epoch_sees_the_start_and_every_epoch(digits: Dataset) -> None:
    seen = []

    def look(state: TrainingState) -> None:
        seen.append((state.epoch, state.finished, state.model.linear.weight.detach().clone()))

    train(digits, look=look)
    assert [(epoch, finished) for epoch, finished, _ in seen] == [(0, False), (1, False), (2, False), (3, True)]
    assert torch.equal(seen[0][2], models.LogisticRegression(generator=seeded(0)).linear.weight)
    assert torch.equal(seen[2][2], train(digits, epochs=2)[0].linear.weight)


def test_model_keeps_its_best_weights_not_its_last(digits: Dataset) -> None:
    last = {}
    model, history = train(
        digits, epochs=8, learning_rate=1.0, look=lambda state: last.update(state.model.state_dict())
    )
    assert history.best_epoch < 8, "the case needs a run that gets worse in the end"
    best = min(row["validation_loss"] for row in history.rows)
    assert training.loss_and_accuracy(model, digits.validation)[0] == pytest.approx(best, rel=1e-6)


def test_the_best_epoch_is_that_of_the_lowest_validation_loss_and_the_first_of_equals() -> None:
    losses, accuracies = (0.5, 0.3, 0.3, 0.4), (0.9, 0.8, 0.7, 0.95)
    rows = [
        {"epoch": epoch, "train_loss": 1 / epoch, "validation_loss": loss, "validation_accuracy": accuracy}
        for epoch, (loss, accuracy) in enumerate(zip(losses, accuracies, strict=True), start=1)
    ]
    assert training.History(rows).best_epoch == 2


def test_a_history_is_a_table_by_epoch_and_adds_up_its_seconds() -> None:
    rows = [{"epoch": 1.0, "loss": 0.5, "seconds": 0.25}, {"epoch": 2.0, "loss": 0.3, "seconds": 1.0}]
    history = training.History(rows)
    table = history.table
    assert (table.index.name, table.index.dtype, list(table.index)) == ("epoch", "int64", [1, 2])
    assert table.to_dict("list") == {"loss": [0.5, 0.3], "seconds": [0.25, 1.0]}
    assert history.seconds == 1.25
    assert not history.stopped_early


def test_step_decay_and_early_stopping(digits: Dataset) -> None:
    _, history = train(digits, epochs=5, decay_every=2)
    assert [row["learning_rate"] for row in history.rows] == pytest.approx([0.01, 0.01, 1e-3, 1e-3, 1e-4])
    _, history = train(digits, epochs=7)
    assert [row["learning_rate"] for row in history.rows] == [0.01] * 7
    assert not history.stopped_early
    _, history = train(digits, epochs=200, learning_rate=1.0, patience=3)
    assert history.stopped_early
    assert len(history.rows) == history.best_epoch + 3


@pytest.mark.parametrize("epochs", [2, 5])
def test_decay_per_epoch_reaches_its_share_in_the_last_epoch(digits: Dataset, epochs: int) -> None:
    factor = training.decay_per_epoch(0.05, epochs)
    _, history = train(digits, epochs=epochs, decay_every=1, decay_factor=factor)
    assert history.rows[-1]["learning_rate"] == pytest.approx(0.05 * 0.01)
    assert training.decay_per_epoch(0.05, 1) == 0.05


def test_augmentation_has_random_numbers_of_its_own() -> None:
    """Neither the weights' nor the shuffling's: with the same seed in all three, no two streams agree."""
    drawn = []

    def draw(images: Tensor, *, generator: torch.Generator) -> Tensor:
        drawn.append(torch.rand(3, generator=generator))
        return images

    runs = []
    for augment in (draw, None):
        model = small(7)
        config = TrainingConfig(epochs=2, batch_size=8, augment=augment, progress=False)
        fit(model, noise(16, 1), noise(6, 2), config, generator=seeded(7))
        runs.append(model.linear.weight)
    assert torch.equal(*runs), "augmentation that changes nothing changed the order of the images"
    assert len({tuple(numbers.tolist()) for numbers in drawn}) == 4
    assert not torch.equal(drawn[0], torch.rand(3, generator=seeded(7)))


def test_the_progress_bar_counts_epochs_and_goes_and_the_seconds_are_those_that_passed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bars, started = [], time.perf_counter()

    class Bar(training.tqdm):
        def __init__(self, **options) -> None:
            super().__init__(**options)
            bars.append((self, options))

    monkeypatch.setattr(training, "tqdm", Bar)
    for progress in (True, False):
        config = TrainingConfig(epochs=2, progress=progress)
        history = fit(small(), noise(16, 1), noise(6, 2), config, generator=seeded())
    (bar, shown), (_, hidden) = bars
    assert (bar.n, shown["total"], shown["unit"], shown["desc"], shown["leave"]) == (2, 2, "epoch", "training", False)
    assert bar.postfix == "loss={train_loss:.4f}, validation={validation_accuracy:.2%}".format(**history.rows[-1])
    assert (shown["disable"], hidden["disable"]) == (False, True)
    assert 0 < history.seconds <= time.perf_counter() - started


def test_frozen_weights_stay_frozen(digits: Dataset) -> None:
    model = models.LogisticRegression(generator=seeded(0))
    model.linear.bias.requires_grad_(False)
    before = model.linear.weight.detach().clone()
    config = TrainingConfig(epochs=1, progress=False)
    fit(model, digits.train, digits.validation, config, generator=seeded(1))
    assert torch.equal(model.linear.bias, torch.zeros(10))
    assert not torch.equal(model.linear.weight, before)


def test_one_image_per_class_is_enough() -> None:
    smallest = Split(noise(3, 1).images, torch.arange(3))
    history = fit(small(), smallest, smallest, TrainingConfig(epochs=2, progress=False), generator=seeded())
    assert len(history.rows) == 2


# Threads.


def test_a_training_uses_its_threads_and_gives_them_back() -> None:
    before, seen = torch.get_num_threads(), []

    def look(state: TrainingState) -> None:
        seen.append(torch.get_num_threads())
        if state.epoch == 1 and state.config.threads == 2:
            raise KeyboardInterrupt

    try:
        torch.set_num_threads(3)
        for threads in (1, 2):
            config = TrainingConfig(epochs=1, threads=threads, progress=False)
            with suppress(KeyboardInterrupt):
                fit(small(), noise(6, 1), noise(6, 2), config, generator=seeded(), after_epoch=look)
            assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert seen == [1, 1, 2, 2]


def test_jobs_side_by_side_have_one_core_each_and_keep_their_order() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        jobs = [lambda i=i: (i, torch.get_num_threads()) for i in range(5)]
        assert training.side_by_side(jobs) == [(i, 1) for i in range(5)]
        assert torch.get_num_threads() == 3
        with pytest.raises(ZeroDivisionError):
            training.side_by_side([lambda: 1 / 0])
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


INTERRUPTED = """
import sys
from mnist_lr_helpers.data import Split
from mnist_lr_helpers.models import LogisticRegression
from mnist_lr_helpers.training import TrainingConfig, fit, side_by_side
import torch
torch.set_num_threads(2)
def job(epochs):
    split = Split(torch.zeros(600, 12), torch.zeros(600, dtype=torch.int64))
    model, config = LogisticRegression(12, 3, initialisation="zeros"), TrainingConfig(epochs=epochs, progress=False)
    look = lambda state: state.epoch == 1 and (sys.stdout.write("epoch\\n"), sys.stdout.flush())
    return fit(model, split, split, config, generator=torch.Generator(), after_epoch=look)
try:
    side_by_side([lambda: job(10**9)] * 5)
except KeyboardInterrupt:
    print("interrupted", torch.get_num_threads())
print("then", [len(one.rows) for one in side_by_side([lambda: job(2)] * 3)], torch.get_num_threads())
"""


@pytest.mark.slow
def test_an_interrupt_ends_trainings_side_by_side_and_others_can_begin() -> None:
    listens = partial(signal.signal, signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    options = {"preexec_fn": listens, "text": True, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", INTERRUPTED], **options) as process:
        assert process.stdout.readline() == "epoch\n"
        process.send_signal(signal.SIGINT)
        try:
            told, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert told.replace("epoch\n", "").splitlines() == ["interrupted 2", "then [2, 2, 2] 2"]


@pytest.mark.parametrize("order", [1, -1])
def test_a_failure_ends_the_trainings_beside_it_and_none_begins_any_more(order: int) -> None:
    before, begun, queued = torch.get_num_threads(), threading.Event(), []
    endless = TrainingConfig(epochs=10**9, progress=False)

    def fail() -> None:
        assert begun.wait(60), "the other training did not begin"
        raise ZeroDivisionError

    def train_on() -> training.History:
        look = {"generator": seeded(), "after_epoch": lambda state: begun.set()}
        return fit(small(), noise(6, 1), noise(6, 2), endless, **look)

    def wait_in_the_queue() -> None:
        time.sleep(0.05)
        queued.append(1)

    try:
        torch.set_num_threads(2)
        with pytest.raises(ZeroDivisionError):
            training.side_by_side([*[fail, train_on][::order], *[wait_in_the_queue] * 50])
    finally:
        torch.set_num_threads(before)
    assert len(queued) < 50


def test_before_the_first_epoch_the_state_holds_what_the_training_begins_with() -> None:
    model, order, split, judge, states = small(), seeded(3), noise(40, 1), noise(20, 2), []

    def look(state: training.TrainingState) -> None:
        if state.epoch == 0:
            states.append((state.generators, state.train, state.validation, state.best_weights))

    start = model.linear.weight.detach().clone()
    fit(model, split, judge, TrainingConfig(epochs=1, progress=False), generator=order, after_epoch=look)
    [(generators, train, validation, weights)] = states
    assert generators["shuffling"] is order
    assert train is split
    assert validation is judge
    assert torch.equal(weights["linear.weight"], start)  # which the epoch has not changed
    assert not torch.equal(model.linear.weight, start)


def test_one_batch_of_all_images_needs_no_shuffling() -> None:
    split = noise(20, 1)
    [(images, _)] = training.batches(split, 20, generator=seeded())
    assert torch.equal(images, split.images)


# What cannot be trained on.


def test_divergence_names_batch_and_learning_rate(digits: Dataset) -> None:
    split = Split(digits.train.images * 1e30, digits.train.labels)
    config = TrainingConfig(learning_rate=1e9, progress=False)
    model = models.LogisticRegression(generator=seeded())
    with pytest.raises(TrainingError, match=r"batch \d+ of 22, at learning rate 1e\+09"):
        fit(model, split, digits.validation, config, generator=seeded())


def test_values_spoilt_on_the_way_are_named() -> None:
    """An augmentation that divides by zero: the loss says so, in the first batch."""
    config = TrainingConfig(batch_size=16, augment=lambda images, *, generator: images / 0 * 0, progress=False)
    with pytest.raises(TrainingError, match="the loss is nan in batch 1 of 3"):
        fit(small(), noise(40, 1), noise(20, 2), config, generator=seeded())


@pytest.mark.parametrize("which", ["training", "validation"])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda s: Split(s.images.index_fill(0, torch.tensor(4), math.nan), s.labels),
            "1 {} images hold .* index 4; look at them$",
        ),
        (
            lambda s: Split(s.images.index_fill(0, torch.tensor(4), -math.inf), s.labels),
            "1 {} images hold .* index 4; look at them$",
        ),
        (
            lambda s: Split(s.images, s.labels + 1),
            "{} labels run from 1 to 3, but the model has 3 outputs, for labels 0 to 2$",
        ),
        (lambda s: Split(s.images, s.labels - 1), "{} labels run from -1 to 1"),
        (lambda s: Split(s.images[:0], s.labels[:0]), "0 {} images and 0 labels"),
        (lambda s: Split(s.images.byte(), s.labels), r"cannot take {} images of torch.uint8 \[20, 12\]"),
        (
            lambda s: Split(s.images.repeat(1, 3), s.labels),
            r"cannot take {} images of torch.float32 \[20, 36\] \(.*mat1",
        ),
        (lambda s: Split(s.images.double(), s.labels), r"cannot take {} images of torch.float64 \[20, 12\]"),
    ],
    ids=["NaN", "infinite", "too large", "negative", "nothing", "bytes", "RGB", "float64"],
)
def test_unusable_data_are_found_before_the_first_step(
    which: str, spoil: Callable[[Split], Split], message: str
) -> None:
    splits = {"training": noise(20, 5), "validation": noise(20, 6)}
    splits[which] = spoil(splits[which])
    model = small()
    before = model.linear.weight.detach().clone()
    with pytest.raises(TrainingError, match=message.format(which)):
        fit(model, *splits.values(), TrainingConfig(epochs=1, progress=False), generator=seeded())
    assert torch.equal(model.linear.weight, before)


@pytest.mark.parametrize("images", [torch.zeros(4, 3, 28, 28), torch.zeros(4, 1, 32, 32), torch.zeros(4, 28, 28)])
def test_images_that_a_network_cannot_take_are_named(images: Tensor) -> None:
    split = Split(images, torch.arange(4))
    network = models.ConvolutionalNetwork(generator=seeded())
    named = re.escape(f"cannot take training images of torch.float32 {list(images.shape)}")
    with pytest.raises(TrainingError, match=named):
        fit(network, split, split, TrainingConfig(epochs=1, progress=False), generator=seeded())


@pytest.mark.parametrize(("wrong", "shape"), [(torch.nn.Flatten(0), [3]), (torch.nn.Unflatten(1, (1, 3)), [1, 1, 3])])
def test_a_model_that_gives_no_logits_is_named(wrong: torch.nn.Module, shape: list[int]) -> None:
    model = torch.nn.Sequential(small(), wrong)
    with pytest.raises(TrainingError, match=rf"one of the images of .* gives {re.escape(str(shape))}, not logits"):
        training.count_classes(model, noise(6, 1).images)
    with pytest.raises(TrainingError, match=rf"one of the training images of .* {re.escape(str(shape))}, not"):
        fit(model, noise(6, 1), noise(6, 2), TrainingConfig(epochs=1, progress=False), generator=seeded())


# Devices.


def test_a_device_without_float64_can_train(digits: Dataset) -> None:
    splits = [without_float64(split) for split in (digits.train, digits.validation)]
    model, history = train(digits)
    other = models.LogisticRegression(generator=seeded())
    same = fit(other, *splits, TrainingConfig(epochs=3, progress=False), generator=seeded(1))
    assert torch.equal(model.linear.weight, other.linear.weight)
    assert [row["train_loss"] for row in same.rows] == [row["train_loss"] for row in history.rows]


# Configurations.


def test_the_defaults_are_the_recipe_of_the_course() -> None:
    recipe = {"epochs": 10, "batch_size": 64, "learning_rate": 0.01, "momentum": 0.9, "optimizer": "sgd", "threads": 1}
    off = {"weight_decay": 0.0, "decay_every": 0, "decay_factor": 0.1, "patience": 0, "augment": None, "progress": True}
    assert asdict(TrainingConfig()) == recipe | off


@pytest.mark.parametrize(
    ("name", "value", "meaning"),
    [
        ("epochs", 0, "it must be a whole number of at least 1"),
        ("epochs", 2.5, "it must be a whole number of at least 1"),
        ("batch_size", 0, "it must be a whole number of images, at least 1"),
        ("learning_rate", -0.1, "it must be a positive number"),
        ("learning_rate", 0.0, "it must be a positive number"),
        ("learning_rate", math.inf, "it must be a positive number"),
        ("momentum", 1.0, "it must be at least 0 and below 1, or the steps grow without end"),
        ("momentum", -0.1, "it must be at least 0 and below 1, or the steps grow without end"),
        ("weight_decay", -1e-4, "it must be a number of at least 0"),
        ("weight_decay", math.inf, "it must be a number of at least 0"),
        ("decay_every", -1, "it must be a whole number of epochs, 0 for no decay"),
        ("decay_factor", 0.0, "it must be above 0 and at most 1"),
        ("decay_factor", 1.5, "it must be above 0 and at most 1"),
        ("patience", -1, "it must be a whole number of epochs, 0 for no early stopping"),
        ("threads", 0, "it must be a whole number of at least 1"),
        ("optimizer", "rmsprop", "choose one of sgd, adam, adamw"),
        ("augment", "shift", "it must be a function (images, generator=…), or None"),
        ("progress", 1, "it must be True or False"),
    ],
)
def test_bad_configuration_is_named_with_what_it_must_be(name: str, value: object, meaning: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(f'{name} is {value!r}; {meaning}')}$"):
        TrainingConfig(**{name: value})


def test_the_ends_of_the_ranges_are_within() -> None:
    least = {"epochs": 1, "batch_size": 1, "momentum": 0, "weight_decay": 0, "decay_every": 0, "patience": 0}
    ends = least | {"threads": 1, "decay_factor": 1}
    assert asdict(TrainingConfig(**ends)).items() >= ends.items()


def test_whole_numbers_of_other_libraries_are_whole_numbers() -> None:
    config = TrainingConfig(epochs=np.int64(3), batch_size=torch.tensor(10), learning_rate=Fraction(1, 10))
    assert (config.epochs, config.batch_size, type(config.batch_size)) == (3, 10, int)
    with pytest.raises(ValueError, match=r"epochs is tensor\(2\.5000\); it must be a whole number"):
        TrainingConfig(epochs=torch.tensor(2.5))


anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(), st.text(max_size=8), st.just([1])
)
LEAST = {"epochs": 1, "batch_size": 1, "decay_every": 0, "patience": 0, "threads": 1}


@given(st.sampled_from(sorted(TrainingConfig.__dataclass_fields__)), anything)
@example("epochs", "3")
@example("epochs", True)
@example("learning_rate", None)
@example("learning_rate", math.nan)
@example("optimizer", [1])
def test_a_configuration_is_in_range_or_refused_by_name(name: str, value: object) -> None:
    refusal = None
    try:
        config = TrainingConfig(**{name: value})
    except ValueError as error:
        refusal = str(error)
    if refusal:
        assert refusal.startswith(f"{name} is {value!r}; ")
        return
    assert getattr(config, name) is value
    if name in LEAST:
        assert type(value) is int
        assert value >= LEAST[name]
    elif name in ("learning_rate", "momentum", "weight_decay", "decay_factor"):
        assert not isinstance(value, bool)
        assert 0 <= value < math.inf
    else:
        assert value in {"optimizer": training.OPTIMIZERS, "augment": [None], "progress": [True, False]}[name]


def test_no_more_jobs_run_at_a_time_than_there_are_cores() -> None:
    before, running, seen = torch.get_num_threads(), [], []

    def job() -> None:
        running.append(1)
        time.sleep(0.05)
        seen.append(len(running))
        running.pop()

    try:
        torch.set_num_threads(2)
        training.side_by_side([job] * 8)
    finally:
        torch.set_num_threads(before)
    assert max(seen) == 2


def test_each_seed_has_a_stream_of_augmentation_of_its_own() -> None:
    seen, split = [], noise(20, 0)

    def augment(images: Tensor, *, generator: torch.Generator) -> Tensor:
        seen.append(generator.initial_seed())
        return images

    for seed in (0, 2):
        config = TrainingConfig(epochs=1, batch_size=20, augment=augment, progress=False)
        fit(small(), split, split, config, generator=seeded(seed))
    assert len(set(seen)) == 2
    assert not {0, 2} & set(seen)


@pytest.mark.parametrize(("patience", "epochs"), [(1, 2), (2, 3), (0, 9)])
def test_patience_counts_the_epochs_since_the_best(patience: int, epochs: int) -> None:
    images = noise(20, 0).images
    learned, judged = (Split(images, torch.full((20,), label)) for label in (0, 1))  # so each epoch is worse
    config = TrainingConfig(epochs=9, batch_size=20, learning_rate=0.1, patience=patience, progress=False)
    history = fit(small(), learned, judged, config, generator=seeded())
    assert (len(history.rows), history.best_epoch) == (epochs, 1)
