"""The sheet's layout to the millimetre, and what each part of the simulated camera does to a picture, one at a time."""

import io
import re
from pathlib import Path

from mnist_lr_helpers import plotting
from mnist_lr_helpers.exceptions import FileError
from mnist_lr_helpers.handwriting import photographs, sheets
from mnist_lr_helpers.handwriting.photographs import DESK, INK, PAPER, Camera, fill_sheet, photograph
from mnist_lr_helpers.handwriting.sheets import BOX, CORNERS, FRAME, GRID, HOW_TO, INSIDE, MARK, PAPERS, PITCH, SCALE

import cv2
import matplotlib as mpl
import numpy as np
import pytest
import torch
from conftest import seeded
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

INCH = 25.4  # millimetres
SQUARE = np.array([(0, 0), (MARK, 0), (MARK, MARK), (0, MARK)])
STILL = Camera(tilt=0, turn=0, fall_off=0, blur=0, noise=0, quality=100)
LIKE_THE_PICTURE = (1920, 1440)  # a page that fills 96 % of 2,000 × 1,500 pixels both ways, each pixel as one
SHOWN = np.s_[40:1960, 30:1470]  # where it is seen then

Area = tuple[float, float, float, float]  # left, top, right and bottom


@pytest.fixture(scope="module")
def axis() -> Axes:
    with mpl.rc_context():
        mpl.rcdefaults()
        (axis,) = sheets.draw_sheet().axes
    return axis


@pytest.fixture(scope="module", params=PAPERS)
def paper(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def empty(paper: str) -> np.ndarray:
    return fill_sheet({}, paper)


def within_frame(page: np.ndarray, paper: str) -> tuple[int, int]:
    """The pixels (down, right) of the frame's upper left corner, for a frame in the paper's middle."""
    width, height = PAPERS[paper]
    assert page.shape == (int(height * SCALE), int(width * SCALE))
    return round((height - FRAME[1]) / 2 * SCALE), round((width - FRAME[0]) / 2 * SCALE)


def area(text: Text) -> Area:
    """What a text covers, in millimetres."""
    around = text.get_window_extent(FigureCanvasAgg(text.figure).get_renderer())
    (left, bottom), (right, top) = text.axes.transData.inverted().transform([around.min, around.max])
    return left, top, right, bottom


def apart(one: Area, other: Area) -> bool:
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def taken(page: np.ndarray, camera: Camera, seed: int = 0) -> np.ndarray:
    """What the photograph shows, from 0 to 255."""
    return decoded(photograph(page, camera, generator=seeded(seed)))


def decoded(photo: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(photo))).astype(float)


def choose(monkeypatch: pytest.MonkeyPatch, *chance: float) -> None:
    """Let the chances of tilt (two), turn and light (strength and direction) be these, from -1 to 1."""
    monkeypatch.setattr(torch, "rand", lambda n, **_: (torch.tensor(chance, dtype=torch.float64) + 1) / 2)


def corners_seen(monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int], camera: Camera) -> np.ndarray:
    """Where the photograph shows the corners of a page, ``[4, 2]`` as (x, y), clockwise from the upper left one."""
    seen = []

    def stop(_: np.ndarray, corners: np.ndarray) -> None:
        seen.append(corners)
        raise InterruptedError

    monkeypatch.setattr(cv2, "getPerspectiveTransform", stop)
    with pytest.raises(InterruptedError):
        photograph(np.ones(shape), camera, generator=seeded())
    return seen[0]


# The geometry: sheets that were printed earlier have it.


def test_papers_have_their_standard_sizes() -> None:
    assert {"A4": (210, 297), "Letter": (pytest.approx(8.5 * INCH), pytest.approx(11 * INCH))} == PAPERS


def test_sheets_that_lie_printed_in_a_drawer_stay_readable() -> None:
    assert (FRAME, MARK, GRID, PITCH, BOX) == ((180, 215), 14, (10, 26), 17, 15)
    assert CORNERS == ((0, 0), (166, 0), (0, 201), (166, 201))


