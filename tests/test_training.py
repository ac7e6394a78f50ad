"""fit does what a textbook's loop does, resumes exactly, and says what is wrong before it costs time."""

import math
import pickle
from pathlib import Path

import pytest
import torch
from conftest import seeded
from sklearn.linear_model import LogisticRegression
from torch.nn.functional import cross_entropy

from mnist_lr_helpers import models, training
from mnist_lr_helpers.data import Dataset, Split


def train(digits: Dataset, *, epochs: int = 3, checkpoint: Path | None = None, seed: int = 0, **settings):
    model = models.LogisticRegression(generator=seeded(seed))
    history = training.fit(
        model,
        digits.train,
        validation=digits.validation,
        config=training.TrainingConfig(epochs=epochs, **settings),
        generator=seeded(seed + 1),
        checkpoint=checkpoint,
        progress=False,
    )
    return model, history


def test_fit_equals_the_loop_written_out(digits: Dataset) -> None:
    model, history = train(digits, epochs=1, momentum=0.0)
    weights = models.LogisticRegression(generator=seeded(0)).linear.weight.detach().clone()
    bias, losses = torch.zeros(10), 0.0
    for index in torch.randperm(len(digits.train), generator=seeded(1)).split(64):
        pixels, labels = digits.train.images[index].flatten(1), digits.train.labels[index]
        logits = pixels @ weights.T + bias
        error = logits.softmax(dim=1) - torch.nn.functional.one_hot(labels, 10)
        losses += cross_entropy(logits, labels).item() * len(labels)
        weights -= 0.01 * error.T @ pixels / len(labels)
        bias -= 0.01 * error.mean(dim=0)
    assert torch.allclose(model.linear.weight, weights, atol=1e-5)
    assert torch.allclose(model.linear.bias, bias, atol=1e-5)
    assert history.rows[0]["train_loss"] == pytest.approx(losses / len(digits.train), rel=1e-5)


def test_metrics_are_weighted_by_images(digits: Dataset) -> None:
    """1,386 images in batches of 64 leave a last batch of 42: a mean of batch means would be off."""
    _, history = train(digits, epochs=2)
    for row in history.rows:
        for part, split in (("train", digits.train), ("validation", digits.validation)):
            right = row[f"{part}_accuracy"] * len(split)
            assert right == pytest.approx(round(right), abs=1e-6)


def test_same_seed_same_weights_and_other_seed_others(digits: Dataset) -> None:
    first, same, other = (train(digits, seed=seed)[0].linear.weight for seed in (0, 0, 5))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_evaluating_in_between_changes_nothing(digits: Dataset) -> None:
    model, _ = train(digits)
    training.loss_and_accuracy(model, digits.test)
    torch.rand(3)
    assert torch.equal(train(digits)[0].linear.weight, model.linear.weight)


def test_model_keeps_its_best_weights_not_its_last(digits: Dataset) -> None:
    model, history = train(digits, epochs=8, learning_rate=1.0)
    assert history.best_epoch < 8, "the case needs a run that gets worse in the end"
    best = min(row["validation_loss"] for row in history.rows)
    assert training.loss_and_accuracy(model, digits.validation)[0] == pytest.approx(best, rel=1e-6)


def test_step_decay_and_early_stopping(digits: Dataset) -> None:
    _, history = train(digits, epochs=5, decay_every=2)
    assert [row["learning_rate"] for row in history.rows] == pytest.approx([0.01, 0.01, 1e-3, 1e-3, 1e-4])
    _, history = train(digits, epochs=200, learning_rate=1.0, patience=3)
    assert history.stopped_early
    assert len(history.rows) == history.best_epoch + 3


def shift(images: torch.Tensor, *, generator: torch.Generator) -> torch.Tensor:
    return images.roll(int(torch.randint(-2, 3, (1,), generator=generator)), dims=-1)


