# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 08 · A convolutional network
#
# **What does looking at neighbourhoods buy, and what does it cost?**
#
# **You will learn to**
# - *compute* a convolution by hand, and *tell* what sharing weights saves and what it does not,
# - *build* and *train* a small convolutional network, and *look* at its filters and feature maps,
# - *measure* what augmentation brings,
# - *compare* two models in full: accuracy with interval, an exact test, memory, arithmetic and time,
# - *test* whether an explanation of a prediction is right, in place of believing it.
#
# **You need** [02_build_the_model](02_build_the_model.ipynb) for logits and templates, and
# [03_train_the_model](03_train_the_model.ipynb) for `fit`. [04_evaluate_the_model](04_evaluate_the_model.ipynb) explains
# the intervals and the test.
#
# *Measured running time: 0 s on 2 CPU cores; peak memory 0 MB.*

# %% tags=["parameters"]
DATASET = "auto"  # "auto", "mnist", "fashion-mnist", "kmnist", "qmnist" or "digits"
SEED = 0  # seeds every random choice
QUICK = False  # a smoke run: small and fast; conclusions are not judged
TRAIN_SIZE = None  # training images; None for all
CHANNELS = [16, 32]  # filters in each block of the network
SMALL_CHANNELS = [4, 8]  # the same for a network with fewer parameters than the linear model
KERNEL_SIZE = 5  # side of the filters in pixels
BATCH_SIZE = 64  # images per step of the convolutional networks
EPOCHS = 5  # passes over the training images, with and without augmentation
SMALL_EPOCHS = 4  # the same for the small network
LINEAR_EPOCHS = 10  # the same for logistic regression, as published
MAX_ANGLE, MAX_SCALE, MAX_SHIFT = 10.0, 0.1, 1.5  # augmentation: degrees, share, pixels
SUBSET, SUBSET_EPOCHS, SEEDS = 2_000, 10, 3  # images, passes and repetitions of the small experiment
SAMPLE = 2_000  # validation images that are shifted, turned and explained

# %% tags=["nbval-check-output"]
import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown, display

from mnist_lr_helpers import data, errors, evaluation, models, plotting, training
from mnist_lr_helpers.data import Split
from mnist_lr_helpers.plotting import COLOURS

if QUICK:
    TRAIN_SIZE, EPOCHS, SMALL_EPOCHS, LINEAR_EPOCHS = 1_000, 1, 1, 1
    SUBSET, SUBSET_EPOCHS, SEEDS, SAMPLE = 200, 1, 2, 100
plotting.use_style()
dataset = data.load_data(DATASET, seed=SEED, train_size=TRAIN_SIZE)
dataset

# %% [markdown]
# ## The claim
#
# "Identifying Handwritten Recognition Using Logistic Regression in Pytorch" compares logistic regression with a
# **convolutional neural network** (CNN). Its abstract gives two numbers: over 90 % test accuracy for the linear model, and
# more than 98 % for the CNN. It calls the first efficient and interpretable, and says that networks of the second kind
# "typically require significant computational resources".
#
# The CNN appears in the abstract alone. The paper names none of its layers, gives no table, no time and no parameter
# count, and its methods describe only the linear model. So nothing of the comparison can be repeated as published; but
# every part of it can be measured. That is this notebook's programme: first what a convolution is, then a fair
# comparison, then the two words *efficient* and *interpretable*.
#
# ## A convolution by hand
#
# Logistic regression gives each of the 784 pixels a weight of its own and never asks which pixels are neighbours. A
# **convolution** asks nothing else. It takes a small square of weights, a **filter** (or kernel), lays it on a patch of
# the image, multiplies pixel by pixel and adds up. That sum is one number of the output. Then the filter moves on by one
# pixel, with the same weights. At the border the image is **padded** with zeros, so that the output is as large as the
# input.


# %%
from torch.nn.functional import conv2d, pad


def convolve(image, weights):
    reach = len(weights) // 2
    padded = pad(image, [reach] * 4)  # zeros on all four sides
    output = torch.zeros_like(image)
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            patch = padded[row : row + len(weights), column : column + len(weights)]
            output[row, column] = (patch * weights).sum()
    return output


# %% [markdown]
# Choose a filter that sees vertical edges: it subtracts what is left of the centre from what is right of it. PyTorch's
# `conv2d` must give the same. It expects images `[n, channels, height, width]` and filters
# `[outputs, inputs, side, side]`.

# %%
kind = 4
digit = dataset.to_unit(dataset.train.images[dataset.train.labels == kind][0, 0])  # [28, 28], ink from 0 to 1
edge = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
by_hand = convolve(digit, edge)
hand_gap = (by_hand - conv2d(digit[None, None], edge[None, None], padding=1)[0, 0]).abs().max().item()
assert hand_gap < 1e-5
row, column = divmod(by_hand.argmax().item(), 28)  # where the filter answers most strongly

# %%
patch = pad(digit, [1] * 4)[row : row + 3, column : column + 3]
figure, axes = plt.subplots(1, 4, figsize=(plotting.WIDTH, 2.9))
axes[0].imshow(digit)
axes[0].add_patch(plt.Rectangle((column - 1.5, row - 1.5), 3, 3, fill=False, edgecolor=COLOURS["wrong"], linewidth=2))
axes[0].set(title="digit and patch", xlabel="column", ylabel="row")
axes[0].grid(False)
squares = (("ink of the patch", patch), ("filter", edge), (f"product, sum {by_hand[row, column]:.2f}", patch * edge))
for axis, (name, values) in zip(axes[1:], squares, strict=True):
    axis.imshow(values, cmap="RdBu_r", vmin=-4, vmax=4)
    axis.set(title=name, xticks=[], yticks=[])
    for (i, j), value in np.ndenumerate(values.numpy()):
        axis.text(j, i, f"{round(value, 2) + 0:.2f}", ha="center", va="center", fontsize=10)
_ = figure.suptitle("One number of the output: multiply nine pixels by nine weights, add up", fontsize=12)

