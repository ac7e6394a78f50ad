"""Fixed features for a linear layer: nothing here is trained or sees a label.

Every function takes ink: float images ``[n, 1, height, width]`` in [0, 1], 0 for paper.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, avg_pool2d, conv2d, grid_sample, pad

MOST_INK = 20.0  # standardised pixels reach a few units, grey values 255
BATCH = 256  # images at a time: few enough that their maps stay in the processor's cache


def moments(images: Tensor) -> tuple[Tensor, Tensor]:
    """Centre and covariance of the ink, the grey values taken as masses.

    Returns the centre ``[n, 2]`` as (x, y) in pixels from the middle of the image, x to the
    right and y down, and the covariance ``[n, 2, 2]`` in square pixels; no ink gives zeros.
    Source: Hu 1962, "Visual pattern recognition by moment invariants".

    Raises:
        ValueError: not ink ``[n, 1, height, width]``.
    """
    check_ink(images)
    height, width = images.shape[2:]
    down = torch.arange(height, dtype=images.dtype) - (height - 1) / 2
    right = torch.arange(width, dtype=images.dtype) - (width - 1) / 2
    places = torch.cartesian_prod(down, right).flip(1)  # [height · width, 2]
    ink = images.flatten(start_dim=1)
    shares = ink / ink.sum(dim=1, keepdim=True).clamp_min(1e-6)
    centre = shares @ places
    products = (places[:, :, None] * places[:, None]).flatten(start_dim=1)  # [height · width, 4]
    return centre, (shares @ products).view(-1, 2, 2) - centre[:, :, None] * centre[:, None]


def slant(images: Tensor) -> Tensor:
    """How far the ink leans, in degrees to the right of upright, ``[n]``; no ink gives 0.

    It leans ``tan(slant)`` pixels to the right per pixel up: what ``deskew`` takes back.

    Raises:
        ValueError: not ink ``[n, 1, height, width]``.
    """
    return torch.rad2deg(torch.atan(-_slope(moments(images)[1])))


def _slope(covariance: Tensor) -> Tensor:
    """Pixels to the right per pixel down ``[n]``. Ink one pixel high has none: what rounding leaves is kept small."""
    return covariance[:, 0, 1] / covariance[:, 1, 1].clamp_min(1e-3)


def deskew(images: Tensor, *, spread: tuple[float, float] | None = None, strength: float = 0.5) -> Tensor:
    """Centre the ink of each image and shear it until its x and y are uncorrelated.

    Args:
        images: ink ``[n, 1, height, width]``.
        spread: draw the standard deviation of the ink across and down towards these, in pixels.
        strength: how far, as a power of the ratio: 0 keeps the size, 1 gives exactly ``spread``.

    Returns:
        Ink, same shape. Sources: LeCun, Bottou, Bengio and Haffner 1998, "Gradient-based learning
        applied to document recognition" (deskewing); Liu, Nakashima, Sako and Fujisawa 2004,
        "Handwritten digit recognition: investigation of normalization and feature extraction
        techniques" (size from moments).

    Raises:
        ValueError: not ink ``[n, 1, height, width]``.
    """

    def upright(batch: Tensor) -> Tensor:
        height, width = batch.shape[2:]
        centre, covariance = moments(batch)
        slope = _slope(covariance)
        across = down = torch.ones(len(batch))
        if spread is not None:
            # What the shear leaves of the variance across.
            rest = covariance[:, 0, 0] - slope * covariance[:, 0, 1]
            across = (rest.clamp_min(1e-3).sqrt() / spread[0]) ** strength
            down = (covariance[:, 1, 1].clamp_min(1e-3).sqrt() / spread[1]) ** strength
        # Where each pixel of the new image lies in the old one; both run from -1 to 1.
        where = torch.zeros(len(batch), 2, 3)
        where[:, 0, 0], where[:, 0, 1], where[:, 1, 1] = across, slope * down * height / width, down
        where[:, :, 2] = centre * 2 / torch.tensor([width, height])
        return grid_sample(batch, affine_grid(where, list(batch.shape), align_corners=False), align_corners=False)

    return _in_batches(upright, images)


def orientation_maps(images: Tensor, *, orientations: int = 8, blur: float = 0.0) -> Tensor:
    """Steepness of the ink at each pixel, shared between the two nearest directions of its gradient.

    Map k holds edges with more ink towards k turns of 360°/orientations, from the right (0)
    clockwise. ``blur`` is the standard deviation, in pixels, of a Gaussian that comes first.
    Returns ``[n, orientations, height, width]`` in ink per pixel.
    Source: Dalal and Triggs 2005, "Histograms of oriented gradients for human detection".

    Raises:
        ValueError: not ink ``[n, 1, height, width]``.
    """
    check_ink(images)
    if blur > 0:
        reach = math.ceil(3 * blur)
        kernel = torch.exp(-(torch.arange(-reach, reach + 1.0) ** 2) / (2 * blur**2))
        kernel = (kernel / kernel.sum()).view(1, 1, 1, -1)
        images = conv2d(conv2d(images, kernel, padding=(0, reach)), kernel.mT, padding=(reach, 0))
    padded = pad(images, (1, 1, 1, 1))
    right = (padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]) / 2
    down = (padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]) / 2
    direction = torch.atan2(down, right) * (orientations / (2 * math.pi))  # in steps, at most half a turn
    steps = torch.arange(orientations).view(1, -1, 1, 1)
    half = orientations / 2
    # On a circle the distance is half - ||difference| - half|; a share is 1 minus it, if positive.
    shares = (direction - torch.where(steps < half, steps, steps - orientations)).abs_().sub_(half).abs_()
    return shares.sub_(half - 1).relu_().mul_(torch.hypot(right, down))


def oriented_gradients(images: Tensor, *, orientations: int = 8, cells: Sequence[int] = (4, 7)) -> Tensor:
    """Histograms of oriented gradients: how steep, in which direction, in which cell.

    Cells of the given sides, in pixels, overlap by half. Each cell's histogram is divided by its
    length, so that faint strokes count, and its square root taken (the Hellinger kernel's map).
    Returns ``[n, orientations · cells]`` in [0, 1], 1,864 numbers for 28×28 images.
    Source: Dalal and Triggs 2005, "Histograms of oriented gradients for human detection".

    Raises:
        ValueError: not ink ``[n, 1, height, width]``.
    """

    def histograms(batch: Tensor) -> Tensor:
        maps = orientation_maps(batch, orientations=orientations)
        pooled = [avg_pool2d(maps, side, max(1, side // 2)) for side in cells]
        # Not norm(), which is 20 times slower along this axis. The 0.05 keeps cells with next to no ink near zero.
        pooled = [cell / (cell.square().sum(dim=1, keepdim=True).sqrt_() + 0.05) for cell in pooled]
        return torch.cat([cell.flatten(start_dim=1) for cell in pooled], dim=1).sqrt_()

    return _in_batches(histograms, images)


def gradient_autocorrelations(
    images: Tensor,
    *,
    orientations: int = 8,
    blur: float = 0.6,
    cell: int = 4,
    stride: int = 3,
    displacements: Sequence[tuple[int, int]] = ((0, 1), (1, 0), (1, 1), (1, -1)),
) -> Tensor:
    """How often direction a at one place meets direction b at the next: corners, curves, line ends.

    The maps of all orientations are halved in size. In each cell the products of two maps, one
    of them displaced by (down, right), are averaged; so are the maps themselves. All numbers
    are square roots. ``cell``, ``stride`` and ``displacements`` are in pixels of the halved maps.
    Returns ``[n, cells · orientations · (1 + displacements · orientations)]`` in [0, 1], cell by
    cell the averages first: 4,224 numbers for 28×28 images.
    Source: Kobayashi and Otsu 2008, "Image feature extraction using gradient local
    auto-correlations".

    Raises:
        ValueError: not ink ``[n, 1, height, width]``.
    """
    reach = max(abs(step) for displacement in displacements for step in displacement)

    def windows(maps: Tensor) -> Tensor:
        """Maps ``[n, height, width, k]`` cut into ``[n · cells, cell², k]``."""
        cut = maps.unfold(1, cell, stride).unfold(2, cell, stride).permute(0, 1, 2, 4, 5, 3)
        return cut.reshape(-1, cell * cell, maps.shape[3])

    def correlations(batch: Tensor) -> Tensor:
        maps = avg_pool2d(orientation_maps(batch, orientations=orientations, blur=blur), 2).permute(0, 2, 3, 1)
        height, width = maps.shape[1:3]
        padded = pad(maps, (0, 0, reach, reach, reach, reach))
        moved = [padded[:, reach + y : reach + y + height, reach + x : reach + x + width] for y, x in displacements]
        here = windows(maps)
        products = here.mT @ windows(torch.cat(moved, dim=3))  # [n · cells, orientations, moved]
        means = torch.cat([here.sum(dim=1), products.flatten(start_dim=1)], dim=1) / cell**2
        return means.sqrt_().view(len(batch), -1)

    return _in_batches(correlations, images)


def check_ink(images: Tensor) -> None:
    """Refuse what is not ink.

    Raises:
        ValueError: not float ``[n, 1, height, width]``, with negative numbers, or plainly with grey values up to 255.
    """
    if images.ndim != 4 or images.shape[1] != 1 or not images.is_floating_point():
        raise ValueError(f"features need float images [n, 1, height, width], not {images.dtype} {list(images.shape)}")
    if images.numel() and not -1e-3 <= images.min() <= images.max() <= MOST_INK:
        held = f"hold numbers from {images.min():g} to {images.max():g}"
        raise ValueError(
            f"features need ink in [0, 1], and these images {held}: use dataset.to_unit(), or divide by 255"
        )


def _in_batches(function: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Apply a function batch by batch, so that memory holds little more than the result."""
    check_ink(images)
    example = function(images.new_zeros(1, *images.shape[1:]))
    results = example.new_empty(len(images), *example.shape[1:])
    for start in range(0, len(images), BATCH):
        results[start : start + BATCH] = function(images[start : start + BATCH])
    return results
