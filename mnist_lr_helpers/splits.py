"""Images with their labels, and the files in the format of the original MNIST that hold them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mnist_lr_helpers.exceptions import DataError

import torch
from torch import Tensor


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
    from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor

    try:
        tensor = read_sn3_pascalvincent_tensor(str(path))
        if tensor.dtype not in (torch.uint8, torch.int32):
            raise ValueError(f"it holds numbers of type {tensor.dtype}")
        return tensor
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; load_data() puts it there") from None
    except (AssertionError, KeyError, RuntimeError, ValueError, IndexError) as error:
        reason = str(error) or "its header does not fit its length"
        raise DataError(f"{path} is not a complete IDX file ({reason}); delete it and load again") from error
