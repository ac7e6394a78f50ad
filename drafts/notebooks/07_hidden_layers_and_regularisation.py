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
# # 07 · Hidden layers and regularisation
#
# **What do width, depth and L2 change?**
#
# **You will learn to**
# - *count* what a wider and a deeper network cost in parameters,
# - *read* overfitting off two learning curves, and *tell* capacity from speed,
# - *judge* whether five runs of two models show a difference, and *plan* how many would,
# - *tell apart* a penalty in the loss and `weight_decay` in SGD, Adam and AdamW,
# - *choose* the strength of a penalty on validation images, and read the test set once.
#
# **You need** [02_build_the_model](02_build_the_model.ipynb) for cross-entropy and its gradient, and
# [03_train_the_model](03_train_the_model.ipynb) for learning curves.
#
# *Measured running time: 0 s on 2 CPU cores; peak memory 0 MB.*

# %% tags=["parameters"]
DATASET = "auto"  # "auto", "mnist", "fashion-mnist", "kmnist", "qmnist" or "digits"
SEED = 0  # seeds every random choice
QUICK = False  # a smoke run: small and fast; conclusions are not judged
TRAIN_SIZE = None  # training images to load; None for all
BATCH_SIZE = 200  # images per step, as in the source
LEARNING_RATE = 5e-4  # of Adam, as in the source
WIDTHS = [512, 256, 128, 64]  # of the first hidden layer, as in the source; a second one is half as wide
PART_SIZE = 2_000  # images to train on, and to validate on, in the studies of width, depth, seeds and λ
EPOCHS = 50  # passes over that part
N_SEEDS = 5  # runs of each of two models, differing in nothing but chance
LINEAR_EPOCHS = 6  # passes of the linear models over all training images
PENALTIES = [0.0, 3e-5, 3e-4, 1e-3, 3e-3]  # λ of the penalty λ‖W‖², as in the source
WIDER_PENALTIES = [1e-5, 1e-4, 1e-2]  # and λ that the source did not try
FINAL_EPOCHS = 10  # passes of the chosen model over all training images
FINAL_RATE = 2e-3  # its learning rate at the start
FINAL_DECAY_EVERY = 8  # its learning rate falls to a tenth after this many epochs

# %% tags=["nbval-check-output"]
import math
import tempfile
from functools import cache
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import torch
from IPython.display import Markdown, display
from scipy import stats
from torch.nn.functional import cross_entropy
from tqdm.auto import tqdm

from mnist_lr_helpers import evaluation, plotting, training
from mnist_lr_helpers.data import DEFAULT_ROOT, Split, load_data, stratified_sample
from mnist_lr_helpers.models import LogisticRegression, MultilayerPerceptron, parameter_count
from mnist_lr_helpers.plotting import COLOURS
from mnist_lr_helpers.training import TrainingConfig, fit

if QUICK:
    TRAIN_SIZE, PART_SIZE, EPOCHS, N_SEEDS, LINEAR_EPOCHS, FINAL_EPOCHS = 1_000, 400, 2, 3, 1, 2
plotting.use_style()
dataset = load_data(DATASET, seed=SEED, train_size=TRAIN_SIZE, scaling="unit")
dataset

# %% [markdown]
# "Handwriting recognition with neural network" (2026), called **the report** here, compares nine networks and several
# strengths of L2 on MNIST. You repeat its studies, with one change of principle. The report picks the network, the
# moment to stop and the penalty by their loss on the *test* set; its author says that the task demanded it, and that a
# validation set is the better practice. A minimum over hundreds of epochs is lower than what the same network would
# score on fresh images, because some of it is luck. Here all choices are made on **validation** images, and the test
# set is read once, near the end.
#
# Pixels stay between 0 and 1 in this notebook. The report does not name its scaling, but black pixels that are exactly
# zero explain one of its figures, as you will see.
#
# ## Nine networks
#
# A **hidden layer** of width $h$ computes $h$ numbers $\text{relu}(W_1 x + b_1)$ from the pixels, with
# $\text{relu}(v) = \max(v, 0)$. The next layer takes them as its input. Without the relu two layers would be one,
# because a product of matrices is a matrix. The report's nine: no hidden layer, one of 512, 256, 128 or 64, and two,
# of which the second is half as wide. Count their parameters.


# %%
def seeded(offset=0):
    return torch.Generator().manual_seed(SEED + offset)


def name_of(hidden):
    return "-".join(map(str, hidden)) or "linear"


