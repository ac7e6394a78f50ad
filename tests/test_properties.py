"""What holds for any input: IDX files, splits, configurations."""

import gzip
import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import archives_of, idx_bytes, seeded
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mnist_lr_helpers import data, runner, training

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
    converted = runner.convert("X", repr(value), default)
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
    value, message = outcome(lambda: runner.convert("SOME_NAME", text, default), runner.UsageError)
    if message is None:
        assert default is None or value is None or type(value) is type(default)
    else:
        assert message.startswith("SOME_NAME takes a value of type")
