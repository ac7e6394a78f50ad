"""The book: every notebook has its page, every link inside it leads somewhere, nothing comes from elsewhere."""

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from html import unescape
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mnist_lr_helpers.course.execute import NOTEBOOKS, find_notebooks
from mnist_lr_helpers.files import PROJECT

import nbformat
import pytest
from conftest import is_picture
from filelock import FileLock

BOOK = PROJECT / "build" / "book"
LOCK = FileLock(BOOK.with_suffix(".lock"))
TEST_RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))  # the same in all processes of a run
pytestmark = pytest.mark.slow
PAGES = [path.stem for path in find_notebooks([])] + ["set_up", "glossary", "teachers_guide", "measured", "changelog"]


@cache
def build_book() -> Path:
    """The book as its command builds it, once per test run, whichever process comes first."""
    built_by = BOOK / "built_by"
    BOOK.parent.mkdir(exist_ok=True)
    with LOCK:
        if built_by.exists() and built_by.read_text(encoding="utf-8") == TEST_RUN:
            return BOOK
        shutil.rmtree(BOOK, ignore_errors=True)
        command = [sys.executable, "-m", "mnist_lr_helpers", "book"]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        built_by.write_text(TEST_RUN)
    return BOOK


@pytest.fixture(scope="module")
def book() -> Path:
    return build_book()


def attributes(page: Path, name: str) -> list[str]:
    """All values of an HTML attribute on a page; what scripts and outputs would write later does not count."""
    text = re.sub(r"<(script)\b([^>]*)>.*?</script>", r"<\1\2>", page.read_text(encoding="utf-8"), flags=re.S)
    return [unescape(value) for value in re.findall(rf'<[^<>]*?\s{name}="([^"]*)"', text)]


def test_every_notebook_has_its_page_and_can_be_downloaded_from_it(book: Path) -> None:
    for path in find_notebooks([]):
        assert f"_sources/{path.name}" in attributes(book / f"{path.stem}.html", "href")
        downloaded = nbformat.read(book / "_sources" / path.name, as_version=4)
        assert downloaded == nbformat.read(path, as_version=4)


def test_the_menu_on_each_page_lists_all_pages(book: Path) -> None:
    assert {path.stem for path in book.glob("*.html")} == {*PAGES, "index", "search", "genindex"}
    for page in PAGES:
        menu = set(attributes(book / f"{page}.html", "href"))
        assert {f"{other}.html" for other in PAGES if other != page} <= menu


def test_links_lead_somewhere_and_resources_come_with_the_book(book: Path) -> None:
    anchors = {page.name: set(attributes(page, "id")) for page in book.glob("*.html")}
    for page in book.glob("*.html"):
        for value in attributes(page, "src") + attributes(page, "href"):
            target = urlsplit(value)
            if target.scheme in ("data", "http", "https", "mailto"):
                continue
            assert (book / (unquote(target.path) or page.name)).exists(), f"{page.name}: {value}"
            name = target.path or page.name
            if target.fragment and name in anchors:
                assert unquote(target.fragment) in anchors[name], f"{page.name}: {value}"
        assert not [value for value in attributes(page, "src") if re.match(r"(https?:)?//", value)]
        styles = re.findall(
            r'<link[^>]*rel="(?:stylesheet|preload)"[^>]*href="([^"]*)"', page.read_text(encoding="utf-8")
        )
        assert not [value for value in styles if re.match(r"(https?:)?//", value)]


def test_tables_in_outputs_are_tables(book: Path) -> None:
    for name in PAGES:
        page = (book / f"{name}.html").read_text(encoding="utf-8")
        assert not re.search(r"<p>\|", page), name
        assert "What we found" not in page or re.search(r"<th[^>]*><p>What we found</p></th>", page), name


def test_solutions_are_folded_away(book: Path) -> None:
    for path in find_notebooks([]):
        cells = nbformat.read(path, as_version=4).cells
        solutions = [cell for cell in cells if "solution" in cell.metadata.get("tags", [])]
        text = (book / f"{path.stem}.html").read_text(encoding="utf-8")
        assert len(re.findall(r"<details[^>]*>\s*<summary[^>]*>[^<]*(?:<[^>]*>\s*)*?Show the solution", text)) == len(
            solutions
        )
        assert not re.search(r"<details[^>]* open", text)


