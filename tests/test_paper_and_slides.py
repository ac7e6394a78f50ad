"""The core on paper and as slides: from the same notebooks, without a network."""

import io
import re
import subprocess
import sys
from pathlib import Path

from mnist_lr_helpers.course.execute import find_notebooks
from mnist_lr_helpers.course.tools import BUILD
from mnist_lr_helpers.files import PROJECT

import nbformat
import pytest
from chromium import draw_seven, needs_chromium, tab, wait_for_figures
from filelock import FileLock

CORE = [path for path in find_notebooks([]) if path.stem < "06"]
WIDTH = round(170 / 25.4 * 96)  # of the text on A4, in the browser's pixels
every_lesson = pytest.mark.parametrize("path", CORE, ids=lambda path: path.stem)


def made(edition: str) -> None:
    """Build an edition as its command does."""
    command = [sys.executable, "-m", "mnist_lr_helpers", edition]
    BUILD.mkdir(exist_ok=True)
    with FileLock(BUILD / f"{edition}.lock"):
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr


@every_lesson
def test_each_cell_of_the_core_says_what_becomes_of_it_on_slides(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    kinds = [cell.metadata.get("slideshow", {}).get("slide_type") for cell in cells]
    assert set(kinds) <= {"slide", "subslide", "fragment", "skip", "notes", "-"}
    assert kinds[0] == "slide"
    for cell, kind in zip(cells, kinds, strict=True):
        assert kind == "skip" or not {"parameters", "exercise", "solution"} & {*cell.metadata.get("tags", [])}


@pytest.fixture(scope="module")
def printed() -> list[str]:
    """The text of each page of the printed core."""
    from pypdf import PdfReader

    made("pdf")
    return [page.extract_text() for page in PdfReader(io.BytesIO((BUILD / "core.pdf").read_bytes())).pages]


@needs_chromium
def test_the_contents_name_the_pages_on_which_the_lessons_begin(printed: list[str]) -> None:
    contents = "\n".join(printed[1:3])
    for path in CORE:
        title = nbformat.read(path, as_version=4).cells[0].source.splitlines()[0].removeprefix("# ")
        page = int(re.search(rf"{re.escape(title)}\s*(\d+)", contents)[1])
        assert printed[page - 1].lstrip().startswith(title)
        assert printed[page - 1].rstrip().endswith(str(page))
    assert 60 <= len(printed) <= 120


@needs_chromium
def test_nothing_on_paper_is_cut_or_hidden(printed: list[str], browser: object) -> None:
    assert sum("Answers and solutions" in page for page in printed) >= len(CORE)
    assert not any("Show the" in page for page in printed)
    with tab(browser, viewport={"width": WIDTH, "height": 900}) as (page, _):
        page.emulate_media(media="print")
        page.goto((BUILD / "print" / "core.html").as_uri())
        page.evaluate("MathJax.startup.promise")
        too_wide = """() => [...document.querySelectorAll('img, pre, table, mjx-container, svg')]
            .filter(one => one.getBoundingClientRect().right > innerWidth + 1 || one.scrollWidth > one.clientWidth + 1
                && one.tagName === 'PRE').map(one => one.outerHTML.slice(0, 200))"""
        assert page.evaluate(too_wide) == []
        images = "[...document.images].map(one => [one.naturalWidth, one.getBoundingClientRect().height])"
        sizes = page.evaluate(images)
        assert len(sizes) > 40
        assert all(width and 0 < height < 257 / 25.4 * 96 for width, height in sizes)
        assert page.locator(".live-figure, details, script[src*='://']").count() == 0


@needs_chromium
def test_slides_step_wait_and_live(browser: object) -> None:
    made("slides")
    assert {path.stem for path in CORE} <= {page.stem for page in (BUILD / "slides").glob("*.html")}
    for path in CORE[:1] + CORE[3:4]:
        with tab(browser, viewport={"width": 1280, "height": 720}) as (page, _):
            page.goto((BUILD / "slides" / f"{path.stem}.html").as_uri())
            page.locator("#place").wait_for()
            slides = int(page.locator("#place").text_content().split("/")[1])
            assert 15 <= slides <= 60
            seen = [shown(page)]
            while not page.locator("#place").text_content().startswith(f"{slides} "):
                page.keyboard.press("PageDown")
                seen.append(shown(page))
            assert len(seen) > slides  # some wait for a step of their own
            assert all(0 < height <= 720 for height, _ in seen)
            assert not any(re.search(r"Exercise|What we found", text) and "check(" in text for _, text in seen)
            page.keyboard.press("Home")
            assert page.locator("#place").text_content().startswith("1 ")
            page.keyboard.press("ArrowRight")
            assert page.url.endswith("#2")


@needs_chromium
def test_a_slide_s_figure_answers(browser: object) -> None:
    with tab(browser, viewport={"width": 1280, "height": 720}) as (page, _):
        page.goto((BUILD / "slides" / "00_first_digit.html").as_uri())
        page.locator("#place").wait_for()
        while not page.locator(".slide.shown .live-figure").count():
            page.keyboard.press("PageDown")
        wait_for_figures(page)
        draw_seven(page)
        page.wait_for_function("document.querySelector('.live-figure').shadowRoot.textContent.includes('says')")


def shown(page: object) -> tuple[float, str]:
    """The height of the slide on the screen, and its text."""
    script = "(s => [s.getBoundingClientRect().height, s.innerText])(document.querySelector('.slide.shown'))"
    height, text = page.evaluate(script)
    return height, text
