"""What readers see, in a real Chromium: the book, JupyterLab, and the pad in both."""

import ast
import functools
import http.server
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import psutil
import pytest
import torch
from test_book import PAGES, build_book
from test_project import free_port

from mnist_lr_helpers import evaluation, features, models, runner
from mnist_lr_helpers.data import DataError, Dataset, load_data

playwright_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here (Debian's package is called chromium)")
SCREENSHOTS = runner.PROJECT / "build" / "screenshots"
PAD = "11_draw_a_digit"
IN_THE_LAB = ("04_evaluate_the_model", PAD)  # the notebooks that are run there


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


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with playwright_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        yield chromium
        chromium.close()


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


def test_every_page_of_the_book(browser, address: str) -> None:
    with tab(browser) as (page, watch):
        formulas = 0
        for name in ["index", *PAGES]:
            page.set_viewport_size({"width": 1300, "height": 900})
            page.goto(f"{address}/{name}.html")
            formulas_are_drawn(page)
            formulas += page.locator("mjx-container").count()
            assert page.locator("img").evaluate_all("all => all.every(one => one.complete && one.naturalWidth)")
            for fold in page.locator("details").all():
                fold.locator("summary").click()
                assert fold.locator(":scope > :not(summary)").first.is_visible()  # a solution's code, a recap's answer
            videos = page.locator("video").all()
            assert videos or not name.startswith("06_"), "the video of notebook 06 is missing"
            for video in videos:
                assert video.evaluate("async v => { v.muted = true; await v.play(); return v.videoWidth }") > 0
                page.wait_for_function("v => v.currentTime > 0", arg=video.element_handle())
            assert watch.wrong == [], name
            if address.startswith("file"):  # once is enough
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
            page.locator("#exercises").scroll_into_view_if_needed()
            page.locator("details summary").first.click()
            page.wait_for_timeout(700)  # it fades in
            page.screenshot(path=SCREENSHOTS / f"book_solution_{look}.png")


# ------ the pad


def torch_models(pad) -> list[torch.nn.Module]:
    """The page's models, rebuilt in PyTorch from the numbers that the page computes with."""
    listed = pad.evaluate("""host => host.models.map(m => ({...m, layers: m.layers.map(
        l => ({...l, weight: Array.from(l.weight), bias: Array.from(l.bias)}))}))""")
    rebuilt = []
    for one in listed:
        *convolutions, last = one["layers"]
        n_classes, generator = len(last["bias"]), torch.Generator().manual_seed(0)
        shape = {"n_classes": n_classes, "generator": generator}
        model = models.LogisticRegression(**shape)
        if convolutions:
            channels, size = [layer["outputs"] for layer in convolutions], convolutions[0]["size"]
            model = models.ConvolutionalNetwork(channels, kernel_size=size, **shape)
        numbers = [torch.tensor(layer[kind]) for layer in one["layers"] for kind in ("weight", "bias")]
        with torch.no_grad():
            for parameter, values in zip(model.parameters(), numbers, strict=True):
                parameter.copy_(values.view(parameter.shape))
        model.mean, model.std = one["mean"], one["std"]
        rebuilt.append(model)
    return rebuilt


def compare_with_torch(page, images: torch.Tensor) -> torch.Tensor:
    """Assert that each model of the pad says what PyTorch says of ink [n, 1, 28, 28]; return PyTorch's answers."""
    pad, answers = page.locator(".digit-pad"), []
    for i, model in enumerate(torch_models(pad)):
        page.locator(".digit-pad select.model").select_option(str(i))
        page.wait_for_timeout(100)
        said, took = said_by_the_page(pad, images)
        with torch.inference_mode():
            answers.append(model.eval().predict_proba((images - model.mean) / model.std))
        assert torch.allclose(said, answers[-1], rtol=0, atol=1e-4)
        print(f"model {i}: {took:.1f} ms")
        assert took < 30
    page.locator(".digit-pad select.model").select_option("0")
    return torch.stack(answers)


def said_by_the_page(pad, images: torch.Tensor) -> tuple[torch.Tensor, float]:
    """The probabilities [n, classes] that the pad's model computes, and the median of its milliseconds."""
    # As text: Playwright takes long to hand over many numbers.
    script = "(host, all) => JSON.parse(all).map(one => [host.setPixels(one), host.milliseconds])"
    said = pad.evaluate(script, json.dumps(images.flatten(1).tolist()))
    return torch.tensor([one for one, _ in said]), statistics.median(took for _, took in said)


def test_digits() -> Dataset:
    try:
        return load_data("mnist")
    except DataError:
        return load_data("digits")


test_digits.__test__ = False


def stroke(page, points: list[tuple[float, float]]) -> None:
    """Draw with the mouse; places are fractions of the surface."""
    box = page.locator(".digit-pad .surface").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()
    page.wait_for_timeout(100)


def state(page) -> tuple[int, float]:
    """The pad's answer and how much ink its model sees."""
    return tuple(
        page.locator(".digit-pad").evaluate(
            "h => [h.probabilities.indexOf(Math.max(...h.probabilities)), h.pixels.reduce((a, b) => a + b)]"
        )
    )


def use_the_pad(page) -> None:
    """Draw, undo, clear; by mouse and by keyboard."""
    pad = page.locator(".digit-pad")
    pad.scroll_into_view_if_needed()
    ring = [(0.5 + 0.22 * x, 0.5 + 0.3 * y) for x, y in zip(*circle(), strict=True)]
    stroke(page, ring)
    assert state(page)[0] == 0
    with_ring = state(page)
    stroke(page, [(0.8, 0.2), (0.8, 0.8)])
    assert state(page) != with_ring
    pad.locator(".undo").click()
    page.wait_for_timeout(100)
    assert state(page) == with_ring
    pad.locator(".clear").click()
    page.wait_for_timeout(100)
    assert state(page)[1] == 0
    pad.locator(".surface").focus()
    for key in ["ArrowUp"] * 9 + ["Space"] + ["ArrowDown"] * 18 + ["Space"]:
        page.keyboard.press(key)
    page.wait_for_timeout(100)
    answer, inked = state(page)
    assert answer == 1
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(100)
    assert state(page)[1] == inked  # the pen is up
    page.keyboard.press("u")
    page.wait_for_timeout(100)
    assert state(page)[1] == 0
    stroke(page, [(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)])
    assert "It says 7" in pad.locator(".said").inner_text()


def circle() -> tuple[list[float], list[float]]:
    turn = torch.linspace(-1.5708, 4.8, 30)
    return turn.cos().tolist(), turn.sin().tolist()


@pytest.mark.parametrize("look", ["light", "dark"])
def test_pad_in_the_book(browser, served: str, look: str) -> None:
    with tab(browser, color_scheme=look) as (page, _):
        page.goto(f"{served}/{PAD}.html")
        use_the_pad(page)
        ink = page.locator(".digit-pad").evaluate("host => getComputedStyle(host).color.match(/\\d+/)[0]")
        assert (int(ink) > 128) == (look == "dark")  # the pen's colour stands out from the page
        page.locator(".digit-pad").screenshot(path=SCREENSHOTS / f"pad_book_{look}.png")
        page.screenshot(path=SCREENSHOTS / f"pad_page_{look}.png")


def test_pad_says_what_pytorch_says(browser) -> None:
    dataset = test_digits()
    images, labels = dataset.to_unit(dataset.test.images[:200]).clamp(0, 1), dataset.test.labels[:200]
    with tab(browser) as (page, _):
        page.goto(f"{build_book().as_uri()}/{PAD}.html")
        answers = compare_with_torch(page, images)
        if dataset.name == "mnist":
            assert (answers.argmax(dim=2) == labels).float().mean(dim=1).min() > 0.88
            they_are_the_models_of_the_notebook(torch_models(page.locator(".digit-pad")), dataset)
            large = torch.nn.functional.interpolate(images[:20], size=280, mode="bicubic") > 0.5
            inks = ["".join("01"[dot] for dot in one) for one in large.flatten(1).int().tolist()]
            prepared = page.locator(".digit-pad").evaluate(
                "(host, all) => JSON.stringify(all.map(one => Array.from(host.prepare([...one].map(Number), 280))))",
                inks,
            )
            assert (torch.tensor(json.loads(prepared)) - images[:20].flatten(1)).abs().mean() < 0.025


def they_are_the_models_of_the_notebook(rebuilt: list[torch.nn.Module], dataset: Dataset) -> None:
    """On the validation images they score what the notebook's output says of its own models."""
    outputs = [
        o for c in nbformat.read(runner.NOTEBOOKS / f"{PAD}.ipynb", as_version=4).cells for o in c.get("outputs", [])
    ]
    told = re.findall(
        r"([\d,]+) parameters\) gets ([\d.]+)%", "".join(o.get("data", {}).get("text/markdown", "") for o in outputs)
    )
    assert len(told) == len(rebuilt)
    for model, (parameters, percent) in zip(rebuilt, told, strict=True):
        assert models.parameter_count(model) == int(parameters.replace(",", ""))
        assert f"{100 * evaluation.predict(model, dataset.validation).accuracy:.1f}" == percent


def notebook_functions(*names: str) -> list[object]:
    """Functions that notebook 11 defines, without running the rest of it."""
    known: dict[str, object] = {"torch": torch, "nn": torch.nn, "features": features}
    for cell in nbformat.read(runner.NOTEBOOKS / f"{PAD}.ipynb", as_version=4).cells:
        if cell.cell_type == "code":
            wanted = [n for n in ast.parse(cell.source).body if isinstance(n, ast.FunctionDef | ast.Assign)]
            if "parameters" not in cell.metadata.get("tags", []):
                wanted = [node for node in wanted if isinstance(node, ast.FunctionDef)]
            exec("\n".join(map(ast.unparse, wanted)), known)
    return [known[name] for name in names]


def test_pad_prepares_as_the_notebook_does(browser) -> None:
    """Drawings that are moved, resized, turned and spoilt: the page's preparation is the notebook's."""
    dataset = test_digits()
    prepare, draw_again, warp, add_speck = notebook_functions("prepare", "draw_again", "warp", "add_speck")
    drawn = draw_again(dataset.to_unit(dataset.test.images[:12]).clamp(0, 1))  # [12, 1, side, side]
    changed = [drawn, drawn.roll((9, -13), dims=(2, 3)), warp(drawn, scale=0.6), warp(drawn, scale=1.25)]
    changed += [warp(drawn, across=0.5), warp(drawn, angle=30.0), add_speck(drawn), torch.zeros_like(drawn[:1])]
    drawings = torch.cat(changed)
    inks = ["".join("01"[dot] for dot in one) for one in drawings.flatten(1).int().tolist()]
    with tab(browser) as (page, _):
        page.goto(f"{build_book().as_uri()}/{PAD}.html")
        script = (
            "(host, [all, side]) => JSON.stringify(all.map(i => Array.from(host.prepare([...i].map(Number), side))))"
        )
        seen = page.locator(".digit-pad").evaluate(script, [inks, drawings.shape[2]])
    assert torch.allclose(torch.tensor(json.loads(seen)), prepare(drawings).flatten(1), rtol=0, atol=1e-4)


def test_pad_on_a_phone_with_a_finger(browser, served: str) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
    with tab(browser, **phone) as (page, _):
        page.goto(f"{served}/{PAD}.html")
        surface = page.locator(".digit-pad .surface")
        surface.evaluate("one => one.scrollIntoView({block: 'center', behavior: 'instant'})")
        page.wait_for_timeout(500)
        before, box = page.evaluate("scrollY"), surface.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        finger = page.context.new_cdp_session(page)
        path = [
            {"x": box["x"] + 0.5 * box["width"], "y": box["y"] + (0.2 + 0.03 * i) * box["height"]} for i in range(21)
        ]
        for kind, point in [("touchStart", path[0]), *[("touchMove", one) for one in path[1:]]]:
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
        finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_timeout(200)
        assert state(page)[0] == 1
        assert page.evaluate("scrollY") == before
        page.screenshot(path=SCREENSHOTS / "pad_phone.png")


# ------ JupyterLab


# Run in the kernel behind the pad: real test digits, and what the notebook's own models say of them.
ASKED = """\
import json
ink = dataset.to_unit(dataset.test.images[:20]).clamp(0, 1)
given = Split((ink - dataset.mean) / dataset.std, dataset.test.labels[:20])
said = [evaluation.predict(model, given).probabilities.tolist() for model in judges.values()]
print("ASKED:" + json.dumps({"ink": ink.flatten(1).tolist(), "probabilities": said}))"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """JupyterLab on copies of the notebooks; those that will be run are set to the quick run."""
    folder = tmp_path_factory.mktemp("lab")
    settings = {"notebook-extension/tracker": {"windowingMode": "none"}}  # every cell is in the page
    settings["apputils-extension/notification"] = {"fetchNews": "false", "checkForUpdates": False}
    for name, values in settings.items():
        path = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(values))
    (folder / "notebooks").mkdir()
    for path in runner.find_notebooks([]):
        shutil.copy(path, folder / "notebooks")
    for name in IN_THE_LAB:
        path = folder / "notebooks" / f"{name}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            cell.source = re.sub(r"^QUICK = False ", "QUICK = True ", cell.source, flags=re.MULTILINE)
        if name == PAD:
            notebook.cells.append(nbformat.v4.new_code_cell(ASKED))
        nbformat.write(notebook, folder / "notebooks" / f"quick_{name}.ipynb")
    port = free_port()
    options = [
        "--no-browser",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        "--IdentityProvider.token=",
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
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.3)


ERRORS = ".jp-Notebook [data-mime-type*=error], .jp-Notebook [data-mime-type*=stderr]"


def open_in_lab(page, lab: str, name: str) -> None:
    page.goto(f"{lab}/{name}.ipynb?reset")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    cells = len(nbformat.read(runner.NOTEBOOKS / f"{name.removeprefix('quick_')}.ipynb", as_version=4).cells)
    cells += name == f"quick_{PAD}"  # the one that asks the models in the kernel
    page.wait_for_function(f"document.querySelectorAll('.jp-Notebook .jp-Cell').length === {cells}")


SHOWN_OUTPUTS = "document.querySelectorAll('.jp-Notebook .jp-OutputArea-output').length"


def test_lab_opens_every_notebook_with_its_outputs(browser, lab: str) -> None:
    with tab(browser) as (page, watch):
        for path in runner.find_notebooks([]):
            outputs = [o for cell in nbformat.read(path, as_version=4).cells for o in cell.get("outputs", [])]
            kinds = [output.get("data", {}) for output in outputs]
            figures = sum("image/png" in kind and "text/html" not in kind for kind in kinds)  # those of pages are live
            open_in_lab(page, lab, path.stem)
            shown = "document.querySelectorAll('{}').length === {}".format
            page.wait_for_function(shown(".jp-RenderedImage img", figures))
            joined = sum(a.get("name", 0) == b.get("name", 1) for a, b in pairwise(outputs))  # texts in a row
            page.wait_for_function(f"{len(outputs)} - {SHOWN_OUTPUTS} <= {joined}")
            assert page.locator(ERRORS).count() == 0
        page.screenshot(path=SCREENSHOTS / "lab_opened.png")
        watch.wrong = [line for line in watch.wrong if "failed" not in line]


SEEN_BARS = """() => { window.bars = 0; new MutationObserver(() => {
    for (const bar of document.querySelectorAll('.jupyter-widgets [role=progressbar], .jupyter-widgets progress,'
        + '.widget-hprogress, .jupyter-widget-hprogress')) if (bar.offsetWidth > 20) window.bars += 1;
  }).observe(document.body, {childList: true, subtree: true, attributes: true}); }"""


@pytest.mark.parametrize("name", IN_THE_LAB)
def test_lab_runs_a_notebook(browser, lab: str, name: str) -> None:
    with tab(browser) as (page, watch):
        open_in_lab(page, lab, f"quick_{name}")
        page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
        page.evaluate(SEEN_BARS)
        page.locator(".lm-MenuBar-itemLabel", has_text="Run").first.click()
        page.locator(".lm-Menu-itemLabel", has_text="Run All Cells").first.click()
        page.wait_for_function(
            """() => [...document.querySelectorAll('.jp-InputPrompt')].some(p => p.innerText.includes('[*]'))"""
        )
        page.wait_for_function(
            """() => ![...document.querySelectorAll('.jp-InputPrompt')].some(p => p.innerText.includes('[*]'))""",
            timeout=180_000,
        )
        assert page.locator(ERRORS).all_inner_texts() == []
        assert page.evaluate("window.bars") > 0, "no progress bar was to be seen"
        pictures = page.locator(".jp-RenderedImage img")
        assert pictures.count() >= 3
        assert pictures.evaluate_all("all => all.every(one => one.naturalWidth > 100)")
        assert "not judged (quick run)" in page.locator(".jp-Notebook").inner_text()
        if name == PAD:
            pad_in_the_lab(page)
        page.screenshot(path=SCREENSHOTS / f"lab_{name}.png")
        watch.wrong = [line for line in watch.wrong if "failed" not in line]


def pad_in_the_lab(page) -> None:
    """The pad answers as PyTorch does, and its keys do nothing to the notebook."""
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    printed = page.locator(".jp-OutputArea-output", has_text="ASKED:").last.inner_text()
    asked = json.loads(printed.partition("ASKED:")[2])
    pad, ink = page.locator(".digit-pad"), torch.tensor(asked["ink"])
    for i, probabilities in enumerate(asked["probabilities"]):
        pad.locator("select.model").select_option(str(i))
        said, _ = said_by_the_page(pad, ink)
        assert torch.allclose(said, torch.tensor(probabilities), rtol=0, atol=1e-4)
    pad.locator("select.model").select_option("0")
    pad.scroll_into_view_if_needed()
    pad.locator(".clear").click()
    stroke(page, [(0.5, 0.2), (0.5, 0.8)])
    assert state(page)[1] > 0
    pad.locator(".surface").focus()
    for key in ("b", "a", "d", "d", "x", "u"):
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert state(page)[1] == 0
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells
    stroke(page, [(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)])
    pad.screenshot(path=SCREENSHOTS / "pad_lab.png")
