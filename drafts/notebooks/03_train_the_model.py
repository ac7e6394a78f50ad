# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 03 · Train the model
#
# **How does it learn, and how well can it possibly do?**
#
# **You will learn to**
#
# - write the training loop from raw tensors, and recognise it in a tested helper,
# - read learning curves, step decay and early stopping, and notice when they work against each other,
# - stop a run and resume it without a trace,
# - choose a learning rate and a batch size by measuring,
# - compute the best possible logistic regression, with a proof of how good it is, and measure every run against it.
#
# **You need** [02_build_the_model](02_build_the_model.ipynb): the model, the loss, and the gradient.
#
# *Measured running time: 0 s on 2 CPU cores; peak memory 0 MB.*

# %% tags=["parameters"]
DATASET = "auto"  # "auto", "mnist", "fashion-mnist", "kmnist", "qmnist" or "digits"
SEED = 0  # seeds every random choice
QUICK = False  # a smoke run: small and fast; conclusions are not judged
TRAIN_SIZE = None  # training images, None for all
EPOCHS = 30  # of S1's recipe, at most
BATCH_SIZE = 64  # images per step
LEARNING_RATE = 0.01  # step size at the start
MOMENTUM = 0.9  # share of the last step that is kept
DECAY_EVERY = 10  # epochs between two cuts of the learning rate
PATIENCE = 5  # epochs without a better validation loss before training stops
SEEDS = 3  # repetitions wherever chance matters
BATCH_SIZES = [16, 64, 256, 1024]  # for the section on batch size; 64 must be among them
L2_GRID = [1e-2, 1e-3, 3e-4]  # strengths of the penalty; validation chooses
STUDY_EPOCHS = 6  # of each run that is measured against the optimum
S4_EPOCHS = 50  # of S4's recipe

# %% tags=["nbval-check-output"]
import matplotlib.pyplot as plt
import pandas as pd
import torch
from torch.nn.functional import cross_entropy, one_hot, pad

from mnist_lr_helpers import plotting, training
from mnist_lr_helpers.data import Split, load_data
from mnist_lr_helpers.models import LogisticRegression
from mnist_lr_helpers.training import TrainingConfig, TrainingError, convex_optimum, fit, learning_rate_range_test

if QUICK:
    TRAIN_SIZE, EPOCHS, STUDY_EPOCHS, S4_EPOCHS, SEEDS = 1_000, 2, 2, 8, 2
plotting.use_style()
dataset = load_data(DATASET, seed=SEED, train_size=TRAIN_SIZE)
dataset

# %% [markdown]
# Two kinds of chance enter the training: where the weights start, and the order of the images. Each gets a generator of
# its own, so that nothing else in the notebook can disturb it.


# %%
def seeded(offset=0):
    return torch.Generator().manual_seed(SEED + offset)


# %% [markdown]
# ## The loop, from raw tensors
#
# You know the gradient from [02_build_the_model](02_build_the_model.ipynb): probabilities minus truth, times the pixels.
# **Training** is this gradient, used many times. Take a few images, a **batch**. Compute the gradient of their mean
# loss. Move the weights a little against it, and take the next batch. Since a batch is a random sample, its gradient is
# a noisy estimate of the gradient over all images, and the method is called **stochastic gradient descent**, SGD. One
# pass over all images is an **epoch**.
#
# One trick keeps the code short. Append a pixel that is always 1 to every image: its weights are the biases.

# %%
train, validation, n_classes = dataset.train, dataset.validation, len(dataset.classes)
pixels = pad(train.images.flatten(start_dim=1), (0, 1), value=1.0)  # [n, 785], the last column is 1
truth = one_hot(train.labels, n_classes).float()  # [n, 10]


# %% [markdown]
# The step itself has three knobs:
#
# - the **learning rate** $\eta$ scales each step;
# - **momentum** $\mu$ keeps a share of the last step: $v \leftarrow \mu v + g$, then $w \leftarrow w - \eta v$. If the
#   gradient $g$ stays the same for a while, $v$ grows to $g\,(1 + \mu + \mu^2 + \dots) = g / (1 - \mu)$. With
#   $\mu = 0.9$ that is ten times $g$. Keep this factor in mind; it returns three times below;
# - **weight decay** $\lambda$ pulls every weight towards zero. It is the gradient of the penalty
#   $\tfrac{\lambda}{2}\lVert W \rVert^2$. It is off for now.


# %%
def sgd_epoch(weights, velocity, order, *, learning_rate, momentum, l2=0.0):
    for index in order.split(BATCH_SIZE):
        x, y = pixels[index], truth[index]  # [64, 785], [64, 10]
        probabilities = (x @ weights.T).softmax(dim=1)  # [64, 10]
        gradient = (probabilities - y).T @ x / len(index) + l2 * weights  # [10, 785]
        velocity.mul_(momentum).add_(gradient)
        weights.sub_(learning_rate * velocity)


# %% [markdown]
# Nothing is hidden in these lines: no model class, no optimiser, no automatic differentiation. Run one epoch from zero
# weights. With zero weights all probabilities are equal, so the loss starts at the logarithm of the number of classes.

# %%
import time

from IPython.display import Markdown

weights, velocity = torch.zeros(n_classes, pixels.shape[1]), torch.zeros(n_classes, pixels.shape[1])
loss_before = cross_entropy(pixels @ weights.T, train.labels).item()
order = torch.randperm(len(pixels), generator=seeded(1))
started = time.perf_counter()
sgd_epoch(weights, velocity, order, learning_rate=LEARNING_RATE, momentum=MOMENTUM)
raw_seconds = time.perf_counter() - started
loss_after = cross_entropy(pixels @ weights.T, train.labels).item()
Markdown(f"Training loss: {loss_before:.4f} before, {loss_after:.4f} after one epoch of {raw_seconds:.2f} s.")

# %% [markdown]
# ## The same loop, packed
#
# The course's helper `fit` does the same with any model, and adds what a real run needs: a schedule for the learning
# rate, a look at the validation images after each epoch, early stopping, checkpoints, and error messages. This is its
# own source, not a copy.

# %%
plotting.show_source(fit)

# %%
plotting.show_source(training._train_epoch)

# %% [markdown]
# Find your loop: `model(images)` is `x @ weights.T`, `loss.backward()` computes the gradient, `optimizer.step()` moves
# the weights. The sums at the end weight each batch by its number of images, because the last batch of an epoch is
# smaller.
#
# "The same" is a claim that you can check. Start `fit` from zeros and give it the same order of images: it must end with
# the same weights, up to rounding.


