"""Logits by hand, counts, initialisation from the passed generator alone."""

import math

from mnist_lr_helpers import models

import pytest
import torch
from conftest import noise, seeded
from torch.nn.functional import conv2d, cross_entropy, linear, max_pool2d

BUILDS = {
    "logistic, xavier": lambda generator: models.LogisticRegression(generator=generator),
    "logistic, torch": lambda generator: models.LogisticRegression(initialisation="torch", generator=generator),
    "perceptron": lambda generator: models.MultilayerPerceptron([64, 32], generator=generator),
    "network": lambda generator: models.ConvolutionalNetwork((4, 8), generator=generator),
}
every_model = pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS)


# What the models compute


def test_logistic_regression_by_hand() -> None:
    model, images = models.LogisticRegression(generator=seeded()), noise(5)
    expected = torch.stack([(model.linear.weight * image.flatten()).sum(dim=1) for image in images])
    assert torch.allclose(model(images), expected + model.linear.bias, atol=1e-5)
    assert torch.equal(model(images), model(images.flatten(start_dim=1)))
    assert models.LogisticRegression(3, 2, initialisation="zeros")(torch.ones(4, 3)).shape == (4, 2)


def test_perceptron_by_hand() -> None:
    """ReLU after each hidden layer, none after the last."""
    model, images = models.MultilayerPerceptron([6, 5], n_classes=4, generator=seeded()), noise(9)
    first_weight, first_bias, second_weight, second_bias, weight, bias = model.parameters()
    first = linear(images.flatten(start_dim=1), first_weight, first_bias)
    second = linear(first.clamp(min=0), second_weight, second_bias)
    assert (first < 0).any()
    assert (second < 0).any()
    logits = model(images)
    assert (logits < 0).any()
    assert torch.allclose(logits, linear(second.clamp(min=0), weight, bias), atol=1e-6)
    assert [list(w.shape) for w in (first_weight, second_weight, weight)] == [[6, 784], [5, 6], [4, 5]]


def test_perceptron_without_hidden_layers_is_softmax_regression() -> None:
    model, images = models.MultilayerPerceptron((), n_features=12, n_classes=3, generator=seeded()), noise(4, 3, 4)
    weight, bias = model.parameters()
    assert torch.allclose(model(images), images.flatten(start_dim=1) @ weight.T + bias, atol=1e-6)


