"""``make bench``: the course against what its readers would otherwise run, side by side on this machine.

Repetitions are interleaved, so that whatever else the machine does falls on both sides alike. A GPU is used where
there is one, in PyTorch's deterministic mode as far as its kernels have one; the report says which device it was.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

from mnist_lr_helpers.course.execute import find_notebooks
from mnist_lr_helpers.course.publish import COURSE_RUN, RUN_TIMES, elapsed, replace_between, unfit
from mnist_lr_helpers.data import Dataset, Split, load_data, raw_folder
from mnist_lr_helpers.files import write_atomically
from mnist_lr_helpers.models import Classifier, ConvolutionalNetwork, LogisticRegression, MultilayerPerceptron
from mnist_lr_helpers.training import TrainingConfig, fit

import numpy as np
import pandas as pd
import peers
import report
import torch
from contests import contests, seeded
from peers import DEVICE, timed
from race import SOLVERS
from report import Row, row
from shell import shell_environment
from tqdm import tqdm

PROJECT = Path(__file__).resolve().parents[2]
STORED = PROJECT / "data" / "results" / "benchmark.csv"
SCALING = STORED.with_name("benchmark_scaling.csv")
PICTURES = PROJECT / "notebooks" / "_static"
S1 = TrainingConfig(epochs=1, batch_size=64, learning_rate=0.01, momentum=0.9, progress=False)
S0 = replace(S1, threads=torch.get_num_threads())  # a network's batches are worth sharing between cores
S2 = replace(S0, batch_size=200, learning_rate=5e-4, optimizer="adam")
L2 = 1e-3  # chosen on validation in notebook 03
PIPELINE = "DataLoader, 2 workers"
TARGETS = (0.92, 0.925)  # test accuracies
CLOSE = 1e-4  # relative distance to the best objective
# The course's budgets. Machines differ by a factor of two, so time is counted in epochs of the published pipeline.
COURSE_EPOCHS, NOTEBOOK_EPOCHS, NOTEBOOK_MB, IMPORT_SECONDS = 36, 9, 1500.0, 0.3
# The first minute, in the same epochs: 3, 10 and 20 s where one takes 6.6 s. A notebook, and what its last cell says.
FIRST_MINUTE = {
    "Start of a notebook: imports and data": (0.45, "03_train_the_model", "load_data("),
    "From the opened 00 to its first trained model": (1.5, "00_first_digit", "loss.backward()"),
}
FIRST_RESULT_EPOCHS = 3
AXES = {
    "n": [{"n": n, "batch": 64, "hidden": 0} for n in (1_000, 2_000, 5_000, 10_000, 20_000, 60_000)],
    "batch": [{"n": 60_000, "batch": batch, "hidden": 0} for batch in (16, 64, 256, 1_024, 4_096)],
    "hidden": [{"n": 6_000, "batch": 200, "hidden": hidden} for hidden in (64, 128, 256, 512, 1_024, 2_048)],
}
IMPORTED = ("data", "features", "models", "training", "evaluation", "findings", "exercises", "plotting")
AXIS_LABELS = {"n": "training images", "batch": "images in a batch", "hidden": "hidden neurons"}


@dataclass(frozen=True)
class Settings:
    """How much is measured.

    Attributes:
        repetitions: of each comparison; half of it, rounded up, of those that take long.
        train_size: training images, ``None`` for all.
        limit: seconds after which an attempt of a solver is given up, if not before.
        targets: test accuracies to reach.
        close: relative distance to the best objective to reach.
        solvers: those of scikit-learn that take part.
        axes: the sizes for which the growth of cost is measured.
        first_result: whether a whole notebook is run, to see when it is there.
    """

    repetitions: int = 5
    train_size: int | None = None
    limit: float = 20.0
    targets: tuple[float, ...] = TARGETS
    close: float = CLOSE
    solvers: tuple[str, ...] = SOLVERS
    axes: dict[str, list[dict[str, int]]] = field(default_factory=lambda: AXES)
    first_result: bool = True

    @property
    def few(self) -> int:
        """Repetitions of what takes long."""
        return math.ceil(self.repetitions / 2)


SMOKE = Settings(
    repetitions=1,
    train_size=1_000,
    targets=(0.5,),
    close=0.5,
    solvers=SOLVERS[:1],
    axes={"n": [{"n": n, "batch": 64, "hidden": 0} for n in (200, 400)]},
    first_result=False,
)


@dataclass(frozen=True)
class Comparison:
    """Two ways to do the same; each function does it once and returns the seconds it took."""

    name: str
    ours: str
    peer: str
    run_ours: Callable[[], float]
    run_peer: Callable[[], float]
    goal: float | None = None
    long: bool = False


def measure(comparisons: list[Comparison], settings: Settings) -> list[Row]:
    """Interleaved repetitions of all comparisons, each side first in turn."""
    seconds: dict[tuple[str, str], list[float]] = {}
    for repetition in tqdm(range(settings.repetitions), desc="repetitions", leave=False):
        for one in comparisons:
            if one.long and repetition >= settings.few:
                continue
            sides = [("ours", one.run_ours), ("peer", one.run_peer)]
            for side, run in sides[:: 1 if repetition % 2 else -1]:
                seconds.setdefault((one.name + one.peer, side), []).append(run())
    return [
        row(
            one.name,
            (one.ours, one.peer),
            seconds[one.name + one.peer, "ours"],
            seconds[one.name + one.peer, "peer"],
            goal=one.goal,
        )
        for one in comparisons
    ]


def our_epoch(build: Callable[[], Classifier], config: TrainingConfig, data: Dataset) -> float:
    """Seconds of ``fit`` for one epoch, which looks at a few validation images only, because the peers look at none."""
    model, few = build().to(DEVICE), Split(data.validation.images[:10], data.validation.labels[:10])
    return timed(lambda: fit(model, data.train, few, config, generator=seeded(0)))


def two_products(data: Dataset) -> float:
    """The least an epoch can cost: one read of the images through the forward and the backward product."""
    images, weights = data.train.images.flatten(1), torch.zeros(10, 784, device=DEVICE)
    return timed(lambda: (images @ weights.T).T @ images)


def their_epoch(build: Callable[[], torch.nn.Module], config: TrainingConfig, workers: int, n: int) -> float:
    """Seconds of one epoch of the sources' way."""
    model = build()
    optimizer = (
        torch.optim.Adam(model.parameters(), lr=config.learning_rate)
        if config.optimizer == "adam"
        else torch.optim.SGD(model.parameters(), lr=config.learning_rate, momentum=config.momentum)
    )
    return peers.loader_epoch(model, optimizer, peers.pipeline(config.batch_size, workers, n))


