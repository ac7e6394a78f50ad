"""The images are whole, fairly split, and there and back between pixels and numbers."""

import gzip
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Answer, idx_bytes, published, seeded, tiny_files
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mnist_lr_helpers import data, download

IDX = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
    """With the waiting times as they are, and three places that do not answer, fall silent, or send a byte now and then."""

    def hang(answer: Answer, packed: bytes) -> None:
        part = servers.index(answer.server)
        if part:
            answer.send(b"", length=1_000)
        while not answer.server.stopped.wait(0.05):
            answer.wfile.write(b"\0" * (part // 2))

    servers = [play(hang) for _ in range(3)]
    places = [server.address for server in servers]
    monkeypatch.setenv("MNIST_LR_MIRROR", places[0])
    monkeypatch.setitem(download.CATALOGUE, "mnist", published(*places[1:]))
    with pytest.warns(UserWarning, match="no answer within 3 s\n.*timed out\n.*only .* within 3 s"):
        loaded = data.load_data("auto")
    assert [len(server.asked) for server in servers] == [1, 1, 1]
    assert loaded.name == "digits"
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
    "wrong magic": ("train-images", lambda b: b"\0\0\x09" + b[3:]),
    "more images than there are": ("train-images", lambda b: b[:4] + struct.pack(">I", 201) + b[8:]),
    "other sides": ("train-images", lambda b: b[:8] + struct.pack(">2I", 14, 56) + b[16:]),
    "fewer labels than images": ("train-labels", lambda b: b[:4] + struct.pack(">I", 150) + b[8:158]),
    "a label of 10": ("t10k-labels", lambda b: b[:-1] + b"\x0a"),
    "no images": ("t10k-images", lambda b: b[:4] + bytes(4) + b[8:16]),
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


arrays = st.builds(
    lambda shape, seed, kind: np.random.default_rng(seed).integers(0, 256, shape, dtype=kind),
    st.lists(st.integers(1, 9), min_size=1, max_size=3),
    seeds,
    st.sampled_from(["u1", "i4"]),
)


@IDX
@given(arrays, st.integers(0, 20), st.integers(0, 4), st.binary(max_size=4))
@example(np.zeros(1, "u1"), 3, 5, b"\0\0\0\0\0")
@example(np.zeros((2, 2), "u1"), 3, 1, b"\x00")
def test_an_idx_file_reads_as_written_and_a_changed_one_as_it_says(
    tmp_path: Path, written: np.ndarray, start: int, length: int, new: bytes
) -> None:
    file, content = tmp_path / "any-ubyte", idx_bytes(written)
    file.write_bytes(content)
    found = data.read_idx(file)
    assert np.array_equal(found, written)
    assert found.dtype == {1: torch.uint8, 4: torch.int32}[written.itemsize]
    changed = content[:start] + new + content[start + length :]
    file.write_bytes(changed)
    try:
        found = data.read_idx(file)
    except data.DataError as error:
        assert str(file) in str(error)
        assert changed != content
    else:
        assert idx_bytes(found.numpy()) == changed


def test_a_missing_idx_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(data.DataError, match=r"none does not exist; load_data\(\) puts it there"):
        data.read_idx(tmp_path / "none")


# The catalogue.


def test_a_data_set_may_have_other_classes_and_labels_in_columns(tiny_mirror: Path, monkeypatch) -> None:
    labels = {"train": np.arange(200) % 26, "t10k": np.arange(50) % 26}
    files = dict(tiny_files())
    for part, classes in labels.items():
        columns = np.stack([np.full_like(classes, 99), classes], axis=1).astype(np.int32)
        files[f"{part}-labels-idx1-ubyte.gz"] = gzip.compress(idx_bytes(columns))
    letters = replace(
        published(files=files), torchvision_class="Letters", classes="abcdefghijklmnopqrstuvwxyz", label_column=1
    )
    for name, packed in files.items():
        (tiny_mirror / name).write_bytes(packed)
    monkeypatch.setitem(download.CATALOGUE, "letters", replace(letters, test_size=40))
    loaded = data.load_data("letters")
    assert "".join(loaded.classes) == "abcdefghijklmnopqrstuvwxyz"
    assert loaded.test.labels.tolist() == labels["t10k"][:40].tolist()
    assert (
        loaded.train.labels.bincount().tolist()
        == (np.bincount(labels["train"]) - 0 - loaded.validation.labels.bincount(minlength=26).numpy()).tolist()
    )
    monkeypatch.setitem(download.CATALOGUE, "letters", replace(letters, classes="abc"))
    with pytest.raises(data.DataError, match="are not of 3 classes"):
        data.load_data("letters")
    with pytest.raises(ValueError, match="choose one of 'auto', 'mnist', .*'letters', 'digits'"):
        data.load_data("cifar")


@pytest.mark.parametrize("name", download.CATALOGUE)
def test_each_line_of_the_catalogue_agrees_with_torchvision(name: str) -> None:
    from torchvision import datasets

    source = download.CATALOGUE[name]
    published = getattr(datasets, source.torchvision_class)
    assert list(source.classes) == [each.split(" - ")[0] for each in published.classes]
    files = source.files()
    assert ["images" in file.name for file in files] == [True, False, True, False]
    assert ["train" in file.name for file in files] == [True, True, False, False]
    assert all(url.endswith(f"/{file.name}") for file in files for url in file.urls)
    assert all(bool(file.unpacked_md5) == (name == "mnist") for file in files)


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
    ],
)
def test_bad_arguments_are_named(arguments: dict, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        data.load_data(**({"dataset": "digits"} | arguments))


def test_whole_numbers_of_numpy_are_whole_numbers() -> None:
    ours = data.load_data("digits", seed=3, train_size=500)
    theirs = data.load_data("digits", seed=np.int64(3), train_size=np.int32(500))
    assert torch.equal(ours.train.images, theirs.train.images)


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (torch.zeros(3, 5), torch.zeros(3, 1, dtype=torch.long)),
        (torch.zeros(3, 5), torch.zeros(4, dtype=torch.long)),
        (torch.zeros(3, 1, 28, 28), torch.zeros(3, dtype=torch.uint8)),
        (torch.zeros(3, 1, 28, 28), torch.zeros(3)),
        (torch.zeros(3), torch.zeros(3, dtype=torch.long)),
    ],
    ids=["labels in a column", "too many", "bytes", "floats", "images without pixels"],
)
def test_a_split_that_is_none_is_refused_where_it_is_made(images: torch.Tensor, labels: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"labels.flatten\(\).long\(\) may help") as caught:
        data.Split(images, labels)
    for value in (images, labels):
        assert f"{list(value.shape)} of {value.dtype}" in str(caught.value)


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


def test_another_seed_draws_another_sample() -> None:
    first, second = (data.stratified_sample(torch.zeros(5_000), 500, generator=seeded(seed)) for seed in (1, 2))
    assert not torch.equal(first, second)


@settings(deadline=None, derandomize=True, max_examples=10)
@given(st.integers(10, 1387), seeds)
@example(10, 0)
@example(1387, 0)
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
