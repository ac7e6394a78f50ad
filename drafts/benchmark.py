"""``make bench``: the course against what its readers would otherwise run, side by side on this machine.

Peers are written as a reader of the source would write them, or are the libraries themselves. Repetitions are
interleaved, so that whatever else the machine does falls on both sides alike.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression
from sklearn.linear_model import SGDClassifier
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
from tqdm import tqdm

from mnist_lr_helpers.data import DEFAULT_ROOT, Dataset, Split, load_data, raw_folder, write_atomically
from mnist_lr_helpers.evaluation import predict
from mnist_lr_helpers.models import Classifier, ConvolutionalNetwork, LogisticRegression, MultilayerPerceptron
from mnist_lr_helpers.training import TrainingConfig, convex_optimum, fit

PROJECT = Path(__file__).resolve().parents[2]
STORED = PROJECT / "data" / "results" / "benchmark.csv"
S1 = TrainingConfig(epochs=1, batch_size=64, learning_rate=0.01, momentum=0.9)
S2 = TrainingConfig(epochs=1, batch_size=200, learning_rate=5e-4, optimizer="adam")


@dataclass(frozen=True)
class Comparison:
    """Two ways to do the same; each function does it once and returns the seconds it took."""

    name: str
    ours: Callable[[], float]
    peer: Callable[[], float]


@dataclass(frozen=True)
class Row:
    """What ``benchmark.json`` says of one comparison; ``ratio`` is the peer's median over ours."""

    name: str
    unit: str
    ours: float
    ours_min: float
    ours_max: float
    peer: float
    peer_min: float
    peer_max: float
    ratio: float
    n: int


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def pipeline(batch_size: int, workers: int, n: int) -> DataLoader:
    """S1's pipeline: one picture at a time through torchvision's transforms, collected by a DataLoader."""
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    folder = os.environ.get("MNIST_LR_DATA", DEFAULT_ROOT)
    pictures = torch.utils.data.Subset(datasets.MNIST(folder, train=True, transform=transform), range(n))
    return DataLoader(pictures, batch_size=batch_size, shuffle=True, num_workers=workers, generator=seeded())


def loader_epoch(build: Callable[[], Classifier], config: TrainingConfig, workers: int, n: int) -> float:
    """One epoch as the sources' own loops do it, loss and accuracy read in every batch."""
    model, loader, criterion = build(), pipeline(config.batch_size, workers, n), nn.CrossEntropyLoss()
    optimizer = (
        torch.optim.Adam(model.parameters(), lr=config.learning_rate)
        if config.optimizer == "adam"
        else torch.optim.SGD(model.parameters(), lr=config.learning_rate, momentum=config.momentum)
    )

    def epoch() -> None:
        total, correct = 0.0, 0
        for images, labels in loader:
            optimizer.zero_grad()
            logits = model(images)
            loss = criterion(logits, labels)
            loss.backward()
            optimizer.step()
            total += loss.item()
            correct += logits.argmax(dim=1).eq(labels).sum().item()

    return timed(epoch)


def our_epoch(build: Callable[[], Classifier], config: TrainingConfig, data: Dataset) -> float:
    model, few = build(), Split(data.validation.images[:10], data.validation.labels[:10])
    return timed(lambda: fit(model, data.train, validation=few, config=config, generator=seeded(), progress=False))


def two_products(data: Dataset) -> float:
    """The least an epoch can cost: one read of the images through the forward and the backward product."""
    images, weights = data.train.images.flatten(1), torch.zeros(10, 784)
    return timed(lambda: (images @ weights.T).T @ images)


def epoch_comparisons(data: Dataset) -> list[Comparison]:
    n = len(data.train)

    def against(name: str, build: Callable[[], Classifier], config: TrainingConfig, workers: int) -> Comparison:
        peer = lambda: loader_epoch(build, config, workers, n)  # noqa: E731
        return Comparison(name, lambda: our_epoch(build, config, data), peer)

    linear = lambda: LogisticRegression(generator=seeded())  # noqa: E731
    perceptron = lambda: MultilayerPerceptron([512], generator=seeded())  # noqa: E731
    network = lambda: ConvolutionalNetwork(generator=seeded())  # noqa: E731
    return [
        against("S1 epoch, peer: DataLoader, 2 workers", linear, S1, 2),
        against("S1 epoch, peer: DataLoader, 0 workers", linear, S1, 0),
        Comparison(
            "S1 epoch, peer: two matrix products", lambda: our_epoch(linear, S1, data), lambda: two_products(data)
        ),
        against("S2 epoch of the 512 MLP, peer: DataLoader, 2 workers", perceptron, S2, 2),
        against("S0 epoch of the CNN, peer: DataLoader, 2 workers", network, S1, 2),
    ]


