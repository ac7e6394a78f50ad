"""What students might answer to the exercises of notebook 01: rightly in another style, and with the usual mistakes."""

from collections import Counter

import numpy as np
import torch
from scipy.spatial.distance import cdist
from torch.utils.data import random_split


def apart(images, labels, first, second, mean=np.mean):
    """Average of the second class minus that of the first, in NumPy."""
    images, labels = images.numpy(), labels.numpy()
    return mean(images[labels == second], axis=0) - mean(images[labels == first], axis=0)


def largest(picture):
    return np.unravel_index(np.argmax(picture), picture.shape)


def shuffled(n, seed):
    torch.manual_seed(seed)
    return torch.randperm(n).tolist()


def drawn_and_rest(n, m, seed):
    rest, drawn = list(range(n)), shuffled(n, seed)[:m]
    for position in drawn:
        rest.remove(position)
    return rest, drawn


def shuffled_twice(n, m, seed):
    torch.manual_seed(seed)
    return torch.randperm(n)[m:].numpy(), torch.randperm(n)[:m].numpy()


# Right answers in another style than the solution's.
OTHERWISE = {
    "01.1 class counts": lambda labels: tuple(Counter(labels.tolist())[k] for k in range(10)),
    "01.2 telling pixel": lambda x, y, first, second: list(largest(np.abs(apart(x, y, first, second)))),
    "01.3 split": lambda n, m, seed: [
        part.indices for part in random_split(range(n), [m, n - m], generator=torch.Generator().manual_seed(seed))
    ][::-1],
    "01.4 nearest average": lambda x, means: cdist(x.numpy(), means.numpy()).argmin(axis=1),
}

# Words of the hint → an answer as students write it.
NATURAL = {
    "01.1 class counts": {
        "classes without an image": lambda labels: np.unique(labels.numpy(), return_counts=True)[1],
        "ends at the largest label": lambda labels: np.bincount(labels.numpy()),
        "these are shares": lambda labels: [(labels == k).float().mean().item() for k in range(10)],
        "adds up the labels": lambda labels: [labels[labels == k].sum() for k in range(10)],
        "counts from 1 to 10": lambda labels: [labels.tolist().count(k) for k in range(1, 11)],
        "stops before 9": lambda labels: [labels.tolist().count(k) for k in range(9)],
        "whether a class occurs": lambda labels: [k in labels.tolist() for k in range(10)],
    },
    "01.2 telling pixel": {
        "in the flat image": lambda x, y, first, second: np.abs(apart(x, y, first, second)).argmax(),
        "the row comes first": lambda x, y, first, second: largest(np.abs(apart(x, y, first, second)))[::-1],
        "b may have still more": lambda x, y, first, second: largest(apart(x, y, second, first)),
        "a may have still more": lambda x, y, first, second: largest(apart(x, y, first, second)),
        "these are sums": lambda x, y, first, second: largest(np.abs(apart(x, y, first, second, np.sum))),
        "how much they differ": lambda x, y, first, second: float(np.abs(apart(x, y, first, second)).max()),
        "need not have 28": lambda x, y, first, second: divmod(int(np.abs(apart(x, y, first, second)).argmax()), 28),
    },
    "01.3 split": {
        "training comes first": lambda n, m, seed: (shuffled(n, seed)[:m], shuffled(n, seed)[m:]),
        "nothing is shuffled": lambda n, m, seed: (list(range(n))[m:], list(range(n))[:m]),
        "holds the validation images": lambda n, m, seed: (shuffled(n, seed), shuffled(n, seed)[:m]),
        "has no effect": lambda n, m, seed: (shuffled(n, 0)[m:], shuffled(n, 0)[:m]),
        "chance goes its own way": lambda n, m, seed: [part.tolist() for part in torch.randperm(n).split([m, n - m])][
            ::-1
        ],
        "shuffle twice": shuffled_twice,
        "the task says the first": lambda n, m, seed: [
            part.indices for part in random_split(range(n), [n - m, m], generator=torch.Generator().manual_seed(seed))
        ],
        "but sorted": lambda n, m, seed: [sorted(part) for part in drawn_and_rest(n, m, seed)],
    },
    "01.4 nearest average": {
        "the farthest average": lambda x, means: torch.cdist(x, means).argmax(dim=1),
        "these are all distances": lambda x, means: cdist(x.numpy(), means.numpy(), "sqeuclidean"),
        "nearest image for each average": lambda x, means: torch.cdist(x, means).argmin(dim=0),
        "differences cancel": lambda x, means: [
            int(np.argmin([abs((row - mean).sum().item()) for mean in means])) for row in x
        ],
        "adds up the sizes": lambda x, means: cdist(x.numpy(), means.numpy(), "cityblock").argmin(axis=1),
        "favours averages with much ink": lambda x, means: [int(torch.mv(means, row).argmax()) for row in x],
        "counted from 0": lambda x, means: [int(k) + 1 for k in torch.cdist(x, means).argmin(dim=1)],
    },
}

# What a run might have measured, for the exercises whose answer is a value.
MEASURED = {}
