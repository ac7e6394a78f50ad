"""What a reader would otherwise run: the sources' pipelines and loops, written out, and the libraries themselves."""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest import mock

from mnist_lr_helpers.data import Split, raw_folder

import numpy as np
import torch
from shell import shell_environment
from torch import nn
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms


@dataclass(frozen=True)
class Attempt:
    """A model trained for so many iterations: what it took, and how good it was.

    Of one that was ended early the seconds are the limit that it passed, and how good it would have been is not known.
    """

    iterations: int
    seconds: float
    accuracy: float = math.nan
    objective: float = math.nan

    @property
    def late(self) -> bool:
        """Whether it was ended before it was done."""
        return math.isnan(self.accuracy)


DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
START_UP = 60.0  # seconds, of a process that imports scikit-learn on a busy machine


def timed(work: Callable[[], object]) -> float:
    """Seconds that the work takes, the GPU's share included."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def pictures(train: bool, *, root: Path | str | None = None, download: bool = False) -> datasets.MNIST:
    """torchvision's MNIST through the transforms that the sources use."""
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    root = root or raw_folder("mnist").parents[1]
    return datasets.MNIST(root, train=train, transform=transform, download=download)


def pipeline(batch_size: int, workers: int, n: int) -> DataLoader:
    """One image at a time through the transforms, collected by a DataLoader."""
    generator = torch.Generator().manual_seed(0)
    images = Subset(pictures(True), range(n))
    return DataLoader(images, batch_size=batch_size, shuffle=True, num_workers=workers, generator=generator)


def loader_epoch(model: nn.Module, optimizer: torch.optim.Optimizer, loader: DataLoader) -> float:
    """Seconds of one epoch as the sources' loops do it: loss and accuracy are read in every batch."""
    model, criterion = model.to(DEVICE), nn.CrossEntropyLoss()

    def epoch() -> None:
        total, correct = 0.0, 0
        for images, labels in loader:
            images, labels = images.to(DEVICE), labels.to(DEVICE)
            optimizer.zero_grad()
            logits = model(images)
            loss = criterion(logits, labels)
            loss.backward()
            optimizer.step()
            total += loss.item()
            correct += logits.argmax(dim=1).eq(labels).sum().item()

    return timed(epoch)


def linear() -> nn.Module:
    """S1's model."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    nn.init.xavier_uniform_(model[1].weight)
    return model


def perceptron() -> nn.Module:
    """S2's network with one hidden layer of 512."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 10))


def network() -> nn.Module:
    """S0 publishes no layers of its CNN; these are those of the course's ConvolutionalNetwork, in the usual order."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, 10),
    )


def iterate_once(n: int, *, root: Path | str | None = None, download: bool = False) -> float:
    """Seconds to see n training images and as many test images at most, through the transforms, once."""

    def iterate() -> None:
        for train in (True, False):
            images = pictures(train, root=root, download=download)
            for _ in DataLoader(Subset(images, range(min(n, len(images)))), batch_size=64):
                pass

    return timed(iterate)


@contextmanager
def mirror(folder: Path) -> Iterator[None]:
    """A web server on this machine that has the files of a folder, as the one mirror of ours and of torchvision's."""
    handler = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    server.handle_error = lambda *_: None  # torchvision asks for a file, hangs up, and asks again
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    try:
        with (
            mock.patch.dict(os.environ, MNIST_LR_MIRROR=address, no_proxy="127.0.0.1"),
            mock.patch.object(datasets.MNIST, "mirrors", [address]),
            redirect_stderr(io.StringIO()),  # the progress bars
        ):
            yield
    finally:
        server.shutdown()
        server.server_close()


def write_arrays(folder: Path, train: Split, test: Split) -> None:
    """What ``race.py`` reads: pixels ``float32 [n, 785]``, the last column 1, and labels ``int64 [n]``."""
    for prefix, split in (("", train), ("test_", test)):
        padded = nn.functional.pad(split.images.flatten(1), (0, 1), value=1.0)
        np.save(folder / f"{prefix}pixels.npy", padded.cpu().numpy())
        np.save(folder / f"{prefix}labels.npy", split.labels.cpu().numpy())


@contextmanager
def solver_at_work(folder: Path, solver: str, *, l2: float) -> Iterator[Callable[[int, float], Attempt]]:
    """One of scikit-learn's solvers, as a function from iterations and a limit in seconds to an attempt.

    It works in a process of its own, which is ended at the limit and started again for the next attempt.

    Raises:
        RuntimeError: the process ended by itself; its own message is above.
    """
    command = [sys.executable, str(Path(__file__).with_name("race.py")), str(folder), solver, str(l2)]
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": shell_environment()}
    at_work: list[subprocess.Popen] = []

    def answer(limit: float) -> dict | None:
        watchdog = threading.Timer(limit, at_work[0].kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            started, line = time.perf_counter(), at_work[0].stdout.readline()
        finally:
            watchdog.cancel()
        if line:
            return json.loads(line)
        status = end()
        if time.perf_counter() - started >= limit:
            return None
        raise RuntimeError(f"{solver} ended with exit status {status}")

    def end() -> int | None:
        if not at_work:
            return None
        process = at_work.pop()
        process.kill()
        with suppress(BrokenPipeError), process:  # what it did not read any more
            pass
        return process.wait()

    def attempt(iterations: int, limit: float) -> Attempt:
        if not at_work or at_work[0].poll() is not None:
            end()
            at_work.append(subprocess.Popen(command, **options))
            if answer(START_UP) is None:
                raise RuntimeError(f"{solver} was not ready within {START_UP:g} s: is the machine busy?")
        print(iterations, file=at_work[0].stdin, flush=True)
        return Attempt(iterations, **(answer(limit) or {"seconds": limit}))

    try:
        yield attempt
    finally:
        end()
