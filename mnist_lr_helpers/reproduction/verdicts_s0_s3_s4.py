"""Checks of the claims of S0 (a paper), S3 (a notebook with hidden code) and S4 (a README)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, nll_loss, one_hot

from mnist_lr_helpers.reproduction import ledger
from mnist_lr_helpers.reproduction.ledger import (
    CAVEAT,
    NOT_REPRODUCED,
    UNCHECKED,
    WRONG,
    Figures,
    Results,
    Study,
    Verdict,
    above,
    below,
    claim,
    difference,
    enough,
    graded,
    listed,
    show,
)

CERTIFIED = "l2=1e-5"  # the weakest penalty of the study of the optimum whose optimum is certified (gap below 1e-4)


def normal(*size: int, seed: int = 0) -> torch.Tensor:
    """Random numbers for the check of a formula, float64."""
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed), dtype=torch.double)


def loss_at(s: Study, configuration: str, *, at: int | None = None) -> float:
    """The training loss at the end or after epoch ``at``; infinite if the run broke."""
    return np.inf if s.has(configuration, "diverged") else s.value(configuration, "train_loss", at=at)


def scaling_race(s: Study, first: str, second: str) -> tuple[bool, float, str]:
    """Is ``first`` ahead of ``second`` after one epoch at 0.01; its lead at the end at the best rates; the figures."""
    rates = {x: [c for c in s.configurations if c.startswith(f"{x} lr=")] for x in (first, second)}
    at = {f"{x} after {e}": loss_at(s, f"{x} lr=0.01", at=e) for x in rates for e in (1, 10)}
    best = {min(some, key=lambda c: loss_at(s, c)) for some in rates.values()}
    losses = {c: s.runs(c, "train_loss") for c in sorted(best)}
    one, two = (min(loss_at(s, c) for c in some) for some in rates.values())
    tried = ", ".join(f"{len(some)} for {x}" for x, some in rates.items())
    text = f"training loss at 0.01, means of {len(next(iter(losses.values())))} runs: {listed(at)}; "
    text += f"after 10 epochs at the best of the rates tried ({tried}): {listed(losses)}"
    return at[f"{first} after 1"] < at[f"{second} after 1"], two / one - 1, text


@claim("S0-01", "S4-01")
def _(r: Results, p: Figures) -> Verdict:
    d = r["data"]
    found = [d.value(part, "images") for part in ("train", "test")] + [d.value("train", s) for s in ("height", "width")]
    word = graded(found == [p["train"], p["test"], p["side"], p["side"]])
    return Verdict(word, "{:,.0f} + {:,.0f}; {:.0f}×{:.0f}".format(*found), "counted in the four official files")


@claim("S0-02")
def _(r: Results, p: Figures) -> Verdict:
    runs = r["s0_recipe"].runs("published", "test_accuracy")
    return Verdict(graded(runs.min() > p["accuracy"]), show(runs, ".2%"), f"lowest of the runs {runs.min():.2%}")


@claim("S0-03")
def _(r: Results, p: Figures) -> Verdict:
    s = r["cnn"]
    runs, size = s.each(s.configurations, "test_accuracy"), {c: s.value(c, "parameters") for c in s.configurations}
    epochs = {c: s.curves(c, "test_accuracy").index[-1] for c in runs}
    passing = sorted((c for c, x in runs.items() if x.min() > p["accuracy"]), key=size.get)
    word = graded(passing, len(passing) == len(runs), otherwise=NOT_REPRODUCED)
    named = "; ".join(f"{c} ({size[c]:,.0f} parameters)" for c in passing) or "none"
    text = f"by channels, {listed(runs, '.2%')}; epochs {listed(epochs, 'd')}"
    return Verdict(word, f"above in all runs, by channels: {named}", text)


@claim("S0-04")
def _(r: Results, p: Figures) -> Verdict:
    s = r["s0_recipe"]
    runs, loss = s.runs("published", "test_accuracy"), s.runs("published", "train_loss")
    measured = f"accuracy {show(runs, '.2%')}; training loss {show(loss)}"
    text = f"standard deviation over seeds {100 * runs.std():.2f} points, so what is unstated matters little"
    return Verdict(graded(runs.std() < 0.003, otherwise=UNCHECKED), measured, text, judgement=True)


@claim("S0-05")
def _(r: Results, p: Figures) -> Verdict:
    s = r["scaling"]
    ahead, _, text = scaling_race(s, "unit", "raw")
    raw, unit = (s.runs(f"{x} first gradient", "first_gradient_norm") for x in ("raw", "unit"))
    times = f"the first gradient of raw pixels is {' and '.join(f'{x:,.0f}' for x in raw / unit)} times as long"
    return Verdict(graded(ahead, fully=False), f"{times} ({len(raw)} runs)", text, judgement=True)


@claim("S0-06")
def _(r: Results, p: Figures) -> Verdict:
    low, high = (r["s0_recipe"].runs("published", f"logit_row_sum_{m}") for m in ("min", "max"))
    measured = f"the ten logits of an image add up to {low.min():.1f} … {high.max():.1f}"
    return Verdict(graded(high.max() - low.min() < 1e-3, otherwise=WRONG), measured)


@claim("S0-07", "S1-24")
def _(r: Results, p: Figures) -> Verdict:
    z, y = normal(64, 10), torch.arange(64) % 10
    by_hand = -(one_hot(y, 10) * z.softmax(dim=1).log()).sum(dim=1).mean()
    same = [nll_loss(z.log_softmax(dim=1), y), cross_entropy(z, one_hot(y, 10).double()), by_hand]
    equal = all(abs(cross_entropy(z, y) - other).item() < 1e-12 for other in same)
    return Verdict(graded(equal), "equal within 1e-12" if equal else "not equal", "64 random rows of logits, float64")


@claim("S0-08")
def _(r: Results, p: Figures) -> Verdict:
    s, names = r["s0_recipe"], ["published", "momentum 0", "momentum 0 lr 0.1"]
    loss, jumps = s.each(names, "train_loss"), {c: s.value(c, "step_loss_sd") for c in names}
    twin = difference(loss[names[0]], loss[names[2]])
    faster, smoother = loss[names[0]].mean() < loss[names[1]].mean(), jumps[names[0]] < jumps[names[2]]
    word = graded(faster and (smoother or below(twin)), smoother and below(twin, -0.001), otherwise=NOT_REPRODUCED)
    text = f"training loss with momentum minus that of ten times the rate without it: {show(twin, '+.4f')}; "
    text += f"standard deviation of the loss from step to step {listed(jumps, '.3f')}"
    return Verdict(word, f"training loss of the last epoch {listed(loss)}", text)


@claim("S0-09")
def _(r: Results, p: Figures) -> Verdict:
    batches = (16, p["batch"], 1024)
    size = {b: r["cost"].value(f"in memory batch={b}", "batch_bytes") for b in batches}
    noise = {b: r["gradient_noise"].value(str(b), "gradient_variance") for b in batches}
    share = 1024 / r["data"].value("train", "images")
    quieter, scarce = noise[16] > noise[p["batch"]] > noise[1024], share > 0.5
    text = f"KiB of a batch {listed({b: x / 1024 for b, x in size.items()}, ',.0f')}; a batch of 1,024 takes "
    text += f"{share:.1%} of the memory of the training images, and half of it or more would count as a limit"
    measured = f"variance of the gradient by batch size {listed(noise, '.2f')}"
    return Verdict(graded(quieter, scarce), measured, text)


@claim("S0-10")
def _(r: Results, p: Figures) -> Verdict:
    right, length, miss = (r["optimum"].value(CERTIFIED, m) for m in ("train_accuracy", "gradient_norm", "mean_miss"))
    measured = f"{right:.2%} of the training images right at the certified optimum (L2 penalty 1e-5)"
    text = "separating planes, with weights and biases of joint length 1, could have a margin of at most "
    text += f"{length / miss:.1g} = ‖gradient‖ / mean(1 − p(label))"
    return Verdict(graded(right > 0.9, right > 0.999), measured, text)


@claim("S0-11")
def _(r: Results, p: Figures) -> Verdict:
    s, names = r["cost"], ["linear", "cnn 4-8", "cnn 8-16"]
    seconds, macs, size = ({c: s.value(c, m) for c in names} for m in ("seconds_per_epoch", "macs", "parameters"))
    time, work = (x["cnn 4-8"] / x["linear"] for x in (seconds, macs))
    word = graded(work > 5 and time > 2, size["cnn 4-8"] > size["linear"])
    text = f"parameters {listed(size, ',.0f')}; multiply-adds {listed(macs, ',.0f')}; "
    text += f"s an epoch {listed(seconds, '.1f')}"
    return Verdict(word, f"a CNN 4-8 takes {time:.0f} times as long, {work:.0f} times the multiply-adds", text)


@claim("S0-12")
def _(r: Results, p: Figures) -> Verdict:
    seconds = show(r["cost"].runs("linear", "seconds_per_epoch"), ".2f")
    return Verdict(UNCHECKED, f"one CPU core: {seconds} s an epoch", judgement=True)


@claim("S0-13")
def _(r: Results, p: Figures) -> Verdict:
    s = r["s0_recipe"]
    idle, dead = (s.value("published", m) for m in ("untouched_weights", "dead_pixels"))
    maps = s.runs("published", "template_correlation_inked")
    measured = f"weight maps of two seeds correlate by {show(maps, '.2f')} where there is ever ink"
    text = f"{idle:,.0f} of 7,840 weights end as they began; {10 * dead:,.0f} of them, at black pixels, can never move"
    return Verdict(graded(maps.min() > 0.5, idle == 0), measured, text, judgement=True)


@claim("S0-14")
def _(r: Results, p: Figures) -> Verdict:
    d, names = r["data"], ("centre_x_mean", "centre_x_sd", "centre_y_mean", "centre_y_sd")
    x, x_sd, y, y_sd = (d.value("train", name) for name in names)
    height, width, slant = (d.value("train", name) for name in ("box_height_max", "box_width_max", "slant_sd"))
    word = graded(max(x_sd, y_sd) < 0.5 and max(height, width) <= 20, slant < 0.05)
    measured = f"centre of mass ({x:.2f} ± {x_sd:.2f}, {y:.2f} ± {y_sd:.2f}); largest box {width:.0f}×{height:.0f}"
    return Verdict(word, measured, f"slant, standard deviation: {slant:.2f} pixels across per pixel down")


@claim("S0-15")
def _(r: Results, p: Figures) -> Verdict:
    test, chosen = (r["s0_recipe"].curves("split", m) for m in ("test_accuracy", "validation_loss"))
    gap = [test[seed].max() - test.loc[chosen[seed].idxmin(), seed] for seed in test]
    measured = f"best epoch by test accuracy is ahead of the epoch chosen on validation by {min(gap):.2%} to "
    measured += f"{max(gap):.2%} ({len(gap)} runs)"
    return Verdict(UNCHECKED, measured, judgement=True)


# S3: ten yes/no classifiers


def neuron_gradients() -> dict[str, torch.Tensor]:
    """The mean binary cross-entropy of one neuron: autograd's gradients, the published ones, the correct one of b."""
    x, y = normal(20, 5), (normal(20, seed=1) > 0.5).double()
    w, b = normal(5, seed=2).requires_grad_(), torch.zeros(1).double().requires_grad_()
    binary_cross_entropy_with_logits(x @ w + b, y).backward()
    guess = (x @ w + b).sigmoid().detach()
    formulas = {"w published": x.T @ (guess - y) / 20, "b published": y @ guess / 20, "b correct": (guess - y).mean()}
    return {"w": w.grad, "b": b.grad[0], **formulas}


