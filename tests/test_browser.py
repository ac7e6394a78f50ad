"""What readers see, in a real Chromium: the book, JupyterLab, and the pad in both."""

import ast
import functools
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from mnist_lr_helpers import live, warps
from mnist_lr_helpers.course.execute import NOTEBOOKS, find_notebooks
from mnist_lr_helpers.data import Dataset
from mnist_lr_helpers.handwriting import prepare

import nbformat
import psutil
import pytest
import torch
from chromium import SCREENSHOTS, ask, draw_seven, needs_chromium, said, stroke, tab, wait_for_figures
from conftest import is_picture
from test_book import PAGES, build_book
from test_live import inputs_of, pages  # noqa: F401 (pages is a fixture)
from test_project import free_port

pytestmark = needs_chromium
PAD = "16_your_handwriting"
IN_THE_LAB = ("04_evaluate_the_model", PAD)  # the notebooks that are run there


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """The book's address on this machine."""
    handler = functools.partial(Quiet, directory=str(build_book()))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(params=["disk", "server"])
def address(request: pytest.FixtureRequest) -> str:
    return build_book().as_uri() if request.param == "disk" else request.getfixturevalue("served")


def formulas_are_drawn(page) -> None:
    """As many drawn formulas as there are in the source, and none that MathJax does not understand."""
    page.wait_for_load_state("load")
    wanted = page.locator(".math").count()
    if wanted:
        page.wait_for_function("window.MathJax?.startup?.promise")
        page.evaluate("MathJax.startup.promise")
    assert page.locator("mjx-container").count() >= wanted
    assert page.locator("mjx-merror, .math:not(:has(mjx-container))").count() == 0


# Click on what is folded, and say which of it shows nothing then. The pad's own folds are open.
CLOSED_FOLDS = """() => [...document.querySelectorAll('details:not(.more)')].filter(fold => {
    const summary = fold.querySelector('summary');
    summary.click();
    return !(fold.open && fold.offsetHeight > summary.offsetHeight + 10);
  }).map(fold => fold.innerText.slice(0, 80))"""


def test_every_page_of_the_book(browser) -> None:
    """From disk, where a browser allows less than from a server."""
    with tab(browser) as (page, watch):
        address, formulas = build_book().as_uri(), 0
        for name in ["index", *PAGES]:
            page.set_viewport_size({"width": 1300, "height": 900})
            page.goto(f"{address}/{name}.html")
            formulas_are_drawn(page)
            formulas += page.locator("mjx-container").count()
            assert page.locator("img").evaluate_all("all => all.every(one => one.complete && one.naturalWidth)")
            assert page.evaluate(CLOSED_FOLDS) == [], name  # a solution's code, a recap's answer
            assert watch.wrong == [], name
            page.set_viewport_size({"width": 390, "height": 844})
            overflow = page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
            assert overflow <= 0, f"{name} is {overflow} pixels too wide for a phone"
        assert formulas > 50


def test_search_finds_softmax(browser, address: str) -> None:
    with tab(browser) as (page, _):
        page.goto(f"{address}/search.html?q=softmax")
        page.locator("#search-results li a").first.wait_for()
        page.wait_for_function("document.querySelector('#search-results p')?.innerText.includes('matching')")
        page.wait_for_load_state("networkidle")
        found = page.locator("#search-results li a").evaluate_all("all => all.map(one => one.getAttribute('href'))")
        assert "02_build_the_model.html" in {urlsplit(link).path for link in found}
        page.screenshot(path=SCREENSHOTS / f"search_{address.split(':')[0]}.png")


def test_screenshots_of_the_book_in_light_dark_and_on_a_phone(browser, served: str) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
    for look, options in {"light": {}, "dark": {"color_scheme": "dark"}, "phone": phone}.items():
        with tab(browser, **options) as (page, _):
            for name in ("index", "02_build_the_model"):
                page.goto(f"{served}/{name}.html")
                formulas_are_drawn(page)
                page.screenshot(path=SCREENSHOTS / f"book_{name}_{look}.png")
            expected = "dark" if look == "dark" else "light"
            assert page.locator("html").get_attribute("data-theme") == expected
            assert page.locator("button.copybtn").count() > 10
            page.locator("details summary").last.scroll_into_view_if_needed()
            page.locator("details summary").last.click()
            page.wait_for_timeout(700)  # it fades in
            page.screenshot(path=SCREENSHOTS / f"book_solution_{look}.png")


# ------ the pad


def pad_of_the_book(page, address: str, state: str = "") -> None:
    page.goto(f"{address}/{PAD}.html{state}")
    wait_for_figures(page)


