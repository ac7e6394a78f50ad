"""Moving and spoiling hand-made images: where the ink goes, and how much of it is left."""

import math
from collections.abc import Callable

from mnist_lr_helpers import features, warps

import pytest
import torch
from conftest import bar, noise, seeded
from torch import Tensor

STRENGTHS = {
    "shift": ("pixels", (1, 2, 3, 4, 5)),
    "rotation": ("degrees", (10, 20, 30, 40, 50)),
    "scale": ("x; × or ÷ (1 + x)", (0.1, 0.2, 0.3, 0.4, 0.5)),
    "noise": ("sd, ink = 1", (0.1, 0.2, 0.3, 0.4, 0.5)),
    "blur": ("sd, pixels", (0.5, 1.0, 1.5, 2.0, 3.0)),
    "lost contrast": ("share lost", (0.2, 0.4, 0.6, 0.8, 0.9)),
    "inversion": ("share inverted", (0.2, 0.4, 0.5, 0.6, 1.0)),
}


def in_every_way(images: Tensor) -> Tensor:
    return warps.warp(images, scale=1.1, across=0.9, slant=0.2, angle=20.0, shift=(1.5, -1.0))


# Warping


@pytest.mark.parametrize("n", [1, 3])
def test_a_warped_image_keeps_its_shape_and_does_not_depend_on_its_batch(n: int) -> None:
    images = noise(n, 28, 20)
    before, together = images.clone(), in_every_way(images)
    assert together.shape == images.shape
    assert torch.equal(images, before)
    for image, warped in zip(images, together, strict=True):
        assert torch.allclose(in_every_way(image[None])[0], warped, atol=1e-5)


def test_paper_stays_paper() -> None:
    assert not in_every_way(torch.zeros(2, 1, 28, 28)).any()
    moved = warps.warp(torch.ones(1, 1, 28, 28), shift=(5, 0))
    assert moved[0, 0, 10].tolist() == pytest.approx([0.0] * 5 + [1.0] * 23, abs=1e-5)


