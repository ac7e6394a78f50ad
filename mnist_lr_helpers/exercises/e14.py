"""Exercises of notebook 14: counting features, the slope of a digit, ratios on a logarithmic axis."""

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


def _ratios(errors: list[int]) -> list[float]:
    """By how much each of the five steps divides the number of errors."""
    return [max(1, errors[k]) / max(1, errors[k + 1]) for k in range(5)]


_inks = (
    torch.eye(5)[:, :4] + torch.eye(5).roll(1, 1)[:, :4] / 2,
    torch.tensor([[0, 0, 0.2, 1], [0, 1, 1, 0], [0.5, 1, 0, 0]]),
)

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
            "notebook 01 gave the angle, in degrees; here the slope is asked": lambda ink: _slope(ink).atan().rad2deg(),
            "this is the angle; the slope is its tangent": lambda ink: _slope(ink).atan(),
            "this is the covariance; a slope compares it with the variance": lambda ink: (
                _second_moments(ink)[1] / ink.sum()
            ),
        },
        ruled_out=frozenset({"moments"}),
    ),
    "14.3 longest-step": Exercise(
        expected=lambda errors: 2 + max(range(5), key=_ratios(errors).__getitem__),
        mistakes={
            "this step removes the most errors; equal lengths on that axis are equal ratios": lambda errors: (
                2 + max(range(5), key=lambda k: errors[k] - errors[k + 1])
            ),
            "this is the rung where the step begins": lambda errors: 1 + max(range(5), key=_ratios(errors).__getitem__),
            "this is the shortest step": lambda errors: 2 + min(range(5), key=_ratios(errors).__getitem__),
        },
    ),
}