@pytest.mark.parametrize("optimizer", training.OPTIMIZERS)
def test_resumed_run_equals_uninterrupted_one_bit_for_bit(digits: Dataset, tmp_path: Path, optimizer: str) -> None:
    def run(epochs: int, file: Path | None):
        model = models.LogisticRegression(generator=seeded(0))
        config = training.TrainingConfig(epochs=epochs, learning_rate=1e-3, decay_every=2, optimizer=optimizer)
        history = training.fit(
            model,
            digits.train,
            validation=digits.validation,
            config=config,
            generator=seeded(1),
            augment=shift,
            checkpoint=file,
            progress=False,
        )
        return model, history

    file = tmp_path / "run.pt"
    run(2, file)
    resumed, history = run(5, file)
    whole, expected = run(5, None)
    assert torch.equal(resumed.linear.weight, whole.linear.weight)
    assert torch.equal(resumed.linear.bias, whole.linear.bias)
    columns = ["train_loss", "validation_loss", "validation_accuracy", "learning_rate"]
    assert history.table[columns].equals(expected.table[columns])


def test_checkpoint_of_another_run_is_refused(digits: Dataset, tmp_path: Path) -> None:
    file = tmp_path / "run.pt"
    train(digits, checkpoint=file)
    with pytest.raises(training.CheckpointError, match=r"learning_rate 0\.01, this run has 0\.5"):
        train(digits, checkpoint=file, learning_rate=0.5)
    with pytest.raises(training.CheckpointError, match="already holds 3 epochs"):
        train(digits, checkpoint=file, epochs=2)
    file.write_bytes(file.read_bytes()[:-500])
    with pytest.raises(training.CheckpointError, match="damaged"):
        train(digits, checkpoint=file)


class Hostile:
    def __reduce__(self):
        return (Path.touch, (Path("executed"),))