def gaps(s: Study, configuration: str) -> pd.DataFrame:
    """Measured minus published by step: eight accuracies, that of 0 on training images, and the mean of ten."""
    published = {f"accuracy_{k}": a for k, a in enumerate(ledger.claims()["S3-06"].figures["accuracy"])}
    published["train_accuracy_0"] = ledger.claims()["S3-05"].figures["train"]
    published["mean_accuracy"] = ledger.claims()["S3-07"].figures["accuracy"]
    return pd.DataFrame({m: s.means(configuration, m) - a for m, a in published.items()})


def settings(s: Study, kind: str = "correct") -> list[str]:
    """The configurations that scan steps with one learning rate."""
    return [c for c in s.configurations if c.startswith("lr=") and c.endswith(kind)]


def fits(s: Study, kind: str = "correct") -> dict[str, tuple[int, float]]:
    """For each learning rate: the step nearest to the eight published accuracies, and its distance in points (RMS)."""
    found = {}
    for c in settings(s, kind):
        distance = 100 * gaps(s, c).filter(regex="^accuracy").pow(2).mean(axis=1).pow(0.5)
        found[c] = int(distance.idxmin()), float(distance.min())
    return dict(sorted(found.items(), key=lambda item: item[1][1]))


def said(s: Study, found: dict[str, tuple[int, float]]) -> str:
    """Which step of each setting fits, and how far off it is, in words."""
    end = {
        c: ", the last of its grid" if step == s.means(c, "mean_accuracy").index[-1] else ""
        for c, (step, _) in found.items()
    }
    return "; ".join(f"{c} after {step} steps{end[c]} ({distance:.2f} points)" for c, (step, distance) in found.items())


