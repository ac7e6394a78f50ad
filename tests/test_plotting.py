"""What the figures show: which numbers stand where, in which colour, and what the words beside them say."""

import base64
import re
from collections.abc import Iterator, Sequence

from mnist_lr_helpers import plotting
from mnist_lr_helpers.evaluation import Interval

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch
from conftest import noise
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure


@pytest.fixture(autouse=True)
def course_style() -> Iterator[None]:
    with matplotlib.rc_context():
        plotting.use_style()
        yield
    plt.close("all")


def contrast_with_white(colour: str) -> float:
    """How well a text can be read, by the Web Content Accessibility Guidelines 2.2; 4.5 is enough for small letters."""
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 1.05 / (0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2] + 0.05)


def pictures(figure: Figure) -> list[np.ndarray]:
    return [np.asarray(axis.images[0].get_array()) for axis in figure.axes if axis.images]


def titles(figure: Figure) -> list[str]:
    return [axis.get_title() for axis in figure.axes if axis.images]


def bar_of(figure: Figure) -> Axes:
    """The axes of the one colour bar."""
    (bar,) = [axis for axis in figure.axes if axis.get_label() == "<colorbar>"]
    return bar


# Style and colours


def test_settings_of_the_user_do_not_reach_the_figures() -> None:
    before = dict(matplotlib.rcParams)
    matplotlib.rcParams.update({"text.usetex": True, "lines.linewidth": 9, "figure.dpi": 300, "axes.labelsize": 40})
    plotting.use_style()
    assert dict(matplotlib.rcParams) == before
    assert not matplotlib.rcParams["text.usetex"]


def test_the_style() -> None:
    assert matplotlib.rcParams["figure.figsize"] == [plotting.WIDTH, 3.6]
    assert matplotlib.rcParams["figure.dpi"] == 96
    assert matplotlib.rcParams["figure.constrained_layout.use"]
    assert matplotlib.rcParams["axes.grid"]
    assert (matplotlib.rcParams["image.cmap"], matplotlib.rcParams["image.interpolation"]) == ("gray", "nearest")
    sizes = [matplotlib.rcParams[name] for name in ("axes.titlesize", "axes.labelsize", "xtick.labelsize")]
    assert sizes == [12, 11, 10]
    assert not matplotlib.rcParams["axes.spines.top"]


def test_each_thing_has_its_own_colour() -> None:
    palette = matplotlib.rcParams["axes.prop_cycle"].by_key()["color"]
    assert {colour.lower() for colour in plotting.COLOURS.values()} < {to_hex(colour) for colour in palette}
    assert len(set(plotting.COLOURS.values())) == len(plotting.COLOURS)


@pytest.mark.parametrize(("name", "green"), [("right", True), ("wrong", False)])
def test_text_in_colour_can_be_read(name: str, green: bool) -> None:
    """The colour of the text is the darker sister of the colour with the same name: the same part leads."""
    assert contrast_with_white(plotting.TEXT_COLOURS[name]) >= 4.5 > contrast_with_white(plotting.COLOURS[name])
    text, colour = to_rgb(plotting.TEXT_COLOURS[name]), to_rgb(plotting.COLOURS[name])
    assert all(dark <= bright for dark, bright in zip(text, colour, strict=True))
    assert np.argmax(text) == np.argmax(colour) == int(green)


# Grids of images


@pytest.mark.parametrize("images", [noise(7, 6, 5), noise(7, 6, 5)[:, 0]])
def test_images_stand_in_rows_in_their_order(images: torch.Tensor) -> None:
    figure = plotting.image_grid(images, [f"image {i}" for i in range(7)], title="Seven", columns=3)
    assert figure.get_suptitle() == "Seven"
    assert titles(figure) == [f"image {i}" for i in range(7)]
    for drawn, image in zip(pictures(figure), images, strict=True):
        assert np.allclose(drawn, image.squeeze())
    places = [axis.get_subplotspec() for axis in figure.axes]
    assert [(place.rowspan.start, place.colspan.start) for place in places] == [divmod(i, 3) for i in range(9)]
    assert not any(axis.axison for axis in figure.axes), "no frames, also where no image is"
    for axis in figure.axes[:7]:
        assert axis.images[0].get_cmap().name == "gray"
        assert axis.images[0].get_clim() == (axis.images[0].get_array().min(), axis.images[0].get_array().max())


