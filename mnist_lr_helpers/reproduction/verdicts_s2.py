"""Checks of the claims of S2, a report on hidden layers and L2, chosen and judged on the test images."""

from __future__ import annotations

from itertools import pairwise

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
    Figures,
    Results,
    Study,
    Verdict,
    above,
    among,
    below,
    claim,
    difference,
    enough,
    graded,
    listed,
    one_more,
    show,
    two_apart,
)
from mnist_lr_helpers.reproduction.verdicts_s0_s3_s4 import CERTIFIED, normal

SHALLOW = ["512", "256", "128", "64"]
DEEP = ["512-256", "256-128", "128-64", "64-32"]
PAIRS = list(zip(SHALLOW, DEEP, strict=True))
PENALTIES = ["0", "3e-05", "0.0003", "0.001", "0.003"]


def lowest(s: Study, configuration: str) -> pd.Series:
    """The smallest test loss of each seed."""
    return s.curves(configuration, "test_loss").min()


def when(s: Study, configuration: str) -> pd.Series:
    """The epoch of the smallest test loss of each seed."""
    return s.curves(configuration, "test_loss").idxmin()


def turned(s: Study, configuration: str) -> bool:
    """Whether the smallest test loss of every seed comes before the last stored epoch: only then can it rise."""
    return bool((when(s, configuration) < s.curves(configuration, "test_loss").index[-1]).all())


def rise(s: Study, configuration: str) -> pd.Series:
    """How much the mean test loss of the last ten epochs is above the smallest, as a share of it, for each seed."""
    return s.curves(configuration, "test_loss").tail(10).mean() / lowest(s, configuration) - 1


def later(s: Study, configuration: str, epochs: int) -> float:
    """The rise so many epochs after the smallest test loss, by the mean of five epochs around; mean of the seeds."""
    curves, first = s.curves(configuration, "test_loss"), when(s, configuration) + epochs
    return float(np.mean([x.loc[first[seed] - 2 : first[seed] + 2].mean() / x.min() - 1 for seed, x in curves.items()]))


def scatter(s: Study, configuration: str) -> float:
    """Standard deviation of the change of the test loss from epoch to epoch in the second half, as a share of it."""
    curves = s.curves(configuration, "test_loss")
    late = curves[curves.index > curves.index[-1] / 2]
    return float((late.diff().std() / late.mean()).mean())


NEAR = "near is what two single runs of 784-512-10 may lie apart in 95 of 100 cases, by the five of S2-19"


def tolerances(r: Results) -> dict[str, float]:
    """How far a single run of 784-512-10 may lie from the published one, by the scatter of the runs of S2-19."""
    s = r["s2_depth"]
    runs = {"loss": lowest(s, "512"), "epoch": when(s, "512"), "accuracy": s.curves("512", "test_accuracy").max()}
    return {name: two_apart(x) for name, x in runs.items()}


def welch(one: tuple[float, float, int], two: tuple[float, float, int]) -> float:
    """The p-value of Welch's test from mean, standard deviation and number of each."""
    return float(stats.ttest_ind_from_stats(*one, *two, equal_var=False).pvalue)


@claim("S2-01")
def _(r: Results, p: Figures) -> Verdict:
    images = [r["data"].value(part, "images") for part in ("train", "test")]
    counts = [n / p["batch"] for n in images]
    text = " and ".join(f"{n:,.0f} / {p['batch']}" for n in images)
    word = graded(counts == [p["steps"], p["test_steps"]])
    return Verdict(word, "{:g} and {:g} batches, all full".format(*counts), text)


