"""The images in memory: how splits are drawn, pixels and back, scikit-learn's small digits."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from pathlib import Path
from typing import SupportsIndex

from mnist_lr_helpers.download import CATALOGUE, FOLDER, announcement, raw_folder, resolve
from mnist_lr_helpers.exceptions import DataError
from mnist_lr_helpers.files import PROJECT
from mnist_lr_helpers.handwriting import load_drawings
from mnist_lr_helpers.splits import Split, read_idx

import torch
from torch import Tensor

SCALINGS = ("standard", "unit")
LEAST_OF_A_CLASS = 50  # own digits: ten for the test, eight for validation, the rest to learn from

# Positions of MNIST test images whose label human raters judged wrong or ambiguous
# (Northcutt, Athalye and Mueller 2021, "Pervasive label errors in test sets …").
DISPUTED_TEST_LABELS = (947, 1621, 1901, 2130, 2462, 2597, 2654, 3520, 3558, 5937, 6651, 6783, 8527, 9679, 9729)


@dataclass(frozen=True)
class Dataset:
    """The three splits of one data set.

    ``mean`` and ``std`` are those of the training split's pixels in [0, 1], whatever the
    scaling. ``note`` is not empty when these are not the images that were hoped for.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    mean: float
    std: float
    classes: tuple[str, ...]
    scaling: str = "standard"
    note: str = ""

    def __repr__(self) -> str:
        sizes = f"{len(self.train):,} training, {len(self.validation):,} validation and {len(self.test):,} test images"
        scale = (
            f"pixels standardised with mean {self.mean:.4f} and standard deviation {self.std:.4f}"
            if self.scaling == "standard"
            else "pixels in [0, 1]"
        )
        return f"{self.name}: {sizes} of 28×28 pixels, {len(self.classes)} classes, {scale}"

    def _repr_mimebundle_(self, **_: object) -> dict[str, object]:
        return announcement(self.name, repr(self), self.note)

    def from_unit(self, images: Tensor) -> Tensor:
        """Scale images with pixels in [0, 1] as this data set's are scaled, same shape."""
        return (images - self.mean) / self.std if self.scaling == "standard" else images

    def to_unit(self, images: Tensor) -> Tensor:
        """Undo the scaling: images as loaded, back to pixels in [0, 1], same shape."""
        return images * self.std + self.mean if self.scaling == "standard" else images


def seeded(seed: int = 0) -> torch.Generator:
    """A source of random numbers of its own, for one purpose.

    Raises:
        ValueError: not a whole number of 32 bits. PyTorch looks at those alone: 0 and 2³² would be the same seed.
    """
    seed = _whole("SEED", seed)
    if not -(2**31) <= seed < 2**31:
        raise ValueError(f"SEED is {seed:,}; choose between {-(2**31):,} and {2**31 - 1:,}")
    return torch.Generator().manual_seed(seed)