def test_code_in_a_checkpoint_is_not_executed(digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for write in (lambda f: torch.save({"identity": Hostile()}, f), lambda f: f.write_bytes(pickle.dumps(Hostile()))):
        write(tmp_path / "run.pt")
        with pytest.raises(training.CheckpointError, match="no checkpoint of this course"):
            train(digits, checkpoint=tmp_path / "run.pt")
    assert not (tmp_path / "executed").exists()


def test_divergence_names_epoch_batch_and_learning_rate(digits: Dataset) -> None:
    split = Split(digits.train.images * 1e30, digits.train.labels)
    model = models.LogisticRegression(generator=seeded())
    config = training.TrainingConfig(learning_rate=1e9)
    with pytest.raises(training.TrainingError, match=r"epoch 1, batch \d+ of 22, at learning rate 1e\+09"):
        training.fit(model, split, validation=digits.validation, config=config, generator=seeded(), progress=False)


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda images, labels: images[7].fill_(math.nan), "the first at index 7"),
        (lambda images, labels: images[3, 0, 5, 5].fill_(math.inf), "the first at index 3"),
        (lambda images, labels: labels[2].fill_(10), "labels run from 0 to 10"),
        (lambda images, labels: labels[2].fill_(-1), "labels run from -1"),
    ],
)
def test_unusable_data_are_found_before_training(digits: Dataset, spoil, word: str) -> None:
    split = Split(digits.train.images.clone(), digits.train.labels.clone())
    spoil(split.images, split.labels)
    model = models.LogisticRegression(generator=seeded())
    with pytest.raises(training.TrainingError, match=word):
        training.fit(
            model,
            split,
            validation=digits.validation,
            config=training.TrainingConfig(),
            generator=seeded(),
            progress=False,
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("epochs", 2.5),
        ("epochs", True),
        ("batch_size", 0),
        ("learning_rate", -0.1),
        ("learning_rate", math.inf),
        ("learning_rate", math.nan),
        ("momentum", 1.0),
        ("weight_decay", -1e-4),
        ("decay_every", -1),
        ("decay_factor", 0.0),
        ("patience", -1),
        ("optimizer", "rmsprop"),
    ],
)
def test_bad_configuration_is_named(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{name} is {value!r}"):
        training.TrainingConfig(**{name: value})


def test_weight_decay_spares_the_biases(digits: Dataset) -> None:
    config = training.TrainingConfig(weight_decay=1.0)
    groups = training._optimizer(models.LogisticRegression(generator=seeded()), config).param_groups
    assert [(group["weight_decay"], group["params"][0].ndim) for group in groups] == [(1.0, 2), (0.0, 1)]


def test_range_test_leaves_the_model_alone_and_ends_in_divergence(digits: Dataset) -> None:
    model = models.LogisticRegression(generator=seeded())
    before = model.linear.weight.detach().clone()
    table = training.learning_rate_range_test(model, digits.train, generator=seeded(), highest=100.0)
    assert torch.equal(model.linear.weight, before)
    assert table["learning_rate"].is_monotonic_increasing
    assert table["smoothed"].iloc[-1] > table["smoothed"].min()
    assert table["smoothed"].iloc[0] == pytest.approx(table["loss"].iloc[0])


def test_thread_count_is_given_back(digits: Dataset) -> None:
    before = torch.get_num_threads()
    train(digits, epochs=1)
    assert torch.get_num_threads() == before


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


def test_convex_optimum_agrees_with_scikit_learn(digits: Dataset) -> None:
    """Same objective; scikit-learn leaves the bias unpenalised, so a column of ones stands in for it."""
    l2 = 1e-2
    found = training.convex_optimum(digits.train, l2=l2, tolerance=1e-5)
    pixels = torch.nn.functional.pad(digits.train.images.flatten(1), (0, 1), value=1.0).double()
    peer = LogisticRegression(C=1 / (l2 * len(pixels)), fit_intercept=False, tol=1e-8, max_iter=5000)
    peer.fit(pixels, digits.train.labels)
    weights = torch.cat([found.model.linear.weight, found.model.linear.bias[:, None]], dim=1).detach()
    assert torch.allclose(weights.double(), torch.tensor(peer.coef_), atol=2e-3)
    penalty = l2 / 2 * weights.square().sum().item()
    loss = training.loss_and_accuracy(found.model, digits.train)[0]
    assert found.objective == pytest.approx(loss + penalty, rel=1e-5)


def test_certificate_bounds_the_distance_to_the_best_objective(digits: Dataset) -> None:
    rough = training.convex_optimum(digits.train, l2=1e-2, tolerance=1e-2)
    best = training.convex_optimum(digits.train, l2=1e-2, tolerance=1e-5)
    assert 0 < rough.objective - best.objective <= rough.gap <= 1e-2
    assert best.gap <= 1e-5
    warm = training.convex_optimum(digits.train, l2=1e-2, tolerance=1e-5, start=best.model)
    assert warm.passes < best.passes
    with pytest.raises(ValueError, match="l2 is 0"):
        training.convex_optimum(digits.train, l2=0)


class ByAutograd(models.LogisticRegression):
    """The same model under another name, so that ``fit`` leaves its gradient to PyTorch."""


@pytest.mark.parametrize(
    "settings", [{}, {"optimizer": "adam"}, {"weight_decay": 0.1, "batch_size": 37}, {"batch_size": 1}]
)
def test_gradient_written_out_is_autograds_bit_for_bit(digits: Dataset, settings: dict) -> None:
    def run(build):
        model = build(generator=seeded(0))
        config = training.TrainingConfig(epochs=2, **settings)
        options = {"validation": digits.validation, "config": config, "generator": seeded(1), "progress": False}
        return model, training.fit(model, digits.train, **options).table.drop(columns="seconds")

    (first, first_table), (second, second_table) = run(models.LogisticRegression), run(ByAutograd)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert first_table.equals(second_table)


def test_frozen_weights_stay_frozen(digits: Dataset) -> None:
    model = models.LogisticRegression(generator=seeded(0))
    model.linear.bias.requires_grad_(False)
    before = model.linear.weight.detach().clone()
    config = training.TrainingConfig(epochs=1)
    training.fit(model, digits.train, validation=digits.validation, config=config, generator=seeded(1), progress=False)
    assert torch.equal(model.linear.bias, torch.zeros(10))
    assert not torch.equal(model.linear.weight, before)
