"""From a grey picture of one digit to an image as MNIST's makers made theirs: ink, box, centre of mass."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

SMALL = 40  # pixels: pictures up to this side are grey images already, and no drawings in black and white
LARGEST_SIDE = 800  # pixels: larger pictures are scaled down first, which is quicker and averages noise away
LEAST_CONTRAST = 0.06  # of the way from black to white, between paper and ink: a faint pencil has 0.2
MOST_INK = 0.6  # share of a picture beyond which it shows no digit on paper
DARK = 0.25  # a picture of one grey is no paper below this
SPECK = 0.02  # share of the largest stroke below which a blot counts as dust


@dataclass(frozen=True)
class Reading:
    """The ink of one picture, float ``[height, width]`` in [0, 1], and what was noticed on the way.

    ``ink`` is ``None`` where there is nothing to keep; the last remark says why.
    """

    ink: np.ndarray | None
    remarks: tuple[str, ...] = ()


def read_ink(grey: np.ndarray) -> Reading:
    """Tell the ink of one digit from its paper, whichever of the two is darker.

    The paper is a plane fitted to the picture's rim, so that light may fall off towards one side. The ink is what
    differs from it by half as much as the strokes do, with edges a little soft. Specks of dust are taken out.

    Args:
        grey: the picture, float ``[height, width]``, 0 for black and 1 for white.
    """
    import cv2

    grey = grey.astype(np.float32)
    small = max(grey.shape) <= SMALL
    if max(grey.shape) > LARGEST_SIDE:
        scale = LARGEST_SIDE / max(grey.shape)
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    depth, noise = _depth(grey)
    calm = depth if small else cv2.GaussianBlur(depth, (0, 0), 1.0)
    remarks = []
    if -calm.min() > calm.max():
        depth, calm = -depth, -calm
        remarks.append("inverted")
    strongest = calm.max()
    if strongest < max(LEAST_CONTRAST, 6 * noise):
        return Reading(None, ("mostly ink" if np.median(grey) < DARK else "empty",))
    if small:
        ink = np.clip(depth / strongest, 0, 1)
        ink[ink < 0.02] = 0
    else:
        strokes = float(np.median(depth[calm > strongest / 2]))
        ink = _without_specks(np.clip(4 * depth / strokes - 1.5, 0, 1))
    if (ink > 0.5).mean() > MOST_INK:
        return Reading(None, (*remarks, "mostly ink"))
    if not small and _lie_side_by_side(ink):
        remarks.append("two digits?")
    if ink[[0, -1]].any() or ink[:, [0, -1]].any():
        remarks.append("touches the border")
    return Reading(ink, tuple(remarks))


def _depth(grey: np.ndarray) -> tuple[np.ndarray, float]:
    """How much darker than the paper each pixel is, and how much paper itself varies: a standard deviation.

    The plane is fitted twice, the second time without what the first found to be no paper.
    """
    height, width = grey.shape
    rim = max(1, round(0.04 * min(grey.shape)))
    down, right = np.mgrid[0:height, 0:width].astype(np.float32)
    places = np.stack([down, right, np.ones_like(down)], axis=2)
    at_rim = np.ones(grey.shape, dtype=bool)
    at_rim[rim:-rim, rim:-rim] = False
    at, values = places[at_rim], grey[at_rim]
    paper = np.abs(values - np.median(values)) < max(0.15, np.median(np.abs(values - np.median(values))) * 3)
    for _ in range(2):
        plane = np.linalg.lstsq(at[paper], values[paper], rcond=None)[0]
        off = np.abs(values - at @ plane)
        noise = 1.48 * float(np.median(off))  # of normal noise, the standard deviation
        paper = off <= max(3 * noise, 0.02)
    return (places @ plane - grey).astype(np.float32), noise


def _without_specks(ink: np.ndarray) -> np.ndarray:
    """The ink without blots that are far smaller than its largest stroke."""
    import cv2

    _, blots, measures, _ = cv2.connectedComponentsWithStats((ink > 0).astype(np.uint8))
    areas = measures[:, cv2.CC_STAT_AREA]
    dust = areas < SPECK * areas[1:].max(initial=0)
    return np.where(dust[blots], 0, ink)


def _lie_side_by_side(ink: np.ndarray) -> bool:
    """Whether two strokes of a fifth of the ink or more stand beside each other with paper between."""
    import cv2

    n, blots, measures, _ = cv2.connectedComponentsWithStats((ink > 0.5).astype(np.uint8))
    masses = np.bincount(blots.ravel(), weights=ink.ravel(), minlength=n)[1:]
    large = measures[1:][masses > masses.sum() / 5]
    left, width, height = (large[:, k] for k in (cv2.CC_STAT_LEFT, cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT))
    first = left.argsort() if len(left) else []
    gaps = [left[b] - left[a] - width[a] > 0.05 * height.max() for a, b in pairwise(first)]
    return any(gaps)


def prepare(ink: Tensor, *, middle: float = 14.0) -> Tensor:
    """Scale ink into a box of 20×20 and place it in 28×28 by its centre of mass, as MNIST's makers did.

    Proportions are kept; each new pixel is an average over the area that it covers. The box is moved by whole pixels,
    so that the centre comes next to the middle of pixel ``middle``, counted from 0.

    Args:
        ink: ``[n, 1, height, width]`` in [0, 1], 0 for paper.
        middle: where the centre of mass is to lie.

    Returns:
        Ink ``[n, 1, 28, 28]``. Source: LeCun, Bottou, Bengio and Haffner 1998, "Gradient-based learning applied to
        document recognition", section III.A; the middle is measured on MNIST in notebook 16.
    """
    height, width = ink.shape[2:]
    top, bottom = _ends((ink > 0).any(dim=3).squeeze(1))
    left, right = _ends((ink > 0).any(dim=2).squeeze(1))
    pixel = torch.maximum(bottom - top, right - left).clamp(min=1) / 20  # a new one's side, in old ones
    small = _strips(top, pixel, height) @ ink[:, 0] @ _strips(left, pixel, width).mT  # [n, 20, 20]
    down = _steps_to(middle, small.sum(dim=2), (bottom - top) / pixel)
    across = _steps_to(middle, small.sum(dim=1), (right - left) / pixel)
    return (_move_by(down) @ small @ _move_by(across).mT).unsqueeze(1)


def _ends(used: Tensor) -> tuple[Tensor, Tensor]:
    """The first used place and the first behind the last one, each ``[n]``, of ``bool [n, length]``."""
    return used.int().argmax(dim=1), used.shape[1] - used.flip(1).int().argmax(dim=1)


def _strips(start: Tensor, pixel: Tensor, length: int) -> Tensor:
    """The share of each of ``length`` old rows in each of 20 new ones, ``[n, 20, length]``.

    A new row is ``pixel`` old ones high, and the first begins at ``start``; both are ``[n]``.
    """
    low = start[:, None, None] + torch.arange(20)[None, :, None] * pixel[:, None, None]
    old = torch.arange(length)
    overlap = torch.minimum(low + pixel[:, None, None], old + 1) - torch.maximum(low, old)
    return overlap.clamp(min=0) / pixel[:, None, None]


def _steps_to(middle: float, profile: Tensor, extent: Tensor) -> Tensor:
    """Whole pixels to move by; ``profile [n, 20]`` is the ink of each row, ``extent [n]`` how many rows have any."""
    mean = (profile @ torch.arange(20.0)) / profile.sum(dim=1).clamp(min=1e-6)
    steps = (middle - mean + 0.5).floor().clamp(min=0)
    return steps.minimum(28 - extent.ceil())


def _move_by(steps: Tensor) -> Tensor:
    """Matrices that move 20 rows down into 28, ``[n, 28, 20]``."""
    return (torch.arange(28)[None, :, None] == torch.arange(20) + steps[:, None, None]).float()