@pytest.mark.parametrize(
    ("images", "word"),
    [
        (noise(2) - 0.5, "hold numbers from -"),
        ((255 * noise(2)).byte(), "uint8"),
        (noise(2)[:, 0], r"\[2, 28, 28\]"),
        (noise(2).expand(2, 3, 28, 28), r"\[2, 3, 28, 28\]"),
    ],
)
def test_what_is_no_ink_is_refused(images: Tensor, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        warps.warp(images, shift=(1, 0))


def test_whole_pixels_and_quarter_turns_need_no_interpolation() -> None:
    images = noise(3, 20, 20)
    moved = torch.nn.functional.pad(images, (2, 0, 0, 3))[:, :, 3:, :20]
    assert torch.allclose(warps.warp(images), images, atol=1e-5)
    assert torch.allclose(warps.warp(images, shift=(2, -3)), moved, atol=1e-4)
    assert torch.allclose(warps.warp(images, angle=90.0), images.rot90(-1, dims=(2, 3)), atol=1e-4)
    doubled = warps.warp(noise(1, 4, 4), scale=2.0)  # each old pixel of the middle is about four new ones
    assert doubled.mean().item() == pytest.approx(noise(1, 4, 4)[:, :, 1:3, 1:3].mean().item(), abs=0.15)


@pytest.mark.parametrize("size", [(28, 28), (24, 40)])
def test_warping_changes_the_moments_as_it_says(size: tuple[int, int]) -> None:
    """Stretch by S, slant by L, turn by R: the covariance C becomes R L S C S Lᵀ Rᵀ, and the centre moves last."""
    image = bar(0.3, *size)
    centre, covariance = (moment[0] for moment in features.moments(image))
    cosine, sine = math.cos(math.radians(15)), math.sin(math.radians(15))
    forward = torch.tensor([[cosine, -sine], [sine, cosine]]) @ torch.tensor([[1.0, -0.2], [0.0, 1.0]])
    forward = forward @ torch.diag(torch.tensor([0.9 * 1.2, 0.9]))
    warped = warps.warp(image, scale=0.9, across=1.2, slant=0.2, angle=15.0, shift=(1.0, -2.0))
    new_centre, new = (moment[0] for moment in features.moments(warped))
    assert torch.allclose(new_centre, forward @ centre + torch.tensor([1.0, -2.0]), atol=0.05)
    assert torch.allclose(new, forward @ covariance @ forward.T, atol=0.6)


def test_a_slanted_stroke_leans_right_and_deskewing_takes_it_back() -> None:
    leaning = warps.warp(bar(0.0), slant=0.4)
    assert features.slant(leaning).item() == pytest.approx(math.degrees(math.atan(0.4)), abs=0.3)
    assert (features.deskew(leaning) - bar(0.0)).abs().max() < 0.2


def test_each_image_can_be_warped_in_its_own_way() -> None:
    ways = {
        "scale": torch.tensor([1.0, 0.8, 1.3]),
        "across": torch.tensor([0.7, 1.0, 1.2]),
        "slant": torch.tensor([0.3, -0.2, 0.0]),
        "angle": torch.tensor([10.0, -20.0, 0.0]),
    }
    shift = torch.tensor([[1.0, 0.0, -2.5], [0.0, 2.0, -1.0]])  # right, down
    images, together = noise(3), warps.warp(noise(3), **ways, shift=tuple(shift))
    for i in range(3):
        one = {name: values[i].item() for name, values in ways.items()}
        alone = warps.warp(images[i : i + 1], **one, shift=tuple(shift[:, i].tolist()))
        assert torch.allclose(together[i : i + 1], alone, atol=1e-5)
    with pytest.raises(RuntimeError):
        warps.warp(images, angle=torch.tensor([1.0, 2.0]))


# Spoiling


def spoilers(n: int) -> dict[str, Callable[[Tensor, float], Tensor]]:
    return {name: change for name, (_, _, change) in warps.perturbations(n, generator=seeded(3)).items()}


def test_seven_perturbations_at_five_growing_strengths() -> None:
    ink = torch.cat([bar(slope) for slope in (-0.3, 0.0, 0.2, 0.4)])
    spoil = warps.perturbations(len(ink), generator=seeded(3))
    assert {name: (unit, strengths) for name, (unit, strengths, _) in spoil.items()} == STRENGTHS
    for name, (_, strengths, change) in spoil.items():
        spoilt = [change(ink, strength) for strength in strengths]
        assert all(one.shape == ink.shape and one.min() >= 0 and one.max() <= 1 + 1e-5 for one in spoilt), name
        gaps = [(one - ink).square().mean().item() for one in spoilt]
        assert 0 < gaps[0] <= gaps[1] <= gaps[2], name


def directions_of(ink: Tensor, change: Callable, ways: list[Callable], strengths: tuple[float, ...]) -> list[int]:
    """Which of some ways each image went, the same one at all strengths; every way is taken by some image."""
    taken = []
    for strength in strengths:
        spoilt, candidates = change(ink, strength), torch.stack([way(ink, strength) for way in ways])
        gaps = (candidates - spoilt).abs().amax(dim=(2, 3, 4))  # [ways, n]
        assert gaps.amin(dim=0).max() < 1e-4
        taken.append(gaps.argmin(dim=0).tolist())
    assert all(one == taken[0] for one in taken)
    assert set(taken[0]) == set(range(len(ways)))
    return taken[0]


def test_each_image_is_moved_in_its_own_direction() -> None:
    places = {"right": (1, 0), "left": (-1, 0), "down": (0, 1), "up": (0, -1)}
    ways = [lambda ink, s, x=x, y=y: warps.warp(ink, shift=(s * x, s * y)) for x, y in places.values()]
    taken = directions_of(noise(40), spoilers(40)["shift"], ways, (1, 2.5, 5))
    assert max(taken.count(way) for way in range(4)) < 20


def test_each_image_is_turned_in_its_own_direction_by_so_many_degrees() -> None:
    ways = [lambda ink, s: warps.warp(ink, angle=s), lambda ink, s: warps.warp(ink, angle=-s)]
    directions_of(noise(20), spoilers(20)["rotation"], ways, (10, 50))


def test_each_image_becomes_larger_or_smaller() -> None:
    ways = [lambda ink, s: warps.warp(ink, scale=1 + s), lambda ink, s: warps.warp(ink, scale=1 / (1 + s))]
    directions_of(noise(20), spoilers(20)["scale"], ways, (0.1, 0.5))


def test_noise_has_its_standard_deviation_and_is_the_same_at_all_strengths() -> None:
    grey, change = torch.full((30, 1, 28, 28), 0.5), spoilers(30)["noise"]
    weak, strong = (change(grey, s) - 0.5 for s in (0.01, 0.1))
    assert weak.std().item() == pytest.approx(0.01, rel=0.02)
    assert weak.mean().item() == pytest.approx(0, abs=3e-4)
    unclipped = strong.abs() < 0.499
    assert torch.allclose(10 * weak[unclipped], strong[unclipped], atol=1e-5)
    assert (weak[0] - weak[1]).abs().max() > 0.01, "each image has its own noise"
    far = change(grey, 5.0)
    assert (far.min(), far.max()) == (0, 1)


@pytest.mark.parametrize("deviation", [0.5, 1.0, 1.5])
def test_blur_spreads_a_point_as_a_gaussian_does(deviation: float) -> None:
    ink = torch.zeros(1, 1, 28, 28)
    ink[0, 0, 13, 15] = 1.0
    weights = torch.exp(-(torch.arange(-6.0, 7) ** 2) / (2 * deviation**2))
    weights /= weights.sum()
    found = spoilers(1)["blur"](ink, deviation)[0, 0, 7:20, 9:22]
    assert torch.allclose(found, weights[:, None] * weights, atol=1e-5)


@pytest.mark.parametrize("share", [0.2, 0.5, 1.0])
def test_lost_contrast_fades_towards_paper_and_inversion_towards_the_negative(share: float) -> None:
    ink, change = noise(3), spoilers(3)
    assert torch.allclose(change["lost contrast"](ink, share), ink * (1 - share))
    assert torch.allclose(change["inversion"](ink, share), ink + share * (1 - 2 * ink), atol=1e-6)


@pytest.mark.parametrize("name", STRENGTHS)
@pytest.mark.parametrize("shape", [(1, 1, 28, 28), (5, 1, 28, 28), (4, 1, 20, 28), (4, 28, 28)])
def test_perturbations_refuse_images_that_they_were_not_drawn_for(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"images \[4, 1, 28, 28\], not \[" + ", ".join(map(str, shape))):
        spoilers(4)[name](torch.zeros(shape), 0.5)


def test_perturbations_depend_on_their_generator_alone() -> None:
    ink = noise(6)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first, second, other = (warps.perturbations(6, generator=seeded(seed)) for seed in (1, 1, 2))
    for name in ("shift", "rotation", "scale", "noise"):
        assert torch.equal(first[name][2](ink, 0.3), second[name][2](ink, 0.3))
        assert not torch.equal(first[name][2](ink, 0.3), other[name][2](ink, 0.3))
    assert torch.equal(torch.get_rng_state(), state)
