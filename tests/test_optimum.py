"""The certified optimum is scikit-learn's, and its certificate holds."""

from dataclasses import replace

from mnist_lr_helpers import models, training
from mnist_lr_helpers.data import Dataset
from mnist_lr_helpers.optimum import convex_optimum

import pytest
import torch
from conftest import seeded, without_float64
from sklearn.linear_model import LogisticRegression
from torch.nn.functional import avg_pool2d


def as_matrix(model: models.LogisticRegression) -> torch.Tensor:
    return torch.cat([model.linear.weight, model.linear.bias[:, None]], dim=1).detach().double()


@pytest.mark.slow
def test_it_agrees_with_scikit_learn(digits: Dataset) -> None:
    """Same objective; scikit-learn leaves the bias unpenalised, so a column of ones stands in for it."""
    l2, train = 1e-2, replace(digits.train, images=avg_pool2d(digits.train.images, 2))
    found = convex_optimum(train, l2=l2, tolerance=1e-5)
    pixels = torch.nn.functional.pad(train.images.flatten(1), (0, 1), value=1.0).double()
    peer = LogisticRegression(C=1 / (l2 * len(pixels)), fit_intercept=False, tol=1e-8, max_iter=5000)
    peer.fit(pixels, train.labels)
    assert torch.allclose(as_matrix(found.model), torch.tensor(peer.coef_), atol=2e-3)
    penalty = l2 / 2 * as_matrix(found.model).square().sum().item()
    loss = training.loss_and_accuracy(found.model, train)[0]
    assert found.objective == pytest.approx(loss + penalty, rel=1e-5)


@pytest.mark.slow
def test_the_certificate_bounds_the_distance_to_the_best_objective(digits: Dataset) -> None:
    rough, best = (convex_optimum(digits.train, l2=1e-2, tolerance=tolerance) for tolerance in (1e-2, 1e-4))
    assert 0 < rough.objective - best.objective <= rough.gap <= 1e-2
    assert best.gap <= 1e-4
    for one in (rough, best):
        assert one.gap == pytest.approx(one.gradient_norm**2 / (2 * 1e-2))


@pytest.mark.slow
def test_it_gets_there_from_anywhere_and_sooner_from_near_by(digits: Dataset) -> None:
    best = convex_optimum(digits.train, l2=1e-2, tolerance=1e-4)
    start = models.LogisticRegression(generator=seeded(3))
    before = start.linear.weight.detach().clone()
    elsewhere = convex_optimum(digits.train, l2=1e-2, tolerance=1e-4, start=start)
    assert elsewhere.objective == pytest.approx(best.objective, abs=2e-4)
    assert torch.equal(start.linear.weight, before), "the start was changed"
    assert convex_optimum(digits.train, l2=1e-2, tolerance=1e-4, start=best.model).passes < best.passes


@pytest.mark.parametrize("l2", [0, -1e-3, float("nan")])
def test_no_penalty_no_certificate(digits: Dataset, l2: float) -> None:
    with pytest.raises(ValueError, match=f"l2 is {l2}; the certificate needs a positive number"):
        convex_optimum(digits.train, l2=l2)


@pytest.mark.slow
def test_a_device_without_float64_finds_the_same(digits: Dataset) -> None:
    best, same = (convex_optimum(split, l2=1e-2) for split in (digits.train, without_float64(digits.train)))
    assert (same.objective, same.gap, same.passes) == (best.objective, best.gap, best.passes)
    assert torch.equal(same.model.linear.weight, best.model.linear.weight)


def test_negative_labels_are_refused(digits: Dataset) -> None:
    with pytest.raises(ValueError, match="labels start at -1"):
        convex_optimum(replace(digits.train, labels=digits.train.labels - 1), l2=1.0)
