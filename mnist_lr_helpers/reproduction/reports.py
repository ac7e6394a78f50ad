"""What is said of a model in the middle or at the end of a training: one function per kind of report."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from mnist_lr_helpers import evaluation
from mnist_lr_helpers.evaluation import Predictions, predict
from mnist_lr_helpers.models import parameter_count
from mnist_lr_helpers.reproduction.trainings import Row, Run, batches_of, finished, steps
from mnist_lr_helpers.training import loss_and_accuracy


def _test(run: Run) -> list[Row]:
    loss, accuracy = loss_and_accuracy(run.model, run.data["test"])
    return [(run.epoch, "test_loss", loss), (run.epoch, "test_accuracy", accuracy)]


def _train_end(run: Run) -> list[Row]:
    loss, accuracy = loss_and_accuracy(run.model, run.data["train"])
    return [(run.epoch, "train_loss_end", loss), (run.epoch, "train_accuracy_end", accuracy)]


def _best(run: Run) -> list[Row]:
    loss, accuracy = loss_and_accuracy(run.best, run.data["test"])
    values = {"stop_epoch": run.epoch, "best_epoch": run.history.best_epoch}
    values |= {"test_loss_best": loss, "test_accuracy_best": accuracy}
    return [(0, name, value) for name, value in values.items()]


def _recalls(run: Run) -> list[Row]:
    recalls = evaluation.per_class_report(predict(run.model, run.data["test"]))["recall"]
    return [(run.epoch, f"recall_{k}", recall) for k, recall in recalls.items()]


def _classes(run: Run) -> list[Row]:
    """Per digit (in place of the epoch): precision, recall and so on; areas under the curves against all others."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    predictions = predict(run.model, run.data["test"])
    table = evaluation.per_class_report(predictions).drop(columns="right")
    table = table.rename(columns={"one_vs_rest_accuracy": "binary_accuracy"})
    table["predicted"] = predictions.predicted.bincount(minlength=len(table)).numpy()
    truth = predictions.labels[:, None] == torch.arange(len(table))
    for name, score in (("auc", roc_auc_score), ("average_precision", average_precision_score)):
        table[name] = score(truth, predictions.probabilities, average=None)
    return [(k, name, value) for name, column in table.items() for k, value in column.items()]


def _confusion(run: Run) -> list[Row]:
    counts = evaluation.confusion_counts(predict(run.model, run.data["test"]))
    return [(10 * i + j, "confusion", counts[i, j]) for i in range(10) for j in range(10) if i != j]


def _nll(logits: Tensor, labels: Tensor, temperature: float = 1.0) -> float:
    return cross_entropy(logits / temperature, labels).item()


@torch.inference_mode()
def _temperature(run: Run) -> tuple[float, Predictions]:
    """The temperature that suits the validation images best (Guo et al. 2017), and the test predictions with it."""
    from scipy.optimize import minimize_scalar

    validation, test = run.data["validation"], run.data["test"]
    logits = run.model(validation.images)
    best = minimize_scalar(lambda t: _nll(logits, validation.labels, math.exp(t)), bounds=(-2, 2), method="bounded")
    temperature = math.exp(best.x)
    return temperature, Predictions((run.model(test.images) / temperature).softmax(dim=1), test.labels)


def _calibration(run: Run) -> list[Row]:
    """How confident the model is, how right it is then; bins of a tenth of confidence in place of the epoch."""
    from sklearn.metrics import roc_auc_score

    predictions = predict(run.model, run.data["test"])
    confidence, right = predictions.confidence, predictions.correct
    of_label = predictions.probabilities.gather(1, predictions.labels[:, None])[:, 0]
    values = {"ece15": evaluation.expected_calibration_error(predictions).item()}
    values["nll"] = -of_label.clamp_min(1e-30).log().mean().item()
    squares = predictions.probabilities.square().sum(dim=1)
    values["brier"] = (squares - 2 * of_label + 1).mean().item()
    values["mean_confidence"] = confidence.mean().item()
    values["confidence_auroc"] = roc_auc_score(right, confidence)
    values["median_confidence_right"] = confidence[right].median().item()
    values["median_confidence_wrong"] = confidence[~right].median().item()
    for level in (0.9, 0.99):
        sure = confidence > level
        values[f"accuracy_above_{level}"] = right[sure].float().mean().item()
        values[f"share_above_{level}"] = sure.float().mean().item()
    if "validation" in run.data:
        values["temperature"], scaled = _temperature(run)
        values["ece15_scaled"] = evaluation.expected_calibration_error(scaled).item()
    rows = [(0, name, value) for name, value in values.items()]
    bins = (confidence * 10).ceil().long() - 1
    for name, chosen in (("error_bin", ~right), ("right_bin", right)):
        rows += [(b, name, count) for b, count in enumerate(bins[chosen].bincount(minlength=10).tolist())]
    return rows


