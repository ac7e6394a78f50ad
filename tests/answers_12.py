"""What students might answer to the exercises of notebook 12: rightly in another style, and with the usual mistakes."""

import math
from itertools import count

import torch


def _widest(first: int, second: int) -> int:
    deep = 784 * first + first + first * second + second + second * 10 + 10
    return next(width for width in count(1) if 784 * (width + 1) + (width + 1) + (width + 1) * 10 + 10 > deep)


def _decayed_by_torch(w: float, rate: float, penalty: float, steps: int) -> torch.Tensor:
    weight = torch.tensor(w, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        (penalty * weight**2).backward()
        optimizer.step()
    return weight


def idle(w, steps, step):
    for _ in range(steps):
        w = step(w)
    return w


def welch(m, s, n, m2, s2, n2, error=lambda s, n: s**2 / n, freedom=None):
    v, v2 = s**2 / n, s2**2 / n2
    exact = (v + v2) ** 2 / (v**2 / (n - 1) + v2**2 / (n2 - 1))
    return (m - m2) / math.sqrt(error(s, n) + error(s2, n2)), exact if freedom is None else freedom


# Right answers in another style than the solution's.
OTHERWISE = {
    "12.1 equal-size": _widest,
    "12.3 idle-weight": _decayed_by_torch,
}

# Words of the hint → an answer as students write it.
NATURAL = {
    "12.1 equal-size": {
        "have biases too": lambda a, b: (785 * a + (a + 1) * b + (b + 1) * 10) // 795,
        "more parameters than": lambda a, b: math.ceil((785 * a + (a + 1) * b + b * 10) / 795),
        "not as many parameters": lambda a, b: a + b,
        "weights are not all": lambda a, b: int((784 * a + a * b + 10 * b) / (784 + 10)),
        "as many are allowed": lambda a, b: max(
            w for w in range(9000) if 795 * w + 10 < 785 * a + (a + 1) * b + (b + 1) * 10
        ),
    },
    "12.3 idle-weight": {
        "a factor of 2": lambda w, r, p, n: idle(w, n, lambda w: w - r * p * w),
        "not the first weight": lambda start, r, p, n: idle(start, n, lambda w: w - r * 2 * p * start),
        "this weight grows": lambda w, r, p, n: idle(w, n, lambda w: w + r * 2 * p * w),
        "one step too many": lambda w, r, p, n: idle(w, n + 1, lambda w: w - r * 2 * p * w),
        "times the learning rate": lambda w, r, p, n: idle(w, n, lambda w: w - 2 * p * w),
    },
    "12.2 welch": {
        "not of s / n": lambda *a: welch(*a, error=lambda s, n: s / n),
        "for equal spreads": lambda *a: welch(*a, freedom=a[2] + a[5] - 2),
        "first minus second": lambda m, s, n, m2, s2, n2: welch(m2, s2, n2, m, s, n),
        "spread of one run": lambda *a: welch(*a, error=lambda s, n: s**2),
        "a root is missing": lambda *a: ((a[0] - a[3]) / (a[1] ** 2 / a[2] + a[4] ** 2 / a[5]), welch(*a)[1]),
        "t comes first": lambda *a: welch(*a)[::-1],
    },
    "12.4 sum-for-mean": {
        "what is the penalty": lambda rate, penalty, n: (rate / n, penalty),
        "how long are the steps": lambda rate, penalty, n: (rate, penalty * n),
        "the other way round": lambda rate, penalty, n: (rate * n, penalty / n),
        "the learning rate comes first": lambda rate, penalty, n: (penalty * n, rate / n),
    },
}

# What a run might have measured, for the exercises whose answer is a value.
MEASURED = {}