# %% [markdown]
# The patch has paper on its left and ink on its right, so the positive weights meet the ink and the sum is large. A
# patch of even grey would give zero, since the nine weights sum to zero.
#
# (Mathematicians turn the filter by half a turn first and call *that* a convolution; what you see here is a
# cross-correlation. The libraries use the first name for the second thing. For learned filters it makes no difference.)
#
# Now the whole output, called a **feature map**, for this filter and for the same filter lying on its side.

# %%
sideways = convolve(digit, edge.T)
limit = torch.stack([by_hand, sideways]).abs().max().item()
figure, axes = plt.subplots(1, 3, figsize=(plotting.WIDTH, 3.1))
axes[0].imshow(digit)
for axis, values in zip(axes[1:], (by_hand, sideways), strict=True):
    drawn = axis.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit)
for axis, name in zip(axes, ("digit", "right minus left", "below minus above"), strict=True):
    axis.set(title=name, xticks=[], yticks=[])
figure.colorbar(drawn, ax=axes, label="filter's answer")
_ = figure.suptitle("Two filters, two feature maps: vertical edges and horizontal edges", fontsize=12)

# %% [markdown]
# Red marks the left flank of every upright stroke, blue its right flank; the second map does the same for upper and lower
# flanks. One filter finds its edge *everywhere* in the image.
#
# ### A linear layer with most weights missing
#
# Each output is a weighted sum of pixels, so a convolution is a linear layer, $784 \to 784$. Its matrix can be read off by
# feeding it the 784 images with a single inked pixel. Take a filter with nine different weights and count.

# %% tags=["nbval-check-output"]
nine = torch.arange(1.0, 10.0).reshape(1, 1, 3, 3)
single_pixels = torch.eye(784).reshape(784, 1, 28, 28)
matrix = conv2d(single_pixels, nine, padding=1).flatten(start_dim=1).T  # [784 outputs, 784 inputs]
connections, shared = int((matrix != 0).sum()), len(matrix[matrix != 0].unique())
print(f"{matrix.numel():,} entries, {connections:,} of them not zero, {shared} different values")
assert torch.allclose(matrix @ digit.flatten(), conv2d(digit[None, None], nine, padding=1).flatten(), atol=1e-4)

# %% [markdown]
# A full layer of that size would have 614,656 weights to learn. The convolution has nine. Two ideas did that: **local**
# connections leave out all but the neighbours, and **weight sharing** uses the same nine numbers at every place. Note
# what remains: the multiplications. Each of the 6,724 connections still costs one. Fewer *parameters* is not the same as
# less *arithmetic*; the comparison below counts both.
#
# ### Move the digit, and the map moves along
#
# Sharing has a consequence: shift the image, and the feature map shifts with it (the word is **equivariant**). For a
# linear classifier the same shift puts every stroke on other weights.

# %%
few = dataset.to_unit(dataset.validation.images[:100])  # [100, 1, 28, 28]
then_shifted = conv2d(few, edge[None, None], padding=1).roll(3, dims=3)
shifted_first = conv2d(few.roll(3, dims=3), edge[None, None], padding=1)
inside = slice(4, 27)  # columns that neither border has touched
shift_gap = (then_shifted - shifted_first)[..., inside].abs().max().item()
assert shift_gap < 1e-5

# %% [markdown]
# The difference is rounding. (The border is left out: there the padding interferes.)
#
# ## A small network
#
# One linear filter is not yet much. A convolutional network stacks **blocks** of three steps:
# 1. a convolution with several filters, each looking at *all* maps of the block before and producing one **channel**;
# 2. **max-pooling**: of every 2 × 2 square only the largest value goes on, which halves the side of the map and forgets by
#    a pixel where exactly the filter answered;
# 3. **ReLU**, $\max(v, 0)$, which makes the whole more than one linear map.
#
# After the last block, one linear layer turns what is left into ten logits. Read the source.

# %%
plotting.show_source(models.ConvolutionalNetwork)

# %% [markdown]
# Pooling and ReLU may trade places: the largest of four values, cut off at zero, is the largest of the four cut-off
# values. Pooling first leaves ReLU a quarter of the work. Follow one image through the network. For a convolution with
# $c$ input channels, $f$ filters of side $k$ and an output of side $s$:
#
# $$\text{parameters} = f\,(c\,k^2 + 1), \qquad \text{multiply-adds} = s^2 f\,c\,k^2 .$$
#
# A **multiply-add** is one product added to a sum, the unit in which arithmetic is counted here.


# %% tags=["nbval-check-output"]
def seeded(offset=0):
    return torch.Generator().manual_seed(SEED + offset)


network = models.ConvolutionalNetwork(CHANNELS, kernel_size=KERNEL_SIZE, generator=seeded())
value, side = dataset.train.images[:1], 28
work_by_formula = 0
for layer in [*network.features, network.linear]:
    value = layer(value.flatten(start_dim=1) if layer is network.linear else value)
    places = value[0, 0].numel()  # s², and 1 for the linear layer
    work = places * layer.weight.numel() if hasattr(layer, "weight") else 0
    work_by_formula += work
    count, shape = models.parameter_count(layer), str(list(value.shape[1:]))
    print(f"{type(layer).__name__:10} → {shape:13} {count:6,} parameters {work:9,} multiply-adds")

# %% [markdown]
# Nearly all of the arithmetic sits in the second convolution, and more than half of the parameters in the linear layer.
# PyTorch can count for itself: it counts two operations for each multiply-add.


# %% tags=["nbval-check-output"]
from torch.utils.flop_counter import FlopCounterMode


def multiply_adds(model):
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model(dataset.train.images[:1])
    return counter.get_total_flops() // 2


