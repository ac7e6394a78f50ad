"""Checks of the claims of S1, a tutorial with one trained model, many tables and much advice."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import torch
from scipy import stats

from mnist_lr_helpers import models
from mnist_lr_helpers.reproduction import ledger
from mnist_lr_helpers.reproduction.ledger import (
    CAVEAT,
    NOT_REPRODUCED,
    REFUTED,
    UNCHECKED,
    WRONG,
    Difference,
    Figures,
    Results,
    Verdict,
    above,
    among,
    below,
    claim,
    difference,
    enough,
    graded,
    interval_of,
    listed,
    one_more,
    show,
)
from mnist_lr_helpers.reproduction.verdicts_s0_s3_s4 import CERTIFIED, loss_at, normal, scaling_race

DIGITS = range(10)


def recipe(r: Results, metric: str) -> pd.Series:
    """A metric of S1's recipe, one value per seed."""
    return r["s1_recipe"].runs("published", metric)


def per_digit(r: Results, metric: str) -> pd.DataFrame:
    """A metric of S1's recipe: one row per digit (or bin, or 10·true + predicted), one column per seed."""
    return r["s1_recipe"].curves("published", metric).fillna(0)


def changes(r: Results, names: list[str], metric: str = "test_accuracy", base: str = "") -> dict[str, Difference]:
    """Each variant of the recipe minus the recipe, or minus another variant, paired by seed."""
    s = r["s1_variants"]
    other = s.runs(base, metric) if base else recipe(r, metric)
    return {c: difference(x, other) for c, x in s.each(names, metric).items()}


def to_the_end(r: Results) -> str:
    """The accuracy of the recipe without early stopping, in words."""
    runs = r["s1_variants"].runs("no early stop", "test_accuracy")
    return f"without early stopping {show(runs, '.2%')}, one more such run: {one_more(runs):.2%}"


def ranks(values: pd.Series) -> pd.Series:
    """The rank of each index, 1 for the largest value; equal values share the better rank."""
    return values.rank(ascending=False, method="min").astype(int)


def pairs(cells: list[int]) -> list[str]:
    """Confusions in words: 53 is 5→3."""
    return [f"{cell // 10}→{cell % 10}" for cell in cells]


def published_counts() -> tuple[np.ndarray, np.ndarray]:
    """Right answers and predictions per digit, whole numbers, from the published recall, precision and support."""
    p = ledger.claims()["S1-41"].figures
    right = (np.array(p["recall"]) * p["support"]).round()
    return right.astype(int), (right / p["precision"]).round().astype(int)


@claim("S1-01")
def _(r: Results, p: Figures) -> Verdict:
    d = r["data"]
    n, height, width, low, high = (d.value("train", m) for m in ("images", "height", "width", "pixel_min", "pixel_max"))
    found = [n, d.value("test", "images"), height * width, low, high, len(d.means("train", "count"))]
    word = graded(found == [p[key] for key in ("train", "test", "pixels", "low", "high", "classes")])
    return Verdict(word, "{:,.0f}; {:,.0f}; {:.0f}; {:.0f}–{:.0f}; {} classes".format(*found))


@claim("S1-02")
def _(r: Results, p: Figures) -> Verdict:
    counts = r["data"].means("train", "count")
    word = graded(counts.tolist() == p["count"] and np.allclose((100 * counts / counts.sum()).round(1), p["percent"]))
    text = f"the ten rounded shares add up to {sum(p['percent']):.1f} %"
    return Verdict(word, ", ".join(f"{n:,.0f}" for n in counts), text)


@claim("S1-03")
def _(r: Results, p: Figures) -> Verdict:
    counts = {part: r["data"].means(part, "count") for part in ("train", "test")}
    away = {part: f"{n.min() / p[part] - 1:+.0%} to {n.max() / p[part] - 1:+.0%}" for part, n in counts.items()}
    close = all((n / p[part] - 1).abs().max() < 0.05 for part, n in counts.items())
    measured = "; ".join(f"{part} {n.min():,.0f} to {n.max():,.0f}" for part, n in counts.items())
    word = graded(all(abs(n.mean() / p[part] - 1) < 0.01 for part, n in counts.items()), close)
    return Verdict(word, measured, "; ".join(f"{part} {text}" for part, text in away.items()))


@claim("S1-04")
def _(r: Results, p: Figures) -> Verdict:
    bias = per_digit(r, "predicted").sub(r["data"].means("test", "count"), axis=0)
    skewed = [k for k in DIGITS if above(interval_of(bias.loc[k])) or below(interval_of(bias.loc[k]))]
    gain = difference(r["s1_variants"].digits("class weights", "recall").mean(), per_digit(r, "recall").mean())
    text = f"predicted minus true images per digit: {listed(bias.mean(axis=1), '+.0f')}"
    measured = f"rare digits shown more often, in place of class weights: macro recall {show(gain, '+.2%')}"
    return Verdict(graded(not above(gain, 0.001), not skewed), measured, text)