def test_rows_hold_ten_images_and_need_no_titles() -> None:
    plain, named = plotting.image_grid(noise(12), title="t"), plotting.image_grid(noise(12), range(12), title="t")
    assert [axis.get_subplotspec().rowspan.start for axis in plain.axes] == [0] * 10 + [1] * 10
    assert titles(plain) == [""] * 12
    assert titles(named) == [str(i) for i in range(12)]
    assert plain.get_figwidth() == named.get_figwidth() == plotting.WIDTH
    assert plain.get_figheight() < named.get_figheight()
    two_lines = plotting.image_grid(noise(12), ["a"] * 11 + ["a\nb"], title="t")
    assert named.get_figheight() < two_lines.get_figheight()
    assert plotting.image_grid(noise(2), title="t").get_figwidth() == 2 * plotting.WIDTH / 5, "few images stay small"


@pytest.mark.parametrize("correct", [[True, False, True], torch.tensor([True, False, True]), np.array([1, 0, 1])])
def test_right_and_wrong_are_told_by_a_mark_and_a_colour(correct: Sequence[bool]) -> None:
    figure = plotting.image_grid(noise(3), ["a", "b", "c"], title="t", correct=correct)
    assert titles(figure) == ["✓ a", "✗ b", "✓ c"]
    colours = [axis.title.get_color() for axis in figure.axes]
    assert colours == [plotting.TEXT_COLOURS[one] for one in ("right", "wrong", "right")]
    assert {axis.title.get_fontsize() for axis in figure.axes} == {10}
    assert titles(plotting.image_grid(noise(1), title="t", correct=[False])) == ["✗ "]


def test_signed_numbers_are_red_and_blue_on_one_scale() -> None:
    maps = torch.zeros(3, 5, 5)
    maps[0, 1:3, 1:3], maps[1, 1:4, 1:4], maps[2] = 3.0, -4.0, -0.5
    figure = plotting.image_grid(maps, title="t", colour_label="weight")
    assert bar_of(figure).get_ylabel() == "weight"
    for axis in figure.axes[:3]:
        assert axis.images[0].get_cmap().name == "RdBu_r"
        assert axis.images[0].get_clim() == (-4, 4)
    red, _, blue = to_rgb(figure.axes[0].images[0].to_rgba(4.0))
    assert red > blue
    assert [len(axis.collections) for axis in figure.axes[:3]] == [0, 1, 0], (
        "outlines go round what is clearly negative"
    )


def test_numbers_without_a_sign_share_one_scale_from_the_smallest_to_the_largest() -> None:
    maps = torch.stack([torch.full((4, 4), 2.0), torch.full((4, 4), 5.0)])
    figure = plotting.image_grid(maps, title="t", colour_label="activation")
    assert [axis.images[0].get_cmap().name for axis in figure.axes[:2]] == ["viridis"] * 2
    assert [axis.images[0].get_clim() for axis in figure.axes[:2]] == [(2, 5)] * 2
    assert not any(axis.collections for axis in figure.axes[:2])


def test_a_grid_of_no_images_says_so() -> None:
    figure = plotting.image_grid(torch.zeros(0, 1, 4, 4), [], title="Errors", colour_label="weight")
    assert (figure.get_suptitle(), titles(figure)) == ("Errors", ["none"])