def at_fit(r: Results, metric: str) -> pd.Series:
    """A metric of the setting and step nearest to the published accuracies; one value per split."""
    configuration, (step, _) = next(iter(fits(r["s3_ovr"]).items()))
    return r["s3_ovr"].runs(configuration, metric, at=step)


def at_mean(r: Results, metric: str) -> pd.Series:
    """A metric of the ten models, where the mean of their accuracies is nearest to the published one."""
    s = r["s3_ovr"]
    away = {c: gaps(s, c)["mean_accuracy"].abs() for c in settings(s)}
    nearest = min(away, key=lambda c: away[c].min())
    return s.runs(nearest, metric, at=int(away[nearest].idxmin()))


@claim("S3-01")
def _(r: Results, p: Figures) -> Verdict:
    total = sum(r["data"].value(part, "images") for part in ("train", "test"))
    holds = total == p["all"] == p["train"] + p["test"] and p["train"] == 0.8 * p["all"]
    measured = f"{total:,.0f} images, of which 80 % are {0.8 * total:,.0f}"
    return Verdict(graded(holds, fully=False), measured, judgement=True)


@claim("S3-02")
def _(r: Results, p: Figures) -> Verdict:
    y, z = torch.tensor([0, 1, 1, 0]).double(), torch.tensor([0.3, -2, 4, -1]).double()
    q = z.sigmoid()
    gap = abs(-(y * q.log() + (1 - y) * (1 - q).log()).mean() - binary_cross_entropy_with_logits(z, y)).item()
    return Verdict(graded(gap < 1e-12), "equal to PyTorch's within 1e-12" if gap < 1e-12 else f"off by {gap:.0e}")


