"""Files that hold many labelled images as numbers: CSV, NPZ and IDX."""

from __future__ import annotations

import gzip
import io
import math
import re
import tempfile
import zipfile
from pathlib import Path

from mnist_lr_helpers.exceptions import DataError
from mnist_lr_helpers.splits import read_idx

import numpy as np
import torch

SUFFIXES = (".csv", ".npz", "ubyte")
MAXIMUM_BYTES = 2_000_000_000  # of what an archive unpacks to
NO_LABELS = "{} holds images without labels.\nAdd them: {}"


def read_csv(payload: bytes, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Images ``[n, side, side]`` and labels ``[n]`` of a table with one image a row.

    The label stands in the column of that name, or in the first one, as in Kaggle's and pjreddie's tables.

    Raises:
        DataError: no table of numbers, or no label beside the pixels.
    """
    import pandas as pd

    try:
        first = payload.split(b"\n", 1)[0].decode("utf-8-sig").split(",")
        header = None if all(re.fullmatch(r'\s*"?-?[\d.]+"?\s*', one) for one in first) else 0
        table = pd.read_csv(io.BytesIO(payload), header=header, encoding="utf-8-sig")
        label = next((column for column in table if str(column).lower() == "label"), table.columns[0])
        labels, pixels = table.pop(label).to_numpy(), table.to_numpy(dtype=np.float32)
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise DataError(f"{name} is no table of numbers ({error}).\nWrite one image a row: label, pixels") from error
    side = math.isqrt(pixels.shape[1])
    if math.isqrt(pixels.shape[1] + 1) ** 2 == pixels.shape[1] + 1:
        raise DataError(NO_LABELS.format(name, "one more column, first in each row"))
    if side**2 != pixels.shape[1] or not side:
        rows = f"has {pixels.shape[1]} pixels a row, which make no square"
        raise DataError(f"{name} {rows}.\nWrite one image a row: label, then 784 pixels")
    return pixels.reshape(-1, side, side), labels


def read_npz(payload: bytes, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of all pairs of arrays of one length, such as Keras' ``x_train`` and ``y_train``.

    Raises:
        DataError: damaged, too large, with arrays of objects, or without such pairs.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAXIMUM_BYTES:
                raise DataError(f"{name} unpacks to more than 2 GB.\nTake fewer images")
        with np.load(io.BytesIO(payload), allow_pickle=False) as archive:
            arrays = [archive[key] for key in sorted(archive.files)]
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{name} is no complete NPZ file of numbers ({error}).\nWrite it with numpy.savez") from error
    images = [_square(one, name) for one in arrays if one.ndim > 1 and one.size > len(one)]
    labels = [one.reshape(-1) for one in arrays if one.ndim and one.size == len(one)]
    images, labels = (sorted(some, key=len) for some in (images, labels))
    if not images or [len(one) for one in images] != [len(one) for one in labels]:
        raise DataError(NO_LABELS.format(name, 'an array of as many whole numbers, named "labels"'))
    return np.concatenate(images), np.concatenate(labels)


def read_idx_pair(images: Path, shown: str) -> tuple[np.ndarray, np.ndarray]:
    """Images of one IDX file, and labels of the one beside it, ``…labels-idx1-ubyte``; both may be packed by gzip.

    Raises:
        DataError: one of them is missing or damaged.
    """
    beside = re.sub(r"images([-.])idx3", r"labels\1idx1", images.name)
    labels = next(
        (path for path in (images.with_name(beside), images.with_name(f"{beside}.gz")) if path.exists()), None
    )
    labels = labels or images.with_name(beside.removesuffix(".gz"))
    if beside == images.name or not labels.exists():
        raise DataError(NO_LABELS.format(shown, f"the file {beside}, in the same folder"))
    pixels, classes = (_unpacked(path) for path in (images, labels))
    return pixels.numpy(), (classes if classes.ndim == 1 else classes[:, 0]).numpy()


def _unpacked(path: Path) -> torch.Tensor:
    if path.suffix != ".gz":
        return read_idx(path)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / path.stem
        try:
            plain.write_bytes(gzip.decompress(path.read_bytes()))
        except (OSError, EOFError) as error:
            raise DataError(f"{path} is damaged ({error}).\nCopy it once more") from error
        return read_idx(plain)


def _square(images: np.ndarray, name: str) -> np.ndarray:
    """Images as ``[n, side, side]``: from rows of pixels, or with one channel first or last."""
    side = math.isqrt(images[0].size)
    if side**2 != images[0].size or sorted(one for one in images.shape[1:] if one != 1) not in (
        [side**2],
        [side, side],
    ):
        raise DataError(f"{name} holds images {list(images.shape)}.\nMake them grey and square: [n, 28, 28]")
    return images.reshape(-1, side, side).astype(np.float32)
