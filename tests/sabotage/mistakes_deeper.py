"""Mistakes that reach 06 to 10."""

from __future__ import annotations

import dataclasses

from catalogue import replace, sabotage, slip


@sabotage("07", "08")
def seed_set_within() -> None:
    """The seed is set anew within the function, so that all repetitions are one and the same."""
    from mnist_lr_helpers import data

    @replace(data, "seeded")
    def always_the_same(old, seed=0):
        return old(0)


@sabotage("07")
def penalty_without_its_half() -> None:
    """One program takes the penalty as λ‖W‖², the other as λ/2 ‖W‖²."""
    from mnist_lr_helpers import optimum

    @replace(optimum, "convex_optimum")
    def doubled(old, train, *, l2, **options):
        return old(train, l2=2 * l2, **options)


@sabotage("08")
def standard_error_as_interval() -> None:
    """Bars of one standard error are taken for a 95 % interval."""
    from statsmodels.stats import proportion

    @replace(proportion, "proportion_confint")
    def one_standard_error(old, count, n, alpha=0.05, method="normal"):
        return old(count, n, alpha=0.3173, method=method)


@sabotage("08")
def models_compared_unpaired() -> None:
    """The two models are compared as if each had had test images of its own."""
    from mnist_lr_helpers import evaluation

    from statsmodels.stats.proportion import proportions_ztest

    @replace(evaluation, "mcnemar_exact")
    def unpaired(old, first, second):
        right = [int(one.correct.sum()) for one in (first, second)]
        _, p_value = proportions_ztest(right, len(first.labels))
        return dataclasses.replace(old(first, second), p_value=float(p_value))


@sabotage("09", "10")
def moved_images_not_used() -> None:
    """The function that moves images returns new ones, and nobody uses what it returns."""
    from mnist_lr_helpers import warps

    @replace(warps, "warp")
    def in_vain(old, images, **options):
        old(images, **options)
        return images


@sabotage("10")
def noise_beyond_ink_and_paper() -> None:
    """The noise is added and the sum not cut off at 0 and 1, so that paper becomes less than paper."""
    from mnist_lr_helpers import warps

    import torch

    @replace(warps, "perturbations")
    def unclamped(old, n, *, generator):
        kinds = old(n, generator=generator)
        unit, strengths, _ = kinds["noise"]
        noise = torch.randn(n, 1, 28, 28, generator=generator)
        return kinds | {"noise": (unit, strengths, lambda ink, s: ink + s * noise)}


slip(
    "everything in float64",
    "Everything is computed in float64, NumPy's default, and float32 goes untried.",
    "06",
    ("raw = 255 * images.flatten(start_dim=1)", "raw = 255 * images.flatten(start_dim=1).double()"),
    ("torch.empty(10, 784)", "torch.empty(10, 784, dtype=torch.float64)"),
    (", dtype=np.float32)", ", dtype=np.float64)"),
    ("torch.float32", "torch.float64"),
)
slip(
    "little added to the divisor",
    "The little number is added to the divisor, as if that were what can become 0, and not to what the logarithm gets.",
    "06",
    (
        "    return -(label_probability(logits, labels) + 1e-12).log().mean()",
        "    powers = logits.exp()\n"
        "    probabilities = powers / (powers.sum(dim=1, keepdim=True) + 1e-12)\n"
        "    return -probabilities[torch.arange(len(labels)), labels].log().mean()",
    ),
)
slip(
    "gradient checked in float32",
    "A gradient is checked by differences with numbers of float32.",
    "06",
    ("pixels[:N_CHECKED].double()", "pixels[:N_CHECKED]"),
    ("generator=generator, dtype=torch.float64", "generator=generator"),
)
slip(
    "gradient checked at the start",
    "A gradient is checked at the zero weights and biases that training starts with.",
    "06",
    ("weights = 0.1 * torch.randn(", "weights = 0 * torch.randn("),
    ("biases = torch.randn(10", "biases = 0 * torch.randn(10"),
)
slip(
    "rate of the defaults",
    "The learning rate is written into the optimiser's defaults, which nobody reads once it is built.",
    "07",
    ('optimizer.param_groups[0]["lr"] = rate', 'optimizer.defaults["lr"] = rate'),
)
slip(
    "rate by the square root",
    "The rate grows with the square root of the batch, a rule for Adam.",
    "07",
    ("rate = 0.1 * batch_size / 64", "rate = 0.1 * (batch_size / 64) ** 0.5"),
)
slip(
    "work done before the clock",
    "The pictures are converted when the data set is built, before the clock starts.",
    "07",
    (
        ".byte().numpy()",
        ".byte().numpy()\n        self.ready = [to_tensor(Image.fromarray(one)) for one in self.pixels]",
    ),
    ("to_tensor(Image.fromarray(self.pixels[number]))", "self.ready[number]"),
)
slip(
    "rate cut too late",
    "The cut of the learning rate is off by one epoch and comes after the last.",
    "08",
    ("decay_every: int = 1", "decay_every: int = 2"),
)
slip(
    "temperature of probabilities",
    "The temperature divides the probabilities, not the logits.",
    "09",
    (
        "    logits = predictions.probabilities.clamp_min(1e-38).log()\n",
        "    logits = predictions.probabilities.clamp_min(1e-38)\n",
    ),
)
slip(
    "calibrated on training images",
    "Temperature and threshold are set on the images that the model has learnt from.",
    "09",
    ("predict(model, dataset.validation)", "predict(model, train)"),
)
slip(
    "natural logarithm",
    "The natural logarithm is read as if it were to the base ten.",
    "09",
    (".log10()", ".log()"),
)
slip(
    "test labels spoilt as well",
    "The labels are spoilt before the test images are set aside, so theirs are as wrong.",
    "10",
    (
        "evaluation.predict(learn(*parts), dataset.test)",
        "evaluation.predict(learn(*parts), Split(dataset.test.images, "
        "spoil(dataset.test.labels, share, to_next, chance)))",
    ),
)
slip(
    "thresholds over all images",
    "A class's threshold is its mean probability over all images, not over those labelled so.",
    "10",
    ("probabilities[labels == j, j].mean() for", "probabilities[:, j].mean() for"),
)