@claim("S3-03")
def _(r: Results, p: Figures) -> Verdict:
    g = neuron_gradients()
    equal = torch.allclose(g["w"], g["w published"], atol=1e-12)
    return Verdict(graded(equal, otherwise=WRONG), "equal to autograd's within 1e-12" if equal else "not autograd's")


@claim("S3-04")
def _(r: Results, p: Figures) -> Verdict:
    g, s = neuron_gradients(), r["s3_ovr"]
    shown = {"autograd": g["b"], "1ᵀ(Ŷ − Y)/m": g["b correct"], "printed": g["b published"]}
    best = dict(next(iter(fits(s, kind).items())) for kind in ("correct", "printed"))
    word = graded(torch.isclose(g["b"], g["b published"]), otherwise=WRONG)
    text = f"nearest to the eight accuracies: {said(s, best)}"
    return Verdict(word, listed({k: x.item() for k, x in shown.items()}, "+.4f"), text)


@claim("S3-05")
def _(r: Results, p: Figures) -> Verdict:
    s, near = r["s3_ovr"], {}
    for c in settings(s):
        both = pd.DataFrame({"train": s.means(c, "train_accuracy_0"), "test": s.means(c, "accuracy_0")})
        gap = (both - pd.Series({key: p[key] for key in both})).abs().max(axis=1)
        near[c] = int(gap.idxmin()), 100 * gap.min(), both.loc[gap.idxmin()]
    c, (step, points, both) = min(near.items(), key=lambda item: item[1][1])
    measured = f"{c} after {step} steps: train {both['train']:.4f}, test {both['test']:.4f}"
    best, near = dict([next(iter(fits(s).items()))]), {k: x[:2] for k, x in near.items()}
    text = f"larger of the two distances, where less than 0.15 points fits: {said(s, near)}; nearest to the eight "
    text += f"accuracies of S3-06 is {said(s, best)}"
    chart = {"S3-05 yes/no accuracy, 0": (p["test"], s.runs(c, "accuracy_0", at=step))}
    word = graded(points < 0.15, sum(x[1] < 0.15 for x in near.values()) == 1, otherwise=NOT_REPRODUCED)
    return Verdict(word, measured, text, chart=chart)


