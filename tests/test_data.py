"""The images arrive whole or not at all, and are split fairly."""

import gzip
import time
from pathlib import Path

import pytest
import torch
from conftest import idx_bytes, seeded

from mnist_lr_helpers import data, files


def test_mirror_fills_an_empty_folder(tiny_mirror: Path) -> None:
    loaded = data.load_data("mnist")
    assert loaded.name == "mnist"
    assert [len(part) for part in (loaded.train, loaded.validation, loaded.test)] == [180, 20, 50]
    assert loaded.train.images.shape == (180, 1, 28, 28)
    assert loaded.train.images.dtype == torch.float32
    assert loaded.train.labels.dtype == torch.int64
    assert not list(data.raw_folder("mnist").glob(".*.part"))


def test_mirror_may_be_a_copied_data_folder(tiny_mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data.load_data("mnist")
    monkeypatch.setenv("MNIST_LR_MIRROR", (tmp_path / "data").as_uri())
    assert data.load_data("mnist", root=tmp_path / "elsewhere").name == "mnist"


def test_files_at_hand_need_no_mirror(tiny_mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data.load_data("mnist")
    monkeypatch.delenv("MNIST_LR_MIRROR")
    monkeypatch.setattr(data, "_download", lambda *_: pytest.fail("downloaded again"))
    data.load_data("mnist")


@pytest.mark.parametrize("damage", [lambda b: b[:-1000], lambda b: b[:5000] + bytes([b[5000] ^ 1]) + b[5001:]])
def test_damaged_unpacked_file_is_repaired(tiny_mirror: Path, damage) -> None:
    before = data.load_data("mnist")
    file = data.raw_folder("mnist") / "train-images-idx3-ubyte"
    file.write_bytes(damage(file.read_bytes()))
    assert torch.equal(data.load_data("mnist").train.images, before.train.images)


def test_known_md5_finds_a_flipped_byte(tiny_mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data.load_data("mnist")
    file = data.raw_folder("mnist") / "t10k-labels-idx1-ubyte"
    monkeypatch.setattr(data, "UNPACKED_MD5", {("MNIST", file.name): data._md5(file)})
    for archive in data.raw_folder("mnist").glob("*.gz"):
        if "t10k-labels" in archive.name:
            archive.unlink()
    good = file.read_bytes()
    file.write_bytes(good[:-1] + b"\x09")
    data.load_data("mnist")
    assert file.read_bytes() == good


@pytest.mark.parametrize(
    ("payload", "word"), [(b"<html>please log in</html>", "HTML page"), (b"\x1f\x8b" + bytes(100), "MD5")]
)
def test_wrong_bytes_are_refused(tiny_mirror: Path, payload: bytes, word: str) -> None:
    (tiny_mirror / "train-images-idx3-ubyte.gz").write_bytes(payload)
    with pytest.raises(data.DataError, match=word):
        data.load_data("mnist")
    assert not (data.raw_folder("mnist") / "train-images-idx3-ubyte.gz").exists()


def test_auto_falls_back_loudly_and_soon(tiny_mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MNIST_LR_MIRROR")
    with pytest.warns(UserWarning, match="scikit-learn"):
        loaded = data.load_data("auto")
    assert loaded.name == "digits"
    assert "scikit-learn" in loaded._repr_mimebundle_()["text/markdown"]
    assert loaded._repr_mimebundle_()[data.DATASET_MIME] == {"name": "digits"}


def test_a_silent_network_does_not_hold_up_the_fallback(tiny_mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data.urllib.request, "urlopen", lambda *_, **__: time.sleep(60))
    with pytest.warns(UserWarning, match="no answer within 3 s"):
        assert data.resolve("auto")[0] == "digits"


def test_all_places_together_are_waited_for_ten_seconds_at_most() -> None:
    places = {"the mirror"} | {url.rsplit("/", 1)[0] for archive in data._archives("mnist") for url in archive.urls}
    assert len(places) * data.SECONDS_PER_PLACE_BEFORE_FALLBACK <= 10
    assert data.SECONDS_PER_PLACE <= 10


def test_a_data_set_asked_for_by_name_never_falls_back(tiny_mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MNIST_LR_MIRROR")
    with pytest.raises(data.DataError, match="MNIST_LR_MIRROR"):
        data.load_data("mnist")


def test_unwritable_folder_says_so(tiny_mirror: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(data.DataError, match="cannot be written"):
        data.load_data("mnist", root=tmp_path / "file")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"dataset": "cifar"}, "choose one of"),
        ({"scaling": "none"}, "choose one of"),
        ({"train_size": 1_000_000}, "TRAIN_SIZE is 1,000,000"),
        ({"train_size": 3}, "one image per class"),
    ],
)
def test_bad_arguments_are_named(arguments: dict, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        data.load_data(**({"dataset": "digits"} | arguments))


def test_split_is_stratified_disjoint_and_seeded() -> None:
    labels = torch.randint(0, 10, (5000,), generator=seeded(3)) ** 2 // 10  # unequal classes
    chosen = data.stratified_sample(labels, 500, generator=seeded(1))
    assert len(chosen.unique()) == 500
    share = labels.bincount(minlength=9) / 10
    assert ((labels[chosen].bincount(minlength=9) - share).abs() <= 1).all()
    assert torch.equal(chosen, data.stratified_sample(labels, 500, generator=seeded(1)))
    assert not torch.equal(chosen, data.stratified_sample(labels, 500, generator=seeded(2)))


def test_standard_scaling_uses_the_training_split_alone(digits: data.Dataset) -> None:
    assert digits.train.images.mean().abs() < 1e-4
    assert abs(digits.train.images.std().item() - 1) < 1e-3
    unit = data.load_data("digits", scaling="unit")
    assert torch.allclose(digits.to_unit(digits.test.images), unit.test.images, atol=1e-5)
    assert unit.test.images.min() >= 0
    assert unit.test.images.max() <= 1


def test_subset_is_stratified_and_leaves_the_test_split_whole() -> None:
    small = data.load_data("digits", train_size=500)
    assert (len(small.train), len(small.test)) == (500, 256)
    assert small.train.labels.bincount().min() >= 45


@pytest.mark.parametrize("content", [b"", b"\0\0\x08", b"\0\0\x08\x03" + b"\0\0\0\2" * 3, b"\0\0\x99\x01\0\0\0\1\0"])
def test_broken_idx_file_is_an_error_not_nonsense(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "broken-idx3-ubyte"
    file.write_bytes(content)
    with pytest.raises(data.DataError, match="broken-idx3-ubyte is not a complete IDX file"):
        data.read_idx(file)


def test_read_idx_reads_what_was_written(tmp_path: Path) -> None:
    images = torch.randint(0, 256, (3, 28, 28), generator=seeded(), dtype=torch.uint8)
    (tmp_path / "images").write_bytes(idx_bytes(images))
    assert torch.equal(data.read_idx(tmp_path / "images"), images)


def test_images_and_labels_of_different_length_are_refused(tiny_mirror: Path) -> None:
    data.load_data("mnist")
    folder = data.raw_folder("mnist")
    with gzip.open(folder / "t10k-labels-idx1-ubyte.gz") as file:
        (folder / "t10k-labels-idx1-ubyte").write_bytes(file.read())
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx_bytes(torch.zeros(49, dtype=torch.uint8)))
    with pytest.raises(data.DataError, match="do not belong together"):
        data._read("mnist", None)


def test_write_atomically_leaves_the_old_file_on_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "kept"
    data.write_atomically(file, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(data.os, "fsync", full)
    with pytest.raises(files.FileError, match="No space left"):
        data.write_atomically(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_mnist_is_the_original(mnist: data.Dataset) -> None:
    counts = [(mnist.train.labels.bincount() + mnist.validation.labels.bincount()).tolist(), len(mnist.test)]
    assert counts == [[5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949], 10_000]
    assert (len(mnist.train), len(mnist.validation)) == (54_000, 6_000)
    assert (round(mnist.mean, 3), round(mnist.std, 3)) == (0.131, 0.308)
