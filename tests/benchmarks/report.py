"""What a benchmark's rows look like: as data, as the book's table, as charts."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from shell import shell_environment
from tabulate import tabulate

LIBRARIES = ("torch", "torchvision", "scikit-learn", "scipy", "numpy")


@dataclass(frozen=True)
class Row:
    """What ``benchmark.json`` says of one comparison.

    ``ratio`` is the peer's median over ours, and ``goal`` what it should be at least; ``n`` and ``n_peer`` say how
    often each was measured. A side that did not arrive has no times; ``note`` says why.
    """

    name: str
    ours: str
    peer: str
    unit: str
    ours_median: float | None
    ours_min: float | None
    ours_max: float | None
    peer_median: float | None
    peer_min: float | None
    peer_max: float | None
    ratio: float | None
    n: int
    n_peer: int
    goal: float | None
    note: str


def row(
    name: str,
    what: tuple[str, str],
    ours: Sequence[float],
    peer: Sequence[float],
    *,
    unit: str = "s",
    goal: float | None = None,
    note: str = "",
) -> Row:
    """The row of a comparison from the values of both sides; a side without values did not get there."""
    medians = [statistics.median(side) if side else None for side in (ours, peer)]
    spans = [(min(side), max(side)) if side else (None, None) for side in (ours, peer)]
    ratio = medians[1] / medians[0] if ours and peer else None
    counts = len(ours), len(peer)
    return Row(name, *what, unit, medians[0], *spans[0], medians[1], *spans[1], ratio, *counts, goal, note)


def misses(one: Row) -> bool:
    """Whether a goal is missed even by our best repetition against the peer's worst."""
    if one.goal is None:
        return False
    if one.ours_min is None:  # ours did not arrive
        return True
    if one.peer_max is None:  # the peer did not
        return False
    return one.peer_max / one.ours_min < one.goal


def environment(command: str) -> dict[str, str]:
    """The machine and the versions that the figures belong to."""
    processor, info = platform.processor() or platform.machine(), Path("/proc/cpuinfo")
    for line in info.read_text(encoding="utf-8").splitlines() if info.exists() else []:
        if line.startswith("model name"):
            processor = line.split(":", 1)[1].strip()
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "command": command,
        "processor": f"{processor}, {os.cpu_count()} cores",
        "device": gpu or "CPU: no GPU was found, so none was measured",
        "threads": str(torch.get_num_threads()),
        "OMP_WAIT_POLICY": shell_environment().get("OMP_WAIT_POLICY", "not set"),
        "python": platform.python_version(),
        **{library: version(library) for library in LIBRARIES},
    }


def as_table(rows: Sequence[Row], machine: dict[str, str]) -> pd.DataFrame:
    """One line a comparison; the columns on the right name the machine."""
    table = pd.DataFrame([vars(one) for one in rows])
    numbers = [
        column for column in table if column.endswith(("_median", "_min", "_max")) or column in ("ratio", "goal")
    ]
    return table.astype(dict.fromkeys(numbers, float)).assign(**machine)


def amount(value: Any, unit: str) -> str:
    """A measured value with three digits and its unit, or a dash."""
    if pd.isna(value):
        return "–"
    digits = max(0, 2 - int(np.floor(np.log10(value)))) if value > 0 else 0
    return f"{value:,.{min(digits, 4)}f} {unit}"