@claim("S3-06")
def _(r: Results, p: Figures) -> Verdict:
    s, published = r["s3_ovr"], p["accuracy"]
    found, ours = fits(s), {k: at_fit(r, f"accuracy_{k}") for k in range(8)}
    inside = sum(abs(ours[k].mean() - a) < 0.004 for k, a in enumerate(published))
    highest = [max(s.means(c, f"accuracy_{k}").max() for c in settings(s)) for k in range(8)]
    never = ", ".join(f"{k} ({a:.4f}, highest {highest[k]:.4f})" for k, a in enumerate(published) if highest[k] < a)
    off = 100 * min(gaps(s, c).abs().max(axis=1).min() for c in settings(s))
    text = f"never reached at any step scanned: {never or 'none'}; with the training accuracy of S3-05 and the mean of "
    text += f"S3-07, no step comes nearer to all ten figures than {off:.2f} points"
    chart = {f"S3-06 yes/no accuracy, {k}": (published[k], x) for k, x in ours.items()}
    word = graded(inside >= 7, off < 0.15, otherwise=NOT_REPRODUCED)
    return Verdict(word, f"{inside} of 8 within 0.4 points; nearest: {said(s, found)}", text, chart=chart)


@claim("S3-07")
def _(r: Results, p: Figures) -> Verdict:
    images, decisions = 14_000 * p["accuracy"], 140_000 * p["accuracy"]
    rest = decisions - sum(round(14_000 * a) for a in ledger.claims()["S3-06"].figures["accuracy"])
    whole = [abs(x - round(x)) < 1e-6 for x in (images, decisions)]
    mean, ten = at_mean(r, "mean_accuracy"), at_mean(r, "argmax_accuracy")
    text = f"{images:.1f} of 14,000 images, but {decisions:.0f} of 140,000 yes/no answers, {rest:.0f} by 8 and 9"
    both = {"mean of ten yes/no accuracies": mean, "ten-class accuracy": ten}
    chart = {f"S3-07 {name}": (p["accuracy"], x) for name, x in both.items()}
    word = graded(whole[0], otherwise=WRONG if whole[1] else NOT_REPRODUCED)
    measured = f"mean of the ten {show(mean)}; ten-class accuracy of the same models {show(ten)}"
    return Verdict(word, measured, text, chart=chart)


@claim("S3-08")
def _(r: Results, p: Figures) -> Verdict:
    ten = np.array([at_mean(r, f"accuracy_{k}").mean() for k in range(10)])
    counts = r["data"].means("test", "count")
    fit = abs(ten.min() - p["low"]) < 0.01 and abs(ten.max() - p["high"]) < 0.01
    never = 1 - counts / counts.sum()
    word = graded(fit, never.max() < 0.9, otherwise=NOT_REPRODUCED)
    measured = f"{ten.min():.4f} ({ten.argmin()}) to {ten.max():.4f} ({ten.argmax()}); within a point fits"
    known = ledger.claims()["S3-06"].figures["accuracy"]
    needed = (10 * ledger.claims()["S3-07"].figures["accuracy"] - sum(known)) / 2
    text = f"mean of 8 and 9: {ten[8:].mean():.4f}, by S3-06 and S3-07 it is {needed:.4f}; "
    text += f"“never” scores {never.min():.4f} to {never.max():.4f}"
    return Verdict(word, measured, text)


