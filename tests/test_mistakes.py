"""Whoever makes a mistake that the teacher's guide names is told which: answers as students write them.

They are written without a look at how the exercises' own files work the mistakes out, and make the same mistake by
another way: with pandas, SciPy or a loop.
"""

import math
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import sklearn.metrics
import torch
from answers import EXERCISES, graded


def softmaxed(logits):
    return logits.exp() / logits.exp().sum(dim=1, keepdim=True)


def one_hot(labels, n_classes):
    return torch.nn.functional.one_hot(labels, n_classes).float()


def smoothed_wrongly(losses, beta, swapped=False, divide=lambda step: 1.0, average=0.0):
    result = []
    for step, loss in enumerate(losses, start=1):
        average = (1 - beta) * average + beta * loss if swapped else beta * average + (1 - beta) * loss
        result.append(average / divide(step))
    return result


def wald(right, n, z=1.96):
    p = right / n
    half = z * math.sqrt(p * (1 - p) / n)
    return [p - half, p + half]


def wilson(right, n, z=1.96):
    p, factor = right / n, 1 + z**2 / n
    half = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return (p + z**2 / (2 * n) - half) / factor, (p + z**2 / (2 * n) + half) / factor


def binned(confidence, correct, bins):
    """Share of the images, accuracy, mean confidence and middle of each bin that holds any."""
    which = np.ceil(confidence.numpy() * bins - 1e-6)
    table = pd.DataFrame({"ok": correct, "confidence": confidence}).groupby(which)
    middles = (table["ok"].mean().index - 0.5) / bins
    return zip(table["ok"].size() / len(which), table["ok"].mean(), table["confidence"].mean(), middles, strict=True)


def most_common(pairs):
    return Counter(pairs).most_common(1)[0][0]


def relative_confusion(labels, predicted):
    pairs = Counter(pair for pair in zip(labels.tolist(), predicted.tolist(), strict=True) if pair[0] != pair[1])
    return max(pairs, key=lambda pair: pairs[pair] / (labels == pair[0]).sum().item())


def sigmoid(z):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-z))


def log_loss(p, y):
    with np.errstate(divide="ignore", invalid="ignore"):
        return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()


def overflowing(z, y):
    with np.errstate(over="ignore"):
        return np.log(1 + np.exp(np.where(y == 1, -z, z))).mean()


def precision_and_recall(y, yes):
    return sklearn.metrics.precision_score(y, yes), sklearn.metrics.recall_score(y, yes)


def idle(w, steps, step):
    for _ in range(steps):
        w = step(w)
    return w


def welch(m, s, n, m2, s2, n2, error=lambda s, n: s**2 / n, freedom=None):
    v, v2 = s**2 / n, s2**2 / n2
    exact = (v + v2) ** 2 / (v**2 / (n - 1) + v2**2 / (n2 - 1))
    return (m - m2) / math.sqrt(error(s, n) + error(s2, n2)), exact if freedom is None else freedom


def correlate(image, weights, rows=0, padding=0):
    image = np.pad(image.numpy(), padding)
    kernel = len(weights)
    return np.array(
        [
            [
                (image[i : i + kernel, j : j + kernel] * np.asarray(weights)).sum()
                for j in range(image.shape[1] - kernel + 1 - rows)
            ]
            for i in range(image.shape[0] - kernel + 1 - rows)
        ]
    )


def moments(ink, centre=True):
    ink = ink.numpy()
    y, x = np.mgrid[: ink.shape[0], : ink.shape[1]].astype(float)
    if centre:
        x, y = x - np.average(x, weights=ink), y - np.average(y, weights=ink)
    return (ink * x * x).sum(), (ink * x * y).sum(), (ink * y * y).sum()


def first_minimum(validation, test):
    epoch = next((k for k in range(len(validation) - 1) if validation[k + 1] > validation[k]), len(validation) - 1)
    return test[epoch] - test.min()


def interval(runs, t, root, spread=None):
    half = t * (runs.std() if spread is None else spread) * root
    return runs.mean() - half, runs.mean() + half


def centre_of(profile):
    return sum(row * ink for row, ink in enumerate(profile.tolist())) / sum(profile.tolist())


def surprises(n, accuracy, unlikely):
    return max((k for k in range(n + 1) if unlikely(k, n, accuracy)), default=-1)


def table_of(slant, labels):
    return pd.DataFrame({"class": labels, "slant": slant}).groupby("class")["slant"]


t_of = scipy.stats.t.ppf