def test_the_frame_leaves_a_margin_that_printers_need() -> None:
    assert min((one - other) / 2 for size in PAPERS.values() for one, other in zip(size, FRAME, strict=True)) > 12


def test_boxes_lie_within_the_frame_and_apart_from_each_other_and_from_the_marks() -> None:
    areas = [(x, y, x + BOX, y + BOX) for *_, x, y in sheets.places()]
    areas += [(x, y, x + MARK, y + MARK) for x, y in CORNERS]
    assert all(
        left >= 0 and top >= 0 and right <= FRAME[0] and bottom <= FRAME[1] for left, top, right, bottom in areas
    )
    assert all(apart(one, other) for i, one in enumerate(areas) for other in areas[:i])


def test_places_go_row_by_row_a_digit_each() -> None:
    found = list(sheets.places())
    assert [place[:2] for place in found] == [(digit, column) for digit in range(10) for column in range(10)]
    assert [place[2:] for place in found] == [(10 + 17 * x, 26 + 17 * y) for y in range(10) for x in range(10)]


# The drawing.


TEXTS = {  # its place, how it lies there, and its size in points
    "My digits": (FRAME[0] / 2, 4, "center", 14),
    "Name or number, if you like:": (30, 14, "left", 9),
    "Write ten of each digit with a dark pen, each within its box; leave boxes empty as you like.\n"
    "Photograph or scan the whole sheet with its four corner marks, flat and in even light.": (
        FRAME[0] / 2,
        FRAME[1] - MARK / 2,
        "center",
        8,
    ),
} | {str(digit): (GRID[0] - 5, GRID[1] + digit * PITCH + BOX / 2, "center", 10) for digit in range(10)}


def test_the_sheet_says_what_it_must_and_nothing_else(axis: Axes) -> None:
    assert sorted(text.get_text() for text in axis.texts) == sorted(TEXTS)


@pytest.mark.parametrize("words", TEXTS)
def test_each_text_is_level_with_its_place_in_its_size(axis: Axes, words: str) -> None:
    (text,) = (text for text in axis.texts if text.get_text() == words)
    x, y, how, size = TEXTS[words]
    left, top, right, bottom = area(text)
    assert {"left": left, "center": (left + right) / 2}[how] == pytest.approx(x, abs=0.3)
    assert (top + bottom) / 2 == pytest.approx(y, abs=0.3)
    assert text.get_fontsize() == size


def test_the_lines_of_the_instructions_stand_apart(axis: Axes) -> None:
    (text,) = (text for text in axis.texts if text.get_text() == HOW_TO)
    alike = Figure(figsize=axis.figure.get_size_inches()).text(0, 0, HOW_TO, fontsize=8, linespacing=1.6)
    heights = [one.get_window_extent(FigureCanvasAgg(one.figure).get_renderer()).height for one in (text, alike)]
    assert heights[0] == pytest.approx(heights[1], abs=0.1)


def test_texts_lie_within_the_frame_and_on_nothing_else(axis: Axes) -> None:
    texts = [area(text) for text in axis.texts]
    (line,) = axis.lines
    (from_x, to_x), (from_y, to_y) = line.get_data()
    printed = [(x, y, x + BOX, y + BOX) for *_, x, y in sheets.places()]
    printed += [(x, y, x + MARK, y + MARK) for x, y in CORNERS]
    assert all(
        left >= 0 and top >= 0 and right <= FRAME[0] and bottom <= FRAME[1] for left, top, right, bottom in texts
    )
    for i, text in enumerate(texts):
        assert all(apart(text, other) for other in [*texts[:i], *printed, (from_x, from_y, to_x, to_y)])


