"""Who is first at an accuracy, or at a distance from the best objective: our recipes or scikit-learn's solvers.

All stop at the fewest iterations, or epochs, within an eighth, whose model reaches the goal on the test images, as if
their reader knew that number beforehand. Our recipe's batch size is chosen on the validation images.
"""

from __future__ import annotations

import math
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from pathlib import Path

from mnist_lr_helpers.data import Dataset
from mnist_lr_helpers.evaluation import predict
from mnist_lr_helpers.models import LogisticRegression
from mnist_lr_helpers.optimum import convex_optimum
from mnist_lr_helpers.training import TrainingConfig, fit, loss_and_accuracy

import peers
import torch
from peers import DEVICE, Attempt, timed
from race import SOFTMAX_SOLVERS
from report import Row, row
from tqdm import tqdm

Goal = Callable[[Attempt], bool]
Racer = Callable[[int], Attempt]
BATCH_SIZES = (64, 128, 256, 512, 1024)  # S1's rate of 0.01 at 64, scaled in proportion (Goyal et al. 2017)
JUDGED_AFTER = 6  # epochs
BEHIND = 2.0  # seconds behind the fastest so far, and a solver is given up
PATIENCE = 120.0  # seconds for an attempt that is repeated, and known to arrive
LAST_EPOCHS, LAST_HALVINGS = 24, 20


