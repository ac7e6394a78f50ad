"""What is told of a training: one function for each kind of report, from a moment of the training to rows."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence

from mnist_lr_helpers.data import Split
from mnist_lr_helpers.evaluation import confusion_counts, expected_calibration_error, per_class_report
from mnist_lr_helpers.exceptions import TrainingError
from mnist_lr_helpers.models import parameter_count
from mnist_lr_helpers.reproduction import recipes
from mnist_lr_helpers.reproduction.recipes import Moment, Row, Setting, rows_of
from mnist_lr_helpers.training import TrainingState, loss_and_accuracy, make_optimizer

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, cross_entropy

Reports = Sequence[Callable[[Moment], list[Row]]]


def train_and_report(
    seed: int, *, each: Reports = (), last: Reports = (), last_at: int = 0, keep: int = 1, **settings: Setting
) -> list[Row]:
    """Train by a recipe: its learning curves, then its reports.

    Args:
        seed: of the weights, the order of the images and, if there is one, the split.
        each: reports after each epoch that is kept: functions of this module.
        last: reports at the end.
        last_at: another epoch for these; 0 for the end.
        keep: which epochs are kept: 1, 2, 3, 5, every ``keep``-th and the last.
        **settings: of the ``Recipe``.
    """
    moments, rows = [], []  # the last moment alone is kept: each has predictions

    def look(moment: Moment) -> None:
        moments[:] = [moment]
        epoch, due = moment.state.epoch, []
        if epoch and _is_kept(epoch, moment.state, keep):
            due += each
        if epoch == last_at if last_at else moment.state.finished:
            due += last
        rows.extend(row for report in due for row in report(moment))

    try:
        recipes.follow(recipes.Recipe(**settings), seed, look)
    except TrainingError:
        rows.append(Row(moments[0].state.epoch + 1, "diverged", 1.0))
    return curves(moments[0], keep) + rows


def _is_kept(epoch: int, state: TrainingState, keep: int) -> bool:
    return epoch in (1, 2, 3, 5) or epoch % keep == 0 or (epoch == state.epoch and state.finished)


def curves(moment: Moment, keep: int = 1) -> list[Row]:
    """Loss and accuracy after each epoch that is kept; on the training images as seen on the way.

    Those on the images that choose the epoch are called "test" where a document lets the test images do it.
    """
    state, judge = moment.state, "validation" if "validation" in moment.splits else "test"
    kinds = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
    kept = [row for row in state.history.rows if _is_kept(int(row["epoch"]), state, keep)]
    return [Row(int(row["epoch"]), kind.replace("validation", judge), row[kind]) for row in kept for kind in kinds]


def on_test(moment: Moment) -> list[Row]:
    """Loss and accuracy on the test images."""
    loss, accuracy = loss_and_accuracy(moment.state.model, moment.splits["test"])
    return rows_of({"test_loss": loss, "test_accuracy": accuracy}, moment.state.epoch)


def best(moment: Moment) -> list[Row]:
    """When the training stopped, and how good its best epoch is on the test images."""
    model = copy.deepcopy(moment.state.model)
    model.load_state_dict(moment.state.best_weights)
    accuracy = loss_and_accuracy(model, moment.splits["test"])[1]
    return rows_of({"stop_epoch": moment.state.epoch, "test_accuracy_best": accuracy})


def recalls(moment: Moment) -> list[Row]:
    """Recall of each digit after this epoch, as a metric of its own."""
    table = per_class_report(moment.predictions)
    return rows_of({f"recall_{k}": recall for k, recall in table["recall"].items()}, moment.state.epoch)


def classes(moment: Moment) -> list[Row]:
    """Per digit: precision, recall and so on; areas under the curves against all others."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    predictions = moment.predictions
    table = per_class_report(predictions).drop(columns=["right", "support"])
    table = table.rename(columns={"one_vs_rest_accuracy": "binary_accuracy"})
    table["predicted"] = predictions.predicted.bincount(minlength=len(table)).numpy()
    truth = predictions.labels[:, None] == torch.arange(len(table))
    for name, score in (("auc", roc_auc_score), ("average_precision", average_precision_score)):
        table[name] = score(truth, predictions.probabilities, average=None)
    return [Row(k, name, value) for name, column in table.items() for k, value in column.items()]


def confusion(moment: Moment) -> list[Row]:
    """How often each digit is taken for each other one."""
    counts = confusion_counts(moment.predictions)
    return [Row(10 * i + j, "confusion", counts[i, j]) for i in range(10) for j in range(10) if i != j]


def calibration(moment: Moment) -> list[Row]:
    """How far the confidence is from the accuracy: expected calibration error in 15 bins; the mean confidence."""
    ece, confidence = expected_calibration_error(moment.predictions), moment.predictions.confidence
    return rows_of({"ece15": ece, "mean_confidence": confidence.mean()})