shallow = [(width,) for width in WIDTHS]
deep = [(width, width // 2) for width in WIDTHS]
networks = [(), *shallow, *deep]
counts = {hidden: parameter_count(MultilayerPerceptron(hidden, generator=seeded())) for hidden in networks}

# %% tags=["nbval-check-output"]
print(f"{name_of(())}: {counts[()]:,} parameters")
for one, two in zip(shallow, deep, strict=True):
    more = counts[two] / counts[one] - 1
    print(f"{name_of(one):>3}: {counts[one]:7,}   {name_of(two):>7}: {counts[two]:7,}, that is {more:+.1%}")

# %% [markdown]
# A layer from $a$ to $b$ numbers has $(a + 1)\,b$ parameters. The first one, from 784 pixels, holds nearly all of
# them, so a second layer adds little: a third at the widest, a few per cent at the narrowest. Doubling the width
# doubles the count. Keep this table in mind when someone says that deep networks have "more capacity": the report's deep
# network 256-128 has far *fewer* parameters than its shallow 512.
#
# ## A part of the images, on purpose
#
# The report trains each network for 100 epochs on 60,000 images. That takes about an hour here, and its results
# belong into a file (see the section before the findings). In the lesson itself the studies use a **part**: few enough
# images that a network can learn them by heart within a minute. Overfitting then shows early. The part is stratified,
# each class keeps its share. What you learn from it is how width, depth and λ act; the losses themselves are higher
# than with all images.


# %% tags=["nbval-check-output"]
def part_of(split, size):
    chosen = stratified_sample(split.labels, min(size, len(split)), generator=seeded())
    return Split(split.images[chosen], split.labels[chosen])


part, validation = part_of(dataset.train, PART_SIZE), part_of(dataset.validation, PART_SIZE)
steps = math.ceil(len(part) / BATCH_SIZE)
print(f"studies: {len(part):,} training images, {steps} steps an epoch, {len(validation):,} validation images")
print(f"chosen model: {len(dataset.train):,} training images, {len(dataset.validation):,} validation images")

# %% [markdown]
# One function runs them all. A generator, seeded by the number of the run, draws the first weights and then the order
# of the images. `weight_decay` is twice the penalty λ; a later section shows why. `cache` remembers each run, so that
# two sections can share it.


# %%
@cache
def study(hidden, penalty=0.0, run=0):
    generator = seeded(run)
    model = MultilayerPerceptron(hidden, generator=generator)
    settings = {"epochs": EPOCHS, "batch_size": BATCH_SIZE, "learning_rate": LEARNING_RATE, "optimizer": "adam"}
    config = TrainingConfig(weight_decay=2 * penalty, **settings)
    return fit(model, part, validation=validation, config=config, generator=generator).table


curves = {hidden: study(hidden) for hidden in networks}

# %% [markdown]
# ## Width
#
# Two losses per epoch for each network: on the images it learns from (dashed) and on validation images (solid). The
# marker sits on the lowest validation loss. To its right the network **overfits**: it still gets better on the
# images it knows, and worse on others.

# %%
MARKERS = dict(zip(WIDTHS, "os^D", strict=True)) | {"linear": "X"}
SHADES = dict(zip(WIDTHS, plt.cm.viridis([0.0, 0.35, 0.6, 0.85]), strict=True)) | {"linear": "black"}


def draw_losses(axis, table, *, colour, marker, label, style="-"):
    best = table["validation_loss"].idxmin()
    axis.plot(table.index, table["train_loss"], "--", color=colour, linewidth=1, alpha=0.8)
    axis.plot(table.index, table["validation_loss"], style, color=colour)
    axis.plot(best, table.loc[best, "validation_loss"], marker, color=colour, markersize=8, label=label)


# %%
figure, axes = plt.subplots(1, 2, figsize=(plotting.WIDTH, 4.2), sharey=True)
panels = zip(axes, ("One hidden layer", "Two hidden layers"), (shallow, deep), strict=True)
for axis, title, family in panels:
    draw_losses(axis, curves[()], colour=SHADES["linear"], marker=MARKERS["linear"], label="linear")
    for hidden in family:
        look = {"colour": SHADES[hidden[0]], "marker": MARKERS[hidden[0]]}
        draw_losses(axis, curves[hidden], label=name_of(hidden), **look)
    axis.set(title=f"{title}: wide ones get lower, sooner", xlabel="epoch", yscale="log")
    axis.legend(title="lowest validation loss", loc="lower left")
axes[0].set(ylabel="cross-entropy, nats (log scale)")
figure.suptitle("Validation loss (solid) has a minimum, training loss (dashed) has none", fontsize=12)
plt.show()

# %%
rows = {}
for hidden, table in curves.items():
    losses = table["validation_loss"]
    best = losses.idxmin()
    rows[name_of(hidden)] = {
        "parameters": counts[hidden],
        "lowest validation loss": losses[best],
        "at epoch": best,
        "last validation loss": losses.iloc[-1],
        "rise since": losses.iloc[-1] / losses[best] - 1,
        "last training loss": table["train_loss"].iloc[-1],
    }
summary = pd.DataFrame.from_dict(rows, orient="index").astype({"parameters": int, "at epoch": int})
summary.round(3).assign(**{"rise since": summary["rise since"].map("{:.1%}".format)})

# %% [markdown]
# Follow the solid curves from the left. All fall fast. The wide ones reach their minimum first and lowest; the
# narrow ones are still near the bottom, or on their way to it, when the run ends. A network whose minimum stands at the
# last epochs has not shown yet where it overfits. And the dashed curves fall on and on: the training loss alone
# would never tell you to stop. So far the report's account holds.
#
# The linear model is high above the others on both losses. A model that cannot even follow its training images
# **underfits**. The report concludes that a linear model "cannot memorize" and cannot overfit. Two sections later
# it explains a figure by the overfitting of a linear model. Both cannot be true. With 7,850 parameters it takes only fewer
# images: try 300, and a larger learning rate to save time.

# %%
few = part_of(dataset.train, 300)
config = TrainingConfig(epochs=4 * EPOCHS, batch_size=BATCH_SIZE, learning_rate=20 * LEARNING_RATE, optimizer="adam")
linear_model = MultilayerPerceptron((), generator=seeded())
linear_few = fit(linear_model, few, validation=validation, config=config, generator=seeded(1), progress=False).table
figure, axis = plt.subplots(figsize=(plotting.WIDTH, 3.2))
draw_losses(axis, linear_few, colour="black", marker="X", label="lowest validation loss")
axis.set(title="300 images: the linear model overfits as well (solid: validation, dashed: training)")
axis.set(xlabel="epoch", ylabel="cross-entropy, nats (log scale)", yscale="log")
axis.legend()
plt.show()
linear_rise = linear_few["validation_loss"].iloc[-1] / linear_few["validation_loss"].min() - 1

# %% [markdown]
# The same picture as with a hidden layer. Whether a model overfits depends on the model, on the number of images and on
# how long you train; on 54,000 images the linear model has little chance to.
#
# ## Depth
#
# Now the same runs paired by the first width: one hidden layer against two.

# %%
ONE, TWO = {"colour": "black", "marker": "o"}, {"colour": COLOURS["wrong"], "marker": "s", "style": "-."}
figure, axes = plt.subplots(2, 2, figsize=(plotting.WIDTH, 6), sharex=True, sharey=True)
for axis, one, two in zip(axes.flat, shallow, deep, strict=True):
    for hidden, look in ((one, ONE), (two, TWO)):
        draw_losses(axis, curves[hidden], label=f"{name_of(hidden)}: {counts[hidden]:,} parameters", **look)
    axis.set(title=f"First layer {one[0]} wide", yscale="log")
    axis.legend(title="lowest validation loss", loc="lower left")
figure.supxlabel("epoch", fontsize=11)
figure.supylabel("cross-entropy, nats (log scale)", fontsize=11)
figure.suptitle("Two layers reach the minimum sooner and climb away from it faster", fontsize=12)
plt.show()

# %% [markdown]
# In each wide pair the second layer brings the minimum forward, and after it the loss climbs faster. The report sees
# the same and gives a cause: deep networks "have more capacity". The counts do not support that. Compare the deep
# network 256-128 with the shallow 512 in the table: the deep one has little more than half the parameters, and its
# rise is larger all the same.
#
# What differs is *speed*: per epoch the deep network gets further. So compare at equal progress instead of equal time.
# Draw the validation loss against the training loss; time then runs from right to left.

# %%
figure, axes = plt.subplots(1, 2, figsize=(plotting.WIDTH, 3.8), sharey=True)
for axis, one, two in zip(axes, shallow, deep, strict=False):
    for hidden, look in ((one, ONE), (two, TWO)):
        table = curves[hidden]
        style = look.get("style", "-")
        axis.plot(table["train_loss"], table["validation_loss"], style, color=look["colour"], label=name_of(hidden))
        axis.plot(*table[["train_loss", "validation_loss"]].iloc[-1], look["marker"], color=look["colour"])
    axis.set(xscale="log", title=f"First layer {one[0]} wide", xlabel="training loss, nats (log scale)")
    axis.invert_xaxis()
    axis.legend()
axes[0].set(ylabel="validation loss, nats", ylim=(0.8 * summary["lowest validation loss"].min(), 0.8))
figure.suptitle("At equal training loss, one and two layers are close; the deep one is further along", fontsize=12)
plt.show()

# %% [markdown]
# The markers are the last epochs. For most of the way the two lines keep close together: at the same training loss
# the deep network is hardly worse on new images. It has travelled further in the same number of epochs, into the
# region where both lines turn up. Part of "overfits harder" is "arrives earlier", and a fair comparison stops each
# network at its own minimum.
#
# ## Five seeds: which of the two is better?
#
# To choose between 512 and 512-256, the report trains each five times and compares the minima of the test loss: mean
# 0.0618 with standard deviation 0.001 for the shallow network, 0.0641 with 0.0028 for the deep one. The shallow one wins
# "four out of five times" and is chosen. Repeat that on the part, with validation losses. The runs of one network
# differ in their first weights and in the order of the images.

# %%
rivals = (shallow[0], deep[0])
rows = []
for hidden in rivals:
    for run in range(N_SEEDS):
        losses = study(hidden, run=run)["validation_loss"]
        rows.append({"network": name_of(hidden), "run": run, "lowest loss": losses.min(), "epoch": losses.idxmin()})
seeds = pd.DataFrame(rows).set_index(["network", "run"])
seeds["lowest loss"].unstack(level=0).join(seeds["epoch"].unstack(level=0), rsuffix=" epoch").round(4)

# %%
figure, axes = plt.subplots(1, 2, figsize=(plotting.WIDTH, 3.0), sharey=True)
for axis, quantity, unit in zip(axes, ("lowest loss", "epoch"), ("nats", "where it is reached"), strict=True):
    for height, (hidden, look) in enumerate(zip(rivals, (ONE, TWO), strict=True)):
        values = seeds.loc[name_of(hidden), quantity]
        axis.plot(values, [height] * N_SEEDS, look["marker"], color=look["colour"], alpha=0.7, markersize=8)
        interval = evaluation.mean_interval(values.tolist())
        axis.plot([interval.low, interval.high], [height - 0.25] * 2, color=look["colour"], linewidth=3)
        axis.plot(interval.estimate, height - 0.25, "|", color=look["colour"], markersize=14, markeredgewidth=3)
    axis.set(title=f"{quantity.capitalize()} of each run", xlabel=f"{quantity}, {unit}", ylim=(-0.6, 1.5))
axes[0].set(yticks=(0, 1), yticklabels=[name_of(hidden) for hidden in rivals], ylabel="network")
figure.suptitle("Five runs each; the bar is the 95 % interval of their mean", fontsize=12)
plt.show()

# %% [markdown]
# Each marker is one run. Is the distance between two clouds more than chance? **Welch's test** compares two means
# whose spreads may differ. It divides their difference by its standard error,
# $t = (m_1 - m_2) / \sqrt{s_1^2/n_1 + s_2^2/n_2}$, and looks $t$ up in Student's distribution, with the degrees of
# freedom that Welch gave. The **p-value** is the probability of a $|t|$ at least as large when the true means are
# equal.


# %%
def welch(mean_1, s_1, mean_2, s_2, n):
    first, second = (max(s**2 / n, 1e-12) for s in (s_1, s_2))  # squared standard errors of the two means
    t = (mean_1 - mean_2) / math.sqrt(first + second)
    freedom = (first + second) ** 2 * (n - 1) / (first**2 + second**2)
    return {"t": t, "degrees of freedom": freedom, "p": 2 * stats.t.sf(abs(t), freedom)}


published = welch(0.0618, 0.001, 0.0641, 0.0028, 5)
library = stats.ttest_ind_from_stats(0.0618, 0.001, 5, 0.0641, 0.0028, 5, equal_var=False)
assert math.isclose(published["p"], library.pvalue, rel_tol=1e-6)

# %%
comparisons = {"the report, lowest test loss": published}
for quantity in ("lowest loss", "epoch"):
    means, spreads = (seeds.groupby(level=0, sort=False)[quantity].agg(f) for f in ("mean", "std"))
    result = welch(means.iloc[0], spreads.iloc[0], means.iloc[1], spreads.iloc[1], N_SEEDS)
    entries = [f"{mean:.4g} ± {s:.2g}" for mean, s in zip(means, spreads, strict=True)]
    comparisons[f"here, {quantity}"] = dict(zip(map(name_of, rivals), entries, strict=True)) | result
comparisons["the report, lowest test loss"] |= {"512": "0.0618 ± 0.001", "512-256": "0.0641 ± 0.0028"}
formats = {"t": "{:.2f}", "degrees of freedom": "{:.1f}", "p": "{:.2g}"}
compared = pd.DataFrame(comparisons).T[[*map(name_of, rivals), *formats]]
compared.assign(**{column: compared[column].map(shown.format) for column, shown in formats.items()})

# %% [markdown]
# Read the report's row first. Its own numbers give a p-value well above 0.05: if both networks were equally good,
# one repetition of the study in about seven would show a difference at least this large. "Four out of five" does not help: with two equal networks, four or
# more wins in five have probability $6/32 = 0.19$, and the runs are not even paired. So five seeds did not establish
# that the shallow network is better. That is not the same as "they are equally good".
#
# The row with the epochs shows what five seeds *can* decide: a difference that is large compared with the spread from
# run to run. How large must it be? The **power** of a test is the probability of finding a difference that is there.

# %%
from statsmodels.stats.power import TTestIndPower

power = TTestIndPower()
detectable = power.solve_power(nobs1=5, power=0.8, alpha=0.05)  # in standard deviations
published_spread = math.sqrt((0.001**2 + 0.0028**2) / 2)
published_effect = (0.0641 - 0.0618) / published_spread
published_power = power.power(published_effect, nobs1=5, alpha=0.05)
needed = math.ceil(power.solve_power(published_effect, power=0.8, alpha=0.05))

# %%
display(
    Markdown(
        f"With five runs each, a difference must be **{detectable:.1f} standard deviations** to be found in 80 % of "
        f"all repetitions. The report's is {published_effect:.1f}; five runs find one like it in "
        f"{published_power:.0%}. It takes **{needed} runs each** for 80 %."
    )
)

# %% [markdown]
# What to do with an undecided comparison? Pick for another reason, and say so. The shallow network has fewer
# parameters, trains faster per epoch, and has a wider window in which to stop. It is the choice here, too.
#
# ## L2 on the linear model
#
# **L2 regularisation** adds $\lambda \lVert W \rVert^2$, the sum of all squared weights times a number λ, to the loss.
# Large weights now cost something. The report trains linear models with λ = 0, $10^{-4}$ and $10^{-1}$ and shows their
# weights as images, one row per λ. A linear model is cheap, so it gets all training images. The start is that of
# `nn.Linear`: uniform between $\pm 1/\sqrt{784} = \pm 1/28$.


# %%
@cache
def linear(penalty=0.0, initialisation="torch"):
    model = LogisticRegression(initialisation=initialisation, generator=seeded())
    settings = {"epochs": LINEAR_EPOCHS, "batch_size": BATCH_SIZE, "learning_rate": LEARNING_RATE}
    config = TrainingConfig(optimizer="adam", weight_decay=2 * penalty, **settings)
    fit(model, dataset.train, validation=dataset.validation, config=config, generator=seeded(1))
    return model


LINEAR_PENALTIES = (0.0, 1e-4, 1e-1)
weights = {penalty: linear(penalty).linear.weight.detach() for penalty in LINEAR_PENALTIES}  # [10, 784] each
titles = [f"{name}\nλ = {penalty:g}" for penalty in LINEAR_PENALTIES for name in dataset.classes]
plotting.weight_templates(
    torch.cat(list(weights.values())), titles=titles, columns=10, title="A larger λ makes paler and smoother weights"
)
plt.show()

# %% [markdown]
# All thirty images share one colour scale. Red pixels argue for the class, blue ones against it, compared with the
# other classes: adding the same image to all ten would change no prediction
# ([02_build_the_model](02_build_the_model.ipynb) shows why). The third row is pale and smooth: a strong penalty spares only what all
# images of a class share.
#
# The report sees "noise" in the corners of its first row, for class 0 for example, takes it for overfitting and
# credits L2 with removing it. Look at the corners closely: class 0 once more, with all colours saturated at $\pm 1/28$, and before
# training as well. The black outline surrounds pixels that are black in *every* training image.

# %% tags=["nbval-check-output"]
black = (dataset.train.images.amax(dim=(0, 1)) == 0).flatten()  # [784]
print(f"{int(black.sum())} of 784 pixels are black in all {len(dataset.train):,} training images")
print(f"{int(black.view(28, 28)[0].sum())} of 28 in the first row of pixels")

# %%
start = LogisticRegression(initialisation="torch", generator=seeded()).linear.weight.detach()  # [10, 784]
from_zero = linear(initialisation="zeros").linear.weight.detach()
panels = {"before training": start, "trained, λ = 0": weights[0.0], "trained, λ = 0.0001": weights[1e-4]}
panels |= {"trained, λ = 0.1": weights[1e-1], "λ = 0, from zeros": from_zero}
figure, axes = plt.subplots(1, 5, figsize=(plotting.WIDTH, 2.6))
for axis, (name, matrix) in zip(axes, panels.items(), strict=True):
    drawn = axis.imshow(matrix[0].view(28, 28), cmap="RdBu_r", vmin=-1 / 28, vmax=1 / 28)
    axis.contour(black.view(28, 28), levels=[0.5], colors="black", linewidths=1)
    axis.set(xticks=[], yticks=[])
    axis.set_title(name, fontsize=10)
figure.colorbar(drawn, ax=axes, label="weight, cut off", shrink=0.7, extend="both")
figure.suptitle(f"Class {dataset.classes[0]}: the noise in the corners is the noise it started with", fontsize=12)
plt.show()

# %% [markdown]
# Compare the outlined pixels in the first two panels: they are the same. They have to be. The gradient of a weight
# is $\frac1n \sum_i (p_i - y_i)\, x_i$, and for a pixel that is always black every $x_i$ is zero. Such a weight gets
# the gradient zero in each step and keeps its first random value to the last bit. It plays no part in any prediction on the
# training images, so nothing in it can be learned by heart. The noise is not overfitting; it is what `nn.Linear` drew.
#
# The last panel is the test: begin with zeros, without any L2. The corners stay white. If the noise had done harm,
# the loss should now be better.

# %%
rows = {}
for penalty, initialisation in [(0.0, "torch"), (0.0, "zeros"), (1e-4, "torch"), (1e-1, "torch")]:
    model = linear(penalty, initialisation)
    matrix = model.linear.weight.detach()
    loss, accuracy = training.loss_and_accuracy(model, dataset.validation)
    rows[f"λ = {penalty:g}, start {initialisation}"] = {
        "‖W‖": matrix.norm().item(),
        "largest |w|": matrix.abs().max().item(),
        "largest |w|, black pixels": matrix[:, black].abs().max().item(),
        "validation loss": loss,
        "accuracy": accuracy,
        "mean confidence": evaluation.predict(model, dataset.validation).confidence.mean().item(),
    }
l2_table = pd.DataFrame.from_dict(rows, orient="index")
l2_table.round(4)

# %% [markdown]
# First and second row: the same loss with and without the noise. Down the column $\lVert W \rVert$: the weights shrink
# as λ grows, as the report says. But between λ = 0 and $10^{-4}$ nothing speaks of better generalisation; with 54,000
# images and 7,850 parameters there was little overfitting to prevent. λ = $10^{-1}$ is another matter: its model is
# unsure of everything, and loses accuracy.
#
# One thing is odd. λ = $10^{-4}$ hardly changes the norm, yet it wipes the black pixels clean. How can a penalty be
# weak and thorough at once? The answer is in the optimiser.
#
# ## Four things that are called L2
#
# The gradient of the penalty $\lambda \lVert W \rVert^2$ is $2 \lambda W$. So you can leave the loss alone and add
# $\lambda' W$ to the gradient, with $\lambda' = 2\lambda$. That is PyTorch's `weight_decay`. Mind the two: with
# `weight_decay=λ` you get half the penalty of the report's formula. And `weight_decay` applies to every tensor that the
# optimiser is given, biases included, unless you put them into a group of their own. `fit` does that:

# %%
plotting.show_source(training._optimizer)

# %% [markdown]
# Does it matter *where* the decay happens? **SGD** subtracts the gradient times the learning rate η. **Adam** first
# divides each gradient by a running estimate of its size. **AdamW** keeps the decay out of the gradient: it
# multiplies the weights by $1 - \eta \lambda'$ and takes an Adam step on the plain loss. Take the penalty in the loss as the
# reference, 40 full steps on 1,000 images in `float64`, and see how far each `weight_decay` ends from it.

# %%
OPTIMIZERS = {"SGD": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}), "Adam": (torch.optim.Adam, {"lr": LEARNING_RATE})}
OPTIMIZERS["AdamW"] = (torch.optim.AdamW, {"lr": LEARNING_RATE})
images, labels = dataset.train.images[:1_000].double(), dataset.train.labels[:1_000]