@claim("S1-05")
def _(r: Results, p: Figures) -> Verdict:
    size, seconds = r["data"].value("train", "bytes"), p["bytes"] / p["rate"]
    word = graded(size == p["bytes"] and int(seconds) == p["seconds"], fully=False)
    text = f"{p['bytes']:,} / {p['rate']:,.0f} = {seconds:.2f} s"
    return Verdict(word, f"{size:,.0f} bytes", text, judgement=True)


@claim("S1-06")
def _(r: Results, p: Figures) -> Verdict:
    found = {m: r["data"].value("train", m) for m in ("mean", "std")}
    chart = {f"S1-06 {m} of the pixels": (p[m], [x]) for m, x in found.items()}
    word = graded(all(round(x, 4) == p[m] for m, x in found.items()))
    return Verdict(word, listed(found, ".6f"), "of all training pixels, in units of 255", chart=chart)


@claim("S1-07")
def _(r: Results, p: Figures) -> Verdict:
    mean, std = (r["data"].value("train", f"first_1000_{m}") for m in ("mean", "std"))
    whole = ledger.claims()["S1-06"].figures
    found = {"mean": (mean - whole["mean"]) / whole["std"], "std": std / whole["std"]}
    holds = all(abs(x - p[m]) < 6e-5 for m, x in found.items())
    return Verdict(graded(holds, fully=False), f"the first 1,000 images: {listed(found, '.6f')}", judgement=True)


@claim("S1-08")
def _(r: Results, p: Figures) -> Verdict:
    ahead, lead, text = scaling_race(r["scaling"], "std", "unit")
    return Verdict(graded(ahead, lead > 0.02), f"lead in training loss at the best rate of each: {lead:+.1%}", text)


@claim("S1-09")
def _(r: Results, p: Figures) -> Verdict:
    total = r["data"].value("train", "images")
    sizes = round(total * (1 - p["split"])), round(total * p["split"])
    cut = [f"{n:,} images: {math.ceil(n / p['batch'])} batches, the last of {n % p['batch']}" for n in sizes]
    whole = float(total * p["split"]).is_integer()
    return Verdict(graded(whole, fully=all(n % p["batch"] == 0 for n in sizes)), "; ".join(cut))


@claim("S1-10")
def _(r: Results, p: Figures) -> Verdict:
    s = r["cost"]
    seconds = {w: s.value(f"loader workers={w}", "seconds_per_epoch") for w in (0, 1, 2, 4)}
    n = len(s.runs("loader workers=2", "seconds_per_epoch"))
    memory = s.value("in memory batch=64", "seconds_per_epoch")
    word = graded(seconds[2] < 0.95 * seconds[0], seconds[2] < memory, otherwise=NOT_REPRODUCED)
    measured = f"s an epoch by number of workers: {listed(seconds, '.1f')}"
    return Verdict(word, measured, f"means of {n} runs; all images in memory, no loader: {memory:.1f} s")


@claim("S1-11")
def _(r: Results, p: Figures) -> Verdict:
    names, base = ["no shuffle", "sorted"], "no early stop"  # the runs in a fixed order have no early stopping either
    accuracy, loss = (changes(r, names, m, base) for m in ("test_accuracy", "test_loss"))
    word = graded(below(accuracy["sorted"], -0.01), below(accuracy["no shuffle"], -0.005))
    text = f"loss {listed(loss, '+.4f')}; all without early stopping"
    return Verdict(word, f"accuracy minus shuffled: {listed(accuracy, '+.2%')}", text)


@claim("S1-12")
def _(r: Results, p: Figures) -> Verdict:
    first = r["data"].means("train", "first_label").astype(int).tolist()
    measured = f"the code shows images 0 to 24, labels {', '.join(map(str, first[:8]))}, …"
    text = f"25 draws give just these in this order with probability 60,000^−25 = 10^{-25 * math.log10(60_000):.0f}"
    return Verdict(graded(first[: len(p["first"])] != p["first"]), measured, text, judgement=True)


@claim("S1-13")
def _(r: Results, p: Figures) -> Verdict:
    zero, middle, outside = (r["data"].value("train", m) for m in ("zero_fraction", "std_centre14", "std_outside"))
    measured = f"{zero:.1%} are 0; mean standard deviation {middle:.3f} in the middle 14×14, {outside:.3f} outside"
    return Verdict(graded(zero > 0.5 and middle > outside), measured, "training images, pixels in [0, 1]")


@claim("S1-14")
def _(r: Results, p: Figures) -> Verdict:
    variance = r["data"].means("train", "within_variance").sort_values(ascending=False)
    word = graded(variance.index[-1] == 1, set(variance.index[:2]) == {8, 5})
    rho = stats.spearmanr(variance.sort_index(), per_digit(r, "recall").mean(axis=1))
    text = f"rank correlation of variance and recall {rho.statistic:+.2f} (p = {rho.pvalue:.2f}, ten digits)"
    return Verdict(word, f"variance {listed(variance, '.1f')}", text)