def certainty(moment: Moment) -> list[Row]:
    """How confident the model is where it is right and where it errs, also as counts by tenth of confidence."""
    from sklearn.metrics import roc_auc_score

    confidence, right = moment.predictions.confidence, moment.predictions.correct
    values = {"confidence_auroc": roc_auc_score(right, confidence)}
    values |= {f"median_confidence_{name}": confidence[x].median() for name, x in (("right", right), ("wrong", ~right))}
    for level in (0.9, 0.99):
        sure = confidence > level
        values[f"accuracy_above_{level}"] = right[sure].float().mean()
        values[f"share_above_{level}"] = sure.float().mean()
    values["temperature"] = _temperature(moment.state.model, moment.splits["validation"])
    rows, bins = rows_of(values), (confidence * 10).ceil().long() - 1
    for name, chosen in (("error_bin", ~right), ("right_bin", right)):
        rows += [Row(b, name, count) for b, count in enumerate(bins[chosen].bincount(minlength=10).tolist())]
    return rows


@torch.inference_mode()
def _temperature(model: nn.Module, validation: Split) -> float:
    """The temperature that suits the validation images best (Guo et al. 2017)."""
    from scipy.optimize import minimize_scalar

    logits, labels = model(validation.images), validation.labels

    def loss(log_temperature: float) -> float:
        return cross_entropy(logits / math.exp(log_temperature), labels).item()

    return math.exp(minimize_scalar(loss, bounds=(-2, 2), method="bounded").x)


def quality(moment: Moment) -> list[Row]:
    """Error rate per decile of brightness and of contrast, over all test images and within each class."""
    test, wrong, rows = moment.splits["test"], ~moment.predictions.correct, []
    pixels = test.images.flatten(start_dim=1)
    for name, values in (("brightness", pixels.mean(dim=1)), ("contrast", pixels.std(dim=1))):
        within = torch.zeros_like(test.labels)
        for k in range(10):
            within[test.labels == k] = _deciles(values[test.labels == k])
        for kind, deciles in (("", _deciles(values)), ("_within", within)):
            rows += [Row(d, f"error_{name}{kind}", wrong[deciles == d].float().mean().item()) for d in range(10)]
    return rows


def _deciles(values: Tensor) -> Tensor:
    return values.argsort().argsort() * 10 // len(values)


def weights(moment: Moment) -> list[Row]:
    """Of a linear model: how large its weights are, how rough its templates, and which weights never moved."""
    pixels = moment.splits["train"].images.flatten(start_dim=1)
    start = recipes.new_model(moment.recipe, pixels, moment.seed).linear.weight.detach()
    now = moment.state.model.linear.weight.detach()
    dead = pixels.amin(dim=0) == pixels.amax(dim=0)  # the same in all training images
    corner = dead & (torch.arange(784) // 28 < 7) & (torch.arange(784) % 28 < 7)
    maps = now.view(-1, 28, 28)
    rough = maps.diff(dim=1).abs().sum() + maps.diff(dim=2).abs().sum()
    values = {"weight_norm": now.norm(), "max_weight": now.abs().max(), "total_variation": rough / now.abs().sum()}
    values |= {"untouched_weights": (now == start).sum(), "dead_pixels": dead.sum()}
    values |= {"corner_weight_sd": now[:, corner].std(), "row_mean_change": (now.mean(0) - start.mean(0)).norm()}
    return rows_of(values)


def templates(moment: Moment) -> list[Row]:
    """Correlation of the weight maps with those of seed 0 over the inked pixels, mean over the classes."""
    if moment.seed == 0:
        return []
    pixels = moment.splits["train"].images.flatten(start_dim=1)
    inked = pixels.amax(dim=0) > pixels.amin()
    pair = [model.linear.weight.detach()[:, inked] for model in (moment.state.model, recipes.trained(moment.recipe, 0))]
    maps = [each - each.mean(dim=1, keepdim=True) for each in pair]
    return rows_of({"template_correlation_inked": cosine_similarity(*maps, dim=1).mean().item()})


def logit_sums(moment: Moment) -> list[Row]:
    """Smallest and largest sum of an image's ten logits."""
    with torch.inference_mode():
        sums = moment.state.model(moment.splits["test"].images).sum(dim=1)
    return rows_of({"logit_row_sum_min": sums.min(), "logit_row_sum_max": sums.max()})


def step_noise(moment: Moment) -> list[Row]:
    """Spread of the differences of the batch losses from step to step, in one epoch more."""
    model = copy.deepcopy(moment.state.model)
    optimizer = make_optimizer(model, moment.recipe)
    batches = recipes.batches_of(moment.splits["train"], moment.recipe.batch_size, moment.seed)
    losses = torch.tensor([recipes.one_step(model, batch, optimizer) for batch in batches])
    return rows_of({"step_loss_sd": losses.diff().std()})


def size(moment: Moment) -> list[Row]:
    """How many numbers the model learns."""
    return rows_of({"parameters": parameter_count(moment.state.model)})


def seconds(moment: Moment) -> list[Row]:
    """Seconds up to the end of each epoch."""
    ends = torch.tensor([epoch["seconds"] for epoch in moment.state.history.rows]).cumsum(0).tolist()
    return [Row(epoch, "seconds", value) for epoch, value in enumerate(ends, start=1)]