linear_model = models.LogisticRegression(initialisation="torch", generator=seeded())
small_network = models.ConvolutionalNetwork(SMALL_CHANNELS, kernel_size=KERNEL_SIZE, generator=seeded())
architectures = {"logistic regression": linear_model, "small CNN": small_network, "CNN": network}
for name, model in architectures.items():
    print(f"{name:20} {models.parameter_count(model):6,} parameters {multiply_adds(model):9,} multiply-adds per image")
assert multiply_adds(network) == work_by_formula

# %% [markdown]
# The small network is there to keep two things apart. It has *fewer* parameters than logistic regression and many times
# its arithmetic. Is it more accurate? You will see.
#
# ## Augmentation: digits that nobody wrote
#
# A four that is shifted by a pixel, turned by a few degrees or a bit larger is still a four. **Augmentation** tells the
# network so: every time an image is used in training it is changed a little, at random. `affine_grid` says for each pixel
# of the new image where to look in the old one; `grid_sample` interpolates there. The background is subtracted first,
# because `grid_sample` fills in zeros from outside.


# %%
from torch.nn.functional import affine_grid, grid_sample


def warp(images, angle, scale, shift):
    """Turn (degrees [n]), enlarge (factors [n]) and move (pixels right and down [n, 2]) images [n, 1, 28, 28]."""
    cosine, sine = torch.deg2rad(angle).cos() / scale, torch.deg2rad(angle).sin() / scale
    turn = torch.stack([cosine, sine, -sine, cosine], dim=1).reshape(-1, 2, 2)
    move = -turn @ shift[:, :, None] * 2 / 28  # the grid runs from -1 to 1, so a pixel is 2/28
    grid = affine_grid(torch.cat([turn, move], dim=2), images.shape, align_corners=False)
    background = images.amin()
    return grid_sample(images - background, grid, align_corners=False) + background


def augment(images, *, generator):
    numbers = 2 * torch.rand(len(images), 4, generator=generator) - 1  # [n, 4], from -1 to 1
    return warp(images, MAX_ANGLE * numbers[:, 0], 1 + MAX_SCALE * numbers[:, 1], MAX_SHIFT * numbers[:, 2:])


# %% [markdown]
# Check the geometry where it can be done without interpolation, by a whole-pixel shift, then look at one digit as the
# network will see it in twenty epochs.

# %%
one_right = warp(few, torch.zeros(100), torch.ones(100), torch.tensor([[1.0, 0.0]]).expand(100, 2))
assert torch.allclose(one_right[..., 1:], few[..., :-1], atol=1e-4)
variants = augment(digit.expand(20, 1, 28, 28), generator=seeded(1))
title = f"One digit, twenty times augmented: up to {MAX_ANGLE:g}°, {MAX_SCALE:.0%} and {MAX_SHIFT:g} pixels"
_ = plotting.image_grid(variants, title=title)

# %% [markdown]
# All are the same four, to you. The limits matter: turned by half a turn, a six is a nine, and the label would be a lie.
#
# ## Three networks on few images
#
# Two questions before the long run, on a small part of the training images, where the answers are cheap and can be
# repeated with several seeds:
# - What does augmentation bring?
# - Does the network really use neighbourhoods? Shuffle the 784 pixels, all images in the same way. The image becomes noise
#   to the eye, though no information is lost.
#
# The second question has a control that needs no run. Logistic regression is a sum over pixels, and a sum does not care
# about order: shuffle the columns of $W$ like the pixels, and every logit is the same. It loses nothing.

# %%
order = torch.randperm(784, generator=seeded(2))


def shuffle_pixels(images):
    return images.flatten(start_dim=1)[:, order].reshape(-1, 1, 28, 28)


shuffled_model = models.LogisticRegression(initialisation="zeros")
shuffled_model.load_state_dict(
    {"linear.weight": linear_model.linear.weight[:, order], "linear.bias": linear_model.linear.bias}
)
with torch.inference_mode():
    order_gap = (shuffled_model(shuffle_pixels(few)) - linear_model(few)).abs().max().item()
assert order_gap < 1e-4

# %% [markdown]
# Training and validation images are drawn stratified. A few hundred validation images choose the epoch; the accuracy comes
# from all of them.


