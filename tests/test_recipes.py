"""Recipes: models, images, augmentation and the training that follows from a recipe and a seed."""

import copy

from mnist_lr_helpers import data
from mnist_lr_helpers.models import ConvolutionalNetwork, MultilayerPerceptron
from mnist_lr_helpers.reproduction import recipes
from mnist_lr_helpers.reproduction.recipes import Recipe, seeded
from mnist_lr_helpers.training import TrainingConfig, fit

import pytest
import torch


def test_rearranged_images_are_balanced_sorted_or_repeated() -> None:
    labels = torch.tensor([3, 1, 1, 0, 1, 2, 4, 5, 6, 7, 8, 9])
    split = data.Split(labels[:, None, None, None].float(), labels)
    balanced = recipes.arranged(split, Recipe(arrangement="balanced"), 0)
    assert balanced.labels.bincount().tolist() == [3] * 10
    assert torch.equal(balanced.images.flatten().long(), balanced.labels)
    assert recipes.arranged(split, Recipe(arrangement="sorted"), 0).labels.tolist() == sorted(labels.tolist())
    assert recipes.arranged(split, Recipe(), 0) is split


def test_images_are_turned_by_up_to_10_degrees_and_moved_by_up_to_2_pixels() -> None:
    images = torch.full((4_000, 1, 29, 29), -0.4)
    images[:2_000, 0, 14, 14], images[2_000:, 0, 1, 14] = 2.0, 2.0  # a dot in the middle, and one 13 pixels above
    changed = recipes.shift_and_turn(images, generator=seeded(0)) + 0.4
    assert changed.amin() == pytest.approx(0, abs=1e-6)
    mass = changed[:2_000].sum(dim=(1, 2, 3))
    across = (changed[:2_000].sum(dim=(1, 2)) * (torch.arange(29) - 14)).sum(dim=1) / mass
    assert 1.95 < across.abs().max() < 2.05
    above = changed[2_000:].sum(dim=(1, 2))
    turned = (above * (torch.arange(29) - 14)).sum(dim=1) / above.sum(dim=1)
    assert 3.8 < turned.abs().max() < 13 * 0.1736 + 2.05  # sin 10° = 0.1736


def test_a_tenth_of_the_pixels_is_dropped_and_the_mean_stays() -> None:
    images = torch.ones(100, 1, 28, 28)
    images[0, 0, 0, 0] = -0.4
    changed = recipes.drop_pixels(images, generator=seeded(0))
    assert (changed == changed.amin()).float().mean().item() == pytest.approx(0.1, abs=0.005)
    assert changed.mean().item() == pytest.approx(images.mean().item(), abs=0.01)
    assert changed.amin() == images.amin()


def test_a_recipe_names_its_model() -> None:
    images = torch.zeros(1, 49)
    assert recipes.new_model(Recipe(initialisation="zeros"), images, 0).linear.weight.shape == (10, 49)
    for start, spread in (("normal(0,1)", 1), ("he", (2 / 784) ** 0.5)):
        drawn = recipes.new_model(Recipe(initialisation=start), torch.zeros(1, 784), 0).linear
        assert drawn.weight.std().item() == pytest.approx(spread, rel=0.03)
        assert not drawn.bias.any()
    assert isinstance(recipes.new_model(Recipe(hidden=[8]), images, 0), MultilayerPerceptron)
    assert isinstance(recipes.new_model(Recipe(channels=[2]), images, 0), ConvolutionalNetwork)


def test_images_come_in_the_scaling_of_a_document(mnist: data.Dataset) -> None:
    whole = recipes.splits_of(Recipe(scaling="raw", train_size=600))
    assert (whole.keys(), whole["test"].images.max().item()) == ({"train", "test"}, 255)
    halves = recipes.splits_of(Recipe(scaling="pixel", whole=False, train_size=600))
    assert len(whole["train"]) == len(halves["train"]) + len(halves["validation"])
    pixels = halves["train"].images.flatten(start_dim=1)
    assert pixels.mean(dim=0).abs().max() < 1e-5
    assert set(pixels.std(dim=0).round(decimals=3).tolist()) == {0, 1}
    upright = recipes.splits_of(Recipe(scaling="deskewed", whole=False, train_size=600))["train"].images
    assert upright.std().item() == pytest.approx(1, abs=0.1)


def test_following_a_recipe_is_fit_and_looking_changes_nothing(mnist: data.Dataset) -> None:
    settings = {"epochs": 20, "batch_size": 50, "learning_rate": 0.5, "patience": 2, "augment": recipes.drop_pixels}
    recipe, seen = Recipe(**settings, whole=False, train_size=600, hidden=[8]), []
    recipes.follow(recipe, 1, lambda moment: seen.append((moment.predictions, copy.deepcopy(moment.state.model))))
    splits = recipes.splits_of(recipe, 1)
    model = recipes.new_model(recipe, splits["train"].images, 1)
    config = TrainingConfig(**settings, progress=False)
    history = fit(model, splits["train"], splits["validation"], config, generator=seeded(1_001))
    assert history.stopped_early
    best, last = seen[history.best_epoch][1], seen[-1][1]
    assert len(seen) == history.best_epoch + 3
    assert all(map(torch.equal, model.parameters(), best.parameters()))
    assert all(map(torch.equal, recipes.trained(recipe, 1).parameters(), last.parameters()))
    assert not torch.equal(seen[0][0].probabilities, seen[1][0].probabilities)


def test_a_step_is_no_longer_than_the_longest_gradient(mnist: data.Dataset) -> None:
    """With plain gradient descent at rate 1, a step is the gradient."""
    lengths = {}
    for longest in (0.0, 0.5, 100.0):
        models = []
        once = {"learning_rate": 1.0, "momentum": 0.0, "batch_size": 600, "train_size": 600, "epochs": 1}
        recipe = Recipe(initialisation="zeros", whole=False, longest_gradient=longest, **once)
        recipes.follow(recipe, 0, lambda moment, models=models: models.append(copy.deepcopy(moment.state.model)))
        before, after = (torch.cat([p.detach().flatten() for p in model.parameters()]) for model in models)
        lengths[longest] = (after - before).norm().item()
    assert lengths[0.0] == lengths[100.0] > 0.6, "as it is"
    assert lengths[0.5] == pytest.approx(0.5, rel=1e-4)