@claim("S2-02")
def _(r: Results, p: Figures) -> Verdict:
    s, tried = r["s2_minibatch"], {}
    for c in s.configurations:
        tried.setdefault(int(c.split()[0].removeprefix("batch=")), []).append(c)
    best = {size: min(some, key=lambda c: lowest(s, c).mean()) for size, some in tried.items()}
    losses, seconds = {b: lowest(s, c) for b, c in best.items()}, {b: s.value(c, "seconds") for b, c in best.items()}
    epochs = {b: s.curves(c, "test_loss").index[-1] for b, c in best.items()}
    noisy, quiet, full = losses[20].mean(), losses[2_000].mean(), losses[60_000].mean()
    finished = turned(s, best[2_000])
    text = f"rates tried, by batch size: {listed({b: len(some) for b, some in tried.items()}, 'd')}; epochs "
    text += f"{listed(epochs, 'd')}; seconds {listed(seconds, '.0f')}"
    measured = f"lowest test loss of the stored epochs by batch size, at the better rate: {listed(losses)}"
    return Verdict(graded(losses[200].mean() < full, noisy < 0.98 * quiet and finished), measured, text)


@claim("S2-03")
def _(r: Results, p: Figures) -> Verdict:
    s, widths = r["s2_widths"], {c: [] if c == "linear" else [int(w) for w in c.split("-")] for c in p["parameters"]}
    counts = {
        c: models.parameter_count(models.MultilayerPerceptron(w, generator=torch.Generator()))
        for c, w in widths.items()
    }
    losses, epochs = {c: lowest(s, c) for c in widths}, {s.curves(c, "test_loss").index[-1] for c in widths}
    word = graded(counts == p["parameters"], epochs == {p["epochs"]} and enough(*losses.values()))
    return Verdict(word, f"parameters {listed(counts, ',')}", f"lowest test loss {listed(losses)}")


@claim("S2-04")
def _(r: Results, p: Figures) -> Verdict:
    s, gaps = r["s2_widths"], {}
    for c in (*SHALLOW, *DEEP):
        test, chosen = s.curves(c, "test_loss"), s.curves(c, "validation_loss").idxmin()
        gaps[c] = test.apply(lambda x, at=chosen: x[at[x.name]] / x.min() - 1)
    measured = "test loss at the epoch that is best on validation images: on average "
    measured += f"{np.mean([x.mean() for x in gaps.values()]):.1%} above the lowest test loss"
    return Verdict(CAVEAT, measured, f"by network, {listed(gaps, '+.1%')}", judgement=True)


@claim("S2-05")
def _(r: Results, p: Figures) -> Verdict:
    s = r["s2_widths"]
    end, std = s.runs("linear", "test_loss"), s.runs("linear std", "test_loss")
    chart = {"S2-05 test loss, linear": (p["loss"], end)}
    word = graded(end.max() < p["loss"], p["loss"] - end.mean() < 0.01)
    return Verdict(word, show(end), f"standardised {show(std)}; a little below is less than 0.01", chart=chart)


@claim("S2-06")
def _(r: Results, p: Figures) -> Verdict:
    s, o = r["s2_widths"], r["optimum"]
    short, long = (s.means(c, "test_loss") for c in ("linear", "linear long"))
    up, far = (x / short.min() - 1 for x in (long.iloc[-1], o.value(CERTIFIED, "test_loss")))
    measured = f"lowest {short.min():.4f} at epoch {short.idxmin()} of {short.index[-1]}, {up:+.1%} at epoch "
    text = f"certified optimum (L2 penalty 1e-5, 60,000 images; training loss {o.value(CERTIFIED, 'train_loss'):.4f}): "
    text += f"test loss {far:+.1%} from that minimum"
    return Verdict(graded(max(up, far) < 0.005), f"{measured}{long.index[-1]} (1 run each)", text)


@claim("S2-07")
def _(r: Results, p: Figures) -> Verdict:
    s = r["s2_widths"]
    found = {c: (lowest(s, c).mean(), when(s, c).mean()) for c in (*SHALLOW, *DEEP)}
    order = [found[a][i] <= found[b][i] for family in (SHALLOW, DEEP) for a, b in pairwise(family) for i in (0, 1)]
    ends = all(found[f[0]][i] < found[f[-1]][i] for f in (SHALLOW, DEEP) for i in (0, 1))
    measured = "; ".join(f"{c}: {loss:.4f} at {epoch:.0f}" for c, (loss, epoch) in found.items())
    word = graded(ends, all(order) and enough(*(lowest(s, c) for c in found)))
    return Verdict(word, measured, f"{sum(order)} of {len(order)} steps in the stated order")