# %%
def train_network(channels, epochs, *, seed=0, train=dataset.train, validation=dataset.validation, augment=None):
    """Adam; after each epoch the learning rate falls by the same factor, to a tenth in the last one."""
    generator = seeded(seed)
    model = models.ConvolutionalNetwork(channels, kernel_size=KERNEL_SIZE, generator=generator)
    config = training.TrainingConfig(
        optimizer="adam",
        learning_rate=2e-3,
        batch_size=min(BATCH_SIZE, len(train) // 20),
        epochs=epochs,
        decay_every=1,
        decay_factor=0.1 ** (1 / max(1, epochs - 1)),
    )
    history = training.fit(model, train, validation=validation, config=config, generator=generator, augment=augment)
    return model, history


# %%
def part_of(split, size, offset):
    index = data.stratified_sample(split.labels, min(size, len(split)), generator=seeded(offset))
    return Split(split.images[index], split.labels[index])


def shuffled(split):
    return Split(shuffle_pixels(split.images), split.labels)


few_train, few_validation = part_of(dataset.train, SUBSET, 10), part_of(dataset.validation, SUBSET // 4, 11)
recipes = {
    "pixels shuffled": (shuffled(few_train), shuffled(few_validation), shuffled(dataset.validation), None),
    "as they are": (few_train, few_validation, dataset.validation, None),
    "augmented": (few_train, few_validation, dataset.validation, augment),
}

# %%
scores = {name: [] for name in recipes}
for name, (train, validation, judged, change) in recipes.items():
    for seed in range(100, 100 + SEEDS):
        chosen = {"train": train, "validation": validation, "augment": change}
        model, _ = train_network(CHANNELS, SUBSET_EPOCHS, seed=seed, **chosen)
        scores[name].append(evaluation.predict(model, judged, batch_size=1_000).accuracy)
few_images = pd.DataFrame(scores)  # one row per seed
gains = {
    "neighbourhoods": evaluation.mean_interval(few_images["as they are"] - few_images["pixels shuffled"]),
    "augmentation": evaluation.mean_interval(few_images["augmented"] - few_images["as they are"]),
}

# %%
figure, axis = plt.subplots(figsize=(plotting.WIDTH, 2.8))
for height, (name, marker, colour) in enumerate(zip(recipes, "s^o", ("neutral", "train", "right"), strict=True)):
    axis.plot(100 * few_images[name], [height] * SEEDS, marker, color=COLOURS[colour], markersize=8, alpha=0.7)
axis.set(yticks=range(3), yticklabels=recipes, ylim=(-0.5, 2.5), xlabel="validation accuracy, %")
axis.set_title(f"The same network on {len(few_train):,} training images, one mark per seed")
plt.show()
for name, gain in gains.items():
    points = evaluation.Interval(100 * gain.estimate, 100 * gain.low, 100 * gain.high)
    display(Markdown(f"Gain from {name}: **{points:.2f}** points, 95 % interval over {SEEDS} seeds"))

# %% [markdown]
# The left group shows the network robbed of its neighbourhoods, the right group the one that has seen more digits than
# there are. The intervals are those of a mean of few differences, each between two networks with the same seed; they are
# wide because a handful of seeds is few.
#
# ## Train on everything
#
# First the linear model with the configuration that the paper states: pixels between 0 and 1, batches of 64, SGD with
# learning rate 0.01 and momentum 0.9, ten passes. (It states neither the initialisation nor a validation set. The weights
# start here as `nn.Linear` makes them, and 6,000 of the 60,000 training images are kept for validation.)

# %%
parts = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
unit = {name: Split(dataset.to_unit(split.images), split.labels) for name, split in parts.items()}
published = training.TrainingConfig(epochs=LINEAR_EPOCHS, batch_size=64, learning_rate=0.01, momentum=0.9)
generator = seeded()
linear_model = models.LogisticRegression(initialisation="torch", generator=generator)
start = linear_model.linear.weight.detach().clone()
linear_history = training.fit(
    linear_model, unit["train"], validation=unit["validation"], config=published, generator=generator
)

# %% [markdown]
# Then three convolutional networks: the small one, and the larger one without and with augmentation.

# %%
NAMES = ("logistic regression", "small CNN", "CNN", "CNN, augmented")
trained = {"logistic regression": (linear_model, linear_history)}
trained["small CNN"] = train_network(SMALL_CHANNELS, SMALL_EPOCHS)
trained["CNN"] = train_network(CHANNELS, EPOCHS)
trained["CNN, augmented"] = train_network(CHANNELS, EPOCHS, augment=augment)

# %%
for name in NAMES[2:]:
    history = trained[name][1]
    title = f"{name}: loss and accuracy while it trains"
    plotting.learning_curves(history.table, best_epoch=history.best_epoch, title=title)
plt.show()

# %% [markdown]
# Compare the two gaps. Without augmentation the training curve (dashed) passes the validation curve and runs on: the
# network begins to know its training images by heart. With augmentation the training loss is measured on *altered* images,
# which are harder, and which are never the same twice; here the dashed curve stays on the worse side. Neither curve alone
# says which network is better. The lowest validation loss does, and it makes the choice now, before the test set is read.

# %%
lowest_loss = {name: history.table["validation_loss"].min() for name, (_, history) in trained.items()}
final = min(lowest_loss, key=lowest_loss.get)
display(Markdown(", ".join(f"{name}: {loss:.4f}" for name, loss in lowest_loss.items()) + f". Chosen: **{final}**."))

# %% [markdown]
# ## The filters it has learned
#
# Nobody told the network to look for edges. Look at the filters of its first block, and at what each makes of the four
# from above.

# %%
network = trained["CNN, augmented"][0]
first = network.features[0]
filters = first.weight.detach()  # [filters, 1, side, side]
title = "The filters of the first block: red adds, blue subtracts"
_ = plotting.image_grid(filters[:, 0], title=title, columns=8, diverging=True, colour_label="weight")

# %%
scaled_digit = (digit[None, None] - dataset.mean) / dataset.std  # [1, 1, 28, 28], as the network expects it
with torch.inference_mode():
    maps = network.features[:3](scaled_digit)[0]  # [filters, 14, 14], after pooling and ReLU
title = "What the first block passes on for the digit from above: one feature map per filter"
_ = plotting.image_grid(maps, title=title, columns=8, colour_label="activation")

# %% [markdown]
# Many filters have a red and a blue flank: they are edge filters like the one you applied by hand, in several directions.
# Their maps light up along the strokes that run their way. Others are blobs, which respond to ink or to paper as such.
#
# ## The comparison: accuracy
#
# Now the test set, once for each model. Each accuracy gets Wilson's interval. Beside it stands **McNemar's exact test**
# against logistic regression. It looks only at images that one of the two models gets right and the other wrong. If the
# models were equally good, each such image would be the toss of a coin.

# %%
test_images = {name: unit["test"] if name == "logistic regression" else dataset.test for name in NAMES}
on_test = {name: evaluation.predict(trained[name][0], test_images[name], batch_size=1_000) for name in NAMES}
intervals = {name: evaluation.accuracy_interval(predictions) for name, predictions in on_test.items()}
paired = {name: evaluation.mcnemar_exact(on_test[NAMES[0]], on_test[name]) for name in NAMES[1:]}
augmented_test = evaluation.mcnemar_exact(on_test["CNN"], on_test["CNN, augmented"])

# %%
rows = {}
for name, interval in intervals.items():
    rows[name] = {"test accuracy [95 %]": f"{interval:.2%}", "wrong": f"{int((~on_test[name].correct).sum())}"}
for name, test in paired.items():
    rows[name] |= {"only linear right": f"{test.only_first}", "only this right": f"{test.only_second}"}
    rows[name]["p, McNemar"] = f"{test.p_value:.0e}"
display(pd.DataFrame(rows).T.fillna("–"))
display(
    Markdown(
        f"Without against with augmentation: {augmented_test.only_first} images that only the first gets right, "
        f"{augmented_test.only_second} that only the second does, p = {augmented_test.p_value:.2g}."
    )
)

# %% [markdown]
# The table answers the paper's two thresholds: compare the lower ends of the intervals with 90 % and 98 %. Note the
# small network, too. The last line tests the two large networks against each other on the same images. They
# disagree on few, so even a real gain may stay within chance on 10,000 test images.
#
# ## The comparison: cost
#
# "Efficient" has several meanings, so count and time them all:
# - **parameters**, and the KiB they take: what a device has to store;
# - **activations**: the numbers between the layers, which training must keep for each image of the batch;
# - **multiply-adds** per image, which do not depend on the machine;
# - **training seconds** in this run, and **images per second** afterwards, in batches of 500 and one at a time. These
#   do depend on the machine, and on how well the libraries use it.
#
# Energy is missing from the list. It takes a meter to measure it, and a number computed from seconds would only repeat
# the seconds.


# %%
def activation_bytes(model):
    sizes = []
    layers = [layer for layer in model.modules() if not list(layer.children())]
    hooks = [layer.register_forward_hook(lambda _, __, out: sizes.append(out.nbytes)) for layer in layers]
    with torch.inference_mode():
        model(dataset.train.images[:1])
    for hook in hooks:
        hook.remove()
    return sum(sizes)


# %%
import time


def images_per_second(model, batch_size, repeats):
    batch, seconds = dataset.validation.images[:batch_size], []
    with torch.inference_mode():
        for _ in range(repeats):
            begin = time.perf_counter()
            model(batch)
            seconds.append(time.perf_counter() - begin)
    return len(batch) / min(seconds)


# %%
def cost_of(model, history):
    return {
        "parameters": models.parameter_count(model),
        "parameters, KiB": models.parameter_bytes(model) / 1024,
        "activations per image, KiB": activation_bytes(model) / 1024,
        "multiply-adds per image": multiply_adds(model),
        "training, epochs": len(history.rows),
        "training, seconds": history.seconds,
        "images per second, batches of 500": images_per_second(model, 500, 8),
        "images per second, one at a time": images_per_second(model, 1, 50),
    }


costs = pd.DataFrame({name: cost_of(*pair) for name, pair in trained.items()})
costs.map(lambda number: f"{number:,.0f}" if number >= 100 else f"{number:,.1f}")

# %% [markdown]
# Read it row by row. In *parameters* a convolutional network can be as cheap as you like. In *arithmetic* it cannot: each
# of its few weights is used at hundreds of places. The time follows the arithmetic only in part. A matrix product of 64 ×
# 784 numbers is over before its bookkeeping is, so the linear model wastes most of its advantage on overhead, above all
# with one image at a time. In training, the linear model runs on one core and the networks on all that there are, which is the
# faster choice for each.
#
# So the paper is right about the direction and gives no number for its size. "Significant computational resources" here
# means the seconds in the table, on a common processor without a graphics card.

# %%
figure, axis = plt.subplots(figsize=(plotting.WIDTH, 3.4))
for name, marker, colour in zip(NAMES, "so^D", ("neutral", "validation", "train", "right"), strict=True):
    interval, work = intervals[name], costs.loc["multiply-adds per image", name]
    ends = 100 * np.array([[1 - interval.high], [1 - interval.low]])
    error = 100 * (1 - interval.estimate)
    bars = abs(ends - error)
    axis.errorbar(work, error, yerr=bars, fmt=marker, color=COLOURS[colour], capsize=4, markersize=8, label=name)
axis.set(xscale="log", yscale="log", title="Arithmetic buys accuracy: test error against multiply-adds")
axis.set(xlabel="multiply-adds per image (log scale)", ylabel="test error, % (log scale)")
axis.set_yticks([0.5, 1, 2, 5, 10, 20], ["0.5", "1", "2", "5", "10", "20"])
_ = axis.legend()

# %% [markdown]
# Each step to the right costs more than ten times the arithmetic. Augmentation moves straight down: it costs training time
# but nothing afterwards.
#
# ## The confusion matrices, side by side
#
# All test images, counted by true class (row) and predicted class (column). The colours end at 30 images, so that the
# errors show.

# %%
confusion = {name: evaluation.confusion_counts(on_test[name]) for name in ("logistic regression", final)}
figure, axes = plt.subplots(1, 2, figsize=(plotting.WIDTH, 4.6))
for axis, (name, counts) in zip(axes, confusion.items(), strict=True):
    title = f"{name}: {counts.sum() - counts.trace()} errors"
    plotting.heatmap(counts, title=title, label="test images", classes=dataset.classes, axis=axis)
    axis.collections[0].set_clim(0, 30)
    axis.collections[0].colorbar.remove()
    for text in axis.texts:
        text.set(fontsize=7, color="white" if int(text.get_text()) > 15 else "black")
plt.show()

# %%
pairs = {name: errors.confusions(on_test[name]).set_index(["label", "predicted"])["count"] for name in confusion}
table = pd.DataFrame(pairs).fillna(0).astype(int).sort_values("logistic regression", ascending=False).head(8)
table

# %% [markdown]
# The linear model's dark cells, its favourite confusions, fade on the right. What is left there is thinly spread. Look at
# it: the errors of the chosen network with the highest confidence. Titles give label, then prediction and confidence.

# %%
worst = errors.error_table(on_test[final]).head(20)
titles = [
    f"{dataset.classes[row.label]} → {dataset.classes[row.predicted]}\n{row.confidence:.0%}"
    for row in worst.itertuples()
]
title = f"{final}: the most confident errors on the test images"
_ = plotting.image_grid(dataset.test.images[worst.index.tolist()], titles, title=title)

# %% [markdown]
# Some of these would stop you, too. For 15 MNIST test images, human raters judged the *label* wrong or ambiguous
# (Northcutt, Athalye and Mueller 2021; see [05_analyse_the_errors](05_analyse_the_errors.ipynb)). How many of a model's
# errors are among them?

# %%
disputed = torch.tensor(errors.DISPUTED_TEST_LABELS)
disputed_errors = {}
if dataset.name == "mnist":
    for name in NAMES:
        wrong = ~on_test[name].correct
        disputed_errors[name] = (int(wrong[disputed].sum()), int(wrong.sum()))
pd.DataFrame(disputed_errors, index=["errors on the 15 disputed labels", "all errors"]).T

# %% [markdown]
# The count of the first column changes little from model to model; that of the second collapses. So the disputed labels
# are nothing to the linear model and a visible share of the best network's errors. Its real error rate is lower than it
# seems, and no longer easy to measure with this test set.
#
# ## Robustness: shifted and turned digits
#
# MNIST's digits are centred. Yours may not be. Move the *validation* images of a stratified sample by whole pixels, each in
# one of four directions, or turn each to one side, and predict them. (The test set has been read; these images served only
# to choose an epoch.)

# %%
sample = part_of(dataset.validation, SAMPLE, 20)
ink, count = dataset.to_unit(sample.images), len(sample)
sign = 2.0 * torch.randint(2, (count,), generator=seeded(21)) - 1
direction = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])[
    torch.randint(4, (count,), generator=seeded(22))
]
ones, zeros = torch.ones(count), torch.zeros(count)
changes = {
    "shift, pixels": (range(7), lambda s: warp(ink, zeros, ones, s * direction)),
    "rotation, degrees": (range(0, 61, 10), lambda s: warp(ink, s * sign, ones, 0 * direction)),
}


