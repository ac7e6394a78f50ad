"""What a reader would otherwise run: the sources' pipelines and loops, written out, and the libraries themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms

from mnist_lr_helpers.data import DEFAULT_ROOT, Split

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
    root = root or os.environ.get("MNIST_LR_DATA", DEFAULT_ROOT)
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


def write_arrays(folder: Path, train: Split, test: Split) -> None:
    """What ``race.py`` reads: pixels ``float32 [n, 785]``, the last column 1, and labels ``int64 [n]``."""
    for prefix, split in (("", train), ("test_", test)):
        padded = nn.functional.pad(split.images.flatten(1), (0, 1), value=1.0)
        np.save(folder / f"{prefix}pixels.npy", padded.cpu().numpy())
        np.save(folder / f"{prefix}labels.npy", split.labels.cpu().numpy())


def attempts(
    folder: Path, solver: str, iterations: Sequence[int], *, l2: float, limit: float
) -> Iterator[dict[str, float]]:
    """The solver's attempts, until the caller has seen enough or one takes more seconds than the limit."""
    command = [sys.executable, str(Path(__file__).with_name("race.py")), str(folder), solver, str(l2)]
    with subprocess.Popen([*command, json.dumps(list(iterations))], stdout=subprocess.PIPE, text=True) as process:
        try:
            patience = START_UP
            while True:
                watchdog = threading.Timer(patience, process.kill)
                watchdog.start()
                line = process.stdout.readline()
                watchdog.cancel()
                if not line:
                    return
                if "iterations" in (attempt := json.loads(line)):
                    yield attempt
                patience = limit
        finally:
            process.kill()
