"""Configuration of the book: Sphinx with MyST-NB turns the committed notebooks, as they are, into static pages."""

import json
from operator import methodcaller

project = "Logistic regression on MNIST, measured"
author = "the authors of the course"
copyright = author
language = "en"

extensions = ["myst_nb", "sphinx_copybutton", "sphinx-mathjax-offline"]
exclude_patterns = [".ipynb_checkpoints", "**/.ipynb_checkpoints"]
myst_enable_extensions = ["dollarmath", "amsmath", "deflist"]
myst_heading_anchors = 3
# A heading's anchor is what JupyterLab makes of it, so that a link works in both. (Sphinx can store no function here.)
myst_heading_slug_func = methodcaller("replace", " ", "-")

nb_execution_mode = "off"  # the outputs are those of the committed notebooks
nb_render_markdown_format = "myst"  # in outputs, too: the default knows no tables
nb_ipywidgets_js = {}  # the notebooks keep no widgets, so no page needs their scripts from elsewhere
suppress_warnings = ["mystnb.unknown_mime_type"]  # the entry by which the table of a run knows the data set
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["_static"]
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


def setup(app) -> None:
    """Sphinx calls this before it reads the pages."""
    app.connect("source-read", name_solutions)


def name_solutions(_: object, __: str, source: list[str]) -> None:
    """Let the button above a folded cell say whether it shows a solution."""
    if not source[0].startswith("{"):
        return
    notebook = json.loads(source[0])
    for cell in notebook["cells"]:
        if "solution" in cell["metadata"].get("tags", []):
            prompts = {"code_prompt_show": "Show the solution", "code_prompt_hide": "Hide the solution"}
            cell["metadata"].setdefault("mystnb", {}).update(prompts)
    source[0] = json.dumps(notebook)
