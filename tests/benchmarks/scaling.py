"""What ``fit`` costs at each size, in a process of its own so that memory is its own too: ``scaling.py POINTS N``.

``POINTS`` is a JSON list of points, ``N`` the repetitions; prints for each point one JSON line with the seconds of one
epoch and the memory that the images and ``fit`` add to the process.
"""

from __future__ import annotations

import json
import multiprocessing
import re
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from mnist_lr_helpers.data import Split
from mnist_lr_helpers.models import Classifier, LogisticRegression, MultilayerPerceptron
from mnist_lr_helpers.training import TrainingConfig, fit

import torch

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def memory_mb(field: str) -> float | None:
    """Memory of this process in MB: ``VmRSS`` now, ``VmHWM`` at its peak; ``None`` where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    return int(re.search(rf"{field}:\s+(\d+) kB", status.read_text(encoding="utf-8"))[1]) / 1024


def build(hidden: int) -> Classifier:
    """Logistic regression without hidden neurons, else one hidden layer of so many."""
    generator = torch.Generator().manual_seed(0)
    model = MultilayerPerceptron([hidden], generator=generator) if hidden else LogisticRegression(generator=generator)
    return model.to(DEVICE)


def measure(point: dict[str, int], repetitions: int) -> dict[str, float | None]:
    """Median seconds of an epoch over the repetitions, and the memory. Cost does not depend on what the pixels show."""
    torch.use_deterministic_algorithms(DEVICE.type == "cuda", warn_only=True)
    generator = torch.Generator().manual_seed(0)
    tiny = Split(torch.zeros(10, 1, 28, 28, device=DEVICE), torch.zeros(10, dtype=torch.long, device=DEVICE))
    config = TrainingConfig(epochs=1, batch_size=10, learning_rate=1e-3, progress=False)
    fit(build(1), tiny, tiny, config, generator=generator)
    before = memory_mb("VmRSS")  # what the libraries set up once is in it
    images = torch.empty(point["n"], 1, 28, 28).normal_(generator=generator).to(DEVICE)
    train = Split(images, torch.randint(10, (point["n"],), generator=generator).to(DEVICE))
    few = Split(train.images[:10], train.labels[:10])
    config, seconds = TrainingConfig(epochs=1, batch_size=point["batch"], learning_rate=1e-3, progress=False), []
    for _ in range(repetitions + 1):
        model, started = build(point["hidden"]), time.perf_counter()
        fit(model, train, few, config, generator=generator)
        seconds.append(time.perf_counter() - started)
    peak = memory_mb("VmHWM")
    if DEVICE.type == "cuda":
        before, peak = 0.0, torch.cuda.max_memory_allocated() / 2**20
    middle = statistics.median(seconds[1:])  # the first one warms up
    return {**point, "seconds": middle, "memory_mb": None if before is None else peak - before}


def main(points: list[dict[str, int]], repetitions: int) -> None:
    """One process after the other, each a fork of one that has torch already, where the system can fork."""
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    context.set_forkserver_preload(["torch", "mnist_lr_helpers.training"])
    with ProcessPoolExecutor(1, context, max_tasks_per_child=1) as pool:
        for one in pool.map(partial(measure, repetitions=repetitions), points):
            print(json.dumps(one), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), int(sys.argv[2]))
