"""What several test files share: random numbers, a tiny MNIST, and the real one where it can be had."""

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
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch

from mnist_lr_helpers import data
from mnist_lr_helpers.course import execute

os.environ.setdefault("MPLBACKEND", "agg")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def idx_bytes(array: torch.Tensor) -> bytes:
    header = struct.pack(">I", 0x0800 + array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.numpy().tobytes()


@cache
def tiny_files() -> dict[str, bytes]:
    """The archives of a made-up MNIST: 200 training and 50 test images."""
    files = {}
    for part, n in (("train", 200), ("t10k", 50)):
        tensors = {
            "images-idx3": torch.randint(0, 256, (n, 28, 28), generator=seeded(n), dtype=torch.uint8),
            "labels-idx1": (torch.arange(n) % 10).byte(),
        }
        for kind, tensor in tensors.items():
            files[f"{part}-{kind}-ubyte.gz"] = gzip.compress(idx_bytes(tensor), mtime=0)
    return files


def archives_of(files: dict[str, bytes], *places: str) -> tuple[data._Archive, ...]:
    """What ``data._archives`` would say of these files, were they published at these places."""
    return tuple(
        data._Archive(name, hashlib.md5(packed).hexdigest(), tuple(f"{place}/{name}" for place in places))
        for name, packed in files.items()
    )


@pytest.fixture
def tiny_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mirror of a made-up MNIST, with checksums to match."""
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    for name, packed in tiny_files().items():
        (mirror / name).write_bytes(packed)
    monkeypatch.setattr(data, "_archives", lambda name: archives_of(tiny_files(), "http://127.0.0.1:9"))
    monkeypatch.setattr(data, "UNPACKED_MD5", {})
    monkeypatch.setenv("MNIST_LR_MIRROR", str(mirror))
    monkeypatch.delenv("MNIST_LR_OFFLINE", raising=False)
    monkeypatch.setenv("MNIST_LR_DATA", str(tmp_path / "data"))
    return mirror


class Answer(BaseHTTPRequestHandler):
    """Answers each request as the server's ``behave(answer, packed)`` says."""

    server: "Server"

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


@pytest.fixture(scope="session")
def digits() -> data.Dataset:
    return data.load_data("digits")


@pytest.fixture(scope="session")
def mnist() -> data.Dataset:
    try:
        return data.load_data("mnist")
    except data.DataError as error:
        pytest.skip(f"MNIST cannot be had here: {error}")
