"""Configuration of the book: Sphinx with MyST-NB turns the committed notebooks, as they are, into static pages.

With ``-t print`` the core becomes one page to be printed, with ``-t slides`` each lesson of the core a page of slides.
The environment may name the addresses that a published book has: ``MNIST_LR_BOOK``, its own, for search engines and for
who shares a page, and ``MNIST_LR_REPOSITORY``, its source's, where readers say what they did not understand.
"""

import json
import os
import re
from html import escape
from operator import methodcaller
from pathlib import Path
from urllib.parse import quote

from docutils import nodes

SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
EDITION = next((name for name in ("print", "slides") if tags.has(name)), "book")  # noqa: F821 - Sphinx gives the tags

project = "Logistic regression on MNIST, measured"
author = "the authors of the course"
copyright = author
language = "en"

extensions = ["myst_nb", "sphinx_copybutton", "sphinx-mathjax-offline"]
suppress_warnings = ["mystnb.unknown_mime_type"]  # the entry by which the table of a run knows the data set
exclude_patterns = [".ipynb_checkpoints", "**/.ipynb_checkpoints"]
if EDITION == "book":
    exclude_patterns += ["core.md"]
else:
    root_doc = "core"
    exclude_patterns += ["0[6-9]_*", "1[0-9]_*", "[!cg]*.md", "changelog.md"]
    suppress_warnings += ["myst.xref_missing"]  # the core names lessons that are not in it
myst_enable_extensions = ["dollarmath", "amsmath", "deflist"]
myst_heading_anchors = 3
# A heading's anchor is what JupyterLab makes of it, so that a link works in both. (Sphinx can store no function here.)
myst_heading_slug_func = methodcaller("replace", " ", "-")

nb_execution_mode = "off"  # the outputs are those of the committed notebooks
nb_render_markdown_format = "myst"  # in outputs, too: the default knows no tables
nb_ipywidgets_js = {}  # the notebooks keep no widgets, so no page needs their scripts from elsewhere
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["_static"]
html_baseurl = os.environ.get("MNIST_LR_BOOK", "").rstrip("/")
html_baseurl += "/" if html_baseurl else ""  # makes each page's canonical address
repository = os.environ.get("MNIST_LR_REPOSITORY", "").rstrip("/")
html_favicon = "_static/favicon.svg"
html_css_files = ["book.css"]
html_js_files = ["book.js"]
html_copy_source = True  # what the download button hands out
html_show_sphinx = False
html_show_copyright = False
html_context = {"default_mode": "auto"}  # dark or light, as the reader's system has it
html_theme_options = {
    "use_download_button": True,
    "use_fullscreen_button": False,
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "home_page_in_toc": True,
    "secondary_sidebar_items": ["page-toc"],
    "navbar_persistent": [],  # one search field is enough
    "footer_content_items": [],
}
if EDITION != "book":
    html_theme, html_theme_options, html_sidebars = "basic", {}, {"**": []}
    html_css_files, html_js_files = [f"{EDITION}.css"], [f"{EDITION}.js"]


def setup(app) -> None:
    """Sphinx calls this before it reads the pages."""
    app.connect("source-read", prepare)
    if EDITION == "book":
        app.connect("html-page-context", offer)
        app.connect("build-finished", list_pages)


def offer(app, page: str, _: str, context: dict, doctree: nodes.document | None) -> None:
    """Say at a page's end where its notebook is, what comes next, and where to ask; and in its head, what it is."""
    if doctree is None:
        return
    offers = []
    if Path(app.env.doc2path(page)).suffix == ".ipynb":
        offers.append(f'<a href="_sources/{page}.ipynb" download>This page as a notebook</a>')
    if context["next"]:
        offers.append(f'<a href="{context["next"]["link"]}">Next: {context["next"]["title"]}</a>')
    if repository:
        form = f"{repository}/issues/new?template=not_understood.yml&lesson={quote(page)}"
        offers.append(f'<a href="{escape(form)}">I did not understand this</a>')
    context["body"] += f'<p class="offers">{" · ".join(offers)}</p>'
    texts = (text.astext() for text in doctree.findall(nodes.paragraph))
    about = escape(" ".join(next((text for text in texts if len(text) > 20), project).split())[:200])
    told = {
        "og:type": "article",
        "og:site_name": project,
        "og:title": escape(context["title"]),
        "og:description": about,
    }
    if html_baseurl:  # an image and an address count in full alone
        told |= {"og:url": context["pageurl"], "og:image": f"{html_baseurl}_static/overview.png"}
        told["og:image:alt"] = "Ten images that a model learned, one for each digit"
    context["metatags"] += f'<meta name="description" content="{about}">'
    context["metatags"] += "".join(f'<meta property="{name}" content="{text}">' for name, text in told.items())
    context["metatags"] += '<meta name="twitter:card" content="summary_large_image">'


def list_pages(app, failure: Exception | None) -> None:
    """Write the sitemap of a book that has an address."""
    if html_baseurl and not failure and app.builder.name == "html":
        pages = "".join(f"<url><loc>{html_baseurl}{page}.html</loc></url>" for page in sorted(app.env.found_docs))
        text = f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="{SITEMAP}">{pages}</urlset>\n'
        Path(app.outdir, "sitemap.xml").write_text(text, encoding="utf-8")


def prepare(_: object, __: str, source: list[str]) -> None:
    """Make of a notebook's cells what the edition shows."""
    if not source[0].startswith("{"):
        return
    notebook = json.loads(source[0])
    for cell in notebook["cells"]:
        name_solution(cell)
    if EDITION == "print":
        notebook["cells"] = [cell for cell in notebook["cells"] if "found.verdicts" not in "".join(cell["source"])]
        for cell in notebook["cells"]:
            keep_stills(cell)
    if EDITION == "slides":
        notebook["cells"] = [part for cell in notebook["cells"] for part in on_slides(cell)]
    source[0] = json.dumps(notebook)


def name_solution(cell: dict) -> None:
    """Let the button above a folded cell say whether it shows a solution."""
    if "solution" in cell["metadata"].get("tags", []):
        prompts = {"code_prompt_show": "Show the solution", "code_prompt_hide": "Hide the solution"}
        cell["metadata"].setdefault("mystnb", {}).update(prompts)


def keep_stills(cell: dict) -> None:
    """Take away the page of a live figure; the picture that comes with it stays."""
    for output in cell.get("outputs", []):
        if {"image/png", "text/html"} <= set(output.get("data", {})):
            del output["data"]["text/html"]


def on_slides(cell: dict) -> list[dict]:
    """The cell with a mark before it where a slide or a fragment begins; nothing of one that is to be skipped.

    A text that begins a slide begins one with each of its headings; what stands before them reads the last figure.
    """
    kind = cell["metadata"].get("slideshow", {}).get("slide_type", "-")
    if kind in ("skip", "notes"):
        return []
    texts = [cell["source"]]
    if kind == "slide" and cell["cell_type"] == "markdown":
        texts = [text for text in re.split(r"^(?=#{1,4} )", "".join(texts[0]), flags=re.MULTILINE) if text.strip()]
    parts = []
    for number, text in enumerate(texts):
        begins = "fragment" if len(texts) > 1 and not text.startswith("#") else kind
        if begins != "-":
            mark = f'<hr class="begin-{begins}">'
            parts.append({"cell_type": "markdown", "id": f"{cell['id']}-{number}m", "metadata": {}, "source": mark})
        parts.append(cell | {"id": f"{cell['id']}-{number}", "source": text})
    return parts