# %%
def as_matrix(model):
    return torch.cat([model.linear.weight, model.linear.bias[:, None]], dim=1).detach()  # [10, 785]


packed = LogisticRegression(n_classes=n_classes, initialisation="zeros")
one_epoch = TrainingConfig(epochs=1, batch_size=BATCH_SIZE, learning_rate=LEARNING_RATE, momentum=MOMENTUM)
fit(packed, train, validation=validation, config=one_epoch, generator=seeded(1))
loop_difference = (as_matrix(packed) - weights).abs().max().item()
assert loop_difference < 1e-3
Markdown(f"Largest difference between the two: {loop_difference:.1e}; largest weight: {weights.abs().max():.2f}.")

# %% [markdown]
# One line of `fit` may puzzle you: `with _threads(model, …)`. PyTorch spreads a matrix product over all processor cores.
# For a small product, handing out the work costs more than the work. So `fit` counts the **FLOPs** (floating-point
# additions and multiplications) of a forward pass over one batch, and uses one thread below a measured limit. It counts
# instead of timing, because the number of threads changes the rounding: a choice that depends on the load of the
# machine would break the promise "same seed, same result".

# %% tags=["nbval-check-output"]
counts = []
for batch_size in BATCH_SIZES:
    with torch.inference_mode(), torch.utils.flop_counter.FlopCounterMode(display=False) as counter:
        packed(torch.zeros(batch_size, 1, 28, 28))
    flops = counter.get_total_flops()
    counts.append((batch_size, flops, "one" if flops < training.FLOPS_WORTH_SHARING else "all"))
pd.DataFrame(counts, columns=["batch size", "FLOPs of a forward pass", "threads"]).set_index("batch size")

# %% [markdown]
# Each image costs $2 \cdot 784 \cdot 10$ FLOPs, a multiplication and an addition per weight. That is little.
#
# ## The configuration
#
# The document "Mastering Logistic Regression on MNIST: PyTorch Implementation and Analysis" (S1 from here on) publishes
# a complete recipe: at most 30 epochs in batches of 64, learning rate 0.01, momentum 0.9. Two rules run beside it:
#
# - **step decay**: the learning rate is multiplied by 0.1 every 10 epochs;
# - **early stopping** with **patience** 5: training ends when the validation loss has had no new minimum for 5 epochs.
#   `fit` then returns the weights of the best epoch, not the last.
#
# It is a frozen dataclass: a run cannot change its own recipe halfway, and a value out of range is refused at once.

# %% tags=["nbval-check-output"]
from dataclasses import replace

recipe = TrainingConfig(
    epochs=EPOCHS,
    batch_size=BATCH_SIZE,
    learning_rate=LEARNING_RATE,
    momentum=MOMENTUM,
    decay_every=DECAY_EVERY,
    decay_factor=0.1,
    patience=PATIENCE,
)
print(recipe)
try:
    replace(recipe, momentum=1.0)
except ValueError as error:
    print("refused:", error)

# %% [markdown]
# Train it, from random weights (Xavier's, as in S1), and keep a checkpoint for later.

# %%
import tempfile
from pathlib import Path


def train_from_scratch(config, *, seed=SEED, checkpoint=None):
    model = LogisticRegression(n_classes=n_classes, generator=torch.Generator().manual_seed(seed))
    order = torch.Generator().manual_seed(seed + 100)
    history = fit(model, train, validation=validation, config=config, generator=order, checkpoint=checkpoint)
    return model, history


folder = tempfile.TemporaryDirectory()
s1_checkpoint = Path(folder.name) / "s1.pt"
stopped_model, stopped = train_from_scratch(recipe, checkpoint=s1_checkpoint)
title = f"S1's recipe: {len(stopped.rows)} of at most {EPOCHS} epochs"
_ = plotting.learning_curves(stopped.table, best_epoch=stopped.best_epoch, title=title)

# %% [markdown]
# How to read **learning curves**: the blue line is the loss on training images, the orange line the loss on validation
# images, which the gradient never sees. The dotted line marks the best epoch, the one with the lowest validation loss.
#
# One trap: the two curves are not measured alike. The training loss of an epoch is the mean over its batches, *seen on
# the way*, while the weights are changing. The validation loss is measured at the end of the epoch. In the first epoch
# the training loss therefore contains all the bad batches of the beginning, and may lie above the validation loss.
#
# ## Patience against decay
#
# The recipe has two rules that know nothing of each other. The first cut of the learning rate comes after epoch 10. But
# if the best epoch is the fifth or earlier, patience runs out at epoch 10 or earlier, and no cut ever comes. At a constant
# learning rate the validation loss goes up and down at random, so an early lucky epoch can end the run.
#
# What did it miss? You have the checkpoint. A run with more patience is a continuation of the same run, so resume it
# with early stopping switched off.

# %%
s1_model, s1 = train_from_scratch(replace(recipe, patience=0), checkpoint=s1_checkpoint)
folder.cleanup()
figure = plotting.learning_curves(s1.table, best_epoch=s1.best_epoch, title="S1's recipe without early stopping")
for axis in figure.axes:
    for epoch in range(DECAY_EVERY, EPOCHS, DECAY_EVERY):
        label = "learning rate × 0.1" if epoch == DECAY_EVERY else None
        axis.axvline(epoch + 0.5, color="black", linewidth=0.8, linestyle="-.", label=label)
    axis.axvline(len(stopped.rows), color=plotting.COLOURS["wrong"], linewidth=1, label="stopped here before")
    axis.get_legend().remove()
_ = figure.axes[0].legend()

# %% [markdown]
# Look at the first black line: the loss falls within one epoch. The plateau before it was not the end of learning. It was
# the noise of the batches: with a large step, each batch throws the weights to another side of the valley. A tenth of the
# step, and they settle lower. The second cut changes less: there is less noise left to remove.
#
# Was the early stop bad luck of this seed? Ask other seeds whether they survive to the first cut.

# %%
survival = [(SEED, stopped.best_epoch, len(stopped.rows), stopped.stopped_early and len(stopped.rows) <= DECAY_EVERY)]
for seed in range(SEED + 1, SEED + SEEDS):
    _, history = train_from_scratch(replace(recipe, epochs=min(EPOCHS, DECAY_EVERY)), seed=seed)
    survival.append((seed, history.best_epoch, len(history.rows), history.stopped_early))
