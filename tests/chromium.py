"""A real Chromium for the tests, and what they do in it with live figures."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from mnist_lr_helpers.course.tools import CHROMIUM
from mnist_lr_helpers.files import PROJECT

import pytest

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here (Debian's package is called chromium)")
SCREENSHOTS = PROJECT / "build" / "screenshots"


@contextmanager
def launched() -> Iterator[object]:
    """The browser; skips the test where Playwright is not installed."""
    playwright_api = pytest.importorskip("playwright.sync_api")
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with playwright_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        yield chromium
        chromium.close()


class Watch:
    """Everything on a page that should not be: errors in the console, failed requests, requests to other hosts."""

    def __init__(self, page) -> None:
        self.wrong: list[str] = []
        page.on("console", lambda message: message.type == "error" and self.wrong.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        page.on("requestfailed", lambda request: self.wrong.append(f"failed: {request.url[:200]} {request.failure}"))
        page.on("request", self.request)

    def request(self, request) -> None:
        target = urlsplit(request.url)
        if target.scheme not in ("file", "data", "blob") and target.hostname != "127.0.0.1":
            self.wrong.append(f"elsewhere: {request.url[:200]}")


@contextmanager
def tab(browser, **options: object) -> Iterator[tuple[object, Watch]]:
    """A page of its own, which must have nothing to complain about when it closes."""
    context = browser.new_context(**({"viewport": {"width": 1300, "height": 900}} | options))
    page = context.new_page()
    page.set_default_timeout(60_000)
    watch = Watch(page)
    yield page, watch
    context.close()
    assert watch.wrong == []


# ------ live figures


def wait_for_figures(page) -> None:
    """Wait until there are live figures, and all of them answer."""
    page.locator(".live-figure").first.wait_for()
    page.wait_for_function("[...document.querySelectorAll('.live-figure')].every(one => one.figure)")


def ask(page, expression: str) -> object:
    """What the first figure of the page answers, for example to ``state()``. As text: many numbers travel faster."""
    script = f"(f => JSON.stringify(f.{expression} ?? null))(document.querySelector('.live-figure').figure)"
    return json.loads(page.evaluate(script))


def said(page, *words: str) -> None:
    """Wait until the sentence that is read out has these words."""
    page.wait_for_function(
        "words => words.every(w => document.querySelector('.live-figure').shadowRoot.querySelector('.said')"
        ".textContent.includes(w))",
        arg=words,
    )


def stroke(page, *places: tuple[float, float]) -> None:
    """Draw on the pad with the mouse; places are fractions of the surface."""
    box = page.locator(".surface").bounding_box()
    page.mouse.move(box["x"] + places[0][0] * box["width"], box["y"] + places[0][1] * box["height"])
    page.mouse.down()
    for x, y in places[1:]:
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
    page.mouse.up()


def draw_seven(page) -> None:
    stroke(page, (0.3, 0.25), (0.7, 0.25), (0.45, 0.8))