def test_the_name_is_written_on_a_thin_black_line_beside_the_question(axis: Axes) -> None:
    (line,) = axis.lines
    (question,) = (area(text) for text in axis.texts if text.get_text().startswith("Name"))
    assert np.array(line.get_data()).tolist() == [[82, 150], [16, 16]]
    assert question[2] < 82
    assert question[1] < 16 < question[3] + 1
    assert (to_rgb(line.get_color()), line.get_linewidth()) == (to_rgb("black"), 0.5)


def test_rows_are_named_in_the_grey_that_stands_back(axis: Axes) -> None:
    names = [text for text in axis.texts if text.get_text().isdecimal()]
    assert {to_rgb(text.get_color()) for text in names} == {(0.4, 0.4, 0.4)}
    assert {to_rgb(text.get_color()) for text in axis.texts if text not in names} == {to_rgb("black")}


def test_boxes_are_thin_grey_lines_that_the_reader_does_not_look_at(axis: Axes) -> None:
    boxes = [patch for patch in axis.patches if not patch.get_fill()]
    assert [box.get_bbox().bounds for box in boxes] == [(x, y, 15, 15) for *_, x, y in sheets.places()]
    assert {(box.get_edgecolor()[:3], box.get_linewidth()) for box in boxes} == {((0.6, 0.6, 0.6), 0.5)}
    assert 0.5 / 72 * INCH / 2 < INSIDE < (BOX - photographs.DIGIT) / 2


def test_the_black_cells_of_a_mark_touch_without_growing_much(axis: Axes) -> None:
    cells = [patch for patch in axis.patches if patch.get_fill()]
    assert {(to_rgb(cell.get_facecolor()), to_rgb(cell.get_edgecolor())) for cell in cells} == {((0, 0, 0), (0, 0, 0))}
    assert {cell.get_linewidth() for cell in cells} == {0.4}
    assert {round(side, 6) for cell in cells for side in cell.get_bbox().size} == {round(MARK / 6, 6)}


def test_the_style_of_the_notebooks_does_not_move_the_sheet() -> None:
    with mpl.rc_context(fname=Path(plotting.__file__).with_name("course.mplstyle")):
        figure = sheets.draw_sheet("Letter")
    assert figure.get_layout_engine() is None
    assert figure.axes[0].get_position().bounds == (0, 0, 1, 1)


def test_an_unknown_paper_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"^there is no paper 'A3'; choose one of 'A4', 'Letter'$"):
        sheets.draw_sheet("A3")


# The page as printed.


def test_nothing_is_printed_outside_the_frame(paper: str, empty: np.ndarray) -> None:
    top, left = within_frame(empty, paper)
    outside = np.pad(np.zeros((1720 + 4, 1440 + 4), bool), ((top - 2,), (left - 2,)), constant_values=True)
    assert np.ptp(empty[outside[: empty.shape[0], : empty.shape[1]]]) == 0


def test_printed_boxes_are_where_the_constants_say(paper: str, empty: np.ndarray) -> None:
    top, left = within_frame(empty, paper)
    for _, _, x, y in sheets.places():
        right, down = round(left + x * SCALE), round(top + y * SCALE)
        row, column = empty[down + 60, right - 8 : right + 128], empty[down - 8 : down + 128, right + 60]
        for profile in (row, column):
            edges = np.flatnonzero(profile < PAPER - 0.1) - 8
            assert abs(edges[edges < 60].mean() + 0.5) <= 1
            assert abs(edges[edges > 60].mean() + 0.5 - BOX * SCALE) <= 1
            assert len(edges) <= 6


def test_printed_marks_are_where_the_constants_say(paper: str, empty: np.ndarray) -> None:
    top, left = within_frame(empty, paper)
    marks = sheets.find_marks(empty)
    assert sorted(marks) == [0, 1, 2, 3]
    for number, corners in marks.items():
        assert np.abs(corners - (SQUARE + CORNERS[number]) * SCALE - (left, top)).max() < 2
        x, y = np.array(CORNERS[number], int) * SCALE + (left, top)
        assert empty[y + 9, x + 2 : x + 110].max() < INK + 0.01  # along the border, across its cells