def epoch_comparisons(data: Dataset) -> list[Comparison]:
    """One epoch of logistic regression, of the perceptron and of the convolutional network."""
    linear = partial(our_epoch, lambda: LogisticRegression(generator=seeded(0)), S1, data)
    perceptron = partial(our_epoch, lambda: MultilayerPerceptron([512], generator=seeded(0)), S2, data)
    network = partial(our_epoch, lambda: ConvolutionalNetwork(generator=seeded(0)), S0, data)
    theirs = partial(their_epoch, n=len(data.train))
    s1, s2, s0 = "Epoch of S1's recipe", "Epoch of S2's network, 512 hidden neurons", "Epoch of S0's CNN"
    none, limit = "DataLoader, 0 workers", "the limit: two matrix products"
    whole = partial(our_epoch, lambda: LogisticRegression(generator=seeded(0)), replace(S1, batch_size=10**6), data)
    return [
        Comparison(s1, "fit", PIPELINE, linear, partial(theirs, peers.linear, S1, 2), 20, True),
        Comparison(s1, "fit", none, linear, partial(theirs, peers.linear, S1, 0), 20, True),
        Comparison(s1, "fit", limit, linear, partial(two_products, data), 1 / 4),
        Comparison("The same in one batch", "fit", limit, whole, partial(two_products, data), 1 / 1.5),
        Comparison(s2, "fit", PIPELINE, perceptron, partial(theirs, peers.perceptron, S2, 2), 3, True),
        Comparison(s0, "fit", PIPELINE, network, partial(theirs, peers.network, S0, 2), 1.5, True),
    ]


def loading_comparisons(n: int) -> list[Comparison]:
    """Loading with everything verified, against torchvision's images seen once through the transforms.

    Cold means from an empty folder, downloaded from a mirror on this machine. Who has only the unpacked files cannot
    play the mirror, and measures the warm case alone.
    """

    def ours_cold() -> float:
        with peers.mirror(raw_folder("mnist")), tempfile.TemporaryDirectory() as empty:
            return timed(lambda: load_data("mnist", root=empty))

    def theirs_cold() -> float:
        with peers.mirror(raw_folder("mnist")), tempfile.TemporaryDirectory() as empty:
            return peers.iterate_once(n, root=empty, download=True)

    what = "load_data", "torchvision and transforms, seen once"
    warm = Comparison("Load MNIST, warm", *what, lambda: timed(load_data), lambda: peers.iterate_once(n), None, True)
    cold = Comparison("Load MNIST, cold, from a local mirror", *what, ours_cold, theirs_cold, None, True)
    return [warm, cold] if len(list(raw_folder("mnist").glob("*.gz"))) == 4 else [warm]


