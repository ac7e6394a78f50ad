"""Own handwriting as data: drawings from the pad, pictures, photographed sheets and tables become one ``Split``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_lr_helpers.exceptions import DataError
from mnist_lr_helpers.handwriting import pictures, sheets, tables
from mnist_lr_helpers.handwriting.places import File, files_at
from mnist_lr_helpers.handwriting.preparation import MOST_INK, Reading, prepare, read_ink
from mnist_lr_helpers.splits import Split

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Drawings", "load_drawings", "prepare", "read_ink", "sheets"]
SIDE_OF_A_SHEET = 400  # pixels: smaller pictures show no sheet whose boxes could be read
TRANSPOSED = -5.0  # standard errors: how much better images must fit when rows and columns are exchanged


@dataclass(frozen=True)
class Drawings(Split):
    """Own digits, prepared as MNIST's are, with pixels in [0, 1]; and what was noticed about each picture.

    Attributes:
        report: one row a picture, in order: file, writer, label (-1 without), kept, remarks: "inverted", "empty",
            "mostly ink", "two digits?", "touches the border", "transposed", "no image". The images are those kept.
    """

    report: pd.DataFrame = field(repr=False)

    @property
    def writers(self) -> list[str]:
        """The writer of each image: the name of its outermost folder, of its sheet, or ``""``."""
        return self.report.loc[self.report["kept"], "writer"].tolist()


@dataclass(frozen=True)
class _Drawing:
    """One line of the report, and the ink if it is kept: ``[1, 28, 28]``, or ``[height, width]`` to be prepared."""

    file: str
    writer: str
    label: int
    reading: Reading


def load_drawings(path: Path | str) -> Drawings:
    """Read own digits, prepare each as MNIST's makers did, and report on each. Nothing is changed on disk.

    Args:
        path: a folder or ZIP archive of pictures of one digit each, which lie in folders ``0`` to ``9`` or are
            called ``7_1.png``; of photographed or scanned sheets; of tables (CSV, NPZ, IDX with its labels); or one
            such file. A folder with one folder a person tells writers apart.

    Raises:
        DataError: a file cannot be read, its label is not known, or no picture shows a digit. The message names the
            file, and says in its last line what to do.
    """
    import pandas as pd

    path = Path(path).expanduser()
    drawings = [drawing for file in files_at(path) for drawing in _drawings_in(file)]
    rows = [(d.file, d.writer, d.label, d.reading.ink is not None, ", ".join(d.reading.remarks)) for d in drawings]
    report = pd.DataFrame(rows, columns=["file", "writer", "label", "kept", "remarks"])
    kept = [drawing for drawing in drawings if drawing.reading.ink is not None]
    if not kept:
        reasons = Counter(drawing.reading.remarks[-1] for drawing in drawings)
        found = ", ".join(f"{count} × {reason}" for reason, count in reasons.items()) or "nothing is in it"
        remedy = "Give pictures (PNG, JPEG), a sheet or a table; write with a dark pen and leave paper round each digit"
        raise DataError(f"{path} shows no digit: {found}.\n{remedy}")
    images = _prepared([drawing.reading.ink for drawing in kept])
    return Drawings(images, torch.tensor([drawing.label for drawing in kept]), report)


def _drawings_in(file: File) -> Iterator[_Drawing]:
    """All digits that a file holds, and its name alone where nobody can read it and its ending promised nothing."""
    name = file.place.name.lower().removesuffix(".gz")
    if name.endswith(tables.SUFFIXES):
        yield from _from_table(file, name)
        return
    try:
        pages = pictures.read_pictures(file.payload, str(file.place))
    except DataError:
        if name.endswith(pictures.SUFFIXES):
            raise
        yield _Drawing(str(file.place), file.writer, -1, Reading(None, ("no image",)))
        return
    for page in pages:
        yield from _from_picture(file, page)


def _from_picture(file: File, grey: np.ndarray) -> Iterator[_Drawing]:
    """The digits of a sheet, or the one of a picture whose name tells its label.

    Raises:
        DataError: neither.
    """
    name = str(file.place)
    marks = sheets.find_marks(grey) if max(grey.shape) >= SIDE_OF_A_SHEET else {}
    if len(marks) > 2:
        writer = file.writer or file.place.stem
        for digit, column, box in sheets.cut(sheets.straighten(grey, marks)):
            yield _Drawing(f"{name}, row {digit}, box {column + 1}", writer, digit, read_ink(box))
        return
    if marks or file.label is None:
        found = f"{len(marks)} of a sheet's 4 corner marks, of which 3 are needed" if marks else "no corner marks"
        raise DataError(
            f"{name} shows {found}, and its name tells no digit.\nA sheet: photograph all of it, sharp and in even "
            "light. One digit: call it 7_1.png, or put it in a folder called 7"
        )
    yield _Drawing(name, file.writer, file.label, read_ink(grey))


def _from_table(file: File, kind: str) -> Iterator[_Drawing]:
    """The digits of a table: prepared like all others, but only turned and inverted as a whole.

    Raises:
        DataError: it cannot be read, or its labels are not whole numbers from 0 to 9.
    """
    name = str(file.place)
    if kind.endswith(".csv"):
        images, labels = tables.read_csv(file.payload, name)
    elif kind.endswith(".npz"):
        images, labels = tables.read_npz(file.payload, name)
    elif "labels" in kind:
        return
    elif file.path is None:
        raise DataError(f"{name} lies in an archive.\nUnpack it: a file of images is read with its labels beside it")
    else:
        images, labels = tables.read_idx_pair(file.path, name)
    _check_labels(labels, name)
    ink, remarks = _ink_of_table(torch.tensor(images, dtype=torch.float32).unsqueeze(1), name)
    shares, ink = (ink > 0.5).float().mean(dim=(1, 2, 3)).tolist(), prepare(ink)
    if _is_transposed(ink, torch.tensor(labels.astype(np.int64))):
        ink, remarks = prepare(ink.mT), (*remarks, "transposed")
    for row, (label, share) in enumerate(zip(labels.astype(int).tolist(), shares, strict=True), start=1):
        reason = "empty" if share == 0 else "mostly ink" if share > MOST_INK else None
        reading = Reading(None, (*remarks, reason)) if reason else Reading(ink[row - 1], remarks)
        yield _Drawing(f"{name}, image {row}", file.writer, label, reading)


def _check_labels(labels: np.ndarray, name: str) -> None:
    numbers = labels.astype(str) if labels.dtype.kind not in "iufb" else labels
    strange = [one for one in np.unique(numbers).tolist() if one not in range(10)]
    if strange:
        shown = ", ".join(map(str, strange[:3]))
        raise DataError(f"{name} has labels other than 0 to 9: {shown}.\nKeep the rows of digits only")


def _ink_of_table(images: Tensor, name: str) -> tuple[Tensor, tuple[str, ...]]:
    """Ink ``[n, 1, side, side]`` in [0, 1] of numbers that go up to 1, 16, 255 or 65,535, dark or light."""
    if len(images) and (images.min() < 0 or not images.isfinite().all()):
        raise DataError(f"{name} has pixels below 0 or none at all.\nUndo the scaling: pixels go from 0 to 255")
    most = images.max().item() if len(images) else 0.0
    ink = images / next((white for white in (1, 16, 255, 65_535) if most <= 1.001 * white), most)
    rim = torch.cat([ink[..., [0, -1], :].flatten(1), ink[..., [0, -1]].flatten(1)], dim=1)
    if rim.numel() and rim.median() > 0.5:
        return 1 - ink, ("inverted",)
    return ink, ()


def _is_transposed(ink: Tensor, labels: Tensor) -> bool:
    """Whether the images look far more like digits when rows and columns change places, as EMNIST's files have them.

    Judged by the mean images of scikit-learn's digits.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    means = torch.tensor(np.stack([bunch.images[bunch.target == digit].mean(axis=0) for digit in range(10)]))
    small = torch.nn.functional.adaptive_avg_pool2d(ink[:, :, 4:24, 4:24], 8)[:, 0]
    better = (small * (means - means.mT)[labels]).sum(dim=(1, 2))  # as they are, rather than transposed
    if len(better) < 10 or not better.std() > 0:
        return False
    return bool(better.mean() / (better.std() / len(better) ** 0.5) < TRANSPOSED)


def _prepared(inks: Iterable[np.ndarray | Tensor]) -> Tensor:
    """All drawings as ``[n, 1, 28, 28]``, in order; those of one size go together, which is quicker."""
    inks = [torch.as_tensor(ink, dtype=torch.float32) for ink in inks]
    images, by_size = torch.empty(len(inks), 1, 28, 28), {}
    for place, ink in enumerate(inks):
        by_size.setdefault(tuple(ink.shape), []).append(place)
    for size, found in by_size.items():
        stack = torch.stack([inks[place] for place in found])
        images[found] = stack if len(size) == 3 else torch.cat([prepare(p) for p in stack.unsqueeze(1).split(100)])
    return images
