"""What keeps an answer from doing harm while it is tried: it may loop, print, exit, or replace the library's functions.

It protects from accidents. Whoever wants to deceive the grader that runs in the same process can.
"""

from __future__ import annotations

import contextlib
import io
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

SECONDS = 8  # that an answer may take, all of its probes together
CHARACTERS = 2_000  # that an answer may print
PLACES = ("torch", "torch.nn.functional", "torch.Tensor", "numpy")
originals: dict[str, dict[str, object]] = {}  # of each place that has been imported, its functions by name


class TooLong(BaseException):
    """The answer takes too long. No ``except Exception`` in it catches this."""


class ShortOutput(io.TextIOBase):
    """Passes on the first characters that are written, and says once that the rest is left out."""

    def __init__(self, target: io.TextIOBase) -> None:
        self.target, self.left = target, CHARACTERS

    def write(self, text: str) -> int:
        """Pass on what still fits."""
        if self.left > 0:
            self.target.write(text[: self.left])
            if len(text) > self.left:
                self.target.write("\n… (your code prints more than this; the rest is left out)\n")
            self.left -= len(text)
        return len(text)


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Run an answer with limits on its time and on what it prints.

    The time is limited where the system can interrupt a computation: in the main thread, and not on Windows.

    Raises:
        TooLong: it has taken more than ``SECONDS``; again every second, should the answer catch everything.
    """

    def stop(signum: int, frame: FrameType | None) -> None:
        raise TooLong

    timed = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGALRM, stop) if timed else None
    others = signal.setitimer(signal.ITIMER_REAL, SECONDS, 1) if timed else None
    try:
        with contextlib.redirect_stdout(ShortOutput(sys.stdout)):
            yield
    finally:
        if timed:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            signal.setitimer(signal.ITIMER_REAL, *others)


@contextlib.contextmanager
def same_chance() -> Iterator[None]:
    """Let what draws from PyTorch's own generator draw the same each time; afterwards that goes on as if untouched."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(2_147)  # that no exercise uses
        yield


def put_back() -> list[str]:
    """Put back what was replaced in PyTorch and NumPy since it was first seen here; return the names."""
    replaced = []
    for where in PLACES:
        if (place := _imported(where)) is None:
            continue
        if where not in originals:
            originals[where] = {name: value for name, value in _names(place).items() if callable(value)}
        now = _names(place)
        for name, original in originals[where].items():
            if now.get(name) is not original:
                replaced.append(f"{where}.{name}")
                if name in vars(place):  # for a method of a base class, this uncovers it again
                    delattr(place, name)
                if _names(place).get(name) is not original:
                    setattr(place, name, original)
    return replaced


def _imported(where: str) -> object | None:
    """A module or class, if it is imported already: a lesson may do without PyTorch."""
    parent, _, name = where.rpartition(".")
    return sys.modules.get(where) or getattr(sys.modules.get(parent), name, None)


def _names(place: object) -> dict[str, object]:
    """What stands in a module, or in a class and its bases, by name, without asking anything to run."""
    found = {}
    for owner in reversed(getattr(place, "__mro__", (place,))):
        found |= vars(owner)
    return found


put_back()
