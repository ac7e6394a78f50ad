"""Every figure that more than one notebook draws, in one style. Draws results, computes none."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mnist_lr_helpers.evaluation import Interval

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.figure import Figure
    from torch import Tensor

# From the palette of course.mplstyle: the same colour for the same thing in all notebooks.
COLOURS = {
    "train": "#0173B2",
    "validation": "#DE8F05",
    "test": "#CC78BC",
    "right": "#029E73",
    "wrong": "#D55E00",
    "neutral": "#949494",
}
MARKS = {True: "✓", False: "✗"}
TEXT_COLOURS = {"right": "#017F5C", "wrong": "#B04E00"}  # the same two, dark enough to be read on white
WIDTH = 9.0  # inches, as in course.mplstyle; all figures share it, so that text has one size on the page


def use_style() -> None:
    """Set the course's one style for all following figures, whatever the user's own settings are."""
    import matplotlib.pyplot as plt

    own = str(Path(__file__).with_name("course.mplstyle"))
    plt.style.use(["default", "seaborn-v0_8-whitegrid", own])


def image_grid(
    images: Tensor,
    titles: Sequence[object] | None = None,
    *,
    title: str,
    columns: int = 10,
    correct: Sequence[bool] | None = None,
    colour_label: str | None = None,
) -> Figure:
    """Draw images in rows, in grey, each from its own darkest to its own brightest value; or numbers in colours.

    Args:
        images: what to draw, ``[n, 1, h, w]`` or ``[n, h, w]``; the figure says so where there is none.
        titles: a short text above each image.
        title: what the figure shows.
        columns: images in a row.
        correct: colours each title as right or wrong, and marks it with ✓ or ✗.
        colour_label: what the numbers measure. They all share one scale, with a bar: red for positive, white for
            zero, blue with a dashed outline for negative; or from blue to yellow where none is negative.

    Raises:
        ValueError: no such images, or another number of titles or marks than of images.
    """
    n = len(images)
    if tuple(images.shape[:-2]) not in ((n,), (n, 1)):
        raise ValueError(f"images to draw are [n, 1, h, w] or [n, h, w], not {list(images.shape)}")
    if not n:  # one empty picture that says so
        return image_grid(images.new_zeros(1, *images.shape[1:]), ["none"], title=title)
    pictures = images.detach().reshape(n, *images.shape[-2:]).double().numpy()
    texts = [""] * n if titles is None else [str(one) for one in titles]
    marks = [None] * n if correct is None else [bool(one) for one in correct]
    limit, scale = np.abs(pictures).max() or 1.0, {"cmap": "gray"}
    if colour_label is not None:
        signed = pictures.min() < 0 or not pictures.any()
        scale = {"cmap": "RdBu_r" if signed else "viridis", "vmin": -limit if signed else pictures.min(), "vmax": limit}
    figure, axes = _panels(texts, columns)
    for axis, picture, text, mark in zip(axes, pictures, texts, marks, strict=True):
        drawn = axis.imshow(picture, **scale)
        axis.set_title(text, fontsize=10)
        if mark is not None:
            colour = TEXT_COLOURS["right" if mark else "wrong"]
            axis.set_title(f"{MARKS[mark]} {text}", fontsize=10, color=colour)
        if colour_label is not None:
            outline_negative(axis, picture, limit)
    if colour_label is not None:
        figure.colorbar(drawn, ax=figure.axes, label=colour_label, shrink=0.8)
    figure.suptitle(title, fontsize=12)
    return figure


def _panels(texts: Sequence[str], columns: int) -> tuple[Figure, Sequence[Axes]]:
    """A figure with room for pictures in rows and for a text above each, and the pictures' axes."""
    import matplotlib.pyplot as plt

    columns = min(columns, len(texts))
    rows = -(-len(texts) // columns)
    above = 0.22 * (1 + max(text.count("\n") for text in texts)) if any(texts) else 0.0  # inches
    size = WIDTH / max(columns, 5)
    untouched = {"xticks": [], "yticks": []}  # to lay out ticks that nobody sees takes most of a figure's time
    figure, axes = plt.subplots(
        rows, columns, figsize=(size * columns, rows * (size + above) + 0.4), squeeze=False, subplot_kw=untouched
    )
    for axis in axes.flat:
        axis.axis("off")
    return figure, axes.flat[: len(texts)]


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
    label: str | None = None,
    classes: Sequence[str] = tuple("0123456789"),
    limit: float | None = None,
    axis: Axes | None = None,
) -> Axes:
    """Draw a matrix of true (rows) against predicted (columns) classes with its numbers in the cells.

    Args:
        matrix: ``[n_classes, n_classes]``; whole numbers are counts, fractions are written as percentages.
        title: what the axes show.
        label: what the numbers measure; without it there is no colour bar.
        classes: names of the classes.
        limit: the number that gets the darkest colour, and all above it, so that the small ones differ in colour.
        axis: where to draw; a figure of its own without it.

    Raises:
        ValueError: the matrix does not have one row and one column a class.
    """
    import matplotlib.pyplot as plt
    import pandas as pd
    import seaborn as sns

    table = pd.DataFrame(matrix, pd.Index(classes, name="true class"), pd.Index(classes, name="predicted class"))
    shares = np.issubdtype(matrix.dtype, np.floating)
    bar = {"label": label, "format": "{x:.1%}" if shares else "{x:g}", "extend": "neither" if limit is None else "max"}
    cells = {"annot": True, "fmt": ".1%" if shares else "d", "annot_kws": {"fontsize": 8}}
    colours = {"cmap": "Blues", "vmin": 0, "vmax": limit, "cbar": label is not None, "cbar_kws": bar}
    if axis is None:
        _, axis = plt.subplots(figsize=(6.2, 5.2))
    sns.heatmap(table, square=True, ax=axis, **cells, **colours)
    axis.set_title(title)
    axis.tick_params(axis="y", rotation=0)
    return axis


