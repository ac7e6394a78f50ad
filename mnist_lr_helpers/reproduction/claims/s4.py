"""S4, a README: an accuracy without a batch size."""

from __future__ import annotations

from mnist_lr_helpers.reproduction.claims.shared import number_and_size
from mnist_lr_helpers.reproduction.comparisons import Named, Runs
from mnist_lr_helpers.reproduction.ledger import Results, StoredTable, Verdict, graded

import numpy as np
import pandas as pd


def by_batch(s: StoredTable, metric: str) -> Named:
    """The last values of a metric, by size of the batch."""
    sizes = sorted(int(c.removeprefix("batch=")) for c in s.configurations)
    return Named({size: s.runs(f"batch={size}", metric) for size in sizes})


def batches_for(runs: dict[int, Runs], levels: tuple[float, float]) -> str:
    """The batch sizes at which the mean accuracy passes two levels, interpolated in the logarithm of the size."""
    ends = pd.Series({size: x.mean() for size, x in runs.items()}).sort_values()
    return " to ".join(f"{np.exp(np.interp(level, ends, np.log(ends.index))):.0f}" for level in levels)


def improvements(r: Results, names: list[str]) -> tuple[Named, Named]:
    """Test accuracies of changed recipes, and their gains over the plain recipe with batches of 512."""
    runs, base = r["s4_improve"].each(names, "test_accuracy"), r["s4_batch"].runs("batch=512", "test_accuracy")
    return runs, Named({c: x.minus(base) for c, x in runs.items()})


def s4_01_images_of_mnist(r: Results, train: int = 60_000, test: int = 10_000, side: int = 28) -> Verdict:
    """60,000 training and 10,000 test images of 28×28 grey pixels.

    Published: 60,000; 10,000; 28×28
    Measured: {images[0]:,.0f} + {images[1]:,.0f}; {size[0]:.0f}×{size[1]:.0f}
    Evidence: counted in the four official files
    """
    return number_and_size(r, train, test, side)


def s4_02_recipe(r: Results) -> Verdict:
    """The recipe: SGD at 0.001, cross-entropy, 50 epochs, pixels not standardised.

    Published: 0.001; 50 epochs
    Measured: {low:.1%} to {high:.1%}, by batch size
    Evidence: by batch size, {runs:.2%}
    Note: Missing: the batch size, which alone decides how many steps 50 epochs are
    """
    runs = by_batch(r["s4_batch"], "test_accuracy")
    ends = [x.mean() for x in runs.values()]
    low, high = min(ends), max(ends)
    return graded(high - low < 0.01, otherwise="cannot be checked", low=low, high=high, runs=runs)


def s4_03_accuracy_after_50_epochs(r: Results, accuracy: float = 0.86, half: float = 0.005) -> Verdict:
    """Accuracy after 50 epochs.

    Published: about 86 %
    Measured: {measured}
    Evidence: usual sizes: {usual:.2%}
    Note: Batch size, and whether test or training images, are not stated
    Caveat: true under other conditions
    """
    runs = {part: by_batch(r["s4_batch"], f"{part}_accuracy") for part in ("test", "train")}
    low, high = accuracy - half, accuracy + half
    fit = {part: [b for b, x in each.items() if low <= x.mean() <= high] for part, each in runs.items()}
    told = [
        f"{low:.1%} to {high:.1%} on {part} images with batches of {', '.join(map(str, sizes))}, "
        f"by interpolation {batches_for(runs[part], (high, low))}"
        for part, sizes in fit.items()
        if sizes
    ]
    test, measured = fit["test"], "; ".join(told) or "with no batch size"
    usual = Named({b: runs["test"][b] for b in (64, 100)})
    chart = {f"accuracy, batch {b}": (accuracy, runs["test"][b]) for b in (64, *test)}
    fully = set(usual) & set(test)
    return graded(test, fully, otherwise="not reproduced", chart=chart, measured=measured, usual=usual)


def s4_04_other_settings_do_better(r: Results) -> Verdict:
    """More epochs, another learning rate or a larger model would do better.

    Published: better
    Measured: gains {gains:+.1%}
    Evidence: {runs:.2%}; CNN 8-16: {cnn:.2%}
    Note: The CNN had four epochs with S0's optimiser
    """
    runs, gains = improvements(r, ["long", "unit lr=0.01", "unit lr=0.1"])
    cnn = r["cnn"].runs("8-16", "test_accuracy")
    holds = min(x.estimate for x in gains.values()) > 0.01 and cnn.min() > max(x.max() for x in runs.values())
    told = {"gains": gains, "runs": runs, "cnn": cnn}
    return graded(holds, enough=all(x.above(0.01) for x in gains.values()), otherwise="not reproduced", **told)


def s4_05_standardising_is_more_efficient(r: Results) -> Verdict:
    """Standardising, left out here, would make training more efficient.

    Published: more efficient
    Measured: gain at 0.001: {gain:+.2%}; at the highest rates tried, {std} and {unit}, {lead:+.2%}
    Evidence: {runs:.2%}
    Note: At one rate, standardising is a ten times longer step of the weights. Both highest rates may be too low
    Caveat: true but misleading
    """
    names = [c for c in r["s4_improve"].configurations if c.startswith(("std lr", "unit lr"))]
    by_rate = sorted(names, key=lambda c: float(c.split("=")[1]))
    runs, gains = improvements(r, names)
    std, unit = ([c for c in by_rate if c.startswith(scaling)][-1] for scaling in ("std", "unit"))
    lead, gain = runs[std].minus(runs[unit]), gains["std lr=0.001"]
    told = {"gain": gain, "std": std, "unit": unit, "lead": lead, "runs": runs}
    return graded(gain.above(), lead.above(0.002), otherwise="not reproduced", **told)


def s4_06_cnn_optimisers_and_regularisation_do_much_better(r: Results) -> Verdict:
    """Logistic regression is a strong baseline; CNNs are much better, other optimisers and regularisation may be.

    Published: much better
    Measured: CNN 8-16 {cnn:.2%}; gains {gains:+.2%}
    Evidence: plain recipe, batch 512: {plain:.2%}
    Note: A baseline that has not finished training is no fair baseline; and neither penalty tried helps it. The CNN had
        four epochs with S0's optimiser
    Caveat: half true
    """
    _, gains = improvements(r, ["momentum", "adam lr=0.001", "weight_decay=0.0001", "weight_decay=0.01"])
    plain, cnn = r["s4_batch"].value("batch=512", "test_accuracy"), r["cnn"].runs("8-16", "test_accuracy")
    decay = max(x.estimate for c, x in gains.items() if "decay" in c)
    holds = gains["momentum"].estimate > 0.01 and cnn.min() > plain + 0.05
    return graded(holds, decay > 0.002, cnn=cnn, gains=gains, plain=plain)


def s4_07_loss_and_accuracy_in_every_epoch(r: Results) -> Verdict:
    """Loss and accuracy are computed in every epoch.

    Published: a value for each epoch
    Measured: training minus test accuracy at the end, batches of 512: {gap:+.2%}
    Note: It is not stated whether the 86 % are of training or test images; no table or curve is given
    """
    train, test = (r["s4_batch"].runs("batch=512", f"{part}_accuracy") for part in ("train", "test"))
    gap = train - test
    return graded(gap.abs().max() < 0.002, otherwise="cannot be checked", gap=gap)
