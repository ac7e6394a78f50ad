"""What the book shows of the sabotage: which mistake refutes which conclusion, as a picture and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mnist_lr_helpers.plotting import COLOURS, WIDTH, use_style

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from catalogue import SABOTAGES
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch
from tabulate import tabulate

NOT_TRIED, STOOD, STOPPED, REFUTED = range(4)
WORDS = {"unnoticed": STOOD, "stopped": STOPPED, "refuted": REFUTED}
LEGEND = {"refuted": REFUTED, "the notebook stopped": STOPPED, "stood": STOOD, "not tried": NOT_TRIED}
SHADES = ("white", "#e3e3e3", "#a9a9a9", COLOURS["wrong"])


def grid(rows: pd.DataFrame, conclusions: Mapping[str, Sequence[str]]) -> np.ndarray:
    """A code for each mistake ``[m]`` and each conclusion ``[n]`` in the order of both: ``int [m, n]``."""
    columns = [(notebook, one) for notebook, some in conclusions.items() for one in some]
    names = list(dict.fromkeys(rows["sabotage"]))
    codes = np.full((len(names), len(columns)), NOT_TRIED)
    for row in rows.itertuples():
        of_notebook = [place for place, (notebook, _) in enumerate(columns) if notebook == row.notebook]
        line = codes[names.index(row.sabotage)]
        line[of_notebook] = np.maximum(line[of_notebook], STOPPED if row.outcome == "stopped" else STOOD)
        if row.outcome == "refuted":
            line[columns.index((row.notebook, row.what))] = REFUTED
    return codes


def draw(rows: pd.DataFrame, conclusions: Mapping[str, Sequence[str]], path: Path) -> None:
    """Write the matrix as a picture."""
    use_style()
    codes, names = grid(rows, conclusions), list(dict.fromkeys(rows["sabotage"]))
    figure, axis = plt.subplots(figsize=(WIDTH, 1.2 + 0.17 * len(names)))
    axis.imshow(codes, cmap=ListedColormap(SHADES), vmin=NOT_TRIED, vmax=REFUTED, aspect="auto")
    ends = np.cumsum([len(some) for some in conclusions.values()])
    for end in ends[:-1]:
        axis.axvline(end - 0.5, color="black", linewidth=0.6)
    middles = ends - np.array([len(some) for some in conclusions.values()]) / 2 - 0.5
    axis.set_xticks(middles, [name[:2] for name in conclusions])
    axis.set_yticks(range(len(names)), names, fontsize=7)
    axis.set_xlabel("conclusions, by notebook")
    axis.grid(visible=False)
    marks = [Patch(facecolor=SHADES[code], edgecolor="grey", label=word) for word, code in LEGEND.items()]
    axis.legend(handles=marks, ncols=4, loc="lower center", bbox_to_anchor=(0.4, 1.0), fontsize=8)
    figure.savefig(path, dpi=96)
    plt.close(figure)


def table(rows: pd.DataFrame) -> str:
    """The book's table: each mistake, the real one that it stands for, and who noticed."""
    lines = []
    for name, some in rows.groupby("sabotage", sort=False):
        noticed = []
        for notebook, outcomes in some.groupby("notebook")["outcome"]:
            refuted = int((outcomes == "refuted").sum())
            noticed.append(f"{notebook[:2]}: {'stops' if (outcomes == 'stopped').any() else refuted}")
        lines.append((name, " ".join(SABOTAGES[name].mistake.split()), ", ".join(noticed)))
    return tabulate(lines, ("mistake", "it stands for", "conclusions refuted, by notebook"), tablefmt="github") + "\n"
