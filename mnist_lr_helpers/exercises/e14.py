"""Exercises of notebook 14: counting features, the slope of a digit, taking out the contrast."""

from __future__ import annotations

from mnist_lr_helpers.exercises.grading import Exercise

import torch


def _cells(side: int, cell: int, step: int) -> int:
    return ((side - cell) // step + 1) ** 2


def _second_moments(ink: torch.Tensor, *, central: bool = True) -> torch.Tensor:
    """σxx, σxy and σyy of the ink [height, width], x to the right and y down, not divided by its mass."""
    y, x = torch.meshgrid(*(torch.arange(float(size)) for size in ink.shape), indexing="ij")
    if central:
        x, y = x - (ink * x).sum() / ink.sum(), y - (ink * y).sum() / ink.sum()
    return torch.stack([(ink * x * x).sum(), (ink * x * y).sum(), (ink * y * y).sum()])


def _slope(ink: torch.Tensor, *, central: bool = True) -> torch.Tensor:
    _, xy, yy = _second_moments(ink, central=central)
    return xy / yy


def _full_contrast(images: torch.Tensor) -> torch.Tensor:
    return images / images.amax(dim=(1, 2, 3), keepdim=True).clamp_min(1e-6)


_inks = (
    torch.eye(5)[:, :4] + torch.eye(5).roll(1, 1)[:, :4] / 2,
    torch.tensor([[0, 0, 0.2, 1], [0, 1, 1, 0], [0.5, 1, 0, 0]]),
)
_faint = torch.stack([torch.zeros(1, 3, 4), 0.2 * _inks[1][None], torch.arange(12.0).view(1, 3, 4) / 40])


EXERCISES: dict[str, Exercise] = {
    "14.1 feature-count": Exercise(
        expected=lambda side, k, cells: k * sum(_cells(side, cell, cell // 2) for cell in cells),
        probes=((28, 8, (4, 7)), (28, 6, (5,)), (16, 9, (2, 3, 8))),
        mistakes={
            "these cells do not overlap": lambda side, k, cells: k * sum((side // cell) ** 2 for cell in cells),
            "a row holds one more cell than there are steps": lambda side, k, cells: (
                k * sum(((side - cell) // (cell // 2)) ** 2 for cell in cells)
            ),
            "the last cell of a row, which just reaches the border, is missing": lambda side, k, cells: (
                k * sum(len(range(0, side - cell, cell // 2)) ** 2 for cell in cells)
            ),
            "each cell has a number for every orientation": lambda side, k, cells: sum(
                _cells(side, cell, cell // 2) for cell in cells
            ),
            "cells lie in rows and columns": lambda side, k, cells: (
                k * sum((side - cell) // (cell // 2) + 1 for cell in cells)
            ),
            "some of these cells reach beyond the image": lambda side, k, cells: (
                k * sum((side // (cell // 2)) ** 2 for cell in cells)
            ),
            "cells that start in the image may reach beyond it": lambda side, k, cells: (
                k * sum(len(range(0, side, cell // 2)) ** 2 for cell in cells)
            ),
        },
        hints=(
            "How many cells of 4 pixels, starting every 2 pixels, fit in one row of 28?",
            "The first cell starts at 0, the last one where it just reaches the border. How many steps lie between?",
        ),
    ),
    "14.2 slope": Exercise(
        expected=_slope,
        probes=tuple((ink,) for ink in _inks),
        mistakes={
            "the moments are to be taken about the centre of the ink": lambda ink: _slope(ink, central=False),
            "this is the slope down per pixel to the right; x and y are mixed up": lambda ink: (
                _second_moments(ink)[1] / _second_moments(ink)[0]
            ),
            "the sign is turned round: y points down": lambda ink: -_slope(ink),
            "a correlation is no slope": lambda ink: (
                _second_moments(ink)[1] / (_second_moments(ink)[0] * _second_moments(ink)[2]).sqrt()
            ),
            "grey ink counts less than full ink": lambda ink: _slope((ink > 0).float()),
            "this is the angle in degrees; the slope is its tangent": lambda ink: _slope(ink).atan().rad2deg(),
            "this is the angle in radians; the slope is its tangent": lambda ink: _slope(ink).atan(),
            "this is the covariance; a slope compares it with the variance": lambda ink: (
                _second_moments(ink)[1] / ink.sum()
            ),
        },
        ruled_out=frozenset({"moments"}),
        hints=(
            "Where is the centre of the ink, if each pixel weighs as much as its ink?",
            "How far from that centre is each pixel, in x and in y, and which product of the two do you average?",
        ),
    ),
    "14.3 full-contrast": Exercise(
        expected=_full_contrast,
        probes=((_faint,),),
        mistakes={
            "this is the strongest ink of all images together; each image has its own": lambda images: (
                images / images.max()
            ),
            "an image without ink stays without ink; here it became nan": lambda images: (
                images / images.amax(dim=(1, 2, 3), keepdim=True)
            ),
            "each row has its own maximum here; one for the whole image is asked": lambda images: (
                images / images.amax(dim=3, keepdim=True).clamp_min(1e-6)
            ),
            "this divides by all the ink, not by the strongest": lambda images: (
                images / images.sum(dim=(1, 2, 3), keepdim=True).clamp_min(1e-6)
            ),
            "this makes the darkest ink 1 by adding; then paper is no longer 0": lambda images: (
                images + 1 - images.amax(dim=(1, 2, 3), keepdim=True)
            ),
            "this leaves only full ink or paper; grey ink is to stay grey": lambda images: (images > 0).float(),
        },
        hints=(
            "Which number belongs to an image, and by which operation does the strongest ink become 1?",
            "amax takes several axes at once. What shape must its result have to divide [n, 1, height, width], and "
            "what if it is 0?",
        ),
    ),
}