@claim("S1-15")
def _(r: Results, p: Figures) -> Verdict:
    counts, distance = per_digit(r, "confusion").mean(axis=1), r["data"].means("train", "mean_distance")
    both = pd.Series({c: counts[c] + counts[c % 10 * 10 + c // 10] for c in distance.index})
    place, near, named = ranks(both), ranks(-distance), [10 * a + b for a, b in p["pairs"]]
    measured = "; ".join(f"{c // 10}↔{c % 10}: {both[c]:.0f} errors, rank {place[c]} of 45" for c in named)
    hits, rho = [place[c] <= 6 for c in named], stats.spearmanr(distance, both).statistic
    text = f"by nearness of their mean images the two have ranks {' and '.join(f'{near[c]}' for c in named)}; over "
    text += f"the 45 pairs, rank correlation of distance and errors {rho:+.2f}; one of the first six counts as confused"
    return Verdict(graded(any(hits), all(hits)), measured, text)


@claim("S1-16")
def _(r: Results, p: Figures) -> Verdict:
    f1, counts = ranks(per_digit(r, "f1").mean(axis=1)), per_digit(r, "confusion").mean(axis=1)
    theirs, place = ranks(pd.Series(ledger.claims()["S1-41"].figures["f1"])), ranks(counts)
    easy, confused = max(f1[1], f1[7]) <= 3, min(place[17], place[71]) <= 6
    measured = f"rank by F1: 1 is {f1[1]}, 7 is {f1[7]}; 1→7 {counts[17]:.1f} and 7→1 {counts[71]:.1f} errors"
    text = f"easy would be one of the first three by F1, and in the published table 7 has rank {theirs[7]}; often "
    text += f"confused would be one of the first six of 90 confusions, and they have ranks {place[17]} and {place[71]}"
    return Verdict(graded(easy or confused, easy and confused), measured, text)


@claim("S1-17")
def _(r: Results, p: Figures) -> Verdict:
    mean, sd, low, high = (r["data"].value("train", f"brightness_{m}") for m in ("mean", "sd", "min", "max"))
    kinds = ("brightness", "brightness_within", "contrast", "contrast_within")
    rates = {kind.replace("_", " "): per_digit(r, f"error_{kind}").mean(axis=1) for kind in kinds}
    text = "; ".join(f"{kind} {x[0]:.1%} … {x[5]:.1%} … {x[9]:.1%}" for kind, x in rates.items())
    measured = f"brightness {mean:.3f} ± {sd:.3f} ({sd / mean:.0%}), from {low:.3f} to {high:.3f}"
    odd = all(min(x[0], x[9]) > 1.3 * x[5] for kind, x in rates.items() if "within" in kind)
    text = f"error rate in the lowest, a middle and the highest decile: {text}"
    return Verdict(graded(sd / mean < 0.1 or odd, sd / mean < 0.1 and odd), measured, text)


@claim("S1-18")
def _(r: Results, p: Figures) -> Verdict:
    change, loss = changes(r, ["unit"])["unit"], changes(r, ["unit"], "test_loss")["unit"]
    at = {x: loss_at(r["scaling"], f"{x} lr=0.01") for x in ("raw", "unit", "std")}
    word = graded(max(at["unit"], at["std"]) < at["raw"], above(change) or below(change))
    text = f"training loss after 10 epochs of S0's recipe: {listed(at)}"
    measured = f"[0, 1] minus standardised: accuracy {show(change, '+.2%')}, loss {show(loss, '+.4f')}"
    return Verdict(word, measured, text)


@claim("S1-19")
def _(r: Results, p: Figures) -> Verdict:
    change = changes(r, ["deskewed"])["deskewed"]
    after = r["s1_variants"].runs("deskewed", "test_accuracy")
    return Verdict(graded(not above(change)), f"made upright: {show(change, '+.2%')}", f"accuracy {show(after, '.2%')}")


@claim("S1-20")
def _(r: Results, p: Figures) -> Verdict:
    s, cures = r["s1_variants"], ["augmented", "errors up-weighted"]
    weak = {c: s.digits(c, "recall").sub(per_digit(r, "recall")).loc[p["weak"]].dropna(axis=1) for c in cures}
    gain, lifted = changes(r, cures), weak[cures[0]].mean(axis=1).min() > 0
    needless = not any(above(x) for x in gain.values())
    lower = (weak[cures[0]] < 0).all()
    text = "; ".join(f"{c}: recall of {listed(x.mean(axis=1), '+.1%')}" for c, x in weak.items())
    text += f"; augmentation lowers all three in {lower.sum()} of {len(lower)} runs"
    measured = f"first half {'holds' if needless else 'fails'}, second {'holds' if lifted else 'fails'}; accuracy: "
    return Verdict(graded(needless or lifted, needless and lifted), f"{measured}{listed(gain, '+.2%')}", text)


@claim("S1-21")
def _(r: Results, p: Figures) -> Verdict:
    right = {"linear": recipe(r, "test_accuracy"), "one hidden layer": r["s2_depth"].runs("512", "test_accuracy")}
    right["CNN 8-16"] = r["cnn"].runs("8-16", "test_accuracy")
    errors = {name: 10_000 * (1 - x) for name, x in right.items()}
    word = graded(errors["linear"].mean() < 2 * min(x.mean() for x in errors.values()))
    text = "enough would be less than twice the errors of the best"
    return Verdict(word, f"errors in 10,000: {listed(errors, '.0f')}", text)


@claim("S1-22")
def _(r: Results, p: Figures) -> Verdict:
    low, middle, high = torch.tensor([-50.0, 0.0, 50.0]).double().sigmoid().tolist()
    measured = f"σ(−50) = {low:.0e}, σ(0) = {middle}, σ(50) = {high:g}"
    return Verdict(graded(middle == 0.5 and low < 1e-12 and high > 1 - 1e-12), measured)


@claim("S1-23")
def _(r: Results, p: Figures) -> Verdict:
    sums = normal(64, 10).softmax(dim=1).sum(dim=1)
    right = (sums - 1).abs().max().item() < 1e-12
    measured = "sums are 1 within 1e-12" if right else f"sums from {sums.min():.3f}"
    return Verdict(graded(right), measured, "64 random rows")


@claim("S1-25", "S1-26")
def _(r: Results, p: Figures) -> Verdict:
    model = models.LogisticRegression(initialisation="zeros")
    if "parameters" in p:
        n = models.parameter_count(model)
        return Verdict(graded(n == p["parameters"]), f"784 · 10 + 10 = {n:,}")
    sizes = [x.numel() * 4 / 1024 for x in model.parameters()] + [models.parameter_bytes(model) / 1024]
    gap = {unit: max(abs(x * unit - y) for x, y in zip(sizes, p["kb"], strict=True)) for unit in (1, 1.024)}
    word = graded(gap[1] <= 0.00501, gap[1.024] <= 0.00501)
    text = f"with gradients and momentum, in training, {3 * sizes[2]:.0f} KiB"
    return Verdict(word, "{:.3f} + {:.4f} = {:.3f} KiB".format(*sizes), text)


@claim("S1-27")
def _(r: Results, p: Figures) -> Verdict:
    others = ["zeros", "torch", "normal(0,1)"]
    change = changes(r, others)
    early = {c: r["s1_variants"].value(c, "validation_accuracy", at=1) for c in others}
    early["xavier"] = r["s1_recipe"].value("published", "validation_accuracy", at=1)
    worse = [below(change[c], -0.001) for c in others]
    word = graded(any(worse), all(worse))
    text = f"after one epoch: {listed(early, '.2%')}"
    return Verdict(word, f"minus Xavier, at the end: {listed(change, '+.2%')}", text)


@claim("S1-28")
def _(r: Results, p: Figures) -> Verdict:
    s = r["s1_variants"]
    grid = pd.DataFrame({c: s.means(c, "validation_loss") for c in s.configurations if c.startswith("lr=")}).loc[
        [1, 5, 30]
    ]
    best = {f"after {e}": row.idxmin() for e, row in grid.iterrows()}
    chosen, plain, twin = (grid[f"lr={x}"] for x in ("0.01 momentum=0.9", "0.01 momentum=0", "0.1 momentum=0"))
    near = {e: chosen[e] / grid.loc[e].min() - 1 for e in (1, 30)}
    word = graded(near[1] < 0.02 and chosen[1] < plain[1], near[30] < 0.02 and chosen[1] < 0.98 * twin[1])
    runs = {"0.01 with momentum": chosen, "0.01 without": plain, "0.1 without": twin}
    text = "validation loss after 1 and 30 epochs, one run each: "
    text += "; ".join(f"{c} {x[1]:.4f}, {x[30]:.4f}" for c, x in runs.items())
    return Verdict(word, "best: " + "; ".join(f"{e}: {c}" for e, c in best.items()), text)


@claim("S1-29")
def _(r: Results, p: Figures) -> Verdict:
    o = r["optimum"]
    starts = [c for c in o.configurations if "start=" in c]
    ends, gap = pd.concat(list(o.each(starts, "objective").values())), max(o.runs(c, "gap").max() for c in starts)
    text = f"L-BFGS on 10,000 images with the L2 penalty 1e-4, certified within {gap:.0e} of the one minimum"
    word = graded(ends.max() - ends.min() > 2 * gap, otherwise=WRONG)
    return Verdict(word, f"{len(ends)} starts end at {ends.min():.5f} to {ends.max():.5f}", text)


@claim("S1-30")
def _(r: Results, p: Figures) -> Verdict:
    stop, accuracy, loss = (recipe(r, m) for m in ("stop_epoch", "test_accuracy", "validation_loss"))
    fit, late = published_counts()[0].sum() / 10_000 in one_more(accuracy), stop.min() > p["decay_every"]
    measured = f"stops after {stop.min():.0f} to {stop.max():.0f} epochs; accuracy {show(accuracy, '.2%')}"
    text = f"validation loss at the end {show(loss)}; accuracy {to_the_end(r)}"
    return Verdict(graded(fit, late, otherwise=NOT_REPRODUCED), measured, text)


@claim("S1-31")
def _(r: Results, p: Figures) -> Verdict:
    stop, gap = recipe(r, "stop_epoch"), recipe(r, "test_accuracy_best") - recipe(r, "test_accuracy")
    early = int((stop <= 10).sum())
    measured = f"{early} of {len(stop)} runs stop before the first cut of the learning rate"
    text = f"stop epochs {', '.join(f'{x:.0f}' for x in stop)}; best minus last weights {show(gap, '+.2%')}"
    return Verdict(graded(stop.max() <= 30, early == 0), measured, text)


@claim("S1-32")
def _(r: Results, p: Figures) -> Verdict:
    s, names = r["s1_variants"], ["no early stop", "constant", "constant no early stop"]
    loss = changes(r, names, "test_loss")
    decay = difference(s.runs(names[2], "test_loss"), s.runs(names[0], "test_loss"))
    helped, hurt = (above(decay), above(loss[names[0]])), below(loss[names[0]])
    word = graded(any(helped), all(helped), otherwise=REFUTED if hurt else NOT_REPRODUCED)
    measured = f"test loss without early stopping minus the recipe's: {show(loss[names[0]], '+.4f')}; constant rate "
    measured += f"minus schedule, both without early stopping: {show(decay, '+.4f')}"
    return Verdict(word, measured, f"accuracy minus the recipe's: {listed(changes(r, names), '+.2%')}")


@claim("S1-33")
def _(r: Results, p: Figures) -> Verdict:
    loss, accuracy = (r["s1_variants"].means("long", m) for m in ("test_loss", "test_accuracy"))
    up, runs = loss.iloc[-1] / loss.min() - 1, r["s1_variants"].runs("long", "test_loss")
    measured = f"test loss {up:+.1%} from its minimum (stored epoch {loss.idxmin()}) to epoch {loss.index[-1]} "
    text = f"accuracy {accuracy.iloc[-1]:.2%} at the end, {accuracy.max():.2%} at best"
    return Verdict(graded(up > 0.01, enough(runs)), f"{measured}({len(runs)} run, no schedule)", text)


def range_curve(r: Results, start: str) -> pd.Series:
    """Loss over its first value against the learning rate: mean of the seeds, smoothed over five steps."""
    s = r["range_test"]
    loss = s.means(start, "loss").set_axis(s.means(start, "learning_rate"))
    return loss.rolling(5, center=True, min_periods=1).mean() / loss.iloc[:20].mean()


@claim("S1-34")
def _(r: Results, p: Figures) -> Verdict:
    fresh, trained = (range_curve(r, start) for start in ("fresh", "trained"))
    falls, lowest, least = min(fresh[fresh < 0.9].index, default=math.inf), fresh.idxmin(), trained.loc[1e-4:].min()
    word = graded(falls <= p["low"] and p["high"] <= 2 * lowest, least < 0.75)
    measured = f"fresh weights: the loss falls from {falls:.1g} on and is lowest at {lowest:.2g}"
    worse = min(trained[trained > 1.5].index, default=math.inf)
    text = f"trained weights: from the rate 1e-4 on never below {least:.0%} of the first loss, 1.5 times that from "
    text += f"{worse:.1g} on; averages of five steps and of the runs, which scatter"
    return Verdict(word, measured, text)


@claim("S1-35")
def _(r: Results, p: Figures) -> Verdict:
    curves = {start: range_curve(r, start) for start in ("fresh", "trained")}
    flat = {start: x.loc[1e-5:1e-4].mean() for start, x in curves.items()}
    least, end = {k: x.loc[1e-4:].min() for k, x in curves.items()}, {k: x.iloc[-1] for k, x in curves.items()}
    shape = [abs(flat[x] - 1) < 0.1 and least[x] < 0.75 and end[x] > 10 for x in curves]
    text = f"at rates of 1e-5 to 1e-4: {listed(flat, '.2f')}; at the last rate: {listed(end, '.0f')}"
    return Verdict(graded(any(shape), all(shape)), f"lowest loss over the first loss: {listed(least, '.2f')}", text)


@claim("S1-36")
def _(r: Results, p: Figures) -> Verdict:
    before, after = (r["range_test"].runs("trained", f"test_accuracy_{m}") for m in ("before", "after"))
    near = abs(after - p["accuracy"]) < 0.005
    measured = f"test accuracy before {show(before, '.2%')}, after {show(after, '.2%')}"
    chart = {"S1-36 accuracy after the range test": (p["accuracy"], after)}
    word = graded(near.mean() > 0.5, near.all(), otherwise=NOT_REPRODUCED)
    return Verdict(word, measured, f"after: {', '.join(f'{x:.1%}' for x in after)}", chart=chart)


@claim("S1-37")
def _(r: Results, p: Figures) -> Verdict:
    s, (small, _, large) = r["cost"], p["batches"]
    kib = {b: s.value(f"in memory batch={b}", "batch_bytes") / 1024 for b in p["batches"]}
    seconds = {b: s.value(f"in memory batch={b}", "seconds_per_epoch") for b in p["batches"]}
    loader = {b: s.value(f"loader batch={b}", "seconds_per_epoch") for b in (small, large)}
    word = graded(seconds[small] > seconds[large], kib[large] > 2**20)
    text = f"s an epoch in memory {listed(seconds, '.2f')}; with a DataLoader of 2 workers {listed(loader, '.1f')}"
    return Verdict(word, f"KiB of a batch: {listed(kib, '.0f')}", text)


@claim("S1-38")
def _(r: Results, p: Figures) -> Verdict:
    s = r["s1_variants"]
    runs = {b: recipe(r, "test_accuracy") if b == 64 else s.runs(f"batch={b}", "test_accuracy") for b in p["batches"]}
    first, second = difference(runs[32], runs[64]), difference(runs[64], runs[128])
    scaled = changes(r, [c for c in s.configurations if c.endswith("scaled")])
    seen, reversed_ = [above(x) for x in (first, second)], any(below(x) for x in (first, second))
    word = graded(any(seen), all(seen), otherwise=REFUTED if reversed_ else NOT_REPRODUCED)
    measured = f"32 minus 64: {show(first, '+.2%')}; 64 minus 128: {show(second, '+.2%')}"
    loss = changes(r, ["batch=32", "batch=128"], "test_loss")
    text = f"test loss minus that of 64: {listed(loss, '+.4f')}; accuracy minus that of 64 with the rate in proportion "
    return Verdict(word, measured, f"{text}to the batch: {listed(scaled, '+.2%')}")


@claim("S1-39")
def _(r: Results, p: Figures) -> Verdict:
    variance = {int(c): r["gradient_noise"].value(c, "gradient_variance") for c in r["gradient_noise"].configurations}
    line = stats.linregress(np.log(list(variance)), np.log(list(variance.values())))
    text = f"{len(variance)} batch sizes from {min(variance)} to {max(variance):,}"
    measured = f"variance ∝ B^{line.slope:.3f} (± {1.96 * line.stderr:.3f})"
    return Verdict(graded(abs(line.slope + 1) < 0.1), measured, text)


@claim("S1-40")
def _(r: Results, p: Figures) -> Verdict:
    runs, right = recipe(r, "test_accuracy"), published_counts()[0]
    exact, stop = right.sum() / 10_000, recipe(r, "stop_epoch")
    word = graded(exact in one_more(runs), abs(exact - p["printed"]) < 0.0005, otherwise=NOT_REPRODUCED)
    text = f"{' + '.join(map(str, right))} = {right.sum():,} right; one more run: {one_more(runs):.2%}; "
    text += f"runs that stop before the first cut of the rate: {show(runs[stop <= 10], '.2%')}, "
    text += f"later: {show(runs[stop > 10], '.2%')}; {to_the_end(r)}"
    measured = f"{show(runs, '.2%')}; the published run had {exact:.2%}"
    return Verdict(word, measured, text, chart={"S1-40 accuracy": (exact, runs)})


@claim("S1-41")
def _(r: Results, p: Figures) -> Verdict:
    (right, called), support = published_counts(), np.array(p["support"])
    made = {"recall": right / support, "precision": right / called, "f1": 2 * right / (called + support)}
    made["accuracy"] = 1 - (called + support - 2 * right) / 10_000
    consistent = all(np.allclose(values, p[m], atol=6e-7) for m, values in made.items())
    ours = {m: per_digit(r, "binary_accuracy" if m == "accuracy" else m) for m in made}
    inside = sum(p[m][k] in one_more(ours[m].loc[k]) for m in made for k in DIGITS)
    seen = sum(among(p[m][k], ours[m].loc[k]) for m in made for k in DIGITS)
    word = graded(consistent and inside >= 30, inside >= 36, otherwise=NOT_REPRODUCED)
    text = f"{seen} of 40 lie within the range of {ours['f1'].shape[1]} runs; all 40 values "
    text += f"{'' if consistent else 'do not '}follow from 20 whole numbers"
    chart = {f"S1-41 recall, {k}": (p["recall"][k], ours["recall"].loc[k]) for k in DIGITS}
    return Verdict(word, f"{inside} of 40 lie where one more run would be", text, chart=chart)


@claim("S1-42")
def _(r: Results, p: Figures) -> Verdict:
    table, metrics = ledger.claims()["S1-41"].figures, ("precision", "recall", "f1")
    rounded = all(np.allclose(p[m], table[m], atol=0.00501) for m in metrics)
    auc, area = per_digit(r, "auc").mean(axis=1), per_digit(r, "average_precision").mean(axis=1)
    same = int(np.isclose(auc.round(2), p["auc"]).sum())
    text = f"average precision {area.min():.3f} ({area.idxmin()}) to {area.max():.3f} ({area.idxmax()})"
    word = graded(rounded and same >= 8, area.min() > 0.99, otherwise=NOT_REPRODUCED)
    return Verdict(word, f"{same} of 10 areas agree; they are {auc.min():.4f} to {auc.max():.4f}", text)


@claim("S1-43")
def _(r: Results, p: Figures) -> Verdict:
    f1 = per_digit(r, "f1")
    best = sum(set(f1[seed].nlargest(3).index) == set(p["best"]) for seed in f1)
    worst = sum(set(f1[seed].nsmallest(2).index) == set(p["worst"]) for seed in f1)
    n = f1.shape[1]
    word = graded(min(best, worst) > n / 2, min(best, worst) == n, otherwise=NOT_REPRODUCED)
    measured = f"by F1, 0, 1 and 6 are the best three in {best} of {n} runs, 5 and 8 the worst two in {worst} of {n}"
    return Verdict(word, measured, f"F1: {listed(f1.mean(axis=1), '.3f')}")


@claim("S1-44")
def _(r: Results, p: Figures) -> Verdict:
    ours, never = per_digit(r, "binary_accuracy"), 1 - r["data"].means("test", "count") / 10_000
    inside = all(a in one_more(ours.loc[k]) for k, a in enumerate(p["accuracy"]))
    word = graded(inside, never[:2].max() < 0.5, otherwise=NOT_REPRODUCED)
    text = f"“never” scores {never[0]:.4f} and {never[1]:.4f}; the worst digit has {ours.mean(axis=1).min():.4f}"
    return Verdict(word, listed({k: ours.loc[k] for k in (0, 1)}), text)


@claim("S1-45")
def _(r: Results, p: Figures) -> Verdict:
    lowest = per_digit(r, "recall").mean(axis=1).nsmallest(4)
    word = graded(set(p["low"]) <= set(lowest.index), set(p["low"]) == set(lowest.index[:2]))
    return Verdict(word, f"lowest recalls: {listed(lowest, '.3f')}")


@claim("S1-46")
def _(r: Results, p: Figures) -> Verdict:
    miss, right = 1 - per_digit(r, "recall").mean(axis=1), published_counts()[0]
    balance = (per_digit(r, "precision") - per_digit(r, "recall")).mean(axis=1).abs()
    measured = f"miss rates {miss.min():.1%} ({miss.idxmin()}) to {miss.max():.1%} ({miss.idxmax()})"
    table = ledger.claims()["S1-41"].figures
    missed = np.array(table["support"]) - right
    theirs = pd.Series(np.abs(np.subtract(table["precision"], table["recall"])))
    text = f"published table: equal miss rates have χ² p = {stats.chi2_contingency([missed, right]).pvalue:.0e}; "
    text += f"largest |precision − recall|: ours {balance.max():.3f} ({balance.idxmax()}), "
    text += f"published {theirs.max():.3f} ({theirs.idxmax()})"
    return Verdict(graded(miss.max() < 2 * miss.min()), measured, text)


@claim("S1-47")
def _(r: Results, p: Figures) -> Verdict:
    ece, temperature, sure, right = (recipe(r, m) for m in ("ece15", "temperature", "mean_confidence", "test_accuracy"))
    one = 1 in interval_of(temperature)
    word = graded(ece.mean() < 0.015, ece.mean() <= 0.01 and one)
    text = f"temperature above 1 in {(temperature > 1).sum()} of {len(temperature)} runs: "
    text += f"mean confidence {sure.mean():.4f}, accuracy {right.mean():.4f}"
    return Verdict(word, f"ECE (15 bins) {show(ece)}; temperature {show(temperature, '.3f')}", text)


@claim("S1-48")
def _(r: Results, p: Figures) -> Verdict:
    right, wrong = (recipe(r, f"median_confidence_{m}").mean() for m in ("right", "wrong"))
    share, sure, top = (recipe(r, m).mean() for m in ("share_above_0.9", "accuracy_above_0.9", "accuracy_above_0.99"))
    measured = f"median {right:.3f} (right), {wrong:.3f} (wrong); of the {share:.0%} above 0.9, {sure:.2%} are right"
    text = f"above 0.99: {top:.2%}; area under the ROC curve of confidence {recipe(r, 'confidence_auroc').mean():.3f}"
    return Verdict(graded(right > 0.95 and right > wrong and sure > 0.95), measured, text)


@claim("S1-49")
def _(r: Results, p: Figures) -> Verdict:
    bins, b = per_digit(r, "error_bin").reindex(DIGITS, fill_value=0), p["bin"]
    share, fullest = (bins / bins.sum()).mean(axis=1), int((bins.idxmax() == b).sum())
    word = graded(share.idxmax() == b, share[b] > 0.5)
    measured = f"{share[b]:.1%} of the errors; the fullest of ten bins in {fullest} of {bins.shape[1]} runs"
    return Verdict(word, measured, f"share per bin from 0.2 on: {', '.join(f'{x:.0%}' for x in share[2:])}")


@claim("S1-50")
def _(r: Results, p: Figures) -> Verdict:
    counts, named = per_digit(r, "confusion"), {int(cell): n for cell, n in p["cells"].items()}
    inside = sum(n in one_more(counts.loc[cell]) for cell, n in named.items())
    hits = [len(set(counts[seed].nlargest(6).index) & set(named)) for seed in counts]
    word = graded(inside >= 5, min(hits) == 6, otherwise=NOT_REPRODUCED)
    seen = sum(among(n, counts.loc[cell]) for cell, n in named.items())
    text = f"{inside} of 6 counts lie where one more run would be, {seen} within the range of the runs; "
    text += f"{min(hits)} to {max(hits)} of the six are in the top six of a run"
    chart = {f"S1-50 errors {pairs([c])[0]}": (n, counts.loc[c]) for c, n in named.items()}
    return Verdict(word, listed({pairs([c])[0]: counts.loc[c] for c in named}, ".0f"), text, chart=chart)


@claim("S1-51")
def _(r: Results, p: Figures) -> Verdict:
    place, cells = ranks(per_digit(r, "confusion").mean(axis=1)), [10 * a + b for a, b in p["cells"]]
    top = [int(c) for c in ledger.claims()["S1-50"].figures["cells"]]
    measured = f"rank among 90 confusions, {listed({pairs([c])[0]: place[c] for c in cells}, 'd')}"
    both = pairs([c for c in cells if c in top])
    word = graded(all(place[c] <= 15 for c in cells), all(place[c] <= 6 for c in cells))
    return Verdict(word, measured, f"in the page's own list of six: {', '.join(both)}")


@claim("S1-52")
def _(r: Results, p: Figures) -> Verdict:
    apart, runs = r["s1_recipe"].value("same seed twice", "max_weight_difference"), recipe(r, "test_accuracy")
    text = f"standard deviation over {len(runs)} seeds: {100 * runs.std():.2f} points"
    measured = f"same seed twice: largest difference of a weight {apart:g}"
    return Verdict(graded(apart == 0, fully=False), measured, text, judgement=True)


@claim("S1-53")
def _(r: Results, p: Figures) -> Verdict:
    at = {x: loss_at(r["scaling"], f"{x} lr=0.01") for x in ("raw", "unit", "std", "pixel")}
    x, w, mean, sd = normal(50, 6), normal(3, 6, seed=1), normal(6, seed=2), normal(6, seed=3).abs() + 0.1
    gap = (((x - mean) / sd) @ w.T - (x @ (w / sd).T - (w / sd) @ mean)).abs().max().item()
    text = "weights for scaled inputs, rewritten for raw ones, give the same logits: the optimum does not move"
    word = graded(max(at.values()) > 1.05 * min(at.values()), gap > 1e-9)
    n = len(r["scaling"].runs("unit lr=0.01", "train_loss"))
    measured = f"training loss after 10 epochs at 0.01, means of {n} runs: {listed(at)}"
    return Verdict(word, measured, text if gap < 1e-9 else "")


@claim("S1-54")
def _(r: Results, p: Figures) -> Verdict:
    runs, base = r["features"].runs("gradients", "test_accuracy"), recipe(r, "test_accuracy")
    fit = r["optimum"].value(CERTIFIED, "train_accuracy")
    measured = f"linear on oriented gradients {show(runs, '.2%')}, on pixels {show(base, '.2%')}"
    text = f"at the certified optimum (L2 penalty 1e-5) it fits {fit:.2%} of the training images"
    return Verdict(graded(runs.mean() > base.mean() + 0.01 and fit < 0.99), measured, text)


@claim("S1-55")
def _(r: Results, p: Figures) -> Verdict:
    s, small, large = r["cost"], "linear 7x7", "linear 56x56"
    seconds, one, many = (s.value("linear", m) for m in ("seconds_per_epoch", "latency_one", "latency_1000"))
    growth, work = (s.value(large, m) / s.value(small, m) for m in ("seconds_per_epoch", "macs"))
    measured = f"{seconds:.1f} s an epoch; {1e6 * one:.0f} µs for one image, {1e6 * many:.1f} µs each in a thousand"
    loader = s.value("loader workers=0", "seconds_per_epoch")
    text = f"{work:.0f} times the pixels take {growth:.1f} times as long; with a DataLoader {loader:.0f} s an epoch"
    return Verdict(graded(seconds < 10, abs(growth / work - 1) < 0.5), measured, text)


@claim("S1-56")
def _(r: Results, p: Figures) -> Verdict:
    s = r["s1_variants"]
    names = [c for c in s.configurations if c.startswith(("weight_decay", "input dropout"))]
    loss, right = (changes(r, names, m) for m in ("test_loss", "test_accuracy"))
    low, high = s.means("gradient norm", "gradient_norm_min").min(), s.means("gradient norm", "gradient_norm_max").max()
    word = graded(any(below(x, -0.001) for x in loss.values()), high > 1_000 * low, otherwise=NOT_REPRODUCED)
    text = f"accuracy {listed(right, '+.2%')}; length of the gradient in training {low:.2g} to {high:.2g}, a factor "
    text += "of 1,000 would count as vanishing or exploding; a loss lower by more than 0.001 counts as a cure"
    return Verdict(word, f"test loss {listed(loss, '+.4f')}", text)


@claim("S1-57")
def _(r: Results, p: Figures) -> Verdict:
    runs, n = recipe(r, "test_accuracy"), r["data"].value("test", "images")
    text = f"standard error from {n:,.0f} images {100 * (runs.mean() * (1 - runs.mean()) / n) ** 0.5:.2f} points"
    return Verdict(CAVEAT, f"the same protocol here: {show(runs, '.2%')}", text, judgement=True)


@claim("S1-58")
def _(r: Results, p: Figures) -> Verdict:
    return Verdict(UNCHECKED, "nothing: no second data set here", judgement=True)