def load_data(
    dataset: str = "auto",
    *,
    seed: int = 0,
    train_size: int | None = None,
    scaling: str = "standard",
    root: Path | str | None = None,
) -> Dataset:
    """Load a data set into memory and split off a stratified tenth for validation, of own digits a fifth.

    Args:
        dataset: a name in ``CATALOGUE``, ``"digits"`` or ``"auto"``: that is MNIST wherever it can be
            had, else the 1,797 digits that scikit-learn ships; a data set asked for by name never falls back.
            ``"folder:PATH"`` is a folder or archive of own digits, see ``load_drawings``.
        seed: see ``seeded``; it seeds the split (and nothing else).
        train_size: keep this many training images, stratified, and a sixth as many
            for validation; ``None`` keeps all. Of own digits, fewer are kept where there are no more.
        scaling: ``"standard"`` subtracts the training split's mean and divides by its
            standard deviation; ``"unit"`` leaves pixels in [0, 1].
        root: the data folder; default ``MNIST_LR_DATA`` or the project's ``data/``.

    Raises:
        ValueError: an argument is out of range.
        DataError: the images cannot be had or are damaged.
    """
    if scaling not in SCALINGS:
        raise ValueError(f"scaling is {scaling!r}; choose one of {', '.join(map(repr, SCALINGS))}")
    generator = seeded(seed)
    name, note = resolve(dataset, root=root)
    images, labels, test_images, test_labels, classes = _read(name, root)
    share = 5 if name.startswith(FOLDER) else 10
    validation_index = stratified_sample(labels, round(len(labels) / share), generator=generator)
    train_index = torch.ones(len(labels)).index_fill(0, validation_index, 0).nonzero()[:, 0]
    if train_size is not None:
        train_size = _whole("TRAIN_SIZE", train_size)
        train_size = min(train_size, len(train_index)) if name.startswith(FOLDER) else train_size
        if not len(classes) <= train_size <= len(train_index):
            raise ValueError(
                f"TRAIN_SIZE is {train_size:,}; choose between {len(classes)} (one image per class) and "
                f"{len(train_index):,}, or None for all training images"
            )
        kept = stratified_sample(labels[train_index], train_size, generator=generator)
        train_index = train_index[kept]
        fewer = min(len(validation_index), max(len(classes), train_size // 6))
        kept = stratified_sample(labels[validation_index], fewer, generator=generator)
        validation_index = validation_index[kept]
    train, validation = _split(images, labels, train_index), _split(images, labels, validation_index)
    test = _split(test_images, test_labels, slice(None))
    mean, std = train.images.mean().item(), train.images.std(correction=0).item()
    if scaling == "standard":
        for split in (train, validation, test):
            split.images.sub_(mean).div_(std)
    return Dataset(name, train, validation, test, mean, std, classes, scaling, note)


def stratified_sample(labels: Tensor, size: int, *, generator: torch.Generator) -> Tensor:
    """Draw ``size`` positions of ``labels [n]`` so that each class keeps its share, within one.

    The positions are sorted by class in random order within each class, and every
    n/size-th of them is taken (systematic sampling). Returns sorted ``int64 [size]``.

    Raises:
        ValueError: ``size`` is not between 1 and n.
    """
    if not 1 <= size <= len(labels):
        raise ValueError(f"cannot draw {size} of {len(labels)} images; choose between 1 and {len(labels)}")
    shuffled = torch.randperm(len(labels), generator=generator)
    by_class = shuffled[labels[shuffled].argsort(stable=True)]
    every = torch.arange(size) * len(labels) // size + len(labels) // (2 * size)
    return by_class[every].sort().values


def _whole(name: str, value: SupportsIndex) -> int:
    """A whole number of any library as Python's own; True and False are none."""
    try:
        return operator.index(None if isinstance(value, bool) else value)
    except TypeError:
        raise ValueError(f"{name} is {value!r}; give a whole number") from None


def _split(images: Tensor, labels: Tensor, index: Tensor | slice) -> Split:
    """Part of the uint8 images ``[n, 28, 28]`` as floats in [0, 1]."""
    return Split(images[index].unsqueeze(1).float().div_(255), labels[index].long())


def _read(name: str, root: Path | str | None) -> tuple[Tensor, Tensor, Tensor, Tensor, tuple[str, ...]]:
    """uint8 images ``[n, 28, 28]`` and labels ``[n]`` for training, then test; class names."""
    if name == "digits":
        return _read_digits()
    if name.startswith(FOLDER):
        return _read_folder(PROJECT / Path(name.removeprefix(FOLDER)).expanduser())
    source, folder = CATALOGUE[name], raw_folder(name, root=root)
    tensors = [read_idx(folder / archive.unpacked) for archive in source.files()]
    tensors[2:] = [tensor[: source.test_size] for tensor in tensors[2:]]
    if source.label_column is not None:
        tensors[1::2] = [labels[:, source.label_column] for labels in tensors[1::2]]
    for images, labels in (tensors[:2], tensors[2:]):
        fit = images.dtype == torch.uint8 and images.shape == (*labels.shape, 28, 28)
        if not fit or not 0 <= int(labels.min()) <= int(labels.max()) < len(source.classes):
            raise DataError(
                f"{folder}: images {list(images.shape)} and labels {list(labels.shape)} do not belong "
                f"together, or are not of {len(source.classes)} classes; delete the folder and load again"
            )
    return *tensors, tuple(source.classes)


def _read_digits() -> tuple[Tensor, Tensor, Tensor, Tensor, tuple[str, ...]]:
    """scikit-learn's 8×8 digits as MNIST lays them out: 20×20, in the middle of 28×28."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    small = torch.tensor(bunch.images, dtype=torch.float32).unsqueeze(1) / 16
    large = torch.nn.functional.interpolate(small, size=20, mode="bilinear")
    images = torch.nn.functional.pad(large, (4, 4, 4, 4)).squeeze(1).mul_(255).round_().byte()
    labels = torch.tensor(bunch.target)
    test = torch.zeros(len(labels), dtype=torch.bool)
    test[stratified_sample(labels, len(labels) // 7, generator=seeded(0))] = True
    return images[~test], labels[~test], images[test], labels[test], tuple("0123456789")


def _read_folder(path: Path) -> tuple[Tensor, Tensor, Tensor, Tensor, tuple[str, ...]]:
    """Own digits, of which a fifth, always the same, are for the test."""
    drawings = load_drawings(path)
    images, labels = drawings.images.squeeze(1).mul(255).round_().byte(), drawings.labels
    counts = torch.bincount(labels, minlength=10)
    if counts.min() < LEAST_OF_A_CLASS:
        few = ", ".join(f"{n} × {digit}" for digit, n in enumerate(counts.tolist()) if n < LEAST_OF_A_CLASS)
        raise DataError(
            f"{path} holds {len(labels)} digits that can be read, too few to learn from and to judge by: {few}.\n"
            f"Add some, {LEAST_OF_A_CLASS} of each class at least; five filled sheets have them (make sheet)"
        )
    test = torch.zeros(len(labels), dtype=torch.bool)
    test[stratified_sample(labels, len(labels) // 5, generator=seeded(0))] = True
    return images[~test], labels[~test], images[test], labels[test], tuple("0123456789")