@claim("S3-09")
def _(r: Results, p: Figures) -> Verdict:
    ten, end = at_mean(r, "argmax_accuracy"), r["s3_ovr"].runs("ovr converged", "argmax_accuracy_end")
    text = f"trained to the optimum {show(end, '.2%')}"
    return Verdict(CAVEAT, f"accuracy of this rule {show(ten, '.2%')}", text, judgement=True)


@claim("S3-10")
def _(r: Results, p: Figures) -> Verdict:
    g = neuron_gradients()
    gaps = {"weights": (g["w"] - g["w published"]).abs().max().item(), "bias": (g["b"] - g["b published"]).abs().item()}
    same = [gap < 1e-12 for gap in gaps.values()]
    measured = f"equal to autograd's gradient: weights {'yes' if same[0] else 'no'}, bias {'yes' if same[1] else 'no'}"
    return Verdict(graded(same[0], same[1]), measured, f"the printed gradient of the bias is off by {gaps['bias']:.2f}")


@claim("S3-11")
def _(r: Results, p: Figures) -> Verdict:
    ten = np.array([at_fit(r, f"accuracy_{k}").mean() for k in range(10)])
    order = np.argsort(-ten).tolist()
    shown = [k for k in order if k < 8]
    ends = set(shown[:2]) == set(p["order"][:2]) and shown[-1] == p["order"][-1]
    word = graded(ends, shown == p["order"], otherwise=NOT_REPRODUCED)
    return Verdict(word, "measured " + " > ".join(map(str, order)), f"8: {ten[8]:.4f}, 9: {ten[9]:.4f}")


@claim("S3-12")
def _(r: Results, p: Figures) -> Verdict:
    train, test = at_fit(r, "argmax_accuracy_train").mean(), at_fit(r, "argmax_accuracy").mean()
    chance = (0.8 * train + 0.2 * test) ** p["examples"]
    text = f"accuracy {train:.2%} on training images, {test:.2%} on others"
    measured = f"six of six right happens in {chance:.0%} of the draws"
    return Verdict(graded(chance > 0.05, fully=False), measured, text, judgement=True)


@claim("S3-13")
def _(r: Results, p: Figures) -> Verdict:
    s, names = r["s3_ovr"], ["ovr converged", "softmax converged"]
    runs = s.each(names, "argmax_accuracy_end")
    text = "one split, penalty 1e-4; "
    text += "; ".join(f"{m} {listed({c: s.value(c, m) for c in names})}" for m in ("nll", "ece15"))
    ahead = difference(runs[names[0]], runs[names[1]]).estimate
    return Verdict(graded(runs[names[0]].mean() > 0.9, ahead >= 0), listed(runs, ".2%"), text)


# S4: an accuracy without a batch size


def by_batch(s: Study, metric: str) -> dict[int, pd.Series]:
    """The last values of a metric, by size of the batch."""
    sizes = sorted(int(c.removeprefix("batch=")) for c in s.configurations)
    return {size: s.runs(f"batch={size}", metric) for size in sizes}


def batches_for(runs: dict[int, pd.Series], levels: tuple[float, float]) -> str:
    """The batch sizes at which the mean accuracy passes two levels, interpolated in the logarithm of the size."""
    ends = pd.Series({size: x.mean() for size, x in runs.items()}).sort_values()
    return " to ".join(f"{np.exp(np.interp(level, ends, np.log(ends.index))):.0f}" for level in levels)


def improvements(r: Results, names: list[str]) -> tuple[dict[str, pd.Series], dict[str, ledger.Interval]]:
    """Test accuracies of changed recipes, and their gains over the plain recipe with batches of 512."""
    runs, base = r["s4_improve"].each(names, "test_accuracy"), r["s4_batch"].runs("batch=512", "test_accuracy")
    return runs, {c: difference(x, base) for c, x in runs.items()}


