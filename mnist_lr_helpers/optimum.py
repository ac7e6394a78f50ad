"""The best softmax regression that there is for one penalty, with a certificate of how close it is."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mnist_lr_helpers.data import Split
from mnist_lr_helpers.models import LogisticRegression

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    import numpy as np

START_IMAGES, CURVATURE_IMAGES = 4_096, 16_384  # images that show where to begin, and the curvature, well enough


@dataclass(frozen=True)
class Optimum:
    """The best softmax regression for one penalty, and how far from the best it can be at most.

    Attributes:
        model: its weights.
        objective: mean cross-entropy + l2/2 (‖W‖² + ‖b‖²) on the training images, in nats.
        gradient_norm: length ‖g‖ of the objective's gradient.
        gap: ‖g‖² / (2 l2); no weights whatever have an objective lower than this one by more.
        passes: how often all training images were used.
    """

    model: LogisticRegression
    objective: float
    gradient_norm: float
    gap: float
    passes: int


def convex_optimum(
    train: Split, *, l2: float, start: LogisticRegression | None = None, tolerance: float = 1e-5
) -> Optimum:
    """Minimise mean cross-entropy + l2/2 (‖W‖² + ‖b‖²) until ``gap`` ≤ ``tolerance``, or as far as float32 allows.

    The penalty makes the objective f strongly convex: f(v) ≥ f(w) + g·(v − w) + l2/2 ‖v − w‖² ≥ f(w) − ‖g‖²/(2 l2)
    for all v, hence the gap; so the biases must be penalised too. Without ``start``, it starts from the rough optimum
    of a sample of the images.

    Raises:
        ValueError: ``l2`` is not positive, so that there is no certificate, or a label is negative.
    """
    if not l2 > 0:
        raise ValueError(f"l2 is {l2!r}; the certificate needs a positive number")
    if int(train.labels.min()) < 0:
        raise ValueError(f"labels start at {int(train.labels.min())}; they must start at 0")
    images = nn.functional.pad(train.images.flatten(start_dim=1), (0, 1), value=1.0)  # the last 1 feeds the bias
    n_classes, passes, every = int(train.labels.max()) + 1, 0, len(images) // START_IMAGES
    model = copy.deepcopy(start) or LogisticRegression(images.shape[1] - 1, n_classes, initialisation="zeros")
    model.to(images.device)
    if start is None and every > 3:
        rough = _descend(model, images[::every], train.labels[::every], l2, tolerance=max(1.0, tolerance))
        model, passes = rough.model, -(-rough.passes // every)  # rounded up
    found = _descend(model, images, train.labels, l2, tolerance)
    return replace(found, passes=found.passes + passes)


def _descend(model: LogisticRegression, images: Tensor, labels: Tensor, l2: float, tolerance: float) -> Optimum:
    """Minimise by L-BFGS-B in coordinates where the Hessian's mean block at ``model`` is near the identity.

    ``model`` takes the weights found.
    """
    from scipy.optimize import minimize
    from threadpoolctl import threadpool_limits

    weights, seen = torch.cat([model.linear.weight, model.linear.bias[:, None]], dim=1).detach(), {"passes": 0}
    root = _root_of_curvature(weights, images[:: max(1, len(images) // CURVATURE_IMAGES)], l2)

    def evaluate(point: np.ndarray) -> tuple[float, np.ndarray]:
        rows = torch.from_numpy(point).view(weights.shape)  # weights times the root
        seen["weights"] = torch.linalg.solve_triangular(root, rows, upper=False, left=False).to(images)
        seen["objective"], gradient = _objective(seen["weights"], images, labels, l2)
        seen["norm"], seen["passes"] = gradient.norm().item(), seen["passes"] + 1
        slope = torch.linalg.solve_triangular(root.T, gradient, upper=True, left=False)
        return seen["objective"], slope.flatten().numpy()

    def stop_if_certified(_: np.ndarray) -> None:
        if seen["norm"] ** 2 <= 2 * l2 * tolerance:
            raise StopIteration

    origin = (weights.cpu().double() @ root).flatten().numpy()
    options = {"maxiter": 1000, "maxfun": 2000, "ftol": 0.0, "gtol": 0.0}
    with threadpool_limits(1, user_api="blas"):  # SciPy's threads would go on waiting, on the cores that torch needs
        found = minimize(evaluate, origin, jac=True, method="L-BFGS-B", callback=stop_if_certified, options=options)
        evaluate(found.x)
    model.load_state_dict({"linear.weight": seen["weights"][:, :-1], "linear.bias": seen["weights"][:, -1]})
    return Optimum(model, seen["objective"], seen["norm"], seen["norm"] ** 2 / (2 * l2), seen["passes"])


def _root_of_curvature(weights: Tensor, images: Tensor, l2: float) -> Tensor:
    """Cholesky factor of the mean of the Hessian's blocks, one of each class: float64 ``[d, d]``, on the CPU.

    A block of its own for each class takes ten times as long to find, and more passes to use.
    Source: the second derivative of cross-entropy is Σ p (1 − p) x xᵀ for each class.
    """
    p = (images @ weights.T).softmax(dim=1)
    bend = (p * (1 - p)).mean(dim=1, keepdim=True) / len(images)  # [n, 1]
    block = (images.T @ (bend * images)).cpu().double()  # a Mac's GPU has no float64
    rounding = 1e-6 * block.diagonal().max()  # it may make the block slightly indefinite
    return torch.linalg.cholesky(block + (l2 + rounding) * torch.eye(len(block), dtype=torch.float64))


def _objective(weights: Tensor, images: Tensor, labels: Tensor, l2: float) -> tuple[float, Tensor]:
    """Mean cross-entropy + l2/2 ‖weights‖², and its gradient in float64 on the CPU."""
    rows = torch.arange(len(labels), device=labels.device)
    log_probabilities = (images @ weights.T).log_softmax(dim=1)
    on_cpu = weights.cpu()
    loss = -log_probabilities[rows, labels].cpu().double().mean() + l2 / 2 * on_cpu.double().square().sum()
    error = log_probabilities.exp_()
    error[rows, labels] -= 1  # p − y
    return loss.item(), (error.T @ images / len(labels)).cpu().double() + l2 * on_cpu