def test_every_figure_of_a_notebook_says_what_it_shows(book: Path) -> None:
    for path in find_notebooks([]):
        outputs = [o for cell in nbformat.read(path, as_version=4).cells for o in cell.get("outputs", [])]
        text = (book / f"{path.stem}.html").read_text(encoding="utf-8")
        images = re.findall(r"<img [^>]*>", text[text.index("<article") : text.index("</article>")])
        told = [re.search(r' alt="([^"]{15,})"', image) for image in images]
        assert len(images) >= sum(map(is_picture, outputs)) >= 1
        assert all(told), images


def test_each_page_offers_its_notebook_and_the_next_and_names_no_address(book: Path) -> None:
    notebooks = [path.stem for path in find_notebooks([])]
    for name, following in pairwise([*notebooks, "set_up"]):
        text = (book / f"{name}.html").read_text(encoding="utf-8")
        offers = re.search(r'<p class="offers">(.*?)</p>', text)[1]
        assert re.findall(r'href="([^"]*)"', offers) == [f"_sources/{name}.ipynb", f"{following}.html"]
        assert re.search(r'<meta property="og:description" content="[^"]{15,}"', text)
        assert 'rel="canonical"' not in text
    assert not (book / "sitemap.xml").exists()


def test_a_book_with_addresses_names_them(tmp_path: Path) -> None:
    """Two pages with the book's configuration; the addresses come from the environment."""
    for name in ("conf.py", "_static"):
        source = NOTEBOOKS / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    (tmp_path / "index.md").write_text("# Title\n\nIt says what is & what is not.\n\n```{toctree}\nmore\n```\n")
    (tmp_path / "more.md").write_text("# More\n\nAnother page, with a paragraph.\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", str(tmp_path), str(tmp_path / "out")]
    addresses = {"MNIST_LR_BOOK": "https://example.org/book/", "MNIST_LR_REPOSITORY": "https://example.org/source"}
    subprocess.run(command, env=os.environ | addresses, check=True)
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert '<link rel="canonical" href="https://example.org/book/index.html"' in page
    assert 'property="og:image" content="https://example.org/book/_static/overview.png"' in page
    assert 'content="It says what is &amp; what is not."' in page
    assert 'href="https://example.org/source/issues/new?template=not_understood.yml&amp;lesson=index"' in page
    assert (PROJECT / ".github" / "ISSUE_TEMPLATE" / "not_understood.yml").exists()
    assert (tmp_path / "out" / "_static" / "overview.png").exists()
    listed = re.findall(r"<loc>(.*?)</loc>", (tmp_path / "out" / "sitemap.xml").read_text(encoding="utf-8"))
    assert listed == ["https://example.org/book/index.html", "https://example.org/book/more.html"]


def test_the_book_of_the_executed_edition(tmp_path: Path) -> None:
    """One notebook as run here, the others as committed; the real build, all pages of it, is tested above."""
    given, pages = find_notebooks(["02"])[0], PROJECT / "build" / "book_pages"
    edition = nbformat.read(given, as_version=4)
    edition.cells[0].source += "\n\n[This edition](11_one_vs_rest_from_scratch.ipynb) was run here."
    nbformat.write(edition, tmp_path / given.name)
    command = [sys.executable, "-m", "mnist_lr_helpers", "book", "--builder", "dummy", "--from", str(tmp_path)]
    with LOCK:
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert nbformat.read(pages / given.name, as_version=4) == edition
    assert {path.name for path in pages.glob("*.ipynb")} == {path.name for path in find_notebooks([])}
    assert {"index.md", "glossary.md", "teachers_guide.md", "_static"} <= {path.name for path in pages.iterdir()}


def test_a_broken_link_fails_the_build(tmp_path: Path) -> None:
    for name in ("conf.py", "_static"):
        source = NOTEBOOKS / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    (tmp_path / "index.md").write_text("# Title\n\n[nothing](missing.md) and [no](#such-place), but [yes](#Title)\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "dummy", str(tmp_path)]
    done = subprocess.run([*command, str(tmp_path / "out")], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "'missing.md'" in done.stderr
    assert "'such-place'" in done.stderr
    assert "'Title'" not in done.stderr
