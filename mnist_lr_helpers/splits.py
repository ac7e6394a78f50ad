"""Images with their labels, and the files in the format of the original MNIST that hold them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mnist_lr_helpers.exceptions import DataError

import numpy as np
import torch
from torch import Tensor

# By the first three bytes of a file. torchvision, which reads them too, takes three seconds to import.
IDX_TYPES = {b"\0\0\x08": np.dtype("u1"), b"\0\0\x0c": np.dtype(">i4")}


@dataclass(frozen=True)
class Split:
    """Images ``[n, 1, height, width]``, or features of them ``[n, d]``, and their labels ``int64 [n]``.

    Raises:
        ValueError: no tensors, or labels of another shape or type, or not as many as the images.
    """

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if not (isinstance(images, Tensor) and isinstance(labels, Tensor)):
            kinds = f"{type(images).__name__} and {type(labels).__name__}"
            raise ValueError(f"images and labels are {kinds}; make them tensors by torch.as_tensor()")
        if images.ndim < 2 or labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
            raise ValueError(
                f"images {list(images.shape)} of {images.dtype} and labels {list(labels.shape)} of {labels.dtype} make "
                "no split: give labels of torch.int64, one for each image, as [n]; labels.flatten().long() may help"
            )

    def __len__(self) -> int:
        return len(self.labels)


def read_idx(path: Path | str) -> Tensor:
    """Read one IDX file (the format of the original MNIST files) into a tensor.

    Images come as ``uint8 [n, rows, columns]``, labels as ``uint8 [n]``, QMNIST's as ``int32 [n, 8]``.

    Raises:
        DataError: the file is missing, or not a complete IDX file.
    """
    try:
        content = Path(path).read_bytes()
        numbers, n_axes = IDX_TYPES[content[:3]], content[3]  # then the length of each axis, as four bytes
        sizes = np.frombuffer(content, ">u4", count=n_axes, offset=4)
        values = np.frombuffer(content, numbers, offset=4 + 4 * n_axes).reshape(sizes)
        return torch.from_numpy(values.astype(numbers.newbyteorder("=")))
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; load_data() puts it there") from None
    except (KeyError, ValueError, IndexError) as error:
        problem = f"{path} is not a complete IDX file of whole numbers ({error!r})"
        raise DataError(f"{problem}; delete it and load again") from error
