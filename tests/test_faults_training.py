"""A laptop closed in mid-training, a damaged checkpoint, data that are none: nothing lost, nothing wrong, no riddle."""

import math
import os
import random
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import in_child, seeded

from mnist_lr_helpers import models, training
from mnist_lr_helpers.data import Split
from mnist_lr_helpers.files import FileError

COLUMNS = ["train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "learning_rate"]


def part(n: int, seed: int) -> Split:
    return Split(torch.randn(n, 12, generator=seeded(seed)), torch.arange(n) % 3)


def blur(images: torch.Tensor, *, generator: torch.Generator) -> torch.Tensor:
    return images + 0.1 * torch.randn(images.shape, generator=generator)


def train(
    epochs: int,
    checkpoint: Path | str | None = None,
    *,
    build: Callable[..., models.Classifier] = models.LogisticRegression,
    train: Split | None = None,
    validation: Split | None = None,
    augment: training.Augmentation | None = blur,
    **settings,
) -> tuple[models.Classifier, training.History]:
    """Train a small model on noise; everything in it is the same in each call."""
    sizes = {"n_features": 12, "n_classes": 3}
    model = build(**sizes, generator=seeded(0)) if build is models.LogisticRegression else build(**sizes)
    history = training.fit(
        model,
        part(40, 1) if train is None else train,
        validation=part(20, 2) if validation is None else validation,
        config=training.TrainingConfig(epochs=epochs, batch_size=16, **settings),
        generator=seeded(3),
        augment=augment,
        checkpoint=checkpoint,
        progress=False,
    )
    return model, history


def same(first: tuple, second: tuple) -> bool:
    """Whether two runs agree in every bit of the weights and of the history."""
    pairs = zip(first[0].parameters(), second[0].parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs) and first[1].table[COLUMNS].equals(second[1].table[COLUMNS])


def epochs_in(file: Path) -> int:
    return len(torch.load(file, weights_only=True)["history"])


def killed_fifty_times(path: str) -> list:
    """Start, wait for a new checkpoint, kill −9 a random moment later; again from there. Then finish, and compare."""
    torch.set_num_threads(1)
    file, chance, before, interrupted = Path(path), random.Random(0), 0, 0
    train(1)  # torch loads much of itself at first use; let no child do it again
    for _ in range(50):
        seen = file.stat().st_mtime_ns if file.exists() else None
        if not (child := os.fork()):
            train(5_000, file)
            os._exit(1)
        while not file.exists() or file.stat().st_mtime_ns == seen:
            assert os.waitpid(child, os.WNOHANG) == (0, 0), "the training ended by itself"
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.03))
        os.kill(child, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        epochs = epochs_in(file)
        assert epochs > before, "a kill has cost epochs that were saved"
        before, interrupted = epochs, interrupted + bool(list(file.parent.glob("*.part")))
    resumed = train(before + 2, file)
    return [same(resumed, train(before + 2)), interrupted, sorted(os.listdir(file.parent))]


@pytest.mark.slow
def test_fifty_kills_leave_a_checkpoint_and_the_resumed_run_is_the_same(tmp_path: Path) -> None:
    equal, interrupted, left = in_child(killed_fifty_times, str(tmp_path / "run.pt"))
    assert equal
    assert interrupted > 0, "no kill hit a checkpoint that was being written"
    assert left == ["run.pt"]


def train_until_the_disk_is_full(path: str) -> list:
    torch.set_num_threads(1)
    train(2, path)
    kept = Path(path).read_bytes()
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(kept) // 2, resource.RLIM_INFINITY))
    try:
        train(4, path)
    except FileError as error:
        message = str(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    unchanged = Path(path).read_bytes() == kept and len(os.listdir(Path(path).parent)) == 1
    return [message, unchanged, same(train(4, path), train(4))]


@pytest.mark.slow
def test_a_full_disk_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    message, unchanged, resumed = in_child(train_until_the_disk_is_full, str(tmp_path / "run.pt"))
    assert "run.pt: File too large. Free some space" in message
    assert unchanged
    assert resumed


def test_a_checkpoint_with_a_damaged_byte_is_refused_or_harmless(tmp_path: Path) -> None:
    file, chance = tmp_path / "run.pt", random.Random(0)
    train(2, file)
    good, whole, refused = file.read_bytes(), train(3), 0
    for k in range(90):
        where = chance.randrange(len(good))
        flipped = good[:where] + bytes([good[where] ^ 1 << chance.randrange(8)]) + good[where + 1 :]
        file.write_bytes(good[:where] if k % 3 == 0 else flipped)
        try:
            assert same(train(3, file), whole)
        except training.CheckpointError:
            refused += 1
    assert refused > 45


class Hostile:
    def __reduce__(self):
        return (Path.touch, (Path("executed"),))


def write_folder(file: Path, _: dict) -> None:
    file.unlink()
    file.mkdir()


FOREIGN = {
    "weights alone": lambda file, saved: torch.save(saved["model"], file),
    "a list": lambda file, _: torch.save([1, 2, 3], file),
    "a list for the identity": lambda file, saved: torch.save(saved | {"identity": [1, 2]}, file),
    "a picture": lambda file, _: file.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100)),
    "nothing": lambda file, _: file.write_bytes(b""),
    "a folder": write_folder,
    "code among the epochs": lambda file, saved: torch.save(saved | {"history": [Hostile()]}, file),
}


