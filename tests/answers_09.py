"""What students might answer to the exercises of notebook 09: rightly in another style, and with the usual mistakes."""

import math
from itertools import count

import numpy as np
import pandas as pd
import torch


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
    "09.1 calibration-error": _calibration_error,
    "09.2 temperature": lambda p, t: p ** (1 / t) / (p ** (1 / t)).sum(dim=1, keepdim=True),
    "09.3 conformal-threshold": lambda scores, alpha: sorted([*scores.tolist(), math.inf])[
        next(r for r in count() if (r + 1) / (len(scores) + 1) >= 1 - alpha - 1e-12)
    ],
}

# Words of the hint → an answer as students write it.
NATURAL = {
    "09.1 calibration-error": {
        "every bin counts the same": lambda *asked: np.mean([abs(a - c) for n, a, c, middle in binned(*asked)]),
        "gaps of opposite sign": lambda c, ok, bins: abs(ok.float().mean() - c.mean()),
        "the largest gap": lambda *asked: max(abs(a - c) for n, a, c, middle in binned(*asked)),
        "the middle of a bin": lambda *asked: sum(n * abs(a - middle) for n, a, c, middle in binned(*asked)),
        "always ten bins": lambda c, ok, bins: sum(n * abs(a - c) for n, a, c, middle in binned(c, ok, 10)),
        "an absolute value is missing": lambda *asked: sum(n * (a - c) for n, a, c, middle in binned(*asked)),
    },
    "09.2 temperature": {
        "are no logits": lambda p, t: torch.softmax(p / t, 1),
        "not multiplied": lambda p, t: torch.softmax(t * p.log(), 1),
        "do not add up to 1": lambda p, t: (p.log() / t).exp(),
        "are logits": lambda p, t: torch.log(p) / t,
        "T cancels": lambda p, t: (p / t) / (p / t).sum(1, keepdim=True),
    },
    "09.3 conformal-threshold": {
        "with m instead of m + 1": lambda s, a: sorted(s.tolist())[math.ceil(len(s) * (1 - a)) - 1],
        "is whole this takes": lambda s, a: sorted(s.tolist())[int((len(s) + 1) * (1 - a))],
        "ranks count from 1": lambda s, a: sorted(s.tolist())[math.ceil((len(s) + 1) * (1 - a))],
        "the other end": lambda s, a: sorted(s.tolist())[math.ceil((len(s) + 1) * a) - 1],
        "sorted downwards": lambda s, a: sorted(s.tolist(), reverse=True)[math.ceil((len(s) + 1) * (1 - a)) - 1],
        "sorted first": lambda s, a: s.tolist()[math.ceil((len(s) + 1) * (1 - a)) - 1],
        "interpolates": lambda s, a: np.quantile(s.numpy(), 1 - a),
    },
}

# What a run might have measured, for the exercises whose answer is a value.
MEASURED = {}