def take_steps(name, *, penalty=0.0, weight_decay=0.0, n_steps=40):
    model = LogisticRegression(initialisation="torch", generator=seeded()).double()
    optimizer_class, settings = OPTIMIZERS[name]
    biases = {"params": [model.linear.bias], "weight_decay": 0.0}
    optimizer = optimizer_class([{"params": [model.linear.weight]}, biases], weight_decay=weight_decay, **settings)
    for _ in range(n_steps):
        optimizer.zero_grad()
        (cross_entropy(model(images), labels) + penalty * model.linear.weight.square().sum()).backward()
        optimizer.step()
    return model.linear.weight.detach()


# %%
strength = 0.01
decays = {"weight_decay = 0": 0.0, "weight_decay = λ": strength, "weight_decay = 2λ": 2 * strength}
gaps = {}
for name in OPTIMIZERS:
    reference = take_steps(name, penalty=strength)
    ends = {label: take_steps(name, weight_decay=decay) for label, decay in decays.items()}
    gaps[name] = {label: (end - reference).abs().max().item() for label, end in ends.items()}
gaps = pd.DataFrame(gaps).T
gaps.map("{:.1e}".format).rename_axis("largest difference from the penalty")

# %% [markdown]
# For SGD and Adam the last column is zero up to rounding: the penalty *is* `weight_decay = 2λ`. Half of it is something
# else. In the row of AdamW the last column is not zero: no `weight_decay` of AdamW stands for a penalty in the loss.
# (AdamW has another surprise: its default is `weight_decay=0.01`, not zero.)
#
# Now the black pixels. Their gradient is nothing but the decay, so you can follow them without any images. Start from
# the weights that the linear model began with, give them the gradient zero, and let each optimiser decay them.


