"""What students might answer to the exercises of notebook 15: rightly in another style, and with the usual mistakes."""

import math

import numpy as np
import scipy.stats
import torch


def first_minimum(validation, test):
    epoch = next((k for k in range(len(validation) - 1) if validation[k + 1] > validation[k]), len(validation) - 1)
    return test[epoch] - test.min()


def interval(runs, t, root, spread=None):
    half = t * (runs.std() if spread is None else spread) * root
    return runs.mean() - half, runs.mean() + half


t_of = scipy.stats.t.ppf


# Right answers in another style than the solution's.
OTHERWISE = {
    "15.1 whole-images": lambda accuracy, n: np.isclose(accuracy * n, round(accuracy * n), rtol=0, atol=1e-6),
    "15.2 price-of-peeking": lambda validation, test: float(
        test.numpy()[validation.numpy().argmin()] - min(test.tolist())
    ),
    "15.3 one-more-run": lambda runs: scipy.stats.t.interval(
        0.95, len(runs) - 1, runs.mean().item(), np.std(runs.numpy(), ddof=1) * math.sqrt(1 + 1 / len(runs))
    ),
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
    "15.2 price-of-peeking": {
        "different images": lambda validation, test: min(validation) - min(test),
        "the last epoch": lambda validation, test: test[-1] - min(test),
        "the sign": lambda validation, test: min(test) - test[validation.argmin()],
        "the epoch, not a loss": lambda validation, test: validation.tolist().index(min(validation)),
        "paid in validation losses": lambda validation, test: validation[test.argmin()] - min(validation),
        "right for": first_minimum,
    },
    "15.3 one-more-run": {
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
}

# What a run might have measured, for the exercises whose answer is a value.
MEASURED = {}
