"""Where the images come from: found, downloaded under a lock, verified, split.

Places are tried in this order: the data folder, the mirror named in the environment
variable ``MNIST_LR_MIRROR`` (a folder or any URL), torchvision's own mirrors.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import os
import queue
import threading
import time
import urllib.error
import urllib.request
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from torch import Tensor
from tqdm.auto import tqdm

from mnist_lr_helpers.files import PROJECT, FileError, write_atomically

DEFAULT_ROOT = PROJECT / "data"
TORCHVISION_CLASSES = {
    "mnist": "MNIST",
    "fashion-mnist": "FashionMNIST",
    "kmnist": "KMNIST",
    "qmnist": "QMNIST",
}
NAMES = ("auto", *TORCHVISION_CLASSES, "digits")
SCALINGS = ("standard", "unit")
DATASET_MIME = "application/vnd.mnist-lr.dataset+json"  # by which an executed notebook tells its data set

# Positions of MNIST test images whose label human raters judged wrong or ambiguous
# (Northcutt, Athalye and Mueller 2021, "Pervasive label errors in test sets …").
DISPUTED_TEST_LABELS = (947, 1621, 1901, 2130, 2462, 2597, 2654, 3520, 3558, 5937, 6651, 6783, 8527, 9679, 9729)

# MD5 of the unpacked files; torchvision knows only those of the archives. For a data set
# that is not listed here, length and CRC-32 at the end of its verified archive do the same.
UNPACKED_MD5 = {
    ("MNIST", "train-images-idx3-ubyte"): "6bbc9ace898e44ae57da46a324031adb",
    ("MNIST", "train-labels-idx1-ubyte"): "a25bea736e30d166cdddb491f175f624",
    ("MNIST", "t10k-images-idx3-ubyte"): "2646ac647ad5339dbf082846283269ea",
    ("MNIST", "t10k-labels-idx1-ubyte"): "27ae3e4e09519cfbb04c329615203637",
}
SECONDS_PER_PLACE = 10.0
SECONDS_PER_PLACE_BEFORE_FALLBACK = 3.0  # three places in a row stay below 10 s
SECONDS_FOR_OTHERS = 600.0  # while another process fills the folder
MINIMUM_BYTES_PER_SECOND = 10_000
MAXIMUM_BYTES = 128 * 2**20


class DataError(RuntimeError):
    """The images cannot be had; the message says what is wrong, where, and what to do."""


@dataclass(frozen=True)
class Split:
    """Images ``float32 [n, 1, 28, 28]`` and their labels ``int64 [n]``."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


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
        """What a notebook shows; the last entry tells whoever executes it which data were used."""
        warning = f"\n\n> ⚠ **{self.note}**" if self.note else ""
        return {
            "text/plain": repr(self) + (f"\nWARNING: {self.note}" if self.note else ""),
            "text/markdown": repr(self) + warning,
            DATASET_MIME: {"name": self.name},
        }

    def from_unit(self, images: Tensor) -> Tensor:
        """Scale images with pixels in [0, 1] as this data set's are scaled, same shape."""
        return (images - self.mean) / self.std if self.scaling == "standard" else images

    def to_unit(self, images: Tensor) -> Tensor:
        """Undo the scaling: images as loaded, back to pixels in [0, 1], same shape."""
        return images * self.std + self.mean if self.scaling == "standard" else images


@dataclass(frozen=True)
class _Archive:
    """One gzip file of a data set: its name, its MD5 and torchvision's addresses for it."""

    name: str
    md5: str
    urls: tuple[str, ...]


def seeded(seed: int = 0) -> torch.Generator:
    """A source of random numbers of its own, for one purpose."""
    return torch.Generator().manual_seed(seed)


