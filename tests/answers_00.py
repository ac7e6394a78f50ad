"""What students might answer to the exercise of notebook 00: rightly in another style, and with the usual mistakes."""

import numpy as np


def scores(ink, weights):
    """The score of each digit, in loops."""
    return [sum(x * w for x, w in zip(ink.tolist(), row, strict=True)) for row in weights.tolist()]


def winner_in_loops(ink, weights):
    best, largest = None, None
    for digit, score in enumerate(scores(ink, weights)):
        if largest is None or score > largest:
            best, largest = digit, score
    return best


# Right answers in another style than the solution's.
OTHERWISE = {"00.1 winner": winner_in_loops}

# Words of the hint → an answer as students write it.
NATURAL = {
    "00.1 winner": {
        "asked for is whose it is": lambda ink, weights: max(scores(ink, weights)),
        "the scores of all digits": lambda ink, weights: weights.numpy() @ ink.numpy(),
        "the smallest score wins": lambda ink, weights: int(np.argsort(scores(ink, weights))[0]),
        "counted from 0": lambda ink, weights: winner_in_loops(ink, weights) + 1,
        "the ink has no say": lambda ink, weights: int((weights + ink).sum(dim=1).argmax()),
        "the largest single product": lambda ink, weights: int(np.argmax((weights * ink).numpy().max(axis=1))),
        "a place in the whole table": lambda ink, weights: np.argmax((ink * weights).numpy()),
        "add up over the pixels": lambda ink, weights: int(np.argmax((weights * ink).numpy().sum(axis=0))),
        "of the type": lambda ink, weights: str(winner_in_loops(ink, weights)),
    }
}

MEASURED = {}
