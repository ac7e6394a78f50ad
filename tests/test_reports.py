"""What studies report: each number by hand, for made-up predictions; and what a training keeps."""

import math
from types import SimpleNamespace

from mnist_lr_helpers.data import Split
from mnist_lr_helpers.models import LogisticRegression
from mnist_lr_helpers.reproduction import recipes, reports
from mnist_lr_helpers.reproduction.recipes import Moment, Recipe, Row

import pytest
import torch
from torch import Tensor, nn


def moment_of(model: nn.Module, seed: int = 0, history: tuple = (), **splits: Split) -> Moment:
    """The third epoch of a training that ends with such a model."""
    rows = SimpleNamespace(rows=history)
    state = SimpleNamespace(model=model, epoch=3, history=rows, best_weights=model.state_dict(), finished=True)
    return Moment(state, Recipe(initialisation="zeros", learning_rate=1e-9, batch_size=1), seed, splits)


def answers(*images: tuple[int, int, float]) -> Split:
    """For each label, predicted digit and confidence an "image" that a flattening model takes for its logits."""
    probabilities = torch.stack(
        [torch.full((10,), (1 - p) / 9).index_fill(0, torch.tensor(k), p) for _, k, p in images]
    )
    return Split(probabilities.log().view(-1, 1, 1, 10), torch.tensor([label for label, _, _ in images]))


def values(rows: list[Row]) -> dict[object, float]:
    """The value of each metric, by its name alone where it is a single number."""
    return {row.metric if row.at == 0 else (row.metric, row.at): pytest.approx(row.value, abs=2e-5) for row in rows}


FOUR = answers((3, 3, 0.95), (3, 5, 0.85), (5, 5, 0.55), (7, 7, 0.995))  # a 3 is taken for a 5


def test_the_digits_are_counted_by_their_label() -> None:
    found = values(reports.recalls(moment_of(nn.Flatten(), test=FOUR)))
    assert (found["recall_3", 3], found["recall_5", 3], found["recall_7", 3]) == (0.5, 1, 1)
    test = answers(*((k, k, 0.9) for k in range(10)), (3, 5, 0.85))
    found = values(reports.classes(moment_of(nn.Flatten(), test=test)))
    assert (found["recall", 3], found["precision", 3], found["recall", 5], found["precision", 5]) == (0.5, 1, 1, 0.5)
    assert (found["predicted", 5], found["predicted", 3], found["binary_accuracy", 5]) == (2, 1, 10 / 11)
    assert (found["auc", 5], found["average_precision", 5]) == (1, 1)  # its own image has the largest probability
    assert "support" not in {metric for metric, *_ in found}
    confusion = reports.confusion(moment_of(nn.Flatten(), test=FOUR))
    assert [(row.at, row.value) for row in confusion if row.value] == [(35, 1)]
    assert len(confusion) == 90


def test_loss_accuracy_and_the_best_epoch() -> None:
    found = values(reports.on_test(moment_of(nn.Flatten(), test=FOUR)))
    assert found == {
        ("test_accuracy", 3): 0.75,
        ("test_loss", 3): -sum(map(math.log, (0.95, 0.15 / 9, 0.55, 0.995))) / 4,
    }
    moment = moment_of(nn.Linear(10, 10, bias=False), test=FOUR)
    moment.state.model = nn.Sequential(nn.Flatten(), moment.state.model)
    moment.state.best_weights = {"1.weight": torch.eye(10)}
    nn.init.constant_(moment.state.model[1].weight, 0.0)
    assert values(reports.best(moment)) == {"stop_epoch": 3, "test_accuracy_best": 0.75}
    assert not moment.state.model[1].weight.any(), "the model of the last epoch is as it was"


def test_confidence_is_compared_with_accuracy() -> None:
    odds = torch.tensor([4.0] + [-1e3] * 8 + [0.0]).repeat(4, 1)  # of these, three in four are right
    moment = moment_of(nn.Flatten(), test=FOUR, validation=Split(odds, torch.tensor([0, 0, 0, 9])))
    found = values(reports.calibration(moment) + reports.certainty(moment))
    assert found["mean_confidence"] == (0.95 + 0.85 + 0.55 + 0.995) / 4
    assert found["ece15"] == (0.85 + 0.45 + 0.055) / 4  # 0.95 and 0.995 share a bin
    assert (found["median_confidence_right"], found["median_confidence_wrong"]) == (0.95, 0.85)
    assert found["confidence_auroc"] == 2 / 3
    assert (found["share_above_0.9"], found["accuracy_above_0.9"], found["share_above_0.99"]) == (0.5, 1, 0.25)
    assert found["temperature"] == pytest.approx(4 / math.log(3), rel=1e-3)
    assert {key[1]: n for key, n in found.items() if key[0] == "error_bin" and n == 1} == {8: 1}
    assert {key[1]: n for key, n in found.items() if key[0] == "right_bin" and n == 1} == {5: 1}
    assert found["right_bin", 9] == 2