# The mistakes that the teacher's guide names, as students write them; each with words of the hint that fits.
NATURAL = {
    "01.1 batches": {
        "the last, smaller batch counts too": lambda n, b: (int(n / b), n % b),
        "a last batch is never empty": lambda n, b: (math.ceil(n / b), n % b),
        "where the batch size divides": lambda n, b: (int(n / b) + 1, n - int(n / b) * b),
        "only how many batches": lambda n, b: math.ceil(n / b),
    },
    "01.2 standardise": {
        "the spread does not notice it": lambda m, s: [(value - 0.1307) / 0.3081 for value in (m, s)],
        "a variance is divided by the square": lambda m, s: ((m - 0.1307) / 0.3081, s / (0.3081 * 0.3081)),
        "first the difference": lambda m, s: (m - 0.1307 / 0.3081, s / 0.3081),
        "the shift comes first": lambda m, s: (m / 0.3081 - 0.1307, s / 0.3081),
        "the last comes first": lambda m, s: (s / 0.3081, (m - 0.1307) / 0.3081),
    },
    "01.3 slant and class": {
        "within the classes": lambda slant, labels: (
            ((slant - torch.tensor(table_of(slant, labels).transform("mean").values)) ** 2).mean()
            / slant.var(correction=0)
        ),
        "ratio of standard deviations": lambda slant, labels: (
            table_of(slant, labels).transform("mean").std(ddof=0) / slant.std(correction=0)
        ),
        "the variance between": lambda slant, labels: table_of(slant, labels).transform("mean").var(ddof=0),
        "each class counts the same": lambda slant, labels: (
            table_of(slant, labels).mean().var(ddof=0) / slant.var(correction=0)
        ),
        "divides by one fewer": lambda slant, labels: table_of(slant, labels).mean().var() / slant.var(correction=0),
        "100 times too large": lambda slant, labels: (
            100 * table_of(slant, labels).transform("mean").var(ddof=0) / slant.var(correction=0)
        ),
    },
    "01.4 no peeking": {
        "standardised by itself": lambda a, b: [(part - part.mean()) / part.std() for part in (a, b)],
        "both sets together": lambda a, b: [
            (part - torch.cat((a, b)).mean()) / torch.cat((a, b)).std() for part in (a, b)
        ],
        "not there yet": lambda a, b: ((a - b.mean()) / b.std(), (b - b.mean()) / b.std()),
        "belong to MNIST": lambda a, b: (a.sub(0.1307).div(0.3081), b.sub(0.1307).div(0.3081)),
        "stretches the values": lambda a, b: [(part - a.min()) / (a.max() - a.min()) for part in (a, b)],
    },
    "02.1 parameter-count": {
        "the biases are missing": lambda h, w, c, k: math.prod((h, w, c, k)),
        "a bias of its own": lambda h, w, c, k: 1 + k * c * w * h,
        "belong to classes": lambda h, w, c, k: h * w * c * k + h * w * c,
        "as many numbers as there are channels": lambda h, w, c, k: h * w * k + k,
    },
    "02.2 stable-log-softmax": {
        "the exponential of a large logit": lambda z: torch.log(softmaxed(z)),
        "rounded to 0": lambda z: torch.log(torch.softmax(z, 1)),
        "subtract something": lambda z: z - torch.log(torch.exp(z).sum(dim=1, keepdim=True)),
        "mind dim": lambda z: (z - z.amax(0)) - (z - z.amax(0)).exp().sum(dim=0).log(),
        "keeps it finite, and wrong": lambda z: torch.log(torch.softmax(z, dim=1) + 1e-12),
    },
    "02.3 bias-gradient": {
        "points downhill": lambda z, y: (one_hot(y, z.shape[1]) - z.softmax(1)).mean(0),
        "this is a sum": lambda z, y: (softmaxed(z) - one_hot(y, z.shape[1])).sum(0),
        "logits minus truth": lambda z, y: (z - one_hot(y, z.shape[1])).mean(0),
        "labels are not used": lambda z, y: softmaxed(z).mean(0),
        "mind dim": lambda z, y: (torch.softmax(z, 0) - one_hot(y, z.shape[1])).mean(0),
        "one row for each image": lambda z, y: softmaxed(z) - one_hot(y, z.shape[1]),
    },
    "02.4 many-batches": {
        "every batch counts the same": lambda losses, sizes: np.mean(losses),
        "the sum over the images": lambda losses, sizes: np.dot(losses, sizes),
        "the last batch is left out": lambda losses, sizes: (
            sum(loss * size for loss, size in zip(losses[:-1], sizes, strict=False)) / sum(sizes[:-1])
        ),
    },
    "03.1 smoothing": {
        "β is the share of the old average": lambda losses, beta: smoothed_wrongly(
            losses, beta, swapped=True, divide=lambda step: 1 - beta**step
        ),
        "β and 1 − β have changed places": lambda losses, beta: smoothed_wrongly(
            losses, 1 - beta, divide=lambda step: 1 - (1 - beta) ** step
        ),
        "the start at zero is not corrected": smoothed_wrongly,
        "corrects every value alike": lambda losses, beta: smoothed_wrongly(losses, beta, divide=lambda step: 1 - beta),
    },
    "03.2 step decay": {
        "one epoch early": lambda epoch, start, every, factor: start * factor ** math.floor(epoch / every),
        "each cut multiplies": lambda epoch, start, every, factor: start if epoch <= every else start * factor,
        "stays the same": lambda epoch, start, every, factor: start * factor ** ((epoch - 1) / every),
        "not by twice the factor": lambda epoch, start, every, factor: (
            start if epoch <= every else start * factor * ((epoch - 1) // every)
        ),
    },
    "03.3 epochs needed": {
        "the wrong way round": lambda p, r, m, b, n: math.ceil(p / (r * math.ceil(n / b) * (1 - m))),
        "a batch, not an image": lambda p, r, m, b, n: math.ceil(p / (r / (1 - m) * n)),
        "smaller last batch is a step too": lambda p, r, m, b, n: math.ceil(p / (r / (1 - m) * (n // b))),
        "a whole step": lambda p, r, m, b, n: math.ceil(p / (r / (1 - m) * n / b)),
        "whole epochs": lambda p, r, m, b, n: p / (r / (1 - m) * math.ceil(n / b)),
        "these are steps": lambda p, r, m, b, n: math.ceil(p / (r / (1 - m))),
    },
    "03.4 predict": {
        "batches of half the size": lambda: [0.5, 2, 0.1, 1],
        "without momentum": lambda: [2, 2, 1, 1],
        "momentum acts the wrong way round": lambda: [2, 2, 10, 1],
        "0.9 is the share": lambda: [2, 2, 0.9, 1],
        "two effects": lambda: [2, 2, 0.1, 2],
        "only these are right: no. 1, no. 2": lambda: [2, 2, 0.3, 7],
    },
    "04.1 wilson-interval": {
        "lie equally far": wald,
        "cut off at 0 and 1": lambda k, n: np.clip(wald(k, n), 0, 1),
        "covers only 90 %": lambda k, n: wilson(k, n, 1.645),
        "nearer to 1.96": lambda k, n: wilson(k, n, 2),
        "percentages": lambda k, n: [100 * bound for bound in wilson(k, n, 1.959964)],
    },
    "04.2 calibration-error": {
        "every bin counts the same": lambda *asked: np.mean([abs(a - c) for n, a, c, middle in binned(*asked)]),
        "gaps of opposite sign": lambda c, ok, bins: abs(ok.float().mean() - c.mean()),
        "the largest gap": lambda *asked: max(abs(a - c) for n, a, c, middle in binned(*asked)),
        "the middle of a bin": lambda *asked: sum(n * abs(a - middle) for n, a, c, middle in binned(*asked)),
        "always ten bins": lambda c, ok, bins: sum(n * abs(a - c) for n, a, c, middle in binned(c, ok, 10)),
        "an absolute value is missing": lambda *asked: sum(n * (a - c) for n, a, c, middle in binned(*asked)),
    },
    "04.3 conformal-threshold": {
        "with m instead of m + 1": lambda s, a: sorted(s.tolist())[math.ceil(len(s) * (1 - a)) - 1],
        "is whole this takes": lambda s, a: sorted(s.tolist())[int((len(s) + 1) * (1 - a))],
        "ranks count from 1": lambda s, a: sorted(s.tolist())[math.ceil((len(s) + 1) * (1 - a))],
        "the other end": lambda s, a: sorted(s.tolist())[math.ceil((len(s) + 1) * a) - 1],
        "sorted downwards": lambda s, a: sorted(s.tolist(), reverse=True)[math.ceil((len(s) + 1) * (1 - a)) - 1],
        "sorted first": lambda s, a: s.tolist()[math.ceil((len(s) + 1) * (1 - a)) - 1],
        "interpolates": lambda s, a: np.quantile(s.numpy(), 1 - a),
    },
    "04.4 row-normalised": {
        "each column sums to 1": lambda counts: counts / counts.sum(0),
        "a flat array": lambda counts: counts / counts.sum(1),
        "all cells together": lambda counts: counts / counts.sum(),
        "percentages": lambda counts: counts / counts.sum(1)[:, None] * 100,
        "whole numbers cannot hold": lambda counts: counts // counts.sum(axis=1, keepdims=True),
    },
    "05.1 most frequent confusion": {
        "a right prediction": lambda y, p: most_common(zip(y.tolist(), p.tolist(), strict=True)),
        "the true class comes first": lambda y, p: most_common(
            zip(p[y != p].tolist(), y[y != p].tolist(), strict=True)
        ),
        "not each for itself": lambda y, p: (most_common(y[y != p].tolist()), most_common(p[y != p].tolist())),
        "yours is (7, 1)": relative_confusion,
        "for tensor([": lambda y, p: most_common(
            tuple(sorted(pair)) for pair in zip(y[y != p].tolist(), p[y != p].tolist(), strict=True)
        ),
    },
    "05.2 confident-learning thresholds": {
        "averages over all images": lambda p, y: p.sum(0) / len(p),
        "not by their prediction": lambda p, y: [p[p.argmax(1) == j][:, j].mean() for j in range(3)],
        "also where another class": lambda p, y: [p[(p.argmax(1) == y) & (y == j)][:, j].mean() for j in range(3)],
        "which need not be j": lambda p, y: [p.amax(dim=1)[y == j].mean() for j in range(3)],
        "divides by the number of all": lambda p, y: (one_hot(y, 3) * p).mean(0),
    },
    "05.3 faded image": {
        "a blank page votes too": lambda z, b, c: torch.argmax(c * z),
        "the probabilities do not": lambda z, b, c: torch.argmax(
            c * torch.softmax(z, 0) + (1 - c) * torch.softmax(b, 0)
        ),
        "which class do they choose": lambda z, b, c: torch.lerp(b, z, c),
    },
    "06.1 stable-loss": {
        "sigmoid and logarithm": lambda z, y: log_loss(sigmoid(z), y),
        "exponential of a large logit": overflowing,
        "clipping": lambda z, y: log_loss(np.clip(sigmoid(z), 1e-7, 1 - 1e-7), y),
        "the sum over": lambda z, y: np.logaddexp(0, (1 - 2 * y) * z).sum(),
        "interchanged": lambda z, y: np.logaddexp(0, np.where(y == 1, z, -z)).mean(),
        "one loss for each image": lambda z, y: np.logaddexp(0, (1 - 2 * y) * z),
    },
    "06.2 precision-and-recall": {
        "recall comes first": lambda p, y, t: precision_and_recall(y, p > t)[::-1],
        "the first number is the accuracy": lambda p, y, t: (((p > t) == y).mean(), precision_and_recall(y, p > t)[1]),
        "the threshold is not used": lambda p, y, t: precision_and_recall(y, p > 0.5),
        "equal to the threshold": lambda p, y, t: precision_and_recall(y, p >= np.float32(t)),
        "not below": lambda p, y, t: precision_and_recall(y, p < t),
    },
    "06.3 the-way-back": {
        "this is the other way": lambda mean, k: 1 - 2 / k * (1 - mean),
        "costs two answers": lambda mean, k: 1 - (1 - mean) * k,
        "right for ten classes": lambda mean, k: 1 - 5 * (1 - mean),
        "for 0.9, 5 yours is": lambda mean, k: 1 - k // 2 * (1 - mean),
    },
    "07.1 equal-size": {
        "have biases too": lambda a, b: (785 * a + (a + 1) * b + (b + 1) * 10) // 795,
        "more parameters than": lambda a, b: math.ceil((785 * a + (a + 1) * b + b * 10) / 795),
        "not as many parameters": lambda a, b: a + b,
        "weights are not all": lambda a, b: int((784 * a + a * b + 10 * b) / (784 + 10)),
        "as many are allowed": lambda a, b: max(
            w for w in range(9000) if 795 * w + 10 < 785 * a + (a + 1) * b + (b + 1) * 10
        ),
    },
    "07.2 idle-weight": {
        "a factor of 2": lambda w, r, p, n: idle(w, n, lambda w: w - r * p * w),
        "not the first weight": lambda start, r, p, n: idle(start, n, lambda w: w - r * 2 * p * start),
        "this weight grows": lambda w, r, p, n: idle(w, n, lambda w: w + r * 2 * p * w),
        "one step too many": lambda w, r, p, n: idle(w, n + 1, lambda w: w - r * 2 * p * w),
        "times the learning rate": lambda w, r, p, n: idle(w, n, lambda w: w - 2 * p * w),
    },
    "07.3 welch": {
        "not of s / n": lambda *a: welch(*a, error=lambda s, n: s / n),
        "for equal spreads": lambda *a: welch(*a, freedom=a[2] + a[5] - 2),
        "first minus second": lambda m, s, n, m2, s2, n2: welch(m2, s2, n2, m, s, n),
        "spread of one run": lambda *a: welch(*a, error=lambda s, n: s**2),
        "a root is missing": lambda *a: ((a[0] - a[3]) / (a[1] ** 2 / a[2] + a[4] ** 2 / a[5]), welch(*a)[1]),
        "t comes first": lambda *a: welch(*a)[::-1],
    },
    "07.4 sum-for-mean": {
        "what is the penalty": lambda rate, penalty, n: (rate / n, penalty),
        "how long are the steps": lambda rate, penalty, n: (rate, penalty * n),
        "the other way round": lambda rate, penalty, n: (rate * n, penalty / n),
        "the learning rate comes first": lambda rate, penalty, n: (penalty * n, rate / n),
    },
    "08.1 valid-convolution": {
        "half a turn": lambda image, w: correlate(image, w.flip(0).flip(1)),
        "have changed places": lambda image, w: correlate(image, w.T),
        "this is padded": lambda image, w: correlate(image, w, padding=1),
        "are missing": lambda image, w: correlate(image, w, rows=1),
        "no ReLU": lambda image, w: np.maximum(correlate(image, w), 0),
        "their mean": lambda image, w: correlate(image, w) / w.numel(),
    },
    "08.2 count-a-layer": {
        "do not grow with the image": lambda side, c, f, k: ((c * k**2 + 1) * f * side**2, side**2 * f * c * k**2),
        "all input channels": lambda side, c, f, k: ((k**2 + 1) * f, side**2 * f * k**2),
        "at every place": lambda side, c, f, k: ((c * k**2 + 1) * f, f * c * k**2),
        "keeps the side": lambda side, c, f, k: ((c * k**2 + 1) * f, (side - k + 1) ** 2 * f * c * k**2),
        "is one, not two": lambda side, c, f, k: ((c * k**2 + 1) * f, 2 * side**2 * f * c * k**2),
        "the biases are missing": lambda side, c, f, k: (c * k**2 * f, side**2 * f * c * k**2),
    },
    "08.3 receptive-field": {
        "also widens": lambda k, blocks: 1 + (k - 1) * (2**blocks - 1),
        "two pixels of the image": lambda k, blocks: 1 + k * blocks,
        "and doubles the steps": lambda k, blocks: 1 + (k - 1) * blocks,
        "not its area": lambda k, blocks: (1 + k * (2**blocks - 1)) ** 2,
    },
    "09.1 feature-count": {
        "do not overlap": lambda side, k, cells: sum(k * (side // cell) * (side // cell) for cell in cells),
        "just reaches the border": lambda side, k, cells: sum(k * len(range(0, side - c, c // 2)) ** 2 for c in cells),
        "rows and columns": lambda side, k, cells: sum(k * len(range(0, side - c + 1, c // 2)) for c in cells),
        "that start in the image": lambda side, k, cells: sum(k * math.ceil(side / (c // 2)) ** 2 for c in cells),
    },
    "09.2 slope": {
        "about the centre": lambda ink: moments(ink, centre=False)[1] / moments(ink, centre=False)[2],
        "x and y are mixed up": lambda ink: moments(ink)[1] / moments(ink)[0],
        "a correlation": lambda ink: moments(ink)[1] / math.sqrt(moments(ink)[0] * moments(ink)[2]),
        "in degrees": lambda ink: math.degrees(math.atan(moments(ink)[1] / moments(ink)[2])),
    },
    "09.3 longest-step": {
        "removes the most errors": lambda errors: int(np.diff(errors).argmin()) + 2,
        "where the step begins": lambda errors: int(np.diff(np.log(errors)).argmin()) + 1,
    },
    "10.1 whole-images": {
        "leave room for rounding": lambda a, n: (a * n).is_integer(),
        "is not quite 57": lambda a, n: abs(a * n - round(a * n)) < 1e-15,
        "cuts the decimals off": lambda a, n: a * n - int(a * n) < 1e-6,
        "within one half": lambda a, n: abs(a * n - round(a * n)) < 1,
        "that is only near": lambda a, n: abs(a - round(a * n) / n) < 1e-6,
        "too much room": lambda a, n: math.isclose(a * n, round(a * n), abs_tol=0.01, rel_tol=0),
        "far below a thousandth": lambda a, n: abs(float(torch.tensor(a) * n) - round(a * n)) < 1e-6,
    },
    "10.2 price-of-peeking": {
        "different images": lambda validation, test: min(validation) - min(test),
        "the last epoch": lambda validation, test: test[-1] - min(test),
        "the sign": lambda validation, test: min(test) - test[validation.argmin()],
        "the epoch, not a loss": lambda validation, test: validation.tolist().index(min(validation)),
        "paid in validation losses": lambda validation, test: validation[test.argmin()] - min(validation),
        "right for": first_minimum,
    },
    "10.3 one-more-run": {
        "where the mean lies": lambda r: interval(r, t_of(0.975, len(r) - 1), 1 / math.sqrt(len(r))),
        "1.96 is too short": lambda r: interval(r, 1.959964, math.sqrt(1 + 1 / len(r))),
        "divides by n": lambda r: interval(
            r, t_of(0.975, len(r) - 1), math.sqrt(1 + 1 / len(r)), spread=r.std(correction=0)
        ),
        "one degree of freedom": lambda r: interval(r, t_of(0.975, len(r)), math.sqrt(1 + 1 / len(r))),
        "10 % in all": lambda r: interval(r, t_of(0.95, len(r) - 1), math.sqrt(1 + 1 / len(r))),
        "for tensor([": lambda r: (
            torch.stack(interval(r, t_of(0.975, len(r) - 1), math.sqrt(1 + 1 / len(r)))) - r.mean() + r.median()
        ),
    },
    "11.1 into-the-middle": {
        "between rows 13 and 14": lambda profile: round(13.5 - centre_of(profile)),
        "the middle of the box": lambda profile: round(14 - (len(profile) - 1) / 2),
        "the row with the most ink": lambda profile: 14 - profile.tolist().index(max(profile)),
        "positive is down": lambda profile: round(centre_of(profile) - 14),
        "a digit can lie too low": lambda profile: max(round(14 - centre_of(profile)), 0),
        "cuts the fraction off": lambda profile: int(14 - centre_of(profile)),
        "always rounds up": lambda profile: math.ceil(14 - centre_of(profile)),
        "then the answer is negative": lambda profile: abs(round(14 - centre_of(profile))),
    },
    "11.2 surprise": {
        "how many to expect": lambda n, accuracy: round(accuracy * n),
        "just this many": lambda n, accuracy: surprises(
            n, accuracy, lambda k, n, p: k < n * p and scipy.stats.binom.pmf(k, n, p) <= 0.05
        ),
        "one fewer is": lambda n, accuracy: int(scipy.stats.binom.ppf(0.05, n, accuracy)),
        "at 1 %": lambda n, accuracy: surprises(n, accuracy, lambda *a: scipy.stats.binom.cdf(*a) <= 0.01),
        "the normal distribution": lambda n, p: math.floor(
            scipy.stats.norm.ppf(0.05, n * p, math.sqrt(n * p * (1 - p)))
        ),
    },
    "11.3 votes": {
        "the layer sees": lambda ink, w, std, a, b: ink * (w[a] - w[b]),
        "for the second class": lambda ink, w, std, a, b: ink / std * (w[b] - w[a]),
        "a pixel without ink": lambda ink, w, std, a, b: (w[a] - w[b]) / std,
        "give one for each pixel": lambda ink, w, std, a, b: (ink / std) @ (w[a] - w[b]),
        "standardising gives it a value": lambda ink, w, std, a, b: (w[a] - w[b]) * (ink - ink.mean()) / std,
        "this mean is taken off": lambda ink, w, std, a, b: (w[a] - w[b]) * (ink - 0.1307) / std,
    },
}


@pytest.mark.parametrize(("name", "words"), [(name, words) for name, answers in NATURAL.items() for words in answers])
def test_a_student_who_makes_a_usual_mistake_is_told_which(name: str, words: str) -> None:
    grade = graded(name, NATURAL[name][words])
    assert grade.status == "wrong"
    assert words in grade.message


def test_every_exercise_is_tried_with_a_student_s_mistakes() -> None:
    assert set(NATURAL) == set(EXERCISES)
