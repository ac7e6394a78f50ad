"""The images are whole, fairly split, and there and back between pixels and numbers."""

import gzip
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from mnist_lr_helpers import data, download

import numpy as np
import pytest
import torch
from conftest import idx_bytes, published, seeded, tiny_files
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from torchvision import datasets

seeds = st.integers(0, 2**31)


def test_the_images_arrive_and_the_notebook_says_which(tiny_mirror: Path) -> None:
    loaded = data.load_data("mnist")
    assert [len(part) for part in (loaded.train, loaded.validation, loaded.test)] == [180, 20, 50]
    assert loaded.train.images.shape == (180, 1, 28, 28)
    assert (loaded.train.images.dtype, loaded.train.labels.dtype) == (torch.float32, torch.int64)
    assert (loaded.name, loaded.note) == ("mnist", "")
    assert loaded._repr_mimebundle_()["application/vnd.mnist-lr.dataset+json"] == {"name": "mnist"}


def test_mnist_is_the_original(mnist: data.Dataset) -> None:
    counts = [(mnist.train.labels.bincount() + mnist.validation.labels.bincount()).tolist(), len(mnist.test)]
    assert counts == [[5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949], 10_000]
    assert (len(mnist.train), len(mnist.validation)) == (54_000, 6_000)
    assert (round(mnist.mean, 3), round(mnist.std, 3)) == (0.131, 0.308)


# Where the images cannot be had.