def test_print_is_as_black_as_the_pen_and_paper_less_than_white(empty: np.ndarray) -> None:
    assert (empty.min(), empty.max()) == (np.float32(INK), np.float32(PAPER))
    assert empty.dtype == np.float32
    assert 0 < INK < DESK < PAPER < 1
    assert (INK, DESK, PAPER) == (0.12, 0.35, 0.92)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return sheets.write_sheets(tmp_path_factory.mktemp("sheets"))


def test_one_page_of_each_papers_size_is_written_and_named_after_it(written: list[Path]) -> None:
    assert [path.name for path in written] == ["sheet_A4.pdf", "sheet_Letter.pdf"]
    for path, size in zip(written, PAPERS.values(), strict=True):
        (box,) = re.findall(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", path.read_bytes())
        assert [float(side) / 72 * INCH for side in box] == pytest.approx(size, abs=0.001)


def test_the_pdf_has_a_title_and_no_date_and_is_the_same_each_time(
    written: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "PAPERS", {"A4": PAPERS["A4"]})
    (again,) = sheets.write_sheets(tmp_path)
    assert again == tmp_path / "sheet_A4.pdf"
    assert again.read_bytes() == written[0].read_bytes()
    for path in written:
        assert b"/Title (My digits)" in path.read_bytes()
        assert b"Date" not in path.read_bytes()


def test_a_folder_that_cannot_be_written_is_an_error_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "draw_sheet", lambda _: Figure())
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(FileError, match=r"cannot write .*sheet_A4\.pdf"):
        sheets.write_sheets(tmp_path / "taken")


# Found again, straightened and cut.


def test_marks_of_others_are_left_out_and_corners_go_clockwise_from_the_first() -> None:
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    table = np.ones((200, 500))
    for left, number in ((40, 3), (200, 4), (360, 49)):
        table[50:146, left : left + 96] = cv2.aruco.generateImageMarker(dictionary, number, 96) / 255
    found = sheets.find_marks(table)
    assert list(found) == [3]
    assert np.abs(found[3] - [(40, 50), (135, 50), (135, 145), (40, 145)]).max() < 1
    assert sheets.find_marks(np.ones((200, 500))) == {}


def test_corners_of_a_turned_mark_are_found_between_the_pixels() -> None:
    finer, angle = 8, np.radians(12)
    mark = cv2.aruco.generateImageMarker(cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50), 2, 96 * finer)
    turn = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    moved = np.column_stack([turn, (100.4 * finer, 60.3 * finer)])
    large = cv2.warpAffine((mark / 255).astype(np.float32), moved, (300 * finer, 260 * finer), borderValue=1.0)
    found = sheets.find_marks(cv2.resize(large, (300, 260), interpolation=cv2.INTER_AREA))
    corners = np.array([(0, 0), (96, 0), (96, 96), (0, 96)]) @ turn.T + (100.4, 60.3)
    assert np.abs(found[2] + 0.5 - corners).max() < 0.45


@pytest.mark.parametrize("known", [(0, 1, 2, 3), (0, 1, 2), (3, 1, 0)])
def test_a_straightened_sheet_has_each_point_in_its_place(known: tuple[int, ...]) -> None:
    scale, right, down = 2, 25, 10
    marks = {number: ((SQUARE + CORNERS[number]) * scale + (right, down)).astype(np.float32) for number in known}
    rows, columns = np.mgrid[0:450, 0:400] / 1000
    for picture, axis, shift in ((rows, 0, down), (columns, 1, right)):
        straight = sheets.straighten(picture, marks)
        assert straight.shape == (1720, 1440)
        expected = (np.arange(straight.shape[axis]) * scale / SCALE + shift) / 1000
        assert np.abs(straight - (expected[:, None] if axis == 0 else expected)).max() < 1e-4


