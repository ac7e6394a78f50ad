"""Mistakes that reach the lessons of the core, 00 to 05, and whatever beside them trains or evaluates as they do."""

from __future__ import annotations

import dataclasses

from catalogue import replace, sabotage, slip


@sabotage("00", "01", "02", "05")
def images_transposed() -> None:
    """Rows and columns of the images are swapped, as in the files of EMNIST."""
    from mnist_lr_helpers import data

    @replace(data, "_split")
    def lying(old, images, labels, index):
        return old(images.mT, labels, index)


@sabotage("01", "02", "03", "14")
def labels_of_other_images() -> None:
    """The training images are shuffled and their labels are not."""
    from mnist_lr_helpers import data

    import torch

    @replace(data, "load_data")
    def apart(old, *args, **options):
        dataset = old(*args, **options)
        images, labels = dataset.train.images, dataset.train.labels
        order = torch.randperm(len(labels), generator=data.seeded(1))
        return dataclasses.replace(dataset, train=data.Split(images[order], labels))


@sabotage("03")
def validated_on_training_images() -> None:
    """The validation images are cut from the training images, and left in there as well."""
    from mnist_lr_helpers import data

    @replace(data, "load_data")
    def overlapping(old, *args, **options):
        dataset = old(*args, **options)
        images, labels = (part[: len(dataset.validation)] for part in (dataset.train.images, dataset.train.labels))
        return dataclasses.replace(dataset, validation=data.Split(images, labels))


@sabotage("01", "05")
def images_shrunk_and_enlarged() -> None:
    """The images have been stored at half their size and enlarged again, which blurs them."""
    from mnist_lr_helpers import data

    from torch.nn.functional import avg_pool2d, interpolate

    @replace(data, "_split")
    def blurred(old, *args):
        split = old(*args)
        return data.Split(interpolate(avg_pool2d(split.images, 2), size=28, mode="bilinear"), split.labels)


@sabotage("00", "01", "04")
def shift_half_as_far() -> None:
    """A shift in pixels is divided by the width, though the coordinates of a grid run from -1 to 1, over two units."""
    from mnist_lr_helpers import warps

    @replace(warps, "warp")
    def nearer(old, images, *, shift=(0.0, 0.0), **options):
        return old(images, shift=(shift[0] / 2, shift[1] / 2), **options)


@sabotage("01", "05")
def shear_the_other_way() -> None:
    """Deskewing has the wrong sign, since y runs down in an image, and makes each slant worse."""
    from mnist_lr_helpers import features

    @replace(features, "_slope")
    def opposite(old, covariance):
        return -old(covariance)


@sabotage("00", "03")
def gradient_followed_uphill() -> None:
    """The step goes along the gradient, not against it, so that the loss grows."""
    from torch import optim

    @replace(optim.SGD, "__init__")
    def uphill(old, self, *args, **options):
        old(self, *args, maximize=True, **options)


@sabotage("00", "03", "04")
def zero_grad_forgotten() -> None:
    """Nobody calls zero_grad, so that each gradient is added to all gradients before it."""
    from torch import optim

    @replace(optim.Optimizer, "zero_grad")
    def nothing(old, self, set_to_none=True):
        pass


@sabotage("03")
def decay_forgotten() -> None:
    """Nobody calls the scheduler, so that the learning rate stays as it is."""
    from mnist_lr_helpers import training

    @replace(training, "make_scheduler")
    def constant(old, optimizer, config):
        return old(optimizer, dataclasses.replace(config, decay_every=0))


@sabotage("03")
def batch_size_ignored() -> None:
    """The batch size of the recipe does not reach the loop, which has 64 written into it."""
    from mnist_lr_helpers import training

    @replace(training, "train_epoch")
    def fixed(old, *args, **options):
        return old(*args, **(options | {"batch_size": 64}))


@sabotage("03", "04")
def softmax_in_the_model_too() -> None:
    """The model ends with a softmax, and the loss and the prediction apply it once more."""
    from mnist_lr_helpers import models

    @replace(models.LogisticRegression, "forward")
    def twice(old, self, images):
        return old(self, images).softmax(dim=1)


@sabotage("04", "05")
def labels_in_another_order() -> None:
    """Predictions and labels come from two passes through a loader that shuffles, so they belong to other images."""
    from mnist_lr_helpers import data, evaluation

    import torch

    @replace(evaluation, "predict")
    def mixed_up(old, *args, **options):
        predictions = old(*args, **options)
        order = torch.randperm(len(predictions.labels), generator=data.seeded(1))
        return dataclasses.replace(predictions, labels=predictions.labels[order])


@sabotage("04")
def standard_error_without_the_root() -> None:
    """The standard deviation of a single answer is divided by n, not by the square root of n."""
    from mnist_lr_helpers import evaluation

    @replace(evaluation, "share_interval")
    def too_narrow(old, count, n, confidence=0.95):
        share = count / n
        half = 1.96 * (share * (1 - share)) ** 0.5 / n
        return evaluation.Interval(share, share - half, share + half)


slip(
    "pixels column by column",
    "The average images are laid end to end column by column, as MATLAB does, and the weights row by row.",
    "00",
    ("images[labels == k].mean(dim=0).flatten()", "images[labels == k].mean(dim=0).mT.flatten()"),
)

slip(
    "five neighbours by default",
    "Nobody sets the number of neighbours, and scikit-learn asks five.",
    "01",
    ("KNeighborsClassifier(n_neighbors=1)", "KNeighborsClassifier()"),
)

slip(
    "squared distance without its half",
    "The bias of a mean image is minus its squared length, not minus half of it.",
    "02",
    ("biases = -mean_images.square().sum(dim=1) / 2", "biases = -mean_images.square().sum(dim=1)"),
)

slip(
    "step along the gradient",
    "The first step from zero weights goes along the gradient, not against it.",
    "02",
    ("step = -weights.grad", "step = weights.grad"),
)

slip(
    "balanced accuracy for accuracy",
    "The share of right answers is averaged over the two classes, not over the images.",
    "04",
    (
        "always_no = (~is_five).float().mean().item()",
        "always_no = sum((~is_five)[is_five == one].float().mean().item() for one in (False, True)) / 2",
    ),
)

slip(
    "kinds of error from the rarest on",
    "The kinds of error are sorted the wrong way round before they are added up.",
    "05",
    ("kinds = evaluation.confusions(result)", 'kinds = evaluation.confusions(result).sort_values("count")'),
)

slip(
    "weakest pixels first",
    "The votes are sorted the wrong way round before they are rubbed out.",
    "05",
    ("all_votes.sort(dim=1, descending=True)", "all_votes.sort(dim=1)"),
)

slip(
    "defaults merged over the changes",
    "Two dictionaries are merged in the wrong order, so that the recipe's defaults win over the changes.",
    "05",
    ("(recipe | changes)", "(changes | recipe)"),
)

slip(
    "confounder not held fixed",
    "The images are sorted by ink among all, where they should be sorted within their class.",
    "05",
    ('measured.groupby("label")["ink"].transform(tenth)', 'tenth(measured["ink"])'),
)