@pytest.mark.slow
def test_auto_falls_back_loudly_within_ten_seconds(tiny_mirror: Path, play, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three places that hang, with the waiting times as they are."""
    servers = [play(lambda answer, _: answer.stall()) for _ in range(3)]
    monkeypatch.setenv("MNIST_LR_MIRROR", servers[0].address)
    monkeypatch.setitem(download.CATALOGUE, "mnist", published(*(server.address for server in servers[1:])))
    with pytest.warns(UserWarning, match=r"(no answer within 3 s[^,]*){3}"):
        loaded = data.load_data("auto")
    assert [len(server.asked) for server in servers] == [1, 1, 1]
    shown = loaded._repr_mimebundle_()
    assert "scikit-learn" in shown["text/markdown"]
    assert "set MNIST_LR_MIRROR" in shown["text/plain"]
    assert shown["application/vnd.mnist-lr.dataset+json"] == {"name": "digits"}


def test_the_fallback_names_the_folder_where_that_is_what_is_wrong(tiny_mirror: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.warns(UserWarning, match="cannot be written"):
        note = data.resolve("auto", root=tmp_path / "file")[1]
    assert "name another data folder in MNIST_LR_DATA, then restart" in note
    assert "MNIST_LR_MIRROR" not in note


def test_a_data_set_asked_for_by_name_never_falls_back(tiny_mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MNIST_LR_MIRROR")
    with pytest.raises(data.DataError, match="MNIST_LR_MIRROR"):
        data.load_data("mnist")


# Files that say what they should not, with checksums that agree.

WRONG = {
    "other sides": ("train-images", lambda b: b[:8] + struct.pack(">2I", 14, 56) + b[16:]),
    "fewer labels than images": ("train-labels", lambda b: b[:4] + struct.pack(">I", 150) + b[8:158]),
    "a label of 10": ("t10k-labels", lambda b: b[:-1] + b"\x0a"),
    "nothing": ("t10k-labels", lambda b: b""),
    "images for labels": ("t10k-labels", lambda b: idx_bytes(np.zeros((50, 1), np.uint8))),
}


@pytest.mark.parametrize(("part", "change"), WRONG.values(), ids=WRONG)
def test_nonsense_in_a_published_file_is_an_error(part: str, change: Callable, tiny_mirror: Path, monkeypatch) -> None:
    files = {
        name: gzip.compress(change(gzip.decompress(packed)), mtime=0) if part in name else packed
        for name, packed in tiny_files().items()
    }
    for name, packed in files.items():
        (tiny_mirror / name).write_bytes(packed)
    monkeypatch.setitem(download.CATALOGUE, "mnist", published(files=files))
    with pytest.raises(data.DataError, match=r"is not a complete IDX file|do not belong together"):
        data.load_data("mnist")


@settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 9), min_size=1, max_size=3), seeds, st.booleans(), st.slices(20), st.binary(max_size=4))
@example([1], 0, False, slice(3, 8), b"\0\0\0\0\0")
@example([2, 2], 0, False, slice(3, 4), b"\0")
def test_an_idx_file_reads_as_written_and_a_changed_one_as_it_says_or_not_at_all(
    tmp_path: Path, shape: list[int], seed: int, wide: bool, where: slice, new: bytes
) -> None:
    file, written = tmp_path / "any-ubyte", np.random.default_rng(seed).integers(0, 256, shape, "i4" if wide else "u1")
    file.write_bytes(idx_bytes(written))
    assert np.array_equal(data.read_idx(file), written)
    content = bytearray(idx_bytes(written))
    content[where.start : where.stop] = new
    file.write_bytes(content)
    with suppress(data.DataError):
        assert idx_bytes(data.read_idx(file).numpy()) == content


@pytest.mark.parametrize("content", [b"", b"\0\0\x08", b"\0\0\x08\3" + b"\0\0\0\2" * 3, b"\0\0\x99\1\0\0\0\1\0"])
def test_a_broken_or_missing_idx_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken").write_bytes(content)
    with pytest.raises(data.DataError, match="broken is not a complete IDX file"):
        data.read_idx(tmp_path / "broken")
    with pytest.raises(data.DataError, match=r"none does not exist; load_data\(\) puts it there"):
        data.read_idx(tmp_path / "none")


# The catalogue.


def test_a_data_set_may_have_other_classes_and_labels_in_columns(tiny_mirror: Path, monkeypatch) -> None:
    files, letters = dict(tiny_files()), "abcdefghijklmnopqrstuvwxyz"
    for part, n in (("train", 200), ("t10k", 50)):
        columns = np.stack([np.full(n, 99), np.arange(n) % 26], axis=1).astype(np.int32)
        files[f"{part}-labels-idx1-ubyte.gz"] = gzip.compress(idx_bytes(columns))
    for name, packed in files.items():
        (tiny_mirror / name).write_bytes(packed)
    source = replace(published(files=files), torchvision_class="Letters", label_column=1, test_size=40)
    monkeypatch.setitem(download.CATALOGUE, "letters", replace(source, classes=letters))
    loaded = data.load_data("letters", train_size=26)
    assert "".join(loaded.classes) == letters
    assert loaded.test.labels.tolist() == [k % 26 for k in range(40)]
    monkeypatch.setitem(download.CATALOGUE, "letters", source)
    with pytest.raises(data.DataError, match="are not of 10 classes"):
        data.load_data("letters")
    with pytest.raises(ValueError, match=r"choose one of 'auto', 'mnist', .*'letters', 'digits'"):
        data.load_data("cifar")


@pytest.mark.parametrize("name", download.CATALOGUE)
def test_each_line_of_the_catalogue_agrees_with_torchvision(name: str) -> None:
    source = download.CATALOGUE[name]
    theirs = getattr(datasets, source.torchvision_class)
    assert list(source.classes) == [each.split(" - ")[0] for each in theirs.classes]
    parts = [("train" in file.name, "images" in file.name) for file in source.files()]
    assert parts == [(True, True), (True, False), (False, True), (False, False)]
    assert all(bool(file.unpacked_md5) == (name == "mnist") for file in source.files())
    if name == "mnist":  # whose addresses and sums stand in the catalogue, so that nothing need be imported for them
        listed = [(url, file.md5) for file in source.files() for url in file.urls]
        assert listed == [(place + file, md5) for file, md5 in theirs.resources for place in theirs.mirrors]
    assert all(url.startswith("http") and url.endswith(f"/{file.name}") for file in source.files() for url in file.urls)


# Arguments and splits.


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"dataset": "cifar"}, "choose one of 'auto', 'mnist', 'fashion-mnist', 'kmnist', 'qmnist', 'digits'"),
        ({"scaling": "none"}, "choose one of"),
        ({"train_size": 1_000_000}, "TRAIN_SIZE is 1,000,000"),
        ({"train_size": 3}, "one image per class"),
        ({"train_size": 500.0}, "TRAIN_SIZE is 500.0; give a whole number"),
        ({"train_size": True}, "TRAIN_SIZE is True; give a whole number"),
        ({"seed": "0"}, "SEED is '0'; give a whole number"),
        ({"seed": False}, "SEED is False; give a whole number"),
        ({"seed": 2**64}, r"SEED is 18,446,744,073,709,551,616; choose between -2,147,483,648 and 2,147,483,647"),
        ({"seed": 2**32}, "SEED is 4,294,967,296; choose between"),  # which were the same as 0
        ({"seed": -(2**31) - 1}, "SEED is -2,147,483,649; choose between"),
    ],
)
def test_bad_arguments_are_named(arguments: dict, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        data.load_data(**({"dataset": "digits"} | arguments))


def test_no_two_seeds_are_the_same() -> None:
    seeds_at_the_ends = (-(2**31), -1, 0, 1, 2**31 - 1)
    drawn = {tuple(torch.rand(3, generator=data.seeded(seed)).tolist()) for seed in seeds_at_the_ends}
    assert len(drawn) == 5


def test_whole_numbers_of_numpy_are_whole_numbers() -> None:
    ours = data.load_data("digits", seed=3, train_size=500)
    theirs = data.load_data("digits", seed=np.int64(3), train_size=np.int32(500))
    assert torch.equal(ours.train.images, theirs.train.images)


@pytest.mark.parametrize("images", [torch.zeros(3, 5), torch.zeros(3, 1, 28, 28)])
@pytest.mark.parametrize("labels", [[[0], [0], [0]], [0, 0], [0.0, 0.0, 0.0], [True, True, True], 0])
def test_labels_that_do_not_fit_are_refused_where_a_split_is_made(images: torch.Tensor, labels: list) -> None:
    labels = torch.tensor(labels)
    with pytest.raises(ValueError, match=r"labels.flatten\(\).long\(\) may help") as caught:
        data.Split(images, labels)
    for value in (images, labels):
        assert f"{list(value.shape)} of {value.dtype}" in str(caught.value)
    assert len(data.Split(images[:0], torch.arange(0))) == 0


@pytest.mark.parametrize("kinds", [(np.asarray, np.asarray), (torch.as_tensor, list), (list, torch.as_tensor)])
def test_what_are_no_tensors_are_refused_where_a_split_is_made(kinds: tuple[Callable, Callable]) -> None:
    images, labels = (kind(values) for kind, values in zip(kinds, ([[0.0], [1.0]], [0, 1]), strict=True))
    with pytest.raises(ValueError, match=rf"{type(images).__name__} and {type(labels).__name__}; .*as_tensor"):
        data.Split(images, labels)


@settings(deadline=None, derandomize=True)
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
    first, second = (data.stratified_sample(torch.zeros(5_000), 500, generator=seeded(seed + k)) for k in (0, 1))
    assert not torch.equal(first, second)


@pytest.mark.parametrize(("train_size", "seed"), [(10, 0), (11, 1), (500, -1), (1387, 2)])
def test_the_splits_of_the_digits_share_no_image(train_size: int, seed: int) -> None:
    parts = data.load_data("digits", seed=seed, train_size=train_size, scaling="unit")
    assert (len(parts.train), len(parts.test)) == (train_size, 256)
    assert set(parts.train.labels.tolist()) == set(range(10))
    everything = torch.cat([parts.train.images, parts.validation.images, parts.test.images]).flatten(1)
    assert len(everything) == len(everything.unique(dim=0)), "the 1,797 digits have no two that are equal"


def test_standard_scaling_uses_the_training_split_alone(digits: data.Dataset) -> None:
    assert digits.train.images.mean().abs() < 1e-4
    assert abs(digits.train.images.std().item() - 1) < 1e-3
    unit = data.load_data("digits", scaling="unit")
    assert torch.allclose(digits.to_unit(digits.test.images), unit.test.images, atol=1e-5)
    assert torch.allclose(digits.from_unit(unit.test.images), digits.test.images, atol=1e-5)
    assert torch.equal(unit.to_unit(unit.test.images), unit.test.images)
    assert (unit.test.images.min(), unit.test.images.max()) == (0, 1)
