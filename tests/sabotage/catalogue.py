"""The mistakes that are made on purpose: each has a name, the real mistake that it stands for, and where it reaches.

A mistake is a patch of what a notebook imports, which runs before its first cell, or a slip in its own code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

Patch = Callable[[], None]


@dataclass(frozen=True)
class Sabotage:
    """One mistake.

    Attributes:
        name: in words, as the matrix has it.
        mistake: the real mistake that it stands for, a sentence.
        notebooks: the numbers of those that it can reach.
        patch: replaces what the notebooks import.
        slips: what is replaced in the notebooks' own code, and by what; each stands there once or more.
    """

    name: str
    mistake: str
    notebooks: tuple[str, ...]
    patch: Patch | None = None
    slips: tuple[tuple[str, str], ...] = ()


SABOTAGES: dict[str, Sabotage] = {}


def sabotage(*notebooks: str) -> Callable[[Patch], Patch]:
    """Enter a patch: its name in words is the mistake's name, its docstring says what it stands for."""

    def enter(patch: Patch) -> Patch:
        _enter(Sabotage(patch.__name__.replace("_", " "), patch.__doc__ or "", notebooks, patch))
        return patch

    return enter


def slip(name: str, mistake: str, notebook: str, *slips: tuple[str, str]) -> None:
    """Enter a mistake that is made in one notebook's own code."""
    _enter(Sabotage(name, mistake, (notebook,), slips=slips))


def _enter(one: Sabotage) -> None:
    if one.name in SABOTAGES:
        raise ValueError(f"two mistakes are called {one.name!r}")
    SABOTAGES[one.name] = one


def replace(owner: Any, name: str) -> Callable[[Callable[..., Any]], None]:
    """Put a function in the place of ``owner.name``; it gets the old one as its first argument."""

    def put(new: Callable[..., Any]) -> None:
        old = getattr(owner, name)

        @wraps(old)
        def instead(*args: object, **options: object) -> object:
            return new(old, *args, **options)

        setattr(owner, name, instead)

    return put
