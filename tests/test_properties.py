"""What holds for any input: IDX files, splits, metrics, calibration, intervals, configurations."""

import gzip
import math
import tempfile
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import archives_of, idx_bytes, seeded
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from mnist_lr_helpers import data, evaluation, training
from mnist_lr_helpers.course.usage import UsageError, convert

settings.register_profile(
    "course", deadline=None, derandomize=True, max_examples=100, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("course")

seeds = st.integers(0, 2**31)
shapes = st.lists(st.integers(1, 9), min_size=1, max_size=3)


# Files.


@given(shapes, seeds)
def test_an_idx_file_reads_as_it_was_written(shape: list[int], seed: int) -> None:
    written = torch.randint(0, 256, shape, generator=seeded(seed), dtype=torch.uint8)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "any-ubyte"
        file.write_bytes(idx_bytes(written))
        assert torch.equal(data.read_idx(file), written)


@given(st.binary(max_size=64))
@example(b"\0\0\x08\x00")
@example(b"\0\0\x08\x01\0\0\0\0")
def test_any_bytes_are_an_idx_file_or_an_error(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "any-ubyte"
        file.write_bytes(content)
        try:
            found = data.read_idx(file)
        except data.DataError:
            return
        assert 4 + 4 * found.ndim + found.nbytes == len(content)
        assert list(content[:3]) == [0, 0, {torch.uint8: 8, torch.int32: 12}[found.dtype]]


@given(st.data(), seeds, st.booleans())
def test_any_change_of_an_unpacked_file_is_noticed(draw: st.DataObject, seed: int, known: bool) -> None:
    """By its MD5 where the course knows it, else by length and checksum at the end of the archive."""
    good = idx_bytes(torch.randint(0, 256, (5, 4, 3), generator=seeded(seed), dtype=torch.uint8))
    start = draw.draw(st.integers(0, len(good)))
    end = draw.draw(st.integers(start, len(good)))
    bad = good[:start] + draw.draw(st.binary(max_size=20)) + good[end:]
    with tempfile.TemporaryDirectory() as root, pytest.MonkeyPatch.context() as patch:
        folder = data.raw_folder("mnist", root=root)
        folder.mkdir(parents=True)
        packed = gzip.compress(good, mtime=0)
        (archive,) = archives_of({"some-ubyte.gz": packed})
        (folder / archive.name).write_bytes(packed)
        (folder / "some-ubyte").write_bytes(good)
        md5 = {("MNIST", "some-ubyte"): data._md5(folder / "some-ubyte")} if known else {}
        patch.setattr(data, "UNPACKED_MD5", md5)
        assert data._is_intact(folder, archive)
        (folder / "some-ubyte").write_bytes(bad)
        assert data._is_intact(folder, archive) == (bad == good)


# Splits.


@given(st.lists(st.integers(0, 9), min_size=1, max_size=300), st.data(), seeds)
def test_a_stratified_sample_is_one(labels: list[int], draw: st.DataObject, seed: int) -> None:
    labels, size = torch.tensor(labels), draw.draw(st.integers(1, len(labels)))
    chosen = data.stratified_sample(labels, size, generator=seeded(seed))
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    assert len(chosen) == size
    assert 0 <= int(chosen.min()) <= int(chosen.max()) < len(labels)
    shares = labels.bincount(minlength=10) * size / len(labels)
    assert ((labels[chosen].bincount(minlength=10) - shares).abs() <= 1).all()
    assert torch.equal(chosen, data.stratified_sample(labels, size, generator=seeded(seed)))


@settings(max_examples=15)
@given(st.integers(10, 1387), seeds)
@example(10, 0)
@example(1387, 0)
def test_the_splits_of_the_digits_share_no_image(train_size: int, seed: int) -> None:
    parts = data.load_data("digits", seed=seed, train_size=train_size, scaling="unit")
    assert (len(parts.train), len(parts.test)) == (train_size, 256)
    assert set(parts.train.labels.tolist()) == set(range(10))
    everything = torch.cat([parts.train.images, parts.validation.images, parts.test.images]).flatten(1)
    doubles = len(everything) - len(everything.unique(dim=0))
    assert doubles == 0, "the 1,797 digits have no two that are equal"


# Metrics.


@st.composite
def judged(draw: st.DrawFn) -> evaluation.Predictions:
    """Predictions of any quality on any labels, classes that never occur among them."""
    n, n_classes = draw(st.integers(2, 60)), draw(st.integers(2, 10))
    generator, skill = seeded(draw(seeds)), draw(st.sampled_from([0.0, 1.0, 5.0]))
    labels = torch.randint(0, draw(st.integers(1, n_classes)), (n,), generator=generator)
    logits = torch.randn(n, n_classes, generator=generator)
    logits[torch.arange(n), labels] += skill
    return evaluation.Predictions(logits.softmax(dim=1), labels)


@given(judged())
def test_metrics_agree_with_scikit_learn(predictions: evaluation.Predictions) -> None:
    labels, predicted = predictions.labels.numpy(), predictions.predicted.numpy()
    classes = range(predictions.probabilities.shape[1])
    report = evaluation.per_class_report(predictions)
    options = {"labels": classes, "average": None, "zero_division": 0.0}
    assert report["precision"].to_numpy() == pytest.approx(metrics.precision_score(labels, predicted, **options))
    assert report["recall"].to_numpy() == pytest.approx(metrics.recall_score(labels, predicted, **options))
    assert report["f1"].to_numpy() == pytest.approx(metrics.f1_score(labels, predicted, **options))
    assert report["support"].tolist() == [int((labels == k).sum()) for k in classes]
    for k in classes:
        expected = metrics.accuracy_score(labels == k, predicted == k)
        assert report.loc[k, "one_vs_rest_accuracy"] == pytest.approx(expected)
    assert predictions.accuracy == metrics.accuracy_score(labels, predicted)
    assert report["right"].sum() == round(predictions.accuracy * len(labels))
    counts = metrics.confusion_matrix(labels, predicted, labels=classes)
    assert (evaluation.confusion_counts(predictions) == counts).all()


@given(judged(), st.integers(1, 20))
def test_calibration_error_agrees_with_its_definition(predictions: evaluation.Predictions, bins: int) -> None:
    confidence, correct = predictions.confidence.double().numpy(), predictions.correct.numpy()
    expected, n = 0.0, len(correct)
    edges = torch.linspace(0, 1, bins + 1).double().numpy()
    for low, high in pairwise(edges):
        inside = (confidence > low) & ((confidence <= high) | (high == 1))
        if inside.any():
            expected += inside.sum() / n * abs(correct[inside].mean() - confidence[inside].mean())
    found = evaluation.expected_calibration_error(predictions, bins=bins).item()
    assert found == pytest.approx(expected, abs=1e-5)
    overall = abs(correct.mean() - confidence.mean())
    assert overall - 1e-5 <= found <= 1, "bins can only add to the gap between mean confidence and accuracy"
    twice = evaluation.expected_calibration_error(predictions, torch.full((1, n), 2.0), bins=bins).item()
    assert twice == pytest.approx(found, abs=1e-5)


@given(judged(), judged())
def test_mcnemar_is_symmetric_and_a_probability(first: evaluation.Predictions, second: evaluation.Predictions) -> None:
    n = min(len(first.labels), len(second.labels))
    both = [replace(p, probabilities=p.probabilities[:n, :2], labels=first.labels[:n]) for p in (first, second)]
    there, back = evaluation.mcnemar_exact(*both), evaluation.mcnemar_exact(*reversed(both))
    assert (there.only_first, there.only_second) == (back.only_second, back.only_first)
    assert there.p_value == pytest.approx(back.p_value)
    assert 0 < there.p_value <= 1


# Intervals.


def with_right(right: int, n: int) -> evaluation.Predictions:
    columns = (torch.arange(n) >= right).long()
    return evaluation.Predictions(torch.nn.functional.one_hot(columns, 2).float(), torch.zeros(n, dtype=torch.long))


@given(st.integers(1, 3000), st.data())
def test_wilson_interval_keeps_its_bounds(n: int, draw: st.DataObject) -> None:
    right = draw.draw(st.integers(0, n))
    interval = evaluation.accuracy_interval(with_right(right, n))
    assert -1e-12 <= interval.low <= right / n + 1e-12
    assert right / n - 1e-12 <= interval.high <= 1 + 1e-12
    assert interval.high - interval.low > 0


@pytest.mark.parametrize(("n", "p"), [(50, 0.5), (50, 0.97), (400, 0.925), (400, 0.99)])
def test_wilson_interval_covers_19_times_of_20(n: int, p: float) -> None:
    """Summed over all outcomes instead of drawn: no chance is left in it."""
    covered = sum(stats.binom.pmf(k, n, p) for k in range(n + 1) if p in evaluation.accuracy_interval(with_right(k, n)))
    assert 0.92 < covered < 0.98


def test_mean_interval_covers_19_times_of_20() -> None:
    draws = np.random.default_rng(0).normal(0.92, 0.003, size=(1500, 5))
    covered = np.mean([0.92 in evaluation.mean_interval(values) for values in draws])
    assert abs(covered - 0.95) < 4 * math.sqrt(0.95 * 0.05 / 1500)


def test_bootstrap_interval_covers_19_times_of_20() -> None:
    generator, covered = seeded(0), 0
    for _ in range(400):
        values = torch.randn(120, generator=generator)

        def mean(weights: torch.Tensor, values: torch.Tensor = values) -> torch.Tensor:
            return weights @ values / weights.sum(dim=1)

        interval = evaluation.bootstrap_interval(mean, 120, generator=generator, resamples=400)
        covered += 0.0 in interval
    assert abs(covered / 400 - 0.94) < 4 * math.sqrt(0.95 * 0.05 / 400)  # 0.94: percentiles of 120 are a little short


# Configurations.


def outcome(call: Callable[[], object], refusal: type[Exception]) -> tuple[object, str | None]:
    """What a call returns, or None and what it says when it refuses."""
    try:
        return call(), None
    except refusal as error:
        return None, str(error)


anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(), st.text(max_size=8), st.just([1])
)
WHOLE = {"epochs": 1, "batch_size": 1, "decay_every": 0, "patience": 0}


@given(st.sampled_from(sorted(training.TrainingConfig.__dataclass_fields__)), anything)
@example("epochs", "3")
@example("learning_rate", None)
@example("learning_rate", True)
@example("optimizer", [1])
def test_a_configuration_is_in_range_or_refused_by_name(name: str, value: object) -> None:
    config, message = outcome(lambda: training.TrainingConfig(**{name: value}), ValueError)
    if message is not None:
        assert message.startswith(f"{name} is {value!r}; ")
        return
    assert getattr(config, name) is value
    assert not isinstance(value, bool)
    if name in WHOLE:
        assert isinstance(value, int)
        assert value >= WHOLE[name]
    elif name == "optimizer":
        assert value in training.OPTIMIZERS
    else:
        assert 0 <= value < math.inf


literals = st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.none())


@given(literals | st.tuples(literals, literals))
def test_a_parameter_is_read_as_python_writes_it(value: object) -> None:
    default = 1 if value is None else value
    converted = convert("X", repr(value), default)
    assert converted == value
    assert type(converted) is type(value)


@given(st.text(max_size=40) | st.text("()[]{}:,0123456789e.-+'\"_", max_size=40), literals | st.text())
@example("{[]: 1}", 1)
@example("9" * 400, 0.5)
@example("9" * 5000, 1)
@example("(" * 300, 1)
@example("-" * 5000 + "1", 1)
@example("\0", 1)
def test_any_text_is_a_value_of_the_right_type_or_refused_by_name(text: str, default: object) -> None:
    value, message = outcome(lambda: convert("SOME_NAME", text, default), UsageError)
    if message is None:
        assert default is None or value is None or type(value) is type(default)
    else:
        assert message.startswith("SOME_NAME takes a value of type")
