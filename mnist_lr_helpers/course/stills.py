"""Takes the picture that stands in a notebook where a live figure does not run: of this figure, with these numbers."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from mnist_lr_helpers.course.usage import UsageError
from mnist_lr_helpers.live import HOW_TO_START, NUMBERS_OF_ITS_OWN, in_base64

import nbformat
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGE = '<!DOCTYPE html><meta charset="utf-8"><body style="font: 16px sans-serif; width: 860px">{}</body>'
STARTED = "document.querySelector('.live-figure').figure"
SHOWN_AT = {"train": {"steps": 300}, "sampling": {"draws": 100}}  # where a figure has nothing to show at first
SEVEN = ((0.3, 0.25), (0.7, 0.25), (0.45, 0.8))  # drawn on the pad, in fractions of its surface
COLOURS = 48  # of the picture, which takes a quarter of the room then


def take_stills(notebook: nbformat.NotebookNode, chromium: str | None) -> None:
    """Put a picture of each live figure in the place of the general one.

    Raises:
        UsageError: there are live figures, and no Chromium.
    """
    shown = [output.data for cell in notebook.cells for output in cell.get("outputs", []) if "data" in output]
    live = [data for data in shown if data.get("text/html", "").startswith('<div class="live-figure"')]
    if not live:
        return
    if chromium is None:
        raise UsageError("the pictures of live figures are taken in Chromium; install it, then publish")
    from playwright.sync_api import sync_playwright  # for live figures alone

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page(viewport={"width": 900, "height": 900})
        for data in live:
            html = data["text/html"].replace(HOW_TO_START, HOW_TO_START.replace(NUMBERS_OF_ITS_OWN, ""))
            data["image/png"] = picture = in_base64(_picture(tab, html))
            data["text/html"] = re.sub(r'(?<=<img )(.*?base64,)[^"]*', rf"\g<1>{picture}", html, count=1)


def _picture(tab: Page, html: str) -> bytes:
    """The live figure as a PNG, after what a reader might do first."""
    tab.set_content(PAGE.format(html))
    tab.wait_for_function(STARTED)
    figure = tab.locator(".live-figure")
    name = figure.get_attribute("data-figure")
    tab.evaluate(f"state => {STARTED}.set(state)", SHOWN_AT.get(name, {}))
    if name == "pad":
        box = tab.locator(".surface").bounding_box()
        for x, y in SEVEN:
            tab.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=8)
            tab.mouse.down()
        tab.mouse.up()
    tab.wait_for_timeout(1_000)  # it computes, and draws once a frame
    small = io.BytesIO()
    Image.open(io.BytesIO(figure.screenshot())).convert("RGB").quantize(COLOURS).save(small, "png", optimize=True)
    return small.getvalue()