# %%
def mean_size(optimizer_class, decay, n_steps=120):
    forgotten = start[:, black].clone()  # [10, number of black pixels]
    optimizer = optimizer_class([forgotten], lr=LEARNING_RATE, weight_decay=decay)
    sizes = [forgotten.abs().mean().item()]
    for _ in range(n_steps):
        forgotten.grad = torch.zeros_like(forgotten)
        optimizer.step()
        sizes.append(forgotten.abs().mean().item())
    return sizes


forgetting = {}
for penalty in LINEAR_PENALTIES[1:]:
    for name, (optimizer_class, _) in OPTIMIZERS.items():
        forgetting[penalty, name] = mean_size(optimizer_class, 2 * penalty)

# %%
figure, axes = plt.subplots(1, 2, figsize=(plotting.WIDTH, 3.6), sharey=True)
looks = {"SGD": ("-", "black"), "Adam": ("--", COLOURS["wrong"]), "AdamW": (":", COLOURS["right"])}
for axis, penalty in zip(axes, LINEAR_PENALTIES[1:], strict=True):
    for name, (style, colour) in looks.items():
        axis.plot(forgetting[penalty, name], style, color=colour, linewidth=2.5, label=name)
    axis.set(title=f"λ = {penalty:g}", xlabel="step", ylim=(0, None))
    axis.legend()
