"""What the checks of several documents share."""

from __future__ import annotations

from mnist_lr_helpers.reproduction.comparisons import Named
from mnist_lr_helpers.reproduction.ledger import Results, StoredTable, Verdict, graded

import numpy as np
import torch
from torch.nn.functional import cross_entropy, nll_loss, one_hot

CERTIFIED = "l2=1e-5"  # the weakest penalty of the study of the optimum whose optimum is certified (gap below 1e-4)


def normal(*size: int, seed: int = 0) -> torch.Tensor:
    """Random numbers for the check of a formula, float64."""
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed), dtype=torch.double)


def loss_at(s: StoredTable, configuration: str, *, at: int | None = None) -> float:
    """The training loss at the end or after epoch ``at``; infinite if the run broke."""
    return np.inf if s.has(configuration, "diverged") else s.value(configuration, "train_loss", at=at)


def scaling_race(s: StoredTable, first: str, second: str) -> tuple[bool, float, dict[str, object]]:
    """Is ``first`` ahead of ``second`` after one epoch at 0.01; its lead at the end at the best rates; what to tell."""
    rates = {x: [c for c in s.configurations if c.startswith(f"{x} lr=")] for x in (first, second)}
    at = Named({f"{x} after {e}": loss_at(s, f"{x} lr=0.01", at=e) for x in rates for e in (1, 10)})
    best = {x: min(tried, key=lambda c: loss_at(s, c)) for x, tried in rates.items()}
    lead = loss_at(s, best[second]) / loss_at(s, best[first]) - 1
    losses = s.each(sorted(best.values()), "train_loss")
    tried = ", ".join(f"{len(some)} for {x}" for x, some in rates.items())
    told = {"n": len(losses[best[first]]), "at": at, "tried": tried, "losses": losses}
    return at[f"{first} after 1"] < at[f"{second} after 1"], lead, told


def number_and_size(r: Results, train: int, test: int, side: int) -> Verdict:
    """Are there so many training and test images, of so many pixels a side?"""
    d = r["data"]
    images = [d.value(part, "images") for part in ("train", "test")]
    size = [d.value("train", metric) for metric in ("height", "width")]
    return graded(images == [train, test] and size == [side, side], images=images, size=size)


def cross_entropy_by_hand(apart: str = "not equal") -> Verdict:
    """Is PyTorch's cross-entropy −Σ y log p, also from LogSoftmax and NLLLoss, and from one-hot labels?"""
    z, y = normal(64, 10), torch.arange(64) % 10
    by_hand = -(one_hot(y, 10) * z.softmax(dim=1).log()).sum(dim=1).mean()
    same = [nll_loss(z.log_softmax(dim=1), y), cross_entropy(z, one_hot(y, 10).double()), by_hand]
    equal = all(abs(cross_entropy(z, y) - other).item() < 1e-12 for other in same)
    return graded(equal, equal="equal within 1e-12" if equal else apart)
