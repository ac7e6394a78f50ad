"""Metrics and tables agree with scikit-learn, SciPy and arithmetic by hand, for predictions of any quality."""

import math
import re
from dataclasses import replace
from itertools import pairwise

from mnist_lr_helpers import evaluation, models
from mnist_lr_helpers.data import Split
from mnist_lr_helpers.evaluation import Interval, Predictions
from mnist_lr_helpers.exceptions import TrainingError

import numpy as np
import pytest
import torch
from conftest import noise, seeded
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

thorough = settings(
    deadline=None, derandomize=True, max_examples=60, suppress_health_check=[HealthCheck.too_slow], database=None
)
seeds = st.integers(0, 2**31)


@st.composite
def judged(draw: st.DrawFn) -> Predictions:
    """Predictions of any quality on any labels, classes that never occur among them."""
    n, n_classes = draw(st.integers(2, 60)), draw(st.integers(2, 10))
    generator, skill = seeded(draw(seeds)), draw(st.sampled_from([0.0, 1.0, 5.0]))
    labels = torch.randint(0, draw(st.integers(1, n_classes)), (n,), generator=generator)
    logits = torch.randn(n, n_classes, generator=generator)
    logits[torch.arange(n), labels] += skill
    return Predictions(logits.softmax(dim=1), labels)


@pytest.fixture
def some() -> Predictions:
    """500 predictions, half of them right whatever their confidence: too modest and too sure ones among them."""
    confidence, generator = torch.linspace(0.15, 0.99, 500).square(), seeded(1)
    confidence = confidence.clamp_min(0.15)[torch.randperm(500, generator=generator)]
    probabilities = ((1 - confidence) / 9)[:, None].repeat(1, 10)
    probabilities[:, 3] = confidence
    return Predictions(probabilities, torch.randint(3, 5, (500,), generator=generator))


def with_right(right: int, n: int) -> Predictions:
    """The first ``right`` of n predictions are right, with certainty; the others are wrong."""
    columns = (torch.arange(n) >= right).long()
    return Predictions(torch.nn.functional.one_hot(columns, 2).float(), torch.zeros(n, dtype=torch.long))


def of(right: str) -> Predictions:
    """Predictions that are right where there is a ``+``."""
    columns = torch.tensor([0 if one == "+" else 1 for one in right])
    return Predictions(torch.nn.functional.one_hot(columns, 3).float(), torch.zeros(len(right), dtype=torch.long))


# Predictions


@pytest.mark.parametrize(
    ("probabilities", "labels", "words"),
    [
        (torch.ones(5, 3), torch.zeros(5, 1).long(), r"float32 \[5, 3\] and torch.int64 \[5, 1\]"),
        (torch.ones(5, 3), torch.zeros(4).long(), r"float32 \[5, 3\] and torch.int64 \[4\]"),
        (torch.ones(5, 3), torch.zeros(1).long(), r"\[1\]"),
        (torch.ones(5, 3), torch.zeros(()).long(), r"torch.int64 \[\]"),
        (torch.ones(5, 3), torch.zeros(5), r"torch.float32 \[5\]"),
        (torch.ones(5, 3), torch.zeros(5).byte(), r"torch.uint8 \[5\]"),
        (torch.ones(5, 3).long(), torch.zeros(5).long(), r"torch.int64 \[5, 3\]"),
        (torch.ones(5), torch.zeros(5).long(), r"float32 \[5\] and"),
        (torch.ones(5, 3, 1), torch.zeros(5).long(), r"\[5, 3, 1\]"),
        (torch.ones(5, 3) * 2, torch.zeros(5).long(), r"logits need a softmax"),
        (torch.tensor([[2.0, -1.0]]), torch.zeros(1).long(), r"logits need a softmax"),
        (torch.full((5, 3), math.nan), torch.zeros(5).long(), r"between 0 and 1"),
        (torch.ones(5, 3) / 3, torch.arange(5), r"labels run from 0 to 4, but there are probabilities of 3 classes"),
        (torch.ones(5, 3) / 3, torch.arange(5) - 2, r"labels run from -2 to 2"),
        (torch.ones(4, 3) / 3, torch.arange(4), r"labels run from 0 to 3, but there are probabilities of 3 classes"),
        (np.ones((5, 3)), torch.zeros(5).long(), r"are ndarray and Tensor; make them tensors by torch.as_tensor\(\)"),
        (torch.ones(5, 3) / 3, [0] * 5, r"are Tensor and list"),
    ],
)
def test_what_are_no_predictions_is_refused(probabilities: torch.Tensor, labels: torch.Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Predictions(probabilities, labels)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.float16])
def test_predictions_by_hand(kind: torch.dtype) -> None:
    rows = [[0.5, 0.25, 0.25], [0.125, 0.25, 0.625], [0.0, 0.75, 0.25]]
    predictions = Predictions(torch.tensor(rows, dtype=kind), torch.tensor([0, 1, 1]))
    assert predictions.predicted.tolist() == [0, 2, 1]
    assert predictions.confidence.tolist() == [0.5, 0.625, 0.75]
    assert predictions.correct.tolist() == [True, False, True]
    assert predictions.accuracy == 2 / 3


