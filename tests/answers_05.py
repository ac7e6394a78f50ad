"""What students might answer to the exercises of notebook 05: rightly in another style, and with the usual mistakes."""

from collections import Counter
from itertools import count

import numpy as np
import pandas as pd
import torch


def table_of(probabilities, labels):
    table = pd.DataFrame({"sure": probabilities.amax(dim=1), "said": probabilities.argmax(dim=1), "label": labels})
    return table.assign(wrong=table["said"] != table["label"])


def surest(probabilities, labels, n, ascending=False):
    table = table_of(probabilities, labels)
    return list(table[table["wrong"]].sort_values("sure", ascending=ascending).index[:n])


def blots(template, size):
    """Costs by corner, as a dictionary."""
    rows, columns = template.shape
    return {
        (row, column): template.numpy()[row : row + size, column : column + size].sum()
        for row in range(rows - size + 1)
        for column in range(columns - size + 1)
    }


def least(costs):
    return min(costs, key=costs.get)


def vote_by_vote(image, weights, a, b):
    return [image[j].item() * (weights[a, j].item() - weights[b, j].item()) for j in range(len(image))]


def rubbed(votes, bias, order=None):
    """Rub out one pixel after the other and add up anew each time."""
    ink = np.array(votes)
    order = np.argsort(-ink) if order is None else order
    for done in count():
        if ink.sum() + bias < 0:
            return done
        ink[order[done]] = 0


def by_group(wrong, groups):
    return pd.Series(wrong.numpy()).groupby(groups.numpy())


# Right answers in another style than the solution's.
OTHERWISE = {
    "05.1 surest errors": surest,
    "05.2 votes": vote_by_vote,
    "05.3 rub out": lambda votes, bias: [sum(votes.tolist()) + bias, rubbed(votes, bias)],
    "05.4 weight image": lambda template, size: list(least(blots(template, size))),
    "05.5 error rates": lambda wrong, groups, k: by_group(wrong, groups).mean().tolist(),
}

# Words of the hint → an answer as students write it.
NATURAL = {
    "05.1 surest errors": {
        "right answers among these": lambda p, y, n: np.argsort(-p.numpy().max(axis=1))[:n],
        "turn the order round": lambda p, y, n: surest(p, y, n, ascending=True),
        "places among the errors": lambda p, y, n: (
            table_of(p, y).query("wrong").reset_index()["sure"].nlargest(n).index.tolist()
        ),
        "say where they stand": lambda p, y, n: table_of(p, y).query("wrong")["sure"].nlargest(n).tolist(),
    },
    "05.2 votes": {
        "the sign is turned round": lambda image, weights, a, b: vote_by_vote(image, weights, b, a),
        "the image is not used": lambda image, weights, a, b: weights.numpy()[a] - weights.numpy()[b],
        "this is the sum": lambda image, weights, a, b: sum(vote_by_vote(image, weights, a, b)),
        "only one class is used": lambda image, weights, a, b: np.multiply(image, weights[a]),
    },
    "05.3 rub out": {
        "9 is still ahead": lambda votes, bias: (votes.sum() + bias, rubbed(votes, bias) - 1),
        "not the first pixel": lambda votes, bias: (votes.sum() + bias, rubbed(votes, bias, range(len(votes)))),
        "the biases are forgotten": lambda votes, bias: (votes.sum(), rubbed(votes, 0)),
        "votes for 4 are rubbed out": lambda votes, bias: (
            votes.sum() + bias,
            rubbed(votes, bias, np.argsort(-np.abs(votes))),
        ),
        "fewer will do": lambda votes, bias: (votes.sum() + bias, sum(vote > 0 for vote in votes.tolist())),
    },
    "05.4 weight image": {
        "here ink helps most": lambda template, size: max(blots(template, size), key=blots(template, size).get),
        "bluest single pixel": lambda template, size: np.unravel_index(template.numpy().argmin(), template.shape),
        "the row comes first": lambda template, size: least(blots(template, size))[::-1],
        "middle of the blot": lambda template, size: np.add(least(blots(template, size)), size // 2),
        "the sign is lost": lambda template, size: max(
            blots(template.abs(), size), key=blots(template.abs(), size).get
        ),
        "left out": lambda template, size: least(blots(template[:-1, :-1], size)),
        "hangs over the edge": lambda template, size: min(
            np.ndindex(*template.shape),
            key=lambda corner: template[corner[0] : corner[0] + size, corner[1] : corner[1] + size].sum().item(),
        ),
        "asked for is where": lambda template, size: min(blots(template, size).values()),
    },
    "05.5 error rates": {
        "this is the accuracy": lambda wrong, groups, k: 1 - by_group(wrong, groups).mean(),
        "these are numbers of errors": lambda wrong, groups, k: by_group(wrong, groups).sum().tolist(),
        "divides by all images": lambda wrong, groups, k: [
            Counter(groups[wrong].tolist())[group] / len(groups) for group in range(k)
        ],
        "part of all errors": lambda wrong, groups, k: [
            Counter(groups[wrong].tolist())[group] / wrong.sum().item() for group in range(k)
        ],
    },
}

# What a run might have measured, for the exercises whose answer is a value.
MEASURED = {
    "05.3 rub out": {
        "votes": torch.tensor([0.1, 0.3, -0.2, 0.2, 0.6, 1.5, -2.5, 0.9, 1.2, 1.0, 0.4]),
        "bias": -1.7,
    },
}