def _deciles(values: Tensor) -> Tensor:
    return values.argsort().argsort() * 10 // len(values)


def _quality(run: Run) -> list[Row]:
    """Error rate per decile of brightness and of contrast, over all test images and within each class."""
    test, rows = run.data["test"], []
    wrong = ~predict(run.model, test).correct
    pixels = test.images.flatten(start_dim=1)
    for name, values in (("brightness", pixels.mean(dim=1)), ("contrast", pixels.std(dim=1))):
        within = torch.zeros_like(test.labels)
        for k in range(10):
            within[test.labels == k] = _deciles(values[test.labels == k])
        for kind, deciles in (("", _deciles(values)), ("_within", within)):
            rows += [(d, f"error_{name}{kind}", wrong[deciles == d].float().mean().item()) for d in range(10)]
    return rows


def _weights(run: Run) -> list[Row]:
    """Of a linear model: how large its weights are, how rough its templates, and which weights never moved."""
    now, start = run.model.linear.weight.detach(), run.start["linear.weight"]
    pixels = run.data["train"].images.flatten(start_dim=1)
    dead = pixels.amin(dim=0) == pixels.amax(dim=0)  # the same in all training images
    corner = dead & (torch.arange(784) // 28 < 7) & (torch.arange(784) % 28 < 7)
    maps = now.view(-1, 28, 28)
    rough = maps.diff(dim=1).abs().sum() + maps.diff(dim=2).abs().sum()
    values = {"weight_norm": now.norm(), "max_weight": now.abs().max(), "total_variation": rough / now.abs().sum()}
    values |= {"untouched_weights": (now == start).sum(), "dead_pixels": dead.sum()}
    values |= {"dead_weight_sd": now[:, dead].std(), "corner_weight_sd": now[:, corner].std()}
    values |= {"row_mean_change": (now.mean(0) - start.mean(0)).norm(), "row_mean_norm": now.mean(0).norm()}
    return [(0, name, value.item()) for name, value in values.items()]


def _templates(run: Run) -> list[Row]:
    """Correlation of the weight maps with those of seed 0, mean over the classes, over all and over inked pixels."""
    if run.seed == 0:
        return []
    pixels, rows = run.data["train"].images.flatten(start_dim=1), []
    pair = [model.linear.weight.detach() for model in (run.model, finished(0, **run.recipe).model)]
    for name, chosen in (("", slice(None)), ("_inked", pixels.amax(dim=0) > pixels.amin())):
        maps = [w[:, chosen] - w[:, chosen].mean(dim=1, keepdim=True) for w in pair]
        correlation = nn.functional.cosine_similarity(*maps, dim=1).mean().item()
        rows.append((0, f"template_correlation{name}", correlation))
    return rows


def _logits(run: Run) -> list[Row]:
    with torch.inference_mode():
        sums = run.model(run.data["test"].images).sum(dim=1)
    return [(0, "logit_row_sum_min", sums.min().item()), (0, "logit_row_sum_max", sums.max().item())]


def _steps(run: Run) -> list[Row]:
    """Spread of the differences of the batch losses from step to step, in one epoch more."""
    batches = batches_of(run.data["train"], run.config.batch_size, run.seed)
    losses = torch.tensor(list(steps(copy.deepcopy(run.model), batches, run.config)))
    return [(0, "step_loss_sd", losses.diff().std().item())]


def _tail(run: Run) -> list[Row]:
    """Share of the test loss that the hundredth of the images with the largest loss carries."""
    with torch.inference_mode():
        losses = cross_entropy(run.model(run.data["test"].images), run.data["test"].labels, reduction="none")
    worst = losses.sort(descending=True).values[: len(losses) // 100]
    return [(0, "tail_share", (worst.sum() / losses.sum()).item())]


def _size(run: Run) -> list[Row]:
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        run.model(run.data["test"].images[:1])
    return [(0, "parameters", parameter_count(run.model)), (0, "macs", counter.get_total_flops() // 2)]


def _time(run: Run) -> list[Row]:
    """Seconds up to the end of each epoch."""
    seconds = torch.tensor([row["seconds"] for row in run.history.rows]).cumsum(0).tolist()
    return [(epoch, "seconds", value) for epoch, value in enumerate(seconds, start=1)]


REPORTS = {
    "size": _size,
    "time": _time,
    "test": _test,
    "train_end": _train_end,
    "best": _best,
    "recalls": _recalls,
    "classes": _classes,
    "confusion": _confusion,
    "calibration": _calibration,
    "quality": _quality,
    "weights": _weights,
    "templates": _templates,
    "logits": _logits,
    "steps": _steps,
    "tail": _tail,
}
