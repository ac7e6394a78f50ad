"""Mistakes that reach the lessons beyond the core, 11 to 16."""

from __future__ import annotations

from catalogue import replace, sabotage, slip

slip(
    "softmax over the images",
    "The softmax runs over the wrong axis, over the images of a batch instead of the classes of an image.",
    "11",
    ("z.max(axis=-1, keepdims=True)", "z.max(axis=-2, keepdims=True)"),
    ("powers.sum(axis=-1, keepdims=True)", "powers.sum(axis=-2, keepdims=True)"),
)
slip(
    "yes weighs nine times",
    "Every yes weighs nine times as much, to even out the rare class, and the scores are then read as if it did not.",
    "11",
    (
        "error = (activation(x @ w + b) - y) / len(x)  # [n, k]",
        "error = (activation(x @ w + b) - y) * (1 + 8 * y) / len(x)",
    ),
)
slip(
    "judged by the training loss",
    "The loss on the training images is taken for that on others.",
    "12",
    ('"validation_loss"', '"train_loss"'),
    ('"test_loss"', '"train_loss"'),
)
slip(
    "none taken for zero",
    "A call of zero_grad() takes a gradient away where one of zero was meant, so the optimiser passes the weight over.",
    "12",
    ("weight.grad = torch.zeros_like(weight)", "optimizer.zero_grad()"),
)


@sabotage("12")
def activation_forgotten() -> None:
    """Nothing stands between the linear layers, so together they are one."""
    from torch import nn

    @replace(nn.ReLU, "forward")
    def nothing(old, self, values):
        return values


slip(
    "kernel of one pixel",
    "The filters are one pixel wide, by a default of 1 as in a bottleneck, so that they see no neighbours.",
    "13",
    ("kernel_size=5", "kernel_size=1"),
)


slip(
    "order sorted again",
    "The new order of the pixels is sorted again, as one sorts the places of a sample, so nothing is shuffled.",
    "13",
    (
        "torch.randperm(784, generator=seeded(SEED + 2))",
        "torch.randperm(784, generator=seeded(SEED + 2)).sort().values",
    ),
)


@sabotage("14")
def x_and_y_exchanged() -> None:
    """The moments of the ink come as (y, x), and who uses them takes them for (x, y)."""
    from mnist_lr_helpers import features

    @replace(features, "moments")
    def exchanged(old, images):
        centre, covariance = old(images)
        return centre.flip(1), covariance.flip(1, 2)


slip(
    "paper taken for the mean",
    "An image is evened out about its mean, as one standardises, instead of about the grey of its paper.",
    "14",
    ("ink[:, 0, on_rim].median(dim=1).values.view(-1, 1, 1, 1)", "ink.mean(dim=(1, 2, 3), keepdim=True)"),
)
slip(
    "centred but not scaled",
    "The grey of the paper is subtracted, and nothing is divided by the strongest ink.",
    "14",
    ("return distance / strongest.clamp_min(0.02)", "return distance"),
)
slip(
    "caveats forgotten",
    "What holds with a caveat is counted as confirmed.",
    "15",
    (
        'pd.crosstab(ledger["verdict"],',
        'pd.crosstab(ledger["verdict"].replace("(half|true).*", "confirmed", regex=True),',
    ),
    ("reindex(list(LOOKS))", "reindex(list(LOOKS), fill_value=0)"),
)
slip(
    "wrong column",
    "The wrong column is read: answers of yes or no for digits named rightly, the training loss for the test loss.",
    "15",
    ('"argmax_accuracy"', '"mean_accuracy"'),
    ('"test_loss"', '"train_loss"'),
)
slip(
    "sorted the wrong way round",
    "The epochs are sorted the wrong way round, so that the last row is the first epoch.",
    "15",
    ("stored(study, metric).ffill()", "stored(study, metric).sort_index(ascending=False).ffill()"),
)
slip(
    "momentum not handed on",
    "The momentum is not handed on to the configuration, so its default serves all runs.",
    "15",
    ('rates = {"learning_rate": learning_rate, "momentum": momentum}', 'rates = {"learning_rate": learning_rate}'),
)


@sabotage("16")
def augmentation_reaches_validation() -> None:
    """Validation images are moved at random, as if they were there to learn from."""
    from mnist_lr_helpers import data

    import torch

    @replace(data, "load_data")
    def moved(old, *which, **options):
        dataset = old(*which, **options)
        images = dataset.validation.images
        steps = torch.randint(-2, 3, (len(images), 2), generator=data.seeded(0))
        for image, step in zip(images, steps.tolist(), strict=True):
            image.copy_(image.roll(step, dims=(1, 2)))
        return dataset


@sabotage("16")
def proportions_lost() -> None:
    """The box of the ink is stretched to a square, whatever its shape."""
    from mnist_lr_helpers import handwriting

    import torch
    from torch.nn.functional import interpolate

    def square(drawing):
        rows, columns = ((drawing[0] > 0).any(dim=axis).nonzero()[:, 0] for axis in (1, 0))
        box = drawing[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return interpolate(box[None], size=60, mode="area")[0]

    @replace(handwriting, "prepare")
    def stretched(old, ink, **where):
        return old(torch.stack([square(one) if one.any() else torch.zeros(1, 60, 60) for one in ink]), **where)


@sabotage("16")
def boxes_read_by_columns() -> None:
    """The boxes of a sheet are read column by column, and labelled as if they came row by row."""
    from mnist_lr_helpers.handwriting import sheets

    @replace(sheets, "cut")
    def by_columns(old, straight):
        boxes = {(row, column): box for row, column, box in old(straight)}
        for row, column in boxes:
            yield row, column, boxes[column, row]


slip(
    "mask turned round",
    "The mask of those to be judged is turned round: it picks the ten that were added.",
    "16",
    (
        "torch.ones(len(me), dtype=bool).index_fill(0, ten, False)",
        "torch.zeros(len(me), dtype=bool).index_fill(0, ten, True)",
    ),
)