def interval_bars(
    axis: Axes, positions: Sequence[float], intervals: Sequence[Interval], *, horizontal: bool = False, **style: object
) -> ErrorbarContainer:
    """Draw estimates as points with their intervals as bars.

    Args:
        axis: where to draw.
        positions: one per interval: x, or y where the bars are horizontal.
        intervals: what to draw, in the unit of the axis (``100 * interval`` is in percent).
        horizontal: estimates run along x.
        style: of Matplotlib's ``errorbar``, such as ``label``, ``color`` and ``fmt`` (``"o-"`` joins the points).

    Raises:
        ValueError: another number of positions than of intervals, or an estimate outside its interval.
    """
    estimates = np.array([one.estimate for one in intervals])
    bars = np.array([[one.estimate - one.low for one in intervals], [one.high - one.estimate for one in intervals]])
    bars[np.isclose(bars, 0)] = 0  # a bound at 0 or 1 may come out a rounding error inside
    style = {"fmt": "o", "capsize": 3} | style
    if horizontal:
        return axis.errorbar(estimates, positions, xerr=bars, **style)
    return axis.errorbar(positions, estimates, yerr=bars, **style)


def learning_curves(table: pd.DataFrame, *, best_epoch: int, title: str) -> Figure:
    """Draw loss and accuracy per epoch (``History.table``), with the best epoch marked."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.6))
    units = {"loss": "cross-entropy in nats", "accuracy": "fraction right"}
    for axis, (quantity, unit) in zip(axes, units.items(), strict=True):
        for part, style in (("train", "--"), ("validation", "-")):
            axis.plot(table.index, table[f"{part}_{quantity}"], style, color=COLOURS[part], label=part)
        axis.axvline(best_epoch, color=COLOURS["neutral"], linestyle=":", label=f"best epoch: {best_epoch}")
        axis.set(xlabel="epoch", ylabel=f"{quantity}, {unit}")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend()
    figure.suptitle(title, fontsize=12)
    return figure


def weight_templates(weights: Tensor, *, title: str, titles: Sequence[str] | None = None, columns: int = 5) -> Figure:
    """Draw each row of a weight matrix ``[n, 784]`` as an image: red argues for the class, blue against.

    The colours end where 99.5 % of the weights lie: a few pixels that hardly ever hold ink have much larger ones,
    and would leave all others pale.
    """
    titles = titles if titles is not None else [f"class {i}" for i in range(len(weights))]
    sizes = weights.detach().abs()
    limit = sizes.quantile(0.995).item() or sizes.max().item()
    label = f"weight per pixel, cut off at ±{limit:.2g}" if limit < sizes.max() else "weight per pixel"
    maps = weights.detach().clamp(-limit, limit).reshape(len(weights), 28, 28)
    return image_grid(maps, titles, title=title, columns=columns, colour_label=label)


def show(figure: Figure, *, alt: str) -> None:
    """Show a figure in a notebook, with a text for those who do not see it, and close it.

    The text says what is seen, the shape and a value, and not the title again. It stands in the HTML of the output,
    where JupyterLab, the book and a screen reader all find it.
    """
    import matplotlib.pyplot as plt
    from IPython.display import HTML, display

    picture = io.BytesIO()
    figure.savefig(picture, format="png", bbox_inches="tight")
    plt.close(figure)
    code = base64.b64encode(picture.getvalue()).decode()
    display(HTML(f'<img alt="{escape(alt)}" src="data:image/png;base64,{code}">'))
