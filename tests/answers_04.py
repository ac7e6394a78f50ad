"""What students might answer to the exercises of notebook 04: rightly in another style, and with the usual mistakes."""

import numpy as np
import pandas as pd
import sklearn.metrics


def right_answers(logits, labels, dim=1):
    return [int(row.argmax()) == int(label) for row, label in zip(logits.numpy(), labels, strict=True)]


def crosstab(labels, predicted, n_classes, add=True, swap=False):
    matrix = np.zeros((n_classes, n_classes), dtype=int)
    for label, answer in zip(labels.tolist(), predicted.tolist(), strict=True):
        place = (answer, label) if swap else (label, answer)
        matrix[place] = matrix[place] + 1 if add else 1
    return matrix


def scores(matrix, k, f1=lambda p, r: 2 * p * r / (p + r), swap=False):
    table = np.array(matrix.tolist())
    precision, recall = table[k, k] / table[:, k].sum(), table[k, k] / table[k, :].sum()
    if swap:
        precision, recall = recall, precision
    return [precision, recall, f1(precision, recall)]


def counts(probabilities, is_class, threshold, above=np.greater, order="tp fp fn tn"):
    called = above(probabilities.numpy(), np.float32(threshold))
    truth = is_class.numpy()
    named = {"tp": called & truth, "fp": called & ~truth, "fn": ~called & truth, "tn": ~called & ~truth}
    return [int(named[name].sum()) for name in order.split()]


# Right answers in another style than the solution's.
OTHERWISE = {
    "04.1 accuracy": lambda logits, labels: sklearn.metrics.accuracy_score(labels, logits.numpy().argmax(axis=1)),
    "04.2 confusion matrix": lambda labels, predicted, k: sklearn.metrics.confusion_matrix(
        labels, predicted, labels=range(k)
    ),
    "04.3 precision and recall": scores,
    "04.4 four counts": counts,
}

# Words of the hint → an answer as students write it.
NATURAL = {
    "04.1 accuracy": {
        "not whose they are": lambda logits, labels: (logits.amax(dim=1) == labels).float().mean(),
        "one place in the whole table": lambda logits, labels: np.mean(np.argmax(logits.numpy()) == labels.numpy()),
        "counts the right answers": lambda logits, labels: sum(right_answers(logits, labels)),
        "the share of wrong answers": lambda logits, labels: 1 - np.mean(right_answers(logits, labels)),
        "these are percent": lambda logits, labels: 100 * np.mean(right_answers(logits, labels)),
        "take the mean": right_answers,
        "mean probability of the labels": lambda logits, labels: np.mean(
            [row.softmax(0)[label].item() for row, label in zip(logits, labels, strict=True)]
        ),
    },
    "04.2 confusion matrix": {
        "changed places": lambda *given: crosstab(*given, swap=True),
        "once only": lambda *given: crosstab(*given, add=False),
        "shares of each row": lambda labels, predicted, k: np.nan_to_num(
            crosstab(labels, predicted, k) / np.maximum(crosstab(labels, predicted, k).sum(axis=1, keepdims=True), 1)
        ),
        "only the right answers": lambda *given: np.diag(np.diag(crosstab(*given))),
        "classes that do not occur": lambda labels, predicted, k: sklearn.metrics.confusion_matrix(
            labels, predicted, labels=range(1 + max(labels.max(), predicted.max()))
        ),
    },
    "04.3 precision and recall": {
        "changed places": lambda matrix, k: scores(matrix, k, swap=True),
        "not the plain mean": lambda matrix, k: scores(matrix, k, f1=lambda p, r: np.mean([p, r])),
        "the factor 2": lambda matrix, k: scores(matrix, k, f1=lambda p, r: p * r / (p + r)),
        "shares of all images": lambda matrix, k: [matrix[k, k] / matrix.sum()] * 3,
    },
    "04.4 four counts": {
        "above means >": lambda *given: counts(*given, above=np.greater_equal),
        "below the threshold": lambda *given: counts(*given, above=np.less),
        "false positives and false negatives": lambda *given: counts(*given, order="tp fn fp tn"),
        "the order is": lambda *given: counts(*given, order="tp tn fp fn"),
        "fixed at one half": lambda p, truth, threshold: pd.Series(counts(p, truth, 0.5)),
    },
}

# What a run might have measured, for the exercises whose answer is a value.
MEASURED = {}
