"""Measurements that are no reports, by hand on made-up images."""

from pathlib import Path

from mnist_lr_helpers.data import Split
from mnist_lr_helpers.models import LogisticRegression
from mnist_lr_helpers.reproduction import measurements, one_vs_rest, recipes
from mnist_lr_helpers.reproduction.recipes import Recipe, Row, seeded

import numpy as np
import pytest
import torch
from sklearn import linear_model
from torch.nn.functional import cross_entropy, one_hot

NOISE = Split(torch.rand(300, 1, 28, 28, generator=seeded(0)), torch.arange(300) % 10)


@pytest.fixture(autouse=True)
def noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise in place of MNIST."""
    for module in (recipes, measurements):
        monkeypatch.setattr(
            module, "splits_of", lambda recipe, seed=0: dict.fromkeys(("train", "validation", "test"), NOISE)
        )


def values(rows: list[Row]) -> dict[str, list[float]]:
    return {row.metric: [other.value for other in rows if other.metric == row.metric] for row in rows}


def test_files_are_described(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Twenty images: a bright column of 2 pixels by 4, of 51 · (digit // 2), at its place in the middle."""
    labels = torch.arange(20).byte() % 10
    images = torch.zeros(20, 28, 28, dtype=torch.uint8)
    images[:, 12:16, 13:15] = 51 * (1 + labels[:, None, None] // 2)
    monkeypatch.setattr(measurements, "raw_folder", lambda name: tmp_path)
    monkeypatch.setattr(measurements, "read_idx", lambda path: images if "images" in path.name else labels)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"12345")
    found = values(measurements.describe(0, part="train"))
    assert [found[name] for name in ("images", "height", "width", "pixel_max", "bytes")] == [
        [20],
        [28],
        [28],
        [255],
        [5],
    ]
    assert found["zero_fraction"][0] == pytest.approx(1 - 8 / 784)
    assert found["mean"][0] == pytest.approx(0.6 * 8 / 784)
    assert found["brightness_max"][0] == pytest.approx(8 / 784)
    assert (found["box_width_max"], found["box_height_max"]) == ([2], [4])
    assert (found["centre_x_mean"], found["centre_y_mean"]) == ([13.5], [13.5])
    assert found["std_outside"] == [0]
    assert found["count"] == [2] * 10
    assert found["within_variance"] == [0] * 10
    assert found["first_label"] == labels.tolist()
    assert [row.value for row in measurements.describe(0, part="train") if row.at == 29] == [
        pytest.approx(0.6 * 8**0.5)
    ]


def test_gradients_are_those_of_the_formula() -> None:
    model = LogisticRegression(generator=seeded(1))
    error = (model(NOISE.images).softmax(dim=1) - one_hot(NOISE.labels, 10)) / 300
    expected = torch.cat([(error.T @ NOISE.images.flatten(start_dim=1)).flatten(), error.sum(dim=0)])
    assert torch.allclose(measurements.gradient_of(model, NOISE), expected, atol=1e-6)


