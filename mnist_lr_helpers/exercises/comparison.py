"""Whether an answer equals the right one, whatever kind of array it is, and what can be seen in it if it does not.

It imports NumPy alone, so that a notebook without PyTorch has its exercises graded, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

# What sets right an answer that is wrong in the same way throughout.
REPAIRS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "this is 100 times too large; are these percentages? Give fractions of 1": lambda values: values / 100,
    "this is 100 times too small": lambda values: values * 100,
    "the sign is turned round": np.negative,
    "the right values in the wrong order: the last comes first": lambda values: values[::-1] if values.ndim else values,
}


def as_array(value: object) -> np.ndarray | None:
    """Any array-like, a tensor too, as an array of float64, or of bool; None if it is not made of real numbers."""
    try:
        if isinstance(value, list | tuple) and any(_has_parts(part) for part in value):
            return np.stack([as_array(part) for part in value])
        array = np.asarray(_off_device(value) if _is_tensor(value) else value)
        if array.dtype.kind not in "biufO":
            return None
        return array.astype(bool if array.dtype.kind == "b" else np.float64)
    except Exception:  # there is no end of things that are no numbers
        return None


def _is_tensor(value: object) -> bool:
    return type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "detach")


def _has_parts(value: object) -> bool:
    return isinstance(value, list | tuple) or _is_tensor(value)


def _off_device(tensor: Tensor) -> np.ndarray:
    """The numbers of a tensor of any layout, type and device."""
    dense = tensor.detach().to_dense().cpu()
    return (dense.double() if dense.is_floating_point() else dense).numpy()  # NumPy knows no bfloat16


def agree(value: object, wanted: object, tolerance: float) -> bool:
    """Whether two values are the same number, truth value, array, or list of such.

    Args:
        value: what there is.
        wanted: what it should be; ``...`` is content with anything.
        tolerance: of the difference, absolute plus relative.
    """
    if wanted is ...:
        return True
    left, right = as_array(value), as_array(wanted)
    if right is None and isinstance(wanted, list | tuple):
        parts = value if left is None or not left.ndim else list(left)
        fits = isinstance(parts, list | tuple) and len(parts) == len(wanted)
        return fits and all(agree(*pair, tolerance) for pair in zip(parts, wanted, strict=True))
    if left is None or right is None or left.dtype != right.dtype or left.shape != right.shape:
        return False
    return np.allclose(left.astype(float), right.astype(float), rtol=tolerance, atol=tolerance, equal_nan=True)


def clue_in(pairs: list[tuple[object, object]], tolerance: float) -> str:
    """What pairs of an answer and the right one, not all equal, say to who does not know the question; may be empty."""
    value, wanted = next(pair for pair in pairs if not agree(*pair, tolerance))
    if as_array(wanted) is None:  # several things of different shapes
        return ""
    if misfit := _misfit(value, as_array(wanted)):
        return misfit
    numbers = [(as_array(left), as_array(right)) for left, right in pairs]
    if any(left is None or left.dtype == bool or left.shape != right.shape for left, right in numbers):
        return ""
    return _pattern(numbers, tolerance)


def _misfit(value: object, wanted: np.ndarray) -> str:
    """Why the value cannot be compared at all: its type, its shape, a nan."""
    there = as_array(value)
    if there is None or there.dtype != wanted.dtype:
        asked = "numbers" if wanted.ndim else "a number"
        if wanted.dtype == bool:
            asked = "True or False"
        of = f" of {value.dtype}" if isinstance(value, np.ndarray) or _is_tensor(value) else ""
        return f"{asked}, please: this is of the type {type(value).__name__}{of}"
    if there.shape != wanted.shape:
        shown, asked = (f"shape {list(side.shape)}" if side.ndim else "one number" for side in (there, wanted))
        return f"the number of values is not right, or their shape: this is {shown}, asked for is {asked}"
    if (np.isnan(there) & ~np.isnan(wanted)).any():
        return "there is a nan in it, which is not a number: 0 / 0, say, or inf − inf"
    return ""


def _pattern(pairs: list[tuple[np.ndarray, np.ndarray]], tolerance: float) -> str:
    """What all numbers, each beside the right one and of the same shape, have in common."""
    for clue, repair in REPAIRS.items():
        if all(agree(repair(left), right, tolerance) for left, right in pairs):
            return clue
    if len({right.shape for _, right in pairs}) == 1 and pairs[0][1].ndim == 1:
        hits = np.all([np.isclose(*pair, rtol=tolerance, atol=tolerance) for pair in pairs], axis=0)
        if hits.any():
            right = ", ".join(f"no. {place + 1}" for place, hit in enumerate(hits) if hit)
            return f"of the {len(hits)} values only these are right: {right}"
    if all(np.allclose(left, right, rtol=0, atol=0.02 * np.abs(right).max()) for left, right in pairs):
        return "close, but not close enough: is something rounded, or a little different from what is asked?"
    return ""