def shortened(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the peers that never arrived at a goal in one line instead of one each."""
    rows = table.fillna({"note": ""})
    late = rows[rows.peer_median.isna()]
    others = late["peer"].str.removeprefix("scikit-learn, ").where(late.duplicated(["name", "note"]), late["peer"])
    names = others.groupby([late["name"], late["note"]], sort=False).transform(", ".join)
    again = late.index[late.duplicated(["name", "note"])]
    return rows.assign(peer=[names.get(index, peer) for index, peer in rows["peer"].items()]).drop(index=again)


def page_table(table: pd.DataFrame) -> str:
    """The book's section, from the stored measurements."""
    lines = [
        "| what | ours | the peer | median, ours | median, peer | peer / ours | goal |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in shortened(table).itertuples():
        ratio = "–" if pd.isna(one.ratio) else f"{one.ratio:.3g}×"
        arrived = not pd.isna(one.ours_median)
        mark = " ✔" if one.ratio >= one.goal else "" if arrived and pd.isna(one.ratio) else " ✘"
        met = "" if pd.isna(one.goal) else f"≥ {one.goal:g}×{mark}"
        peer = f"{one.peer} ({one.note})" if one.note else one.peer
        cells = (
            one.name,
            one.ours,
            peer,
            amount(one.ours_median, one.unit),
            amount(one.peer_median, one.unit),
            ratio,
            met,
        )
        lines.append("| " + " | ".join(cells) + " |")
    machine = table.iloc[0]
    versions = ", ".join(f"{name} {machine[name]}" for name in ("python", *LIBRARIES))
    lines += [
        "",
        f"Measured on {machine['date']} by `{machine['command']}`: {machine['processor']}; {machine['device']}; "
        f"{machine['threads']} threads, OMP_WAIT_POLICY {machine['OMP_WAIT_POLICY']}; {versions}.",
        "",
    ]
    return "\n".join(lines)


def text_table(table: pd.DataFrame) -> str:
    """The same for a terminal."""
    columns = ["name", "ours", "peer", "ours_median", "peer_median", "ratio", "goal", "n", "n_peer", "note"]
    rows = table[columns].astype(object).where(table[columns].notna(), "").to_numpy().tolist()
    return tabulate(rows, columns, floatfmt=".3g")


def draw_ratios(table: pd.DataFrame, path: Path) -> None:
    """Ratios on a log axis, each with its goal; to the right of 1 the course is faster than the peer."""
    from mnist_lr_helpers import plotting

    import matplotlib.pyplot as plt

    plotting.use_style()
    shown = table[table.ratio.notna()][::-1]
    figure, axis = plt.subplots(figsize=(plotting.WIDTH, 0.3 * len(shown) + 1.2))
    places = np.arange(len(shown))
    colours = [plotting.COLOURS["right" if ratio >= 1 else "wrong"] for ratio in shown.ratio]
    axis.barh(places, shown.ratio - 1, left=1, color=colours)
    for place, ratio in zip(places, shown.ratio, strict=True):  # beside the bars, where no goal crosses them
        axis.text(1.01, place, f"{ratio:.3g}×", va="center", fontsize=8, transform=axis.get_yaxis_transform())
    axis.plot(shown.goal, places, "|", color="black", markersize=12, markeredgewidth=2, label="goal")
    axis.axvline(1, color="black", linewidth=1)
    axis.set_yticks(places, [f"{one.name}: {one.peer}" for one in shown.itertuples()], fontsize=8)
    axis.set(xscale="log", xlim=(shown.ratio.min() / 3, shown.ratio.max() * 3))
    axis.set(xlabel="peer's time / ours, medians, log scale", title="How many times as long the peer takes")
    axis.legend(loc="lower right")
    figure.savefig(path, dpi=80)
    plt.close(figure)


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> tuple[float, float]:
    """Least-squares line through the logarithms: cost = factor · size^exponent. Returns exponent and factor."""
    slope, intercept = np.polyfit(np.log(sizes), np.log(costs), 1)
    return float(slope), float(np.exp(intercept))


def draw_scaling(points: pd.DataFrame, labels: dict[str, str], path: Path) -> None:
    """Seconds and memory against each size on log axes, with the fitted power."""
    from mnist_lr_helpers import plotting

    import matplotlib.pyplot as plt
    from matplotlib.ticker import LogLocator

    plotting.use_style()
    costs = {"seconds": "seconds of an epoch", "memory_mb": "memory in MB"}
    figure, axes = plt.subplots(len(costs), len(labels), figsize=(plotting.WIDTH, 5.6), squeeze=False)
    for i, (cost, cost_label) in enumerate(costs.items()):
        for j, (size, size_label) in enumerate(labels.items()):
            axis, some = axes[i, j], points[(points.axis == size) & points[cost].notna()]
            axis.set(xscale="log", yscale="log", xlabel=size_label, ylabel=cost_label)
            axis.plot(some[size], some[cost], "o", color=plotting.COLOURS["train"])
            axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.yaxis.set_major_formatter("{x:g}")
            axis.yaxis.set_minor_formatter("{x:g}" if some[cost].max() < 2 * some[cost].min() else "")
            if len(some) > 1:
                power, factor = exponent(some[size], some[cost])
                axis.plot(some[size], factor * some[size] ** power, color=plotting.COLOURS["neutral"])
                axis.set_title(f"fitted power {power:.2f}", fontsize=10)
    figure.suptitle("What fit costs as the work grows, with fitted powers of the size", fontsize=12)
    figure.savefig(path, dpi=96)
    plt.close(figure)
