"""What several test files share: random numbers, a tiny MNIST, and the real one where it can be had.

Torch is imported where it is used: the tests of downloads start many processes that do without it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_lr_helpers import download
from mnist_lr_helpers.course import execute

import nbformat
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from mnist_lr_helpers.data import Dataset, Split

    import torch

os.environ.setdefault("MPLBACKEND", "agg")
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:  # all processes together have no more threads than there are cores
    threads_each = os.cpu_count() // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, threads_each)))
settings.register_profile(
    "course", deadline=None, derandomize=True, max_examples=100, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("course")


def seeded(seed: int = 0) -> torch.Generator:
    import torch

    return torch.Generator().manual_seed(seed)


def noise(n: int, *size: int) -> torch.Tensor:
    """Images of even noise in [0, 1], ``[n, 1, *size]``."""
    import torch

    return torch.rand(n, 1, *(size or (28, 28)), generator=seeded(n))


def bar(slope: float, height: int = 28, width: int = 28) -> torch.Tensor:
    """A smooth stroke through the middle, ``slope`` pixels to the right per pixel down, ``[1, 1, height, width]``."""
    import torch

    down = torch.arange(float(height)) - (height - 1) / 2
    right = torch.arange(float(width)) - (width - 1) / 2
    ink = torch.exp(-((right - slope * down[:, None]) ** 2) / 4) * (down.abs() < height / 3)[:, None]
    return ink[None, None]


def is_picture(output: nbformat.NotebookNode) -> bool:
    """Whether an output of a notebook is a picture alone; a live figure has its own within its page."""
    data = output.get("data", {})
    return data.get("text/html", "").startswith("<img ") or ("image/png" in data and "text/html" not in data)


def without_float64(split: Split) -> Split:
    """The split as if on a device that knows no float64, a Mac's GPU: all that is computed from it is there too."""
    import torch

    class OnDevice(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            result = super().__torch_function__(function, types, args, kwargs)
            if function is torch.Tensor.cpu:
                return result.as_subclass(torch.Tensor)
            if isinstance(result, torch.Tensor) and result.dtype == torch.float64:
                raise TypeError(f"{function.__name__}: this device does not support float64")
            return result

    return replace(split, images=split.images.as_subclass(OnDevice), labels=split.labels.as_subclass(OnDevice))


def idx_bytes(array: np.ndarray) -> bytes:
    """An IDX file of the numbers, ``uint8`` or ``int32``."""
    header = struct.pack(">I", {1: 0x0800, 4: 0x0C00}[array.itemsize] + array.ndim)
    return header + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(array.dtype.newbyteorder(">")).tobytes()


@cache
def tiny_files() -> dict[str, bytes]:
    """The archives of a made-up MNIST: 200 training and 50 test images."""
    files = {}
    for part, n in (("train", 200), ("t10k", 50)):
        images = np.random.default_rng(n).integers(0, 256, (n, 28, 28), dtype=np.uint8)
        labels = (np.arange(n) % 10).astype(np.uint8)
        files[f"{part}-images-idx3-ubyte.gz"] = gzip.compress(idx_bytes(images), mtime=0)
        files[f"{part}-labels-idx1-ubyte.gz"] = gzip.compress(idx_bytes(labels), mtime=0)
    return files


def published(*places: str, files: dict[str, bytes] | None = None, known: bool = False) -> download.Source:
    """MNIST's line in the catalogue, were the made-up files, or these, published at these places.

    ``known`` says whether the course knows the MD5 of the unpacked files too.
    """
    archives = [
        download.Archive(
            name,
            hashlib.md5(packed).hexdigest(),
            tuple(f"{place}/{name}" for place in places),
            hashlib.md5(gzip.decompress(packed)).hexdigest() if known else "",
        )
        for name, packed in (files or tiny_files()).items()
    ]
    return replace(download.CATALOGUE["mnist"], archives=tuple(archives))


@pytest.fixture
def tiny_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mirror of a made-up MNIST, with checksums to match."""
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    for name, packed in tiny_files().items():
        (mirror / name).write_bytes(packed)
    monkeypatch.setitem(download.CATALOGUE, "mnist", published("http://127.0.0.1:9"))
    monkeypatch.setenv("MNIST_LR_MIRROR", str(mirror))
    monkeypatch.delenv("MNIST_LR_OFFLINE", raising=False)
    monkeypatch.setenv("MNIST_LR_DATA", str(tmp_path / "data"))
    return mirror


class Answer(BaseHTTPRequestHandler):
    """Answers each request as the server's ``behave(answer, packed)`` says."""

    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        with suppress(OSError):
            self.server.behave(self, tiny_files().get(self.path.rsplit("/", 1)[-1], b""))

    def send(self, body: bytes, *, length: int | str | None = None, kind: str = "application/gzip") -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def stall(self, chunk: bytes = b"", every: float = 1.0) -> None:
        """Send a piece again and again, or nothing, until the server stops."""
        while not self.server.stopped.wait(every):
            self.wfile.write(chunk)

    def redirect(self, where: str) -> None:
        self.send_response(302)
        self.send_header("Location", where)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Plays a mirror on this machine; ``asked`` holds the paths of all requests."""

    daemon_threads, block_on_close, request_queue_size = True, False, 64

    def __init__(self, behave: Callable[[Answer, bytes], object]) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.behave, self.asked, self.stopped = behave, [], threading.Event()
        self.address = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Server]]:
    """Start a mirror that behaves as told, by default as a mirror should."""
    monkeypatch.setenv("no_proxy", "*")
    servers = []

    def start(behave: Callable[[Answer, bytes], object] = Answer.send) -> Server:
        servers.append(Server(behave))
        threading.Thread(target=servers[-1].serve_forever, args=(0.05,), daemon=True).start()
        return servers[-1]

    yield start
    for server in servers:
        server.stopped.set()
        server.shutdown()
        server.server_close()


def write_notebook(folder: Path, name: str, *cells: str, parameters: str = 'DATASET = "digits"\nQUICK = False') -> Path:
    notebook = nbformat.v4.new_notebook()
    first = nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
    notebook.cells = [first, *(nbformat.v4.new_code_cell(cell) for cell in cells)]
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that takes the place of ``notebooks/``."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    monkeypatch.setattr(execute, "NOTEBOOKS", folder)
    return folder


def in_child(function: Callable, *arguments: object, **options: object) -> Any:
    """Call a test file's function in a fresh Python and return what it returns, by way of JSON."""
    code = (
        f"import json, sys; from {function.__module__} import {function.__name__} as call; "
        "print('\\n' + json.dumps(call(*json.loads(sys.argv[1]))))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "no_proxy": "*"}
    command = [sys.executable, "-c", code, json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, **options)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & {"browser", "printed"}:
            item.add_marker("browser")
        if "cluster" in fixtures:  # its workers take seconds to start
            item.add_marker("slow")


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """A Chromium without a window."""
    from chromium import launched

    with launched() as chromium:
        yield chromium


def nbval(path: str) -> float:
    """The peak memory in MB of this process's children, so it is to be called in a fresh one."""
    options = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=1500", "-p", "no:cacheprovider", "-q"]
    assert pytest.main([*options, path]) == 0
    return execute.peak_memory_mb()


@pytest.fixture(scope="session")
def digits() -> Dataset:
    from mnist_lr_helpers import data

    return data.load_data("digits")


@pytest.fixture(scope="session")
def mnist() -> Dataset:
    from mnist_lr_helpers import data

    try:
        return data.load_data("mnist")
    except data.DataError as error:
        pytest.skip(f"MNIST cannot be had here: {error}")
