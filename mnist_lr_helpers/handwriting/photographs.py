"""Sheets that nobody wrote on and photographs that nobody took: a simulation, for who has no own, and for tests.

What it does, in this order: digits are drawn into the boxes as a pen does, black or nearly so; a pinhole camera looks
at the sheet at a slant and turned; light falls off towards one side; the lens blurs; the sensor adds noise; the
picture is stored as JPEG. What it does not: folds, shadows with edges, a lens that bends lines, writers who
leave their boxes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from mnist_lr_helpers.handwriting.sheets import BOX, FRAME, PAPERS, SCALE, draw_sheet, places

import numpy as np
import torch
from torch import Tensor

DIGIT = 12.0  # millimetres that the 28 pixels of an image take in a box
DESK = 0.35  # grey of what the sheet lies on
INK, PAPER = 0.12, 0.92  # grey values of pen and paper, in full light


@dataclass(frozen=True)
class Camera:
    """How a sheet is photographed; each angle and each direction is drawn anew, up to these limits.

    Attributes:
        tilt: degrees between the camera's axis and a look straight down, at most.
        turn: degrees by which the picture is turned, at most.
        fall_off: share of the light that is lost from one side of the picture to the other, at most.
        blur: standard deviation of the lens' blur, in pixels of the photograph.
        noise: standard deviation of the sensor's noise; white is 1.
        quality: of the JPEG file, from 1 to 100.
    """

    tilt: float = 15.0
    turn: float = 10.0
    fall_off: float = 0.2
    blur: float = 1.0
    noise: float = 0.02
    quality: int = 85


def fill_sheet(digits: dict[tuple[int, int], Tensor], paper: str = "A4") -> np.ndarray:
    """A sheet with digits in its boxes, grey ``[height, width]`` in [0, 1], ``SCALE`` pixels a millimetre.

    Args:
        digits: (digit, column) of a box → ink ``[28, 28]`` in [0, 1], which is drawn in black or not at all.
        paper: what it is printed on.
    """
    page, side = _blank(paper).copy(), round(DIGIT * SCALE)
    left, top = _corner(paper)
    for digit, column, x, y in places():
        if (digit, column) not in digits:
            continue
        ink = digits[digit, column][None, None]
        large = torch.nn.functional.interpolate(ink, size=side, mode="bicubic", align_corners=False)
        at_x, at_y = (round((one + (BOX - DIGIT) / 2) * SCALE) for one in (left + x, top + y))
        page[at_y : at_y + side, at_x : at_x + side][large[0, 0].numpy() > 0.5] = INK
    return page


def photograph(page: np.ndarray, camera: Camera, *, generator: torch.Generator) -> bytes:
    """A JPEG photograph, 1,500 × 2,000 pixels, of a sheet on a desk.

    Args:
        page: grey ``[height, width]`` in [0, 1].
        camera: how it is taken.
        generator: decides the directions of tilt, turn and light, and the noise.
    """
    import cv2

    width, height = 1500, 2000
    tilt_x, tilt_y, turn, fall, way = (2 * torch.rand(5, generator=generator) - 1).tolist()
    corners = _project(page.shape, camera, (tilt_x, tilt_y, turn))
    corners *= 0.96 * min(width / np.ptp(corners[:, 0]), height / np.ptp(corners[:, 1]))
    corners += np.array([width, height]) / 2 - (corners.max(axis=0) + corners.min(axis=0)) / 2
    sides = np.array([(0, 0), (page.shape[1], 0), (page.shape[1], page.shape[0]), (0, page.shape[0])])
    projection = cv2.getPerspectiveTransform(sides.astype(np.float32), corners.astype(np.float32))
    seen = cv2.warpPerspective(page.astype(np.float32), projection, (width, height), borderValue=DESK)
    down, right = np.mgrid[0:height, 0:width].astype(np.float32)
    along = right / width * np.cos(np.pi * way) + down / height * np.sin(np.pi * way)
    along = (along - along.min()) / np.ptp(along)
    seen *= 1 - camera.fall_off * abs(fall) * along
    seen = cv2.GaussianBlur(seen, (0, 0), camera.blur) if camera.blur else seen
    seen += camera.noise * torch.randn(height, width, generator=generator).numpy()
    grey = np.clip(255 * seen, 0, 255).astype(np.uint8)
    return cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, camera.quality])[1].tobytes()


def _project(shape: tuple[int, int], camera: Camera, chance: tuple[float, float, float]) -> np.ndarray:
    """Where a camera sees the page's four corners, ``[4, 2]`` as (x, y), from two page heights away."""
    tilt = np.array(chance[:2]) / max(1e-9, np.hypot(*chance[:2])) * np.radians(camera.tilt) * np.abs(chance[:2]).max()
    turn = np.radians(camera.turn * chance[2])
    (sx, sy, st), (cx, cy, ct) = np.sin([*tilt, turn]), np.cos([*tilt, turn])
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[ct, -st, 0], [st, ct, 0], [0, 0, 1]])
    height, width = shape
    flat = np.array([(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)]) * (width / 2, height / 2, 0)
    x, y, z = (about_z @ about_y @ about_x) @ flat.T
    return np.stack([x, y], axis=1) / (1 + z / (2 * height))[:, None]


def _corner(paper: str) -> tuple[float, float]:
    """Where the frame's upper left corner lies on the paper, in millimetres."""
    return (PAPERS[paper][0] - FRAME[0]) / 2, (PAPERS[paper][1] - FRAME[1]) / 2


@cache
def _blank(paper: str) -> np.ndarray:
    """The empty sheet as printed, grey ``[height, width]``."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = draw_sheet(paper)
    figure.set_dpi(SCALE * 25.4)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    grey = np.asarray(canvas.buffer_rgba())[..., 0] / 255
    return (INK + (PAPER - INK) * grey).astype(np.float32)