# %%
def accuracy_on(name, pictures):
    scaled = pictures if name == "logistic regression" else (pictures - dataset.mean) / dataset.std
    predictions = evaluation.predict(trained[name][0], Split(scaled, sample.labels), batch_size=500)
    return evaluation.accuracy_interval(predictions)


compared = ("logistic regression", "CNN", "CNN, augmented")
robust = {}  # (change, model) → one interval per strength
for change, (strengths, alter) in changes.items():
    for strength in strengths:
        pictures = alter(strength)
        for name in compared:
            robust.setdefault((change, name), []).append(accuracy_on(name, pictures))

# %%
figure, axes = plt.subplots(1, 2, figsize=(plotting.WIDTH, 3.8), sharey=True)
looks = {"logistic regression": ("s:", "neutral"), "CNN": ("^--", "train"), "CNN, augmented": ("D-", "right")}
for axis, (change, (strengths, _)) in zip(axes, changes.items(), strict=True):
    for name, (style, colour) in looks.items():
        points = pd.DataFrame(robust[change, name]) * 100
        bars = np.abs([points.estimate - points.low, points.high - points.estimate])
        axis.errorbar(strengths, points.estimate, yerr=bars, fmt=style, color=COLOURS[colour], capsize=3, label=name)
    axis.set(xlabel=change, ylim=(0, 102))
