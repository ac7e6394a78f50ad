"""Features on hand-made images: moments, upright digits, directions, pairs of neighbours."""

import math

from mnist_lr_helpers import features

import pytest
import torch
from conftest import bar, noise
from torch import Tensor

FUNCTIONS = {
    "moments": lambda images: torch.cat([part.flatten(start_dim=1) for part in features.moments(images)], dim=1),
    "slant": features.slant,
    "deskew": lambda images: features.deskew(images, spread=(3.4, 4.5)),
    "orientation_maps": lambda images: features.orientation_maps(images, blur=0.6),
    "oriented_gradients": features.oriented_gradients,
    "gradient_autocorrelations": features.gradient_autocorrelations,
}
every_function = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)


# Shapes and what every function has in common


@pytest.mark.parametrize("n", [0, 1, 3])
def test_shapes(n: int) -> None:
    images = noise(n)
    centre, covariance = features.moments(images)
    assert (centre.shape, covariance.shape) == ((n, 2), (n, 2, 2))
    assert features.slant(images).shape == (n,)
    assert features.deskew(images).shape == images.shape
    assert features.orientation_maps(images, orientations=6).shape == (n, 6, 28, 28)
    assert features.oriented_gradients(images).shape == (n, 1_864)
    assert features.oriented_gradients(images, orientations=6, cells=(5,)).shape == (n, 6 * 12 * 12)
    assert features.gradient_autocorrelations(images).shape == (n, 4_224)
    few = features.gradient_autocorrelations(images, orientations=4, cell=7, stride=7, displacements=((0, 1),))
    assert few.shape == (n, 4 * 4 * (1 + 4))


@every_function
def test_an_image_does_not_depend_on_its_batch(function, monkeypatch: pytest.MonkeyPatch) -> None:
    images = noise(10)
    before, together = images.clone(), function(images)
    monkeypatch.setattr(features, "BATCH", 4)
    assert torch.allclose(function(images), together, atol=1e-5)
    assert torch.allclose(torch.cat([function(image[None]) for image in images]), together, atol=1e-5)
    assert torch.equal(images, before)


@every_function
def test_an_image_without_ink_is_no_trouble(function) -> None:
    assert not function(torch.zeros(2, 1, 28, 28)).any()


@pytest.mark.parametrize("function", [features.oriented_gradients, features.gradient_autocorrelations])
def test_histograms_fit_into_a_byte(function) -> None:
    values = function((noise(20) > 0.5).float())
    assert values.min() >= 0
    assert 0.2 < values.max() <= 1