def test_errors_are_sorted_by_brightness_and_contrast() -> None:
    """Of each digit there are ten images, the later the brighter; the brightest two of each digit are errors."""
    shuffled = torch.randperm(100, generator=recipes.seeded(0))
    labels, rank = shuffled % 10, shuffled // 10
    images = torch.zeros(100, 1, 28, 28)
    images[:, 0, 0, 0] = 1 + rank + labels / 100

    class Errs(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return nn.functional.one_hot((labels + (rank > 7)) % 10, 10).float()

    found = values(reports.quality(moment_of(Errs(), test=Split(images, labels))))
    for name in ("brightness", "brightness_within", "contrast", "contrast_within"):
        assert [found.get((f"error_{name}", k), found.get(f"error_{name}")) for k in range(10)] == [0] * 8 + [1] * 2


def test_weights_are_measured() -> None:
    model, images = LogisticRegression(initialisation="zeros"), torch.rand(5, 1, 28, 28)
    images[:, 0, :2, :2] = 0.5  # four pixels, in the corner, that never change
    with torch.no_grad():
        model.linear.weight[0, [0, 1]] = torch.tensor([3.0, -4.0])
    found = values(reports.weights(moment_of(model, train=Split(images, torch.zeros(5).long()))))
    assert (found["weight_norm"], found["max_weight"], found["untouched_weights"]) == (5, 4, 7838)
    assert found["total_variation"] == (3 + 4 + 7 + 4) / 7  # down, and across
    assert (found["dead_pixels"], found["row_mean_change"]) == (4, 0.5)
    assert found["corner_weight_sd"] == math.sqrt((25 - 1 / 40) / 39)
    (one,) = reports.size(moment_of(model))
    assert one == Row(0, "parameters", 7850)


def test_templates_are_compared_with_those_of_seed_0(monkeypatch: pytest.MonkeyPatch) -> None:
    first, other = LogisticRegression(generator=recipes.seeded(0)), LogisticRegression(initialisation="zeros")
    other.load_state_dict({"linear.weight": 2 - 3 * first.linear.weight, "linear.bias": first.linear.bias})
    nn.init.constant_(other.linear.weight[:, :99], 77.0)  # of pixels that are never inked
    monkeypatch.setattr(recipes, "trained", lambda recipe, seed: first if seed == 0 else pytest.fail("another seed"))
    split = Split(torch.rand(5, 784).index_fill(1, torch.arange(99), 0.0).view(5, 1, 28, 28), torch.zeros(5).long())
    assert values(reports.templates(moment_of(other, 1, train=split))) == {"template_correlation_inked": -1}
    assert reports.templates(moment_of(other, 0, train=split)) == []


def test_logits_steps_and_seconds() -> None:
    test = Split(torch.eye(10)[:3] * 2 - 1, torch.zeros(3).long())
    sums = values(reports.logit_sums(moment_of(nn.Flatten(), test=test)))
    assert sums == {"logit_row_sum_min": -8, "logit_row_sum_max": -8}
    train = Split(torch.rand(20, 784), torch.arange(20) % 10)
    model = LogisticRegression(generator=recipes.seeded(1))
    losses = nn.functional.cross_entropy(model(train.images), train.labels, reduction="none")
    order = torch.randperm(20, generator=recipes.seeded(4))
    spread = losses[order].diff().std().item()
    assert values(reports.step_noise(moment_of(model, 4, train=train))) == {"step_loss_sd": spread}
    rows = reports.seconds(moment_of(model, history=({"seconds": 2.0}, {"seconds": 3.0})))
    assert rows == [Row(1, "seconds", 2.0), Row(2, "seconds", 5.0)]


@pytest.fixture
def noise(monkeypatch: pytest.MonkeyPatch) -> None:
    split = Split(torch.rand(60, 1, 28, 28, generator=recipes.seeded(0)), torch.arange(60) % 10)
    monkeypatch.setattr(recipes, "splits_of", lambda recipe, seed: {"train": split, "test": split})


@pytest.mark.usefixtures("noise")
def test_a_training_keeps_some_epochs_and_reports_at_the_end_or_before() -> None:
    rows = reports.train_and_report(0, epochs=12, keep=10, each=(reports.recalls,), last=(reports.on_test,), last_at=4)
    assert [row.at for row in rows if row.metric == "train_loss"] == [1, 2, 3, 5, 10, 12]
    assert [row.at for row in rows if row.metric == "recall_9"] == [1, 2, 3, 5, 10, 12]
    assert [row.at for row in rows if row.metric == "test_loss"] == [1, 2, 3, 5, 10, 12, 4]
    assert [row.metric for row in rows[:4]] == ["train_loss", "train_accuracy", "test_loss", "test_accuracy"]
    assert reports.train_and_report(0, epochs=2, last=(reports.size,))[-1] == Row(0, "parameters", 7850)


@pytest.mark.usefixtures("noise")
def test_a_training_that_breaks_keeps_its_curves() -> None:
    rows = reports.train_and_report(0, epochs=5, learning_rate=1e38, momentum=0.0, batch_size=60)
    assert rows[-1] == Row(2, "diverged", 1.0)
    assert [row.at for row in rows if row.metric == "train_loss"] == [1]