axes[0].set_ylabel("validation accuracy, %")
axes[0].legend(loc="lower left")
_ = figure.suptitle("Digits moved and turned: accuracy with 95 % Wilson intervals", fontsize=12)

# %% [markdown]
# Follow the dotted line on the left first: a shift by a few pixels, which you would hardly notice, ruins the linear model.
# The plain network holds out longer, for shared filters find the strokes wherever they go; but its last layer is a linear
# layer with a weight per place, so its patience ends. Augmentation prolongs it, also beyond the strengths that it was
# trained with. [09_better_features](09_better_features.ipynb) asks how much of this a linear model can get from better
# features.
#
# ## Interpretability: what the paper claims, and a test for it
#
# The paper calls the linear model interpretable and networks "more challenging to interpret". What would one look at?
#
# - For the linear model, the weights of a class, drawn as an image: its **template**.
# - For any model, the **saliency**: the gradient of the predicted class's logit with respect to each pixel. It says how
#   the logit answers to a little more ink there (Simonyan, Vedaldi and Zisserman 2013).
#
# For a linear model the two are the same, for every image, since the derivative of $w_k \cdot x + b_k$ is $w_k$. Only
# differences between logits matter, so subtract the mean over the classes from both.


# %%
def score(model, ink, classes):
    """Logit of the given classes minus the mean logit, [n], for ink between 0 and 1."""
    scaled = ink if isinstance(model, models.LogisticRegression) else (ink - dataset.mean) / dataset.std
    logits = model(scaled)
    return logits.gather(1, classes[:, None])[:, 0] - logits.mean(dim=1)


def saliency(model, ink, classes):
    ink = ink.clone().requires_grad_()
    return torch.autograd.grad(score(model, ink, classes).sum(), ink)[0]  # [n, 1, 28, 28]


weights = linear_model.linear.weight.detach()  # [10, 784]
templates = (weights - weights.mean(dim=0)).reshape(-1, 1, 28, 28)  # [10, 1, 28, 28]
linear_saliency = saliency(linear_model, ink, sample.labels)
template_gap = (linear_saliency - templates[sample.labels]).abs().max().item()
assert template_gap < 1e-5

# %% [markdown]
# Now both models on the same digits, two of one class and two of another: the linear model's template, the chosen
# network's saliency, and each of them times the ink of the digit.

