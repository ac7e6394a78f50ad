"""What students might answer to the exercises of notebook 07: rightly in another style, and with the usual mistakes."""

import math
from fractions import Fraction
from itertools import accumulate, count


def smoothed_wrongly(losses, beta, swapped=False, divide=lambda step: 1.0, average=0.0):
    result = []
    for step, loss in enumerate(losses, start=1):
        average = (1 - beta) * average + beta * loss if swapped else beta * average + (1 - beta) * loss
        result.append(average / divide(step))
    return result


def _smoothed(losses: list[float], beta: float) -> list[float]:
    shares = [[(1 - beta) * beta**age for age in reversed(range(t))] for t in range(1, len(losses) + 1)]
    return [sum(map(math.prod, zip(share, losses, strict=False))) / sum(share) for share in shares]


def _epochs_walked(path: float, rate: float, momentum: float, batch_size: int, n: int) -> int:
    each = len(range(0, n, batch_size)) * rate / (1 - momentum)
    return next(epoch for epoch in count(1) if epoch * each >= path)


# Right answers in another style than the solution's.
OTHERWISE = {
    "07.1 smoothing": _smoothed,
    "07.2 step decay": lambda epoch, start, every, factor: list(
        accumulate(range(1, epoch), lambda rate, done: rate if done % every else rate * factor, initial=start)
    )[-1],
    "07.3 epochs needed": _epochs_walked,
    "07.4 predict": lambda: (2, Fraction(54_000, 27_000), Fraction(1, 10), 844 / 844),
}

# Words of the hint → an answer as students write it.
NATURAL = {
    "07.1 smoothing": {
        "β is the share of the old average": lambda losses, beta: smoothed_wrongly(
            losses, beta, swapped=True, divide=lambda step: 1 - beta**step
        ),
        "β and 1 − β have changed places": lambda losses, beta: smoothed_wrongly(
            losses, 1 - beta, divide=lambda step: 1 - (1 - beta) ** step
        ),
        "the start at zero is not corrected": smoothed_wrongly,
        "corrects every value alike": lambda losses, beta: smoothed_wrongly(losses, beta, divide=lambda step: 1 - beta),
    },
    "07.2 step decay": {
        "one epoch early": lambda epoch, start, every, factor: start * factor ** math.floor(epoch / every),
        "each cut multiplies": lambda epoch, start, every, factor: start if epoch <= every else start * factor,
        "stays the same": lambda epoch, start, every, factor: start * factor ** ((epoch - 1) / every),
        "not by twice the factor": lambda epoch, start, every, factor: (
            start if epoch <= every else start * factor * ((epoch - 1) // every)
        ),
    },
    "07.3 epochs needed": {
        "the wrong way round": lambda p, r, m, b, n: math.ceil(p / (r * math.ceil(n / b) * (1 - m))),
        "a batch, not an image": lambda p, r, m, b, n: math.ceil(p / (r / (1 - m) * n)),
        "smaller last batch is a step too": lambda p, r, m, b, n: math.ceil(p / (r / (1 - m) * (n // b))),
        "a whole step": lambda p, r, m, b, n: math.ceil(p / (r / (1 - m) * n / b)),
        "whole epochs": lambda p, r, m, b, n: p / (r / (1 - m) * math.ceil(n / b)),
        "these are steps": lambda p, r, m, b, n: math.ceil(p / (r / (1 - m))),
    },
    "07.4 predict": {
        "batches of half the size": lambda: [0.5, 2, 0.1, 1],
        "without momentum": lambda: [2, 2, 1, 1],
        "momentum acts the wrong way round": lambda: [2, 2, 10, 1],
        "0.9 is the share": lambda: [2, 2, 0.9, 1],
        "two effects": lambda: [2, 2, 0.1, 2],
        "only these are right: no. 1, no. 2": lambda: [2, 2, 0.3, 7],
    },
}

# What a run might have measured, for the exercises whose answer is a value.
MEASURED = {
    "07.4 predict": {},
}
