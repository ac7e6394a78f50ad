"""How good a model is and how sure we are: predictions, metrics, intervals, paired tests, errors, confusions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mnist_lr_helpers.data import Split
from mnist_lr_helpers.training import count_classes

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Predictions:
    """Class probabilities, float ``[n, n_classes]``, and the labels ``int64 [n]`` they are judged by.

    Raises:
        ValueError: no tensors; other shapes or types, which would be compared all with all; no probabilities (logits,
            or those of a model that has diverged); labels without a column.
    """

    probabilities: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        of_images, labels = self.probabilities, self.labels
        if not (isinstance(of_images, Tensor) and isinstance(labels, Tensor)):
            kinds = f"{type(of_images).__name__} and {type(labels).__name__}"
            raise ValueError(f"probabilities and labels are {kinds}; make them tensors by torch.as_tensor()")
        are_probabilities = of_images.ndim == 2 and of_images.is_floating_point()
        if not (are_probabilities and labels.dtype == torch.int64 and labels.shape == of_images.shape[:1]):
            found = f"{of_images.dtype} {list(of_images.shape)} and {labels.dtype} {list(labels.shape)}"
            raise ValueError(f"probabilities must be float [n, n_classes] and labels int64 [n]; these are {found}")
        if not ((of_images >= 0) & (of_images <= 1.001)).all():  # what is not a number is no probability either
            raise ValueError("probabilities must be between 0 and 1: logits need a softmax(dim=1)")
        if ((labels < 0) | (labels >= of_images.shape[1])).any():
            runs = f"run from {int(labels.min())} to {int(labels.max())}"
            raise ValueError(f"labels {runs}, but there are probabilities of {of_images.shape[1]} classes, from 0 on")

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
    """An estimate with the bounds of its confidence interval.

    ``1 - interval`` and ``100 * interval`` are the intervals of the error rate and of the percentage.
    """

    estimate: float
    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __format__(self, spec: str) -> str:
        return f"{self.estimate:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"

    def __rmul__(self, factor: float) -> Interval:
        low, high = sorted((factor * self.low, factor * self.high))
        return Interval(factor * self.estimate, low, high)

    def __rsub__(self, whole: float) -> Interval:
        return Interval(whole - self.estimate, whole - self.high, whole - self.low)


@torch.inference_mode()
def predict_probabilities(model: nn.Module, images: Tensor, batch_size: int = 4096) -> Tensor:
    """Class probabilities ``[n, n_classes]`` of images ``[n, …]``, batch by batch, in evaluation mode.

    Raises:
        TrainingError: the model cannot take such images; the message names their type and shape.
    """
    model.eval()
    try:
        return torch.cat([model(batch) for batch in images.split(batch_size)]).softmax(dim=1)
    except RuntimeError:
        count_classes(model, images)  # says so, where it is the images that the model cannot take
        raise


def predict(model: nn.Module, split: Split, batch_size: int = 4096) -> Predictions:
    """Class probabilities of all images of a split, beside their labels."""
    return Predictions(predict_probabilities(model, split.images, batch_size), split.labels)


def share_interval(count: int, n: int, confidence: float = 0.95) -> Interval:
    """The share count/n with Wilson's score interval (Wilson 1927), which never leaves [0, 1].

    Raises:
        ValueError: not a count of at least one thing.
    """
    from statsmodels.stats.proportion import proportion_confint

    if not 0 <= count <= n or n == 0 or count % 1 != 0:
        raise ValueError(f"{count} of {n} is no share")
    low, high = proportion_confint(count, n, alpha=1 - confidence, method="wilson")
    return Interval(count / n, float(low), float(high))


def accuracy_interval(predictions: Predictions, confidence: float = 0.95) -> Interval:
    """Accuracy with its interval, see ``share_interval``."""
    return share_interval(int(predictions.correct.sum()), len(predictions.labels), confidence)


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

    Raises:
        ValueError: ``statistic`` returns something else.
    """
    drawn = torch.randint(n, (resamples, n), generator=generator)
    weights = torch.zeros(resamples, n).scatter_add_(1, drawn, torch.ones(1, 1).expand(resamples, n))
    tails = torch.tensor([(1 - confidence) / 2, (1 + confidence) / 2])
    values = statistic(weights)
    if values.shape != (resamples,):
        raise ValueError(f"statistic must map [{resamples}, {n}] to [{resamples}], not to {list(values.shape)}")
    low, high = values.float().quantile(tails).tolist()
    return Interval(statistic(torch.ones(1, n)).item(), low, high)


def expected_calibration_error(predictions: Predictions, *, bins: int = 15) -> Tensor:
    """Mean distance between confidence and accuracy over equally wide bins of confidence (Naeini et al. 2015)."""
    confidence = predictions.confidence
    bin_of = torch.bucketize(confidence, torch.linspace(0, 1, bins + 1)[1:-1])
    gaps = torch.zeros(bins).index_add_(0, bin_of, predictions.correct.float() - confidence)
    return gaps.abs().sum() / len(confidence)


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
        judged = f"{len(first.labels):,} and {len(second.labels):,} images"
        raise ValueError(f"the two models were not judged by the same images in the same order: {judged}, other labels")
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