def ten_digits_comparison(data: Dataset, steps: int = 5) -> Comparison:
    """Ten sigmoid models by gradient descent, as in S3: one after the other, or as the columns of one product."""
    images = data.train.images.flatten(1).cpu().numpy()
    truth = np.eye(10, dtype=np.float32)[data.train.labels.cpu()]

    def descend(targets: np.ndarray) -> None:
        weights = np.zeros((784, targets.shape[1]), dtype=np.float32)
        for _ in range(steps):
            error = 1 / (1 + np.exp(-images @ weights)) - targets
            weights -= 0.1 / len(images) * (images.T @ error)

    def loops() -> None:
        for digit in range(10):
            descend(truth[:, [digit]])

    name = f"Ten one-versus-rest models, {steps} steps"
    ours, theirs = partial(timed, lambda: descend(truth)), partial(timed, loops)
    return Comparison(name, "one product", "ten loops", ours, theirs, None, True)


def import_row(repetitions: int) -> Row:
    """Seconds that importing what the notebooks import takes in a fresh process, once torch is there."""
    modules = ", ".join(f"mnist_lr_helpers.{name}" for name in IMPORTED)
    probe = f"import torch, time; start = time.perf_counter(); import {modules}; print(time.perf_counter() - start)"
    command = [sys.executable, "-c", probe]
    seconds = [
        float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(repetitions)
    ]
    return row("Import of the helpers, beyond torch", ("import", "the budget"), seconds, [IMPORT_SECONDS], goal=1.0)


def first_minute_rows(epoch: float, settings: Settings) -> list[Row]:
    """What a reader waits for at the beginning, against its budgets; ``epoch`` is the pipeline's."""
    script = Path(__file__).with_name("first_cells.py")

    def measured(name: str, ours: str, epochs: float, seconds: Callable[[], float]) -> Row:
        budget = f"{epochs:g} epochs, {PIPELINE}"
        return row(name, (ours, budget), [seconds() for _ in range(settings.few)], [epochs * epoch], goal=1.0)

    def cells(notebook: str, word: str) -> float:
        command = [sys.executable, script, PROJECT / "notebooks" / f"{notebook}.ipynb", word]
        return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()[-1])

    def first_result(output: str) -> float:
        command = [sys.executable, "-m", "mnist_lr_helpers", "run", "00", "--output", output]
        return timed(lambda: subprocess.run(command, capture_output=True, check=True))

    rows = [
        measured(name, notebook, epochs, partial(cells, notebook, word))
        for name, (epochs, notebook, word) in FIRST_MINUTE.items()
    ]
    if settings.first_result:
        with tempfile.TemporaryDirectory() as output:
            name = "From make run to its first result"
            rows.append(measured(name, "00_first_digit", FIRST_RESULT_EPOCHS, partial(first_result, output)))
    return rows


def course_rows(epoch: float) -> tuple[list[Row], list[dict[str, object]]]:
    """The whole course against its budgets, and seconds and memory of each notebook; ``epoch`` is the pipeline's.

    It is the last full run on MNIST that ``make run`` left in ``build/``, else the stored one; two notebooks share two
    cores there. The budget of a notebook is for one that has them to itself, as in the stored run times.
    """
    last = PROJECT / "build" / "run.json"
    results, note = json.loads(last.read_text()) if last.exists() else [], "the last make run"
    if len(results) < len(find_notebooks([])) or unfit(results):
        results, note = json.loads(COURSE_RUN.read_text())["notebooks"], "the stored make run"
    alone = [{"notebook": name, **one} for name, one in json.loads(RUN_TIMES.read_text()).items()]

    def most(some: list[dict], key: str, budget: float, name: str, note: str, unit: str = "s") -> Row:
        one, peer = max(some, key=lambda one: one[key]), slowest if unit == "s" else "the budget"
        return row(name, (one["notebook"], peer), [one[key]], [budget], unit=unit, goal=1.0, note=note)

    name, all_of_it = f"Whole course, {len(results)} notebooks", f"{COURSE_EPOCHS} epochs, {PIPELINE}"
    slowest = f"{NOTEBOOK_EPOCHS} epochs, {PIPELINE}"
    rows = [
        row(name, ("make run", all_of_it), [elapsed(results)], [COURSE_EPOCHS * epoch], goal=1.0, note=note),
        most(results, "seconds", NOTEBOOK_EPOCHS * epoch, "Slowest notebook, two sharing the cores", note),
        most(alone, "seconds", NOTEBOOK_EPOCHS * epoch, "Slowest notebook, alone", "the stored make notebooks"),
        most(results, "peak_memory_mb", NOTEBOOK_MB, "Largest notebook", note, "MB"),
    ]
    return rows, [{key: one[key] for key in ("notebook", "seconds", "peak_memory_mb")} for one in results]