def cheapest(attempt: Racer, reached: Goal, *, most: float = math.inf, limit: float = math.inf) -> Attempt | None:
    """The attempt with the fewest iterations that reaches a goal, within an eighth; ``None`` if none does.

    Iterations double until they reach the goal, ``most``, or ``limit`` seconds; then the interval between too few and
    enough, or too slow, is halved.
    """
    low, high = 0, 1
    while not (reached(last := attempt(high)) or last.late):
        affordable = math.inf if last.seconds * 2 <= limit else 0.95 * high * limit / last.seconds
        low, high = high, int(min(2 * high, affordable, most))
        if high <= low:
            return None
    found = None if last.late else last
    while high - low > max(1, high // 8):
        middle = attempt((low + high) // 2)
        enough = reached(middle)
        found = middle if enough else found
        low, high = (low, middle.iterations) if enough or middle.late else (middle.iterations, high)
    return found


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def recipe(batch_size: int, epochs: int) -> TrainingConfig:
    """S1's recipe at another batch size; the learning rate falls to a tenth in the last epoch."""
    rate = 0.01 * batch_size / 64
    decay = {"learning_rate": rate, "decay_every": max(1, epochs - 1)}
    return TrainingConfig(epochs=epochs, batch_size=batch_size, **decay, progress=False)


def train(data: Dataset, config: TrainingConfig, seed: int) -> tuple[LogisticRegression, float]:
    """A model trained by a recipe, and the seconds it took."""
    model = LogisticRegression(initialisation="zeros").to(DEVICE)
    return model, timed(lambda: fit(model, data.train, data.validation, config, generator=seeded(seed)))


def choose_batch_size(data: Dataset) -> int:
    """The batch size of the fastest recipe within one standard error of the best validation accuracy."""
    found = {}
    for batch_size in BATCH_SIZES:
        model, seconds = train(data, recipe(batch_size, JUDGED_AFTER), 0)
        found[batch_size] = seconds, loss_and_accuracy(model, data.validation)[1]
    best = max(accuracy for _, accuracy in found.values())
    error = math.sqrt(best * (1 - best) / len(data.validation))
    return min((seconds, size) for size, (seconds, accuracy) in found.items() if accuracy >= best - error)[1]


def our_sgd(data: Dataset, batch_size: int, seed: int) -> Racer:
    """Our recipe as a racer: iterations are epochs."""

    def attempt(epochs: int) -> Attempt:
        model, seconds = train(data, recipe(batch_size, epochs), seed)
        return Attempt(epochs, seconds, predict(model, data.test).accuracy, math.inf)

    return cache(attempt)


def our_optimum(data: Dataset, l2: float) -> Racer:
    """``convex_optimum`` as a racer: each iteration halves the tolerance."""

    def attempt(halvings: int) -> Attempt:
        found = []
        seconds = timed(lambda: found.append(convex_optimum(data.train, l2=l2, tolerance=0.5**halvings)))
        return Attempt(halvings, seconds, predict(found[0].model, data.test).accuracy, found[0].objective)

    return attempt


@contextmanager
def array_folder(data: Dataset) -> Iterator[Path]:
    """A folder with the images as the solvers' processes read them, for as long as it is needed."""
    with tempfile.TemporaryDirectory() as name:
        peers.write_arrays(Path(name), data.train, data.test)
        yield Path(name)


def search(
    folder: Path, solver: str, goals: dict[str, Goal], *, l2: float, limits: dict[str, float]
) -> dict[str, Attempt]:
    """For each goal the attempt with the fewest iterations that reaches it within its limit, or a late one."""
    found, known = {}, {}
    with peers.solver_at_work(folder, solver, l2=l2) as attempt:
        for name, reached in goals.items():
            limit = limits[name]

            def racer(iterations: int, limit: float = limit) -> Attempt:
                if iterations not in known or (known[iterations].late and known[iterations].seconds < limit):
                    known[iterations] = attempt(iterations, limit)
                return known[iterations]

            found[name] = cheapest(racer, reached, limit=limit) or Attempt(0, limit)
    return found


def search_all(
    folder: Path,
    solvers: tuple[str, ...],
    goals: dict[str, Goal],
    *,
    l2: float,
    limit: float,
    softmax_only: tuple[str, ...] = (),
) -> dict[str, dict[str, Attempt]]:
    """The search of each solver; one is given up at the limit, or when it falls behind the fastest before it.

    ``SGDClassifier`` fits ten models of its own and takes no part in a race to the objective.
    """
    found, limits = {}, dict.fromkeys(goals, limit)
    for solver in tqdm(solvers, desc="solvers", leave=False):
        own = {name: goal for name, goal in goals.items() if solver in SOFTMAX_SOLVERS or name not in softmax_only}
        found[solver] = search(folder, solver, own, l2=l2, limits=limits)
        limits |= {name: min(limits[name], one.seconds + BEHIND) for name, one in found[solver].items() if not one.late}
    return found


def contest(
    name: str,
    ours: tuple[str, Callable[[int], Attempt | None]],
    found: dict[str, Attempt],
    at_work: Callable[[str], AbstractContextManager[Callable[[int, float], Attempt]]],
    *,
    repetitions: int,
    goal: float,
) -> list[Row]:
    """Ours against each solver; one row a solver, fastest first.

    The fastest one is repeated in turn with ours; of the others there is the attempt of their search. Ours has arrived
    if every repetition has.
    """
    label, run_ours = ours
    there = sorted((one for one in found if not found[one].late), key=lambda one: found[one].seconds)
    times: dict[str, list[float]] = {one: [found[one].seconds] for one in there[1:]}
    our_attempts = []
    with ExitStack() as stack:
        again = {one: stack.enter_context(at_work(one)) for one in there[:1]}
        for repetition in range(repetitions):
            our_attempts.append(run_ours(repetition))
            for solver, attempt in again.items():
                times.setdefault(solver, []).append(attempt(found[solver].iterations, PATIENCE).seconds)
    misses = our_attempts.count(None)
    seconds = [] if misses else [one.seconds for one in our_attempts]
    missed = f"ours missed it {misses} of {repetitions} times" if misses else ""
    order = sorted(there, key=lambda one: statistics.median(times[one])) + [one for one in found if one not in there]
    rows = []
    for solver in order:
        late = "" if solver in there else f"not there within {found[solver].seconds:.0f} s"
        once = "measured once" if solver in there[1:] and repetitions > 1 else ""
        note, aim = "; ".join(filter(None, (late, once, missed))), goal if solver == order[0] else None
        what = (label, f"scikit-learn, {solver}")
        rows.append(row(name, what, seconds, times.get(solver, []), goal=aim, note=note))
    return rows


def contests(
    data: Dataset,
    *,
    targets: tuple[float, ...],
    close: float,
    solvers: tuple[str, ...],
    l2: float,
    limit: float,
    repetitions: int,
) -> list[Row]:
    """All contests: to each test accuracy, and to a relative distance from the best objective with the penalty l2."""
    best = convex_optimum(data.train, l2=l2, tolerance=1e-6).objective
    goals: dict[str, Goal] = {
        f"To {target:.1%} test accuracy": lambda one, target=target: one.accuracy >= target for target in targets
    }
    last = f"To {close:g} of the best objective, relative"
    goals[last] = lambda one: one.objective <= best * (1 + close)
    batch_size = choose_batch_size(data)
    optimum = our_optimum(data, l2)
    enough = cheapest(optimum, goals[last], most=LAST_HALVINGS)
    rows = []
    with array_folder(data) as folder:
        solvers_found = search_all(folder, solvers, goals, l2=l2, limit=limit, softmax_only=(last,))
        for name, goal in goals.items():
            if name == last:
                ours = "convex_optimum", lambda _: optimum(enough.iterations) if enough else None
            else:
                sgd = lambda seed, goal=goal: cheapest(our_sgd(data, batch_size, seed), goal, most=LAST_EPOCHS)  # noqa: E731
                ours = f"fit, batches of {batch_size}", sgd
            rows += contest(
                name,
                ours,
                {solver: found[name] for solver, found in solvers_found.items() if name in found},
                lambda solver: peers.solver_at_work(folder, solver, l2=l2),
                repetitions=repetitions,
                goal=3.0,
            )
    return rows