@claim("S4-02")
def _(r: Results, p: Figures) -> Verdict:
    runs = by_batch(r["s4_batch"], "test_accuracy")
    ends = [x.mean() for x in runs.values()]
    word = graded(max(ends) - min(ends) < 0.01, otherwise=UNCHECKED)
    return Verdict(word, f"{min(ends):.1%} to {max(ends):.1%}, by batch size", f"by batch size, {listed(runs, '.2%')}")


@claim("S4-03")
def _(r: Results, p: Figures) -> Verdict:
    runs = {part: by_batch(r["s4_batch"], f"{part}_accuracy") for part in ("test", "train")}
    low, high = p["accuracy"] - p["half"], p["accuracy"] + p["half"]
    fit = {part: [b for b, x in each.items() if low <= x.mean() <= high] for part, each in runs.items()}
    measured = "; ".join(
        f"{low:.1%} to {high:.1%} on {part} images with batches of {', '.join(map(str, b))}, "
        f"by interpolation {batches_for(runs[part], (high, low))}"
        for part, b in fit.items()
        if b
    )
    chart = {f"S4-03 accuracy, batch {b}": (p["accuracy"], runs["test"][b]) for b in (64, *fit["test"])}
    usual = {b: runs["test"][b] for b in (64, 100)}
    word = graded(fit["test"], set(usual) & set(fit["test"]), otherwise=NOT_REPRODUCED)
    return Verdict(word, measured or "with no batch size", f"usual sizes: {listed(usual, '.2%')}", chart=chart)


@claim("S4-04")
def _(r: Results, p: Figures) -> Verdict:
    runs, gain = improvements(r, ["long", "unit lr=0.01", "unit lr=0.1"])
    cnn = r["cnn"].runs("8-16", "test_accuracy")
    holds = min(g.estimate for g in gain.values()) > 0.01 and cnn.min() > max(x.max() for x in runs.values())
    text = f"{listed(runs, '.2%')}; CNN 8-16: {show(cnn, '.2%')}"
    return Verdict(graded(holds, enough(cnn, *runs.values())), f"gains {listed(gain, '+.1%')}", text)


@claim("S4-05")
def _(r: Results, p: Figures) -> Verdict:
    names = [c for c in r["s4_improve"].configurations if c.startswith(("std lr", "unit lr"))]
    runs, gain = improvements(r, names)
    names.sort(key=lambda c: float(c.split("=")[1]))
    std, unit = ([c for c in names if c.startswith(x)][-1] for x in ("std", "unit"))
    lead = difference(runs[std], runs[unit])
    word = graded(gain["std lr=0.001"].estimate > 0, above(lead, 0.002))
    measured = f"gain at 0.001: {show(gain['std lr=0.001'], '+.2%')}; at the highest rates tried, {std} and {unit}, "
    return Verdict(word, f"{measured}{show(lead, '+.2%')}", listed(runs, ".2%"))


@claim("S4-06")
def _(r: Results, p: Figures) -> Verdict:
    _, gain = improvements(r, ["momentum", "adam lr=0.001", "weight_decay=0.0001", "weight_decay=0.01"])
    plain, cnn = r["s4_batch"].value("batch=512", "test_accuracy"), r["cnn"].runs("8-16", "test_accuracy")
    decay = max(g.estimate for c, g in gain.items() if "decay" in c)
    word = graded(gain["momentum"].estimate > 0.01 and cnn.min() > plain + 0.05, decay > 0.002)
    measured = f"CNN 8-16 {show(cnn, '.2%')}; gains {listed(gain, '+.2%')}"
    return Verdict(word, measured, f"plain recipe, batch 512: {plain:.2%}")


@claim("S4-07")
def _(r: Results, p: Figures) -> Verdict:
    s = r["s4_batch"]
    gap = s.runs("batch=512", "train_accuracy") - s.runs("batch=512", "test_accuracy")
    word = graded(gap.abs().max() < 0.002, otherwise=UNCHECKED)
    return Verdict(word, f"training minus test accuracy at the end, batches of 512: {show(gap, '+.2%')}")
