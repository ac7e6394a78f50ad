"""Ways to move and to spoil images of ink: float ``[n, 1, height, width]`` in [0, 1], 0 for paper."""

from __future__ import annotations

from collections.abc import Callable

from mnist_lr_helpers.features import check_ink

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

Perturbation = tuple[str, tuple[float, ...], Callable[[Tensor, float], Tensor]]  # unit, strengths, what it does


def warp(
    images: Tensor,
    *,
    scale: float | Tensor = 1.0,
    across: float | Tensor = 1.0,
    slant: float | Tensor = 0.0,
    angle: float | Tensor = 0.0,
    shift: tuple[float | Tensor, float | Tensor] = (0.0, 0.0),
) -> Tensor:
    """Stretch, slant and turn the ink about the middle of the image, then move it.

    Args:
        images: ink ``[n, 1, height, width]``; what comes in from outside is paper.
        scale: factor in both directions. This and all that follow: one number, or one per image ``[n]``.
        across: another factor for the width alone.
        slant: pixels to the right per pixel up.
        angle: degrees, clockwise.
        shift: pixels to the right, and pixels down.

    Returns:
        Ink, same shape, interpolated linearly (``affine_grid`` and ``grid_sample`` of PyTorch).
        Source: Jaderberg, Simonyan, Zisserman and Kavukcuoglu 2015, "Spatial transformer networks".

    Raises:
        ValueError: not ink ``[n, 1, height, width]``.
    """
    check_ink(images)
    n, _, height, width = images.shape
    numbers = (torch.as_tensor(one, dtype=torch.float32) for one in (scale, across, slant, angle, *shift))
    scale, across, slant, angle, dx, dy = (one.expand(n) for one in numbers)
    cosine, sine = torch.deg2rad(angle).cos() / scale, torch.deg2rad(angle).sin() / scale
    # Where each pixel of the new image lies in the old one, from the middle and in pixels: all steps backwards.
    where = torch.stack([(cosine - slant * sine) / across, (sine + slant * cosine) / across, -sine, cosine], dim=1)
    where = where.view(n, 2, 2)
    where = torch.cat([where, -where @ torch.stack([dx, dy], dim=1)[:, :, None]], dim=2)
    # The grid's coordinates run from -1 to 1 in both directions, so that a pixel is 2/width across and 2/height down.
    half = torch.tensor([width, height]) / 2
    where /= torch.cat([half[:, None] / half, half[:, None]], dim=1)
    return grid_sample(images, affine_grid(where, list(images.shape), align_corners=False), align_corners=False)


def perturbations(n: int, *, generator: torch.Generator) -> dict[str, Perturbation]:
    """Seven ways to spoil ``n`` images of 28×28, at five strengths each.

    Each image keeps its own direction at all strengths: right, left, up or down, left or right turn,
    larger or smaller. So does its noise, which is drawn once. Nothing else is random.
    Returns name → (unit of the strength, strengths, function of ink ``[n, 1, 28, 28]`` and strength that
    returns ink of the same shape).
    Source: Hendrycks and Dietterich 2019, "Benchmarking neural network robustness to common
    corruptions and perturbations" (the idea of several kinds at five strengths).

    Raises:
        ValueError: from the functions, for another number or size of images.
    """
    from torchvision.transforms.v2.functional import gaussian_blur

    sign = torch.randint(2, (n,), generator=generator) * 2.0 - 1
    compass = torch.tensor([(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)])
    east, north = compass[torch.randint(4, (n,), generator=generator)].T
    noise = torch.randn(n, 1, 28, 28, generator=generator)
    tenths = (0.1, 0.2, 0.3, 0.4, 0.5)

    def kind(unit: str, strengths: tuple[float, ...], change: Callable[[Tensor, float], Tensor]) -> Perturbation:
        def spoil(ink: Tensor, strength: float) -> Tensor:
            if ink.shape != noise.shape:
                raise ValueError(f"directions and noise are for images {list(noise.shape)}, not {list(ink.shape)}")
            return change(ink, strength)

        return unit, strengths, spoil

    return {
        "shift": kind("pixels", (1, 2, 3, 4, 5), lambda ink, s: warp(ink, shift=(s * east, s * north))),
        "rotation": kind("degrees", (10, 20, 30, 40, 50), lambda ink, s: warp(ink, angle=s * sign)),
        "scale": kind("x; × or ÷ (1 + x)", tenths, lambda ink, s: warp(ink, scale=(1 + s) ** sign)),
        "noise": kind("sd, ink = 1", tenths, lambda ink, s: (ink + s * noise).clamp(0, 1)),
        "blur": kind("sd, pixels", (0.5, 1.0, 1.5, 2.0, 3.0), lambda ink, s: gaussian_blur(ink, [13, 13], [s, s])),
        "lost contrast": kind("share lost", (0.2, 0.4, 0.6, 0.8, 0.9), lambda ink, s: (1 - s) * ink),
        "inversion": kind("share inverted", (0.2, 0.4, 0.5, 0.6, 1.0), lambda ink, s: (1 - s) * ink + s * (1 - ink)),
    }
