"""S3's model: ten separate classifiers, one a digit against all others, beside softmax regression."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from mnist_lr_helpers.data import Split, seeded
from mnist_lr_helpers.evaluation import Predictions, expected_calibration_error, predict, predict_probabilities
from mnist_lr_helpers.optimum import convex_optimum
from mnist_lr_helpers.reproduction.recipes import Recipe, Row, rows_of, splits_of

import numpy as np
import torch
from torch import Tensor


def seventy_thousand(seed: int, train_size: int | None = None) -> tuple[Split, Split]:
    """All images, shuffled, cut into four fifths and one fifth, as in S3."""
    splits = splits_of(Recipe(train_size=train_size)).values()
    images, labels = torch.cat([s.images for s in splits]), torch.cat([s.labels for s in splits])
    order = torch.randperm(len(labels), generator=seeded(seed))
    return tuple(Split(images[index], labels[index]) for index in order.split(len(labels) * 4 // 5 + 1)[:2])


def descend(train: Split, learning_rate: float, *, printed: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """S3's gradient descent from zero, in NumPy: weights ``[10, 784]`` and biases ``[10]`` after each step.

    They are changed in place by the next one.

    Source of the formulas: the Mini Project. The bias gradient that it has ``printed`` is YᵀŶ/m, not Σ(Ŷ − Y)/m.
    """
    x, y = train.images.flatten(start_dim=1).numpy(), np.eye(10, dtype=np.float32)[train.labels.numpy()]
    weights, bias = np.zeros((10, x.shape[1]), dtype=np.float32), np.zeros(10, dtype=np.float32)
    blocks = [slice(start, start + 512) for start in range(0, len(x), 512)]  # they stay in the processor's cache
    while True:
        slope, bias_slope = np.zeros_like(weights), np.zeros_like(bias)
        for block in blocks:
            p = 1 / (1 + np.exp(-(x[block] @ weights.T + bias)))
            slope += (p - y[block]).T @ x[block]
            bias_slope += (y[block] * p if printed else p - y[block]).sum(axis=0)
        weights -= np.float32(learning_rate / len(x)) * slope
        bias -= np.float32(learning_rate / len(x)) * bias_slope
        yield weights, bias


def one_vs_rest(
    seed: int, *, learning_rate: float, epochs: int, every: int, printed: bool = False, train_size: int | None = None
) -> list[Row]:
    """Accuracies of S3's ten classifiers by the step, an epoch of one batch: each ``every``-th and the last."""
    train, test = seventy_thousand(seed, train_size)
    steps, rows = islice(descend(train, learning_rate, printed=printed), epochs), []
    for step, (weights, bias) in enumerate(steps, start=1):
        if step % every == 0 or step == epochs:
            rows += rows_of(accuracies(weights, bias, train, test), step)
    return rows


def accuracies(weights: np.ndarray, bias: np.ndarray, train: Split, test: Split) -> dict[str, float]:
    """Of the ten yes/no answers, one by one and in the mean, and of the digit with the largest logit."""
    values = {}
    for name, split in (("", test), ("_train", train)):
        z, labels = split.images.flatten(start_dim=1).numpy() @ weights.T + bias, split.labels.numpy()
        binary = ((z > 0) == (labels[:, None] == np.arange(10))).mean(axis=0)
        values[f"argmax_accuracy{name}"] = (z.argmax(axis=1) == labels).mean()
        values[f"mean_accuracy{name}"] = binary.mean()
        values |= {"train_accuracy_0": binary[0]} if name else {f"accuracy_{k}": binary[k] for k in range(10)}
    return values


def converged(seed: int, *, softmax: bool, train_size: int | None = None) -> list[Row]:
    """Softmax regression, or ten separate classifiers, on S3's split, trained to the optimum with the same penalty."""
    (train, test), l2 = seventy_thousand(seed, train_size), 1e-4
    if softmax:
        return judged(predict(convex_optimum(train, l2=l2, tolerance=1e-3).model, test).probabilities, test.labels)
    tasks = [Split(train.images, (train.labels == k).long()) for k in range(10)]
    # Two rows w and −w carry half the penalty of one row 2w, hence twice the l2.
    models = [convex_optimum(task, l2=2 * l2, tolerance=1e-3).model for task in tasks]
    answers = [predict_probabilities(model, test.images)[:, 1] for model in models]
    return judged(torch.stack(answers, dim=1), test.labels)


def judged(answers: Tensor, labels: Tensor) -> list[Row]:
    """Accuracy, log-loss and calibration error of answers in [0, 1], ``[n, 10]``, once each row sums to 1."""
    predictions = Predictions(answers / answers.sum(dim=1, keepdim=True), labels)
    of_label = predictions.probabilities.gather(1, labels[:, None])
    values = {"argmax_accuracy_end": predictions.accuracy, "nll": -of_label.clamp_min(1e-30).log().mean()}
    return rows_of(values | {"ece15": expected_calibration_error(predictions)})
