"""What students might answer to the exercises of notebook 08: rightly in another style, and with the usual mistakes."""

import math
from itertools import count

import numpy as np
import pandas as pd
import scipy.stats
import torch


def wald(right, n, z=1.96):
    p = right / n
    half = z * math.sqrt(p * (1 - p) / n)
    return [p - half, p + half]


def wilson(right, n, z=1.96):
    p, factor = right / n, 1 + z**2 / n
    half = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return (p + z**2 / (2 * n) - half) / factor, (p + z**2 / (2 * n) + half) / factor


def binned(confidence, correct, bins):
    """Share of the images, accuracy, mean confidence and middle of each bin that holds any."""
    which = np.ceil(confidence.numpy() * bins - 1e-6)
    table = pd.DataFrame({"ok": correct, "confidence": confidence}).groupby(which)
    middles = (table["ok"].mean().index - 0.5) / bins
    return zip(table["ok"].size() / len(which), table["ok"].mean(), table["confidence"].mean(), middles, strict=True)


def _calibration_error(confidence: torch.Tensor, correct: torch.Tensor, bins: int) -> float:
    sums = np.zeros(bins)
    which = np.digitize(confidence.numpy(), np.linspace(0, 1, bins + 1)[1:-1].astype(np.float32), right=True)
    np.add.at(sums, which, correct.numpy() - confidence.numpy())
    return np.abs(sums).sum() / len(confidence)


# Right answers in another style than the solution's.
OTHERWISE = {
    "08.1 wilson-interval": lambda k, n: tuple(scipy.stats.binomtest(k, n).proportion_ci(method="wilson")),
    "08.2 calibration-error": _calibration_error,
    "08.3 conformal-threshold": lambda scores, alpha: sorted([*scores.tolist(), math.inf])[
        next(r for r in count() if (r + 1) / (len(scores) + 1) >= 1 - alpha - 1e-12)
    ],
    "08.4 row-normalised": lambda counts: pd.DataFrame(counts).div(pd.DataFrame(counts).sum(axis=1), axis=0),
}

# Words of the hint → an answer as students write it.
NATURAL = {
    "08.1 wilson-interval": {
        "lie equally far": wald,
        "cut off at 0 and 1": lambda k, n: np.clip(wald(k, n), 0, 1),
        "covers only 90 %": lambda k, n: wilson(k, n, 1.645),
        "nearer to 1.96": lambda k, n: wilson(k, n, 2),
        "percentages": lambda k, n: [100 * bound for bound in wilson(k, n, 1.959964)],
    },
    "08.2 calibration-error": {
        "every bin counts the same": lambda *asked: np.mean([abs(a - c) for n, a, c, middle in binned(*asked)]),
        "gaps of opposite sign": lambda c, ok, bins: abs(ok.float().mean() - c.mean()),
        "the largest gap": lambda *asked: max(abs(a - c) for n, a, c, middle in binned(*asked)),
        "the middle of a bin": lambda *asked: sum(n * abs(a - middle) for n, a, c, middle in binned(*asked)),
        "always ten bins": lambda c, ok, bins: sum(n * abs(a - c) for n, a, c, middle in binned(c, ok, 10)),
        "an absolute value is missing": lambda *asked: sum(n * (a - c) for n, a, c, middle in binned(*asked)),
    },
    "08.3 conformal-threshold": {
        "with m instead of m + 1": lambda s, a: sorted(s.tolist())[math.ceil(len(s) * (1 - a)) - 1],
        "is whole this takes": lambda s, a: sorted(s.tolist())[int((len(s) + 1) * (1 - a))],
        "ranks count from 1": lambda s, a: sorted(s.tolist())[math.ceil((len(s) + 1) * (1 - a))],
        "the other end": lambda s, a: sorted(s.tolist())[math.ceil((len(s) + 1) * a) - 1],
        "sorted downwards": lambda s, a: sorted(s.tolist(), reverse=True)[math.ceil((len(s) + 1) * (1 - a)) - 1],
        "sorted first": lambda s, a: s.tolist()[math.ceil((len(s) + 1) * (1 - a)) - 1],
        "interpolates": lambda s, a: np.quantile(s.numpy(), 1 - a),
    },
    "08.4 row-normalised": {
        "each column sums to 1": lambda counts: counts / counts.sum(0),
        "a flat array": lambda counts: counts / counts.sum(1),
        "all cells together": lambda counts: counts / counts.sum(),
        "percentages": lambda counts: counts / counts.sum(1)[:, None] * 100,
        "whole numbers cannot hold": lambda counts: counts // counts.sum(axis=1, keepdims=True),
    },
}

# What a run might have measured, for the exercises whose answer is a value.
MEASURED = {}
