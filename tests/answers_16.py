"""What students might answer to the exercises of notebook 16: rightly in another style, and with the usual mistakes."""

import math

import numpy as np
import scipy.stats


def centre_of(profile):
    return sum(row * ink for row, ink in enumerate(profile.tolist())) / sum(profile.tolist())


def surprises(n, accuracy, unlikely):
    return max((k for k in range(n + 1) if unlikely(k, n, accuracy)), default=-1)


# Right answers in another style than the solution's.
OTHERWISE = {
    "16.2 votes": lambda ink, weights, std, first, second: (
        np.subtract(*weights[[first, second]].numpy()) * (ink / std).numpy()
    ),
}

# Words of the hint → an answer as students write it.
NATURAL = {
    "16.1 into-the-middle": {
        "between rows 13 and 14": lambda profile: round(13.5 - centre_of(profile)),
        "the middle of the box": lambda profile: round(14 - (len(profile) - 1) / 2),
        "the row with the most ink": lambda profile: 14 - profile.tolist().index(max(profile)),
        "positive is down": lambda profile: round(centre_of(profile) - 14),
        "a digit can lie too low": lambda profile: max(round(14 - centre_of(profile)), 0),
        "cuts the fraction off": lambda profile: int(14 - centre_of(profile)),
        "always rounds up": lambda profile: math.ceil(14 - centre_of(profile)),
        "then the answer is negative": lambda profile: abs(round(14 - centre_of(profile))),
    },
    "16.2 votes": {
        "the layer sees": lambda ink, w, std, a, b: ink * (w[a] - w[b]),
        "for the second class": lambda ink, w, std, a, b: ink / std * (w[b] - w[a]),
        "a pixel without ink": lambda ink, w, std, a, b: (w[a] - w[b]) / std,
        "give one for each pixel": lambda ink, w, std, a, b: (ink / std) @ (w[a] - w[b]),
        "standardising gives it a value": lambda ink, w, std, a, b: (w[a] - w[b]) * (ink - ink.mean()) / std,
        "this mean is taken off": lambda ink, w, std, a, b: (w[a] - w[b]) * (ink - 0.1307) / std,
    },
    "16.3 surprise": {
        "how many to expect": lambda n, accuracy: round(accuracy * n),
        "just this many": lambda n, accuracy: surprises(
            n, accuracy, lambda k, n, p: k < n * p and scipy.stats.binom.pmf(k, n, p) <= 0.05
        ),
        "one fewer is": lambda n, accuracy: int(scipy.stats.binom.ppf(0.05, n, accuracy)),
        "at 1 %": lambda n, accuracy: surprises(n, accuracy, lambda *a: scipy.stats.binom.cdf(*a) <= 0.01),
        "the normal distribution": lambda n, p: math.floor(
            scipy.stats.norm.ppf(0.05, n * p, math.sqrt(n * p * (1 - p)))
        ),
    },
}

# What a run might have measured, for the exercises whose answer is a value.
MEASURED = {}