@pytest.mark.parametrize("write", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_file_is_no_checkpoint(write: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "run.pt"
    train(1, file)
    write(file, torch.load(file, weights_only=True))
    with pytest.raises(training.CheckpointError, match=r"is no checkpoint of this course .* delete the file to start"):
        train(2, file)
    assert not (tmp_path / "executed").exists()


def test_a_checkpoint_of_another_model_or_version_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "run.pt"
    train(1, file)
    with pytest.raises(training.CheckpointError, match="was written with model LogisticRegression"):
        train(2, file, build=lambda **sizes: models.MultilayerPerceptron([4], **sizes, generator=seeded()))
    with pytest.raises(training.CheckpointError, match="was written with optimizer sgd, this run has adam"):
        train(2, file, optimizer="adam")
    saved = torch.load(file, weights_only=True)
    for name, value in (("format", 0), ("torch version", "1.13.1")):
        torch.save(saved | {"identity": saved["identity"] | {name: value}}, file)
        with pytest.raises(training.CheckpointError, match=f"was written with {name} {value}, this run has"):
            train(2, file)


@pytest.mark.parametrize("which", ["train", "validation"])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: Split(s.images.index_fill(0, torch.tensor(4), math.nan), s.labels), "1 {} images hold .* index 4"),
        (lambda s: Split(s.images.index_fill(0, torch.tensor(4), -math.inf), s.labels), "1 {} images hold .* index 4"),
        (lambda s: Split(s.images, s.labels + 1), "{} labels run from 1 to 3, but the model has 3 outputs"),
        (lambda s: Split(s.images, s.labels - 1), "{} labels run from -1 to 1"),
        (lambda s: Split(s.images[:0], s.labels[:0]), "0 {} images and 0 labels"),
    ],
    ids=["NaN", "infinite", "label too large", "label negative", "nothing"],
)
def test_unusable_data_are_found_before_the_first_step(
    which: str, spoil: Callable[[Split], Split], message: str, tmp_path: Path
) -> None:
    pattern = message.format({"train": "training"}.get(which, which))
    with pytest.raises(training.TrainingError, match=pattern):
        train(1, tmp_path / "run.pt", **{which: spoil(part(20, 5))})
    assert not (tmp_path / "run.pt").exists()


def test_values_spoilt_on_the_way_are_named(tmp_path: Path) -> None:
    """An augmentation that divides by zero: the loss says so, in the first epoch."""
    with pytest.raises(training.TrainingError, match="the loss is nan in epoch 1, batch 1 of 3"):
        train(1, tmp_path / "run.pt", augment=lambda images, *, generator: images / 0 * 0)
    assert not (tmp_path / "run.pt").exists()


def test_one_image_per_class_is_enough(tmp_path: Path) -> None:
    smallest = Split(part(3, 1).images, torch.arange(3))
    _, history = train(2, train=smallest, validation=smallest)
    assert len(history.rows) == 2
