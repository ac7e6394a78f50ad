"""Where the images come from: found in the data folder, or downloaded under a lock, verified, moved into place.

Places are tried in this order: the data folder, the mirror named in the environment variable ``MNIST_LR_MIRROR``
(a folder or any URL), the addresses that torchvision knows. MNIST's are written down here, so that it can be had
without importing PyTorch. A relative ``MNIST_LR_DATA`` or ``MNIST_LR_MIRROR`` starts at the project's folder, so that
it means the same to the command line and to a notebook; so does ``folder:PATH``, a data set of one's own.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import http.client
import os
import struct
import threading
import time
import urllib.error
import urllib.request
import warnings
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mnist_lr_helpers.exceptions import DataError, FileError
from mnist_lr_helpers.files import PROJECT, write_atomically

from filelock import FileLock, Timeout
from tqdm.auto import tqdm

MNIST_PLACES = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/")
# MD5 of MNIST's archives and of the files inside. For a file whose own sum is not known, length and CRC-32 at the
# end of its verified archive do the same.
MNIST_MD5 = {
    "train-images-idx3-ubyte": ("f68b3c2dcbeaaa9fbdd348bbdeb94873", "6bbc9ace898e44ae57da46a324031adb"),
    "train-labels-idx1-ubyte": ("d53e105ee54ea40749a09fcbcd1e9432", "a25bea736e30d166cdddb491f175f624"),
    "t10k-images-idx3-ubyte": ("9fb629c4189551a2d022fa330f9573f3", "2646ac647ad5339dbf082846283269ea"),
    "t10k-labels-idx1-ubyte": ("ec29112dd5afa0611ce80d1b7f02629c", "27ae3e4e09519cfbb04c329615203637"),
}
FOLDER = "folder:"  # begins the name of a data set of one's own; its path follows
DATASET_MIME = "application/vnd.mnist-lr.dataset+json"  # by which an executed notebook tells its data set
WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # what network file systems answer
SECONDS_PER_PLACE = 10.0
SECONDS_PER_PLACE_BEFORE_FALLBACK = 3.0  # three places in a row stay below 10 s
SECONDS_FOR_OTHERS = 600.0  # while another process fills the folder
MINIMUM_BYTES_PER_SECOND = 10_000
MAXIMUM_BYTES = 128 * 2**20


@dataclass(frozen=True)
class Archive:
    """One gzip file of a data set: its name, its MD5, its addresses, and the MD5 of what is in it where known."""

    name: str
    md5: str
    urls: tuple[str, ...] = ()
    unpacked_md5: str = ""

    @property
    def unpacked(self) -> str:
        """The name of the file inside."""
        return self.name.removesuffix(".gz")


@dataclass(frozen=True)
class Source:
    """All that distinguishes one data set from another.

    ``torchvision_class`` is also the name of its folder. ``label_column`` is the column of the class where labels
    have several. Of the test images only the first ``test_size`` count. ``archives`` spares looking them up at
    torchvision; they come in the order train images, train labels, test images, test labels.
    """

    torchvision_class: str
    classes: Sequence[str] = "0123456789"
    label_column: int | None = None
    test_size: int | None = None
    archives: tuple[Archive, ...] = ()

    def files(self) -> tuple[Archive, ...]:
        """The four archives in the order train images, train labels, test images, test labels."""
        if self.archives:
            return self.archives
        from torchvision import datasets

        published = getattr(datasets, self.torchvision_class)
        resources, places = published.resources, published.mirrors
        if isinstance(resources, dict):  # QMNIST's: whole addresses, by split
            resources, places = resources["train"] + resources["test"], [""]
        return tuple(
            Archive(file.rsplit("/", 1)[-1], md5, tuple(place + file for place in places)) for file, md5 in resources
        )


def _mnist_archive(name: str) -> Archive:
    urls = tuple(f"{place}{name}.gz" for place in MNIST_PLACES)
    packed, unpacked = MNIST_MD5[name]
    return Archive(f"{name}.gz", packed, urls, unpacked)


# A further data set is one more entry here, and one more row in data/README.md.
CATALOGUE = {
    "mnist": Source("MNIST", archives=tuple(map(_mnist_archive, MNIST_MD5))),
    "fashion-mnist": Source(
        "FashionMNIST",
        ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    "kmnist": Source("KMNIST", ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")),
    "qmnist": Source("QMNIST", label_column=0, test_size=10_000),  # the first 10,000 test images are MNIST's
}


def resolve(dataset: str = "auto", *, root: Path | str | None = None) -> tuple[str, str]:
    """Make sure that a data set is at hand; return its name and a note if it is a fallback.

    Raises:
        ValueError: no such data set.
        DataError: a data set asked for by name cannot be had.
    """
    names = ("auto", *CATALOGUE, "digits")
    if dataset.startswith(FOLDER):
        return dataset, ""
    if dataset not in names:
        own = f"or {FOLDER + 'PATH'!r} for digits of your own"
        raise ValueError(f"DATASET is {dataset!r}; choose one of {', '.join(map(repr, names))}, {own}")
    if dataset in CATALOGUE:
        provide(dataset, root=root)
    if dataset != "auto":
        return dataset, ""
    try:
        provide("mnist", root=root, patience=SECONDS_PER_PLACE_BEFORE_FALLBACK)
        return "mnist", ""
    except DataError as error:
        note = (
            "MNIST could not be had, so these are the 1,797 digits that scikit-learn ships. Every figure below differs "
            "from the text: what learns from so few is less often right, and far less sure. "
            f"{str(error).splitlines()[-1]}, then restart and run all cells."
        )
        warnings.warn(f"{note}\n{error}", stacklevel=3)  # the line of whoever loads the data
        return "digits", note


def announcement(name: str, text: str, note: str = "") -> dict[str, object]:
    """What a notebook shows of its data, by MIME type; the last entry tells whoever executes it which data were used.

    Args:
        name: of the data set.
        text: what there is to say about it.
        note: a warning, where these are not the images that were hoped for.
    """
    return {
        "text/plain": text + (f"\nWARNING: {note}" if note else ""),
        "text/markdown": text + (f"\n\n> ⚠ **{note}**" if note else ""),
        DATASET_MIME: {"name": name},
    }


def raw_folder(name: str, *, root: Path | str | None = None) -> Path:
    """The folder with the IDX files of a data set, laid out as torchvision does."""
    return _data_folder(root) / CATALOGUE[name].torchvision_class / "raw"


def provide(name: str, *, root: Path | str | None = None, patience: float = SECONDS_PER_PLACE) -> None:
    """Put the verified, unpacked files of a data set into the data folder; ``patience`` is in seconds for a place.

    Raises:
        DataError: they cannot be had, or cannot be written.
    """
    folder, archives = raw_folder(name, root=root), CATALOGUE[name].files()
    problem = f"{folder} lacks files of {name} or holds damaged ones"
    remedy = "or name another data folder in MNIST_LR_DATA"
    try:
        if all(_is_intact(folder, archive) for archive in archives):
            return
        base = _data_folder(root)
        if folder.resolve() != base.resolve() / folder.relative_to(base):
            raise DataError(f"{problem}, and is a link to elsewhere, where nothing is written.\nReplace it, {remedy}")
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            _fill(folder, name, archives, patience)
    except Timeout as error:
        raise DataError(f"{problem}; another program has been at it for long.\nEnd that one, {remedy}") from error
    except (FileError, OSError) as error:
        reason = error.__cause__ if isinstance(error, FileError) else error
        remedy = f"Make it writable, free some space, {remedy}"
        raise DataError(f"{problem}, and cannot be written ({reason.strerror}).\n{remedy}") from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other processes out, where the file system can; elsewhere files still come whole or not at all."""
    lock = FileLock(folder / ".lock", timeout=SECONDS_FOR_OTHERS)
    try:
        lock.acquire()
    except (NotImplementedError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in WITHOUT_LOCKS:
            raise
        warnings.warn(f"{folder} is on a file system without locks: load data in one program at a time", stacklevel=2)
    try:
        yield
    finally:
        lock.release()


def _data_folder(root: Path | str | None) -> Path:
    if root:
        return Path(root).expanduser()
    return PROJECT / Path(os.environ.get("MNIST_LR_DATA") or "data").expanduser()


def _fill(folder: Path, name: str, archives: Sequence[Archive], patience: float) -> None:
    for leftover in folder.glob(".*.part"):
        leftover.unlink()
    given_up = set()
    for archive in archives:
        if _is_intact(folder, archive):
            continue
        packed = folder / archive.name
        payload = _content(packed)
        if _md5(payload) != archive.md5:
            payload = _download(name, archive, patience, given_up)
        if _md5(payload) != archive.unpacked_md5:  # which a mirror may hold instead of the archive
            write_atomically(packed, payload)
            payload = gzip.decompress(payload)
        write_atomically(folder / archive.unpacked, payload)


def _is_intact(folder: Path, archive: Archive) -> bool:
    """Whether the unpacked file of an archive is there, byte for byte as published."""
    content = _content(folder / archive.unpacked)
    if archive.unpacked_md5:
        return _md5(content) == archive.unpacked_md5
    packed = _content(folder / archive.name)
    return _md5(packed) == archive.md5 and struct.unpack("<2I", packed[-8:]) == (zlib.crc32(content), len(content))


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _md5(payload: bytes) -> str:
    return hashlib.md5(payload, usedforsecurity=False).hexdigest()


def _download(name: str, archive: Archive, patience: float, given_up: set[str]) -> bytes:
    """A verified archive, or its content, from the first place that has it; hosts ``given_up`` are not asked again."""
    reasons = []
    for url in _addresses(name, archive):
        host = url.partition("://")[2].partition("/")[0]
        if host and host in given_up:
            continue
        try:
            payload = _fetch(url, patience)
        except urllib.error.HTTPError as error:
            reasons.append(f"{url}: the server answered {error.code} {error.reason}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            given_up.add(host)
            reasons.append(f"{url}: {getattr(error, 'reason', None) or str(error) or type(error).__name__}")
        else:
            if _md5(payload) in (archive.md5, archive.unpacked_md5):
                return payload
            looks_like = "an HTML page" if payload[:200].lstrip()[:1] == b"<" else f"{len(payload):,} bytes"
            reasons.append(f"{url}: sent {looks_like}, not the published file (its MD5 differs)")
    tried = "\n".join(f"  - {reason}" for reason in reasons) or "  - no place to try"
    raise DataError(
        f"{archive.name} of {name} is missing or damaged, and could not be had:\n{tried}\n"
        "Connect to the internet, or set MNIST_LR_MIRROR to a folder or address that holds it"
    )


def _addresses(name: str, archive: Archive) -> Iterator[str]:
    """Where to look for an archive: the mirror (a copied data folder, or flat), then the internet."""
    mirror = os.environ.get("MNIST_LR_MIRROR", "").strip()
    if mirror:
        base = mirror if "://" in mirror else (PROJECT / Path(mirror).expanduser()).resolve().as_uri()
        files = [archive.name]
        if archive.unpacked_md5:  # unpacked, also as some programs spell it: train-images.idx3-ubyte
            files += [archive.unpacked, archive.unpacked.replace("-idx", ".idx")]
        for file in files:
            yield f"{base.rstrip('/')}/{CATALOGUE[name].torchvision_class}/raw/{file}"
            yield f"{base.rstrip('/')}/{file}"
    if not os.environ.get("MNIST_LR_OFFLINE"):
        yield from archive.urls


def _fetch(url: str, patience: float) -> bytes:
    """The bytes at an address; gives up on silence, on a trickle and on far too much."""
    started, received = time.monotonic(), bytearray()
    with _open(url, patience) as response:
        total = int(response.headers.get("Content-Length") or 0)
        with tqdm(total=total or None, unit="B", unit_scale=True, desc=url.rsplit("/", 1)[-1], leave=False) as bar:
            while (not total or len(received) < total) and (chunk := response.read1(2**16)):
                received += chunk
                bar.update(len(chunk))
                seconds = time.monotonic() - started
                if seconds > max(patience, len(received) / MINIMUM_BYTES_PER_SECOND):
                    raise TimeoutError(f"only {len(received):,} bytes within {seconds:.0f} s")
                if len(received) > MAXIMUM_BYTES:
                    raise ValueError(f"more than {MAXIMUM_BYTES:,} bytes")
    if len(received) < total:
        raise ConnectionError(f"the connection broke after {len(received):,} of {total:,} bytes")
    return bytes(received)


def _open(url: str, patience: float) -> http.client.HTTPResponse:
    """``urlopen`` with a deadline in seconds: looking up a name knows none, so a thread that can be left does it."""
    answer: Future[http.client.HTTPResponse] = Future()

    def ask() -> None:
        try:
            answer.set_result(urllib.request.urlopen(url, timeout=patience))
        except Exception as error:  # handed over to the caller's thread, which raises it
            answer.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        return answer.result(timeout=patience)
    except TimeoutError:
        raise TimeoutError(f"no answer within {patience:.0f} s") from None
