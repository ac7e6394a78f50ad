"""Exercises of notebook 12: networks of equal size, Welch's test, weight decay, a sum for the mean."""

from __future__ import annotations

import math

from mnist_lr_helpers.exercises.grading import Exercise


def _numbers(first: int, second: int) -> int:
    """Parameters of a network 784 → first → second → 10."""
    return 785 * first + (first + 1) * second + (second + 1) * 10


def _welch(m: float, s: float, n: int, m2: float, s2: float, n2: int) -> tuple[float, float]:
    v, v2 = s**2 / n, s2**2 / n2
    return (m - m2) / (v + v2) ** 0.5, (v + v2) ** 2 / (v**2 / (n - 1) + v2**2 / (n2 - 1))


EXERCISES: dict[str, Exercise] = {
    "12.1 equal-size": Exercise(
        expected=lambda first, second: (_numbers(first, second) - 10) // 795,
        probes=((512, 256), (30, 2000), (64, 19), (64, 32), (9, 84)),  # the last has an equal
        hints=(
            "How many parameters does one more hidden neuron bring to the shallow network?",
            "Write both counts as formulas and set them equal. Which way must you round the width?",
        ),
        mistakes={
            "the outputs of the shallow network have biases too": lambda a, b: _numbers(a, b) // 795,
            "a width is a whole number: which way do you round?": lambda a, b: (_numbers(a, b) - 10) / 795,
            "the nearest whole number can be one neuron too many": lambda a, b: round((_numbers(a, b) - 10) / 795),
            "no more parameters: as many are allowed": lambda a, b: (_numbers(a, b) - 11) // 795,
            "weights are not all: every neuron has a bias too": lambda a, b: (784 * a + a * b + b * 10) // 794,
            "this many neurons have more parameters than the deep network": lambda a, b: (
                -((_numbers(a, b) - 10) // -795)
            ),
            "a hidden neuron has weights on both sides: to the outputs as well": lambda a, b: _numbers(a, b) // 785,
            "these are as many hidden neurons, not as many parameters": lambda a, b: a + b,
            "this is the number of parameters; which width has as many?": _numbers,
        },
    ),
    "12.2 welch": Exercise(
        expected=_welch,
        probes=((0.0618, 0.001, 5, 0.0641, 0.0028, 8), (3.0, 1.0, 4, 2.0, 2.0, 10)),
        hints=(
            "What is the spread of a *mean* of n runs, when one run has the spread s?",
            "Name v₁ and v₂ first. Where do the two formulas use them, and where their squares?",
        ),
        mistakes={
            "the sign of t is turned round: first minus second": lambda *a: (-_welch(*a)[0], ...),
            "t has a sign, which says which mean is the larger one": lambda *a: (abs(_welch(*a)[0]), ...),
            "a root is missing: the standard error is √(v₁ + v₂)": lambda m, s, n, m2, s2, n2: (
                (m - m2) / (s**2 / n + s2**2 / n2),
                ...,
            ),
            "mind the number of runs: you divide by the spread of one run, not of the mean": (
                lambda m, s, n, m2, s2, n2: ((m - m2) / (s**2 + s2**2) ** 0.5, ...)
            ),
            "a standard error is the root of s² / n, not of s / n": lambda m, s, n, m2, s2, n2: (
                (m - m2) / (s / n + s2 / n2) ** 0.5,
                ...,
            ),
            "these are the degrees of freedom for equal spreads": lambda m, s, n, m2, s2, n2: (..., n + n2 - 2),
            "n runs have n − 1 degrees of freedom, not n": lambda m, s, n, m2, s2, n2: (
                ...,
                (s**2 / n + s2**2 / n2) ** 2 / ((s**2 / n) ** 2 / n + (s2**2 / n2) ** 2 / n2),
            ),
            "t comes first, then the degrees of freedom": lambda *a: _welch(*a)[::-1],
        },
        tolerance=1e-6,
    ),
    "12.3 idle-weight": Exercise(
        expected=lambda w, rate, penalty, steps: w * (1 - 2 * rate * penalty) ** steps,
        probes=((0.03, 0.1, 0.5, 10), (-2.0, 0.05, 1.0, 40)),
        hints=(
            "What is the derivative of λ w² along w? What does one step make of w?",
            "After one step w is a factor times what it was. What happens to that factor in the next step?",
        ),
        mistakes={
            "the derivative of a square brings a factor of 2": lambda w, r, p, n: w * (1 - r * p) ** n,
            "each step shrinks what is left of the weight, not the first weight": lambda w, r, p, n: (
                w * (1 - 2 * r * p * n)
            ),
            "this weight grows: mind the direction of the step": lambda w, r, p, n: w * (1 + 2 * r * p) ** n,
            "that is a single step": lambda w, r, p, n: w * (1 - 2 * r * p),
            "this is one step too many": lambda w, r, p, n: w * (1 - 2 * r * p) ** (n + 1),
            "a step is the gradient times the learning rate": lambda w, r, p, n: w * (1 - 2 * p) ** n,
            "that is Adam, whose steps do not depend on the penalty": lambda w, r, p, n: math.copysign(
                max(abs(w) - r * n, 0.0), w
            ),
        },
        tolerance=1e-6,
    ),
    "12.4 sum-for-mean": Exercise(
        expected=lambda rate, penalty, n: (rate / n, penalty * n),
        probes=((0.1, 1e-3, 200), (0.4, 5e-5, 64)),
        hints=(
            "By which factor does the gradient of the images grow, if the mean becomes a sum?",
            "Which learning rate makes up for that factor? Which penalty keeps its weight beside the images?",
        ),
        mistakes={
            "the steps now suit the images, but what is the penalty beside a sum?": lambda r, p, n: (r / n, p),
            "the balance suits, but how long are the steps now?": lambda r, p, n: (r, p * n),
            "it is the other way round: a sum is larger than a mean": lambda r, p, n: (r * n, p / n),
            "a larger loss takes a larger penalty": lambda r, p, n: (r / n, p / n),
            "a longer gradient takes a shorter step": lambda r, p, n: (r * n, p * n),
            "nothing changed: that is right for the mean": lambda r, p, n: (r, p),
            "the learning rate comes first": lambda r, p, n: (p * n, r / n),
        },
        tolerance=1e-8,
    ),
}