def scaling(axes: dict[str, list[dict[str, int]]], repetitions: int) -> pd.DataFrame:
    """Seconds and memory of ``fit`` for each point of each axis."""
    points = [{"axis": axis} | point for axis, chosen in axes.items() for point in chosen]
    script = str(Path(__file__).with_name("scaling.py"))
    command, rows = [sys.executable, script, json.dumps(points), str(repetitions)], []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=shell_environment()) as process:
        for line in tqdm(process.stdout, total=len(points), desc="sizes", leave=False):
            rows.append(json.loads(line))
    if process.returncode:
        raise RuntimeError(f"{script} ended with exit status {process.returncode}; its own message is above")
    return pd.DataFrame(rows)


def exponents(points: pd.DataFrame) -> list[dict[str, object]]:
    """The fitted power of each cost along each axis."""
    found = []
    for axis, some in points.groupby("axis", sort=False):
        for cost in ("seconds", "memory_mb"):
            usable = some[some[cost].notna() & (some[cost] > 0)]
            if len(usable) > 1:
                power = report.exponent(usable[axis], usable[cost])[0]
                found.append({"axis": axis, "cost": cost, "exponent": power})
    return found


def on_device(data: Dataset) -> Dataset:
    """The same data on the GPU, where there is one."""
    parts = {name: getattr(data, name) for name in ("train", "validation", "test")}
    return replace(data, **{k: Split(v.images.to(DEVICE), v.labels.to(DEVICE)) for k, v in parts.items()})


def store(table: pd.DataFrame, points: pd.DataFrame, output: Path) -> None:
    """Make this run the stored one: both CSVs, the section in the book and its pictures."""
    write_atomically(STORED, table.to_csv(index=False, float_format="%.5g").encode())
    write_atomically(SCALING, points.to_csv(index=False, float_format="%.5g").encode())
    for picture in ("benchmark.png", "scaling.png"):
        write_atomically(PICTURES / picture, (output / picture).read_bytes())
    page = PROJECT / "notebooks" / "measured.md"
    section = report.page_table(pd.read_csv(STORED))
    write_atomically(page, replace_between(page.read_text(encoding="utf-8"), "benchmark", section).encode())


def run(settings: Settings) -> tuple[list[Row], list[dict[str, object]], pd.DataFrame]:
    """Everything: the comparisons' rows, the course's notebooks, and the points of growing cost."""
    data = on_device(load_data("mnist", train_size=settings.train_size))
    n = settings.train_size or 60_000
    short = [ten_digits_comparison(data), *epoch_comparisons(data), *loading_comparisons(n)]
    rows = measure(short, settings)
    rows += contests(
        data,
        targets=settings.targets,
        close=settings.close,
        solvers=settings.solvers,
        l2=L2,
        limit=settings.limit,
        repetitions=settings.few,
    )
    epoch = next(one.peer_median for one in rows if one.peer == PIPELINE)
    course, notebooks = course_rows(epoch)
    rows += [*course, *first_minute_rows(epoch, settings), import_row(settings.repetitions)]
    return rows, notebooks, scaling(settings.axes, settings.few)


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=Settings.repetitions)
    parser.add_argument("--smoke", action="store_true", help="once, on few images, to see that it works")
    parser.add_argument("--store", action="store_true", help="make this run the one that the book shows")
    parser.add_argument("--output", type=Path, default=PROJECT / "build")
    options = parser.parse_args(arguments)
    if options.smoke and options.store:
        parser.error("a smoke run is not stored: leave out --smoke or --store")
    if DEVICE.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
    given = " ".join(arguments or sys.argv[1:])
    machine = report.environment("make bench" + (f' ARGS="{given}"' if given else ""))
    print(f"Measuring on {machine['processor']}; {machine['device']}.", flush=True)
    started = time.perf_counter()
    rows, notebooks, points = run(SMOKE if options.smoke else Settings(repetitions=options.repetitions))
    table = report.as_table(rows, machine)
    content = {
        "environment": machine,
        "comparisons": [asdict(one) for one in rows],
        "course": notebooks,
        "scaling": {"points": points.to_dict("records"), "exponents": exponents(points)},
    }
    write_atomically(options.output / "benchmark.json", json.dumps(content, indent=2, allow_nan=False).encode())
    report.draw_ratios(table, options.output / "benchmark.png")
    report.draw_scaling(points, AXIS_LABELS, options.output / "scaling.png")
    print(report.text_table(table))
    for one in content["scaling"]["exponents"]:
        print(f"{one['cost']} grows with {AXIS_LABELS[one['axis']]} to the power {one['exponent']:.2f}")
    print(f"{len(rows)} comparisons in {time.perf_counter() - started:.0f} s: {options.output / 'benchmark.json'}")
    if options.store:
        store(table, points, options.output)
    missed = [f"{one.name}, {one.ours}" for one in rows if report.misses(one)]
    if missed and not options.smoke:
        sys.exit("missed by more than the spread of the repetitions: " + "; ".join(missed))


if __name__ == "__main__":
    main()