@claim("S2-08")
def _(r: Results, p: Figures) -> Verdict:
    up = {c: rise(r["s2_widths"], c) for c in (*SHALLOW, *DEEP)}
    text = f"from the minimum to the mean of the last ten epochs: {listed(up, '+.0%')}"
    word = graded(min(x.mean() for x in up.values()) > 0.01, enough(*up.values()))
    return Verdict(word, text, "more than 1 % counts as a rise")


@claim("S2-09")
def _(r: Results, p: Figures) -> Verdict:
    s = r["s2_widths"]
    sooner = [when(s, d).mean() < when(s, c).mean() for c, d in PAIRS]
    harder = [rise(s, d).mean() > rise(s, c).mean() for c, d in PAIRS]
    fully = all(sooner + harder) and enough(*(when(s, c) for c in SHALLOW))
    text = "; ".join(f"{c} at {when(s, c).mean():.0f}, {rise(s, c).mean():+.0%}" for pair in PAIRS for c in pair)
    text = f"epoch of the minimum, and the mean of the last ten epochs against it: {text}"
    word = graded(sum(sooner) >= 3 and sum(harder) >= 3, fully)
    return Verdict(word, f"sooner in {sum(sooner)}, harder in {sum(harder)} of 4 pairs", text)


@claim("S2-10")
def _(r: Results, p: Figures) -> Verdict:
    s, d = r["s2_widths"], r["s2_depth"]
    gaps = {f"{two} − {one}": difference(lowest(s, two), lowest(s, one)) for one, two in PAIRS}
    wide, narrow = difference(lowest(d, "512-256"), lowest(d, "512")), gaps["64-32 − 64"]
    word = graded(wide.estimate > 0 and narrow.estimate > 0, above(wide) and above(narrow), otherwise=NOT_REPRODUCED)
    share = wide.estimate / lowest(d, "512").mean()
    text = f"on 54,000 images: {listed(gaps, '+.4f')}"
    return Verdict(word, f"512-256 − 512: {show(wide, '+.4f')}, {share:+.1%}", text)


@claim("S2-11")
def _(r: Results, p: Figures) -> Verdict:
    s, size, pair = r["s2_widths"], ledger.claims()["S2-03"].figures["parameters"], ("512", "128-64")
    up = {c: rise(s, c) for c in pair}
    measured = "; ".join(f"{c}: {size[c]:,} parameters, {show(x, '+.0%')}" for c, x in up.items())
    text = "mean test loss of the last ten epochs against the minimum; by five epochs around equal times after it: "
    text += "; ".join(f"{n} epochs, {listed({c: later(s, c, n) for c in pair}, '+.0%')}" for n in (20, 25))
    word = graded(up["128-64"].mean() < up["512"].mean(), otherwise=REFUTED if enough(*up.values()) else NOT_REPRODUCED)
    return Verdict(word, measured, text)


@claim("S2-12")
def _(r: Results, p: Figures) -> Verdict:
    each = {c: scatter(r["s2_widths"], c) for pair in PAIRS for c in pair}
    more = sum(each[two] > each[one] for one, two in PAIRS)
    word = graded(more >= 3, more == 4 and enough(*(lowest(r["s2_widths"], c) for c in each)))
    text = "scatter of the test loss from epoch to epoch in the second half, as a share of it"
    return Verdict(word, f"more scatter in {more} of 4 pairs", f"{text}: {listed(each, '.1%')}")


@claim("S2-13")
def _(r: Results, p: Figures) -> Verdict:
    w, strength = torch.tensor([0.3, -0.2]).double().requires_grad_(), p["lambda"][2]
    (strength * w.square().sum()).backward()
    ratio = (w.grad / (strength * w.detach())).mean().item()
    names = [f"{kind} lambda={x}" for x in ("0.0001", "0.1") for kind in ("penalty", "weight_decay")]
    text = f"test loss {listed(r['s2_linear'].each(names, 'test_loss'))}"
    measured = f"the gradient of λw² is {ratio:.0f}λw; weight_decay = λ adds λw"
    return Verdict(CAVEAT, measured, text, judgement=True)


