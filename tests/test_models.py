"""Shapes, counts, initialisation from the passed generator alone."""

import math

import pytest
import torch
from conftest import seeded
from torch.nn.functional import cross_entropy

from mnist_lr_helpers import models


def test_counts_of_the_course() -> None:
    logistic = models.LogisticRegression(initialisation="zeros")
    assert models.parameter_count(logistic) == 7_850
    assert models.parameter_bytes(logistic) == 31_400
    assert models.parameter_count(models.MultilayerPerceptron([512], generator=seeded())) == 407_050


@pytest.mark.parametrize(
    "build",
    [
        lambda g: models.LogisticRegression(generator=g),
        lambda g: models.MultilayerPerceptron([64, 32], generator=g),
        lambda g: models.ConvolutionalNetwork((4, 8), generator=g),
    ],
)
def test_models_are_seeded_by_their_generator_and_nothing_else(build) -> None:
    images = torch.rand(5, 1, 28, 28, generator=seeded(9))
    before = torch.get_rng_state()
    first, same, other = build(seeded(1)), build(seeded(1)), build(seeded(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first(images), same(images))
    assert not torch.equal(first(images), other(images))
    assert first(images).shape == (5, 10)
    assert torch.allclose(first.predict_proba(images).sum(dim=1), torch.ones(5))


def test_zero_weights_start_at_the_loss_of_guessing() -> None:
    model = models.LogisticRegression(initialisation="zeros")
    loss = cross_entropy(model(torch.rand(8, 1, 28, 28, generator=seeded())), torch.arange(8))
    assert loss.item() == pytest.approx(math.log(10))


def test_xavier_bound() -> None:
    weights = models.LogisticRegression(generator=seeded()).linear.weight
    bound = math.sqrt(6 / (784 + 10))
    assert weights.abs().max() <= bound
    assert weights.abs().max() > 0.99 * bound


@pytest.mark.parametrize("arguments", [{"initialisation": "magic"}, {"initialisation": "xavier", "generator": None}])
def test_bad_initialisation_is_named(arguments: dict) -> None:
    with pytest.raises(ValueError, match="initialisation"):
        models.LogisticRegression(**arguments)
