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
# # 09 · Better features
#
# **How far can a linear model go?**
#
# **You will learn to**
# - separate what training, features and data each add to one and the same linear layer,
# - centre, straighten and resize digits by the moments of their ink,
# - build gradient features in a few lines of tensor code, and look at what each makes of one digit,
# - climb a ladder of models on validation images, and read the test set once, for all of them,
# - trace a decision of the layer back to places in the image.
#
# **You need** [03_train_the_model](03_train_the_model.ipynb) for training and the convex optimum,
# [04_evaluate_the_model](04_evaluate_the_model.ipynb) for intervals and McNemar's test, and
# [05_analyse_the_errors](05_analyse_the_errors.ipynb) for the votes of the pixels.
#
# *Measured running time: 0 s on 2 CPU cores; peak memory 0 MB.*

# %% tags=["parameters"]
DATASET = "auto"  # "auto", "mnist", "fashion-mnist", "kmnist", "qmnist" or "digits"
SEED = 0  # seeds every random choice
QUICK = False  # a smoke run: small and fast; conclusions are not judged
TRAIN_SIZE = None  # training images; None for all
FOLLOWED = (5, 0.95)  # the digit to follow: its class, and the share of that class that leans less
FIRST_EPOCHS = 5  # passes of the first rung, which is to stay undertrained
L2 = 1e-4  # penalty of the two rungs on pixels that are trained to the optimum
GAP = 5e-3  # how near to the optimum they get for certain, in nats
SPREAD = (3.4, 4.5)  # standard deviation of the ink across and down that digits are drawn towards, in pixels
EPOCHS = 6  # passes on gradient features; the learning rate falls tenfold after each third
JITTER_EPOCHS = 5  # passes when each image comes twice
WEIGHT_DECAY = 1e-3  # of the layers on gradient features
ROBUSTNESS_SIZE = 1_000  # validation images that are shifted and turned

# %% tags=["nbval-check-output"]
import time

import matplotlib.pyplot as plt
import pandas as pd
import torch
from IPython.display import Markdown, display
from torch.nn.functional import affine_grid, avg_pool2d, conv_transpose2d, grid_sample, interpolate, linear

from mnist_lr_helpers import evaluation, features, models, plotting, training
from mnist_lr_helpers.data import Split, load_data, stratified_sample
from mnist_lr_helpers.plotting import COLOURS

if QUICK:
    TRAIN_SIZE, ROBUSTNESS_SIZE, EPOCHS, JITTER_EPOCHS = 1_000, 100, 3, 3
plotting.use_style()
dataset = load_data(DATASET, seed=SEED, train_size=TRAIN_SIZE, scaling="unit")
dataset

# %% [markdown]
# ## One layer, seven times
#
# Every model of this notebook is the same linear layer with a softmax: $z = W \varphi(x) + b$. What changes is
# $\varphi(x)$, the **features**: the numbers that the layer gets to see. So far these were the pixels. A feature may be
# any function of the image. Here all of them are **fixed**: written down once, without looking at a single label, and
# never trained. Only $W$ and $b$ learn.
#
# The loss is as convex as before, since convexity in $W$ does not care what $\varphi$ is. And what was impossible for a
# linear model of pixels need not be impossible for a linear model of something else.
#
# The models form a ladder. Each rung changes one thing, and rung 4 starts from the plain pixels again:
#
# | rung | features | what is new |
# |---|---|---|
# | 1 | pixels, barely trained | the start: the recipe of "Handwritten-Digit-Classification" |
# | 2 | pixels, at the optimum | training |
# | 3 | upright pixels | digits are centred, straightened, resized |
# | 4 | gradients | edges by direction, pooled in cells |
# | 5 | upright gradients | 3 and 4 together |
# | 6 | upright autocorrelations | pairs of neighbouring edges |
# | 7 | the same, data doubled | a slightly displaced copy of each training image |
#
# The settings of rungs 3 to 7 (cell sizes, number of directions, penalties and so on) were found beforehand, by
# comparing variants on images held out from the training set. Who chooses by such images flatters himself a little, so
# validation accuracies may be a little too good, and that is why there is a test set. It stays shut until the last rung
# is trained.
#
# All pixels are **ink** here: 0 is paper, 1 is full ink. Small functions keep the books. The first computes features a
# thousand images at a time, so that memory holds little more than the result; the second takes the time.


# %%
def compute(function, images, room=None, part=1_000):
    """Features ``[n, d]`` of images ``[n, 1, 28, 28]``, written into ``room`` if there is one."""
    if room is None:
        example = function(images[:1])
        room = torch.empty(len(images), example.shape[1], dtype=example.dtype)
    for some, place in zip(images.split(part), room.split(part), strict=True):
        place.copy_(function(some))
    return room


def timed(function, *arguments):
    started = time.perf_counter()
    result = function(*arguments)
    return result, time.perf_counter() - started


# %% [markdown]
# The third puts a rung on the ladder: it has the layer learn and judges it on the validation images.

# %%
ladder = {}  # name of the rung → its features, its model, its predictions, its seconds


def climb(name, function, learn, train, seconds):
    """Add a rung. ``seconds`` is how long the features of the training images took."""
    images, labels = dataset.validation.images, dataset.validation.labels
    values, more_seconds = timed(compute, function, images)
    model, training_seconds = timed(learn, train, Split(values, labels))
    predictions = evaluation.predict(model, Split(values, labels))
    rung = {"features": function, "model": model, "validation": predictions}
    ladder[name] = rung | {"feature seconds": seconds + more_seconds, "training seconds": training_seconds}
    display(Markdown(f"Rung {name}: **{predictions.accuracy:.2%}** of the validation images are right."))


# %% [markdown]
# ### A digit to follow
#
# One validation image will accompany you. It is chosen by its slant, a property that you meet again at rung 3: the
# second moments of the ink say how far it moves sideways for each pixel downwards.

# %%
kind, share = FOLLOWED
validation = dataset.validation
_, covariance = features.moments(validation.images)  # [n, 2, 2]
slant = covariance[:, 0, 1] / covariance[:, 1, 1]  # [n], pixels to the right per pixel down
of_kind = (validation.labels == kind).nonzero()[:, 0]
by_slant = of_kind[slant[of_kind].abs().argsort()]
followed = by_slant[int(share * (len(by_slant) - 1))].item()
digit = validation.images[followed : followed + 1]  # [1, 1, 28, 28]
shown = by_slant[torch.linspace(0, len(by_slant) - 1, 9).long()].tolist() + [followed]
titles = [f"{slant[i]:+.2f}" for i in shown[:9]] + [f"{slant[followed]:+.2f}\nthe digit"]
title = f"Class {dataset.classes[kind]} from upright to slanted: pixels to the right per pixel down"
_ = plotting.image_grid(validation.images[shown], titles, title=title)

