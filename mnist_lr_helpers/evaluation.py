"""How good a model is and how sure we are: predictions, metrics, intervals, paired tests, errors, confusions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from mnist_lr_helpers.data import Split

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Predictions:
    """Class probabilities ``float32 [n, n_classes]`` and the labels ``int64 [n]`` they are judged by."""

    probabilities: Tensor
    labels: Tensor

    @property
    def predicted(self) -> Tensor:
        """Most probable class of each image, ``int64 [n]``."""
        return self.probabilities.argmax(dim=1)

    @property
    def confidence(self) -> Tensor:
        """Probability of the predicted class, ``float32 [n]``."""
        return self.probabilities.amax(dim=1)

    @property
    def correct(self) -> Tensor:
        """Which predictions are right, ``bool [n]``."""
        return self.predicted == self.labels

    @property
    def accuracy(self) -> float:
        """Fraction of right predictions; times n it is a whole number."""
        return int(self.correct.sum()) / len(self.labels)


@dataclass(frozen=True)
class Interval:
    """An estimate with the bounds of its confidence interval."""

    estimate: float
    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __format__(self, spec: str) -> str:
        return f"{self.estimate:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"


@torch.inference_mode()
def predict(model: nn.Module, split: Split, batch_size: int = 4096) -> Predictions:
    """Class probabilities of all images of a split, in evaluation mode."""
    model.eval()
    logits = torch.cat([model(images) for images in split.images.split(batch_size)])
    return Predictions(logits.softmax(dim=1), split.labels)


def accuracy_interval(predictions: Predictions, confidence: float = 0.95) -> Interval:
    """Accuracy with Wilson's score interval (Wilson 1927), which never leaves [0, 1]."""
    from statsmodels.stats.proportion import proportion_confint

    right, n = int(predictions.correct.sum()), len(predictions.labels)
    low, high = proportion_confint(right, n, alpha=1 - confidence, method="wilson")
    return Interval(right / n, float(low), float(high))


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Mean of a few repetitions (seeds) with Student's t interval.

    Raises:
        ValueError: fewer than two values, which say nothing about their spread.
    """
    import numpy as np
    from scipy import stats

    if len(values) < 2:
        raise ValueError(f"an interval needs at least 2 values, there are {len(values)}")
    mean, error = float(np.mean(values)), float(stats.sem(values))
    half = float(stats.t.ppf((1 + confidence) / 2, len(values) - 1)) * error
    return Interval(mean, mean - half, mean + half)


def bootstrap_interval(
    statistic: Callable[[Tensor], Tensor],
    n: int,
    *,
    generator: torch.Generator,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> Interval:
    """Percentile bootstrap interval (Efron 1979) of a statistic of n images.

    To resample images is to count how often each one is drawn, so ``statistic`` maps weights
    ``float32 [b, n]`` to ``[b]`` values; weights of 1 give the estimate itself.
    """
    drawn = torch.randint(n, (resamples, n), generator=generator)
    weights = torch.zeros(resamples, n).scatter_add_(1, drawn, torch.ones(1, 1).expand(resamples, n))
    tails = torch.tensor([(1 - confidence) / 2, (1 + confidence) / 2])
    low, high = statistic(weights).float().quantile(tails).tolist()
    return Interval(statistic(torch.ones(1, n)).item(), low, high)


def expected_calibration_error(
    predictions: Predictions, weights: Tensor | None = None, *, bins: int = 15, equal_counts: bool = False
) -> Tensor:
    """Mean distance between confidence and accuracy over bins of confidence (Naeini et al. 2015), ``[b]``.

    Args:
        predictions: of n images.
        weights: how often each image counts, ``[b, n]``; without them each counts once and b is 1.
        bins: number of bins between 0 and 1.
        equal_counts: bins that hold equally many images ("adaptive") instead of equally wide ones.
    """
    confidence = predictions.confidence
    inner_edges = torch.linspace(0, 1, bins + 1)[1:-1]
    bin_of = torch.bucketize(confidence, confidence.quantile(inner_edges) if equal_counts else inner_edges)
    gaps = torch.zeros(len(confidence), bins)
    gaps.scatter_(1, bin_of[:, None], (predictions.correct.float() - confidence)[:, None])
    weights = torch.ones(1, len(confidence)) if weights is None else weights
    return (weights @ gaps).abs().sum(dim=1) / weights.sum(dim=1)


def confusion_counts(predictions: Predictions) -> np.ndarray:
    """Confusion matrix ``int64 [n_classes, n_classes]``: rows are true classes, columns predicted ones."""
    from sklearn.metrics import confusion_matrix

    n_classes = predictions.probabilities.shape[1]
    return confusion_matrix(predictions.labels, predictions.predicted, labels=range(n_classes))


def per_class_report(predictions: Predictions) -> pd.DataFrame:
    """Precision, recall, F1, support and one-vs-rest accuracy of each class, one row a class."""
    import pandas as pd
    from sklearn.metrics import precision_recall_fscore_support

    counts = confusion_counts(predictions)
    n_classes, n = len(counts), counts.sum()
    precision, recall, f1, support = precision_recall_fscore_support(
        predictions.labels, predictions.predicted, labels=range(n_classes), zero_division=0.0
    )
    right, wrong = counts.diagonal(), counts.sum(axis=0) + counts.sum(axis=1) - 2 * counts.diagonal()
    columns = {"precision": precision, "recall": recall, "f1": f1, "support": support}
    columns["one_vs_rest_accuracy"] = (n - wrong) / n
    columns["right"] = right
    return pd.DataFrame(columns, index=pd.RangeIndex(n_classes, name="class"))


@dataclass(frozen=True)
class PairedTest:
    """Images that just one of two models gets right, and McNemar's exact p-value."""

    only_first: int
    only_second: int
    p_value: float


def mcnemar_exact(first: Predictions, second: Predictions) -> PairedTest:
    """McNemar's exact test (McNemar 1947) of whether two models err equally often on the same images.

    Raises:
        ValueError: the predictions are not of the same images.
    """
    from scipy.stats import binomtest

    if not torch.equal(first.labels, second.labels):
        raise ValueError("the two models were not evaluated on the same images in the same order")
    only_first = int((first.correct & ~second.correct).sum())
    only_second = int((~first.correct & second.correct).sum())
    discordant = only_first + only_second
    p_value = float(binomtest(only_first, discordant).pvalue) if discordant else 1.0
    return PairedTest(only_first, only_second, p_value)


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