@pytest.mark.parametrize("shape", [(784,), (3, 784), (1, 784), (2, 3, 4, 4), (2, 1, 1, 4, 4)])
def test_what_are_no_images_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\[n, 1, h, w\] or \[n, h, w\], not \[" + ", ".join(map(str, shape))):
        plotting.image_grid(torch.zeros(shape), title="t")


@pytest.mark.parametrize("extra", [{"titles": ["a"] * 4}, {"titles": ["a"] * 2}, {"correct": [True] * 2}])
def test_titles_and_marks_must_be_as_many_as_the_images(extra: dict) -> None:
    with pytest.raises(ValueError, match="argument"):
        plotting.image_grid(noise(3), title="t", **extra)


def test_outlines_go_round_what_is_below_a_quarter_of_the_limit() -> None:
    values = np.tile(np.linspace(-1, 1, 30), (5, 1))
    for limit, level in ((None, -0.25), (2.0, -0.5)):
        _, axis = plt.subplots()
        plotting.outline_negative(axis, values, limit)
        (outline,) = axis.collections
        assert outline.levels.tolist() == [level]
        edges = np.concatenate([path.vertices for path in outline.get_paths()])[:, 0]
        assert values[0, 0] + edges * 2 / 29 == pytest.approx(level, abs=1e-5)
        assert outline.get_linestyle()[0][1] is not None, "dashed"
        assert to_hex(outline.get_edgecolor()[0]) == "#000000"


# Weights


def test_templates_are_the_rows_of_the_weights() -> None:
    weights = 0.04 * (noise(3)[:, 0] - 0.5).flatten(start_dim=1)
    weights[0, 4 * 28 + 9], weights[2, 783] = 5.0, -5.0
    figure = plotting.weight_templates(weights.requires_grad_(), title="Three classes")
    assert figure.get_suptitle() == "Three classes"
    assert titles(figure) == ["class 0", "class 1", "class 2"]
    limit = np.quantile(np.abs(weights.detach().numpy()), 0.995)
    assert limit == pytest.approx(0.02, rel=0.01), "a few large weights do not set the scale"
    for drawn, row in zip(pictures(figure), weights.detach(), strict=True):
        assert np.allclose(drawn, row.view(28, 28).clamp(-limit, limit), atol=1e-6)
    assert {axis.images[0].get_cmap().name for axis in figure.axes[:3]} == {"RdBu_r"}
    assert figure.axes[0].images[0].get_clim() == pytest.approx((-limit, limit))
    assert pictures(figure)[0][4, 9] == pytest.approx(limit)
    assert bar_of(figure).get_ylabel() == "weight per pixel, cut off at ±0.02"


def test_templates_say_nothing_of_a_cut_that_cuts_nothing() -> None:
    checks = (torch.arange(784) % 2 * 2.0 - 1).repeat(2, 1)
    figure = plotting.weight_templates(checks, title="t", titles=["a", "b"], columns=1)
    assert titles(figure) == ["a", "b"]
    assert bar_of(figure).get_ylabel() == "weight per pixel"
    assert figure.axes[1].get_subplotspec().rowspan.start == 1
    assert figure.axes[0].images[0].get_clim() == (-1, 1)


def test_templates_of_zero_weights_are_white_and_a_lonely_weight_is_seen() -> None:
    lonely = torch.zeros(1, 784)
    for peak in (0.0, -3.0):
        lonely[0, 400] = peak
        image = plotting.weight_templates(lonely, title="t").axes[0].images[0]
        assert to_rgb(image.to_rgba(0.0)) == pytest.approx((1, 1, 1), abs=0.05)
        assert image.get_array().min() == peak
    with pytest.raises(RuntimeError, match=r"\[2, 28, 28\]"):
        plotting.weight_templates(torch.zeros(2, 100), title="t")


# Confusions

COUNTS = np.array([[50, 1, 2], [3, 40, 1], [5, 6, 30]])
SHARES = COUNTS / COUNTS.sum(axis=1, keepdims=True)
NAMES = ("ant", "bee", "cat")


def cells(axis: Axes) -> dict[tuple[float, float], matplotlib.text.Text]:
    """The texts by row and column."""
    return {(text.get_position()[1] - 0.5, text.get_position()[0] - 0.5): text for text in axis.texts}


@pytest.mark.parametrize(("matrix", "form"), [(COUNTS, "d"), (SHARES, ".1%")])
def test_rows_are_true_classes_and_columns_predicted_ones(matrix: np.ndarray, form: str) -> None:
    axis = plotting.heatmap(matrix, title="Errors", label="images", classes=NAMES)
    assert axis.get_title() == "Errors"
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("predicted class", "true class")
    assert np.allclose(axis.collections[0].get_array().reshape(3, 3), matrix)
    for (row, column), number in np.ndenumerate(matrix):
        assert cells(axis)[row, column].get_text() == format(number, form)
    assert axis.yaxis_inverted(), "the first class stands at the top"
    assert not axis.xaxis_inverted()
    for which in (axis.xaxis, axis.yaxis):
        assert [label.get_text() for label in which.get_ticklabels()] == list(NAMES)
        assert which.get_ticklocs().tolist() == [0.5, 1.5, 2.5]
    assert {label.get_rotation() for label in axis.get_yticklabels()} == {0}
    assert axis.collections[0].get_clim() == (0, matrix.max())
    assert axis.collections[0].get_cmap().name == "Blues"


def test_colours_of_a_heatmap_end_at_its_limit_and_the_bar_says_so() -> None:
    axis = plotting.heatmap(SHARES, title="t", label="share", classes=NAMES, limit=0.1)
    colours = axis.collections[0]
    assert colours.get_clim() == (0, 0.1)
    assert colours.colorbar.extend == "max"
    bar = bar_of(axis.figure)
    assert bar.get_ylabel() == "share"
    axis.figure.canvas.draw()
    assert {"0.0%", "10.0%"} <= {label.get_text() for label in bar.get_yticklabels()}
    assert contrast_with_white(cells(axis)[0, 0].get_color()) < 1.1, "light on what the limit makes dark"
    assert contrast_with_white(cells(axis)[2, 0].get_color()) < 1.1
    assert contrast_with_white(cells(axis)[1, 2].get_color()) > 7, "dark on what is light"


def test_a_heatmap_of_counts_without_limit_runs_to_its_largest_number() -> None:
    axis = plotting.heatmap(COUNTS, title="t", label="test images", classes=NAMES)
    assert axis.collections[0].colorbar.extend == "neither"
    axis.figure.canvas.draw()
    assert "50" in {label.get_text() for label in bar_of(axis.figure).get_yticklabels()}


def test_a_heatmap_can_be_drawn_beside_another_without_a_bar() -> None:
    figure, axes = plt.subplots(1, 2)
    assert plotting.heatmap(COUNTS, title="t", classes=NAMES, axis=axes[1], limit=9) is axes[1]
    assert figure.axes == list(axes)
    assert not axes[0].collections
    assert len(plotting.heatmap(np.eye(10, dtype=int), title="t").texts) == 100


@pytest.mark.parametrize("matrix", [COUNTS, COUNTS[:2], np.ones((4, 4))])
def test_a_heatmap_of_other_classes_is_refused(matrix: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"\({}, {}\).*\(10, 10\)".format(*matrix.shape)):
        plotting.heatmap(matrix, title="t")


# Curves and intervals


def test_learning_curves_show_each_part_in_its_colour() -> None:
    columns = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
    rows = np.arange(12.0).reshape(3, 4) ** 2
    table = pd.DataFrame(rows, columns=list(columns), index=pd.RangeIndex(1, 4, name="epoch"))
    figure = plotting.learning_curves(table, best_epoch=2, title="Both fall")
    assert figure.get_suptitle() == "Both fall"
    for axis, quantity in zip(figure.axes, ("loss", "accuracy"), strict=True):
        train, validation, best = axis.lines
        for line, part, style in ((train, "train", "--"), (validation, "validation", "-")):
            assert line.get_xdata().tolist() == [1, 2, 3]
            assert line.get_ydata().tolist() == table[f"{part}_{quantity}"].tolist()
            assert (line.get_label(), line.get_color()) == (part, plotting.COLOURS[part])
            assert line.get_linestyle() == style
        assert list(best.get_xdata()) == [2, 2]
        assert best.get_color() == plotting.COLOURS["neutral"]
        texts = [text.get_text() for text in axis.get_legend().get_texts()]
        assert texts == ["train", "validation", "best epoch: 2"]
        assert all(float(tick).is_integer() for tick in axis.get_xticks())
        assert axis.get_xlabel() == "epoch"
    assert [axis.get_ylabel() for axis in figure.axes] == ["loss, cross-entropy in nats", "accuracy, fraction right"]


INTERVALS = [Interval(0.5, 0.4, 0.7), Interval(0.9, 0.8, 0.95), Interval(1.0, 0.97, 1.0 - 1e-15)]


def test_interval_bars_run_from_bound_to_bound_about_their_points() -> None:
    _, axis = plt.subplots()
    drawn = plotting.interval_bars(axis, (2, 5, 7), INTERVALS, label="accuracy", color="#CC78BC")
    points, caps, (bars,) = drawn.lines
    assert points.get_xdata().tolist() == [2, 5, 7]
    assert points.get_ydata().tolist() == [0.5, 0.9, 1.0]
    ends = [segment.tolist() for segment in bars.get_segments()]
    expected = [[[2, 0.4], [2, 0.7]], [[5, 0.8], [5, 0.95]], [[7, 0.97], [7, 1.0]]]
    assert np.allclose(ends, expected)
    assert drawn.get_label() == "accuracy"
    assert axis.get_legend_handles_labels()[1] == ["accuracy"]
    assert (points.get_color(), points.get_marker(), points.get_linestyle()) == ("#CC78BC", "o", "None")
    assert len(caps) == 2, "each bar ends in two caps"


def test_interval_bars_can_lie_and_be_joined() -> None:
    _, axis = plt.subplots()
    intervals = [100 * one for one in INTERVALS[:2]]
    drawn = plotting.interval_bars(axis, torch.arange(2), intervals, horizontal=True, fmt="s--", capsize=0)
    points, caps, (bars,) = drawn.lines
    assert points.get_xdata().tolist() == pytest.approx([50, 90])
    assert points.get_ydata().tolist() == [0, 1]
    ends = [segment.tolist() for segment in bars.get_segments()]
    assert np.allclose(ends, [[[40, 0], [70, 0]], [[80, 1], [95, 1]]])
    assert (points.get_marker(), points.get_linestyle(), len(caps)) == ("s", "--", 0)


@pytest.mark.parametrize(
    ("positions", "intervals"),
    [((1, 2), INTERVALS), ((1, 2, 3, 4), INTERVALS), ((1,), INTERVALS), ((1,), [Interval(0.5, 0.6, 0.7)])],
)
def test_what_are_no_intervals_at_these_positions_is_refused(positions, intervals: list[Interval]) -> None:
    """An estimate outside its own interval has no bars: it is not drawn with a made-up one."""
    _, axis = plt.subplots()
    with pytest.raises(ValueError, match=r"same size|negative"):
        plotting.interval_bars(axis, positions, intervals)


def test_a_shown_figure_has_its_alt_text_and_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    figure, axis = plt.subplots()
    axis.plot([1, 2])
    plotting.show(figure, alt='A line that rises from 1 to "2" & no further')
    assert not plt.get_fignums()
    (output,) = shown
    assert 'alt="A line that rises from 1 to &quot;2&quot; &amp; no further"' in output.data
    (code,) = re.findall(r'src="data:image/png;base64,([^"]+)"', output.data)
    assert base64.b64decode(code).startswith(b"\x89PNG")