@claim("S2-14")
def _(r: Results, p: Figures) -> Verdict:
    s, names = r["s2_linear"], [f"penalty lambda={x}" for x in ("0", "0.0001", "0.1")]
    norms = s.each(names, "weight_norm")
    word = graded(all(norms[a].mean() > norms[b].mean() for a, b in pairwise(names)))
    return Verdict(word, f"‖W‖ {listed(norms, '.3f')}", f"largest |w| {listed(s.each(names, 'max_weight'), '.2f')}")


@claim("S2-15")
def _(r: Results, p: Figures) -> Verdict:
    s, plain, zeros = r["s2_linear"], "penalty lambda=0", "zeros lambda=0"
    idle, dead = (s.value(plain, m) for m in ("untouched_weights", "dead_pixels"))
    corner, none = (s.value(c, "corner_weight_sd") for c in (plain, zeros))
    gap = difference(s.runs(zeros, "test_loss"), s.runs(plain, "test_loss"))
    measured = f"{idle:,.0f} weights end as they began, bit for bit: ten at each of {dead:.0f} always black pixels"
    text = f"spread of the corner weights {corner:.4f} (U(−1/28, 1/28) has {1 / 28 / 3**0.5:.4f}); "
    text += f"from zeros {none:g}, with test loss {show(gap, '+.4f')}; over the whole map the total variation is "
    text += f"{s.value(plain, 'total_variation'):.2f}, and from zeros {s.value(zeros, 'total_variation'):.2f}"
    return Verdict(graded(none > 0 or abs(gap.estimate) > 0.005), measured, text)


@claim("S2-16")
def _(r: Results, p: Figures) -> Verdict:
    s, weak, none = r["s2_linear"], "penalty lambda=0.0001", "penalty lambda=0"
    gap = {m: difference(s.runs(weak, m), s.runs(none, m)) for m in ("test_loss", "test_accuracy", "ece15")}
    std = difference(s.runs(f"std {weak}", "test_loss"), s.runs(f"std {none}", "test_loss"))
    otherwise = REFUTED if min(gap["test_loss"].estimate, std.estimate) > 0 else NOT_REPRODUCED
    word = graded(below(gap["test_loss"]), below(std), otherwise=otherwise)
    text = f"test loss on standardised pixels: {show(std, '+.4f')}, so the sign depends on the scaling"
    return Verdict(word, f"1e-4 minus 0, pixels in [0, 1]: {listed(gap, '+.4f')}", text)


@claim("S2-17")
def _(r: Results, p: Figures) -> Verdict:
    s, names = r["s2_linear"], [f"penalty lambda={x}" for x in ("0", "0.1")]
    found = {m: [s.value(c, m) for c in names] for m in ("total_variation", "mean_confidence", "test_accuracy")}
    measured = "; ".join(f"{m.replace('_', ' ')} {a:.3f} to {b:.3f}" for m, (a, b) in found.items())
    text = f"weight_decay = 0.1: accuracy {s.value('weight_decay lambda=0.1', 'test_accuracy'):.3f}"
    return Verdict(graded(all(b < a for a, b in found.values())), measured, text)


@claim("S2-18")
def _(r: Results, p: Figures) -> Verdict:
    w, x, shift = normal(10, 6), normal(40, 6, seed=1), normal(6, seed=2)
    same = torch.allclose((x @ w.T).softmax(dim=1), (x @ (w + shift).T).softmax(dim=1), atol=1e-12)
    turned = int(((w + shift).sign() != w.sign()).sum())
    moved = r["s2_linear"].value("penalty lambda=0", "row_mean_change")
    measured = f"one vector added to all ten rows turns {turned} of 60 signs and {'no' if same else 'some'} probability"
    text = f"Adam without L2 moves the mean of the ten rows by {moved:.1f}"
    return Verdict(graded(same, fully=False), measured, text, judgement=True)


