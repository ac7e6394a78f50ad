"""Exercises of notebook 07: smoothing, a schedule, the length of a training."""

from __future__ import annotations

import math

from mnist_lr_helpers.exercises.grading import Exercise


def _moving_average(losses: list[float], keep: float, *, start: float = 0.0, correct: float = 0.0) -> list[float]:
    average, averages = start, []
    for step, loss in enumerate(losses, start=1):
        average = keep * average + (1 - keep) * loss
        averages.append(average / (1 - correct**step))
    return averages


def _epochs(path: float, rate: float, momentum: float, steps: float) -> float:
    """How many epochs of so many steps cover the path; the answer is the next whole number."""
    return path * (1 - momentum) / (rate * steps)


EXERCISES: dict[str, Exercise] = {
    "07.1 smoothing": Exercise(
        expected=lambda losses, beta: _moving_average(losses, beta, correct=beta),
        probes=(([2.0, 4.0, 1.0, 8.0], 0.6), ([3.0, 1.0, 5.0], 0.9), ([3.0, 1.0], 0.0)),
        mistakes={
            "the first values are too small: the start at zero is not corrected": _moving_average,
            "β is the share of the old average, not of the new loss": lambda losses, beta: _moving_average(
                losses, 1 - beta, correct=beta
            ),
            "β and 1 − β have changed places: β is the share of the old average": lambda losses, beta: _moving_average(
                losses, 1 - beta, correct=1 - beta
            ),
            "this starts at the first loss instead of correcting a start at zero": lambda losses, beta: _moving_average(
                losses, beta, start=losses[0]
            ),
            "this corrects every value alike, as if the start at zero were never forgotten": lambda losses, beta: [
                average / (1 - beta) for average in _moving_average(losses, beta)
            ],
        },
    ),
    "07.2 step decay": Exercise(
        expected=lambda epoch, start, every, factor: start * factor ** ((epoch - 1) // every),
        probes=((1, 1.0, 10, 0.1), (10, 1.0, 10, 0.1), (11, 1.0, 10, 0.1), (21, 1.0, 10, 0.1), (24, 8.0, 5, 0.5)),
        mistakes={
            "epochs count from 1, so this cuts one epoch early": lambda e, s, n, f: s * f ** (e // n),
            "the first cut is right, the second comes too late": lambda e, s, n, f: s * f ** (e // (n + 1)),
            "each cut multiplies the rate again": lambda e, s, n, f: s * (f if e > n else 1),
            "two cuts multiply by the factor twice, not by twice the factor": lambda e, s, n, f: (
                s * f * ((e - 1) // n) if e > n else s
            ),
            "this cuts in every epoch": lambda e, s, n, f: s * f ** (e - 1),
            "between two cuts the rate stays the same": lambda e, s, n, f: s * f ** ((e - 1) / n),
        },
    ),
    "07.3 epochs needed": Exercise(
        expected=lambda path, rate, m, batch, n: math.ceil(_epochs(path, rate, m, math.ceil(n / batch))),
        probes=(
            (100.0, 0.01, 0.9, 64, 1_000),
            (7.3, 0.001, 0.0, 64, 60_000),
            (50.0, 0.02, 0.5, 300, 1_000),
            (8.0, 0.5, 0.5, 10, 20),  # the path is covered exactly
        ),
        mistakes={
            "this falls short of the path: round up": lambda p, r, m, b, n: int(_epochs(p, r, m, math.ceil(n / b))),
            "where the path is covered exactly, no further epoch is needed": lambda p, r, m, b, n: (
                int(_epochs(p, r, m, math.ceil(n / b))) + 1
            ),
            "this rounds to the nearest number, which may fall short of the path": lambda p, r, m, b, n: round(
                _epochs(p, r, m, math.ceil(n / b))
            ),
            "whole epochs, please": lambda p, r, m, b, n: _epochs(p, r, m, math.ceil(n / b)),
            "the momentum is not used yet": lambda p, r, m, b, n: math.ceil(_epochs(p, r, 0, math.ceil(n / b))),
            "momentum acts the wrong way round here: does it take the weights farther?": lambda p, r, m, b, n: (
                math.ceil(p / (1 - m) / (r * math.ceil(n / b)))
            ),
            "a step is a batch, not an image": lambda p, r, m, b, n: math.ceil(_epochs(p, r, m, n)),
            "these are steps; how many epochs do they make?": lambda p, r, m, b, n: math.ceil(_epochs(p, r, m, 1)),
            "the smaller last batch is a step too": lambda p, r, m, b, n: math.ceil(_epochs(p, r, m, n // b)),
            "the smaller last batch is a whole step": lambda p, r, m, b, n: math.ceil(_epochs(p, r, m, n / b)),
        },
    ),
    "07.4 predict": Exercise(
        expected=lambda: (2.0, 2.0, 0.1, 1.0),
        mistakes={
            "batches of half the size: how many steps do they make in an epoch?": lambda: (0.5, ..., ..., ...),
            "a longer step goes farther, not less far": lambda: (..., 0.5, ..., ...),
            "without momentum the weights do not go as far with the same gradient": lambda: (..., ..., 1.0, ...),
            "momentum acts the wrong way round here: which recipe has it, the old or the new?": lambda: (
                (..., ..., 10.0, ...)
            ),
            "a share μ is kept of each step, and of the step before it, and so on; add them all up": lambda: (
                (..., ..., 1 / 1.9, ...)
            ),
            "0.9 is the share that is kept; what do all the kept shares of a step add up to?": lambda: (
                (..., ..., 0.9, ...)
            ),
            "the last change has two effects; multiply them": lambda: (..., ..., ..., 2.0),
            "larger batches make fewer steps in an epoch, not more": lambda: (..., ..., ..., 4.0),
        },
        tolerance=1e-2,
    ),
}