@pytest.mark.parametrize(("channels", "side"), [((3,), 3), ((1,), 5), ((2, 4), 5), ((2, 3, 4), 1)])
def test_network_by_hand(channels: tuple[int, ...], side: int) -> None:
    """Each block: filters over a padded image, ReLU, the largest of 2×2."""
    model, images = models.ConvolutionalNetwork(channels, kernel_size=side, generator=seeded()), noise(3)
    *blocks, weight, bias = model.parameters()
    maps = images - 0.5
    for filters, offset in zip(blocks[::2], blocks[1::2], strict=True):
        assert filters.shape[2:] == (side, side)
        answers = conv2d(maps, filters, offset, padding=(side - 1) // 2)
        assert (max_pool2d(answers, 2) < 0).any(), "the ReLU must have something to do"
        maps = max_pool2d(answers.clamp(min=0), 2)
    assert maps.shape[2] == 28 // 2 ** len(channels)
    assert torch.allclose(model(images - 0.5), linear(maps.flatten(start_dim=1), weight, bias), atol=1e-5)
    assert weight.shape[0] == 10


@every_model
def test_probabilities_are_the_softmax_of_each_row(build) -> None:
    model, images = build(seeded()), 3 * noise(5)
    logits = model(images).exp()
    assert logits.shape == (5, 10)
    assert torch.allclose(model.predict_proba(images), logits / logits.sum(dim=1, keepdim=True), atol=1e-6)


def test_filters_that_would_move_the_image_are_refused() -> None:
    with pytest.raises(ValueError, match="kernel_size is 4"):
        models.ConvolutionalNetwork((2,), kernel_size=4, generator=seeded())


# Sizes


def test_counts_of_the_course() -> None:
    logistic = models.LogisticRegression(initialisation="zeros")
    assert models.parameter_count(logistic) == 7_850
    assert models.parameter_count(models.MultilayerPerceptron([512], generator=seeded())) == 407_050
    network = models.ConvolutionalNetwork(generator=seeded())
    assert models.parameter_count(network) == 16 * (25 + 1) + 32 * (16 * 25 + 1) + 10 * (32 * 7 * 7 + 1)


def test_frozen_parameters_take_memory_and_do_not_count() -> None:
    model = models.LogisticRegression(20, 5, initialisation="zeros").double()
    model.linear.bias.requires_grad_(False)
    assert models.parameter_count(model) == 100


def test_the_network_lies_in_memory_as_a_processor_pools_fastest() -> None:
    filters = models.ConvolutionalNetwork((4, 8), generator=seeded()).features[3].weight  # one channel lies both ways
    assert filters.is_contiguous(memory_format=torch.channels_last)


# Initialisation


@every_model
def test_models_are_seeded_by_their_generator_and_nothing_else(build) -> None:
    images = noise(5)
    before = torch.get_rng_state()
    first, same, other = build(seeded(1)), build(seeded(1)), build(seeded(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first(images), same(images))
    assert not torch.equal(first(images), other(images))


def test_zero_weights_start_at_the_loss_of_guessing() -> None:
    model = models.LogisticRegression(initialisation="zeros")
    assert not any(parameter.any() for parameter in model.parameters())
    loss = cross_entropy(model(noise(8)), torch.arange(8))
    assert loss.item() == pytest.approx(math.log(10))


def fills(values: torch.Tensor, bound: float) -> None:
    """Values are spread evenly from -bound to bound."""
    assert values.abs().max() <= bound
    assert values.abs().max() > 0.9 * bound
    assert values.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.2)
    assert values.mean().item() == pytest.approx(0, abs=0.2 * bound)


def test_xavier_fills_its_bound_and_leaves_biases_at_zero() -> None:
    layer = models.LogisticRegression(generator=seeded()).linear
    fills(layer.weight, math.sqrt(6 / (784 + 10)))
    assert not layer.bias.any()


@pytest.mark.parametrize(
    ("build", "fan_ins"),
    [
        (lambda g: models.LogisticRegression(100, 90, initialisation="torch", generator=g), [100]),
        (lambda g: models.MultilayerPerceptron([200, 100], n_classes=80, generator=g), [784, 200, 100]),
        (lambda g: models.ConvolutionalNetwork((60, 80), n_classes=90, generator=g), [25, 1_500, 3_920]),
    ],
)
def test_the_default_of_torch_fills_its_bound_in_every_layer(build, fan_ins: list[int]) -> None:
    """PyTorch draws from ±1/√(inputs of a neuron), weights and biases."""
    parameters = list(build(seeded(3)).parameters())
    assert len(parameters) == 2 * len(fan_ins)
    for weight, bias, fan_in in zip(parameters[::2], parameters[1::2], fan_ins, strict=True):
        fills(weight, 1 / math.sqrt(fan_in))
        fills(bias, 1 / math.sqrt(fan_in))


def test_the_default_of_torch_is_as_wide_as_torch_makes_it() -> None:
    torch.manual_seed(0)
    theirs = torch.nn.Linear(300, 200)
    ours = models.LogisticRegression(300, 200, initialisation="torch", generator=seeded()).linear
    assert ours.weight.std().item() == pytest.approx(theirs.weight.std().item(), rel=0.02)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"initialisation": "magic"}, "'magic'; choose one of xavier, zeros, torch"),
        (
            {"initialisation": "xavier"},
            r"'xavier' draws random weights: pass generator=torch.Generator\(\).manual_seed\(…\)$",
        ),
        ({"initialisation": "torch", "generator": None}, "'torch' draws random weights"),
    ],
)
def test_bad_initialisation_is_named(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        models.LogisticRegression(**arguments)