columns = ["seed", "best epoch", "epochs run", "stopped before the first cut"]
survival = pd.DataFrame(survival, columns=columns).set_index("seed")
survival

# %% [markdown]
# Seeds after the first were asked up to epoch 10 only. The remedy is arithmetic: patience must be longer than the wait
# for the next cut, or the count must start anew at each cut. S1 publishes no learning curve values and no stopping epoch,
# so nobody can say which of the two models its figures belong to. The code, as far as it is legible there, never loads its
# best checkpoint: it evaluates the weights of the *last* epoch.
#
# ## Stop and resume
#
# A **checkpoint** must hold more than the weights: the velocity of the momentum, the state of the shuffling, the best
# weights so far, the history. If one is missing, the resumed run is another run. The test is strict: two epochs in one go,
# and two epochs with a stop in between, must agree in every bit. To prove that the state comes from the file, the second
# process starts from a different seed.

# %%
two = replace(recipe, epochs=2, batch_size=256, decay_every=1)
with tempfile.TemporaryDirectory() as name:
    file = Path(name) / "run.pt"
    straight, _ = train_from_scratch(two)
    train_from_scratch(replace(two, epochs=1), checkpoint=file)
    resumed, _ = train_from_scratch(two, seed=SEED + 99, checkpoint=file)
    try:
        train_from_scratch(replace(two, learning_rate=0.1), checkpoint=file)
    except TrainingError as error:
        print("Another recipe: …", str(error).split(" was ")[1])
assert torch.equal(as_matrix(straight), as_matrix(resumed))
print("straight and resumed, all bits equal:", torch.equal(as_matrix(straight), as_matrix(resumed)))

# %% [markdown]
# ## The learning rate: a range test
#
# Too small a learning rate wastes time, too large a one never settles. The **range test** (Smith 2017) finds the useful
# range in seconds: raise the learning rate a little with every step, and watch the loss. While the rate is too small,
# nothing happens. Then the loss falls. Then the steps become too large, and it rises.

# %%
plotting.show_source(learning_rate_range_test)

# %% [markdown]
# Three things make it right. The weights are fresh, because the question is how fast *learning* goes. Every step uses a
# new batch, so the loss cannot fall by remembering. And the curve is smoothed.
#
# **Smoothing.** The loss of a single batch is noisy. The exponential moving average mixes each new value into the old
# average: $a_t = \beta a_{t-1} + (1 - \beta)\,\ell_t$ with $\beta = 0.95$, so it remembers about $1 / (1 - \beta) = 20$
# batches. It starts at $a_0 = 0$, which would pull the first values towards zero. After $t$ steps the weights of the
# mixture add up to $1 - \beta^t$ only; dividing by that mends it. The price is a delay: the smoothed curve shows each
# event some steps late, that is, at too large a rate.

# %%
fresh = LogisticRegression(n_classes=n_classes, generator=seeded())
sweep = learning_rate_range_test(fresh, train, generator=seeded(2), momentum=0.9)
fig, axis = plt.subplots()
axis.semilogx(sweep.learning_rate, sweep.loss, ".", color=plotting.COLOURS["neutral"], label="each batch")
axis.semilogx(sweep.learning_rate, sweep.smoothed, color=plotting.COLOURS["train"], label="smoothed")
axis.set(title="Range test from fresh weights, momentum 0.9", xlabel="learning rate", ylabel="cross-entropy in nats")
axis.set_ylim(0, 1.5 * sweep.smoothed.max())
_ = axis.legend()

# %% [markdown]
# From left to right: flat, falling, a valley, rising. Useful rates lie where the curve *falls*. At the bottom of the
# valley the rate is already so large that falling and rising balance, and a run at that rate is likely to be noisy.
#
# ### What momentum does to the range
#
# With momentum 0.9 a steady gradient moves the weights ten times as far. Does the curve move by a factor of ten? Run the
# test with and without, for several seeds, and read two rates off each curve: where the smoothed loss has lost half its
# height, and where the test gives up because the loss has risen to four times its minimum.

# %%
sweeps, marks = {}, []
for momentum in (0.0, 0.9):
    for k in range(SEEDS):
        fresh = LogisticRegression(n_classes=n_classes, generator=seeded(k))
        sweep = learning_rate_range_test(fresh, train, generator=seeded(10 + k), momentum=momentum)
        halved = sweep.learning_rate[sweep.smoothed < sweep.smoothed[0] / 2].min()
        marks.append((momentum, k, halved, sweep.learning_rate.iloc[-1]))
    sweeps[momentum] = sweep
marks = pd.DataFrame(marks, columns=["momentum", "run", "loss halved at", "given up at"])
momentum_marks = marks.groupby("momentum")[["loss halved at", "given up at"]].median()
momentum_shift = momentum_marks.loc[0.0] / momentum_marks.loc[0.9]
pd.concat([momentum_marks.T, momentum_shift.rename("ratio")], axis=1).round(4)

# %%
fig, axis = plt.subplots()
for (momentum, sweep), style in zip(sweeps.items(), ("-", "--"), strict=True):
    axis.semilogx(sweep.learning_rate, sweep.smoothed, style, color="black", label=f"momentum {momentum}")
axis.set(title="Momentum moves the useful rates to the left", xlabel="learning rate", ylabel="smoothed loss in nats")
_ = axis.legend()

# %% [markdown]
# The left flank moves by about the factor $1/(1 - \mu) = 10$: what matters for learning is $\eta / (1 - \mu)$, the
# **effective learning rate**. The right flank moves by less. So a rate that was found without momentum is too large by
# up to ten when momentum is switched on. S1 does just that: its finder has no momentum, its training has 0.9. The 0.01
# that it picks at the lower end of its range acts like 0.1, the upper end.
#
# ### On a trained model
#
# S1 calls the finder *after* training, on the model just trained. Do the same, without momentum and from $10^{-7}$ as
# there, and put it next to a fresh model.

# %%
fig, axis = plt.subplots()
falls = {}
for name, model, style in (("fresh weights", fresh, "-"), ("already trained", s1_model, "--")):
    sweep = learning_rate_range_test(model, train, generator=seeded(3), momentum=0.0, lowest=1e-7, steps=400)
    settled = sweep.smoothed.iloc[60:]  # the first values average too few batches
    falls[name] = settled.min() / settled.iloc[:50].mean()
    axis.semilogx(settled.index.map(sweep.learning_rate), settled, style, color="black", label=name)