@claim("S2-19")
def _(r: Results, p: Figures) -> Verdict:
    one, two = (lowest(r["s2_depth"], c) for c in ("512", "512-256"))
    ours = welch((one.mean(), one.std(), len(one)), (two.mean(), two.std(), len(two)))
    theirs = welch((*p["shallow"], p["runs"]), (*p["deep"], p["runs"]))
    signs = stats.binomtest(p["wins"], p["runs"], alternative="greater").pvalue
    word = graded(ours < 0.05 and two.mean() > one.mean(), theirs < 0.05, otherwise=NOT_REPRODUCED)
    text = f"Welch p = {ours:.2g}, the shallow one lower in {(two > one).sum()} of {len(one)} pairs; "
    text += f"from the five published runs Welch p = {theirs:.2f}, sign test p = {signs:.2f}"
    chart = {"S2-19 test loss, 512": (p["shallow"][0], one), "S2-19 test loss, 512-256": (p["deep"][0], two)}
    return Verdict(word, listed({"512": one, "512-256": two}), text, chart=chart)


@claim("S2-20")
def _(r: Results, p: Figures) -> Verdict:
    one, two = (when(r["s2_depth"], c) for c in ("512", "512-256"))
    long = when(r["s2_l2"], "0")
    chart = {"S2-20 epoch, 512": (np.mean(p["shallow"]), one), "S2-20 epoch, 512-256": (np.mean(p["deep"]), two)}
    text = f"runs end at epoch {p['limit']}, so a later minimum would be missed; 512 run for 100 epochs has it at "
    text += f"{', '.join(map(str, long))} ({len(long)} runs)"
    word = graded(two.mean() < one.mean(), long.max() < p["limit"] and enough(long))
    return Verdict(word, listed({"512": one, "512-256": two}, ".1f"), text, chart=chart)


@claim("S2-21")
def _(r: Results, p: Figures) -> Verdict:
    runs = r["s2_depth"].runs("512", "test_accuracy", at=p["epoch"])
    word = graded(p["accuracy"] in one_more(runs), otherwise=NOT_REPRODUCED)
    text = f"one more run: {one_more(runs):.2%}; one run on standardised pixels "
    text += f"{r['s2_depth'].value('512 std', 'test_accuracy', at=p['epoch']):.2%}"
    return Verdict(word, show(runs, ".2%"), text, chart={"S2-21 accuracy, 512": (p["accuracy"], runs)})


@claim("S2-22")
def _(r: Results, p: Figures) -> Verdict:
    z = 5 * normal(10_000, 10)
    apart = int((z.argmax(dim=1) != z.softmax(dim=1).argmax(dim=1)).sum())
    return Verdict(graded(apart == 0), f"{apart} of 10,000 random rows differ")


@claim("S2-23")
def _(r: Results, p: Figures) -> Verdict:
    counts, support = r["s2_depth"].curves("512", "confusion").fillna(0), r["data"].means("test", "count")
    found = {c: counts.loc[int(c)] / support[int(c[0])] for c in p["shares"]}
    inside = sum(a in one_more(found[c]) for c, a in p["shares"].items())
    top = [f"{i // 10}→{i % 10}" for i in counts.mean(axis=1).nlargest(4).index]
    word = graded(inside == len(found), {f"{c[0]}→{c[1]}" for c in found} == set(top), otherwise=NOT_REPRODUCED)
    beyond = [
        f"{c[0]}→{c[1]} ({a}, runs {found[c].min():.4f} to {found[c].max():.4f})"
        for c, a in p["shares"].items()
        if not among(a, found[c])
    ]
    text = f"{inside} of {len(found)} lie where one more run would be, {len(found) - len(beyond)} within the range of "
    text += f"the runs, not {', '.join(beyond) or 'one'}; the most frequent on average: {', '.join(top)}"
    return Verdict(word, listed({f"{c[0]}→{c[1]}": x for c, x in found.items()}), text)