def load_data(
    dataset: str = "auto",
    *,
    seed: int = 0,
    train_size: int | None = None,
    scaling: str = "standard",
    root: Path | str | None = None,
) -> Dataset:
    """Load a data set into memory and split off a stratified tenth for validation.

    Args:
        dataset: one of ``NAMES``. ``"auto"`` is MNIST wherever it can be had, else the
            1,797 digits that scikit-learn ships; a data set asked for by name never
            falls back.
        seed: seeds the split (and nothing else).
        train_size: keep this many training images, stratified, and a sixth as many
            for validation; ``None`` keeps all.
        scaling: ``"standard"`` subtracts the training split's mean and divides by its
            standard deviation; ``"unit"`` leaves pixels in [0, 1].
        root: the data folder; default ``MNIST_LR_DATA`` or the project's ``data/``.

    Raises:
        ValueError: an argument is out of range.
        DataError: the images cannot be had or are damaged.
    """
    if scaling not in SCALINGS:
        raise ValueError(f"scaling is {scaling!r}; choose one of {', '.join(map(repr, SCALINGS))}")
    name, note = resolve(dataset, root=root)
    generator = seeded(seed)
    images, labels, test_images, test_labels, classes = _read(name, root)
    chosen = stratified_sample(labels, round(len(labels) / 10), generator=generator)
    is_validation = torch.zeros(len(labels), dtype=torch.bool)
    is_validation[chosen] = True
    train_index, validation_index = (~is_validation).nonzero()[:, 0], chosen
    if train_size is not None:
        _check_train_size(train_size, len(train_index), len(classes))
        kept = stratified_sample(labels[train_index], train_size, generator=generator)
        train_index = train_index[kept]
        fewer = min(len(chosen), max(len(classes), train_size // 6))
        kept = stratified_sample(labels[validation_index], fewer, generator=generator)
        validation_index = validation_index[kept]
    train, validation = _split(images, labels, train_index), _split(images, labels, validation_index)
    test = _split(test_images, test_labels, slice(None))
    mean, std = train.images.mean().item(), train.images.std(correction=0).item()
    if scaling == "standard":
        for split in (train, validation, test):
            split.images.sub_(mean).div_(std)
    return Dataset(name, train, validation, test, mean, std, classes, scaling, note)


def resolve(dataset: str = "auto", *, root: Path | str | None = None) -> tuple[str, str]:
    """Make sure that a data set is at hand; return its name and a note if it is a fallback.

    Raises:
        ValueError: no such data set.
        DataError: a data set asked for by name cannot be had.
    """
    if dataset not in NAMES:
        raise ValueError(f"DATASET is {dataset!r}; choose one of {', '.join(map(repr, NAMES))}")
    if dataset == "digits":
        return "digits", ""
    if dataset != "auto":
        _provide(dataset, root, SECONDS_PER_PLACE)
        return dataset, ""
    try:
        _provide("mnist", root, SECONDS_PER_PLACE_BEFORE_FALLBACK)
        return "mnist", ""
    except DataError as error:
        note = (
            "MNIST could not be had, so these are the 1,797 digits that scikit-learn ships: every figure "
            "below differs from the text. To get MNIST, connect to the internet or set MNIST_LR_MIRROR, "
            "then restart and run all cells."
        )
        warnings.warn(f"{note}\n{error}", stacklevel=2)
        return "digits", note


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


def raw_folder(name: str, *, root: Path | str | None = None) -> Path:
    """The folder with the IDX files of a data set, laid out as torchvision does."""
    return _root(root) / TORCHVISION_CLASSES[name] / "raw"


def _root(root: Path | str | None) -> Path:
    return Path(root or os.environ.get("MNIST_LR_DATA") or DEFAULT_ROOT).expanduser()


def _check_train_size(train_size: int, available: int, n_classes: int) -> None:
    shown = f"{train_size:,}" if isinstance(train_size, int) else repr(train_size)
    if not isinstance(train_size, int) or not n_classes <= train_size <= available:
        raise ValueError(
            f"TRAIN_SIZE is {shown}; choose between {n_classes} (one image per class) and {available:,}, "
            "or None for all training images"
        )


def _split(images: Tensor, labels: Tensor, index: Tensor | slice) -> Split:
    """Part of the uint8 images ``[n, 28, 28]`` as floats in [0, 1]."""
    return Split(images[index].unsqueeze(1).float().div_(255), labels[index].long())


def _read(name: str, root: Path | str | None) -> tuple[Tensor, Tensor, Tensor, Tensor, tuple[str, ...]]:
    """uint8 images ``[n, 28, 28]`` and labels ``[n]`` for training, then test; class names."""
    if name == "digits":
        return _read_digits()
    from torchvision import datasets

    dataset_class = getattr(datasets, TORCHVISION_CLASSES[name])
    folder = raw_folder(name, root=root)
    tensors = [read_idx(folder / archive.name.removesuffix(".gz")) for archive in _archives(name)]
    if name == "qmnist":
        # Column 0 holds the class; the first 10,000 test images are those of MNIST.
        tensors = [tensors[0], tensors[1][:, 0], tensors[2][:10_000], tensors[3][:10_000, 0]]
    for images, labels in (tensors[:2], tensors[2:]):
        fit = images.dtype == torch.uint8 and images.shape == (*labels.shape, 28, 28)
        if not fit or not 0 <= int(labels.min()) <= int(labels.max()) <= 9:
            raise DataError(
                f"{folder}: images {list(images.shape)} and labels {list(labels.shape)} do not belong "
                "together; delete the folder and load again"
            )
    return *tensors, tuple(label.split(" - ")[0] for label in dataset_class.classes)


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


def _archives(name: str) -> tuple[_Archive, ...]:
    """The four archives of a data set in the order train images, labels, test images, labels."""
    from torchvision import datasets

    dataset_class = getattr(datasets, TORCHVISION_CLASSES[name])
    if name == "qmnist":
        resources = dataset_class.resources["train"] + dataset_class.resources["test"]
        return tuple(_Archive(url.rsplit("/", 1)[-1], md5, (url,)) for url, md5 in resources)
    return tuple(
        _Archive(file, md5, tuple(mirror + file for mirror in dataset_class.mirrors))
        for file, md5 in dataset_class.resources
    )


def _provide(name: str, root: Path | str | None, patience: float) -> None:
    """Put the verified, unpacked files of a data set into the data folder."""
    folder, archives, given_up = raw_folder(name, root=root), _archives(name), set()
    problem = f"{folder} lacks files of {name} or holds damaged ones"
    remedy = "or name another data folder in MNIST_LR_DATA"
    try:
        if all(_is_intact(folder, archive) for archive in archives):
            return
        if folder.resolve() != _root(root).resolve() / folder.relative_to(_root(root)):
            raise DataError(f"{problem}, and is a link to elsewhere, where nothing is written. Replace it, {remedy}")
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=SECONDS_FOR_OTHERS):
            for leftover in folder.glob(".*.part"):
                leftover.unlink()
            for archive in archives:
                if not _is_intact(folder, archive):
                    packed = folder / archive.name
                    if not (packed.is_file() and _md5(packed) == archive.md5):
                        write_atomically(packed, _download(name, archive, patience, given_up))
                    write_atomically(packed.with_suffix(""), gzip.decompress(packed.read_bytes()))
    except Timeout as error:
        raise DataError(f"{problem}; another program has been at it for long. End that one, {remedy}") from error
    except FileError as error:
        raise DataError(f"{error} ({remedy})") from error
    except OSError as error:
        raise DataError(f"{problem}, and cannot be written ({error.strerror}). Make it writable, {remedy}") from error


def _is_intact(folder: Path, archive: _Archive) -> bool:
    """Whether the unpacked file of an archive is there, byte for byte as published."""
    packed = folder / archive.name
    unpacked = packed.with_suffix("")
    if not unpacked.is_file():
        return False
    known = UNPACKED_MD5.get((folder.parent.name, unpacked.name))
    if known is not None:
        return _md5(unpacked) == known
    if not packed.is_file() or _md5(packed) != archive.md5:
        return False
    crc, size = (int.from_bytes(packed.read_bytes()[-8:][i : i + 4], "little") for i in (0, 4))
    return unpacked.stat().st_size == size and zlib.crc32(unpacked.read_bytes()) == crc


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _download(name: str, archive: _Archive, patience: float, given_up: set[str]) -> bytes:
    """The verified bytes of an archive from the first place that has them; hosts ``given_up`` are not asked again."""
    reasons = []
    for url in _addresses(name, archive):
        host = url.partition("://")[2].partition("/")[0]
        if host and host in given_up:
            continue
        try:
            payload = _fetch(url, patience)
        except urllib.error.HTTPError as error:
            reasons.append(f"{url}: the server answered {error.code} {error.reason}")
            continue
        except (OSError, http.client.HTTPException, ValueError) as error:
            given_up.add(host)
            reasons.append(f"{url}: {getattr(error, 'reason', None) or error or type(error).__name__}")
            continue
        if hashlib.md5(payload, usedforsecurity=False).hexdigest() == archive.md5:
            return payload
        looks_like = "an HTML page" if payload[:200].lstrip()[:1] == b"<" else f"{len(payload):,} bytes"
        reasons.append(f"{url}: sent {looks_like}, not the published file (its MD5 differs)")
    tried = "\n".join(f"  - {reason}" for reason in reasons) or "  - no place to try"
    raise DataError(
        f"{archive.name} of {name} is missing or damaged, and could not be had:\n{tried}\n"
        "Connect to the internet, or set MNIST_LR_MIRROR to a folder or address that holds it"
    )


def _addresses(name: str, archive: _Archive) -> Iterator[str]:
    """Where to look for an archive: the mirror (a copied data folder, or flat), then the internet."""
    mirror = os.environ.get("MNIST_LR_MIRROR", "").strip()
    if mirror:
        base = mirror if "://" in mirror else Path(mirror).expanduser().resolve().as_uri()
        yield f"{base.rstrip('/')}/{TORCHVISION_CLASSES[name]}/raw/{archive.name}"
        yield f"{base.rstrip('/')}/{archive.name}"
    if not os.environ.get("MNIST_LR_OFFLINE"):
        yield from archive.urls


def _fetch(url: str, patience: float) -> bytes:
    """The bytes at an address; gives up on silence, on a trickle and on far too much.

    A thread of its own asks, because looking up a name, and a server that sends a byte now and then, know no deadline.
    """
    arrivals: queue.Queue[int | bytes | Exception] = queue.Queue()
    done, started = threading.Event(), time.monotonic()

    def ask() -> None:
        try:
            with urllib.request.urlopen(url, timeout=patience + 1) as response:  # the caller gives up first
                arrivals.put(int(response.headers.get("Content-Length") or 0))
                while not done.is_set() and (chunk := response.read1(2**16)):
                    arrivals.put(chunk)
            arrivals.put(b"")
        except Exception as error:  # handed over to the caller's thread, which raises it
            arrivals.put(error)

    def next_arrival() -> int | bytes:
        deadline = started + max(patience, received / MINIMUM_BYTES_PER_SECOND)
        try:
            arrival = arrivals.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            sent = f"only {received:,} bytes" if received else "no answer"
            raise TimeoutError(f"{sent} within {time.monotonic() - started:.0f} s") from None
        if isinstance(arrival, Exception):
            raise arrival
        return arrival

    received, chunks = 0, []
    threading.Thread(target=ask, daemon=True).start()
    try:
        total = next_arrival()
        with tqdm(total=total or None, unit="B", unit_scale=True, desc=url.rsplit("/", 1)[-1], leave=False) as bar:
            while (not total or received < total) and (chunk := next_arrival()):
                chunks.append(chunk)
                received += len(chunk)
                bar.update(len(chunk))
                if received > MAXIMUM_BYTES:
                    raise ValueError(f"more than {MAXIMUM_BYTES:,} bytes")
    finally:
        done.set()
    if received < total:
        raise ConnectionError(f"the connection broke after {received:,} of {total:,} bytes")
    return b"".join(chunks)
