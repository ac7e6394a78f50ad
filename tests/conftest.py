"""What several test files share: random numbers, a tiny MNIST, and the real one where it can be had."""

import gzip
import hashlib
import os
import struct
from pathlib import Path

import pytest
import torch

from mnist_lr_helpers import data

os.environ.setdefault("MPLBACKEND", "agg")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def idx_bytes(array: torch.Tensor) -> bytes:
    header = struct.pack(">I", 0x0800 + array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.numpy().tobytes()


@pytest.fixture
def tiny_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mirror of a made-up MNIST: 200 training and 50 test images, with checksums to match."""
    mirror, archives = tmp_path / "mirror", []
    mirror.mkdir()
    for part, n in (("train", 200), ("t10k", 50)):
        tensors = {
            "images-idx3": torch.randint(0, 256, (n, 28, 28), generator=seeded(n), dtype=torch.uint8),
            "labels-idx1": (torch.arange(n) % 10).byte(),
        }
        for kind, tensor in tensors.items():
            packed = gzip.compress(idx_bytes(tensor), mtime=0)
            name = f"{part}-{kind}-ubyte.gz"
            (mirror / name).write_bytes(packed)
            archives.append(data._Archive(name, hashlib.md5(packed).hexdigest(), ("http://127.0.0.1:9/" + name,)))
    monkeypatch.setattr(data, "_archives", lambda name: tuple(archives))
    monkeypatch.setattr(data, "UNPACKED_MD5", {})
    monkeypatch.setenv("MNIST_LR_MIRROR", str(mirror))
    monkeypatch.delenv("MNIST_LR_OFFLINE", raising=False)
    monkeypatch.setenv("MNIST_LR_DATA", str(tmp_path / "data"))
    return mirror


@pytest.fixture(scope="session")
def digits() -> data.Dataset:
    return data.load_data("digits")


@pytest.fixture(scope="session")
def mnist() -> data.Dataset:
    try:
        return data.load_data("mnist")
    except data.DataError as error:
        pytest.skip(f"MNIST cannot be had here: {error}")