# %%
network = trained[final][0]
shown = torch.cat([(sample.labels == k).nonzero()[:2, 0] for k in (3, 8)])
linear_view = templates[sample.labels[shown]]
network_view = saliency(network, ink[shown], sample.labels[shown])
columns = {"digit": ink[shown], "linear: template": linear_view, "linear: template × ink": linear_view * ink[shown]}
columns |= {"CNN: saliency": network_view, "CNN: saliency × ink": network_view * ink[shown]}
figure, axes = plt.subplots(len(shown), 5, figsize=(plotting.WIDTH, 7.4))
for column, (name, pictures) in zip(axes.T, columns.items(), strict=True):
    limit = pictures.abs().max().item()
    look = {"cmap": "gray"} if name == "digit" else {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
    for axis, picture in zip(column, pictures, strict=True):
        axis.imshow(picture[0], **look)
        axis.axis("off")
    column[0].set_title(name, fontsize=10)
_ = figure.suptitle("Templates and saliency of the true class: red ink argues for it, blue against", fontsize=12)

# %% [markdown]
# The second column shows one image twice for each class: the linear model has the same view of every three. You see the
# outline of a three in it. The fourth column changes from digit to digit, because the network's view depends on what it is
# shown, and it is concentrated on a few decisive places. Which of them is *easier to read* is a matter of taste. Whether it is
# *right* can be measured.
#
# ### Does the explanation predict what happens?
#
# An explanation of a prediction should tell what will change it. So erase a small square of ink from each digit and ask
# both: what does the explanation say will happen to the score, saliency times removed ink, and what does happen?

# %%
top, left = (torch.randint(4, 20, (count,), generator=seeded(offset)) for offset in (23, 24))
place = torch.arange(28)
inside_rows = (place >= top[:, None]) & (place < top[:, None] + 5)  # [n, 28]
inside_columns = (place >= left[:, None]) & (place < left[:, None] + 5)
erased = inside_rows[:, None, :, None] & inside_columns[:, None, None, :]  # [n, 1, 28, 28]
touched = (ink * erased).sum(dim=(1, 2, 3)) > 1  # squares that hold some ink
before, after, labels = ink[touched], (ink * ~erased)[touched], sample.labels[touched]

# %%
predicted, actual, explained = {}, {}, {}
for name, model in (("logistic regression", linear_model), (final, network)):
    predicted[name] = (saliency(model, before, labels) * (after - before)).sum(dim=(1, 2, 3))
    with torch.inference_mode():
        actual[name] = score(model, after, labels) - score(model, before, labels)
    unexplained = (actual[name] - predicted[name]).square().sum() / actual[name].square().sum()
    explained[name] = 1 - unexplained.item()

# %%
figure, axes = plt.subplots(1, 2, figsize=(plotting.WIDTH, 3.9))
for axis, name, colour in zip(axes, predicted, ("neutral", "right"), strict=True):
    axis.plot(predicted[name], actual[name], "o", color=COLOURS[colour], markersize=3, alpha=0.5)
    axis.axline((0, 0), slope=1, color="black", linestyle=":", label="explanation right")
    axis.set(title=f"{name}: {explained[name]:.0%} explained", xlabel="change of score that the saliency predicts")
    axis.legend(loc="upper left")
axes[0].set_ylabel("change of score that happens")
_ = figure.suptitle("A square of ink is erased: what the explanation says, and what happens", fontsize=12)

# %% [markdown]
# The percentage is one minus the share of squared change that the explanation misses; predicting "no change" would score
# 0 %. For the linear model every mark lies on the line: its explanation *is* the model. The network's marks lie wide of it. A
# gradient is true for tiny changes, and a network bends in between. This is the hard core of the word *interpretable*, and
# the paper is right about it.
#
# ### What a template does not say
#
# A true explanation can still be misread. Two warnings for readers of templates. The first: some pixels hold no ink in any
# training image. Between 0 and 1 they are exactly zero, so their weights get no gradient and stay what chance made them.

# %% tags=["nbval-check-output"]
never_inked = (unit["train"].images == 0).all(dim=0).flatten()  # [784]
unmoved = weights[:, never_inked] == start[:, never_inked]
print(f"pixels without ink in all training images: {int(never_inked.sum())}")
print("their weights are the initial ones, to the last bit:", bool(unmoved.all()))

# %% [markdown]
# In a picture of the weights such pixels look like all others. A first stroke of ink there, from a digit that nobody centred,
# meets pure chance.
#
# The second: the linear model gives the *same* template for a right and for a wrong prediction, and a pixel's weight depends
# on what its neighbours' weights already say, because strokes are several pixels wide. A weight is what the model adds up,
# not what makes a three a three.
#
# ## What we found

# %%
from mnist_lr_helpers.exercises import Findings, check

found = Findings(dataset, quick=QUICK)
found.record(
    "A convolution is a linear layer with shared weights: of 614,656 entries 6,724 are not zero and nine are different; it "
    "commutes with shifts",
    (connections, shared) == (6_724, 9) and max(hand_gap, shift_gap) < 1e-5,
    f"{connections:,} connections, {shared} values; gaps {hand_gap:.0e} by hand and {shift_gap:.0e} by shift",
    anywhere=True,
)
neighbourhoods, augmentation = gains.values()
found.record(
    "The network lives on neighbourhoods: with shuffled pixels it loses points, the linear model loses nothing",
    neighbourhoods.low > 0 and order_gap < 1e-4,
    f"{100 * neighbourhoods.estimate:.1f} points lost on {len(few_train):,} images, {SEEDS} seeds; the linear model's "
    f"logits differ by {order_gap:.0e}",
)

# %%
found.record(
    "On few training images, augmentation raises the accuracy with every seed",
    (few_images["augmented"] > few_images["as they are"]).all(),
    f"{SEEDS} seeds, {100 * augmentation.estimate:.2f} points [{100 * augmentation.low:.2f}, "
    f"{100 * augmentation.high:.2f}]",
)
linear, small, best = (intervals[name] for name in (NAMES[0], NAMES[1], final))
sizes = costs.loc["parameters"]
found.record(
    "The published thresholds hold: over 90 % for the linear model as configured, over 98 % for a CNN, even for one with "
    "fewer parameters than the linear model",
    linear.low > 0.90 and small.low > 0.98 and sizes[NAMES[1]] < sizes[NAMES[0]],
    f"{linear:.2%}, and {small:.2%} with {sizes[NAMES[1]]:,.0f} parameters against {sizes[NAMES[0]]:,.0f}",
)

# %%
versus, seconds = paired[final], costs.loc["training, seconds", final]
found.record(
    "The network chosen on validation gets at least 99.0 % of the test images right, with less than a seventh of the "
    "linear model's errors",
    best.estimate >= 0.99 and 7 * (1 - best.estimate) < 1 - linear.estimate and versus.p_value < 1e-9,
    f"{final}: {best:.2%} after {seconds:.0f} s of training; {versus.only_second} images right that the linear model gets "
    f"wrong, {versus.only_first} the other way, p = {versus.p_value:.0e}",
)

# %%
ratios = costs.div(costs[NAMES[0]], axis=0)[["small CNN", "CNN"]]
work, size = ratios.loc["multiply-adds per image"], ratios.loc["parameters"]
speed = 1 / ratios.iloc[-2:]["CNN"]
found.record(
    "The price is arithmetic, not storage: the CNN takes over 300 times the multiply-adds and under 4 times the "
    "parameters, the small one over 25 times and fewer parameters",
    work["CNN"] > 300 and size["CNN"] < 4 and work["small CNN"] > 25 and size["small CNN"] < 1,
    f"multiply-adds × {work['CNN']:.0f} and × {work['small CNN']:.0f}, parameters × {size['CNN']:.1f} and "
    f"× {size['small CNN']:.2f}; the CNN is {speed.iloc[0]:.0f} times slower in batches, {speed.iloc[1]:.0f} times one at "
    "a time",
)

# %%
linear_3, plain_3, augmented_3 = (robust["shift, pixels", name][3] for name in compared)
linear_30, plain_30, augmented_30 = (robust["rotation, degrees", name][3] for name in compared)
found.record(
    "Shifted by 3 pixels, digits are read best by the augmented network, then by the plain one, worst by the linear model; "
    "turned by 30°, best by the augmented network and worst by the linear model",
    augmented_3.low > plain_3.high
    and plain_3.low > linear_3.high
    and augmented_30.low > linear_30.high
    and augmented_30.estimate > plain_30.estimate > linear_30.estimate,
    f"shift: {linear_3.estimate:.0%}, {plain_3.estimate:.0%}, {augmented_3.estimate:.0%}; "
    f"turn: {linear_30.estimate:.0%}, {plain_30.estimate:.0%}, {augmented_30.estimate:.0%}",
)
found.record(
    "The linear model's explanation is exact; the network's saliency misses much of what happens when ink is erased",
    explained[NAMES[0]] > 0.999 and explained[final] < 0.8 and template_gap < 1e-5,
    f"{explained[NAMES[0]]:.1%} and {explained[final]:.0%} of the squared change explained, {len(before):,} digits",
)

# %%
found.record(
    "Weights of pixels that are never inked stay at their random start, so a template shows chance there",
    unmoved.all(),
    f"{int(never_inked.sum())} pixels, {unmoved.numel()} weights",
    anywhere=True,
)
few, total = disputed_errors.get(final, (0, 1))
linear_few, linear_total = disputed_errors.get(NAMES[0], (0, 1))
found.record(
    "The 15 disputed labels are over 5 % of the chosen network's errors and under 3 % of the linear model's",
    few > 0.05 * total and linear_few < 0.03 * linear_total,
    f"{few} of {total} errors, and {linear_few} of {linear_total:,}",
)
found

# %% tags=["nbval-check-output"]
print(found.verdicts)

# %% [markdown]
# ## Exercises
#
# ### 08.1 A convolution without padding
#
# Write a function that takes an image `[height, width]` and a filter `[side, side]` and returns the feature map **without**
# padding: the filter visits only the places where it fits into the image. Do not turn the filter round.


# %% tags=["exercise"]
def answer(image, weights): ...


check("08.1 valid-convolution", answer)


# %% tags=["solution", "hide-input"] jupyter={"source_hidden": true}
def valid_convolution(image, weights):
    patches = image.unfold(0, len(weights), 1).unfold(1, len(weights), 1)  # [rows, columns, side, side]
    return (patches * weights).sum(dim=(2, 3))


check("08.1 valid-convolution", valid_convolution)

# %% [markdown]
# ### 08.2 Count a layer
#
# Write a function that returns the number of parameters (with biases) and of multiply-adds of one convolution: images of
# `side` × `side`, `inputs` channels, `filters` filters of `kernel` × `kernel`, padded so that the side stays the same.


# %% tags=["exercise"]
def answer(side, inputs, filters, kernel): ...


check("08.2 count-a-layer", answer)


# %% tags=["solution", "hide-input"] jupyter={"source_hidden": true}
def count_layer(side, inputs, filters, kernel):
    weights = filters * inputs * kernel**2
    return weights + filters, weights * side**2


check("08.2 count-a-layer", count_layer)

# %% [markdown]
# ### 08.3 How far does it see?
#
# The **receptive field** of a number inside the network is the square of input pixels that it depends on. After one
# convolution with a 5 × 5 filter its side is 5. Pooling with 2 × 2 squares joins two such fields that lie one pixel apart: 6.
# From then on, neighbours on the map are *two* input pixels apart. Write a function that returns the side of the receptive
# field after `blocks` blocks of convolution (side `kernel`) and 2 × 2 pooling.


# %% tags=["exercise"]
def answer(kernel, blocks): ...


check("08.3 receptive-field", answer)


# %% tags=["solution", "hide-input"] jupyter={"source_hidden": true}
def receptive_field(kernel, blocks):
    field, step = 1, 1  # of a pixel, and the distance between neighbours, both in input pixels
    for _ in range(blocks):
        field += (kernel - 1) * step + step  # the filter, then the pooling
        step *= 2
    return field


check("08.3 receptive-field", receptive_field)

# %% [markdown]
# ## Where to go next
#
# [09_better_features](09_better_features.ipynb) gives the linear model some of what the network has, without learning it.
# [10_published_results](10_published_results.ipynb) holds the numbers of all five documents against measurements, and
# [11_draw_a_digit](11_draw_a_digit.ipynb) lets you shift and turn a digit of your own.
