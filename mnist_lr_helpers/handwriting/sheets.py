"""The sheet with 10 × 10 boxes: drawn for the printer, found again in a photograph, and cut into boxes.

All lengths are in millimetres, from the upper left corner of the frame that the four corner marks span. The frame
is the same on A4 and on Letter paper, so that nothing needs to know which one was printed.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_lr_helpers.files import write_atomically

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAPERS = {"A4": (210.0, 297.0), "Letter": (215.9, 279.4)}
FRAME = (180.0, 215.0)  # width and height
MARK = 14.0  # side of a corner mark
GRID, PITCH, BOX = (10.0, 26.0), 17.0, 15.0  # corner of the first box, from box to box, side of a box
INSIDE = 0.7  # this much of a box's edge is not looked at: the printed line
SCALE = 8  # pixels a millimetre, of a straightened sheet
CORNERS = tuple((x, y) for y in (0.0, FRAME[1] - MARK) for x in (0.0, FRAME[0] - MARK))  # of marks 0 to 3
HOW_TO = (
    "Write ten of each digit with a dark pen, each within its box; leave boxes empty as you like.\n"
    "Photograph or scan the whole sheet with its four corner marks, flat and in even light."
)


def draw_sheet(paper: str = "A4") -> Figure:
    """The empty sheet as a figure of the paper's size.

    Raises:
        ValueError: no such paper.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    if paper not in PAPERS:
        raise ValueError(f"there is no paper {paper!r}; choose one of {', '.join(map(repr, PAPERS))}")
    width, height = PAPERS[paper]
    figure = Figure(figsize=(width / 25.4, height / 25.4), layout="none")
    axis = figure.add_axes((0, 0, 1, 1))
    left, top = (width - FRAME[0]) / 2, (height - FRAME[1]) / 2
    axis.set(xlim=(-left, width - left), ylim=(height - top, -top))
    axis.axis("off")
    for number, (x, y) in enumerate(CORNERS):
        cells = _mark(number)
        side = MARK / len(cells)
        for row, column in np.argwhere(cells == 0):
            square = (x + column * side, y + row * side)
            axis.add_patch(Rectangle(square, side, side, facecolor="black", edgecolor="black", linewidth=0.4))
    for _, _, x, y in places():
        axis.add_patch(Rectangle((x, y), BOX, BOX, fill=False, edgecolor="0.6", linewidth=0.5))
    for digit in range(10):
        axis.text(GRID[0] - 5, GRID[1] + digit * PITCH + BOX / 2, str(digit), ha="center", va="center", color="0.4")
    axis.text(FRAME[0] / 2, 4, "My digits", ha="center", va="center", fontsize=14)
    axis.text(30, 14, "Name or number, if you like:", va="center", fontsize=9)
    axis.plot([82, 150], [16, 16], color="black", linewidth=0.5)
    axis.text(FRAME[0] / 2, FRAME[1] - MARK / 2, HOW_TO, ha="center", va="center", fontsize=8, linespacing=1.6)
    return figure


def write_sheets(folder: Path) -> list[Path]:
    """Write the sheet as PDF, once for each paper; returns the files.

    Raises:
        FileError: they cannot be written.
    """
    written = []
    for paper in PAPERS:
        page = io.BytesIO()
        draw_sheet(paper).savefig(page, format="pdf", metadata={"Title": "My digits", "CreationDate": None})
        written.append(folder / f"sheet_{paper}.pdf")
        write_atomically(written[-1], page.getvalue())
    return written


def places() -> Iterator[tuple[int, int, float, float]]:
    """Digit, column and upper left corner of each box, in millimetres, row by row."""
    for digit in range(10):
        for column in range(10):
            yield digit, column, GRID[0] + column * PITCH, GRID[1] + digit * PITCH


def find_marks(grey: np.ndarray) -> dict[int, np.ndarray]:
    """The corner marks in a picture: their number → their corners ``[4, 2]`` as (x, y), clockwise from the first.

    Args:
        grey: float ``[height, width]``, 0 for black and 1 for white.
    """
    import cv2

    options = cv2.aruco.DetectorParameters()
    options.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    detector = cv2.aruco.ArucoDetector(_dictionary(), options)
    corners, numbers, _ = detector.detectMarkers((grey * 255).astype(np.uint8))
    found = zip(numbers.flatten() if numbers is not None else [], corners, strict=True)
    return {int(number): one[0] for number, one in found if number < len(CORNERS)}


def straighten(grey: np.ndarray, marks: dict[int, np.ndarray]) -> np.ndarray:
    """The frame seen straight from above, ``SCALE`` pixels a millimetre.

    The projection is the one that brings the corners of the marks, twelve at least, closest to where they were printed.

    Args:
        grey: the picture, float ``[height, width]``.
        marks: three or four of its corner marks, as ``find_marks`` gives them.
    """
    import cv2

    square = np.array([(0, 0), (MARK, 0), (MARK, MARK), (0, MARK)])
    printed = np.concatenate([square + CORNERS[number] for number in marks]) * SCALE
    projection, _ = cv2.findHomography(np.concatenate(list(marks.values())), printed)
    size = round(FRAME[0] * SCALE), round(FRAME[1] * SCALE)
    return cv2.warpPerspective(grey, projection, size, flags=cv2.INTER_AREA, borderValue=1.0)


def cut(straight: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
    """Digit, column and picture of each box of a straightened sheet, without its printed line."""
    side = round((BOX - 2 * INSIDE) * SCALE)
    for digit, column, x, y in places():
        left, top = round((x + INSIDE) * SCALE), round((y + INSIDE) * SCALE)
        yield digit, column, straight[top : top + side, left : left + side]


def _dictionary():  # noqa: ANN202 - a type of OpenCV, which is imported where it is used
    """Four marks of 4 × 4 cells that differ much from each other and from themselves when turned."""
    import cv2

    return cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)


def _mark(number: int) -> np.ndarray:
    """The cells of a corner mark with its border, 0 for black, ``[6, 6]``.

    Source: Garrido-Jurado, Muñoz-Salinas, Madrid-Cuevas and Marín-Jiménez 2014, "Automatic generation and detection
    of highly reliable fiducial markers under occlusion".
    """
    import cv2

    return cv2.aruco.generateImageMarker(_dictionary(), number, 6)
