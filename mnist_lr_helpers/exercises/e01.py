"""Exercises of notebook 01: batches, standardising, a share of variance, leakage."""

from __future__ import annotations

from mnist_lr_helpers.exercises.comparison import as_tensor
from mnist_lr_helpers.exercises.grading import Exercise

import torch


def _split(n: int, size: int) -> tuple[int, int]:
    batches = -(-n // size)
    return batches, n - (batches - 1) * size


def _between(values: object, labels: object, *, weighted: bool = True, divisor: int = 0) -> torch.Tensor:
    """Share of the variance of the values [n] that lies between the classes."""
    values, labels = as_tensor(values), as_tensor(labels)
    classes, class_of = labels.unique(return_inverse=True)
    means = torch.stack([values[labels == k].mean() for k in classes])
    return (means[class_of] if weighted else means).var(correction=divisor) / values.var(correction=0)


def _standardised(train: torch.Tensor, test: torch.Tensor, known: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    mean, std = known.mean(), known.std(correction=0)
    return (train - mean) / std, (test - mean) / std


# So many pixels that it makes no difference whether a standard deviation divides by n or by n − 1.
_train_and_test = tuple(
    (train, 0.3 + 0.5 * test)
    for train, test in torch.rand(2, 2, 40, 28, 28, generator=torch.Generator().manual_seed(0))
)

EXERCISES: dict[str, Exercise] = {
    "01.1 batches": Exercise(
        expected=_split,
        probes=((54_000, 64), (128, 64), (10, 64)),
        mistakes={
            "the last, smaller batch counts too": lambda n, size: (n // size, n % size or size),
            "the last, smaller batch counts too, and a last batch is never empty": lambda n, size: divmod(n, size),
            "a last batch is never empty: mind sizes that divide the number": lambda n, size: (-(-n // size), n % size),
            "where the batch size divides the number there is no extra batch": lambda n, s: (n // s + 1, n % s),
            "that is what the last batch lacks, not what it holds": lambda n, size: (-(-n // size), -n % size),
            "the number of batches comes first": lambda n, size: _split(n, size)[::-1],
            "this is only how many batches there are; how many images does the last one hold?": lambda n, size: (
                -(-n // size)
            ),
        },
    ),
    "01.2 standardise": Exercise(
        expected=lambda mean, std: ((mean - 0.1307) / 0.3081, std / 0.3081),
        probes=((0.12824, 0.30514), (0.5, 0.2)),
        mistakes={
            "a shift moves all pixels alike, so the spread does not notice it": lambda mean, std: (
                (mean - 0.1307) / 0.3081,
                (std - 0.1307) / 0.3081,
            ),
            "the scale changes the spread too": lambda mean, std: ((mean - 0.1307) / 0.3081, std),
            "brackets: first the difference, then the division": lambda mean, std: (mean - 0.1307 / 0.3081, ...),
            "the shift comes first, then the division": lambda mean, std: (mean / 0.3081 - 0.1307, ...),
            "this undoes standardising": lambda mean, std: (mean * 0.3081 + 0.1307, std * 0.3081),
            "a variance is divided by the square, a standard deviation is not": lambda mean, std: (
                (mean - 0.1307) / 0.3081,
                std / 0.3081**2,
            ),
        },
    ),
    "01.3 slant and class": Exercise(
        expected=lambda slant, labels: _between(slant, labels),
        mistakes={
            "this is the part within the classes": lambda slant, labels: 1 - _between(slant, labels),
            "this is a ratio of standard deviations, not of variances": lambda slant, labels: _between(
                slant, labels
            ).sqrt(),
            "this is the variance between the classes; compare it with the whole": lambda slant, labels: (
                _between(slant, labels) * as_tensor(slant).var(correction=0)
            ),
            "each class counts the same here, although some classes have more images": lambda slant, labels: _between(
                slant, labels, weighted=False
            ),
            "each class counts the same here, and their variance divides by one fewer": lambda slant, labels: _between(
                slant, labels, weighted=False, divisor=1
            ),
        },
        tolerance=5e-4,  # three decimals are enough
    ),
    "01.4 no peeking": Exercise(
        expected=lambda train, test: _standardised(train, test, train),
        probes=_train_and_test,
        mistakes={
            "each set is standardised by itself here: the same test image would get other values in other company": (
                lambda train, test: (_standardised(train, train, train)[0], _standardised(test, test, test)[0])
            ),
            "these are the statistics of both sets together, so something about the test images gets in": (
                lambda train, test: _standardised(train, test, torch.cat([train, test]))
            ),
            "these are the statistics of the test images, which are not there yet when you train": (
                lambda train, test: _standardised(train, test, test)
            ),
            "the mean is right; the spread is not used yet": lambda train, test: (
                train - train.mean(),
                test - train.mean(),
            ),
            "every pixel has a mean and a spread of its own here; the course uses one of each for all pixels": (
                lambda train, test: tuple((x - train.mean(dim=0)) / train.std(dim=0) for x in (train, test))
            ),
            "these two numbers belong to MNIST; take them from `train`": lambda train, test: (
                (train - 0.1307) / 0.3081,
                (test - 0.1307) / 0.3081,
            ),
            "this stretches the values to [0, 1]; standardising takes mean and standard deviation": (
                lambda train, test: tuple((x - train.min()) / (train.max() - train.min()) for x in (train, test))
            ),
            "the training images come first": lambda train, test: _standardised(test, train, train),
        },
    ),
}
