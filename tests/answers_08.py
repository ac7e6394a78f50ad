"""What students might answer to the exercises of notebook 08: rightly in another style, and with the usual mistakes."""

import math

import numpy as np
import scipy.stats


def wald(right, n, z=1.96):
    p = right / n
    half = z * math.sqrt(p * (1 - p) / n)
    return [p - half, p + half]


def wilson(right, n, z=1.96):
    p, factor = right / n, 1 + z**2 / n
    half = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return (p + z**2 / (2 * n) - half) / factor, (p + z**2 / (2 * n) + half) / factor


def psi_of(right):
    """Mean share of discordant images, from how many models are right on each."""
    k, n = right.shape
    hits = right.sum(axis=0)
    return (hits * (k - hits)).sum() / (n * k * (k - 1) / 2)


def own_variance(right, ddof=1):
    array = right.numpy()
    return array.mean(axis=1).var(ddof=ddof) - psi_of(array) / (2 * array.shape[1])


# Right answers in another style than the solution's.
OTHERWISE = {
    "08.1 wilson-interval": lambda k, n: tuple(scipy.stats.binomtest(k, n).proportion_ci(method="wilson")),
    "08.2 mcnemar-exact": lambda b, c: scipy.stats.binomtest(b, b + c).pvalue,
    "08.3 images-needed": lambda d, psi: math.ceil(
        ((scipy.stats.norm.ppf(0.975) + scipy.stats.norm.ppf(0.8)) / d) ** 2 * (psi - d**2)
    ),
    "08.4 own-variance": own_variance,
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
    "08.2 mcnemar-exact": {
        "one side only": lambda b, c: scipy.stats.binomtest(min(b, c), b + c, alternative="less").pvalue,
        "at most 1": lambda b, c: 2 * sum(math.comb(b + c, k) for k in range(min(b, c) + 1)) / 2 ** (b + c),
        "counts, too: at most": lambda b, c: min(1, 2 * scipy.stats.binom.cdf(min(b, c) - 1, b + c, 0.5)),
        "no more uneven": lambda b, c: min(1, 2 * scipy.stats.binom.cdf(max(b, c), b + c, 0.5)),
        "approximation": lambda b, c: scipy.stats.chi2.sf((b - c) ** 2 / (b + c), df=1),
    },
    "08.3 images-needed": {
        "half of the attempts": lambda d, psi: 1.96**2 * (psi - d**2) / d**2,
        "squared, too": lambda d, psi: 2.8 * (psi - d**2) / d**2,
        "not ψ": lambda d, psi: (2.8 / d) ** 2 * psi,
        "below the fraction": lambda d, psi: 2.8**2 * (psi - d**2) / d,
    },
    "08.4 own-variance": {
        "still in it": lambda right: np.var(right.numpy().mean(1), ddof=1),
        "for k models it is": lambda right: own_variance(right, ddof=0),
        "one model has half": lambda right: (
            np.var(right.numpy().mean(1), ddof=1) - psi_of(right.numpy()) / right.shape[1]
        ),
        "compared with itself": lambda right: (
            np.var(right.numpy().mean(1), ddof=1)
            - np.mean([(a != b).float().mean() for a in right for b in right]) / (2 * right.shape[1])
        ),
        "far too much": lambda right: np.var(right.numpy().mean(1), ddof=1) - psi_of(right.numpy()) / 2,
        "cancels here": lambda right: (
            np.var(right.numpy().mean(1), ddof=1) - right.numpy().mean() * (1 - right.numpy().mean()) / right.shape[1]
        ),
    },
}

# What a run might have measured, for the exercises whose answer is a value.
MEASURED = {}