def loading_comparisons() -> list[Comparison]:
    folder = raw_folder("mnist")

    def cold() -> float:
        with tempfile.TemporaryDirectory() as empty:
            mirror = os.environ.get("MNIST_LR_MIRROR")
            os.environ["MNIST_LR_MIRROR"] = str(folder)
            try:
                return timed(lambda: load_data("mnist", root=empty))
            finally:
                os.environ.pop("MNIST_LR_MIRROR") if mirror is None else os.environ.update(MNIST_LR_MIRROR=mirror)

    def iterate() -> float:
        return timed(lambda: [len(labels) for _, labels in pipeline(64, 0, 60_000)])

    return [
        Comparison("Load MNIST, warm; peer: torchvision and transforms, once", lambda: timed(load_data), iterate),
        Comparison("Load MNIST, cold from a folder; peer: the same, warm", cold, iterate),
    ]


def ten_digit_comparison(data: Dataset, steps: int = 20) -> Comparison:
    """Ten sigmoid models by gradient descent: one after the other, or as the columns of one product."""
    images = data.train.images.flatten(1).numpy()
    truth = np.eye(10, dtype=np.float32)[data.train.labels]

    def descend(targets: np.ndarray) -> None:
        weights = np.zeros((784, targets.shape[1]), dtype=np.float32)
        for _ in range(steps):
            error = 1 / (1 + np.exp(-images @ weights)) - targets
            weights -= 0.1 / len(images) * (images.T @ error)

    loops = lambda: [descend(truth[:, [digit]]) for digit in range(10)]  # noqa: E731
    return Comparison(
        "Ten single-digit models, peer: ten loops", lambda: timed(lambda: descend(truth)), lambda: timed(loops)
    )


def seconds_to(target: float, attempts: Callable[[int], tuple[float, float]], limit: float) -> float:
    """Seconds of the first attempt (1, 2, 4, … iterations) that reaches the target; infinite past the limit."""
    for doubling in range(12):
        seconds, accuracy = attempts(2**doubling)
        if accuracy >= target:
            return seconds
        if seconds > limit:
            return math.inf
    return math.inf


