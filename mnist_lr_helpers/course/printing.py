"""Prints the core as a book: the page that Sphinx makes of it, in Chromium, with the page numbers of its contents."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mnist_lr_helpers.course.usage import UsageError
from mnist_lr_helpers.files import write_atomically

from playwright.sync_api import Error, sync_playwright
from pypdf import PdfReader

FOOTER = '<p style="width: 100%; text-align: center; font: 9px sans-serif"><span class="pageNumber"></span></p>'
PAPER = {"prefer_css_page_size": True, "print_background": True, "outline": True, "tagged": True}
PAPER |= {"display_header_footer": True, "header_template": "<p></p>", "footer_template": FOOTER}


def print_book(page: Path, target: Path, chromium: str | None) -> int:
    """Print an HTML page with the page numbers of its contents.

    It is printed twice: the second time, the pages of its headings are known.

    Args:
        page: made by Sphinx with ``-t print``.
        target: the PDF to write.
        chromium: the browser's program; without one, what ``playwright install`` has brought.

    Returns:
        The number of pages.

    Raises:
        UsageError: there is no Chromium.
    """
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        except Error as error:
            raise UsageError("a book is printed by Chromium; install it, or: playwright install chromium") from error
        tab = browser.new_page()
        tab.set_default_timeout(600_000)  # ninety pages of formulas, on a busy machine
        tab.goto(page.resolve().as_uri())
        tab.evaluate("MathJax.startup.promise")
        tab.evaluate("document.fonts.ready.then(() => null)")
        tab.evaluate("pages => numberContents(pages)", headings(tab.pdf(**PAPER)))
        printed = tab.pdf(**PAPER)
        browser.close()
    write_atomically(target, printed)
    return len(PdfReader(io.BytesIO(printed)).pages)


def headings(printed: bytes) -> list[int]:
    """The page of each heading of a printed book, in order, counted from 1."""
    reader = PdfReader(io.BytesIO(printed))
    return [reader.get_destination_page_number(one) + 1 for one in _flat(reader.outline)]


def _flat(outline: Sequence[Any]) -> list[Any]:
    return [one for entry in outline for one in (_flat(entry) if isinstance(entry, list) else [entry])]
