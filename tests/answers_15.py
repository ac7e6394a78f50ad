"""What students might answer to the exercises of notebook 15: rightly in another style, and with the usual mistakes."""

import math

import numpy as np
import scipy.stats
import torch


def interval(runs, t, root, spread=None):
    half = t * (runs.std() if spread is None else spread) * root
    return runs.mean() - half, runs.mean() + half


def matched(first, second):
    seeds = sorted(set(first) & set(second))
    return [first[seed] for seed in seeds], [second[seed] for seed in seeds]


def mean_gap(first, second):
    left, right = matched(first, second)
    return np.mean(left) - np.mean(right)


t_of = scipy.stats.t.ppf


# Right answers in another style than the solution's.
OTHERWISE = {
    "15.1 whole-images": lambda accuracy, n: np.isclose(accuracy * n, round(accuracy * n), rtol=0, atol=1e-6),
    "15.2 one-more-run": lambda runs: scipy.stats.t.interval(
        0.95, len(runs) - 1, runs.mean().item(), np.std(runs.numpy(), ddof=1) * math.sqrt(1 + 1 / len(runs))
    ),
    "15.3 by-pairs": lambda first, second: [
        mean_gap(first, second),
        torch.tensor(scipy.stats.ttest_rel(*matched(first, second)).pvalue),
    ],
}

# Words of the hint → an answer as students write it.
NATURAL = {
    "15.1 whole-images": {
        "leave room for rounding": lambda a, n: (a * n).is_integer(),
        "is not quite 57": lambda a, n: abs(a * n - round(a * n)) < 1e-15,
        "cuts the decimals off": lambda a, n: a * n - int(a * n) < 1e-6,
        "within one half": lambda a, n: abs(a * n - round(a * n)) < 1,
        "that is only near": lambda a, n: abs(a - round(a * n) / n) < 1e-6,
        "too much room": lambda a, n: math.isclose(a * n, round(a * n), abs_tol=0.01, rel_tol=0),
        "far below a thousandth": lambda a, n: abs(float(torch.tensor(a) * n) - round(a * n)) < 1e-6,
    },
    "15.2 one-more-run": {
        "where the mean lies": lambda r: interval(r, t_of(0.975, len(r) - 1), 1 / math.sqrt(len(r))),
        "1.96 is too short": lambda r: interval(r, 1.959964, math.sqrt(1 + 1 / len(r))),
        "divides by n": lambda r: interval(
            r, t_of(0.975, len(r) - 1), math.sqrt(1 + 1 / len(r)), spread=r.std(correction=0)
        ),
        "one degree of freedom": lambda r: interval(r, t_of(0.975, len(r)), math.sqrt(1 + 1 / len(r))),
        "10 % in all": lambda r: interval(r, t_of(0.95, len(r) - 1), math.sqrt(1 + 1 / len(r))),
        "for tensor([": lambda r: (
            torch.stack(interval(r, t_of(0.975, len(r) - 1), math.sqrt(1 + 1 / len(r)))) - r.mean() + r.median()
        ),
    },
    "15.3 by-pairs": {
        "two groups": lambda first, second: (
            mean_gap(first, second),
            scipy.stats.ttest_ind(*matched(first, second))[1],
        ),
        "without a partner": lambda first, second: (
            np.mean(list(first.values())) - np.mean(list(second.values())),
            scipy.stats.ttest_rel(*matched(first, second)).pvalue,
        ),
        "by their seed": lambda first, second: (
            np.mean([a - b for a, b in zip(first.values(), second.values(), strict=False)]),
            scipy.stats.ttest_rel(*zip(*zip(first.values(), second.values(), strict=False), strict=True)).pvalue,
        ),
        "count both sides": lambda first, second: (
            mean_gap(first, second),
            scipy.stats.t.sf(
                abs(scipy.stats.ttest_rel(*matched(first, second)).statistic), len(matched(first, second)[0]) - 1
            ),
        ),
        "that is t": lambda first, second: (mean_gap(first, second), scipy.stats.ttest_rel(*matched(first, second))[0]),
        "the sign is turned round": lambda first, second: (
            -mean_gap(first, second),
            scipy.stats.ttest_rel(*matched(second, first)).pvalue,
        ),
    },
}

# What a run might have measured, for the exercises whose answer is a value.
MEASURED = {}
