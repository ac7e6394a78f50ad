"""Live figures: pages of plain HTML and JavaScript that answer to the reader without a kernel.

`README.md` in this folder says how a figure is made; each figure's own file begins with the data that it takes.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Mapping
from pathlib import Path

from mnist_lr_helpers.plotting import COLOURS

import torch
from IPython.display import HTML

FOLDER = Path(__file__).parent
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.html")))
MAXIMUM_BYTES = 400_000
PARTS = re.compile(r".*<title>(.*)</title>.*<style>(.*)</style>\s*(.*)<script>(.*)</script>\s*", re.DOTALL)
NUMBERS_OF_ITS_OWN = ", with numbers of its own"  # until a picture of this figure is taken
HOW_TO_START = (
    f"A picture of a live figure{NUMBERS_OF_ITS_OWN}: its buttons do nothing yet. In JupyterLab, it comes to life when "
    "you run this cell or trust the notebook (View, Activate Command Palette, Trust Notebook); the book shows it live."
)


class LiveFigure(HTML):
    """The page, and for readers of the notebook that show no pages (a PDF, a terminal) a picture and its title."""

    def __init__(self, page: str, picture: bytes, title: str) -> None:
        super().__init__(page)
        self.picture, self.title = picture, title

    def _repr_png_(self) -> tuple[bytes, dict[str, str]]:
        return self.picture, {"alt": self.title}  # as IPython's own Image has it

    def __repr__(self) -> str:
        return f"Live figure: {self.title}"


def show(name: str, /, *, still: bytes | None = None, **data: object) -> LiveFigure:
    """Fill the page of a live figure with data.

    Args:
        name: one of ``NAMES``.
        still: a PNG that stands there where no script runs; by default ``NAME.png``, which comes with the figure.
        data: what the figure's file asks for: tensors (whole numbers from 0 to 255, or float32), numbers, texts,
            and lists and dictionaries of them.

    Raises:
        ValueError: no such figure, numbers that a page cannot hold, or an output of more than 400 KB.
    """
    if name not in NAMES:
        raise ValueError(f"there is no live figure {name!r}; choose one of {', '.join(map(repr, NAMES))}")
    source, css, js = ((FOLDER / file).read_text(encoding="utf-8") for file in (f"{name}.html", "live.css", "live.js"))
    title, style, body, script = PARTS.fullmatch(source).groups()
    page = {"name": name, "title": title, "style": css + style, "body": body, "colours": COLOURS, "data": pack(data)}
    picture = still or (FOLDER / f"{name}.png").read_bytes()
    inside = json.dumps(page).replace("<", "\\u003c")  # no "</script>" ends the script early
    html = (
        f'<div class="live-figure" data-figure="{name}"><p>{HOW_TO_START}</p>'
        f'<img alt="{title}" style="max-width: 100%" src="data:image/png;base64,{in_base64(picture)}"></div>\n'
        f"<script>\n(() => {{\nconst PAGE = {inside};\n{in_ascii(js + script)}\nstart(build);\n}})();\n</script>"
    )
    if len(html) > MAXIMUM_BYTES:
        raise ValueError(f"the figure would take {len(html):,} bytes of {MAXIMUM_BYTES:,}; give it less data")
    return LiveFigure(html, picture, title)


def pack(value: object) -> object:
    """Make tensors, wherever they stand in dictionaries and lists, texts that ``live.js`` unpacks.

    Raises:
        ValueError: whole numbers below 0 or above 255.
    """
    if isinstance(value, Mapping):
        return {key: pack(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [pack(one) for one in value]
    if not isinstance(value, torch.Tensor):
        return value
    kind = "float32" if value.is_floating_point() else "uint8"
    if kind == "uint8" and value.numel() and not 0 <= int(value.min()) <= int(value.max()) <= 255:
        raise ValueError(f"whole numbers on a page go from 0 to 255, these from {value.min()} to {value.max()}")
    numbers = value.detach().cpu().numpy().astype("<f4" if kind == "float32" else "u1")
    packer = zlib.compressobj(9, strategy=zlib.Z_FILTERED)  # a few percent smaller for digits
    packed = packer.compress(numbers.tobytes()) + packer.flush()
    return {"base64": in_base64(packed), "type": kind, "shape": list(numbers.shape)}


def in_base64(payload: bytes) -> str:
    """Bytes as text."""
    return base64.b64encode(payload).decode()


def in_ascii(script: str) -> str:
    """Write a script so that no guess at its encoding can spoil it."""
    return re.sub(r"[^\x00-\x7f]", lambda found: json.dumps(found[0])[1:-1], script)