axis.set(title="A trained model has nothing left to learn", xlabel="learning rate", ylabel="smoothed loss in nats")
_ = axis.legend()

# %% [markdown]
# The trained model's curve has no falling part. All it can tell is where training would be *destroyed*, which is one end
# of the range. Its long flat stretch looks like a wide choice of safe rates. But from fresh weights most of them are so
# small that the loss would not move. The rule "just before the loss rises" then picks the largest rate that does little
# harm to a finished model.
#
# ## What divergence looks like
#
# "The loss explodes" is the usual warning. With softmax regression, is it true? Train on a few thousand images at rates
# up to 10,000 times S1's.

# %%
part = Split(train.images[:6_000], train.labels[:6_000])
diverged = {}
for rate in (0.01, 1.0, 100.0):
    model = LogisticRegression(n_classes=n_classes, generator=seeded())
    config = TrainingConfig(epochs=3, learning_rate=rate, momentum=0.0)
    diverged[rate] = fit(model, part, validation=validation, config=config, generator=seeded(1)).rows[-1]
columns = ["train_loss", "validation_loss", "validation_accuracy"]
diverged = pd.DataFrame(diverged).T[columns].rename_axis("learning_rate")
diverged.round(3)

# %% [markdown]
# The losses are absurd, but finite, and they do not grow from step to step without end. The reason is in the gradient:
# the entries of $p - y$ lie between −1 and 1 and its length is at most $\sqrt 2$. So a step is never longer than $\sqrt 2$
# times the rate times the length of an image. The weights cannot run away faster than step by step, and a wrong answer
# pulls them back.
#
# Weight decay has no such bound. Each step multiplies the weights by $1 - \eta\lambda$. With $\eta = 100$ and
# $\lambda = 0.1$ that is −9: every step makes them nine times larger, with alternating sign. A `float32` ends near
# $3.4 \cdot 10^{38}$, and $9^{40}$ is about $1.5 \cdot 10^{38}$. So expect some forty steps. `fit` notices, and says what
# to do.

# %%
model = LogisticRegression(n_classes=n_classes, generator=seeded())
config = TrainingConfig(epochs=5, learning_rate=100.0, momentum=0.0, weight_decay=0.1)
divergence_message = ""
try:
    fit(model, part, validation=validation, config=config, generator=seeded(1))
except TrainingError as error:
    divergence_message = str(error)
print(divergence_message)

# %% [markdown]
# ## The batch size
#
# S1 has a table on batch sizes: smaller ones need less memory, are slower and generalise better, larger ones "potentially
# worse"; 64 is a good compromise. No measurement stands behind it. Measure three things: time, memory, accuracy.
#
# First, accuracy and time. There are two ways to compare batch sizes, and they answer different questions. At the **same
# learning rate**, a large batch takes fewer steps per epoch, so the weights travel less. At a **proportional learning
# rate** ($\eta$ grows with the batch, here 0.01 at 64), they travel equally far per epoch. Several seeds each, two epochs,
# on the first third of the training images to save time.

# %%
from tqdm.auto import tqdm


def batch_run(rule, batch_size, k):
    rate = LEARNING_RATE * (batch_size / 64 if rule == "proportional rate" else 1)
    config = TrainingConfig(epochs=2, batch_size=batch_size, learning_rate=rate, momentum=MOMENTUM)
    model = LogisticRegression(n_classes=n_classes, generator=seeded(k))
    history = fit(model, third, validation=validation, config=config, generator=seeded(20 + k), progress=False)
    return rule, batch_size, k, history.rows[-1]["validation_accuracy"], min(history.table.seconds)