# %% [markdown]
# The last image is the one to follow. It leans more than most of its class, but you read it without effort.
#
# ## Rung 1: pixels, barely trained
#
# "Handwritten-Digit-Classification" trains this layer for 50 epochs by SGD with a learning rate of 0.001, without
# momentum, on pixels between 0 and 1. It reports an accuracy of approximately 86 %. The batch size is missing, and with
# so small a rate the number of steps decides everything. Take five epochs in batches of 32, and work out to which batch
# size so many steps would belong in 50 epochs of 60,000 images.


# %%
def pixels(ink):
    return ink.flatten(start_dim=1)  # [n, 784]


def barely(train, validation):
    model = models.LogisticRegression(initialisation="torch", generator=torch.Generator().manual_seed(SEED))
    generator = torch.Generator().manual_seed(SEED + 1)
    config = training.TrainingConfig(epochs=FIRST_EPOCHS, batch_size=32, learning_rate=0.001, momentum=0.0)
    training.fit(model, train, validation=validation, config=config, generator=generator)
    return model


train, seconds = timed(lambda: Split(pixels(dataset.train.images), dataset.train.labels))
climb("1 pixels, barely trained", pixels, barely, train, seconds)
steps = FIRST_EPOCHS * -(-len(train) // 32)
display(Markdown(f"{steps:,} steps, as many as 50 epochs in batches of {50 * 60_000 / steps:.0f}."))

# %% [markdown]
# What does the layer make of the digit? Draw three things: what it sees, the weights of the digit's class, which say
# where ink argues for the class (red) and against it (blue), and its ten probabilities.


# %%
def show_pixel_rung(name, seen, title):
    """The digit as the layer sees it, the template of its class, and the ten probabilities."""
    figure, axes = plt.subplots(1, 3, figsize=(plotting.WIDTH, 3.1), width_ratios=(1, 1.25, 1.6))
    axes[0].imshow(seen[0, 0], vmin=0, vmax=1)
    template = ladder[name]["model"].linear.weight[kind].detach().reshape(28, 28)
    limit = template.abs().max()
    drawn = axes[1].imshow(template, cmap="RdBu_r", vmin=-limit, vmax=limit)
    figure.colorbar(drawn, ax=axes[1], label="weight per pixel", shrink=0.8)
    for axis, caption in zip(axes, ("what it sees", f"weights of class {dataset.classes[kind]}"), strict=False):
        axis.set(title=caption, xticks=[], yticks=[])
    draw_probabilities(axes[2], ladder[name]["validation"].probabilities[followed])
    figure.suptitle(title, fontsize=12)
    plt.show()


# %%
def draw_probabilities(axis, probabilities):
    """Ten bars; the one of the digit's class is hatched."""
    bars = axis.bar(range(10), probabilities, facecolor=COLOURS["neutral"])
    bars[kind].set(facecolor=COLOURS["right"], edgecolor="white", hatch="//")
    names = [name if len(name) < 3 else str(k) for k, name in enumerate(dataset.classes)]
    axis.set(xticks=range(10), xticklabels=names, ylim=(0, 1), xlabel="class", ylabel="probability")
    axis.set_title("probabilities; hatched: its class")


show_pixel_rung("1 pixels, barely trained", digit, "Rung 1: a vague template, and an undecided layer")

# %% [markdown]
# The template is smooth: gradient descent first goes to the class mean less the mean of everything, as
# [02_build_the_model](02_build_the_model.ipynb) works out, and this run has not gone much further. Look how the
# probability is spread over the classes.
#
# ## Rung 2: the same pixels, at the optimum
#
# Nothing changes but the training. `convex_optimum` minimises the cross-entropy plus a small penalty, and its
# certificate says how much any other weights could still gain at most. Before you look for better features, make sure
# that the old ones are used up.


# %%
def to_the_optimum(train, validation):
    optimum = training.convex_optimum(train, l2=L2, tolerance=GAP)
    gaps.append(optimum.gap)
    return optimum.model


gaps = []  # what any other weights could still gain, in nats
climb("2 pixels, at the optimum", pixels, to_the_optimum, train, seconds)
display(Markdown(f"No weights have an objective lower by more than {gaps[0]:.4f} nats."))
show_pixel_rung("2 pixels, at the optimum", digit, "Rung 2: a sharper template, and a layer that commits itself")

# %% [markdown]
# Compare with rung 1: the scale of the weights, and where the strongest of them sit. Are they where many digits have
# ink, or at the rim, where ink is rare and therefore telling? A digit is the same digit when it leans, but its pixels
# are different ones. One template has to serve all slants of a class, and training has done what can be done about it.
#
# ## Rung 3: upright pixels
#
# If slant is the trouble, take it out before the layer looks. The ink has **moments**, as a plate of metal has: its
# centre of mass, and the **covariance** of its places, $\sigma_{xx}$ across, $\sigma_{yy}$ down and $\sigma_{xy}$
# between them. Three changes follow from them, none of which needs to know what digit it is:
#
# 1. **centre**: move the centre of mass into the middle of the image;
# 2. **deskew**: a shear moves each row sideways in proportion to its height. The slope $\sigma_{xy} / \sigma_{yy}$
#    makes $\sigma_{xy}$ vanish, so that on average the ink no longer moves sideways as it goes down;
# 3. **resize**: stretch the image so that $\sqrt{\sigma_{xx}}$ and $\sqrt{\sigma_{yy}}$ come nearer to given numbers.
#
# Deskewing of MNIST is as old as MNIST. LeCun, Bottou, Bengio and Haffner ("Gradient-based learning applied to document
# recognition", 1998) report 12.0 % errors for a linear classifier of pixels, and 8.4 % with deskewing. Read how little
# code it is.

# %%
plotting.show_source(features.deskew)


# %%
def upright(ink):
    return features.deskew(ink, spread=SPREAD)


def draw_moments(axis, ink, caption):
    """An image with the middle (cross), the centre of its ink, and the ellipse of its covariance."""
    centre, covariance = (moment[0] for moment in features.moments(ink))
    turn = torch.linspace(0, 2 * torch.pi, 100)
    x, y = 13.5 + centre[:, None] + 2 * torch.linalg.cholesky(covariance) @ torch.stack([turn.cos(), turn.sin()])
    axis.imshow(ink[0, 0])
    axis.plot(x, y, "--", color=COLOURS["validation"], linewidth=2)
    axis.plot(*(13.5 + centre[:, None]), "o", color=COLOURS["validation"])
    axis.plot(13.5, 13.5, "+", color=COLOURS["test"], markersize=12, markeredgewidth=2)
    axis.set(title=caption, xticks=[], yticks=[])


# %%
stages = {"as it came": digit, "centred and deskewed": features.deskew(digit), "resized as well": upright(digit)}
figure, axes = plt.subplots(1, 3, figsize=(plotting.WIDTH, 3.4))
for axis, (caption, image) in zip(axes, stages.items(), strict=True):
    draw_moments(axis, image, caption)
figure.suptitle("Centre of the ink (dot), middle of the image (cross), two standard deviations (dashed)", fontsize=12)
plt.show()

# %% [markdown]
# The dashed ellipse lies askew at first. Afterwards it stands straight, and the dot sits on the cross. The last step
# changes the width and the height on their own.
#
# Does this bring the images of a class together? Draw the mean image of each class before and after, and count: how
# much of the variance of the pixels lies *within* the classes?

# %%
sample = dataset.train.images[:6_000], dataset.train.labels[:6_000]
versions = {"as they came": sample[0], "upright": upright(sample[0])}
class_means = {
    name: torch.stack([images[sample[1] == k].mean(dim=0) for k in range(10)]) for name, images in versions.items()
}
within = {name: (images - class_means[name][sample[1]]).square().mean() for name, images in versions.items()}
within = {name: (value / versions[name].var(dim=0).mean()).item() for name, value in within.items()}
note = "{}: {:.0%} of the variance lies within the classes"
titles = [note.format(*item) if k == 4 else "" for item in within.items() for k in range(10)]
title = "Mean image of each class, before and after"
_ = plotting.image_grid(torch.cat(list(class_means.values())), titles, title=title)

# %% [markdown]
# The lower row is sharper: strokes that used to lie beside each other now lie on top of each other. Train the layer on
# upright pixels, to the optimum as before.

# %%
train, seconds = timed(lambda: Split(compute(lambda ink: pixels(upright(ink)), dataset.train.images), train.labels))
climb("3 upright pixels", lambda ink: pixels(upright(ink)), to_the_optimum, train, seconds)
show_pixel_rung("3 upright pixels", upright(digit), "Rung 3: the digit stands where the template expects it")

# %% [markdown]
# ## Rung 4: gradients
#
# Start from the pixels as they came once more, and ask what else is unlucky about them. A pixel is either ink or paper,
# and its neighbour is another feature altogether: to the layer a stroke that moves by one pixel is a new stroke. What
# you recognise is not ink at a place but **edges**: where the grey value changes, how steeply, and in which direction.
#
# The **gradient** at a pixel has the components $g_x$ (right neighbour minus left neighbour, divided by 2) and $g_y$
# (the same downwards). Its length $\sqrt{g_x^2 + g_y^2}$ is the steepness. Its angle says towards which side there is
# more ink. Eight **orientation maps** sort the steepness by angle: each pixel shares it between the two of eight
# directions that are nearest.

# %%
plotting.show_source(features.orientation_maps)

# %% [markdown]
# Then each map is averaged over overlapping cells, which is called **pooling**: 13 × 13 cells of 4 × 4 pixels, and 8 ×
# 8 cells of 7 × 7. Within a cell a stroke may move without changing anything. This is a *histogram of oriented
# gradients* (Dalal and Triggs 2005, "Histograms of oriented gradients for human detection"). Each histogram is scaled
# to length 1, so that a faint stroke counts as much as a heavy one, and of each number the square root is taken, which
# lifts the weak ones.

# %%
ARROWS = "→↘↓↙←↖↑↗"  # direction k is k eighths of a turn, clockwise
histograms = features.oriented_gradients(digit)[0]  # [1864]
fine, coarse = histograms[: 8 * 13 * 13].reshape(8, 13, 13), histograms[8 * 13 * 13 :].reshape(8, 8, 8)
rows = {"steepness": features.orientation_maps(digit)[0], "cells of 4": fine, "cells of 7": coarse}
figure, axes = plt.subplots(3, 8, figsize=(plotting.WIDTH, 4.0))
for row, (name, maps) in zip(axes, rows.items(), strict=True):
    for axis, image in zip(row, maps, strict=True):
        axis.imshow(image, vmin=0, vmax=maps.max())
        axis.set(xticks=[], yticks=[])
    row[0].set_ylabel(name)
for axis, arrow in zip(axes[0], ARROWS, strict=True):
    axis.set_title(arrow)
figure.suptitle("The digit in eight directions: arrows point towards more ink", fontsize=12)
plt.show()

# %% [markdown]
# Read the first row: → lights up on the left edges of strokes, ← on the right edges, ↓ on the upper ones. The rows
# below hold the same in fewer, coarser numbers, with the contrast evened out. All 16 small pictures of the lower two
# rows together are what the layer sees of this digit.
#
# Is a small movement now a small change? Move images by one pixel. Then divide the distance between the features of the
# two versions by the distance between the features of two arbitrary images. A zero would mean that the movement goes
# unnoticed, a one that the moved image is as strange as any other.


# %%
def as_bytes(values):
    return (255 * values).round_().byte()  # from [0, 1], as image files do


def oriented(ink):
    return as_bytes(features.oriented_gradients(ink))


def autocorrelated(ink):
    return as_bytes(features.gradient_autocorrelations(ink))


still = validation.images[:400]
moved = torch.cat([still[:, :, :, -1:], still[:, :, :, :-1]], dim=3)  # one pixel to the right
strangeness = {}
for name, function in {"pixels": pixels, "gradients": oriented, "autocorrelations": autocorrelated}.items():
    here, there = function(still).float(), function(moved).float()
    strangeness[name] = ((here - there).norm(dim=1).mean() / (here - here.flip(0)).norm(dim=1).mean()).item()
pd.Series(strangeness, name="distance after 1 pixel ÷ distance to another image").round(2).to_frame()

# %% [markdown]
# (The third row belongs to rung 6.) The smaller the number, the less the layer has to learn about where a stroke may
# lie.
#
# ### The layer behind the features
#
# Some features vary much, some hardly at all. So the layer standardises them: minus mean, divided by standard
# deviation, plus a little that keeps nearly constant features from being blown up. Means and deviations come from
# training images and are fixed. Standardising is linear, so it need not be done to the features: it can be folded into
# the weights, and both steps together are still one matrix and one bias. The features themselves wait as whole numbers
# from 0 to 255, one byte each, and become `float32` batch by batch.


# %%
class FeatureLayer(models.LogisticRegression):
    """The same linear layer, behind a fixed standardisation; takes features stored as bytes."""

    def __init__(self, examples):
        super().__init__(examples.shape[1], initialisation="zeros")
        deviation, mean = torch.std_mean(examples.float(), dim=0)
        self.register_buffer("mean", mean)
        self.register_buffer("scale", 1 / (deviation + 0.1 * deviation.mean()))

    def forward(self, features):
        weights = self.linear.weight * self.scale  # W · (f − mean) · scale = (W · scale) f − (W · scale) mean
        return linear(features.float(), weights, self.linear.bias - weights @ self.mean)


# %% [markdown]
# Training goes through `fit`, with Adam instead of the exact optimum: with thousands of features, full passes over all
# images become dear. The learning rate falls twice, which brings it close.


# %%
def by_adam(epochs):
    """A function that trains a layer on features for so many epochs."""
    config = training.TrainingConfig(
        epochs=epochs,
        batch_size=256,
        optimizer="adam",
        learning_rate=1e-3,
        weight_decay=WEIGHT_DECAY,
        decay_every=max(1, epochs // 3),
    )

    def learn(train, validation):
        model = FeatureLayer(train.images[:5_000])
        generator = torch.Generator().manual_seed(SEED + 2)
        training.fit(model, train, validation=validation, config=config, generator=generator)
        return model

    return learn


# %%
train, seconds = timed(lambda: Split(compute(oriented, dataset.train.images), dataset.train.labels))
climb("4 gradients", oriented, by_adam(EPOCHS), train, seconds)

# %% tags=["nbval-check-output"]
layer = ladder["4 gradients"]["model"]
values = oriented(validation.images[:100])
with torch.inference_mode():
    in_two_steps = layer.linear((values - layer.mean) * layer.scale)
    folds = torch.allclose(layer(values), in_two_steps, atol=1e-3)
print("features:", values.shape[1], "= 8 directions × (13 × 13 + 8 × 8) cells")
print("standardising folds into the layer:", folds)

# %% [markdown]
# ## Rung 5: upright gradients
#
# Rungs 3 and 4 attack different troubles: slant and size of the whole digit, and place of single strokes. Do both: make
# the digit upright, then take its gradients.


# %%
def upright_oriented(ink):
    return oriented(upright(ink))


figure, axes = plt.subplots(2, 8, figsize=(plotting.WIDTH, 2.9))
for row, (name, image) in zip(axes, {"as it came": digit, "upright": upright(digit)}.items(), strict=True):
    cells = features.oriented_gradients(image, cells=(4,))[0].reshape(8, 13, 13)
    for axis, picture in zip(row, cells, strict=True):
        axis.imshow(picture, vmin=0, vmax=1)
        axis.set(xticks=[], yticks=[])
    row[0].set_ylabel(name)
for axis, arrow in zip(axes[0], ARROWS, strict=True):
    axis.set_title(arrow)
figure.suptitle("The digit in cells of 4 pixels, by direction, before and after it is made upright", fontsize=12)
plt.show()

# %% [markdown]
# A straight shear turns edges, so ink changes not only its cell but also its direction. Slanted strokes spread over
# diagonal arrows; upright ones gather in → and ←.

# %%
del train  # features of the last rung; memory is short
train, seconds = timed(lambda: Split(compute(upright_oriented, dataset.train.images), dataset.train.labels))
climb("5 upright gradients", upright_oriented, by_adam(EPOCHS), train, seconds)

# %% [markdown]
# ## Rung 6: pairs of edges
#
# A histogram forgets what stands beside what. A corner and two separate strokes may fill the same cell with the same
# directions. So record *pairs*: how often does direction $a$ at one place meet direction $b$ at the next? Multiply two
# orientation maps, one of them displaced by a pixel, and pool the product. For all 8 × 8 pairs and four displacements
# (right, down and both diagonals) this is a **gradient autocorrelation** (Kobayashi and Otsu 2008, "Image feature
# extraction using gradient local auto-correlations").
#
# A product of two features is the step that a linear layer cannot make by itself. It can add evidence, never say "this
# *and* that". The maps are halved in size first, so that "the next" is two pixels away.

# %%
plotting.show_source(features.gradient_autocorrelations)

# %% [markdown]
# What do such pairs mark? Add up the products of the digit by the angle between the two directions.

# %%
maps = avg_pool2d(features.orientation_maps(upright(digit), blur=0.6), 2)[0]  # [8, 14, 14]
captions = ("0°: straight edges", "45°: bends", "90°: corners", "135°: tips", "180°: both sides")
figure, axes = plt.subplots(1, 6, figsize=(plotting.WIDTH, 2.2))
axes[0].imshow(upright(digit)[0, 0])
axes[0].set_title("the digit", fontsize=10)
for turn, (axis, caption) in enumerate(zip(axes[1:], captions, strict=True)):
    moved = [maps.roll((-down, -right), (1, 2)) for down, right in ((0, 1), (1, 0), (1, 1), (1, -1))]
    pairs = sum((maps * (one.roll(turn, 0) + one.roll(-turn, 0))).sum(dim=0) for one in moved)
    axis.imshow(pairs.sqrt())
    axis.set_title(caption, fontsize=10)
for axis in axes:
    axis.axis("off")
figure.suptitle("Where a direction meets one that differs by this angle", fontsize=12)
plt.show()

# %% [markdown]
# The first panel of pairs lights up along strokes, the middle ones where a stroke bends or ends, and the last one where
# both sides of a stroke lie close together. The features keep all pairs of directions apart, in 16 cells.
#
# This is the largest set of features. The memory for its training images is set aside twice over; the second half is
# for the next rung.


# %%
def upright_autocorrelated(ink):
    return autocorrelated(upright(ink))


del train
n = len(dataset.train)
room = torch.empty(2 * n, upright_autocorrelated(digit).shape[1], dtype=torch.uint8)
_, seconds = timed(compute, upright_autocorrelated, dataset.train.images, room[:n])
train = Split(room[:n], dataset.train.labels)
climb("6 upright autocorrelations", upright_autocorrelated, by_adam(EPOCHS), train, seconds)

# %% [markdown]
# ## Rung 7: a jittered copy
#
# The features are what they are; the last thing to improve is the data. Moments make digits upright only roughly, and
# handwriting varies in ways that no formula above takes out. So *show* the layer some of that variation: one copy of
# each training image, displaced, sheared, stretched and bent a little at random. The label stays. This is **data
# augmentation** (Simard, Steinkraus and Platt 2003, "Best practices for convolutional neural networks applied to visual
# document analysis").


# %%
def jitter(ink, generator, *, shift=0.5, stretch=0.15, elastic=0.6):
    """Ink displaced by a random linear map, a shift (pixels) and a smooth field (pixels), same shape."""
    pixel, n = 2 / 28, len(ink)  # the coordinates of a grid run from -1 to 1
    where = torch.zeros(n, 2, 3)
    where[:, :, :2] = torch.eye(2) + stretch * (2 * torch.rand(n, 2, 2, generator=generator) - 1)
    where[:, :, 2] = shift * pixel * (2 * torch.rand(n, 2, generator=generator) - 1)
    knots = elastic * pixel * torch.randn(n, 2, 5, 5, generator=generator)
    bends = interpolate(knots, size=(28, 28), mode="bicubic", align_corners=True).movedim(1, 3)
    grid = affine_grid(where, list(ink.shape), align_corners=False) + bends
    return grid_sample(ink, grid, align_corners=False)


copies = jitter(upright(digit).expand(9, 1, 28, 28), torch.Generator().manual_seed(SEED + 3))
titles = ["upright"] + [f"copy {k}" for k in range(1, 10)]
_ = plotting.image_grid(torch.cat([upright(digit), copies]), titles, title="The digit, and nine jittered copies of it")

# %% [markdown]
# All of them are still the digit, written by a slightly different hand. Each training image gets one copy. The passes
# are fewer than before, since each has twice the images.

# %%
jittering = torch.Generator().manual_seed(SEED + 4)
_, more_seconds = timed(
    compute, lambda ink: autocorrelated(jitter(upright(ink), jittering)), dataset.train.images, room[n:]
)
train = Split(room, dataset.train.labels.repeat(2))
climb("7 the same, data doubled", upright_autocorrelated, by_adam(JITTER_EPOCHS), train, seconds + more_seconds)
del train, room

# %% [markdown]
# How did the followed digit fare on its way up?

# %%
names = list(ladder)
figure, axis = plt.subplots(figsize=(plotting.WIDTH, 3.4))
chances = [rung["validation"].probabilities[followed, kind].item() for rung in ladder.values()]
bars = axis.barh(names, chances, color=COLOURS["neutral"])
for bar, rung in zip(bars, ladder.values(), strict=True):
    right = rung["validation"].correct[followed].item()
    chosen = dataset.classes[rung["validation"].predicted[followed]]
    bar.set_color(COLOURS["right" if right else "wrong"])
    caption = f"{plotting.MARKS[right]} {chosen}"
    axis.text(bar.get_width() + 0.01, bar.get_y() + 0.4, caption, va="center")
axis.set(title="The digit on each rung: probability of its class, and the class chosen", xlim=(0, 1.15))
axis.set_xlabel("probability of its class")
axis.invert_yaxis()
plt.show()

# %% [markdown]
# ## The test set, once
#
# All rungs are trained, and nothing will be chosen any more. Now read the test set, once, for all seven.

# %%
computed = {}  # function → features of the test images and seconds; some rungs share them
for rung in ladder.values():
    function = rung["features"]
    if function not in computed:
        computed[function] = timed(compute, function, dataset.test.images)
    values, seconds = computed[function]
    rung["test"] = evaluation.predict(rung["model"], Split(values, dataset.test.labels))
    rung["feature seconds"] += seconds
del computed, values

# %% [markdown]
# The table has one row per rung. *Weights* counts all parameters that were trained. Seconds are those of this run: for
# the features of all training, validation and test images, and for training. The interval is Wilson's, at 95 %. The
# last three columns compare a rung with the one before: images that only the old one or only the new one gets right,
# and McNemar's exact p-value.

# %%
rows, before = [], None
for name, rung in ladder.items():
    test, weights = evaluation.accuracy_interval(rung["test"]), models.parameter_count(rung["model"])
    row = {"rung": name, "features": weights // 10 - 1, "weights": f"{weights:,}"}
    row |= {f"{part} s": f"{rung[f'{part} seconds']:.1f}" for part in ("feature", "training")}
    row |= {"validation": f"{rung['validation'].accuracy:.2%}", "test": f"{test:.2%}"}
    if before is not None:
        paired = evaluation.mcnemar_exact(before, rung["test"])
        row |= {"only old": f"{paired.only_first}", "only new": f"{paired.only_second}", "p": f"{paired.p_value:.1g}"}
    rows.append(row)
    before = rung["test"]
pd.DataFrame(rows).set_index("rung").fillna("")

# %%
figure, axis = plt.subplots(figsize=(plotting.WIDTH, 3.6))
for y, rung in enumerate(ladder.values()):
    test = evaluation.accuracy_interval(rung["test"])
    error = 100 * (1 - test.estimate)
    bounds = [[error - 100 * (1 - test.high)], [100 * (1 - test.low) - error]]
    axis.errorbar(error, y, xerr=bounds, fmt="o", color=COLOURS["test"], capsize=4)
    axis.text(error, y - 0.18, f"{error:.2f} %", ha="center", va="bottom", fontsize=10)
axis.set_yticks(range(len(ladder)), names)
axis.set(xscale="log", xlabel="error rate on the test set, % (log scale), with 95 % Wilson interval")
axis.set(title="One linear layer, better and better features", ylim=(len(ladder) - 0.5, -0.8))
ticks = [tick for tick in (0.3, 0.5, 1, 2, 5, 10, 20, 50) if axis.get_xlim()[0] <= tick <= axis.get_xlim()[1]]
axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
axis.minorticks_off()
plt.show()

# %% [markdown]
# On a logarithmic axis equal distances are equal *shares of the errors* removed. Look at which steps are long, and
# whether the interval of a rung still covers the rung before it. Where intervals overlap, do not conclude from that
# alone: both rungs are judged on the same images, and the paired p-value in the table is the sharper test.
#
# ## Which errors each rung repairs
#
# The pixel model of rung 2 stands for the errors that [05_analyse_the_errors](05_analyse_the_errors.ipynb) takes apart.
# Follow them up the ladder: how many of these images are still wrong, and how many errors are new?

# %%
pixel_errors = ~ladder[names[1]]["test"].correct
fates = {name: (~rung["test"].correct) for name, rung in list(ladder.items())[1:]}
left = [int((wrong & pixel_errors).sum()) for wrong in fates.values()]
new = [int((wrong & ~pixel_errors).sum()) for wrong in fates.values()]
figure, axis = plt.subplots(figsize=(plotting.WIDTH, 3.4))
axis.barh(list(fates), left, color=COLOURS["neutral"], label="errors of rung 2 that are left")
axis.barh(list(fates), new, left=left, color=COLOURS["wrong"], hatch="//", edgecolor="white", label="new errors")
for y, (old, fresh) in enumerate(zip(left, new, strict=True)):
    axis.text(old + fresh, y, f"  {old} + {fresh}", va="center")
axis.set(title="What is left of the pixel model's errors", xlabel="test images", xlim=(0, 1.15 * max(left)))
axis.invert_yaxis()
axis.legend(loc="lower right")
plt.show()

# %% [markdown]
# A better model need not be right wherever a worse one is, so there are new errors; their number is small beside what
# is repaired.
#
# The same by kind: the six most frequent confusions of the pixel model, and how many of these very images are still
# wrong on each rung.

# %%
from mnist_lr_helpers.errors import DISPUTED_TEST_LABELS, confusions

pixel_test = ladder[names[1]]["test"]
rows = {}
for _, label, predicted, count, _ in confusions(pixel_test).head(6).itertuples():
    these = (pixel_test.labels == label) & (pixel_test.predicted == predicted)
    name = f"{dataset.classes[label]} → {dataset.classes[predicted]}"
    rows[name] = [int((wrong & these).sum()) for wrong in fates.values()]
pd.DataFrame(rows, index=list(fates)).T.rename_axis("confusion of rung 2")

# %% [markdown]
# What remains to the end? Here are the errors of the last rung, the most confident first. A dagger marks the 15 test
# images whose label human raters judged wrong or ambiguous (Northcutt, Athalye and Mueller 2021, "Pervasive label
# errors in test sets destabilize machine learning benchmarks").

# %%
disputed = set(DISPUTED_TEST_LABELS) if dataset.name == "mnist" else set()
last = ladder[names[-1]]["test"]
remaining = (~last.correct).nonzero()[:, 0]
remaining = remaining[last.confidence[remaining].argsort(descending=True)][:60].tolist()
marks = ["†" if i in disputed else "" for i in remaining]
titles = [f"{last.labels[i]}→{last.predicted[i]}{mark}" for i, mark in zip(remaining, marks, strict=True)]
title = "Errors of the last rung: label → prediction († label disputed by human raters)"
_ = plotting.image_grid(dataset.test.images[remaining], titles, title=title, columns=12)

# %%
counted = {name: int((~rung["test"].correct)[sorted(disputed)].sum()) for name, rung in ladder.items()}
errors = {name: int((~rung["test"].correct).sum()) for name, rung in ladder.items()}
share_disputed = {name: counted[name] / max(1, errors[name]) for name in names}
table = {
    "errors": errors,
    "with a disputed label": counted,
    "share": {k: f"{v:.1%}" for k, v in share_disputed.items()},
}
pd.DataFrame(table)

# %% [markdown]
# The disputed labels hardly matter for the first rungs. On the last ones they are a good part of what is left, and a
# model that "repairs" them agrees with a label that people reject. This is the region where accuracy on this test set
# stops to mean much.
#
# ## What the layer looks at now
#
# The layer is linear, so its weights can still be drawn where they belong. On rung 5 each class has one weight per
# direction and cell. Draw those of the small cells, two classes, all eight directions. Red: such an edge at this place
# argues for the class. Blue: against.

# %%
weights = ladder["5 upright gradients"]["model"].linear.weight.detach()  # [10, 1864], per standard deviation
rival = 3 if kind != 3 else 8
pictures = torch.cat([weights[k, : 8 * 13 * 13].reshape(8, 13, 13) for k in (kind, rival)])
titles = [f"{dataset.classes[k][:9]} {arrow}" for k in (kind, rival) for arrow in ARROWS]
title = "Weights of two classes by direction of the edge (arrow: towards more ink)"
_ = plotting.image_grid(
    pictures, titles, title=title, columns=8, diverging=True, colour_label="weight per standard deviation"
)

# %% [markdown]
# These are templates again, eight per class. Look for the place where the two classes differ most. A 5 and a 3 share
# their lower half; what separates them is on which side the upper half closes, and of which direction the edges are
# there.
#
# ### The votes of places
#
# Take one image and two classes. The difference of the two logits is a sum over features, as it was over pixels in
# [05_analyse_the_errors](05_analyse_the_errors.ipynb). Each feature belongs to a cell, so add up the votes of a cell's
# eight directions and spread them evenly over its pixels. Votes count from the average training image, so what remains
# is one number per pair of classes.


# %%
def cell_votes(layer, values, label, other):
    """Votes for ``label`` against ``other`` at each pixel ``[n, 28, 28]``, and what an average image says ``[n]``."""
    difference = layer.linear.weight[label] - layer.linear.weight[other]  # [n, 1864]
    votes, pictures, start = difference * (values - layer.mean) * layer.scale, 0, 0
    for side, cells in ((4, 13), (7, 8)):
        part = votes[:, start : start + 8 * cells * cells].reshape(-1, 8, cells, cells).sum(dim=1, keepdim=True)
        spread = conv_transpose2d(part, torch.full((1, 1, side, side), 1 / side**2), stride=side // 2)
        pictures = pictures + spread[:, 0]
        start += 8 * cells * cells
    return pictures.detach(), (layer.linear.bias[label] - layer.linear.bias[other]).detach()


# %% [markdown]
# Choose five validation images that rung 5 gets right, those on which the pixel model of rung 2 was most wrong. The
# classes are the right one, and the one that the pixel model fell for.

# %%
old, better = ladder[names[1]], ladder["5 upright gradients"]
of_label = old["validation"].probabilities[torch.arange(len(validation)), validation.labels]
order = (of_label + 2 * (~better["validation"].correct) + 2 * old["validation"].correct).argsort()[:5]
label, other = validation.labels[order], old["validation"].probabilities[order].topk(2, dim=1).indices.T
other = torch.where(other[0] == label, other[1], other[0])  # the best class that is not the label
values = upright_oriented(validation.images[order]).float()
new_votes, average = cell_votes(better["model"], values, label, other)
pixel_weights = old["model"].linear.weight.detach()
old_votes = ((pixel_weights[label] - pixel_weights[other]) * pixels(validation.images[order])).reshape(-1, 28, 28)

# %% tags=["nbval-check-output"]
chosen = better["validation"].probabilities[order]
log_odds = (chosen[range(5), label] / chosen[range(5), other]).log()
votes_add_up = torch.allclose(new_votes.sum(dim=(1, 2)) + average, log_odds, atol=1e-2)
print("votes of all places and of the average image add up to the log-odds:", votes_add_up)

# %%
figure, axes = plt.subplots(2, 5, figsize=(plotting.WIDTH, 4.5))
images = validation.images[order], upright(validation.images[order])
for row, pictures, votes in zip(axes, images, (old_votes, new_votes), strict=True):
    limit = votes.abs().amax()
    for axis, picture, vote, a, b in zip(row, pictures, votes, label, other, strict=True):
        drawn = axis.imshow(vote, cmap="RdBu_r", vmin=-limit, vmax=limit)
        axis.contour(picture[0], levels=[0.5], colors="black", linewidths=1)
        total = f"{dataset.classes[a][:7]}, not {dataset.classes[b][:7]}: {vote.sum():+.1f}"
        axis.set_title(total, fontsize=9)
        axis.set(xticks=[], yticks=[], frame_on=False)
    figure.colorbar(drawn, ax=row, label="vote, nats")
for axis, name in zip(axes[:, 0], ("2 pixels", "5 upright gradients"), strict=True):
    axis.set_ylabel(name)
figure.suptitle("Votes for the right class (red) and for the wrong one (blue); the outline is the digit", fontsize=12)
plt.show()

# %% [markdown]
# In the upper row votes can only come from inked pixels, and the strokes quarrel among themselves. In the lower row
# they come from edges, so they also lie beside the strokes: the absence of an expected edge has a vote, too. The number
# above each panel is the sum of its votes.
#
# ## Robust by construction, or not
#
# [05_analyse_the_errors](05_analyse_the_errors.ipynb) moved and turned the test images and watched the pixel model
# fail. Do the same to all rungs, on validation images, since the test set has been read. Each image gets a random
# direction (right, left, up, down; left or right turn) and keeps it at all strengths.

# %%
size = min(ROBUSTNESS_SIZE, len(validation))
chance = torch.Generator().manual_seed(SEED + 5)
sample = stratified_sample(validation.labels, size, generator=chance)
ink, labels = validation.images[sample], validation.labels[sample]
sign = torch.randint(2, (size,), generator=chance) * 2.0 - 1
heading = torch.randint(4, (size,), generator=chance) * torch.pi / 2


def displaced(shift=0.0, degrees=0.0):
    """The sample, each image shifted by pixels and turned by degrees in its own direction."""
    angle = torch.deg2rad(degrees * sign)
    right, down = -shift * 2 / 28 * torch.stack([heading.cos(), heading.sin()])
    where = torch.stack([angle.cos(), angle.sin(), right, -angle.sin(), angle.cos(), down], dim=1)
    return grid_sample(
        ink, affine_grid(where.reshape(-1, 2, 3), list(ink.shape), align_corners=False), align_corners=False
    )


# %%
def accuracies(images):
    """Accuracy of each rung on altered images."""
    functions = {rung["features"] for rung in ladder.values()}
    values = {function: compute(function, images) for function in functions}
    results = {}
    for name, rung in ladder.items():
        results[name] = evaluation.predict(rung["model"], Split(values[rung["features"]], labels)).accuracy
    return results


shifts, turns = (0, 1, 2, 3, 4), (0, 10, 20, 30, 40)
shifted = pd.DataFrame([accuracies(displaced(shift=s)) for s in shifts], index=pd.Index(shifts, name="pixels"))
turned = pd.DataFrame([accuracies(displaced(degrees=d)) for d in turns], index=pd.Index(turns, name="degrees"))

# %%
figure, axes = plt.subplots(1, 2, figsize=(plotting.WIDTH, 4.0), sharey=True)
for axis, table, caption in zip(axes, (shifted, turned), ("Shifted", "Turned"), strict=True):
    for name, marker in zip(names[1:], "osD^v*", strict=True):
        axis.plot(table.index, 100 * table[name], marker=marker, label=name, alpha=0.85)
    axis.set(title=caption, ylim=(0, 101), xticks=table.index)
axes[0].set(xlabel="shift, pixels", ylabel="accuracy, %")
axes[1].set(xlabel="rotation, degrees")
axes[1].legend(loc="lower left", fontsize=9)
figure.suptitle(f"Accuracy on {size:,} validation images that are moved or turned", fontsize=12)
plt.show()

# %% [markdown]
# On the left the rungs fall into two groups. Whatever is made upright is centred again, so a shift is undone before the
# layer sees anything, as long as no ink leaves the image. Rung 4 has no such help: pooling forgives a pixel or two, and
# no more. On the right no rung is safe, because a shear is not a rotation: it sets the digit upright but keeps the ends
# of its strokes turned. [08_convolutional_network](08_convolutional_network.ipynb) shows the same curves for a network
# that has learned its features. What you build in is robust by construction; what you do not build in is not, in either
# case.
#
# ## What it means
#
# Each step of the ladder changed one place where knowledge can sit.

# %%
origins = ["training", "features: pose", "features: edges", "features: both", "features: pairs", "data"]
rows = []
for origin, old, new in zip(origins, names, names[1:], strict=False):
    base = names[1] if origin == "features: edges" else old  # rung 4 starts from pixels again
    rows.append({"what changed": origin, "from rung": base[0], "to rung": new[0]})
    removed = 1 - errors[new] / max(1, errors[base])
    rows[-1] |= {"errors before": errors[base], "after": errors[new], "removed": f"{removed:.0%}"}
pd.DataFrame(rows).set_index("what changed")

# %% [markdown]
# - **In the weights**: training to the end instead of stopping early. It costs nothing but seconds, and it is soon used
#   up.
# - **In the features**: somebody knew that digits lean, that strokes move, that edges matter and that corners are pairs
#   of edges. Not one label was needed for this. The knowledge came from people, and it took them decades.
# - **In the data**: the jittered copy says "these are the same" by example. It knows about handwriting what its author
#   knew.
#
# A convolutional network puts the middle one into the weights: its first layers are features, learned from labels.
# Compare sizes with the default network of this course's `ConvolutionalNetwork` class.

# %%
network = models.ConvolutionalNetwork(generator=torch.Generator().manual_seed(SEED)).eval()


def seconds_for_thousand(function):
    with torch.inference_mode():
        function(ink[:50])  # a first call to warm up
        return 1_000 / size * timed(function, ink)[1]


rows = {"convolutional network": (models.parameter_count(network), seconds_for_thousand(network))}
for name in names[1:6]:
    rung = ladder[name]
    rows[name] = (
        models.parameter_count(rung["model"]),
        seconds_for_thousand(lambda ink, rung=rung: rung["model"](rung["features"](ink))),
    )
pd.DataFrame(rows, index=["trained parameters", "seconds for 1,000 images"]).T.round(3)

# %% [markdown]
# When would you prefer fixed features and a linear layer?
#
# - When training must be **certain**: one valley, no seeds to choose from, an optimum that can be certified, retraining
#   in seconds.
# - When you must **explain** a decision: votes of places add up to the log-odds, exactly.
# - When the variations are **known**, and you can take them out by construction, as shifts are here.
#
# And when the network? When nobody knows good features: on other kinds of images, the effort that went into this ladder
# starts again, while the network learns its own. When labels are plenty. And when parameters count, since the richest
# rung here has more of them than the network. The accuracy of the network, its time, its shifts and turns are in
# [08_convolutional_network](08_convolutional_network.ipynb).
#
# ## What we found

# %%
from mnist_lr_helpers.exercises import Findings, check

found = Findings(dataset, quick=QUICK)
right = [rung["test"].accuracy for rung in ladder.values()]
wrong = list(errors.values())
pairs = [(ladder[old]["test"], ladder[new]["test"]) for old, new in zip(names, names[1:], strict=False)]
p_values = [evaluation.mcnemar_exact(*pair).p_value for pair in pairs]
seconds = {name: rung["feature seconds"] + rung["training seconds"] for name, rung in ladder.items()}
found.record(
    "The recipe of “Handwritten-Digit-Classification” stops short: the same pixels at the optimum gain over 3 points",
    0.83 < right[0] < 0.91 and right[1] - right[0] > 0.03,
    f"{right[0]:.2%} and {right[1]:.2%} of the test images",
)
found.record(
    f"At the optimum pixels are used up: no weights have an objective lower by more than {GAP} nats",
    max(gaps) <= GAP,
    f"certified gaps {gaps[0]:.4f} (pixels) and {gaps[1]:.4f} (upright pixels)",
    anywhere=True,
)

# %%
found.record(
    "Making digits upright takes out variance within classes and more than half of the pixel model's errors",
    within["upright"] < within["as they came"] - 0.1 and wrong[2] < 0.5 * wrong[1],
    f"variance within classes {within['as they came']:.0%}, then {within['upright']:.0%}; errors {wrong[1]}, then {wrong[2]}",
)
found.record(
    "A shift by one pixel disturbs gradients less than pixels, and autocorrelations least",
    strangeness["pixels"] > strangeness["gradients"] > strangeness["autocorrelations"],
    ", ".join(f"{name} {value:.2f}" for name, value in strangeness.items()),
)
found.record(
    "Gradients alone beat upright pixels, and both together beat gradients; each step is beyond chance",
    right[2] < right[3] < right[4] and max(p_values[2:4]) < 0.01,
    f"{right[2]:.2%}, {right[3]:.2%}, {right[4]:.2%}; McNemar's p = {p_values[2]:.0e} and {p_values[3]:.0e}",
)

# %%
found.record(
    "At least 99.2 % of the test images with one linear layer, features and training within 60 s",
    right[5] >= 0.992 and seconds[names[5]] < 60,
    f"rung 6: {evaluation.accuracy_interval(ladder[names[5]]['test']):.2%} in {seconds[names[5]]:.0f} s",
)
found.record(
    "From rung 2 to rung 6 nothing changes but the features, and nine errors in ten go",
    wrong[5] < 0.1 * wrong[1],
    f"{wrong[1]} errors, then {wrong[5]}",
)
found.record(
    "One jittered copy adds too little to tell from chance: these features left it little to add",
    abs(right[6] - right[5]) < 0.002 and p_values[5] > 0.05,
    f"{wrong[5]} errors, then {wrong[6]}; McNemar's p = {p_values[5]:.2f}",
)

# %%
found.record(
    "The last rung repairs over 90 % of the pixel model's errors and makes new ones on fewer than 3 images in 1,000",
    left[-1] < 0.1 * wrong[1] and new[-1] < 0.003 * len(last.labels),
    f"{left[-1]} of {wrong[1]} left, {new[-1]} new",
)
found.record(
    "Disputed labels are under 3 % of the pixel model's errors and over 8 % of the last rung's",
    share_disputed[names[1]] < 0.03 and share_disputed[names[6]] > 0.08,
    f"{counted[names[1]]} of {wrong[1]}, and {counted[names[6]]} of {wrong[6]}",
)
found.record("The votes of places and of the average image add up to the log-odds", votes_add_up, "5 images", anywhere=True)

# %%
lost = {table.index.name: (table.iloc[0] - table.iloc[-1]) for table in (shifted, turned)}
made_upright = [names[k] for k in (2, 4, 5, 6)]
found.record(
    "What is made upright loses under 2 points to a shift by 4 pixels, gradients alone over 20; 40° costs every rung over 10",
    lost["pixels"][made_upright].max() < 0.02 and lost["pixels"][names[3]] > 0.2 and lost["degrees"].min() > 0.1,
    f"at most {lost['pixels'][made_upright].max():.1%}; {lost['pixels'][names[3]]:.0%}; at least {lost['degrees'].min():.0%}",
)
sizes = models.parameter_count(ladder[names[5]]["model"]), models.parameter_count(network)
found.record(
    "The richest features need more trained parameters than the convolutional network",
    sizes[0] > sizes[1],
    f"{sizes[0]:,} and {sizes[1]:,}",
    anywhere=True,
)
found

# %% tags=["nbval-check-output"]
print(found.verdicts)

# %% [markdown]
# ## Exercises
#
# ### 09.1 How many features?
#
# Write a function that returns the number of features of `oriented_gradients` for square images of `side` pixels: cells
# of the sides in `cells` (all at least 2), which start every half cell side (rounded down) and must lie inside the
# image, and one number per cell and orientation.


# %% tags=["exercise"]
def answer(side, orientations, cells): ...


check("09.1 feature-count", answer)


# %% tags=["solution", "hide-input"] jupyter={"source_hidden": true}
def count_features(side, orientations, cells):
    per_row = [(side - cell) // (cell // 2) + 1 for cell in cells]
    return orientations * sum(number**2 for number in per_row)


check("09.1 feature-count", count_features)

# %% [markdown]
# ### 09.2 The slope of a digit
#
# Write a function that takes the ink of one image `[height, width]` and returns the slope of the shear that makes it
# upright: $\sigma_{xy} / \sigma_{yy}$, with $x$ to the right and $y$ down. Do without `features.moments`.


# %% tags=["exercise"]
def answer(ink): ...


check("09.2 slope", answer)


# %% tags=["solution", "hide-input"] jupyter={"source_hidden": true}
def slope(ink):
    y, x = torch.meshgrid(*(torch.arange(float(size)) for size in ink.shape), indexing="ij")
    x, y = x - (ink * x).sum() / ink.sum(), y - (ink * y).sum() / ink.sum()
    return (ink * x * y).sum() / (ink * y * y).sum()


check("09.2 slope", slope)

# %% [markdown]
# ### 09.3 The longest step
#
# `errors` holds the number of test errors of each rung of this run. On the logarithmic axis above, one step up the
# ladder is the longest. Which rung does it lead to? Answer with its number, 2 to 7.

# %% tags=["exercise"]
answer = ...

check("09.3 longest-step", answer, errors=list(errors.values()))

# %% tags=["solution", "hide-input"] jupyter={"source_hidden": true}
counts = torch.tensor(list(errors.values())).clamp(min=1)
solution = 2 + (counts[1:] / counts[:-1]).argmin().item()  # equal lengths are equal ratios

check("09.3 longest-step", solution, errors=list(errors.values()))

# %% [markdown]
# ## Where to go next
#
# [08_convolutional_network](08_convolutional_network.ipynb) learns its features instead of being given them. And
# [11_draw_a_digit](11_draw_a_digit.ipynb) feeds a linear model the digits that you draw, neither centred nor upright.