axes[0].set_ylabel("mean |weight|, always-black pixels")
figure.suptitle("Adam erases an idle weight at full speed, whatever λ is", fontsize=12)
plt.show()

# %% [markdown]
# SGD and AdamW lie on one another: per step both shrink the weight by the factor $1 - 2\eta\lambda$, which over so few
# steps is hardly a change. Adam divides the gradient $2\lambda w$ by its own size, and λ cancels: each step is about η long.
# From at most $1/28$ in steps of $5 \cdot 10^{-4}$ it takes about 71 steps to zero, less than the third of an epoch,
# with the weak penalty as with the one a thousand times stronger. Hence the clean corners in the second row of templates.
# That a weight *without* use is decayed as fast as others, or faster, is what AdamW was made to avoid.
#
# ## How much L2? λ on the hidden layer
#
# The report's main study: the shallow network 512, with Adam, at λ = 0, $3 \cdot 10^{-5}$, $3 \cdot 10^{-4}$, $10^{-3}$ and
# $3 \cdot 10^{-3}$. Each marker is a minimum of the loss or a maximum of the accuracy.

# %%
chosen_network = shallow[0]
sweep = {penalty: study(chosen_network, penalty) for penalty in sorted({*PENALTIES, *WIDER_PENALTIES})}
figure, axes = plt.subplots(1, 2, figsize=(plotting.WIDTH, 4.4))
colours = plt.cm.plasma([0.0, 0.25, 0.5, 0.7, 0.85])
for penalty, marker, colour in zip(PENALTIES, "Xos^D", colours, strict=True):
    table = sweep[penalty]
    draw_losses(axes[0], table, colour=colour, marker=marker, label=f"λ = {penalty:g}")
    best = table["validation_accuracy"].idxmax()
    axes[1].plot(table["train_accuracy"], "--", color=colour, linewidth=1, alpha=0.8)
    axes[1].plot(table["validation_accuracy"], color=colour)
    axes[1].plot(best, table.loc[best, "validation_accuracy"], marker, color=colour, markersize=8)
axes[0].set(title="Loss", ylabel="cross-entropy, nats (log scale)", yscale="log", xlabel="epoch")
axes[1].set(title="Accuracy", ylabel="fraction right", ylim=(0.8, 1.005), xlabel="epoch")
axes[0].legend(loc="lower left")
figure.suptitle("L2 holds the training loss up and the validation loss down (dashed: training)", fontsize=12)
plt.show()

# %% [markdown]
# Without L2 the training loss heads for zero and the validation loss turns up. The stronger λ is, the higher the
# dashed curve ends, and the less the solid one rises. On the right, no such turn: the accuracy stays at its height
# while the loss gets worse. The same images are right, but the wrong ones are wrong with growing confidence, and the loss
# charges for that. So the best epoch for the loss comes before the best epoch for the accuracy, in the report too: 18 and
# 40.
#
# ### A wider grid
#
# The best λ of the report is $3 \cdot 10^{-5}$, with a test loss of 0.048 at epoch 89. It is the smallest λ above zero that
# it tried, and a best value at the **edge of the grid** means that the grid should go on. The same on the part, with more values
# on both sides.

# %%
grid = pd.DataFrame({"lowest loss": {p: t["validation_loss"].min() for p, t in sweep.items()}})
grid["at epoch"] = [table["validation_loss"].idxmin() for table in sweep.values()]
grid["last loss"] = [table["validation_loss"].iloc[-1] for table in sweep.values()]
grid["last accuracy"] = [table["validation_accuracy"].iloc[-1] for table in sweep.values()]
grid["last training loss"] = [table["train_loss"].iloc[-1] for table in sweep.values()]
best_penalty = float(grid["lowest loss"].idxmin())
grid.round(4).set_axis([f"λ = {penalty:g}" for penalty in grid.index])

# %%
positive = grid[grid.index > 0]
figure, axis = plt.subplots(figsize=(plotting.WIDTH, 3.6))
axis.semilogx(positive["lowest loss"], color=COLOURS["validation"], label="lowest validation loss")
axis.semilogx(positive["last loss"], "--", color=COLOURS["validation"], label=f"validation loss at epoch {EPOCHS}")
for penalty, loss in positive["lowest loss"].items():
    axis.plot(penalty, loss, "o" if penalty in PENALTIES else "D", color=COLOURS["validation"], markersize=8)
axis.plot([], [], "o", color=COLOURS["validation"], label="λ that the report tried")
axis.plot([], [], "D", color=COLOURS["validation"], label="λ that it did not try")
axis.axhline(grid.loc[0.0, "lowest loss"], color="black", linestyle=":", label="lowest, λ = 0")
axis.axvline(best_penalty, color=COLOURS["right"], linewidth=6, alpha=0.3, label=f"best here, λ = {best_penalty:g}")
axis.set(title="Too little and too much: the best λ lies inside the wider grid")
axis.set(xlabel="λ (log scale)", ylabel="cross-entropy, nats")
axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %% [markdown]
# The solid line is a valley with both flanks in sight. The dashed line lies above it at the left, where stopping at
# the right epoch does what L2 would have done: **early stopping** regularises, too. To the right the two meet, since there
# is nothing left to stop.
#
# Do not carry this λ over to all images. The loss is a *mean* over $n$ images, so the penalty competes with $n$ images as
# $n \lambda \lVert W \rVert^2$ competes with the sum of their losses. What a penalty expresses, a belief about the size of
# weights, does not depend on how many images you have. Keep $n\lambda$, then: with more images a smaller λ. That is a rule of
# thumb for where to look, and it fits the report: its best λ at 60,000 images is far smaller than the best one here.