@claim("S2-24")
def _(r: Results, p: Figures) -> Verdict:
    worst = r["s2_depth"].digits("512", "recall").idxmin().value_counts()
    mine, n = int(worst.get(p["digit"], 0)), int(worst.sum())
    text = "lowest digit: " + ", ".join(f"{k} in {count}" for k, count in worst.items())
    word = graded(mine > n / 2, mine == n, otherwise=NOT_REPRODUCED)
    return Verdict(word, f"9 is lowest in {mine} of {n} runs", text)


@claim("S2-25")
def _(r: Results, p: Figures) -> Verdict:
    s, room = r["s2_l2"], tolerances(r)
    least, epoch, peak = lowest(s, "0"), when(s, "0"), s.curves("0", "test_accuracy").idxmax()
    near = abs(least.mean() - p["loss"]) < room["loss"] and abs(epoch.mean() - p["epoch"]) < room["epoch"]
    word = graded(near and (peak > epoch).all(), abs(peak.mean() - p["accuracy_epoch"]) < 10, otherwise=NOT_REPRODUCED)
    measured = f"lowest {show(least)} at epoch {show(epoch, '.0f')}; best accuracy at {', '.join(map(str, peak))}"
    chart = {"S2-25 test loss, no L2": (p["loss"], least), "S2-25 epoch, no L2": (p["epoch"], epoch)}
    text = f"{NEAR}: loss {room['loss']:.4f}, epoch {room['epoch']:.0f}; ten epochs for the best accuracy"
    return Verdict(word, measured, text, chart=chart)


@claim("S2-26")
def _(r: Results, p: Figures) -> Verdict:
    s = r["s2_l2"]
    losses, other = {c: lowest(s, c) for c in PENALTIES}, lowest(s, "3e-05 weight_decay")
    epochs = {c: s.curves(c, "test_loss").index[-1] for c in PENALTIES}
    text = f"epochs run: {listed(epochs, 'd')}; 3e-5 with half the penalty, as Adam's weight_decay: {show(other)}"
    return Verdict(CAVEAT, f"lowest test loss {listed(losses)}", text, judgement=True)


@claim("S2-27")
def _(r: Results, p: Figures) -> Verdict:
    s, room = r["s2_l2"], tolerances(r)
    least, epoch, peak = lowest(s, "3e-05"), when(s, "3e-05"), s.curves("3e-05", "test_accuracy").max()
    losses = {c: lowest(s, c).mean() for c in (*PENALTIES, "1e-05", "3e-05 weight_decay")}
    best = min((c for c in losses if "decay" not in c), key=losses.get)
    near = abs(least.mean() - p["loss"]) < room["loss"] and abs(peak.mean() - p["accuracy"]) < room["accuracy"]
    last = s.runs("3e-05", "test_accuracy")
    honest = peak.mean() - last.mean() < 0.001  # is the best epoch no better than the last one?
    holds = near and min(PENALTIES, key=losses.get) == "3e-05"
    word = graded(holds, honest and best == "3e-05" and enough(least), otherwise=NOT_REPRODUCED)
    measured = f"test loss {show(least)} at epoch {show(epoch, '.0f')}; best accuracy {show(peak, '.2%')}"
    text = f"lowest test loss by λ: {listed(losses)}; accuracy at the last epoch {show(last, '.2%')}; "
    text += f"{NEAR}: loss {room['loss']:.4f}, accuracy {room['accuracy']:.2%}"
    chart = {"S2-27 test loss, 3e-5": (p["loss"], least), "S2-27 accuracy, 3e-5": (p["accuracy"], peak)}
    return Verdict(word, measured, text, chart=chart)


@claim("S2-28")
def _(r: Results, p: Figures) -> Verdict:
    s, room = r["s2_l2"], tolerances(r)
    least, epoch, peak = lowest(s, "0.0003"), when(s, "0.0003"), s.curves("0.0003", "test_accuracy").max()
    near = abs(least.mean() - p["loss"]) < room["loss"] and abs(peak.mean() - p["accuracy"]) < room["accuracy"]
    chart = {"S2-28 test loss, 3e-4": (p["loss"], least), "S2-28 accuracy, 3e-4": (p["accuracy"], peak)}
    measured = f"lowest {show(least)} at epoch {epoch.mean():.0f}; best accuracy {show(peak, '.2%')}"
    text = f"{NEAR}: loss {room['loss']:.4f}, accuracy {room['accuracy']:.2%}"
    return Verdict(graded(near, epoch.mean() < 90, otherwise=NOT_REPRODUCED), measured, text, chart=chart)