@every_function
@pytest.mark.parametrize(
    ("images", "word"),
    [
        (noise(2) - 0.5, "hold numbers from -0"),
        (noise(2) * 255, "divide by 255"),
        (noise(2) * math.nan, "hold numbers from nan"),
        ((255 * noise(2)).byte(), "uint8"),
        (noise(2)[:, 0], r"\[2, 28, 28\]"),
        (noise(2).flatten(start_dim=1), r"\[2, 784\]"),
        (noise(2).expand(2, 3, 28, 28), r"\[2, 3, 28, 28\]"),
    ],
)
def test_what_is_no_ink_is_refused(function, images: Tensor, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        function(images)


# Moments and upright digits


def test_moments_of_a_known_blob() -> None:
    images = torch.zeros(2, 1, 28, 28)
    images[0, 0, 4:7, 10:15] = 0.5  # 3 rows and 5 columns about (x, y) = (12, 5); the middle is (13.5, 13.5)
    images[1, 0, 10, 10] = images[1, 0, 14, 12] = 1.0  # two points: 2 to the right, 4 down
    centre, covariance = features.moments(images)
    assert torch.allclose(centre, torch.tensor([[-1.5, -8.5], [-2.5, -1.5]]), atol=1e-4)
    rectangle = [[(5**2 - 1) / 12, 0.0], [0.0, (3**2 - 1) / 12]]
    assert torch.allclose(covariance, torch.tensor([rectangle, [[1.0, 2.0], [2.0, 4.0]]]), atol=1e-3)


def test_moments_count_grey_by_its_ink() -> None:
    image = torch.zeros(1, 1, 20, 30)
    image[0, 0, 5, 10], image[0, 0, 5, 14] = 0.75, 0.25
    centre, covariance = features.moments(image)
    assert torch.allclose(centre, torch.tensor([[11 - 14.5, 5 - 9.5]]))
    assert torch.allclose(covariance, torch.tensor([[[3.0, 0.0], [0.0, 0.0]]]), atol=1e-4)


def test_faint_ink_has_the_moments_of_strong_ink_and_precision_is_kept() -> None:
    image = bar(0.3)
    for found, expected in zip(features.moments(1e-4 * image), features.moments(image), strict=True):
        assert torch.allclose(found, expected, atol=1e-3)
    for found, expected in zip(features.moments(image.double()), features.moments(image), strict=True):
        assert found.dtype == torch.float64
        assert torch.allclose(found.float(), expected, atol=1e-3)


def test_ink_of_two_rows_has_a_slant() -> None:
    image = torch.zeros(1, 1, 28, 28)
    image[0, 0, 10, 10] = image[0, 0, 11, 11] = 1.0  # its variance down is a quarter of a pixel
    assert features.slant(image).item() == pytest.approx(-45, abs=0.01)


@pytest.mark.parametrize("degrees", [-30.0, 0.0, 20.0])
@pytest.mark.parametrize("size", [(28, 28), (24, 40)])
def test_slant_is_the_angle_of_a_stroke_and_positive_to_the_right(degrees: float, size: tuple[int, int]) -> None:
    stroke = bar(-math.tan(math.radians(degrees)), *size)  # a stroke that leans right goes left on its way down
    moved = torch.cat([stroke, stroke.roll((2, -3), dims=(2, 3)), 0.3 * stroke])
    assert features.slant(moved).tolist() == pytest.approx([degrees] * 3, abs=0.1)


def test_slant_by_hand() -> None:
    """The covariance of x and y over the variance of y, as an angle."""
    for image, found in zip(noise(3, 5, 7)[:, 0].tolist(), features.slant(noise(3, 5, 7)).tolist(), strict=True):
        places = [(x, -y, ink) for y, row in enumerate(image) for x, ink in enumerate(row)]
        total = sum(ink for *_, ink in places)
        middle_x, middle_y = (sum(place[i] * place[2] for place in places) / total for i in (0, 1))
        xy = sum((x - middle_x) * (y - middle_y) * ink for x, y, ink in places)
        yy = sum((y - middle_y) ** 2 * ink for _, y, ink in places)
        assert found == pytest.approx(math.degrees(math.atan(xy / yy)), abs=1e-3)


def test_deskewing_takes_back_the_slant() -> None:
    leaning = torch.cat([bar(slope) for slope in (-0.5, -0.2, 0.4)])
    assert features.slant(leaning).abs().min() > 10
    assert features.slant(features.deskew(leaning)).abs().max() < 0.5


def test_a_line_one_pixel_high_has_no_slant() -> None:
    """Its variance down is zero, and what rounding leaves beside it must not become an angle."""
    lines = torch.zeros(20, 1, 28, 28)
    for row, image in enumerate(lines[:, 0]):
        image[row + 4, row : row + 9] = noise(1, 9)[0, 0]
    assert features.slant(lines).abs().max() < 2
    assert (features.deskew(lines).sum(dim=(1, 2, 3)) - lines.sum(dim=(1, 2, 3))).abs().max() < 0.05


@pytest.mark.parametrize("size", [(28, 28), (24, 40)])
@pytest.mark.parametrize("slope", [-0.4, 0.3])
def test_a_sheared_bar_becomes_upright_and_centred(slope: float, size: tuple[int, int]) -> None:
    sheared = bar(slope, *size).roll((2, -1), dims=(2, 3))
    assert features.moments(sheared)[1][0, 0, 1].abs() > 3
    result = features.deskew(sheared)
    centre, covariance = features.moments(result)
    assert centre.abs().max() < 0.05
    assert covariance[0, 0, 1].abs() < 0.1
    assert (result - bar(0.0, *size)).abs().max() < 0.2
    assert (sheared - bar(0.0, *size)).abs().max() > 0.9


def test_deskewing_undoes_shifts() -> None:
    image = bar(0.3)
    moved = torch.cat([image.roll(shift, dims=(2, 3)) for shift in ((0, 0), (3, 0), (-2, 2), (1, -3))])
    for spread in (None, (3.0, 5.0)):
        results = features.deskew(moved, spread=spread)
        assert torch.allclose(results, results[:1].expand_as(results), atol=1e-4)


def test_spread_is_a_size_in_pixels() -> None:
    image = bar(0.3)
    _, covariance = features.moments(features.deskew(image, spread=(2.0, 4.0), strength=1.0))
    assert covariance[0, 0, 0].sqrt() == pytest.approx(2.0, rel=0.05)
    assert covariance[0, 1, 1].sqrt() == pytest.approx(4.0, rel=0.05)
    unchanged = features.deskew(image, spread=(2.0, 4.0), strength=0.0)
    assert torch.allclose(unchanged, features.deskew(image), atol=1e-5)
    halfway = features.moments(features.deskew(image, spread=(2.0, 4.0)))[1]
    before = features.moments(features.deskew(image))[1]
    assert halfway[0, 1, 1].sqrt() == pytest.approx((4.0 * before[0, 1, 1].sqrt().item()) ** 0.5, rel=0.05)


def test_thin_ink_is_spread_too() -> None:
    """Two pixels wide, its standard deviation is half a pixel; to enlarge it softens its edges, which adds a little."""
    image = torch.zeros(1, 1, 28, 28)
    image[0, 0, 10:18, 13:15] = 1.0
    for thin, axis in ((image, 0), (image.mT, 1)):
        _, covariance = features.moments(features.deskew(thin, spread=(2.0, 2.0), strength=1.0))
        assert 1.9 < covariance[0, axis, axis].sqrt() < 2.7


# Directions


@pytest.mark.parametrize("turns", range(4))
def test_an_edge_lies_in_the_bin_of_its_direction(turns: int) -> None:
    """Paper on the left and ink on the right is bin 0; each quarter turn clockwise adds 2."""
    image = torch.zeros(1, 1, 28, 28)
    image[:, :, :, 14:] = 1.0
    maps = features.orientation_maps(image.rot90(-turns, dims=(2, 3)))[0, :, 8:20, 8:20]  # without the borders
    assert maps.sum(dim=(1, 2)).nonzero().flatten().tolist() == [2 * turns]
    assert maps[2 * turns].sum().item() == pytest.approx(12 * 2 * 0.5)  # two columns of 12, half a unit of ink each
    histograms = features.oriented_gradients(image.rot90(-turns, dims=(2, 3)), cells=(4,)).view(8, 13, 13)
    assert histograms[:, 6, 6].argmax() == 2 * turns
    assert histograms[2 * turns, 6, 6] > 0.9
    others = [k for k in range(8) if k != 2 * turns]
    assert histograms[others, 6, 6].max() < 1e-3


def test_a_direction_between_two_bins_is_shared() -> None:
    down, right = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    angle = math.radians(30)  # two thirds of the way from bin 0 to bin 1
    image = (0.02 * (right * math.cos(angle) + down * math.sin(angle)))[None, None]
    maps = features.orientation_maps(image)[0, :, 5:-5, 5:-5]
    assert torch.allclose(maps[0], torch.tensor(0.02 / 3), atol=1e-5)
    assert torch.allclose(maps[1], torch.tensor(0.04 / 3), atol=1e-5)
    assert maps[2:].max() < 1e-5


def test_histograms_are_scaled_and_their_root_is_taken() -> None:
    ramp = (0.02 * torch.arange(28.0)).expand(1, 1, 28, 28)
    histogram = features.oriented_gradients(ramp, cells=(4,)).view(8, 13, 13)[:, 6, 6]
    assert histogram[0].item() == pytest.approx(math.sqrt(0.02 / (0.02 + 0.05)), rel=1e-4)
    mixed = features.oriented_gradients(noise(3), cells=(4, 7))
    for start, stop, side in ((0, 8 * 169, 13), (8 * 169, 1_864, 8)):
        lengths = mixed[:, start:stop].view(3, 8, side, side).square().norm(dim=1)  # undoes the root
        assert (lengths < 1).all()
        assert (lengths > 0.4).all()


@pytest.mark.parametrize("blur", [0.6, 1.5])
def test_blur_spreads_a_point_as_a_gaussian_does(blur: float) -> None:
    image = torch.zeros(1, 1, 28, 28)
    image[0, 0, 14, 14] = 1.0
    reach = math.ceil(3 * blur)
    weights = [math.exp(-(d**2) / (2 * blur**2)) for d in range(-reach, reach + 1)]
    weights = [w / sum(weights) for w in weights]
    edge = features.orientation_maps(image, blur=blur)[0, 0, 14, 13]  # on the left of the point: more ink to the right
    assert edge.item() == pytest.approx(weights[reach] * (weights[reach] - weights[reach - 2]) / 2, rel=1e-4)


# Pairs of neighbours


def slow_maps(image: list[list[float]], k: int) -> list[list[list[float]]]:
    """Steepness by direction, pixel by pixel."""
    height, width = len(image), len(image[0])
    maps = [[[0.0] * width for _ in range(height)] for _ in range(k)]

    def ink(y: int, x: int) -> float:
        return image[y][x] if 0 <= y < height and 0 <= x < width else 0.0

    for y in range(height):
        for x in range(width):
            right, down = (ink(y, x + 1) - ink(y, x - 1)) / 2, (ink(y + 1, x) - ink(y - 1, x)) / 2
            step = math.atan2(down, right) % (2 * math.pi) * k / (2 * math.pi)
            first, share = math.floor(step), step % 1
            maps[first % k][y][x] += (1 - share) * math.hypot(right, down)
            maps[(first + 1) % k][y][x] += share * math.hypot(right, down)
    return maps


def slow_autocorrelations(image: list[list[float]], k: int, cell: int, stride: int, displacements) -> list[float]:
    """Every product on its own."""
    full = slow_maps(image, k)
    side = len(image) // 2
    corners = ((0, 0), (0, 1), (1, 0), (1, 1))
    halved = [
        [[sum(one[2 * y + i][2 * x + j] for i, j in corners) / 4 for x in range(side)] for y in range(side)]
        for one in full
    ]

    def at(direction: int, y: int, x: int) -> float:
        return halved[direction][y][x] if 0 <= y < side and 0 <= x < side else 0.0

    results = []
    for top in range(0, side - cell + 1, stride):
        for left in range(0, side - cell + 1, stride):
            places = [(y, x) for y in range(top, top + cell) for x in range(left, left + cell)]
            results += [sum(at(a, y, x) for y, x in places) for a in range(k)]
            for a in range(k):
                for down, right in displacements:
                    for b in range(k):
                        results.append(sum(at(a, y, x) * at(b, y + down, x + right) for y, x in places))
    return [math.sqrt(value / cell**2) for value in results]


@pytest.mark.parametrize(
    ("k", "cell", "stride", "displacements"),
    [(8, 4, 3, ((0, 1), (1, 0), (1, 1), (1, -1))), (5, 3, 2, ((0, 2), (-1, 1)))],
)
def test_autocorrelations_agree_with_a_slow_loop(k: int, cell: int, stride: int, displacements) -> None:
    images = noise(2, 14, 14)
    fast = features.gradient_autocorrelations(
        images, orientations=k, blur=0.0, cell=cell, stride=stride, displacements=displacements
    )
    for image, values in zip(images[:, 0].tolist(), fast, strict=True):
        slow = torch.tensor(slow_autocorrelations(image, k, cell, stride, displacements))
        assert torch.allclose(values, slow, atol=1e-5)


def test_autocorrelations_blur_first() -> None:
    images = noise(2)
    sharp = features.gradient_autocorrelations(images, blur=0.0)
    assert not torch.allclose(features.gradient_autocorrelations(images), sharp, atol=1e-2)
    settings = {"orientations": 8, "cell": 4, "stride": 3, "displacements": ((0, 1), (1, 0), (1, 1), (1, -1))}
    assert torch.equal(
        features.gradient_autocorrelations(images), features.gradient_autocorrelations(images, blur=0.6, **settings)
    )
