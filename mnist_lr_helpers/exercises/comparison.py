"""Whether an answer equals the right one, whatever kind of array it is, and what can be seen in it if it does not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

# What sets right an answer that is wrong in the same way throughout.
REPAIRS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "this is 100 times too large; are these percentages? Give fractions of 1": lambda values: values / 100,
    "this is 100 times too small": lambda values: values * 100,
    "the sign is turned round": torch.neg,
    "the right values in the wrong order: the last comes first": lambda values: (
        values.flip(0) if values.ndim else values
    ),
}


def as_tensor(value: object) -> torch.Tensor | None:
    """Any array-like as a tensor of float64, or of bool; None if it is not made of real numbers."""
    try:
        kinds = set(map(type, value)) if isinstance(value, list | tuple) else set()
        if any(issubclass(kind, list | tuple | torch.Tensor) for kind in kinds):
            return torch.stack([as_tensor(part) for part in value])
        if isinstance(value, torch.Tensor):
            dense = value.detach().to_dense().cpu()
            return None if dense.is_complex() else dense if dense.dtype == torch.bool else dense.double()
        array = np.asarray(value)
        if array.dtype.kind not in "biufO":
            return None
        return torch.from_numpy(array.astype(bool if array.dtype.kind == "b" else np.float64))
    except Exception:  # there is no end of things that are no numbers
        return None


def agree(value: object, wanted: object, tolerance: float) -> bool:
    """Whether two values are the same number, truth value, array, or list of such.

    Args:
        value: what there is.
        wanted: what it should be; ``...`` is content with anything.
        tolerance: of the difference, absolute plus relative.
    """
    if wanted is ...:
        return True
    left, right = as_tensor(value), as_tensor(wanted)
    if right is None and isinstance(wanted, list | tuple):
        parts = value if left is None or not left.ndim else list(left)
        fits = isinstance(parts, list | tuple) and len(parts) == len(wanted)
        return fits and all(agree(*pair, tolerance) for pair in zip(parts, wanted, strict=True))
    if left is None or right is None or left.dtype != right.dtype or left.shape != right.shape:
        return False
    return torch.allclose(left.double(), right.double(), rtol=tolerance, atol=tolerance, equal_nan=True)


def clue_in(pairs: list[tuple[object, object]], tolerance: float) -> str:
    """What pairs of an answer and the right one, not all equal, say to who does not know the question; may be empty."""
    value, wanted = next(pair for pair in pairs if not agree(*pair, tolerance))
    if as_tensor(wanted) is None:  # several things of different shapes
        return ""
    if misfit := _misfit(value, as_tensor(wanted)):
        return misfit
    numbers = [(as_tensor(left), as_tensor(right)) for left, right in pairs]
    if any(left is None or left.dtype == torch.bool or left.shape != right.shape for left, right in numbers):
        return ""
    return _pattern(numbers, tolerance)


def _misfit(value: object, wanted: torch.Tensor) -> str:
    """Why the value cannot be compared at all: its type, its shape, a nan."""
    there = as_tensor(value)
    if there is None or there.dtype != wanted.dtype:
        asked = "numbers" if wanted.ndim else "a number"
        if wanted.dtype == torch.bool:
            asked = "True or False"
        of = f" of {value.dtype}" if isinstance(value, torch.Tensor | np.ndarray) else ""
        return f"{asked}, please: this is of the type {type(value).__name__}{of}"
    if there.shape != wanted.shape:
        shown, asked = (f"shape {list(side.shape)}" if side.ndim else "one number" for side in (there, wanted))
        return f"the number of values is not right, or their shape: this is {shown}, asked for is {asked}"
    if (there.isnan() & ~wanted.isnan()).any():
        return "there is a nan in it, which is not a number: 0 / 0, say, or inf − inf"
    return ""


def _pattern(pairs: list[tuple[torch.Tensor, torch.Tensor]], tolerance: float) -> str:
    """What all numbers, each beside the right one and of the same shape, have in common."""
    for clue, repair in REPAIRS.items():
        if all(agree(repair(left), right, tolerance) for left, right in pairs):
            return clue
    if len({right.shape for _, right in pairs}) == 1 and pairs[0][1].ndim == 1:
        hits = torch.stack([torch.isclose(*pair, rtol=tolerance, atol=tolerance) for pair in pairs]).all(dim=0)
        if hits.any():
            right = ", ".join(f"no. {place + 1}" for place, hit in enumerate(hits) if hit)
            return f"of the {len(hits)} values only these are right: {right}"
    if all(torch.allclose(left, right, rtol=0, atol=0.02 * right.abs().max().item()) for left, right in pairs):
        return "close, but not close enough: is something rounded, or a little different from what is asked?"
    return ""