def test_what_lies_outside_the_picture_is_straightened_to_white() -> None:
    marks = {number: ((SQUARE + CORNERS[number]) * 2 - (60, 0)).astype(np.float32) for number in range(4)}
    straight = sheets.straighten(np.zeros((430, 200)), marks)
    inside = np.s_[:1700, round(60 / 2 * SCALE) : round(258 / 2 * SCALE)]
    assert straight[inside].max() == 0
    straight[inside] = 1
    outside = np.delete(straight, np.s_[200:1100], axis=1)
    assert outside[:1700].min() == 1


def test_boxes_are_cut_without_their_printed_lines() -> None:
    down, right = np.mgrid[0 : FRAME[1] * SCALE, 0 : FRAME[0] * SCALE]
    whole = np.stack([right, down], axis=2) + 0.5
    cuts = list(sheets.cut(whole))
    assert len(cuts) == 100
    for (digit, column, x, y), (cut_digit, cut_column, cut) in zip(sheets.places(), cuts, strict=True):
        assert (cut_digit, cut_column) == (digit, column)
        assert cut.shape == (109, 109, 2)
        assert np.abs(cut[0, 0] / SCALE - 0.5 / SCALE - (x + 0.7, y + 0.7)).max() <= 0.5 / SCALE + 1e-9
        assert np.abs(cut.mean(axis=(0, 1)) / SCALE - (x + BOX / 2, y + BOX / 2)).max() <= 0.6 / SCALE


@pytest.mark.parametrize("place", [(0, 0), (4, 7), (9, 9)])
def test_a_digit_takes_twelve_millimetres_in_the_middle_of_its_box(
    paper: str, empty: np.ndarray, place: tuple[int, int]
) -> None:
    page = fill_sheet({place: torch.ones(28, 28)}, paper)
    rows, columns = np.nonzero(page != empty)
    assert set(page[page != empty].tolist()) == {float(np.float32(INK))}
    top, left = within_frame(page, paper)
    for pixels, corner, number in ((rows, top, place[0]), (columns, left, place[1])):
        assert len(set(pixels)) == np.ptp(pixels) + 1 == 12 * SCALE
        middle = corner + ((GRID[1] if corner == top else GRID[0]) + number * PITCH + BOX / 2) * SCALE
        assert abs((pixels.min() + pixels.max() + 1) / 2 - middle) <= 1
    assert len(rows) == (12 * SCALE) ** 2
    assert np.array_equal(fill_sheet({}, paper), empty)


def test_ink_is_drawn_in_black_where_it_is_more_than_half_and_not_at_all_elsewhere() -> None:
    half = torch.full((28, 28), 0.45)
    half[:14, :7] = 0.55
    page, empty = fill_sheet({(3, 5): half}), fill_sheet({})
    rows, columns = np.nonzero(page != empty)
    assert (page != empty)[rows.min() + 20].sum() == 12 * SCALE / 4
    assert (page != empty)[:, columns.min() + 10].sum() == 12 * SCALE / 2
    assert rows.min() == 328 + (26 + 3 * 17 + 1.5) * SCALE
    assert columns.min() == 120 + (10 + 5 * 17 + 1.5) * SCALE


def test_digits_are_in_the_middle_of_the_boxes_that_are_cut_again() -> None:
    page = fill_sheet({(digit, 9 - digit): torch.ones(28, 28) for digit in range(10)})
    for digit, column, box in sheets.cut(sheets.straighten(page, sheets.find_marks(page))):
        if digit + column != 9:
            assert box.min() > 0.9 * PAPER
            continue
        for profile in (box.min(axis=0), box.min(axis=1)):
            inked = np.flatnonzero(profile < (INK + PAPER) / 2)
            assert abs((inked[0] + inked[-1]) / 2 - 54) <= 1
            assert abs(len(inked) - 12 * SCALE) <= 2


# The camera: one thing at a time.


def test_the_camera_that_is_lent_is_the_one_of_the_notebook_s_numbers() -> None:
    assert Camera() == Camera(tilt=15, turn=10, fall_off=0.2, blur=1, noise=0.02, quality=85)