# %%
chosen_penalty = best_penalty * len(part) / len(dataset.train)
display(
    Markdown(
        f"Best on {len(part):,} images: λ = {best_penalty:g}. With the same $n\\lambda$ on "
        f"{len(dataset.train):,} images: **λ = {chosen_penalty:.1e}**."
    )
)

# %% [markdown]
# ## The chosen model, and its ten digits while it learns
#
# One hidden layer of 512, that λ, all training images. The report trains for 89 epochs. There is time for a tenth of
# that here, so the learning rate starts higher and is cut near the end (see
# [03_train_the_model](03_train_the_model.ipynb) for what such a cut does).
#
# The report also follows the accuracy of each digit during training. `fit` returns at the end, with the weights of the
# best epoch. Calling it again with `epochs=1` would be another training: Adam's running averages would start afresh
# each time. But `fit` can write a **checkpoint** after each epoch, with weights, averages, generators and all, and a
# later call with more epochs goes on from it as if it had never stopped. Check that on the part.

# %%
recipe = {"batch_size": BATCH_SIZE, "learning_rate": FINAL_RATE, "decay_every": FINAL_DECAY_EVERY, "optimizer": "adam"}


def train_up_to(epochs, model, train, checkpoint=None):
    config = TrainingConfig(epochs=epochs, weight_decay=2 * chosen_penalty, **recipe)
    arguments = {"validation": validation if train is part else dataset.validation, "generator": seeded(1)}
    return fit(model, train, config=config, checkpoint=checkpoint, progress=False, **arguments)


at_once, in_pieces = (MultilayerPerceptron((64,), generator=seeded()) for _ in range(2))
train_up_to(3, at_once, part)
with tempfile.TemporaryDirectory() as folder:
    for epochs in (1, 2, 3):
        train_up_to(epochs, in_pieces, part, Path(folder) / "pieces.pt")
pairs = zip(at_once.parameters(), in_pieces.parameters(), strict=True)
resume_is_exact = all(torch.equal(first, second) for first, second in pairs)
assert resume_is_exact

# %% [markdown]
# Bit for bit the same. So train in pieces of one epoch, and after each take the current weights out of the
# checkpoint and look at the digits. The accuracy on the images of one class is that class's **recall**.

# %%
model, current = (MultilayerPerceptron(chosen_network, generator=seeded()) for _ in range(2))
recalls = []
with tempfile.TemporaryDirectory() as folder:
    checkpoint = Path(folder) / "chosen.pt"
    for epochs in tqdm(range(1, FINAL_EPOCHS + 1), desc="all images", unit="epoch", leave=False):
        history = train_up_to(epochs, model, dataset.train, checkpoint)
        current.load_state_dict(torch.load(checkpoint, weights_only=True)["model"])
        report = evaluation.per_class_report(evaluation.predict(current, dataset.validation))
        recalls.append(report["recall"])
recalls = pd.DataFrame(recalls, index=pd.RangeIndex(1, FINAL_EPOCHS + 1, name="epoch"))  # one column per class
_ = plotting.learning_curves(
    history.table, best_epoch=history.best_epoch, title="The chosen model on all training images"
)

# %% [markdown]
# The step down is the cut of the learning rate. Now the ten classes, each in front of the nine others in grey.

# %%
figure, axes = plt.subplots(2, 5, figsize=(plotting.WIDTH, 4.4), sharex=True, sharey=True)
for k, axis in enumerate(axes.flat):
    axis.plot(recalls.drop(columns=k), color=COLOURS["neutral"], linewidth=0.6, alpha=0.6)
    axis.plot(recalls[k], color=COLOURS["validation"], linewidth=2.5)
    axis.set(title=f"class {dataset.classes[k]}", ylim=(max(recalls.min().min() - 0.01, 0.9), 1.001))
    axis.xaxis.get_major_locator().set_params(integer=True)
figure.supxlabel("epoch", fontsize=11)
figure.supylabel("recall, fraction of the class's validation images", fontsize=11)
figure.suptitle("Some digits are learned at once, others later and less steadily", fontsize=12)
plt.show()