def test_gradient_noise_is_the_trace_of_the_covariance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two digits alone, whose mean gradient is long."""
    model, two = LogisticRegression(initialisation="zeros"), Split(NOISE.images, NOISE.labels % 2)
    monkeypatch.setattr(measurements, "splits_of", lambda recipe, seed: {"train": two})
    monkeypatch.setattr(recipes, "trained", lambda recipe, seed: model)
    singles = [Split(NOISE.images[i : i + 1], two.labels[i : i + 1]) for i in range(len(two))]
    gradients = torch.stack([measurements.gradient_of(model, single) for single in singles])
    trace = (gradients - gradients.mean(dim=0)).square().sum(dim=1).mean().item()
    for size in (1, 16):
        (row,) = measurements.gradient_noise(0, batch_size=size)
        assert row.value == pytest.approx(trace / size, rel=0.15)


def test_the_range_test_changes_the_model_that_is_evaluated() -> None:
    found = values(measurements.range_test(0, after_training=False))
    model = recipes.new_model(Recipe(**recipes.S1), NOISE.images, 0)
    first = next(recipes.batches_of(NOISE, 64, 0))
    assert found["loss"][0] == pytest.approx(cross_entropy(model(first.images), first.labels).item())
    assert found["learning_rate"] == pytest.approx(np.logspace(-7, 1, 100)[:5].tolist())
    accuracy = (model(NOISE.images).argmax(dim=1) == NOISE.labels).float().mean().item()
    assert found["test_accuracy_before"] == [pytest.approx(accuracy)]


def test_images_in_order_are_not_shuffled() -> None:
    settings = {
        "batch_size": 60,
        "epochs": 2,
        "learning_rate": 0.1,
        "momentum": 0.0,
        "decay_every": 1,
        "decay_factor": 0.5,
    }
    rows = values(measurements.train_in_order(0, arrangement="sorted", initialisation="zeros", **settings))
    model, order = LogisticRegression(initialisation="zeros"), NOISE.labels.argsort(stable=True)
    losses = []
    for step, index in enumerate([*order.split(60)] * 2):
        loss = cross_entropy(model(NOISE.images[index]), NOISE.labels[index])
        model.zero_grad()
        loss.backward()
        for parameter in model.parameters():
            parameter.data -= (0.1 if step < 5 else 0.05) * parameter.grad
        losses.append(loss.item())
    assert rows["train_loss"] == pytest.approx([np.mean(losses[:5]), np.mean(losses[5:])], rel=1e-4)


def test_costs_are_counted() -> None:
    found = values(measurements.cost(0, side=7, batch_size=16))
    assert (found["parameters"], found["macs"], found["batch_bytes"]) == ([500], [490], [16 * 49 * 4])


@pytest.mark.parametrize("printed", [False, True])
def test_one_vs_rest_takes_the_step_of_its_gradient(printed: bool) -> None:
    """From zero, all answers are 1/2; with the printed gradient all biases fall, by the share of their digit."""
    steps = one_vs_rest.descend(NOISE, 0.5, printed=printed)
    weights, bias = next(steps)
    x, y = NOISE.images.flatten(start_dim=1).numpy(), np.eye(10)[NOISE.labels.numpy()]
    assert weights == pytest.approx(-0.5 / 300 * (0.5 - y).T @ x, abs=1e-6)
    assert bias == pytest.approx(np.full(10, -0.5 * (0.05 if printed else 0.4)), abs=1e-6)


def test_ten_yes_or_no_answers_and_the_largest_logit() -> None:
    """Logits are the images; the first image is a 0 that is also taken for a 1, the second a 1 that no one claims."""
    test = Split(
        torch.tensor([[2.0, 1.0] + [-1.0] * 8, [-2.0, -1.0] + [-3.0] * 8]).view(2, 1, 1, 10), torch.tensor([0, 1])
    )
    found = one_vs_rest.accuracies(np.eye(10), np.zeros(10), Split(test.images[1:], test.labels[1:]), test)
    assert (found["argmax_accuracy"], found["mean_accuracy"]) == (1, pytest.approx(0.9))
    assert (found["accuracy_0"], found["accuracy_1"], found["accuracy_9"]) == (1, 0, 1)
    assert (found["argmax_accuracy_train"], found["mean_accuracy_train"], found["train_accuracy_0"]) == (1, 0.9, 1)


@pytest.mark.slow
def test_one_vs_rest_has_the_penalty_of_ten_binary_regressions(monkeypatch: pytest.MonkeyPatch) -> None:
    few = Split(NOISE.images[:60], NOISE.labels[:60])
    monkeypatch.setattr(one_vs_rest, "seventy_thousand", lambda seed, train_size: (few, few))
    exact = one_vs_rest.convex_optimum  # so few images leave a loss that the study's tolerance hides
    monkeypatch.setattr(one_vs_rest, "convex_optimum", lambda task, l2, tolerance: exact(task, l2=l2, tolerance=1e-5))
    padded = torch.nn.functional.pad(few.images.flatten(start_dim=1), (0, 1), value=1.0)  # the bias is penalised, too
    binary = linear_model.LogisticRegression(C=1 / (60 * 1e-4), fit_intercept=False, tol=1e-6, max_iter=5_000)
    answers = [binary.fit(padded, few.labels == k).predict_proba(padded)[:, 1] for k in range(10)]
    expected = values(one_vs_rest.judged(torch.tensor(np.stack(answers, axis=1)).float(), few.labels))
    assert values(one_vs_rest.converged(0, softmax=False))["nll"] == [pytest.approx(expected["nll"][0], rel=0.1)]


def test_answers_are_judged_once_they_sum_to_1() -> None:
    answers = torch.full((2, 10), 0.05)
    answers[0, 4], answers[1, 4] = 0.55, 0.05
    found = values(one_vs_rest.judged(answers, torch.tensor([4, 0])))
    assert found["argmax_accuracy_end"] == [1.0]
    assert found["nll"] == [pytest.approx(-(np.log(0.55) + np.log(0.1)) / 2)]
    assert found["ece15"] == [pytest.approx((0.45 + 0.9) / 2)]
