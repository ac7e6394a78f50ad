"""What the command line may ask for, and how it is told that something does not exist."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable
from typing import Any


class UsageError(ValueError):
    """The command line asks for something that does not exist; the message says what does."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The one of the known names, at least one, that is most like this name: "did you mean …?"."""
    return difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]


def convert(name: str, text: str, default: Any) -> Any:  # noqa: ANN401 - whatever type the default has
    """The text of a parameter as a value of its default's type; 1e3 is a whole number too, where one is wanted.

    Raises:
        UsageError: the text is of another type; the message names both.
    """
    if isinstance(default, str):
        return text
    try:
        value = {"true": True, "false": False}.get(text.lower())
        value = ast.literal_eval(text) if value is None else value
        if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        elif isinstance(value, float) and value.is_integer() and not isinstance(default, float):
            value = int(value)  # 1e3 is how some write a thousand
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError, OverflowError):
        value = text
    wanted = (int, float) if default is None else (type(default),)  # None stands for no limit to a number
    if value is not None and type(value) not in wanted:
        raise UsageError(
            f"{name} takes a value of type {' or '.join(kind.__name__ for kind in wanted)} (default {default!r}); "
            f"{text!r} is of type {type(value).__name__}"
        )
    return value