def race(data: Dataset, targets: tuple[float, ...], limit: float) -> dict[str, list[float]]:
    """Seconds to each test accuracy for our recipes and for each of scikit-learn's solvers."""
    pixels, test_pixels = (part.images.flatten(1).numpy() for part in (data.train, data.test))
    labels, test_labels = data.train.labels.numpy(), data.test.labels.numpy()

    def sgd(iterations: int) -> tuple[float, float]:
        config = TrainingConfig(
            epochs=iterations, batch_size=256, learning_rate=0.02, decay_every=max(1, iterations // 2)
        )
        model = LogisticRegression(initialisation="zeros")
        fitting = lambda: fit(
            model, data.train, validation=data.validation, config=config, generator=seeded(), progress=False
        )  # noqa: E731,E501
        return timed(fitting), predict(model, data.test).accuracy

    def newton(iterations: int) -> tuple[float, float]:
        found = []
        seconds = timed(lambda: found.append(convex_optimum(data.train, l2=1e-3, tolerance=0.1 / iterations**2)))
        return seconds, predict(found[0].model, data.test).accuracy

    def sklearn(build: Callable[[int], object]) -> Callable[[int], tuple[float, float]]:
        def attempt(iterations: int) -> tuple[float, float]:
            model = build(iterations)
            return timed(lambda: model.fit(pixels, labels)), float((model.predict(test_pixels) == test_labels).mean())

        return attempt

    racers = {"ours: SGD with decay": sgd, "ours: convex_optimum": newton}
    for solver in ("lbfgs", "newton-cg", "sag", "saga"):
        build = lambda n, solver=solver: SklearnLogisticRegression(
            solver=solver, max_iter=n, C=1 / (1e-3 * len(labels)), tol=1e-6
        )  # noqa: E731,E501
        racers[f"scikit-learn: {solver}"] = sklearn(build)
    racers["scikit-learn: SGDClassifier"] = sklearn(
        lambda n: SGDClassifier(loss="log_loss", max_iter=n, tol=None, random_state=0, n_jobs=os.cpu_count())
    )
    return {
        name: [seconds_to(target, attempt, limit) for target in targets]
        for name, attempt in tqdm(racers.items(), desc="racers", leave=False)
    }


def measure(comparisons: list[Comparison], repetitions: int) -> list[Row]:
    """Interleaved repetitions of all comparisons; medians and extremes of each side."""
    seconds: dict[tuple[str, str], list[float]] = {}
    for _ in tqdm(range(repetitions), desc="repetitions", leave=False):
        for one in comparisons:
            for side in ("ours", "peer"):
                seconds.setdefault((one.name, side), []).append(getattr(one, side)())
    rows = []
    for one in comparisons:
        ours, peer = (seconds[one.name, side] for side in ("ours", "peer"))
        middle = statistics.median(ours), statistics.median(peer)
        spread = min(ours), max(ours), min(peer), max(peer)
        row = Row(one.name, "s", middle[0], *spread[:2], middle[1], *spread[2:], middle[1] / middle[0], repetitions)
        rows.append(row)
    return rows


def race_rows(raced: dict[str, list[float]], targets: tuple[float, ...]) -> list[Row]:
    """The best of ours against each solver, for each target accuracy."""
    rows = []
    for i, target in enumerate(targets):
        best = min(times[i] for name, times in raced.items() if name.startswith("ours"))
        for name, times in raced.items():
            peer = times[i]
            title = f"Seconds to {target:.1%} test accuracy, peer: {name}"
            rows.append(Row(title, "s", best, best, best, peer, peer, peer, peer / best, 1))
    return rows


def import_seconds(code: str) -> float:
    probe = f"import time; start = time.perf_counter(); {code}; print(time.perf_counter() - start)"
    return float(subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout)


def import_comparison() -> Comparison:
    everything = "import mnist_lr_helpers.exercises, mnist_lr_helpers.errors, mnist_lr_helpers.training"
    return Comparison(
        "Import, ours: torch and the helpers, peer: torch alone",
        lambda: import_seconds(f"import torch; {everything}"),
        lambda: import_seconds("import torch"),
    )


def environment() -> dict[str, str]:
    """The machine and the versions that the figures belong to."""
    import sklearn

    processor = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            processor = line.split(":", 1)[1].strip()
    return {
        "date": time.strftime("%Y-%m-%d"),
        "command": "make bench",
        "processor": f"{processor}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "scikit-learn": sklearn.__version__,
        "GPU": torch.cuda.get_device_name() if torch.cuda.is_available() else "none: CPU figures only",
    }


def draw(rows: list[Row], path: Path) -> None:
    """Ratios on a log axis; to the right of 1 we are faster."""
    import matplotlib.pyplot as plt

    from mnist_lr_helpers import plotting

    plotting.use_style()
    shown = [row for row in rows if math.isfinite(row.ratio)][::-1]
    figure, axis = plt.subplots(figsize=(plotting.WIDTH, 0.35 * len(shown) + 1))
    colours = [plotting.COLOURS["right" if row.ratio >= 1 else "wrong"] for row in shown]
    bars = axis.barh([row.name for row in shown], [row.ratio for row in shown], color=colours)
    axis.bar_label(bars, [f"{row.ratio:.2g}×" for row in shown], padding=3)
    axis.axvline(1, color="black", linewidth=1)
    axis.set(xscale="log", xlabel="peer's seconds over ours (median), log scale", title="How much faster than the peer")
    figure.savefig(path)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--smoke", action="store_true", help="once, on few images, nothing stored")
    parser.add_argument("--output", type=Path, default=PROJECT / "build")
    options = parser.parse_args(arguments)
    import warnings

    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    data = load_data("mnist", train_size=2_000 if options.smoke else None)
    comparisons = [*epoch_comparisons(data), ten_digit_comparison(data), import_comparison(), *loading_comparisons()]
    rows = measure(comparisons, 1 if options.smoke else options.repetitions)
    targets = (0.5,) if options.smoke else (0.92, 0.925)
    rows += race_rows(race(data, targets, limit=1 if options.smoke else 20), targets)
    machine = environment()
    report = {"environment": machine, "comparisons": [asdict(row) for row in rows]}
    write_atomically(options.output / "benchmark.json", json.dumps(report, indent=2).encode())
    draw(rows, options.output / "benchmark.png")
    import pandas as pd

    table = pd.DataFrame([asdict(row) for row in rows])
    print(table.drop(columns="unit").to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    if not options.smoke:
        write_atomically(STORED, table.assign(**machine).to_csv(index=False, float_format="%.5g").encode())


if __name__ == "__main__":
    main()
