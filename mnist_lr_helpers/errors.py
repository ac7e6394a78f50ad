"""What a model gets wrong: the table of errors and the confusions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from mnist_lr_helpers.evaluation import Predictions, confusion_counts

if TYPE_CHECKING:
    import pandas as pd

# Positions of MNIST test images whose label human raters judged wrong or ambiguous
# (Northcutt, Athalye and Mueller 2021, "Pervasive label errors in test sets …").
DISPUTED_TEST_LABELS = (947, 1621, 1901, 2130, 2462, 2597, 2654, 3520, 3558, 5937, 6651, 6783, 8527, 9679, 9729)


def error_table(predictions: Predictions) -> pd.DataFrame:
    """One row per error, most confident first.

    The index is the image's position; the columns are label, predicted, confidence (of the
    wrong class) and probability_of_label.
    """
    import pandas as pd

    position = (~predictions.correct).nonzero()[:, 0]
    probabilities = predictions.probabilities[position]
    labels = predictions.labels[position]
    table = pd.DataFrame(
        {
            "label": labels,
            "predicted": probabilities.argmax(dim=1),
            "confidence": probabilities.amax(dim=1),
            "probability_of_label": probabilities[torch.arange(len(position)), labels],
        },
        index=pd.Index(position.numpy(), name="image"),
    )
    return table.sort_values("confidence", ascending=False, kind="stable")


def confusions(predictions: Predictions) -> pd.DataFrame:
    """How often each class is taken for each other, most frequent first: label, predicted, count, share of label."""
    import pandas as pd

    counts = confusion_counts(predictions)
    rows = [
        {"label": label, "predicted": predicted, "count": int(counts[label, predicted])}
        for label in range(len(counts))
        for predicted in range(len(counts))
        if label != predicted and counts[label, predicted]
    ]
    table = pd.DataFrame(rows, columns=["label", "predicted", "count"])
    table["share_of_label"] = table["count"] / counts.sum(axis=1)[table["label"]]
    return table.sort_values("count", ascending=False, kind="stable", ignore_index=True)