@claim("S2-29")
def _(r: Results, p: Figures) -> Verdict:
    s = r["s2_l2"]
    up = {c: rise(s, c) for c in PENALTIES if turned(s, c)}
    most = max((x.mean() for c, x in up.items() if c != "0"), default=0)
    ends = {c: s.curves(c, "test_loss").index[-1] for c in PENALTIES}
    falling = ", ".join(f"{c} ({n})" for c, n in ends.items() if c not in up)
    text = f"still falling at the last epoch: {falling or 'none'}"
    measured = f"from the minimum to the mean of the last ten epochs: {listed(up, '+.0%')}"
    return Verdict(graded(up["0"].mean() > 2 * most, most < 0.1 and len(up) == len(ends)), measured, text)


@claim("S2-30")
def _(r: Results, p: Figures) -> Verdict:
    s = r["s2_l2"]
    fit, curves = {c: s.value(c, "train_loss") for c in PENALTIES}, {c: s.means(c, "test_loss") for c in PENALTIES}
    reached = {c: int(x[x <= 1.01 * x.min()].index[0]) for c, x in curves.items() if turned(s, c)}
    worse = all(fit[c] > 5 * fit["0"] and curves[c].min() > curves["0"].min() for c in ("0.001", "0.003"))
    late = min((epoch for c, epoch in reached.items() if c != "0"), default=0) > 1.5 * reached["0"]
    text = f"epoch within 1 % of the minimum: {listed(reached, 'd')}; undecided, as still falling at the last epoch: "
    text += ", ".join(f"{c} ({x.index[-1]})" for c, x in curves.items() if c not in reached) or "none"
    return Verdict(graded(worse, late and len(reached) == len(fit)), f"training loss at the end: {listed(fit)}", text)


def recall_curves(r: Results) -> pd.DataFrame:
    """Recall with λ = 3e-5: one row per epoch, one column per digit, mean of the seeds."""
    return pd.DataFrame({k: r["s2_l2"].means("3e-05", f"recall_{k}") for k in range(10)})


@claim("S2-31")
def _(r: Results, p: Figures) -> Verdict:
    curves, own = recall_curves(r), p["digits"]
    late, first = curves.iloc[len(curves) // 2 :], (curves >= 0.98).idxmax()
    n = len(r["s2_l2"].runs("3e-05", "recall_0"))
    fully = first[own].max() <= 10 and n >= ledger.RUNS_FOR_AN_INTERVAL
    word = graded(late[own].mean().min() > p["recall"] - 0.003, fully)
    measured = "; ".join(f"{k}: {late[k].mean():.4f} ± {late[k].std():.4f}, 0.98 from epoch {first[k]}" for k in own)
    text = f"{n} run; mean of the second half: {listed(late.mean().sort_values(ascending=False))}"
    return Verdict(word, measured, text)


@claim("S2-32")
def _(r: Results, p: Figures) -> Verdict:
    curves, named = recall_curves(r), set(p["digits"])
    late, latest = curves.iloc[len(curves) // 2 :], set((curves >= 0.97).idxmax().nlargest(3).index)
    low = set(late.mean().nsmallest(3).index)
    top = r["s2_l2"].means("3e-05", "confusion")
    taken = {k: top[[i for i in top.index if i // 10 == k]].idxmax() % 10 for k in p["digits"]}
    word = graded(len(named & low) >= 2, named == low == latest)
    lists = [", ".join(map(str, sorted(digits))) for digits in (low, latest)]
    measured = f"lowest recalls: {lists[0]}; latest to reach 0.97: {lists[1]}"
    text = f"standard deviation in the second half {listed(late.std())}; "
    return Verdict(word, measured, f"{text}most often taken for: {listed(taken, 'd')}")