third = Split(train.images[: len(train) // 3], train.labels[: len(train) // 3])
cases = [(r, b, k) for b in BATCH_SIZES for r in ("same rate", "proportional rate") for k in range(SEEDS)]
batch_runs = pd.DataFrame(
    [batch_run(*case) for case in tqdm(cases, desc="batch sizes", leave=False)],
    columns=["rule", "batch size", "run", "validation accuracy", "seconds"],
)
batch_means = batch_runs.pivot_table(index="batch size", columns="rule", values="validation accuracy")

# %%
fig, axes = plt.subplots(1, 2, figsize=(plotting.WIDTH, 3.8))
for (rule, runs), style, marker in zip(batch_runs.groupby("rule"), ("-", "--"), ("o", "s"), strict=True):
    axes[0].plot(runs["batch size"], runs["validation accuracy"], marker, color="black", alpha=0.35)
    axes[0].plot(batch_means[rule], style + marker, color="black", markerfacecolor="white", label=f"{rule}, mean")
axes[1].plot(batch_runs.groupby("batch size").seconds.median(), "-o", color="black")
axes[0].set(title="Accuracy after two epochs", ylabel="validation accuracy, fraction right")
axes[1].set(title="Time", ylabel=f"seconds per epoch of {len(third):,} images", ylim=(0, None))
for axis in axes:
    axis.set(xscale="log", xlabel="images per batch")
    axis.set_xticks(BATCH_SIZES, BATCH_SIZES)
    axis.minorticks_off()
_ = axes[0].legend()

# %% [markdown]
# Grey dots are single runs, white ones are means. At the same rate there is a best batch size in the middle. It is no
# property of batch sizes: the rate suits that size. To its left the noise is too large for the rate, to its right the steps
# are too few. With a proportional rate, batches of 16 to 256 differ no more than seeds do. A batch of 1,024 gets only 36
# steps in all here, whatever their size. "Smaller batches generalise better" is not what you see.
#
# Second, memory. What does a batch size cost? PyTorch keeps some tensors of the forward pass for the backward pass; a hook
# can weigh them. The numbers are exact.

# %% tags=["nbval-check-output"]
from mnist_lr_helpers.models import parameter_bytes

memory = []
for batch_size in BATCH_SIZES:
    kept = {}
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t, kept=kept: kept.update({t.data_ptr(): t}) or t, lambda t: t
    ):
        loss = cross_entropy(packed(torch.zeros(batch_size, 1, 28, 28)), torch.zeros(batch_size, dtype=torch.int64))
    own = [t for t in kept.values() if t.data_ptr() != packed.linear.weight.data_ptr()]
    memory.append((batch_size, batch_size * 784 * 4, sum(t.numel() * t.element_size() for t in own)))
columns = ["batch size", "images, bytes", "kept for the backward pass, images included, bytes"]
memory = pd.DataFrame(memory, columns=columns).set_index("batch size")
print(f"The model: {parameter_bytes(packed):,} bytes; with gradient and momentum {3 * parameter_bytes(packed):,}.")
memory

# %% [markdown]
# Nearly all of it is the images themselves. Compare with the training images, which are in memory anyway: 784 pixels of
# 4 bytes each, times their number. For this model, memory is no reason to choose any of these batch sizes.
#
# ## Feeding the model
#
# So far, images come from one tensor in memory. Most tutorials, S1 among them, feed a model with a `DataLoader`: for
# every image, in every epoch, a picture object is made, turned into a tensor, scaled; then 64 of them are stacked.
# S1 recommends worker processes to make this faster. Build that pipeline from torchvision's own classes and time it,
# without and with 2 workers, on a ninth of the data.

# %%
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms

from mnist_lr_helpers.data import TORCHVISION_CLASSES, raw_folder

steps = [transforms.ToTensor(), transforms.Normalize(dataset.mean, dataset.std)]
if dataset.name in TORCHVISION_CLASSES:
    source = getattr(datasets, TORCHVISION_CLASSES[dataset.name])
    source = source(raw_folder(dataset.name).parents[1], transform=transforms.Compose(steps))
else:  # the digits have no torchvision class; random images take about as long
    source = datasets.FakeData(len(train), (1, 28, 28), transform=transforms.Compose(steps))
source = Subset(source, range(len(train) // 9))


# %%
def loader(workers):
    return DataLoader(source, batch_size=64, shuffle=True, num_workers=workers, generator=seeded())


def time_feed(batches):
    started = time.perf_counter()
    batches = iter(batches)
    next(batches)
    first = time.perf_counter()
    count = sum(len(labels) for _, labels in batches)
    return first - started, (time.perf_counter() - first) / count  # seconds to start, seconds per image


def in_memory():
    return ((train.images[i], train.labels[i]) for i in torch.randperm(len(train), generator=seeded()).split(64))


feeds = {"tensor in memory": min((time_feed(in_memory()) for _ in range(5)), key=sum)}  # it is short: best of five
feeds |= {f"DataLoader, {workers} workers": time_feed(loader(workers)) for workers in (0, 2)}

# %%
feed = pd.DataFrame(feeds, index=["start, s", "per image, s"]).T
feed["per image, µs"] = feed["per image, s"] * 1e6
feed["one epoch, s"] = feed["start, s"] + feed["per image, s"] * len(train)
feed["times the tensor"] = feed["one epoch, s"] / feed["one epoch, s"].iloc[0]
feed.drop(columns="per image, s").round({"start, s": 3, "per image, µs": 2, "one epoch, s": 2, "times the tensor": 1})

# %% [markdown]
# The column "one epoch" is extrapolated from the time per image to all training images, and contains no training at all,
# only the feeding. Set it against the seconds of a training epoch above. Workers share the work but add a start in every
# epoch, and they need the cores that the training needs. When the data fit into memory, and these do by far, convert
# them once.
#
# S1's finder goes further: it asks for `next(iter(train_loader))` in each of its 100 steps. That makes a new iterator,
# hence two new processes, for each batch of 64 images.

# %%
started = time.perf_counter()
for _ in range(3):
    next(iter(loader(2)))
finder_seconds = (time.perf_counter() - started) / 3 * 100
Markdown(f"One hundred batches fetched like that: about {finder_seconds:.0f} s (three timed, times 100 / 3).")

# %% [markdown]
# ## How well can it possibly do?
#
# Every run so far ended somewhere. How far from the best? For most models nobody knows. For this one you can compute it.
#
# The loss of softmax regression is **convex**: seen from any point, it curves upwards only. There are no local minima, so
# S1's reason for momentum, that it "helps overcome local minima", does not apply here. Add a small penalty, and there is
# exactly one minimum:
#
# $$f(W) = \text{mean cross-entropy} + \frac{\lambda}{2}\lVert W \rVert^2 .$$
#
# $W$ includes the biases here. Without noise there is no need for small steps: **L-BFGS** (SciPy's `L-BFGS-B`) uses the
# gradient of *all* images, and remembers the last few to guess the curvature.
#
# When is it done? The penalty gives a **certificate**. Because of it, $f$ curves upwards at least as much as
# $\tfrac{\lambda}{2}\lVert W \rVert^2$ in every direction, so for any other weights $V$, with $g$ the gradient at $W$,
#
# $$f(V) \;\ge\; f(W) + g \cdot (V - W) + \frac{\lambda}{2}\lVert V - W \rVert^2 \;\ge\; f(W) - \frac{\lVert g \rVert^2}{2\lambda},$$
#
# where the last step takes the $V$ that makes the middle smallest, $V - W = -g/\lambda$. The length of the gradient, which
# you can compute, bounds the distance to an optimum which you do not know. A bias without penalty would have no such bound,
# because nothing curves the loss along "add the same number to all biases"; that is why the biases are included.

# %%
plotting.show_source(convex_optimum)

# %% [markdown]
# How strong should the penalty be? That is a choice, so the validation images make it. Each optimum starts from the one
# before, and stops at a rough certificate. The chosen one is then refined.

# %%
optima, start = {}, None
for l2 in tqdm(sorted(L2_GRID, reverse=True), desc="optima", leave=False):
    optima[l2] = convex_optimum(train, l2=l2, start=start, tolerance=1e-2)
    start = optima[l2].model


# %%
def losses(model):
    train_loss, _ = training.loss_and_accuracy(model, train)
    validation_loss, validation_accuracy = training.loss_and_accuracy(model, validation)
    return [train_loss, validation_loss, validation_accuracy]


grid = pd.DataFrame(
    [[l2, o.objective, o.gap, o.passes, *losses(o.model)] for l2, o in optima.items()],
    columns=["λ", "objective", "gap at most", "passes", "train loss", "validation loss", "validation accuracy"],
).set_index("λ")
l2 = grid["validation loss"].idxmin()
optimum = convex_optimum(train, l2=l2, start=optima[l2].model, tolerance=1e-4)
grid.round(4)

# %% [markdown]
# A weaker penalty always fits the training images better. The validation loss has its minimum elsewhere: this is
# **overfitting**, in a linear model. "Passes" counts how often all images were used.
#
# Do not trust a certificate that comes from the same code as the result. Compute the gradient again, with automatic
# differentiation in `float64`.

# %%
best_weights = as_matrix(optimum.model).double().requires_grad_()
exact = cross_entropy(pixels.double() @ best_weights.T, train.labels) + l2 / 2 * best_weights.square().sum()
(exact_gradient,) = torch.autograd.grad(exact, best_weights)
exact_gap = exact_gradient.square().sum().item() / (2 * l2)
Markdown(
    f"λ = {l2:g}: objective {exact.item():.6f} (the helper says {optimum.objective:.6f}). "
    f"No weights can be better by more than {exact_gap:.1e} (the helper says {optimum.gap:.1e})."
)

# %% [markdown]
# ### Every run, measured against the optimum
#
# Now "train longer", "use momentum" and "lower the rate" become measurable. Your raw loop minimises the same objective when
# you pass it the same `l2`. Start from zeros, and after each epoch record $f(W) - f(W^*)$, the distance to the optimum.


# %%
def distance(weights):
    loss = cross_entropy(pixels @ weights.T, train.labels).item()
    return loss + l2 / 2 * weights.square().sum().item() - optimum.objective


def follow(rates, momentum):
    weights, velocity = torch.zeros(n_classes, pixels.shape[1]), torch.zeros(n_classes, pixels.shape[1])
    generator, gaps = seeded(1), []
    for rate in rates:
        order = torch.randperm(len(pixels), generator=generator)
        sgd_epoch(weights, velocity, order, learning_rate=rate, momentum=momentum, l2=l2)
        gaps.append(distance(weights))
    return gaps


# %%
early, late = STUDY_EPOCHS // 2, STUDY_EPOCHS - STUDY_EPOCHS // 2
plans = {
    "0.01, momentum 0.9": ([0.01] * STUDY_EPOCHS, 0.9),
    "0.01, momentum 0.9, then × 0.1": ([0.01] * early + [0.001] * late, 0.9),
    "0.001, momentum 0.9": ([0.001] * STUDY_EPOCHS, 0.9),
    "0.01, no momentum": ([0.01] * STUDY_EPOCHS, 0.0),
    "0.1, no momentum": ([0.1] * STUDY_EPOCHS, 0.0),
}
threads = torch.get_num_threads()
torch.set_num_threads(1)  # small batches again
gaps = pd.DataFrame({name: follow(*plan) for name, plan in tqdm(plans.items(), desc="runs", leave=False)})
torch.set_num_threads(threads)
gaps.index += 1

# %%
fig, axis = plt.subplots(figsize=(plotting.WIDTH, 4.4))
for (name, run), marker, shade in zip(gaps.items(), "osv^D", (0.0, 0.25, 0.5, 0.7, 0.9), strict=True):
    axis.semilogy(run, "-", marker=marker, color=plt.get_cmap("viridis")(shade), label=name)
axis.set(title="How far each run is from the best possible model", xlabel="epoch")
axis.set_ylabel("training objective above the optimum, nats")
axis.xaxis.get_major_locator().set_params(integer=True)
_ = axis.legend(title="learning rate", loc="upper left", bbox_to_anchor=(1, 1))

# %% [markdown]
# Read the five lines one by one.
#
# - **A constant rate of 0.01 with momentum 0.9** falls at once and then stays on a noisy floor. Training longer does not
#   help: the floor is the noise of the batches, and its height is set by the rate.
# - **The cut** lowers the floor, at once.
# - **A rate of 0.001 with momentum 0.9** and **0.01 without** lie on each other: the same effective rate, the same
#   progress. Both are still falling at the end. Here training longer does help.
# - **0.1 without momentum** has the effective rate of the first line, and a floor of similar height. What momentum seemed to
#   give was the larger effective rate.
#
# How do S1's two models compare? They were trained without penalty and from random weights, so split the objective into
# its parts.

# %%
models = {"S1, stopped early": stopped_model, "S1, all epochs": s1_model, "optimum": optimum.model}
comparison = pd.DataFrame(
    {name: [*losses(m), l2 / 2 * as_matrix(m).square().sum().item()] for name, m in models.items()},
    index=["train loss", "validation loss", "validation accuracy", "penalty"],
).T
comparison["distance to the optimum"] = comparison["train loss"] + comparison["penalty"] - optimum.objective
comparison.round(4) + 0.0  # no −0.0

# %% [markdown]
# A training loss below that of the optimum would be no contradiction: the optimum is the best of loss *plus* penalty, and
# larger weights can buy a lower loss. Compare the validation columns: how much of the way to the optimum does S1's recipe
# go when it may use all its epochs, and how much when it stops early?
#
# ## A recipe that stops on the way
#
# "Handwritten-Digit-Classification" (S4) trains the same model: learning rate 0.001, no momentum, 50 epochs, pixels left in
# [0, 1]. It reports about 86 %, calls it a baseline, and suggests more epochs, other rates, or convolutional networks. The
# batch size is not given. It decides everything: a batch of 64 makes 16 times as many steps per epoch as one of 1,024.
#
# While the rate is so small that noise plays no part, progress depends on one number only, the distance travelled: learning
# rate × steps, divided by $1 - \mu$ with momentum. Call it the **path**. Test that: batches of 256 for all 50 epochs; 64 for
# only 5 epochs, to save time; and 1,024 at a much larger rate, which covers in 10 epochs the path of 50 epochs at 64 (of
# the 60,000 images that S4 has).

# %%
import math

n_train = len(train)


def path(config, epochs=1, n=n_train):
    return config.learning_rate / (1 - config.momentum) * math.ceil(n / config.batch_size) * epochs


at_64 = TrainingConfig(epochs=max(1, S4_EPOCHS // 10), batch_size=64, learning_rate=0.001, momentum=0.0)
at_256 = replace(at_64, epochs=S4_EPOCHS, batch_size=256)
fast = replace(at_64, epochs=max(1, S4_EPOCHS // 5), batch_size=1024)
fast = replace(fast, learning_rate=0.001 * path(at_64, S4_EPOCHS, n=60_000) / path(fast, fast.epochs))

# %%
unit_train = Split(dataset.to_unit(train.images), train.labels)
unit_validation = Split(dataset.to_unit(validation.images), validation.labels)
s4_runs = {}
for config in (at_256, at_64, fast):
    model = LogisticRegression(n_classes=n_classes, initialisation="torch", generator=seeded())
    history = fit(model, unit_train, validation=unit_validation, config=config, generator=seeded(1))
    accuracy = history.table.validation_accuracy
    s4_runs[config] = pd.Series(accuracy.to_numpy(), index=[path(config, epoch) for epoch in accuracy.index])

# %%
fig, axis = plt.subplots(figsize=(plotting.WIDTH, 4.4))
for (config, run), marker, shade in zip(s4_runs.items(), "so^", (0.1, 0.5, 0.85), strict=True):
    label = f"batch {config.batch_size}, rate {config.learning_rate:.3g}, {config.epochs} epochs"
    axis.semilogx(run, "-", marker=marker, color=plt.get_cmap("viridis")(shade), markersize=5, alpha=0.8, label=label)
axis.axhline(0.86, color="black", linewidth=1, linestyle="-.", label="S4 reports about 86 %")
best_accuracy = comparison.loc["optimum", "validation accuracy"]
axis.axhline(best_accuracy, color=plotting.COLOURS["right"], linewidth=1, label="the optimum")
for batch_size in (64, 128, 256, 512, 1024):
    end = path(replace(at_64, batch_size=batch_size), S4_EPOCHS)
    axis.axvline(end, color=plotting.COLOURS["neutral"], linewidth=1, linestyle=":", zorder=0)
    axis.text(end, 0.97, f"{batch_size} ", rotation=90, ha="right", va="center", fontsize=9)
axis.set(title="S4's recipe: one curve, and the batch size says where it ends", xlabel="path: learning rate × steps")
axis.set(ylabel="validation accuracy, fraction right", ylim=(None, 1))
_ = axis.legend(loc="lower right")

# %% [markdown]
# The dotted lines mark where S4's epochs end for batch sizes from 1,024 (left) to 64 (right).
#
# The three runs, with three batch sizes, lie on one curve. So S4's accuracy tells where on it the training ended. Where does
# the curve pass 86 %, and which batch size gets there in 50 epochs over S4's 60,000 images?

# %%
import numpy as np

whole = pd.concat([s4_runs[at_256], s4_runs[fast]]).sort_index()
path_at_86 = np.interp(0.86, np.maximum.accumulate(whole), whole.index)
batch_at_86 = 0.001 * 50 * 60_000 / path_at_86
spreads = [0.0]
for run in (s4_runs[at_64], s4_runs[fast]):
    shared = run[(run.index > 2) & (run.index < s4_runs[at_256].index[-1])]
    spreads += list(abs(shared - np.interp(shared.index, s4_runs[at_256].index, s4_runs[at_256])))
largest_spread = max(spreads)
Markdown(
    f"The curve passes 86 % at a path of {path_at_86:.1f}. Fifty epochs end there with batches of about "
    f"{batch_at_86:.0f}. With batches of 64 they end at {path(at_64, 50, 60_000):.0f}, where the curve reads "
    f"{np.interp(path(at_64, 50, 60_000), whole.index, whole):.1%}. Beyond a path of 2, the other two runs "
    f"differ from the one with batches of 256 by at most {largest_spread:.1%}."
)

# %% [markdown]
# So 86 % is no property of logistic regression. It is a point on the way. The same recipe with a common batch size of 64
# ends near 90 %, still on the way. S4's own advice, more epochs or a larger rate, is right; larger models are not needed
# for that step.
#
# S4 also says that normalising the pixels would make training more efficient. For one reason that is easy to miss:
# subtracting a constant from all pixels and dividing by the standard deviation makes the gradient and the pixel each
# larger by $1/\sigma$. The effect on the logits is that of a rate larger by $1/\sigma^2$.

# %%
s1_path = path(recipe) / dataset.std**2
Markdown(
    f"1/σ² = {1 / dataset.std**2:.1f}. In S4's units, **one** epoch of S1's recipe is a path of "
    f"{s1_path:.0f}; all fifty of S4 with batches of 64 are {path(at_64, 50, 60_000):.0f}."
)

# %% [markdown]
# ## The best model, once on the test images
#
# All choices are made, on validation images. Read the test images once, for the optimum. The model of S1's recipe gets its
# turn in [04_evaluate_the_model](04_evaluate_the_model.ipynb).

# %%
from mnist_lr_helpers.evaluation import accuracy_interval, predict

test_accuracy = accuracy_interval(predict(optimum.model, dataset.test))
Markdown(f"Test accuracy of the optimum, with its 95 % interval: **{test_accuracy:.2%}**")

# %% [markdown]
# ## What we found

# %%
from mnist_lr_helpers.exercises import Findings, check

found = Findings(dataset, quick=QUICK)
found.record(
    "The raw loop and `fit` end with the same weights, and a resumed run with the very bits of a straight one",
    loop_difference < 1e-3 and torch.equal(as_matrix(straight), as_matrix(resumed)),
    f"largest difference raw to packed {loop_difference:.0e}, straight to resumed none",
    anywhere=True,
)
stopped_before = int(survival["stopped before the first cut"].sum())
found.record(
    "Patience 5 can end S1's recipe before its first cut at epoch 10",
    stopped_before >= 1,
    f"{stopped_before} of {len(survival)} seeds; epochs run: {', '.join(map(str, survival['epochs run']))}",
)

# %%
means = s1.table.validation_loss.groupby((s1.table.index - 1) // 5).mean()  # of five epochs each
before, after, late_before, late_after = (means.get(k, np.nan) for k in (1, 2, 3, 4))
constant, cut = gaps.iloc[late:, 0].mean(), gaps["0.01, momentum 0.9, then × 0.1"].iloc[-1]
found.record(
    "Cutting the rate lowers the validation loss by over 0.01 at once, the second cut by less than a quarter of that; "
    "the first cut removes over three quarters of the distance to the optimum",
    before - after > 0.01 and late_before - late_after < (before - after) / 4 and cut < constant / 4,
    f"means of five epochs before and after: {before:.4f} and {after:.4f}, then {late_before:.4f} and "
    f"{late_after:.4f}; distance {constant:.4f} without and {cut:.4f} with the cut",
)

# %%
flank, end_ratio = momentum_shift["loss halved at"], momentum_shift["given up at"]
found.record(
    "Momentum 0.9 moves the lower end of the useful rates by about ten, the upper end by less than half as much",
    5 < flank < 20 and end_ratio < flank / 2,
    f"lower end by a factor of {flank:.1f}, upper end by {end_ratio:.1f}",
)

# %%
found.record(
    "A range test on a trained model shows no fall of the loss, on fresh weights it does",
    falls["already trained"] > 0.7 and falls["fresh weights"] < 0.5,
    f"lowest loss as a share of the loss before: trained {falls['already trained']:.0%}, "
    f"fresh {falls['fresh weights']:.0%}",
)

# %%
found.record(
    "Rates far too large leave the loss finite; with weight decay on top it overflows, and `fit` says so",
    np.isfinite(diverged.train_loss).all() and "Try a learning rate" in divergence_message,
    f"training loss {diverged.train_loss.iloc[-1]:,.0f} at rate 100; with decay: “{divergence_message[:34]}…”",
    anywhere=True,
)

# %%
same, proportional = batch_means["same rate"], batch_means["proportional rate"]
small, large = BATCH_SIZES[0], BATCH_SIZES[-2]
found.record(
    "At one learning rate, batches of 16 and of 1,024 do worse than 64 by over half a point; at proportional rates, "
    "16 to 256 agree within a point",
    same[64] - same.iloc[[0, -1]].max() > 0.005 and np.ptp(proportional.loc[small:large]) < 0.01,
    f"same rate: {', '.join(f'{value:.2%}' for value in same)}; proportional: "
    + ", ".join(f"{value:.2%}" for value in proportional.loc[small:large]),
)

# %%
slowdowns = feed["times the tensor"].iloc[1:]
found.record(
    "Feeding through a DataLoader takes more than twice as long as from a tensor, with and without workers",
    slowdowns.min() > 2,
    "; ".join(f"{name}: {value:.0f} times" for name, value in slowdowns.items()),
)

# %%
found.record(
    "No run of SGD gets below the certified optimum",
    gaps.min().min() >= -exact_gap - 1e-6,
    f"smallest distance {gaps.min().min():.4f}, certificate {exact_gap:.1e}",
    anywhere=True,
)

# %%
last, floors = gaps.iloc[-1], gaps.iloc[late:].mean()
slow_ratio = last["0.001, momentum 0.9"] / last["0.01, no momentum"]
floor_ratio = floors["0.1, no momentum"] / floors["0.01, momentum 0.9"]
found.record(
    "Momentum 0.9 acts like a ten times larger rate: at equal effective rates the distances to the optimum agree, "
    "within 15 % for a small rate, still falling at the end, and within a factor of two for a large one",
    0.85 < slow_ratio < 1.15 and 0.5 < floor_ratio < 2 and gaps["0.001, momentum 0.9"].is_monotonic_decreasing,
    f"distances without momentum as a multiple of those with: {1 / slow_ratio:.2f} and {floor_ratio:.2f}",
)

# %%
end_at_64 = np.interp(path(at_64, 50, 60_000), whole.index, whole)
found.record(
    "S4's accuracy depends on learning rate × steps alone: 86 % means batches of 200 to 400, "
    "and 64 would give 88.5 to 91 %",
    largest_spread < 0.015 and 200 < batch_at_86 < 400 and 0.885 < end_at_64 < 0.91,
    f"batches of {batch_at_86:.0f}; {end_at_64:.1%} at 64; run at 256: {s4_runs[at_256].iloc[-1]:.1%}; "
    f"runs differ by {largest_spread:.1%} at most",
)

# %%
shortfall = best_accuracy - comparison.loc["S1, all epochs", "validation accuracy"]
found.record(
    "The best linear model on raw pixels is right on 92 to 93 % of the test images; S1's recipe, given all its epochs, "
    "is within half a point of it on the validation images",
    0.92 < test_accuracy.estimate < 0.932 and abs(shortfall) < 0.005,
    f"{test_accuracy:.2%}, λ = {l2:g}; on validation S1's recipe is lower by {shortfall:.2%}",
)

# %%
found

# %% tags=["nbval-check-output"]
print(found.verdicts)

# %% [markdown]
# ## Exercises
#
# ### 03.1 Smooth a curve
#
# Write the smoothing of the range test: the exponential moving average of a list of losses, corrected for its start at
# zero. Return a list of the same length. With $\beta = 0$ nothing is smoothed; the first value never changes.


# %% tags=["exercise"]
def smooth(losses, beta): ...


check("03.1 smoothing", smooth)


# %% tags=["solution", "hide-input"] jupyter={"source_hidden": true}
def smooth_solution(losses, beta):
    average, smoothed = 0.0, []
    for step, loss in enumerate(losses, start=1):
        average = beta * average + (1 - beta) * loss
        smoothed.append(average / (1 - beta**step))
    return smoothed


check("03.1 smoothing", smooth_solution)

# %% [markdown]
# ### 03.2 Step decay
#
# Write the schedule: the learning rate in a given epoch, counted from 1, that starts at `start` and is multiplied by
# `factor` after every `every` epochs. With `every=10`, epoch 10 still has the starting rate.


# %% tags=["exercise"]
def rate_in(epoch, start, every, factor): ...


check("03.2 step decay", rate_in)


# %% tags=["solution", "hide-input"] jupyter={"source_hidden": true}
def rate_in_solution(epoch, start, every, factor):
    return start * factor ** ((epoch - 1) // every)


check("03.2 step decay", rate_in_solution)

# %% [markdown]
# ### 03.3 How long must S4 train?
#
# How many whole epochs does a recipe need to cover at least a given path? Mind the momentum, and the last batch of an
# epoch, which is smaller but is a step all the same. Then find out how many epochs S4 needs, with batches of 64 and 60,000
# images, to cover the path of one S1 epoch in S4's units.


# %% tags=["exercise"]
def epochs_needed(path, learning_rate, momentum, batch_size, n_images): ...


check("03.3 epochs needed", epochs_needed)


# %% tags=["solution", "hide-input"] jupyter={"source_hidden": true}
def epochs_needed_solution(path, learning_rate, momentum, batch_size, n_images):
    steps = math.ceil(n_images / batch_size)
    return math.ceil(path * (1 - momentum) / (learning_rate * steps))


check("03.3 epochs needed", epochs_needed_solution)
print("S4 needs", epochs_needed_solution(s1_path, 0.001, 0.0, 64, 60_000), "epochs for one epoch of S1.")

# %% [markdown]
# ## Where to go next
#
# [04_evaluate_the_model](04_evaluate_the_model.ipynb) asks how good the trained model is, and how sure you may be of that.
# [07_hidden_layers_and_regularisation](07_hidden_layers_and_regularisation.ipynb) varies the penalty and adds layers;
# [09_better_features](09_better_features.ipynb) moves the optimum itself.
