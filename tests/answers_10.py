"""What students might answer to the exercises of notebook 10: rightly in another style, and with the usual mistakes."""

from collections import Counter

import torch


def one_hot(labels, n_classes):
    return torch.nn.functional.one_hot(labels, n_classes).float()


def most_common(pairs):
    return Counter(pairs).most_common(1)[0][0]


def relative_confusion(labels, predicted):
    pairs = Counter(pair for pair in zip(labels.tolist(), predicted.tolist(), strict=True) if pair[0] != pair[1])
    return max(pairs, key=lambda pair: pairs[pair] / (labels == pair[0]).sum().item())


# Right answers in another style than the solution's.
OTHERWISE = {
    "10.1 most frequent confusion": lambda y, p: Counter(
        pair for pair in zip(y.tolist(), p.tolist(), strict=True) if pair[0] != pair[1]
    ).most_common(1)[0][0],
    "10.2 confident-learning thresholds": lambda p, y: (
        (torch.eye(p.shape[1])[y] * p).sum(dim=0) / y.bincount(minlength=p.shape[1])
    ),
    "10.3 faded image": lambda z, blank, c: torch.lerp(blank, z, c).argmax(),
}

# Words of the hint → an answer as students write it.
NATURAL = {
    "10.1 most frequent confusion": {
        "a right prediction": lambda y, p: most_common(zip(y.tolist(), p.tolist(), strict=True)),
        "the true class comes first": lambda y, p: most_common(
            zip(p[y != p].tolist(), y[y != p].tolist(), strict=True)
        ),
        "not each for itself": lambda y, p: (most_common(y[y != p].tolist()), most_common(p[y != p].tolist())),
        "yours is (7, 1)": relative_confusion,
        "for tensor([": lambda y, p: most_common(
            tuple(sorted(pair)) for pair in zip(y[y != p].tolist(), p[y != p].tolist(), strict=True)
        ),
    },
    "10.2 confident-learning thresholds": {
        "averages over all images": lambda p, y: p.sum(0) / len(p),
        "not by their prediction": lambda p, y: [p[p.argmax(1) == j][:, j].mean() for j in range(3)],
        "also where another class": lambda p, y: [p[(p.argmax(1) == y) & (y == j)][:, j].mean() for j in range(3)],
        "which need not be j": lambda p, y: [p.amax(dim=1)[y == j].mean() for j in range(3)],
        "divides by the number of all": lambda p, y: (one_hot(y, 3) * p).mean(0),
    },
    "10.3 faded image": {
        "a blank page votes too": lambda z, b, c: torch.argmax(c * z),
        "the probabilities do not": lambda z, b, c: torch.argmax(
            c * torch.softmax(z, 0) + (1 - c) * torch.softmax(b, 0)
        ),
        "which class do they choose": lambda z, b, c: torch.lerp(b, z, c),
    },
}

# What a run might have measured, for the exercises whose answer is a value.
MEASURED = {}
