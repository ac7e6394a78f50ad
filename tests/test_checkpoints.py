"""A laptop closed in mid-training, a damaged file, another run's file: nothing lost, nothing wrong, no riddle."""

import math
import os
import pickle
import random
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path

from mnist_lr_helpers import models, training
from mnist_lr_helpers.checkpoints import CheckpointError, checkpoint
from mnist_lr_helpers.data import Split
from mnist_lr_helpers.files import FileError

import pytest
import torch
from conftest import in_child, seeded
from torch import Tensor

COLUMNS = ["train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "learning_rate"]
Outcome = tuple[models.Classifier, training.History]


def part(n: int, seed: int) -> Split:
    return Split(torch.randn(n, 12, generator=seeded(seed)), torch.arange(n) % 3)


def blur(images: Tensor, *, generator: torch.Generator, strength: float = 0.1) -> Tensor:
    return images + strength * torch.randn(images.shape, generator=generator)


def train(
    epochs: int,
    file: Path | str | None = None,
    *,
    model: models.Classifier | None = None,
    splits: tuple[Split, Split] | None = None,
    shuffling: int = 3,
    **settings,
) -> Outcome:
    """Train a small model on noise; everything in it is the same in each call."""
    model = model or models.LogisticRegression(12, 3, generator=seeded(0))
    splits = splits or (part(40, 1), part(20, 2))
    config = training.TrainingConfig(epochs=epochs, **{"batch_size": 16, "augment": blur, "progress": False} | settings)
    keep = None if file is None else checkpoint(file)
    return model, training.fit(model, *splits, config, generator=seeded(shuffling), after_epoch=keep)


def same(first: Outcome, second: Outcome) -> bool:
    """Whether two runs agree in every bit of the weights and of the history."""
    pairs = zip(first[0].parameters(), second[0].parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs) and first[1].table[COLUMNS].equals(second[1].table[COLUMNS])


def epochs_in(file: Path) -> int:
    return len(torch.load(file, weights_only=True)["history"])


# Going on.


@pytest.mark.parametrize("optimizer", training.OPTIMIZERS)
@pytest.mark.parametrize("decay_every", [0, 2])
def test_a_run_that_goes_on_equals_an_uninterrupted_one_bit_for_bit(
    tmp_path: Path, optimizer: str, decay_every: int
) -> None:
    file, settings = tmp_path / "run.pt", {"optimizer": optimizer, "decay_every": decay_every}
    train(1, file, **settings)
    train(3, file, **settings)
    assert same(train(6, file, **settings), train(6, **settings))


def test_the_best_weights_of_before_are_not_forgotten(tmp_path: Path) -> None:
    """At this rate, noise is only learned by heart: the best epoch is among the first."""
    file, settings = tmp_path / "run.pt", {"learning_rate": 1.0, "augment": None}
    train(4, file, **settings)
    model, history = train(8, file, **settings)
    assert history.best_epoch <= 4, "the case needs a best epoch before the break"
    assert same((model, history), train(8, **settings))


def test_patience_that_has_run_out_can_be_extended(tmp_path: Path) -> None:
    file, settings = tmp_path / "run.pt", {"learning_rate": 1.0, "augment": None}
    _, stopped = train(50, file, patience=2, **settings)
    assert stopped.stopped_early
    _, again = train(50, file, patience=2, **settings)
    assert again.rows == stopped.rows
    _, longer = train(50, file, patience=4, **settings)
    assert len(longer.rows) == longer.best_epoch + 4


# Another run's file.

ANOTHER = {
    "starting weights": lambda: {"model": models.LogisticRegression(12, 3, generator=seeded(1))},
    "random numbers": lambda: {"shuffling": 4},
    "training images": lambda: {"splits": (part(40, 9), part(20, 2)), "augment": None},
    "validation images": lambda: {"splits": (part(40, 1), part(20, 9))},
    "learning_rate": lambda: {"learning_rate": 0.5},
    "optimizer": lambda: {"optimizer": "adam"},
    "augment": lambda: {"augment": lambda images, *, generator: blur(images, generator=generator, strength=0.2)},
    "model": lambda: {"model": models.MultilayerPerceptron([4], n_features=12, n_classes=3, generator=seeded(0))},
}


@pytest.mark.parametrize("what", ANOTHER)
def test_another_runs_file_is_refused_by_what_differs(what: str, tmp_path: Path) -> None:
    file = tmp_path / "run.pt"
    train(2, file, **({"augment": None} if what == "training images" else {}))
    kept = file.read_bytes()
    with pytest.raises(CheckpointError, match=f"was written with {what} .*, this run has .*; delete the file"):
        train(3, file, **ANOTHER[what]())
    assert file.read_bytes() == kept


def test_labels_count_as_part_of_the_images(tmp_path: Path) -> None:
    file, first = tmp_path / "run.pt", part(40, 1)
    train(2, file)
    with pytest.raises(CheckpointError, match="training images"):
        train(3, file, splits=(Split(first.images, first.labels.roll(1)), part(20, 2)))


def test_fewer_epochs_than_it_holds_and_other_versions_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "run.pt"
    train(3, file)
    with pytest.raises(CheckpointError, match="already holds 3 epochs, this run asks for 2"):
        train(2, file)
    saved = torch.load(file, weights_only=True)
    for name, value in (("format", "0"), ("torch version", "1.13.1")):
        torch.save(saved | {"identity": saved["identity"] | {name: value}}, file)
        with pytest.raises(CheckpointError, match=f"was written with {name} {value}, this run has"):
            train(4, file)


# Damage.


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
    "a pickle": lambda file, _: file.write_bytes(pickle.dumps(Hostile())),
    "code among the epochs": lambda file, saved: torch.save(saved | {"history": [Hostile()]}, file),
}


@pytest.mark.parametrize("write", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_file_is_no_checkpoint(write: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "run.pt"
    train(1, file)
    write(file, torch.load(file, weights_only=True))
    with pytest.raises(CheckpointError, match=r"is no checkpoint of this course .* delete the file to start"):
        train(2, file)
    assert not (tmp_path / "executed").exists()


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
        except CheckpointError:
            refused += 1
    assert refused > 45


def test_nothing_is_written_of_a_training_that_cannot_begin(tmp_path: Path) -> None:
    spoilt = Split(torch.full((20, 12), math.nan), torch.arange(20) % 3)
    for splits in ((spoilt, part(20, 2)), (part(20, 1), spoilt)):
        with pytest.raises(training.TrainingError):
            train(1, tmp_path / "run.pt", splits=splits)
    assert not list(tmp_path.iterdir())


def killed_thirty_times(path: str) -> list:
    """Start, wait for a new checkpoint, kill −9 a random moment later; again from there. Then finish, and compare."""
    torch.set_num_threads(1)
    file, chance, before, interrupted = Path(path), random.Random(0), 0, 0
    train(1)  # torch loads much of itself at first use; let no child do it again
    for _ in range(30):
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
def test_thirty_kills_leave_a_checkpoint_and_the_resumed_run_is_the_same(tmp_path: Path) -> None:
    equal, interrupted, left = in_child(killed_thirty_times, str(tmp_path / "run.pt"))
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
