"""What students might answer to the exercises of notebook 14: rightly in another style, and with the usual mistakes."""

import math

import numpy as np
import torch


def _slope_by_numpy(ink: torch.Tensor) -> float:
    y, x = np.indices(ink.shape)
    covariance = np.cov(x.ravel(), y.ravel(), aweights=ink.numpy().ravel())
    return covariance[0, 1] / covariance[1, 1]


def moments(ink, centre=True):
    ink = ink.numpy()
    y, x = np.mgrid[: ink.shape[0], : ink.shape[1]].astype(float)
    if centre:
        x, y = x - np.average(x, weights=ink), y - np.average(y, weights=ink)
    return (ink * x * x).sum(), (ink * x * y).sum(), (ink * y * y).sum()


# Right answers in another style than the solution's.
OTHERWISE = {
    "14.1 feature-count": lambda side, orientations, cells: sum(
        orientations
        for cell in cells
        for _ in range(0, side - cell + 1, cell // 2)
        for _ in range(0, side - cell + 1, cell // 2)
    ),
    "14.2 slope": _slope_by_numpy,
    "14.3 full-contrast": lambda images: torch.stack([one / max(one.max().item(), 1e-9) for one in images]),
}

# Words of the hint → an answer as students write it.
NATURAL = {
    "14.1 feature-count": {
        "do not overlap": lambda side, k, cells: sum(k * (side // cell) * (side // cell) for cell in cells),
        "just reaches the border": lambda side, k, cells: sum(k * len(range(0, side - c, c // 2)) ** 2 for c in cells),
        "rows and columns": lambda side, k, cells: sum(k * len(range(0, side - c + 1, c // 2)) for c in cells),
        "that start in the image": lambda side, k, cells: sum(k * math.ceil(side / (c // 2)) ** 2 for c in cells),
    },
    "14.2 slope": {
        "about the centre": lambda ink: moments(ink, centre=False)[1] / moments(ink, centre=False)[2],
        "x and y are mixed up": lambda ink: moments(ink)[1] / moments(ink)[0],
        "a correlation": lambda ink: moments(ink)[1] / math.sqrt(moments(ink)[0] * moments(ink)[2]),
        "angle in degrees": lambda ink: math.degrees(math.atan(moments(ink)[1] / moments(ink)[2])),
    },
    "14.3 full-contrast": {
        "each image has its own": lambda images: images / images.max().clamp_min(1e-6),
        "became nan": lambda images: images / images.flatten(1).max(dim=1).values[:, None, None, None],
        "each row has its own": lambda images: images / (images.max(dim=3, keepdim=True).values + 1e-9),
        "all the ink": lambda images: images / (images.flatten(1).sum(1)[:, None, None, None] + 1e-9),
    },
}

# What a run might have measured: no answer here is a value.
MEASURED: dict[str, dict[str, object]] = {}