@pytest.mark.parametrize("look", ["light", "dark"])
def test_pad_in_the_book(browser, served: str, look: str) -> None:
    with tab(browser, color_scheme=look) as (page, _):
        pad_of_the_book(page, served)
        pad = page.locator(".live-figure")
        pad.scroll_into_view_if_needed()
        draw_seven(page)
        said(page, "It says 7")
        ink = pad.evaluate("host => getComputedStyle(host).color.match(/\\d+/)[0]")
        assert (int(ink) > 128) == (look == "dark")  # the pen's colour stands out from the page
        pad.screenshot(path=SCREENSHOTS / f"pad_book_{look}.png")


@pytest.mark.parametrize("i", [0, 1])
def test_pad_in_the_book_reads_test_digits(browser, mnist: Dataset, i: int) -> None:
    """A recognisable share of them: its models are trained ones, and get the pixels as they were in training."""
    images, labels = mnist.to_unit(mnist.test.images[:200]).clamp(0, 1), mnist.test.labels[:200]
    with tab(browser) as (page, _):
        pad_of_the_book(page, build_book().as_uri(), f"#pad=model:{i}")
        answers = torch.tensor(ask(page, f"answers({json.dumps(images.flatten(1).tolist())})"))
    assert (answers.argmax(dim=1) == labels).float().mean() > 0.88


def test_pad_prepares_as_the_notebook_does(browser, digits: Dataset) -> None:
    """Drawings that are moved, resized, turned and spoilt: the page's preparation is the notebook's."""
    draw_again, warp, add_speck = notebook_functions("draw_again", "warp", "add_speck")
    drawn = draw_again(digits.to_unit(digits.test.images[:12]).clamp(0, 1))  # [12, 1, side, side]
    changed = [drawn, drawn.roll((9, -13), dims=(2, 3)), warp(drawn, scale=0.6), warp(drawn, scale=1.25)]
    changed += [warp(drawn, across=0.5), warp(drawn, angle=30.0), add_speck(drawn), torch.zeros_like(drawn[:1])]
    drawings = torch.cat(changed)
    inks = ["".join("01"[dot] for dot in one) for one in drawings.flatten(1).int().tolist()]
    with tab(browser) as (page, _):
        pad_of_the_book(page, build_book().as_uri())
        script = """(host, [all, side]) =>
            JSON.stringify(all.map(ink => Array.from(host.figure.prepare(Array.from(ink, Number), side))))"""
        seen = page.locator(".live-figure").evaluate(script, [inks, drawings.shape[2]])
    assert torch.allclose(torch.tensor(json.loads(seen)), prepare(drawings).flatten(1), rtol=0, atol=1e-4)


def notebook_functions(*names: str) -> list[Callable[..., torch.Tensor]]:
    """Functions that notebook 16 defines, without running the rest of it."""
    known: dict[str, object] = {"torch": torch, "nn": torch.nn, "warps": warps}
    for cell in nbformat.read(NOTEBOOKS / f"{PAD}.ipynb", as_version=4).cells:
        if cell.cell_type == "code":
            nodes = ast.parse(cell.source).body
            wanted = [node for node in nodes if isinstance(node, ast.FunctionDef) or is_constant(node)]
            exec("\n".join(map(ast.unparse, wanted)), known)
    return [known[name] for name in names]


def is_constant(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)


# ------ JupyterLab


# Run in the kernel behind the pad: real test digits, and what the notebook's own models say of them.
ASKED = """\
import json
ink = dataset.to_unit(dataset.test.images[:20]).clamp(0, 1)
given = Split((ink - dataset.mean) / dataset.std, dataset.test.labels[:20])
said = [evaluation.predict(model, given).probabilities.tolist() for model in judges.values()]
print("ASKED:" + json.dumps({"ink": ink.flatten(1).tolist(), "probabilities": said}))"""


