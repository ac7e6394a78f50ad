"""Every figure that more than one notebook draws, in one style. Draws results, computes none."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

if TYPE_CHECKING:
    import pandas as pd
    from IPython.display import Code
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# From seaborn's "colorblind" palette: the same colour for the same thing in all notebooks.
COLOURS = {
    "train": "#0173B2",
    "validation": "#DE8F05",
    "test": "#CC78BC",
    "right": "#029E73",
    "wrong": "#D55E00",
    "neutral": "#949494",
}
MARKS = {True: "✓", False: "✗"}
WIDTH = 9.0  # inches; all figures share it, so that text has one size on the page


def use_style() -> None:
    """Set the course's one style for all following figures; a call for the set-up cell."""
    import seaborn as sns

    sns.set_theme(
        context="notebook",
        style="whitegrid",
        palette="colorblind",
        rc={
            "figure.figsize": (WIDTH, 3.6),
            "figure.dpi": 96,
            "figure.constrained_layout.use": True,
            "axes.titlesize": 12,
            "axes.labelsize": 11,
            "xtick.labelsize": 10,
            "ytick.labelsize": 10,
            "legend.fontsize": 10,
            "image.cmap": "gray",
            "image.interpolation": "nearest",  # pixels stay pixels, and files a third as large
            "axes.spines.top": False,
            "axes.spines.right": False,
        },
    )


def image_grid(
    images: Tensor,
    titles: Sequence[str] | None = None,
    *,
    title: str,
    columns: int = 10,
    correct: Sequence[bool] | None = None,
    diverging: bool = False,
    colour_label: str | None = None,
) -> Figure:
    """Draw images ``[n, 1, h, w]`` or ``[n, h, w]`` in rows.

    Args:
        images: what to draw.
        titles: a short text above each image.
        title: what the figure shows.
        columns: images in a row.
        correct: colours each title as right or wrong, and marks it with ✓ or ✗.
        diverging: red for positive, blue with a dashed outline for negative, white for zero, one scale for all.
        colour_label: with this, a colour bar and what it measures.
    """
    import matplotlib.pyplot as plt

    pictures = np.asarray(images.detach().reshape(-1, *images.shape[-2:]), dtype=float)
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    text = 0.0 if titles is None else 0.22 * (1 + max(str(t).count("\n") for t in titles))
    size = WIDTH / max(columns, 5)
    figure, axes = plt.subplots(rows, columns, figsize=(size * columns, rows * (size + text) + 0.4), squeeze=False)
    limit = np.abs(pictures).max() or 1.0
    scale: dict[str, Any] = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit} if diverging else {"cmap": "gray"}
    if colour_label and not diverging:
        scale |= {"cmap": "viridis", "vmin": pictures.min(), "vmax": pictures.max()}
    for i, axis in enumerate(axes.flat):
        axis.axis("off")
        if i < len(pictures):
            drawn = axis.imshow(pictures[i], **scale)
            if diverging:
                outline_negative(axis, pictures[i], limit)
            label = "" if titles is None else str(titles[i])
            if correct is None:
                axis.set_title(label, fontsize=10)
            else:
                colour = COLOURS["right" if correct[i] else "wrong"]
                axis.set_title(f"{MARKS[bool(correct[i])]} {label}", fontsize=10, color=colour)
    if colour_label:
        figure.colorbar(drawn, ax=axes, label=colour_label, shrink=0.8)
    figure.suptitle(title, fontsize=12)
    return figure


def outline_negative(axis: Axes, picture: np.ndarray | Tensor, limit: float | None = None) -> None:
    """Draw a dashed line round what is clearly negative in a picture ``[h, w]``, so that its sign shows in grey, too.

    ``limit`` is the value of the strongest colour, by default the picture's own; areas beyond a quarter of it count.
    """
    values = np.asarray(picture, dtype=float)
    level = -(limit if limit is not None else np.abs(values).max()) / 4
    if values.min() < level < values.max():
        axis.contour(values, levels=[level], colors="black", linewidths=0.8, linestyles="dashed")


def heatmap(
    matrix: np.ndarray,
    *,
    title: str,
    label: str,
    classes: Sequence[str] = tuple("0123456789"),
    percent: bool = False,
    axis: Axes | None = None,
) -> Axes:
    """Draw a matrix of true (rows) against predicted (columns) classes with its numbers in the cells.

    ``label`` says what the numbers count; ``percent`` writes fractions as percentages.
    """
    import matplotlib.pyplot as plt
    import seaborn as sns

    if axis is None:
        _, axis = plt.subplots(figsize=(6.2, 5.2))
    sns.heatmap(
        matrix,
        annot=True,
        fmt=".1%" if percent else "d",
        cmap="Blues",
        annot_kws={"fontsize": 7 if percent else 9},
        xticklabels=list(classes),
        yticklabels=list(classes),
        cbar_kws={"label": label},
        square=True,
        ax=axis,
    )
    axis.set(title=title, xlabel="predicted class", ylabel="true class")
    axis.tick_params(axis="y", rotation=0)
    return axis


def learning_curves(table: pd.DataFrame, *, best_epoch: int, title: str) -> Figure:
    """Draw loss and accuracy per epoch (``History.table``), with the best epoch marked."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.6))
    for axis, quantity, unit in zip(
        axes, ("loss", "accuracy"), ("cross-entropy in nats", "fraction right"), strict=True
    ):
        for part, style in (("train", "--"), ("validation", "-")):
            axis.plot(table.index, table[f"{part}_{quantity}"], style, color=COLOURS[part], label=part)
        axis.axvline(best_epoch, color=COLOURS["neutral"], linestyle=":", label=f"best epoch: {best_epoch}")
        axis.set(xlabel="epoch", ylabel=f"{quantity}, {unit}")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend()
    figure.suptitle(title, fontsize=12)
    return figure


def weight_templates(weights: Tensor, *, title: str, titles: Sequence[str] | None = None, columns: int = 5) -> Figure:
    """Draw each row of a weight matrix ``[n, 784]`` as an image: red argues for the class, blue against."""
    titles = titles if titles is not None else [f"class {i}" for i in range(len(weights))]
    images = weights.detach().reshape(-1, 28, 28)
    return image_grid(images, titles, title=title, columns=columns, diverging=True, colour_label="weight per pixel")


def show_source(thing: object) -> Code:
    """Show a helper's own source in a notebook, coloured, so that no notebook pastes a copy."""
    from IPython.display import Code

    return Code(inspect.getsource(thing), language="python")