# %%
late = recalls.iloc[len(recalls) // 2 :]
digits = pd.DataFrame({"first epoch": recalls.iloc[0], "second half, mean": late.mean(), "spread": late.std()})
digits["one image is"] = [f"{1 / n:.3%}" for n in report["support"]]
digits.index = pd.Index(dataset.classes, name="class")
digits.sort_values("second half, mean", ascending=False).round(4)

# %% [markdown]
# The report calls 0 and 1 the easiest digits and 5, 8 and 9 the hardest. Compare its list with the order of the table.
# Be careful with the lower half: a class has about 600 validation images, so a few images decide about places, and
# each recall has a sampling error of about half a point.
#
# ## The test set, once
#
# Everything is chosen. Now, and only now, predict the test images.

# %%
predictions = evaluation.predict(model, dataset.test)
interval = evaluation.accuracy_interval(predictions)
confusion = evaluation.confusion_counts(predictions)
per_class = evaluation.per_class_report(predictions)
display(
    Markdown(
        f"Test accuracy: **{interval:.2%}** (95 % interval), {int((~predictions.correct).sum())} errors in "
        f"{len(dataset.test):,} images; validation accuracy was "
        f"{history.table['validation_accuracy'][history.best_epoch]:.2%}."
    )
)

# %%
_, axis = plt.subplots(figsize=(7.4, 6.2))
shares = confusion / confusion.sum(axis=1, keepdims=True)
_ = plotting.heatmap(
    shares,
    title="Test set: each row sums to 100 %, the diagonal is the recall",
    label="fraction of the true class",
    classes=dataset.classes,
    percent=True,
    axis=axis,
)
plt.show()

# %% [markdown]
# **Row-normalised** means that each cell is divided by the number of images of its true class, so that the classes can be
# compared. The report publishes such a matrix for its own network of 15 epochs, and discusses four cells of it. A
# share of 0.008 looks like a measurement; turn it back into images.

# %%
from mnist_lr_helpers.errors import confusions

cells = pd.DataFrame({"report": {(9, 3): 0.008, (9, 4): 0.013, (9, 7): 0.007, (5, 3): 0.011}})
support = pd.Series(per_class["support"])
cells["report, images"] = [round(share * support[true]) for (true, _), share in cells["report"].items()]
cells["± √count"] = cells["report, images"] ** 0.5
cells["here, images"] = [confusion[true, predicted] for true, predicted in cells.index]
cells.index = [f"{dataset.classes[true]} taken for {dataset.classes[predicted]}" for true, predicted in cells.index]
cells.round(3)

# %%
confusions(predictions).head(6).round({"share_of_label": 4})

# %% [markdown]
# The numbers in the report are 7 to 13 images each. A count of rare events scatters by about its square root, so an
# order among such cells is mostly chance: another seed gives another order. That 4 and 9 are confused in either
# direction is well established; that 9 is *the* worst digit is not, as the diagonal of another run shows.
#
# ## The report's 100 epochs
#
# The full runs, all networks and all λ for 100 epochs on all images, take too long for a lesson. Their results
# belong into `data/results/`, in files named `s2_….csv` with one row per epoch: `network` ("512-256", or "linear"), `penalty`
# (λ), `run`, `epoch`, the columns of `History.table`, and `date` and `versions`. The next cell draws them beside the
# lesson's own curves, if they are there.

# %%
files = sorted((DEFAULT_ROOT / "results").glob("s2_*.csv"))
stored = pd.concat([pd.read_csv(file) for file in files]) if files and dataset.name == "mnist" else None
lesson = [curves[hidden].assign(network=name_of(hidden), penalty=0.0) for hidden in networks]
lesson += [table.assign(network=name_of(chosen_network), penalty=penalty) for penalty, table in sweep.items() if penalty]
lesson = pd.concat(lesson).reset_index()


def draw_runs(axis, results, column, title):
    for colour, (value, table) in zip(plt.cm.viridis(torch.linspace(0, 0.9, 9)), results.groupby(column), strict=False):
        axis.plot(table["epoch"], table["validation_loss"], color=colour, label=value)
        axis.annotate(value, (table["epoch"].iloc[-1], table["validation_loss"].iloc[-1]), fontsize=8)
    axis.set(title=title, xlabel="epoch", yscale="log")


# %%
if stored is None:
    display(Markdown("The stored results of the full runs have not been made."))
else:
    first_runs, name = stored[stored["run"] == stored["run"].min()], name_of(chosen_network)
    for column, chosen in (("network", "penalty == 0"), ("penalty", "network == @name")):
        figure, axes = plt.subplots(1, 2, figsize=(plotting.WIDTH, 4.2))
        draw_runs(axes[0], lesson.query(chosen), column, f"This lesson: {len(part):,} images")
        draw_runs(axes[1], first_runs.query(chosen), column, "Stored: all training images")
        axes[0].set_ylabel("validation loss, nats (log scale)")
        figure.suptitle(f"Validation loss by {column}, lesson and full runs", fontsize=12)
        plt.show()
    made = "; ".join(sorted({f"{date}, {versions}" for date, versions in stored[["date", "versions"]].values}))
    display(Markdown(f"Stored results made {made}."))

# %% [markdown]
# ## What we found
#
# Statements about networks are judged on MNIST alone; identities hold anywhere.

# %%
from mnist_lr_helpers.exercises import Findings, check

found = Findings(dataset, quick=QUICK)
extra = [counts[two] / counts[one] - 1 for one, two in zip(shallow, deep, strict=True)]
found.record(
    "A second hidden layer of half the width adds at most a third to the parameters; deep 256-128 has fewer than shallow 512",
    max(extra) < 1 / 3 and counts[deep[1]] < counts[shallow[0]],
    f"{min(extra):+.1%} to {max(extra):+.1%}; {counts[deep[1]]:,} against {counts[shallow[0]]:,}",
    anywhere=True,
)
lowest, at_epoch = summary["lowest validation loss"], summary["at epoch"]
by_width = [[name_of(hidden) for hidden in family] for family in (shallow, deep)]
found.record(
    "At equal depth, a wider network reaches a lower validation loss, and no later",
    all(lowest[names].is_monotonic_increasing and at_epoch[names].is_monotonic_increasing for names in by_width),
    "; ".join(", ".join(f"{name}: {lowest[name]:.3f} at {at_epoch[name]:.0f}" for name in names) for names in by_width),
)

# %%
rise = summary["rise since"]
pairs = list(zip(*by_width, strict=True))[:2]
found.record(
    "For the wide pairs, the deep network reaches its minimum sooner and rises more after it, and not because of more "
    "parameters: deep 256-128 rises more than shallow 512",
    all(at_epoch[two] < at_epoch[one] and rise[two] > rise[one] for one, two in pairs)
    and rise[by_width[1][1]] > rise[by_width[0][0]],
    "; ".join(f"{name}: minimum at {at_epoch[name]:.0f}, then {rise[name]:+.0%}" for pair in pairs for name in pair),
)
training_losses = summary["last training loss"]
found.record(
    "The linear model underfits on the part, and overfits on 300 images",
    training_losses["linear"] > 1.5 * training_losses.drop("linear").max() and linear_rise > 0.02,
    f"training loss {training_losses['linear']:.2f}, others at most {training_losses.drop('linear').max():.2f}; "
    f"300 images: validation loss {linear_rise:+.0%} after its minimum",
)

# %%
unpenalised = sweep[0.0]
at_minimum = unpenalised.loc[unpenalised["validation_loss"].idxmin(), "validation_accuracy"]
final = unpenalised.iloc[-1]
found.record(
    "Without L2 the validation loss rises after its minimum while the accuracy does not fall",
    final["validation_loss"] > 1.02 * unpenalised["validation_loss"].min()
    and final["validation_accuracy"] > at_minimum - 0.003,
    f"loss {unpenalised['validation_loss'].min():.3f} to {final['validation_loss']:.3f}, accuracy {at_minimum:.1%} to "
    f"{final['validation_accuracy']:.1%}",
)
found.record(
    "The report's five seeds do not decide between 512 and 512-256: Welch's p and the sign test stay above 0.1; to be "
    "found by five runs each, a difference must be about two standard deviations",
    0.13 < published["p"] < 0.16 and 1.9 < detectable < 2.1 and needed > 10,
    f"t = {published['t']:.2f}, p = {published['p']:.2f}, 6/32 = {6 / 32:.2f}; {detectable:.1f} standard deviations; "
    f"{needed} runs each needed for the published difference",
    anywhere=True,
)

# %%
epochs_test, loss_test = comparisons["here, epoch"], comparisons["here, lowest loss"]
found.record(
    "Five seeds do decide that the deep network reaches its minimum sooner",
    epochs_test["p"] < 0.01 and epochs_test["t"] > 0,
    f"p = {epochs_test['p']:.1g} for the epochs, {loss_test['p']:.2g} for the losses",
)
black_now = l2_table["largest |w|, black pixels"]
untouched = torch.equal(weights[0.0][:, black], start[:, black])
found.record(
    "Weights of always-black pixels keep their first values to the last bit; starting from zeros removes them at the "
    "same validation loss: the noise is no overfitting",
    untouched
    and black_now.iloc[1] == 0
    and abs(l2_table["validation loss"].iloc[1] / l2_table["validation loss"].iloc[0] - 1) < 0.01,
    f"{int(black.sum())} pixels; losses {l2_table['validation loss'].iloc[0]:.4f} and "
    f"{l2_table['validation loss'].iloc[1]:.4f}",
)

# %%
norms, linear_losses = l2_table["‖W‖"].iloc[[0, 2, 3]], l2_table["validation loss"].iloc[[0, 2, 3]]
found.record(
    "On the linear model a larger λ makes smaller weights; 0.0001 changes the loss by less than 1 %, 0.1 costs "
    "confidence and accuracy",
    norms.is_monotonic_decreasing
    and abs(linear_losses.iloc[1] / linear_losses.iloc[0] - 1) < 0.01
    and (l2_table[["accuracy", "mean confidence"]].iloc[3] < l2_table[["accuracy", "mean confidence"]].iloc[0] - 0.03).all(),
    f"‖W‖ {', '.join(f'{norm:.2f}' for norm in norms)}; losses {', '.join(f'{loss:.4f}' for loss in linear_losses)}; "
    f"accuracy {l2_table['accuracy'].iloc[0]:.1%} and {l2_table['accuracy'].iloc[3]:.1%}",
)
full_decay = gaps["weight_decay = 2λ"]
idle = {name: forgetting[1e-4, name][-1] / forgetting[1e-4, name][0] for name in OPTIMIZERS}
found.record(
    "The penalty λ‖W‖² is weight_decay = 2λ in SGD and in Adam, and no weight_decay in AdamW; Adam erases idle weights "
    "whatever λ is, SGD and AdamW keep them",
    full_decay[["SGD", "Adam"]].max() < 1e-9
    and full_decay["AdamW"] > 1e-3
    and idle["Adam"] < 0.01
    and min(idle["SGD"], idle["AdamW"]) > 0.99,
    f"gaps {', '.join(f'{name} {gap:.0e}' for name, gap in full_decay.items())}; after 120 steps at λ = 0.0001 "
    f"{', '.join(f'{name} {share:.1%}' for name, share in idle.items())} are left",
    anywhere=True,
)

# %%
ordered = sorted(sweep)
lasts = grid["last training loss"]
found.record(
    "The best λ on the part lies inside the wider grid, above the report's best: no L2 is worse, and so is the strongest",
    ordered[1] < best_penalty < ordered[-1]
    and best_penalty > 3e-5
    and grid.loc[[0.0, ordered[-1]], "lowest loss"].min() > 1.02 * grid["lowest loss"].min(),
    f"best λ {best_penalty:g}: {grid['lowest loss'].min():.3f}; λ = 0: {grid.loc[0.0, 'lowest loss']:.3f}; "
    f"λ = {ordered[-1]:g}: {grid.loc[ordered[-1], 'lowest loss']:.3f}",
)
found.record(
    "A larger λ holds the training loss up and reduces the rise of the validation loss",
    lasts.is_monotonic_increasing
    and grid.loc[best_penalty, "last loss"] / grid.loc[best_penalty, "lowest loss"] < 1 + rise[name_of(chosen_network)],
    f"training loss at the end from {lasts.iloc[0]:.3f} to {lasts.iloc[-1]:.3f}; validation rise "
    f"{rise[name_of(chosen_network)]:+.0%} without, "
    f"{grid.loc[best_penalty, 'last loss'] / grid.loc[best_penalty, 'lowest loss'] - 1:+.0%} with λ = {best_penalty:g}",
)

# %%
means = late.mean()
found.record(
    "Training in pieces through a checkpoint gives the weights of training at once, bit for bit",
    resume_is_exact,
    "three epochs of a small network on the part, at once and one by one",
    anywhere=True,
)
found.record(
    "In the second half of training the digits 0 and 1 are above the mean recall, and 8 and 9 below it",
    means[[0, 1]].min() > means.mean() > means[[8, 9]].max(),
    ", ".join(f"{dataset.classes[k]}: {means[k]:.1%}" for k in means.sort_values(ascending=False).index),
)
found.record(
    "The chosen model, 512 with L2 on all training images, is right on at least 98.3 % of the test images",
    interval.estimate >= 0.983,
    f"{interval:.2%}",
)
found

# %% tags=["nbval-check-output"]
print(found.verdicts)

# %% [markdown]
# ## Exercises
#
# ### 07.1 A shallow network of equal size
#
# Write a function that takes the widths `first` and `second` of a network with two hidden layers, 784 inputs and 10
# outputs, and returns the largest width of a *one*-hidden-layer network that has no more parameters.


# %% tags=["exercise"]
def answer(first, second): ...


check("07.1 equal-size", answer)


# %% tags=["solution", "hide-input"] jupyter={"source_hidden": true}
def width_of_equal_size(first, second):
    deep_count = 785 * first + (first + 1) * second + (second + 1) * 10
    return (deep_count - 10) // (785 + 10)  # each hidden neuron: 784 weights in, 1 bias, 10 weights out


check("07.1 equal-size", width_of_equal_size)

# %% [markdown]
# ### 07.2 An idle weight
#
# The penalty $\lambda w^2$ is in the loss, and the images give the weight `w` no gradient. Write a function that returns
# the weight after `steps` steps of SGD without momentum.


# %% tags=["exercise"]
def answer(w, learning_rate, penalty, steps): ...


check("07.2 idle-weight", answer)


# %% tags=["solution", "hide-input"] jupyter={"source_hidden": true}
def idle_weight(w, learning_rate, penalty, steps):
    return w * (1 - 2 * learning_rate * penalty) ** steps  # the gradient is 2 λ w, of the weight as it is now


check("07.2 idle-weight", idle_weight)

# %% [markdown]
# ### 07.3 Welch's test with unequal numbers of runs
#
# The function `welch` above takes one number of runs for both models. Write one that takes means, standard deviations
# and numbers of runs of both, and returns the pair ($t$, degrees of freedom). With $v_i = s_i^2 / n_i$, Welch's degrees
# of freedom are $(v_1 + v_2)^2 / \bigl(v_1^2/(n_1 - 1) + v_2^2/(n_2 - 1)\bigr)$.


# %% tags=["exercise"]
def answer(mean_1, s_1, n_1, mean_2, s_2, n_2): ...


check("07.3 welch", answer)


# %% tags=["solution", "hide-input"] jupyter={"source_hidden": true}
def welch_of_two(mean_1, s_1, n_1, mean_2, s_2, n_2):
    v_1, v_2 = s_1**2 / n_1, s_2**2 / n_2
    freedom = (v_1 + v_2) ** 2 / (v_1**2 / (n_1 - 1) + v_2**2 / (n_2 - 1))
    return (mean_1 - mean_2) / math.sqrt(v_1 + v_2), freedom


check("07.3 welch", welch_of_two)

# %% [markdown]
# ## Where to go next
#
# [08_convolutional_network](08_convolutional_network.ipynb) spends parameters more cleverly than on width: it looks at
# neighbourhoods. [10_published_results](10_published_results.ipynb) judges the report's numbers, together with those of the
# four other documents.
