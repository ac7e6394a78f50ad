"""Exercises of notebook 15: whole images, the price of peeking, one more run."""

from __future__ import annotations

from mnist_lr_helpers.exercises.grading import Exercise

import torch


def _t(runs: torch.Tensor, *, lost: int = 1, share: float = 0.975) -> float:
    """The quantile of Student's t; ``lost`` of the runs' degrees of freedom are used up."""
    from scipy import stats

    return stats.t.ppf(share, len(runs) - lost)


def _one_more(
    runs: torch.Tensor,
    *,
    own: float = 1.0,
    mean: float = 1.0,
    divisor: int = 1,
    power: int = 1,
    quantile: float | None = None,
) -> tuple[float, float]:
    """Student's prediction interval, or what becomes of it without one of its parts."""
    spread = runs.double().std(correction=divisor).item() ** power
    half = (_t(runs) if quantile is None else quantile) * spread * (own + mean / len(runs)) ** 0.5
    return runs.double().mean().item() - half, runs.double().mean().item() + half


_runs = ([0.9247, 0.9252, 0.9239, 0.9258, 0.9244], [3.0, 9.0, 4.0, 5.0])
_losses = (
    ([0.30, 0.20, 0.17, 0.19, 0.24], [0.28, 0.19, 0.18, 0.16, 0.21]),
    ([0.5, 0.4, 0.6, 0.7], [0.52, 0.45, 0.44, 0.9]),
    ([0.5, 0.4, 0.45, 0.3, 0.6], [0.55, 0.5, 0.42, 0.47, 0.7]),  # two dips, the lower one later
)
_accuracies = (
    (0.9729928571428571, 14_000),
    (0.9729928571428571, 140_000),
    (0.57, 100),
    (0.14, 100),
    (0.975, 30),
    (0.9729935, 140_000),
    (136_219.003 / 140_000, 140_000),
)

EXERCISES: dict[str, Exercise] = {
    "15.1 whole-images": Exercise(
        expected=lambda accuracy, n: abs(accuracy * n - round(accuracy * n)) < 1e-6,
        probes=_accuracies,
        mistakes={
            "a computer's 0.57 · 100 is not quite 57: leave room for rounding": lambda a, n: a * n == round(a * n),
            "this cuts the decimals off; a number a hair below 57 is near 57, not 56": lambda a, n: (
                abs(a * n - int(a * n)) < 1e-6
            ),
            "every number is within one half of a whole one": lambda a, n: abs(a * n - round(a * n)) <= 0.5,
            "this accepts an accuracy that is only near; so many decimals were printed for a reason": lambda a, n: (
                abs(round(a * n) / n - a) < 1e-6
            ),
            "this leaves too much room: a Python float's rounding is far below a thousandth of an image": lambda a, n: (
                abs(a * n - round(a * n)) < 1e-2
            ),
            "this answers the opposite question": lambda a, n: abs(a * n - round(a * n)) >= 1e-6,
        },
        hints=(
            "How many images are right if 97.5 % of 40 are? And of 30? Which of the two can be?",
            "How far may accuracy × n be from the nearest whole number, if only the rounding of a computer is "
            "to blame?",
        ),
    ),
    "15.2 price-of-peeking": Exercise(
        expected=lambda validation, test: test[validation.argmin()] - test.min(),
        probes=tuple((torch.tensor(validation), torch.tensor(test)) for validation, test in _losses),
        mistakes={
            "these are losses on different images; compare two values of the test loss": lambda validation, test: (
                validation.min() - test.min()
            ),
            "this price is paid in validation losses; it is the test loss that is higher": lambda validation, test: (
                validation[test.argmin()] - validation.min()
            ),
            "nobody chose the last epoch": lambda validation, test: test[-1] - test.min(),
            "the sign is turned round: the minimum is never the higher one": lambda validation, test: (
                test.min() - test[validation.argmin()]
            ),
            "this is a share of the loss; the task asks for nats": lambda validation, test: (
                test[validation.argmin()] / test.min() - 1
            ),
            "this is the epoch, not a loss": lambda validation, test: validation.argmin(),
            "this is the loss itself; how far is it from the minimum?": lambda validation, test: test[
                validation.argmin()
            ],
        },
        hints=(
            "At which epoch does the honest document stop? And the other one?",
            "Which value of `test` does the reader of each document get in the end? The price is their difference.",
        ),
    ),
    "15.3 one-more-run": Exercise(
        expected=_one_more,
        probes=tuple((torch.tensor(runs),) for runs in _runs),
        mistakes={
            "this is where the mean lies; a single run scatters far more": lambda runs: _one_more(runs, own=0.0),
            "the mean itself is not known exactly": lambda runs: _one_more(runs, mean=0.0),
            "with so few runs 1.96 is too short: the spread is estimated, too": lambda runs: _one_more(
                runs, quantile=1.959964
            ),
            "the spread is measured from the runs' own mean, which costs one degree of freedom": lambda runs: _one_more(
                runs, quantile=_t(runs, lost=0)
            ),
            "this standard deviation divides by n": lambda runs: _one_more(runs, divisor=0),
            "this is the variance; s is its root": lambda runs: _one_more(runs, power=2),
            "this leaves 5 % on each side, 10 % in all": lambda runs: _one_more(runs, quantile=_t(runs, share=0.95)),
        },
        tolerance=1e-6,
        hints=(
            "Three things go into the half width: the scatter of the runs, a factor from the t distribution, "
            "and the root. Which of them can you compute first?",
            "How many degrees of freedom have n runs left, once their mean is taken from them? The standard "
            "deviation knows the same.",
        ),
    ),
}