def notebook_of_figures(digits: Dataset) -> nbformat.NotebookNode:
    """Each live figure in a cell of its own, with the output that a run of it has left."""
    cells = []
    for name in live.NAMES:
        code = f"from test_live import shown\n\nshown({name!r})"
        shown = live.show(name, **inputs_of(name, digits))
        data = {"text/html": shown.data, "text/plain": repr(shown)}
        output = nbformat.v4.new_output("execute_result", data, execution_count=20)
        cells.append(nbformat.v4.new_code_cell(code, execution_count=20, outputs=[output]))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, digits: Dataset) -> Iterator[str]:
    """JupyterLab on copies of the notebooks; those that will be run are set to the quick run."""
    folder = tmp_path_factory.mktemp("lab")
    settings = {"notebook-extension/tracker": {"windowingMode": "none"}}  # every cell is in the page
    settings["apputils-extension/notification"] = {"fetchNews": "false", "checkForUpdates": False}
    for name, values in settings.items():
        path = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(values))
    (folder / "notebooks").mkdir()
    for path in find_notebooks([]):
        shutil.copy(path, folder / "notebooks")
    for name in IN_THE_LAB:
        path = folder / "notebooks" / f"{name}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            cell.source = re.sub(r"^QUICK = False ", "QUICK = True ", cell.source, flags=re.MULTILINE)
            cell.source = cell.source.replace('DATASET = "auto"', 'DATASET = "digits"')  # which need no network
        if name == PAD:
            notebook.cells.append(nbformat.v4.new_code_cell(ASKED))
        nbformat.write(notebook, folder / "notebooks" / f"quick_{name}.ipynb")
    nbformat.write(notebook_of_figures(digits), folder / "notebooks" / "figures.ipynb")
    port = free_port()
    options = [
        "--no-browser",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        "--IdentityProvider.token=",
        "--expose-app-in-browser",
        "--allow-root",
    ]
    options += [f"--notebook-dir={folder / 'notebooks'}", f"--LabApp.user_settings_dir={folder / 'settings'}"]
    options += [f"--LabApp.workspaces_dir={folder / 'workspaces'}", "--ip=127.0.0.1"]
    command = [sys.executable, "-m", "jupyter", "lab", *options]
    environment = os.environ | {"JUPYTER_CONFIG_DIR": str(folder / "config"), "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("MPLBACKEND", None)  # the other tests' choice would keep figures out of the notebooks
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, stderr=log, stdout=log, start_new_session=True, env=environment)
    try:
        wait_for(f"http://127.0.0.1:{port}/api", server, folder / "log")
        yield f"http://127.0.0.1:{port}/lab/tree"
    finally:
        family = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
        for process in family:  # the kernels too, which have process groups of their own
            process.kill()
        psutil.wait_procs(family, timeout=10)


def wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=5).read()
            return
        except OSError:
            assert server.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
            time.sleep(0.3)


ERRORS = ".jp-Notebook [data-mime-type*=error], .jp-Notebook [data-mime-type*=stderr]"


def open_in_lab(page, lab: str, name: str) -> None:
    page.goto(f"{lab}/{name}.ipynb?reset")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    cells = len(nbformat.read(NOTEBOOKS / f"{name.removeprefix('quick_')}.ipynb", as_version=4).cells)
    cells += name == f"quick_{PAD}"  # the one that asks the models in the kernel
    page.wait_for_function(f"document.querySelectorAll('.jp-Notebook .jp-Cell').length === {cells}")


SHOWN_OUTPUTS = "document.querySelectorAll('.jp-Notebook .jp-OutputArea-output').length"


def test_lab_opens_notebooks_with_their_outputs(browser, lab: str) -> None:
    """The first lesson and the one with most outputs; each takes seconds to open, and the book shows them all."""
    with tab(browser) as (page, watch):
        for path in find_notebooks(["00", "05"]):
            outputs = [o for cell in nbformat.read(path, as_version=4).cells for o in cell.get("outputs", [])]
            figures = sum(is_picture(o) or "live-figure" in o.get("data", {}).get("text/html", "") for o in outputs)
            open_in_lab(page, lab, path.stem)
            shown = "document.querySelectorAll('{}').length === {}".format
            page.wait_for_function(shown(".jp-OutputArea-output img", figures))
            joined = sum(a.get("name", 0) == b.get("name", 1) for a, b in pairwise(outputs))  # texts in a row
            page.wait_for_function(f"{len(outputs)} - {SHOWN_OUTPUTS} <= {joined}")
            assert page.locator(ERRORS).count() == 0
        page.screenshot(path=SCREENSHOTS / "lab_opened.png")
        watch.wrong = [line for line in watch.wrong if "failed" not in line]


SEEN_BARS = """() => { window.bars = 0; new MutationObserver(() => {
    for (const bar of document.querySelectorAll('.jupyter-widgets [role=progressbar], .jupyter-widgets progress,'
        + '.widget-hprogress, .jupyter-widget-hprogress')) if (bar.offsetWidth > 20) window.bars += 1;
  }).observe(document.body, {childList: true, subtree: true, attributes: true}); }"""


# What the menu's "Run All Cells" does, but not before the kernel has answered; ends when the last cell has.
RUN_ALL = """async () => {
    const context = window.jupyterapp.shell.currentWidget.sessionContext;
    await context.ready;
    await context.session.kernel.info;
    await window.jupyterapp.commands.execute('notebook:run-all-cells');
  }"""