class Stub(torch.nn.Module):
    """Remembers the batches it saw and in which mode."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout, self.seen = torch.nn.Dropout(0.5), []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append((len(images), self.training, torch.is_grad_enabled()))
        return self.dropout(images.flatten(start_dim=1)[:, :4] * 3)


def test_probabilities_come_batch_by_batch_in_evaluation_mode() -> None:
    images, model = noise(10), Stub().train()
    found = evaluation.predict_probabilities(model, images, batch_size=4)
    assert model.seen == [(4, False, False), (4, False, False), (2, False, False)]
    expected = (images.flatten(start_dim=1)[:, :4] * 3).exp()
    assert torch.allclose(found, expected / expected.sum(dim=1, keepdim=True), atol=1e-6)
    assert torch.equal(evaluation.predict_probabilities(model, images), found)
    assert model.seen[3:] == [(10, False, False)]


@pytest.mark.parametrize(
    "images",
    [noise(3).mul(255).byte(), noise(3).double(), noise(3).half(), noise(3).repeat(1, 3, 1, 1), noise(3, 8, 8)],
)
def test_images_that_a_model_cannot_take_are_named(images: torch.Tensor) -> None:
    model = models.LogisticRegression(generator=seeded())
    named = re.escape(f"the model cannot take images of {images.dtype} {list(images.shape)} (")
    with pytest.raises(TrainingError, match=named):
        evaluation.predict(model, Split(images, torch.zeros(3).long()))


def test_predictions_stand_beside_the_labels_of_their_split() -> None:
    model, split = models.LogisticRegression(generator=seeded()), Split(noise(30), torch.arange(30) % 10)
    whole, parts = evaluation.predict(model, split), evaluation.predict(model, split, batch_size=7)
    assert torch.equal(whole.probabilities, evaluation.predict_probabilities(model, split.images))
    assert torch.allclose(parts.probabilities, model.predict_proba(split.images), atol=1e-6)
    assert torch.equal(whole.labels, split.labels)


# Metrics


@settings(thorough, max_examples=30)
@given(judged())
def test_metrics_agree_with_scikit_learn(predictions: Predictions) -> None:
    labels, predicted = predictions.labels.numpy(), predictions.predicted.numpy()
    classes = range(predictions.probabilities.shape[1])
    report = evaluation.per_class_report(predictions)
    options = {"labels": classes, "average": None, "zero_division": 0.0}
    assert report["precision"].to_numpy() == pytest.approx(metrics.precision_score(labels, predicted, **options))
    assert report["recall"].to_numpy() == pytest.approx(metrics.recall_score(labels, predicted, **options))
    assert report["f1"].to_numpy() == pytest.approx(metrics.f1_score(labels, predicted, **options))
    assert report["support"].tolist() == [int((labels == k).sum()) for k in classes]
    assert report["right"].tolist() == [int(((labels == k) & (predicted == k)).sum()) for k in classes]
    one_vs_rest = [((labels == k) == (predicted == k)).mean() for k in classes]
    assert report["one_vs_rest_accuracy"].tolist() == pytest.approx(one_vs_rest)
    assert predictions.accuracy == metrics.accuracy_score(labels, predicted)
    assert report["right"].sum() == round(predictions.accuracy * len(labels))
    counts = evaluation.confusion_counts(predictions)
    assert counts.dtype == np.int64
    assert counts.tolist() == [[int(((labels == a) & (predicted == b)).sum()) for b in classes] for a in classes]


def test_report_has_a_row_for_each_class() -> None:
    report = evaluation.per_class_report(of("+-"))
    assert report.index.tolist() == [0, 1, 2]
    assert report.index.name == "class"
    columns = ["precision", "recall", "f1", "support", "one_vs_rest_accuracy", "right"]
    assert report.columns.tolist() == columns


def by_definition(predictions: Predictions, edges: list[float]) -> float:
    """Expected calibration error over bins from edge to edge, each with its upper edge."""
    confidence, correct = predictions.confidence.double().numpy(), predictions.correct.numpy()
    error = 0.0
    for low, high in pairwise(edges):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            error += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    return error


@thorough
@given(judged(), st.integers(1, 20))
def test_calibration_error_agrees_with_its_definition(predictions: Predictions, bins: int) -> None:
    edges = [*torch.linspace(0, 1, bins + 1).tolist()[:-1], 1.1]
    found = evaluation.expected_calibration_error(predictions, bins=bins)
    assert found.item() == pytest.approx(by_definition(predictions, edges), abs=1e-5)
    overall = abs(predictions.correct.float().mean() - predictions.confidence.mean())
    assert overall - 1e-5 <= found.item() <= 1, "bins can only add to the gap between mean confidence and accuracy"


def test_calibration_error_by_hand() -> None:
    rows = [[0.75, 0.25], [0.75, 0.25], [0.95, 0.05], [0.95, 0.05]]
    predictions = Predictions(torch.tensor(rows), torch.tensor([0, 1, 0, 0]))
    # Two bins of two images: half are right at 0.75, all are right at 0.95.
    assert evaluation.expected_calibration_error(predictions, bins=10).item() == pytest.approx((0.25 + 0.05) / 2)


def test_calibration_error_has_fifteen_bins_by_default(some: Predictions) -> None:
    fifteen = evaluation.expected_calibration_error(some, bins=15)
    assert torch.equal(evaluation.expected_calibration_error(some), fifteen)
    assert not torch.equal(evaluation.expected_calibration_error(some, bins=14), fifteen)


# Intervals


def test_an_interval_holds_its_bounds_and_is_written_with_them() -> None:
    interval = Interval(0.5, 0.25, 0.625)
    assert 0.25 in interval
    assert 0.625 in interval
    assert 0.2499 not in interval
    assert 0.6251 not in interval
    assert f"{interval:.3f}" == "0.500 [0.250, 0.625]"
    assert f"{interval:.1%}" == "50.0% [25.0%, 62.5%]"


def test_an_interval_can_be_turned_into_percent_and_into_the_rest() -> None:
    interval = Interval(0.5, 0.25, 0.625)
    assert 100 * interval == Interval(50.0, 25.0, 62.5)
    assert -2 * interval == Interval(-1.0, -1.25, -0.5)
    assert 1 - interval == Interval(0.5, 0.375, 0.75)


def test_wilson_interval_by_hand() -> None:
    interval = evaluation.accuracy_interval(with_right(9_250, 10_000))
    z, n, p = stats.norm.ppf(0.975), 10_000, 0.925
    centre, half = (p + z**2 / (2 * n)), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert (interval.low, interval.high) == pytest.approx(
        ((centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n))
    )
    assert interval.estimate == 0.925
    assert interval == evaluation.share_interval(9_250, 10_000)


@thorough
@given(st.integers(1, 3000), st.data())
def test_wilson_interval_keeps_its_bounds(n: int, draw: st.DataObject) -> None:
    right = draw.draw(st.integers(0, n))
    interval = evaluation.share_interval(right, n)
    assert interval.estimate == right / n
    assert -1e-12 <= interval.low <= right / n + 1e-12
    assert right / n - 1e-12 <= interval.high <= 1 + 1e-12
    assert interval.high - interval.low > 0


@pytest.mark.parametrize(
    ("n", "p", "confidence"),
    [(50, 0.5, 0.95), (50, 0.97, 0.95), (400, 0.925, 0.95), (400, 0.99, 0.95), (400, 0.925, 0.8)],
)
def test_wilson_interval_covers_as_often_as_it_says(n: int, p: float, confidence: float) -> None:
    """Summed over all outcomes instead of drawn: no chance is left in it."""
    covered = 0.0
    for k in range(n + 1):
        covered += stats.binom.pmf(k, n, p) * (p in evaluation.share_interval(k, n, confidence))
    assert covered == pytest.approx(confidence, abs=0.04)
    assert evaluation.accuracy_interval(with_right(k, n), confidence) == evaluation.share_interval(k, n, confidence)


@pytest.mark.parametrize(("count", "n"), [(3, 2), (-1, 2), (0, 0), (0.9, 5)])
def test_what_is_no_share_is_refused(count: float, n: int) -> None:
    with pytest.raises(ValueError, match=f"{count} of {n} is no share"):
        evaluation.share_interval(count, n)


@pytest.mark.parametrize("confidence", [0.95, 0.5])
def test_mean_interval_agrees_with_scipy(confidence: float) -> None:
    values = [0.9, 0.92, 0.91, 0.93]
    low, high = stats.t.interval(confidence, 3, loc=np.mean(values), scale=stats.sem(values))
    interval = evaluation.mean_interval(values, confidence)
    assert (interval.estimate, interval.low, interval.high) == pytest.approx((0.915, low, high))
    assert evaluation.mean_interval(values) == evaluation.mean_interval(values, 0.95)
    assert evaluation.mean_interval([0.5, 0.5]) == evaluation.Interval(0.5, 0.5, 0.5), "two are enough"
    with pytest.raises(ValueError, match="at least 2 values, there are 1"):
        evaluation.mean_interval([0.9])


def weighted_accuracy(predictions: Predictions):
    return lambda weights: weights @ predictions.correct.float() / weights.sum(dim=1)


def test_bootstrap_interval_of_accuracy_agrees_with_wilson() -> None:
    predictions = with_right(900, 1000)
    statistic = weighted_accuracy(predictions)
    interval = evaluation.bootstrap_interval(statistic, 1000, generator=seeded(), resamples=4000)
    wilson = evaluation.accuracy_interval(predictions)
    assert interval.estimate == pytest.approx(0.9)
    assert (interval.low, interval.high) == pytest.approx((wilson.low, wilson.high), abs=0.004)


@pytest.mark.parametrize("confidence", [0.95, 0.6])
def test_bootstrap_takes_percentiles_over_images_drawn_with_replacement(confidence: float) -> None:
    asked: list[torch.Tensor] = []

    def statistic(weights: torch.Tensor) -> torch.Tensor:
        asked.append(weights.clone())
        return weights @ torch.arange(80.0).square()

    interval = evaluation.bootstrap_interval(statistic, 80, generator=seeded(), resamples=300, confidence=confidence)
    resampled, once = sorted(asked, key=len, reverse=True)
    assert once.tolist() == [[1.0] * 80]
    assert resampled.shape == (300, 80)
    assert (resampled.sum(dim=1) == 80).all()
    assert resampled.var().item() == pytest.approx(1 - 1 / 80, rel=0.05)  # a binomial count of 80 draws
    assert resampled.mean(dim=0).sub(1).abs().max() < 0.3
    values = statistic(resampled).double().numpy()
    tails = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    assert (interval.low, interval.high) == pytest.approx(tuple(tails), rel=1e-5)
    assert interval.estimate == pytest.approx(sum(k**2 for k in range(80)))


def test_bootstrap_draws_from_its_generator_alone() -> None:
    def interval(seed: int) -> Interval:
        return evaluation.bootstrap_interval(lambda w: w @ torch.arange(50.0).sqrt(), 50, generator=seeded(seed))

    state = torch.get_rng_state()
    assert interval(1) == interval(1)
    assert interval(1) != interval(2)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("wrong", [lambda w: w.mean(), lambda w: w, lambda w: w.mean(dim=0), lambda w: w[:, :1]])
def test_bootstrap_refuses_a_statistic_that_does_not_give_one_number_a_resample(wrong) -> None:
    with pytest.raises(ValueError, match=r"map \[30, 8\] to \[30\], not to \[.*\]"):
        evaluation.bootstrap_interval(wrong, 8, generator=seeded(), resamples=30)


# Two models on the same images


def test_mcnemar_counts_discordant_images_only() -> None:
    first, second = of("+" * 92 + "-" * 8), of("+" * 80 + "-" * 12 + "+" * 3 + "-" * 5)
    test = evaluation.mcnemar_exact(first, second)
    assert (test.only_first, test.only_second) == (12, 3)
    assert test.p_value == pytest.approx(2 * stats.binom.cdf(3, 15, 0.5))
    assert evaluation.mcnemar_exact(first, first).p_value == 1.0


def test_mcnemar_refuses_other_images() -> None:
    with pytest.raises(ValueError, match=r"same images.* 3 and 1 images"):
        evaluation.mcnemar_exact(of("++-"), of("+"))
    with pytest.raises(ValueError, match="same images"):
        evaluation.mcnemar_exact(of("++-"), replace(of("++-"), labels=torch.tensor([0, 0, 1])))


@thorough
@given(judged(), seeds)
def test_mcnemar_is_symmetric_and_a_probability(first: Predictions, seed: int) -> None:
    other = first.probabilities[torch.randperm(len(first.labels), generator=seeded(seed))]
    second = Predictions(other, first.labels)
    there, back = evaluation.mcnemar_exact(first, second), evaluation.mcnemar_exact(second, first)
    assert (there.only_first, there.only_second) == (back.only_second, back.only_first)
    assert there.only_first - there.only_second == int(first.correct.sum() - second.correct.sum())
    assert there.p_value == pytest.approx(back.p_value)
    assert 0 < there.p_value <= 1


# Tables of errors


@thorough
@given(judged())
def test_error_table_lists_every_error_most_confident_first(predictions: Predictions) -> None:
    rows = []
    for image, (row, label) in enumerate(
        zip(predictions.probabilities.tolist(), predictions.labels.tolist(), strict=True)
    ):
        predicted = row.index(max(row))
        if predicted != label:
            rows.append((-row[predicted], image, label, predicted, row[label]))
    table = evaluation.error_table(predictions)
    assert table.index.name == "image"
    assert table.columns.tolist() == ["label", "predicted", "confidence", "probability_of_label"]
    expected = [(image, label, predicted, -minus, share) for minus, image, label, predicted, share in sorted(rows)]
    found = list(table.itertuples(name=None))
    assert [row[:3] for row in found] == [row[:3] for row in expected]
    assert [row[3:] for row in found] == [pytest.approx(row[3:]) for row in expected]


@thorough
@given(judged())
def test_confusions_count_each_kind_of_error_most_frequent_first(predictions: Predictions) -> None:
    pairs = list(zip(predictions.labels.tolist(), predictions.predicted.tolist(), strict=True))
    kinds = sorted({(-pairs.count(pair), *pair) for pair in pairs if pair[0] != pair[1]})
    table = evaluation.confusions(predictions)
    assert table.columns.tolist() == ["label", "predicted", "count", "share_of_label"]
    assert table.index.tolist() == list(range(len(kinds)))
    assert [row[:3] for row in table.itertuples(index=False, name=None)] == [(a, b, -n) for n, a, b in kinds]
    of_label = [predictions.labels.tolist().count(label) for _, label, _ in kinds]
    shares = [-minus / n for (minus, *_), n in zip(kinds, of_label, strict=True)]
    assert table["share_of_label"].tolist() == pytest.approx(shares)


def test_no_errors_give_empty_tables() -> None:
    assert evaluation.error_table(of("+++++")).empty
    assert evaluation.confusions(of("+++++")).empty
    assert math.isclose(of("+++++").accuracy, 1.0)