def test_a_camera_without_faults_shows_the_page_as_it_is_in_the_middle_of_the_desk() -> None:
    levels = torch.randint(10, 245, (24, 18), generator=seeded()).numpy() + 0.25
    page = np.kron(levels / 255, np.ones((80, 80)))
    picture = taken(page, STILL)
    assert picture.shape == (2000, 1500)
    assert np.abs(picture[SHOWN] - 255 * page).max() <= 3
    blocks = picture[SHOWN].reshape(24, 80, 18, 80)[:, 20:60, :, 20:60]
    assert np.abs(blocks - levels[:, None, :, None]).max() < 0.5
    desk = np.ones(picture.shape, bool)
    desk[36:1964, 26:1474] = False
    assert np.abs(picture[desk] - 255 * DESK).max() < 0.5


@pytest.mark.parametrize(("shape", "turned"), [((300, 200), 0), ((200, 200), 1), ((200, 400), -1)])
def test_the_whole_page_is_in_the_middle_and_takes_most_of_the_picture(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int], turned: float
) -> None:
    choose(monkeypatch, -0.5, 1, turned, 0, 0)
    picture = taken(np.ones(shape), Camera(tilt=20, turn=30, fall_off=0, blur=0, noise=0, quality=95))
    rows, columns = (np.flatnonzero((picture > 160).any(axis=axis)) for axis in (1, 0))
    assert (rows[0] + rows[-1]) / 2 == pytest.approx(1000, abs=8)
    assert (columns[0] + columns[-1]) / 2 == pytest.approx(750, abs=8)
    assert max((np.ptp(rows) + 1) / 2000, (np.ptp(columns) + 1) / 1500) == pytest.approx(0.96, abs=0.01)


@pytest.mark.parametrize("chance", [(0, 0, 0), (1, 0, 0), (0, -1, 0), (0, 0, 1), (0.6, -0.3, -0.5)])
def test_corners_are_where_opencv_sees_them_from_two_page_heights_away(
    monkeypatch: pytest.MonkeyPatch, chance: tuple[float, float, float]
) -> None:
    width, height = 300, 500
    length = max(np.hypot(*chance[:2]), 1e-12)
    angle = np.radians(20) * max(abs(chance[0]), abs(chance[1]))
    turns = ((0, 0, np.radians(40) * chance[2]), (0, angle * chance[1] / length, 0), (angle * chance[0] / length, 0, 0))
    about_z, about_y, about_x = (cv2.Rodrigues(np.array(one, float))[0] for one in turns)
    page = np.array([(-150, -250, 0), (150, -250, 0), (150, 250, 0), (-150, 250, 0)], float)
    lens = np.diag([2.0 * height, 2.0 * height, 1])
    position = np.array([0, 0, 2.0 * height])
    seen, _ = cv2.projectPoints(page, cv2.Rodrigues(about_z @ about_y @ about_x)[0], position, lens, None)
    seen = seen[:, 0] * 0.96 * min(np.array([1500, 2000]) / np.ptp(seen[:, 0], axis=0))
    seen += np.array([750, 1000]) - (seen.min(axis=0) + seen.max(axis=0)) / 2
    choose(monkeypatch, *chance, 0, 0)
    assert np.abs(corners_seen(monkeypatch, (height, width), Camera(tilt=20, turn=40)) - seen).max() < 1e-3


def test_a_tilted_page_is_smaller_where_it_is_farther_away(monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, 1, 0, 0, 0, 0)
    left_upper, right_upper, right_lower, left_lower = corners_seen(monkeypatch, (400, 300), Camera(tilt=30))
    depth = 200 * np.sin(np.pi / 6)
    ratio = (right_upper[0] - left_upper[0]) / (right_lower[0] - left_lower[0])
    assert ratio == pytest.approx((800 + depth) / (800 - depth))


