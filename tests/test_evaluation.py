"""Metrics and tables agree with scikit-learn, SciPy and arithmetic by hand."""

import numpy as np
import pytest
import torch
from conftest import seeded
from scipy import stats
from sklearn import metrics

from mnist_lr_helpers import evaluation, models
from mnist_lr_helpers.data import Dataset, Split


@pytest.fixture
def predictions() -> evaluation.Predictions:
    probabilities = torch.rand(500, 10, generator=seeded(1)).softmax(dim=1)
    return evaluation.Predictions(probabilities, torch.randint(0, 10, (500,), generator=seeded(2)))


def judged(right: list[bool]) -> evaluation.Predictions:
    labels = torch.zeros(len(right), dtype=torch.long)
    columns = torch.tensor([0 if ok else 1 for ok in right])
    return evaluation.Predictions(torch.nn.functional.one_hot(columns, 10).float(), labels)


def test_report_agrees_with_scikit_learn(predictions: evaluation.Predictions) -> None:
    report = evaluation.per_class_report(predictions)
    expected = metrics.classification_report(predictions.labels, predictions.predicted, output_dict=True)
    for digit in range(10):
        row = expected[str(digit)]
        assert report.loc[digit, ["precision", "recall", "f1", "support"]].tolist() == pytest.approx(
            [row["precision"], row["recall"], row["f1-score"], row["support"]]
        )
        assert report.loc[digit, "one_vs_rest_accuracy"] == pytest.approx(
            metrics.accuracy_score(predictions.labels == digit, predictions.predicted == digit)
        )
    assert predictions.accuracy == pytest.approx(expected["accuracy"])
    assert evaluation.confusion_counts(predictions).sum() == 500


def test_accuracy_times_n_is_a_whole_number(predictions: evaluation.Predictions) -> None:
    right = predictions.accuracy * 500
    assert right == pytest.approx(round(right), abs=1e-9)


def test_predict_does_not_depend_on_the_batch_size(digits: Dataset) -> None:
    model = models.LogisticRegression(generator=seeded())
    whole = evaluation.predict(model, digits.test)
    parts = evaluation.predict(model, Split(digits.test.images, digits.test.labels), batch_size=7)
    assert torch.allclose(whole.probabilities, parts.probabilities, atol=1e-6)
    assert torch.allclose(whole.probabilities.sum(dim=1), torch.ones(len(digits.test)))


def test_wilson_interval_by_hand() -> None:
    interval = evaluation.accuracy_interval(judged([True] * 9250 + [False] * 750))
    z, n, p = stats.norm.ppf(0.975), 10_000, 0.925
    centre, half = (p + z**2 / (2 * n)), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert (interval.low, interval.high) == pytest.approx(
        ((centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n))
    )
    assert 0.925 in interval
    assert f"{interval:.3f}" == "0.925 [0.920, 0.930]"


def test_wilson_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for right in rng.binomial(200, 0.9, size=300):
        hits += 0.9 in evaluation.accuracy_interval(judged([True] * right + [False] * (200 - right)))
    assert 0.90 <= hits / 300 <= 0.99


def test_mean_interval_agrees_with_scipy() -> None:
    values = [0.9, 0.92, 0.91, 0.93]
    low, high = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    interval = evaluation.mean_interval(values)
    assert (interval.estimate, interval.low, interval.high) == pytest.approx((0.915, low, high))
    with pytest.raises(ValueError, match="at least 2"):
        evaluation.mean_interval([0.9])


def test_mcnemar_counts_discordant_images_only() -> None:
    first = judged([True] * 80 + [True] * 12 + [False] * 3 + [False] * 5)
    second = judged([True] * 80 + [False] * 12 + [True] * 3 + [False] * 5)
    test = evaluation.mcnemar_exact(first, second)
    assert (test.only_first, test.only_second) == (12, 3)
    assert test.p_value == pytest.approx(2 * stats.binom.cdf(3, 15, 0.5))
    assert evaluation.mcnemar_exact(first, first).p_value == 1.0
    with pytest.raises(ValueError, match="same images"):
        evaluation.mcnemar_exact(first, judged([True]))


def test_error_table_lists_every_error_most_confident_first(predictions: evaluation.Predictions) -> None:
    table = evaluation.error_table(predictions)
    assert sorted(table.index) == (~predictions.correct).nonzero()[:, 0].tolist()
    assert table["confidence"].is_monotonic_decreasing
    image = table.index[0]
    label = int(predictions.labels[image])
    assert table.loc[image, "label"] == label
    assert table.loc[image, "probability_of_label"] == pytest.approx(predictions.probabilities[image, label].item())


def test_confusions_add_up_to_the_errors(predictions: evaluation.Predictions) -> None:
    table = evaluation.confusions(predictions)
    assert table["count"].sum() == (~predictions.correct).sum()
    assert (table["label"] != table["predicted"]).all()
    top = table.iloc[0]
    mask = (predictions.labels == int(top["label"])) & (predictions.predicted == int(top["predicted"]))
    assert mask.sum() == top["count"] == table["count"].max()


def test_no_errors_give_empty_tables() -> None:
    perfect = judged([True] * 5)
    assert evaluation.error_table(perfect).empty
    assert evaluation.confusions(perfect).empty


def test_bootstrap_interval_of_accuracy_agrees_with_wilson() -> None:
    predictions = judged([True] * 900 + [False] * 100)
    correct = predictions.correct.float()

    def accuracy(weights: torch.Tensor) -> torch.Tensor:
        return weights @ correct / weights.sum(dim=1)

    interval = evaluation.bootstrap_interval(accuracy, 1000, generator=seeded(), resamples=4000)
    wilson = evaluation.accuracy_interval(predictions)
    assert interval.estimate == pytest.approx(0.9)
    assert (interval.low, interval.high) == pytest.approx((wilson.low, wilson.high), abs=0.004)
    assert evaluation.bootstrap_interval(accuracy, 1000, generator=seeded(), resamples=4000) == interval


def test_calibration_error_by_hand() -> None:
    rows = [[0.75, 0.25], [0.75, 0.25], [0.95, 0.05], [0.95, 0.05]]
    predictions = evaluation.Predictions(torch.tensor(rows), torch.tensor([0, 1, 0, 0]))
    # Two bins of two images: half are right at 0.75, all are right at 0.95.
    assert evaluation.expected_calibration_error(predictions, bins=10).item() == pytest.approx((0.25 + 0.05) / 2)
    weights = torch.tensor([[1.0, 1, 1, 1], [2, 0, 1, 1], [0, 0, 1, 1]])
    expected = [0.15, (0.25 * 2 + 0.05 * 2) / 4, 0.05]
    assert evaluation.expected_calibration_error(predictions, weights, bins=10).tolist() == pytest.approx(expected)
    assert evaluation.expected_calibration_error(predictions, bins=2, equal_counts=True).item() == pytest.approx(0.15)