def run_all(page) -> None:
    """Run every cell of a fresh kernel, wait until the last one is done, and see that none failed."""
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
    page.evaluate(RUN_ALL)
    assert page.locator(ERRORS).all_inner_texts() == []


@pytest.mark.parametrize("name", IN_THE_LAB)
def test_lab_runs_a_notebook(browser, lab: str, name: str) -> None:
    with tab(browser) as (page, watch):
        open_in_lab(page, lab, f"quick_{name}")
        page.evaluate(SEEN_BARS)
        run_all(page)
        assert page.evaluate("window.bars") > 0, "no progress bar was to be seen"
        pictures = page.locator(".jp-OutputArea-output img")
        assert pictures.count() >= 3
        assert pictures.evaluate_all("all => all.every(one => one.naturalWidth > 100)")
        assert "not judged (quick run)" in page.locator(".jp-Notebook").inner_text()
        if name == PAD:
            pad_in_the_lab(page)
        page.screenshot(path=SCREENSHOTS / f"lab_{name}.png")
        watch.wrong = [line for line in watch.wrong if "failed" not in line]


# What each figure is set to, and what it answers then.
ANSWERS = {
    "errors": ({"cell": "4_9"}, "look()"),
    "kernel": ({"relu": "on"}, "map()"),
    "pad": ({"model": 1}, "answers([Array(784).fill(0.5)])"),
    "plane": ({"w1": -4, "w2": 3, "b": 0.5}, "gradient()"),
    "sampling": ({"size": 100}, "counts([0.02, 0.5, 0.99])"),
    "softmax": ({"temperature": 0.5}, "probabilities()"),
    "threshold": ({"class": "8", "threshold": 0.8}, "counts()"),
    "train": ({"lr": 0.05, "batch": 16, "momentum": 0.9, "steps": 100}, "weights()"),
}


def answers_of_all(page) -> dict[str, object]:
    wait_for_figures(page)
    script = """([name, state, question]) => {
        const figure = document.querySelector(`.live-figure[data-figure=${name}]`).figure;
        figure.set(state);
        return JSON.stringify(eval(`figure.${question}`));
    }"""
    return {
        name: json.loads(page.evaluate(script, [name, state, question])) for name, (state, question) in ANSWERS.items()
    }


def test_figures_in_the_lab_compute_what_they_compute_in_a_page(browser, lab: str, pages: Path) -> None:  # noqa: F811
    """Opened and not yet trusted: pictures and how to start them. Run: the numbers of the pages in test_live.py."""
    assert set(ANSWERS) == set(live.NAMES)
    with tab(browser) as (page, _):
        page.goto((pages / "all.html").as_uri())
        wanted = answers_of_all(page)
    with tab(browser) as (page, watch):
        page.goto(f"{lab}/figures.ipynb?reset")
        page.locator(".live-figure").nth(len(live.NAMES) - 1).wait_for()
        assert page.locator(".live-figure", has_text=live.HOW_TO_START).count() == len(live.NAMES)
        pictures = page.locator(".live-figure img")
        assert pictures.evaluate_all("all => all.every(one => one.naturalWidth > 100)")
        run_all(page)
        page.wait_for_function(f"document.querySelectorAll('.live-figure').length === {len(live.NAMES)}")
        assert answers_of_all(page) == wanted
        page.screenshot(path=SCREENSHOTS / "lab_figures.png")
        watch.wrong = [line for line in watch.wrong if "failed" not in line]


def pad_in_the_lab(page) -> None:
    """The pad answers as the kernel's models do, and its keys do nothing to the notebook."""
    wait_for_figures(page)
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    printed = page.locator(".jp-OutputArea-output", has_text="ASKED:").last.inner_text()
    asked = json.loads(printed.partition("ASKED:")[2])
    for i, probabilities in reversed([*enumerate(asked["probabilities"])]):
        ask(page, f"set({{model: {i}}})")
        answers = torch.tensor(ask(page, f"answers({json.dumps(asked['ink'])})"))
        assert torch.allclose(answers, torch.tensor(probabilities), rtol=0, atol=1e-4)
    page.locator(".live-figure").scroll_into_view_if_needed()
    page.get_by_role("button", name="Clear").click()
    stroke(page, (0.5, 0.2), (0.5, 0.8))
    for key in ("b", "a", "d", "d", "x", "Backspace"):
        page.keyboard.press(key)
    said(page, "Draw a digit")
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells
    draw_seven(page)
    said(page, "It says")
    page.locator(".live-figure").screenshot(path=SCREENSHOTS / "pad_lab.png")