@pytest.mark.parametrize(
    ("strength", "way", "lost"),
    [(1, 0.25, (0, 0.5, 0.5, 1)), (-0.5, -0.5, (1, 1, 0, 0))],
    ids=["to the lower right", "upwards, half as much"],
)
def test_light_falls_off_evenly_along_its_direction(
    monkeypatch: pytest.MonkeyPatch, strength: float, way: float, lost: tuple[float, ...]
) -> None:
    choose(monkeypatch, 0, 0, 0, strength, way)
    monkeypatch.setattr(photographs, "DESK", 0.8)
    picture = taken(np.full((40, 30), 0.8), Camera(0, 0, fall_off=0.5, blur=0, noise=0, quality=100))
    y, x = np.mgrid[0:2000, 0:1500] / np.array([2000, 1500])[:, None, None]
    upper_left, upper_right, lower_left, lower_right = lost
    share = (1 - y) * ((1 - x) * upper_left + x * upper_right) + y * ((1 - x) * lower_left + x * lower_right)
    difference = picture - 255 * 0.8 * (1 - 0.5 * abs(strength) * share)
    assert np.abs(difference).max() < 3
    assert difference.mean() == pytest.approx(-0.5, abs=0.2)


def test_blur_is_the_standard_deviation_of_the_spread_in_pixels() -> None:
    page = np.full(LIKE_THE_PICTURE, 0.1)
    page[960:, 720:] = 0.9
    picture = taken(page, Camera(0, 0, 0, blur=4, noise=0, quality=100))
    for profile, middle in (
        (picture[1200:1800, 600:900].mean(axis=0), 750),
        (picture[850:1150, 900:1300].mean(axis=1), 1000),
    ):
        slope = np.diff(profile)
        place = np.arange(len(slope)) + (middle - 150) + 1
        mean = (slope * place).sum() / slope.sum()
        assert mean == pytest.approx(middle, abs=0.1)
        assert np.sqrt((slope * (place - mean) ** 2).sum() / slope.sum()) == pytest.approx(4, abs=0.15)


@pytest.fixture(scope="module")
def grainy() -> np.ndarray:
    """A page of black, grey and white, from top to bottom, on a bad sensor."""
    page = np.repeat([0, 0.5, 1], 640)[:, None] * np.ones(1440)
    return taken(page, Camera(0, 0, 0, blur=0, noise=0.06, quality=100), seed=1)[SHOWN]


def test_noise_has_its_size_and_is_another_in_each_pixel(grainy: np.ndarray) -> None:
    grain = (grainy[700:1200] - 127) / 255
    assert grain.mean() == pytest.approx(0, abs=0.002)
    assert grain.std() == pytest.approx(0.06, rel=0.02)
    for axis in (0, 1):
        assert grain.mean(axis=axis).std() == pytest.approx(0.06 / np.sqrt(grain.shape[axis]), rel=0.15)
    assert abs(np.corrcoef(grain[1:].ravel(), grain[:-1].ravel())[0, 1]) < 0.02


def test_noise_makes_black_no_brighter_and_white_no_darker_than_it_is_large(grainy: np.ndarray) -> None:
    assert grainy[:600].max() < 6 * 0.06 * 255
    assert grainy[-600:].min() > 255 - 6 * 0.06 * 255
    assert 0.4 < (grainy[:600] < 2).mean() < 0.6
    assert 0.4 < (grainy[-600:] > 253).mean() < 0.6


@pytest.mark.parametrize("quality", [30, 85])
def test_the_photograph_is_a_grey_jpeg_of_the_stated_quality(quality: int) -> None:
    photo = Image.open(io.BytesIO(photograph(np.ones((4, 3)), Camera(0, 0, 0, 0, 0, quality), generator=seeded())))
    alike = io.BytesIO()
    Image.new("L", (8, 8)).save(alike, format="jpeg", quality=quality)
    assert (photo.format, photo.mode, photo.size) == ("JPEG", "L", (1500, 2000))
    assert photo.quantization == Image.open(alike).quantization
