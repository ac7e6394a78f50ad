"""The live figures in a real Chromium: their numbers are PyTorch's, and everybody can use them."""

import base64
import io
import json
import re
import shutil
import subprocess
import tarfile
import zipfile
from functools import cache
from itertools import chain
from pathlib import Path

from mnist_lr_helpers import live, models
from mnist_lr_helpers.course.execute import find_notebooks
from mnist_lr_helpers.course.stills import take_stills
from mnist_lr_helpers.course.tools import CHROMIUM
from mnist_lr_helpers.course.usage import UsageError
from mnist_lr_helpers.data import load_data
from mnist_lr_helpers.evaluation import share_interval
from mnist_lr_helpers.files import PROJECT, write_atomically
from mnist_lr_helpers.plotting import COLOURS

import matplotlib.pyplot as plt
import nbformat
import pytest
import torch
from chromium import SCREENSHOTS, ask, draw_seven, needs_chromium, said, stroke, tab, wait_for_figures
from conftest import in_child
from nbformat.v4 import new_code_cell, new_notebook, new_output
from scipy.stats import binom
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score
from torch import nn

every_figure = pytest.mark.parametrize("name", live.NAMES)
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
LOOKS = {"light": {}, "dark": {"color_scheme": "dark"}, "phone": PHONE}


def inputs_of(name: str, digits) -> dict[str, object]:
    """Data as a lesson would give them to the figure, of the digits that need no network."""
    coarse, labels = (10 * digits.to_unit(digits.train.images[:, 0])).round().byte(), digits.train.labels
    match name:
        case "train":
            held = {"held_images": coarse[600:800], "held_labels": labels[600:800]}
            return {"images": coarse[:600], "labels": labels[:600]} | held
        case "plane":
            generator = torch.Generator().manual_seed(0)
            points, classes = torch.rand((40, 2), generator=generator), torch.arange(40) % 2
            points[:, 0] += 0.6 * classes
            return {"points": points, "labels": classes, "features": ["ink", "width"], "classes": ["0", "1"]}
        case "softmax":
            return {"logits": torch.linspace(-3, 4.2, 10), "label": 5, "image": coarse[0]}
        case "threshold":
            weight, bias = nearest_mean(digits)
            logits = 3 * (digits.to_unit(digits.train.images).flatten(1) @ weight.T + bias)[:700]
            return {"probabilities": logits.softmax(1), "labels": labels[:700], "images": coarse[:700]}
        case "errors":
            weight, bias = nearest_mean(digits)
            said = (digits.to_unit(digits.train.images).flatten(1) @ weight.T + bias).argmax(dim=1)
            counts = torch.zeros(10, 10, dtype=torch.int64).index_put_((labels, said), torch.tensor(1), accumulate=True)
            shown = torch.cat([(said != labels).nonzero()[:, 0], (said == labels).nonzero()[:300, 0]])
            few = {"images": coarse[shown], "labels": labels[shown], "counts": counts.tolist()}
            return {"weights": 0.31 * weight, "bias": bias + 0.13 * weight.sum(dim=1), "mean": 0.13, "std": 0.31} | few
        case "sampling":
            return {"accuracy": 0.925}
        case "kernel":
            learned = torch.randn(2, 3, 3, generator=torch.Generator().manual_seed(0))
            filters = [{"name": f"learned {i + 1}", "weights": one} for i, one in enumerate(learned)]
            return {"images": coarse[:4], "labels": labels[:4], "filters": filters}
        case "pad":
            return {"models": [for_the_pad(name, model) for name, model in judges().items()]}
    raise ValueError(f"test_live.py has no data for the figure {name!r}")


def shown(name: str) -> live.LiveFigure:
    """The figure, in a kernel that has no fixtures."""
    return live.show(name, **inputs_of(name, load_data("digits")))


def nearest_mean(digits) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights ``[10, 784]`` and biases ``[10]`` for ink from 0 to 1: the class with the nearest mean image wins."""
    ink, labels = digits.to_unit(digits.train.images).flatten(1), digits.train.labels
    means = torch.stack([ink[labels == c].mean(dim=0) for c in range(10)])
    return means / 10, -means.square().sum(dim=1) / 20


@cache
def judges() -> dict[str, nn.Module]:
    """Models for the pad; untrained ones compute, too."""
    shape = {"n_classes": 10, "generator": torch.Generator().manual_seed(0)}
    return {
        "linear": models.LogisticRegression(**shape),
        "network": models.ConvolutionalNetwork([4, 6], kernel_size=5, **shape),
    }


def for_the_pad(name: str, model: nn.Module) -> dict[str, object]:
    layers = [[one.weight, one.bias] for one in model.modules() if isinstance(one, nn.Linear | nn.Conv2d)]
    return {"name": name, "layers": layers, "mean": 0.13, "std": 0.31, "classes": list("0123456789")}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, digits) -> Path:
    """A folder with a page for each figure, and one, ``all``, with every figure and the first one twice."""
    folder = tmp_path_factory.mktemp("live")
    outputs = {name: live.show(name, **inputs_of(name, digits)).data for name in live.NAMES}
    style = "@media (prefers-color-scheme: dark) { body { background: #121212; color: #ddd } }"
    head = (
        '<!DOCTYPE html><html lang="en"><head><title>Live</title><meta charset="windows-1252">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>body {{ margin: 16px; font-family: sans-serif }} {style}</style></head><body><main>"
    )
    for name, html in (outputs | {"all": "\n".join([*outputs.values(), outputs["softmax"]])}).items():
        (folder / f"{name}.html").write_text(f"{head}<h1>Live</h1>{html}</main></body></html>", encoding="ascii")
    return folder


def open_page(page, pages: Path, name: str, address: str = "") -> None:
    """Go there, and wait until the figures answer."""
    page.goto("about:blank")
    page.goto(f"{(pages / f'{name}.html').as_uri()}{address}")
    wait_for_figures(page)


# ------ what Python makes


@every_figure
def test_an_output_is_small_and_its_text_has_no_encoding_to_mistake(name: str, digits) -> None:
    output = live.show(name, **inputs_of(name, digits))
    assert output.data.isascii()
    assert len(output.data) < live.MAXIMUM_BYTES
    assert output.picture.startswith(b"\x89PNG")
    assert len(output.picture) < 40_000
    assert output.data.count("<script") == output.data.count("</script") == 1
    outside = re.sub(r"<script>.*</script>", "", output.data, flags=re.DOTALL)
    assert live.HOW_TO_START in outside
    assert re.search(r'alt="[^"]{30,}"', outside)


def test_what_cannot_be_shown_is_refused() -> None:
    with pytest.raises(ValueError, match=r"there is no live figure 'tran'; choose one of .*'train'"):
        live.show("tran")
    with pytest.raises(ValueError, match="from 0 to 255, these from 0 to 256"):
        live.pack(torch.tensor([0, 256]))
    noise = torch.randint(0, 256, (500, 28, 28), generator=torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match="of 400,000; give it less data"):
        live.show("softmax", logits=noise)


def test_the_picture_may_be_another() -> None:
    other = (live.FOLDER / "train.png").read_bytes()
    output = live.show("softmax", still=other, logits=[0.0, 1.0], label=0)
    assert output.picture == other != live.show("softmax", logits=[0.0, 1.0], label=0).picture
    assert base64.b64encode(other).decode() in output.data


@every_figure
def test_the_picture_of_a_page_that_shows_no_scripts_says_what_it_shows(name: str) -> None:
    figure = live.show(name)
    assert figure._repr_png_() == (figure.picture, {"alt": figure.title})
    assert len(figure.title) > 40


# ------ numbers


@needs_chromium
@pytest.mark.parametrize(
    "settings",
    [
        {"lr": 0.1, "batch": 64, "momentum": 0, "decay": 0},
        {"lr": 0.05, "batch": 16, "momentum": 0.9, "decay": 0.01, "seed": 3},
        {"lr": 0.2, "batch": 600, "momentum": 0.5, "decay": 0.001},
    ],
)
def test_train_has_the_weights_of_pytorch_after_100_steps(browser, pages: Path, digits, settings: dict) -> None:
    given = inputs_of("train", digits)
    images, labels = given["images"].flatten(1) / 10, given["labels"]
    held_images, held_labels = given["held_images"].flatten(1) / 10, given["held_labels"]
    with tab(browser) as (page, _):
        address = ",".join(f"{key}:{value}" for key, value in settings.items())
        open_page(page, pages, "train", f"#train={address},steps:100")
        batches = ask(page, "batches(100)")
        weight, bias, last = (ask(page, what) for what in ("weights()", "biases()", "points().at(-1)"))
    model = nn.Linear(784, 10)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    groups = [{"params": [model.weight], "weight_decay": settings["decay"]}, {"params": [model.bias]}]
    optimizer = torch.optim.SGD(groups, lr=settings["lr"], momentum=settings["momentum"])
    for batch in batches:
        loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert model.weight.abs().max() > 0.05
    assert torch.allclose(torch.tensor(weight), model.weight, rtol=0, atol=1e-4)
    assert torch.allclose(torch.tensor(bias), model.bias, rtol=0, atol=1e-4)
    with torch.no_grad():
        assert last["train"] == pytest.approx(nn.functional.cross_entropy(model(images), labels).item(), abs=1e-4)
        held = model(held_images)
        assert last["held"] == pytest.approx(nn.functional.cross_entropy(held, held_labels).item(), abs=1e-4)
        assert last["accuracy"] == pytest.approx((held.argmax(1) == held_labels).float().mean().item(), abs=1e-6)


@needs_chromium
def test_the_batches_of_an_epoch_hold_every_digit_once(browser, pages: Path) -> None:
    with tab(browser) as (page, _):
        open_page(page, pages, "train", "#train=batch:64,seed:2")
        first, second = ask(page, "batches(10)"), ask(page, "batches(20)")[10:]
        assert [len(batch) for batch in first] == [64] * 9 + [24]
        for epoch in (first, second):
            assert sorted(chain(*epoch)) == list(range(600))
        assert first != second


@needs_chromium
def test_train_says_when_steps_are_too_long(browser, pages: Path) -> None:
    with tab(browser) as (page, _):
        open_page(page, pages, "train", "#train=lr:10,batch:16,steps:5")
        said(page, "higher loss than a guess has")
        open_page(page, pages, "train", "#train=lr:100,decay:1,momentum:0.9,steps:1500")
        said(page, "no longer numbers")
        page.screenshot(path=SCREENSHOTS / "live_train_diverged.png")


@needs_chromium
def test_train_runs_keeps_a_run_and_starts_again(browser, pages: Path) -> None:
    with tab(browser) as (page, _):
        open_page(page, pages, "train")
        page.get_by_role("button", name="Run", exact=True).click()
        page.wait_for_function("document.querySelector('.live-figure').figure.points().length > 20")
        page.get_by_role("button", name="Pause").click()
        said(page, "loss", "epochs")
        steps, points = ask(page, "state()")["steps"], ask(page, "points()")
        assert points[0]["train"] == pytest.approx(torch.tensor(10.0).log().item())
        assert points[-1]["train"] < points[0]["train"]
        page.get_by_role("button", name="Keep this run").click()
        assert ask(page, "state()")["steps"] == 0
        page.get_by_label("Learning rate").fill("0")  # the slider's exponent
        page.get_by_role("button", name="One step").click()
        said(page, "After 1 step ")
        assert ask(page, "state()") == {"lr": 1, "batch": 64, "momentum": 0, "decay": 0, "seed": "0", "steps": 1}
        chart = page.locator(".chart").first
        assert "kept" in chart.inner_text()
        assert "learning rate 0.1, batch size 64" in page.locator(".kept").inner_text()
        page.get_by_role("button", name="Forget the kept run").click()
        page.wait_for_function(
            "() => !document.querySelector('.live-figure').shadowRoot.querySelector('.kept').textContent"
        )
        assert steps > 10


@needs_chromium
def test_plane_has_the_loss_and_gradient_of_pytorch(browser, pages: Path, digits) -> None:
    given = inputs_of("plane", digits)
    with tab(browser) as (page, _):
        open_page(page, pages, "plane", "#plane=w1:-4,w2:3,b:0.5,lr:5,moved:3_0.25_0.4")
        points = torch.tensor(ask(page, "points()"))
        loss, gradient = ask(page, "loss()"), ask(page, "gradient()")
        ask(page, "descend(3)")
        after = ask(page, "state()")
    moved = given["points"].clone()
    moved[3] = torch.tensor([0.25, 0.4])
    assert torch.allclose(points, moved, rtol=0, atol=1e-6)
    weights = torch.tensor([-4.0, 3.0, 0.5], requires_grad=True)
    for step in range(4):
        scores = moved @ weights[:2] + weights[2]
        expected = nn.functional.binary_cross_entropy_with_logits(scores, given["labels"].float())
        (slope,) = torch.autograd.grad(expected, weights)
        if step == 0:
            assert loss == pytest.approx(expected.item(), abs=1e-4)
            assert gradient == pytest.approx(slope.tolist(), abs=1e-4)
        if step < 3:
            weights = (weights - 5 * slope).detach().requires_grad_()
    assert [after[key] for key in ("w1", "w2", "b")] == pytest.approx(weights.tolist(), abs=1e-4)


@needs_chromium
@pytest.mark.parametrize("temperature", [1, 0.1, 7.5])
def test_softmax_has_the_probabilities_of_pytorch(browser, pages: Path, temperature: float) -> None:
    logits = torch.tensor([3.0, -2.0, 0.5, 9.9, -30.0, 0.0, 1.0, 4.0, -1.5, 2.0])
    with tab(browser) as (page, _):
        text = "_".join(map(str, logits.tolist()))
        open_page(page, pages, "softmax", f"#softmax=temperature:{temperature},label:4,logits:{text}")
        before, loss = ask(page, "probabilities()"), ask(page, "loss()")
        for _ in range(3):
            page.get_by_role("button", name="+1 to all logits").click()
        said(page, "no probability changed")
        after, state = ask(page, "probabilities()"), ask(page, "state()")
    expected = (logits / temperature).softmax(0)
    assert before == pytest.approx(expected.tolist(), abs=1e-4)
    assert after == pytest.approx(before, abs=1e-9)
    assert loss == pytest.approx(-(logits / temperature).log_softmax(0)[4].item(), rel=1e-6)
    assert [float(one) for one in state["logits"].split("_")] == pytest.approx((logits + 3).tolist())


@needs_chromium
@pytest.mark.parametrize("chosen", [1, 8])
def test_threshold_has_the_counts_of_pytorch(browser, pages: Path, digits, chosen: int) -> None:
    given = inputs_of("threshold", digits)
    scores, is_class = given["probabilities"][:, chosen], given["labels"] == chosen
    with tab(browser) as (page, _):
        open_page(page, pages, "threshold", f"#threshold=class:{chosen}")
        for threshold in (0, 0.001, 0.1, 0.3, 0.5, 0.8, 0.95, 1):
            ask(page, f"set({{threshold: {threshold}}})")
            called = scores >= threshold
            wanted = {"tp": called & is_class, "fp": called & ~is_class, "fn": ~called & is_class}
            wanted["tn"] = ~called & ~is_class
            counts = {name: int(which.sum()) for name, which in wanted.items()}
            assert ask(page, "counts()") == counts
            assert all(str(count) in page.locator("table").inner_text() for count in counts.values())
            measures = ask(page, "measures()")
            for name, measure in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
                expected = measure(is_class, called, zero_division=torch.nan)
                found = torch.nan if measures[name] is None else measures[name]
                assert found == pytest.approx(expected, nan_ok=True)
        assert ask(page, "area()") == pytest.approx(roc_auc_score(is_class, scores), abs=1e-6)
        assert ask(page, "averagePrecision()") == pytest.approx(average_precision_score(is_class, scores), abs=1e-6)


@needs_chromium
def test_threshold_shows_the_images_that_change_sides(browser, pages: Path, digits) -> None:
    given = inputs_of("threshold", digits)
    scores = given["probabilities"][:, 8]
    with tab(browser) as (page, _):
        open_page(page, pages, "threshold", "#threshold=class:8")
        page.get_by_role("slider", name="Threshold").focus()
        page.keyboard.press("ArrowRight")
        assert ask(page, "state()") == {"class": "8", "threshold": 0.55}
        moved = ((scores >= 0.5) & (scores < 0.55)).nonzero()[:, 0]
        assert ask(page, "moved()") == moved.tolist() != []
        better = int((given["labels"][moved] != 8).sum())
        said(page, f"{len(moved)} images change sides: {better} now right, {len(moved) - better} now wrong.")
        assert 0 < page.locator(".below .moved").count() <= len(moved)
        below, above = (page.locator(f"{side} figcaption").all_inner_texts() for side in (".below", ".above"))
        assert [text.split()[3] for text in below] == [f"{p:.4f}" for p in scores[scores < 0.55].sort()[0][-6:]]
        assert [text.split()[3] for text in above] == [f"{p:.4f}" for p in scores[scores >= 0.55].sort()[0][:6]]
        box = page.locator(".spread").bounding_box()
        line = page.locator(".spread circle").bounding_box()
        y = line["y"] + line["height"] / 2
        page.mouse.move(line["x"] + line["width"] / 2, y)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"], y, steps=4)
        page.mouse.up()
        assert ask(page, "state()")["threshold"] == 1
        said(page, "From 1 on, 0 images are called 8")
        assert "not defined" in page.locator(".measures").inner_text()


@needs_chromium
def test_errors_have_the_logits_and_votes_of_pytorch(browser, pages: Path, digits) -> None:
    given = inputs_of("errors", digits)
    ink, labels = given["images"].flatten(1) / 10, given["labels"]
    weight, bias = given["weights"], given["bias"]
    logits = (ink - 0.13) / 0.31 @ weight.T + bias
    said = logits.argmax(dim=1)
    with tab(browser) as (page, _):
        for t, s, pair in ((8, 1, {}), (5, 9, {"for": 6, "against": 2}), (4, 4, {})):
            open_page(page, pages, "errors", f"#errors=cell:{t}_{s},image:2")
            ask(page, f"set({json.dumps(pair)})")
            assert sorted(ask(page, "shown()")) == ((labels == t) & (said == s)).nonzero()[:, 0].tolist() != []
            found = ask(page, "look()")
            i, a, b = (found[key] for key in ("i", "a", "b"))
            rival = logits[i].topk(2).indices[1].item() if t == s else t
            assert (a, b) == (pair.get("for", s), pair.get("against", rival))
            assert found["logits"] == pytest.approx(logits[i].tolist(), abs=1e-4)
            votes = ink[i] * (weight[a] - weight[b]) / 0.31
            assert found["votes"] == pytest.approx(votes.tolist(), abs=1e-4)
            assert found["sum"] == pytest.approx(votes.sum().item(), abs=1e-4)
            assert found["sum"] + found["bias"] == pytest.approx((logits[i, a] - logits[i, b]).item(), abs=1e-4)
            assert f"{logits[i, s]:.2f}" in page.locator(".bars").inner_text().replace("\N{MINUS SIGN}", "-")
        open_page(page, pages, "errors")
        cells = page.get_by_role("gridcell").all_inner_texts()
        assert [int(text or 0) for text in cells] == list(chain(*given["counts"]))
        off = [0 if i % 11 == 0 else n for i, n in enumerate(chain(*given["counts"]))]
        assert ask(page, "state()")["cell"] == "{}_{}".format(*divmod(off.index(max(off)), 10))


@needs_chromium
def test_errors_are_reached_with_the_keyboard(browser, pages: Path, digits) -> None:
    counts = inputs_of("errors", digits)["counts"]
    with tab(browser) as (page, _):
        open_page(page, pages, "errors", "#errors=cell:8_2")
        page.locator("td[tabindex='0']").focus()
        page.keyboard.press("ArrowLeft")
        assert ask(page, "state()")["cell"] == "8_2"
        page.keyboard.press("Enter")
        assert ask(page, "state()")["cell"] == "8_1"
        said(page, f"{counts[8][1]} images of class 8 are read as 1.", "Image 1:")
        page.locator(".images button").nth(1).focus()
        page.keyboard.press("Enter")
        said(page, "Image 2:")
        assert page.locator(".images button[aria-pressed='true']").count() == 1
        page.get_by_label("against").select_option("1")
        said(page, "Choose two different classes")
        for _ in range(12):
            page.locator("td[tabindex='0']").press("ArrowUp")
        page.locator("td[tabindex='0']").press("Home")
        page.locator("td[tabindex='0']").press("Enter")
        assert ask(page, "state()")["cell"] == "0_0"
        page.get_by_label("against").select_option("true")
        page.get_by_role("button", name="Next images").click()
        said(page, f"{counts[0][0]} images of class 0 are read rightly. Image 19:")


@needs_chromium
@pytest.mark.parametrize(("size", "accuracy"), [(100, 0.925), (1000, 0.985), (10_000, 0.5)])
def test_sampling_has_the_intervals_of_the_lessons(browser, pages: Path, size: int, accuracy: float) -> None:
    with tab(browser) as (page, _):
        open_page(page, pages, "sampling", f"#sampling=accuracy:{accuracy},size:{size},draws:400,seed:7")
        sets = ask(page, "sets()")
        for one in sets:
            expected = share_interval(one["count"], size)
            assert [one["accuracy"], one["low"], one["high"]] == pytest.approx(
                [expected.estimate, expected.low, expected.high], abs=1e-4
            )
            assert one["hit"] == (accuracy in expected)
        hits = sum(one["hit"] for one in sets)
        assert f"{hits} of 400" in page.locator("dl").inner_text()
        counts = torch.tensor([one["count"] for one in sets], dtype=torch.float64)
        spread = (size * accuracy * (1 - accuracy)) ** 0.5
        assert counts.mean() == pytest.approx(size * accuracy, abs=4 * spread / 20)
        assert counts.std() == pytest.approx(spread, rel=0.15)
        exact = binom.ppf([0.001, 0.03, 0.5, 0.97, 0.999], size, accuracy).tolist()
        assert ask(page, "counts([0.001, 0.03, 0.5, 0.97, 0.999])") == exact
        open_page(page, pages, "sampling", f"#sampling=accuracy:{accuracy},size:{size},draws:400,seed:7")
        assert ask(page, "sets()") == sets


@needs_chromium
def test_sampling_draws_again_and_its_intervals_shrink(browser, pages: Path) -> None:
    with tab(browser) as (page, _):
        open_page(page, pages, "sampling")
        said(page, "No test set is drawn yet")
        page.get_by_role("button", name="Draw one test set").click()
        said(page, "1 drawn. It reads")
        first = ask(page, "sets()")
        page.get_by_role("button", name="Draw 20").click()
        page.get_by_role("button", name="Draw 100").click()
        said(page, "100 drawn.", "of 121 intervals hold the true accuracy")
        sets = ask(page, "sets()")
        assert sets[:1] == first
        assert 95 <= sum(one["hit"] for one in sets) < 121
        shown = page.locator(".picture circle")
        assert shown.count() == 100
        missed = sum(not one["hit"] for one in sets[-100:])
        assert page.locator(".picture line[stroke-dasharray='4 2']").count() == missed > 0
        wide = ask(page, "width()")
        page.get_by_role("slider", name="Test images").focus()
        for _ in range(5):
            page.keyboard.press("ArrowRight")
        assert ask(page, "state()")["size"] == 10_000
        assert ask(page, "width()") == pytest.approx(wide / 10**0.5, rel=0.01)
        assert len(ask(page, "sets()")) == 121
        page.get_by_role("button", name="Start again").click()
        assert ask(page, "state()")["seed"] == 1
        page.get_by_role("button", name="Draw one test set").click()
        assert ask(page, "sets()")[0]["accuracy"] != sets[0]["accuracy"]


def convolved(image: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The feature map ``[28, 28]`` of an image ``[28, 28]`` of inks from 0 to 10."""
    return nn.functional.conv2d(image[None, None] / 10, weights.reshape(1, 1, 3, 3), padding=1)[0, 0]


@needs_chromium
@pytest.mark.parametrize("relu", [False, True])
def test_kernel_has_the_feature_map_of_pytorch(browser, pages: Path, digits, relu: bool) -> None:
    given = inputs_of("kernel", digits)
    weights = torch.tensor([0.5, -1.25, 2, 0, 3, -0.1, 1e-3, -2, 0.7])
    with tab(browser) as (page, _):
        text = "_".join(map(str, weights.tolist()))
        open_page(page, pages, "kernel", f"#kernel=digit:2,filter:{text},relu:{'on' if relu else 'off'}")
        expected = convolved(given["images"][2], weights)
        found = torch.tensor(ask(page, "map()")).reshape(28, 28)
        assert torch.allclose(found, expected.relu() if relu else expected, rtol=0, atol=1e-4)
        assert page.get_by_role("combobox", name="Filter").input_value() == "own"
        for row, column in ((0, 0), (27, 13), (14, 15)):
            ask(page, f"set({{place: '{row}_{column}'}})")
            assert ask(page, "sum()") == pytest.approx(expected[row, column].item(), abs=1e-4)
            outside = nn.functional.pad(torch.zeros(28, 28), [1] * 4, value=1)[row : row + 3, column : column + 3]
            assert page.locator(".ink .outside").count() == outside.sum()
        page.get_by_role("combobox", name="Filter").select_option(label="learned 2")
        expected = convolved(given["images"][2], given["filters"][1]["weights"])
        found = torch.tensor(ask(page, "map()")).reshape(28, 28)
        assert torch.allclose(found, expected.relu() if relu else expected, rtol=0, atol=1e-4)


@needs_chromium
def test_kernel_slides_and_is_edited(browser, pages: Path, digits) -> None:
    image = inputs_of("kernel", digits)["images"][0]
    with tab(browser) as (page, _):
        open_page(page, pages, "kernel")
        edge = convolved(image, torch.tensor([-1.0, 0, 1, -2, 0, 2, -1, 0, 1]))
        assert ask(page, "state()")["place"] == "{}_{}".format(*divmod(edge.argmax().item(), 28))
        ask(page, "set({place: '20_10'})")
        page.locator("canvas.digit").focus()
        for key in ("ArrowRight", "ArrowUp", "Shift+ArrowUp"):
            page.keyboard.press(key)
        said(page, "Row 14, column 11")
        assert ask(page, "state()")["place"] == "14_11"
        box = page.locator("canvas.digit").bounding_box()
        pixel = box["width"] / 28
        page.mouse.move(box["x"] + 11.5 * pixel, box["y"] + 14.5 * pixel)
        page.mouse.down()
        page.mouse.move(box["x"] + 18.5 * pixel, box["y"] + 9.5 * pixel, steps=5)
        page.mouse.up()
        assert ask(page, "state()")["place"] == "9_18"
        page.mouse.click(box["x"] + 2.5 * pixel, box["y"] + 25.5 * pixel)
        assert ask(page, "state()")["place"] == "25_2"
        page.mouse.click(box["x"] + 3.5 * pixel, box["y"] + 25.5 * pixel)  # the neighbour, within the square
        assert ask(page, "state()")["place"] == "25_3"
        page.get_by_label("Weight in row 2, column 2").fill("-1.5")
        page.get_by_label("Weight in row 1, column 1").fill("")  # on the way to another number
        page.wait_for_function(
            "document.querySelector('.live-figure').figure.state().filter.startsWith('-1_0_1_-2_-1.5_')"
        )
        assert page.get_by_role("combobox", name="Filter").input_value() == "own"
        found = torch.tensor(ask(page, "map()")).reshape(28, 28)
        expected = convolved(image, torch.tensor([-1.0, 0, 1, -2, -1.5, 2, -1, 0, 1]))
        assert torch.allclose(found, expected, rtol=0, atol=1e-4)
        for text, weight in (
            ("0,5", 0.5),
            ("1/4", 0.25),
            ("−2", -2),
            ("1/", -2),
            ("1/0", -2),
            ("3 4", -2),
            (".5", 0.5),
        ):
            page.get_by_label("Weight in row 1, column 2").fill(text)
            assert float(ask(page, "state()")["filter"].split("_")[1]) == weight, text
        page.get_by_label("Weight in row 1, column 2").press("ArrowDown")
        mine = ask(page, "state()")["filter"]
        assert mine.startswith("-1_0_1_")
        page.get_by_role("combobox", name="Filter").select_option(label="Blur")
        page.get_by_role("combobox", name="Filter").select_option("own")
        assert ask(page, "state()")["filter"] == mine, "a filter of one's own is not lost"
        page.get_by_role("combobox", name="ReLU").select_option("on")
        page.get_by_role("combobox", name="Filter").select_option(label="Nothing changes")
        page.get_by_role("combobox", name="Filter").select_option("own")
        assert ask(page, "state()")["filter"] == mine
        page.get_by_role("combobox", name="Filter").select_option(label="Nothing changes")
        found = torch.tensor(ask(page, "map()")).reshape(28, 28)
        assert torch.allclose(found, image / 10, rtol=0, atol=1e-6)


@needs_chromium
@pytest.mark.parametrize("i", [0, 1])
def test_pad_has_the_probabilities_of_pytorch(browser, pages: Path, digits, i: int) -> None:
    images, model = digits.to_unit(digits.test.images[:20]).clamp(0, 1), list(judges().values())[i]
    with tab(browser) as (page, _):
        open_page(page, pages, "pad", f"#pad=model:{i}")
        answers = ask(page, f"answers({json.dumps(images.flatten(1).tolist())})")
    with torch.inference_mode():
        expected = model.eval()((images - 0.13) / 0.31).softmax(1)
    assert torch.allclose(torch.tensor(answers), expected, rtol=0, atol=1e-4)


@needs_chromium
def test_pad_hands_out_the_kept_drawings(browser, pages: Path, tmp_path: Path) -> None:
    with tab(browser) as (page, _):
        open_page(page, pages, "pad")
        keep, download = (page.get_by_role("button", name=name) for name in ("Keep it", "Download the kept drawings"))
        assert download.is_disabled()
        for label in ("7", "1", "7"):
            draw_seven(page)
            page.get_by_label("This drawing is a").select_option(label)
            keep.click()
            said(page, f"A {label} is kept")
        page.get_by_role("button", name="Throw away the kept 1").click()
        said(page, "2 kept")
        with page.expect_download() as download_of:
            download.click()
        archive = zipfile.ZipFile(download_of.value.path())
        assert archive.testzip() is None
        assert archive.namelist() == ["7/0001.png", "7/0002.png"]
        archive.extractall(tmp_path)
        picture = plt.imread(tmp_path / "7" / "0001.png")[..., 0]
        assert picture.shape == (280, 280)
        assert picture[0, 0] == 1  # white paper
        assert picture[70, 140] == 0  # black ink


@needs_chromium
def test_pad_is_drawn_on_with_the_keyboard(browser, pages: Path) -> None:
    with tab(browser) as (page, _):
        open_page(page, pages, "pad")

        def ink_after(*keys: str) -> float:
            for key in keys:
                page.keyboard.press(key)
            page.wait_for_timeout(100)
            return sum(ask(page, "pixels()"))

        page.locator(".surface").focus()
        line = ink_after(*["ArrowUp"] * 9, "Space", *["ArrowDown"] * 18, "Space")
        assert 20 < line < 120
        assert ink_after(*["ArrowRight"] * 5) == line  # the pen is up
        assert ink_after("Space", *["Shift+ArrowRight"] * 9, "Space") != line
        assert ink_after("Backspace") == line
        page.get_by_role("button", name="Undo").click()
        assert ink_after() == 0


@needs_chromium
def test_pad_understands_keys_of_any_layout(browser, pages: Path) -> None:
    strokes_left = {
        ("u", "KeyU"): 1,
        ("U", "KeyU"): 1,
        ("u", "KeyF"): 1,  # Dvorak
        ("g", "KeyU"): 2,
        ("\u0433", "KeyU"): 1,  # Cyrillic
        ("\u05d6", "KeyZ"): 2,  # Hebrew
        ("Process", "KeyU"): 1,  # while a word is composed
        ("Backspace", "Backspace"): 1,
        ("c", "KeyC"): 0,
        ("\u03c8", "KeyC"): 0,  # Greek
        ("Delete", "Delete"): 0,
    }
    with tab(browser) as (page, _):
        open_page(page, pages, "pad")
        for (key, code), left in strokes_left.items():
            ink = [0]
            for x in (0.3, 0.7):
                stroke(page, (x, 0.2), (x, 0.8))
                page.wait_for_timeout(100)
                ink.append(sum(ask(page, "pixels()")))
            event = json.dumps({"key": key, "code": code, "bubbles": True})
            page.locator(".surface").evaluate(f"one => one.dispatchEvent(new KeyboardEvent('keydown', {event}))")
            page.wait_for_timeout(100)
            assert sum(ask(page, "pixels()")) == pytest.approx(ink[left]), (key, code)
            page.get_by_role("button", name="Clear").click()
            page.wait_for_timeout(100)
            assert sum(ask(page, "pixels()")) == 0


@needs_chromium
def test_a_palm_does_not_mix_with_the_pen(browser, pages: Path) -> None:
    with tab(browser, **PHONE) as (page, _):
        open_page(page, pages, "pad")
        page.evaluate("scrollTo(0, 40)")
        box, fingers = page.locator(".surface").bounding_box(), page.context.new_cdp_session(page)
        ink = []
        for with_palm in (False, True):
            for i in range(11):
                points = [{"x": box["x"] + 140, "y": box["y"] + 60 + 12 * i, "id": 0}]
                if with_palm and 2 < i < 8:
                    points.append({"x": box["x"] + 250, "y": box["y"] + 200 + 5 * i, "id": 1})
                kind = "touchStart" if i == 0 or (with_palm and i == 3) else "touchMove"
                fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
            fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
            page.wait_for_timeout(100)
            ink.append(ask(page, "pixels()"))
            page.get_by_role("button", name="Clear").tap()
            page.wait_for_timeout(100)
        assert sum(ink[0]) > 20
        assert ink[1] == pytest.approx(ink[0], abs=1e-6)
        assert page.evaluate("scrollY") == 40


# ------ everybody can use them


@needs_chromium
@every_figure
def test_a_picture_and_a_sentence_stand_there_without_scripts(browser, pages: Path, name: str) -> None:
    with tab(browser, java_script_enabled=False, **PHONE) as (page, _):
        page.goto((pages / f"{name}.html").as_uri())
        assert page.locator(".live-figure img").is_visible()
        assert page.get_by_text("Trust Notebook").is_visible()
        assert page.locator(".live-figure img").bounding_box()["width"] <= 328


def stills() -> dict[str, dict[str, str]]:
    """What a published notebook has of each figure; a browser of its own takes the pictures."""
    cells = []
    for name in live.NAMES:
        figure = shown(name)
        data = {"text/html": figure.data, "image/png": live.in_base64(figure.picture)}
        cells.append(new_code_cell(outputs=[new_output("display_data", data)]))
    take_stills(new_notebook(cells=cells), CHROMIUM)
    return {name: cell.outputs[0].data for name, cell in zip(live.NAMES, cells, strict=True)}


@pytest.mark.slow
@needs_chromium
def test_a_still_shows_the_figure_with_its_own_numbers() -> None:
    for name, data in in_child(stills).items():
        picture = base64.b64decode(data["image/png"])
        pixels = plt.imread(io.BytesIO(picture))
        assert pixels.shape[1] == 860, name
        assert 300 < pixels.shape[0] < 1_000, name
        assert pixels[..., :3].std() > 0.05, f"{name}: nothing is on it"
        assert len(picture) < 50_000
        assert f'base64,{data["image/png"]}"' in data["text/html"]
        assert live.in_base64((live.FOLDER / f"{name}.png").read_bytes()) not in data["text/html"]
        assert live.HOW_TO_START not in data["text/html"]
        assert live.HOW_TO_START.replace(live.NUMBERS_OF_ITS_OWN, "") in data["text/html"]


def test_without_chromium_a_live_figure_is_not_published_and_other_pages_are() -> None:
    take_stills(new_notebook(cells=[new_code_cell("1")]), None)
    output = new_output("display_data", {"text/html": live.show("sampling", accuracy=0.9).data})
    with pytest.raises(UsageError, match="taken in Chromium"):
        take_stills(new_notebook(cells=[new_code_cell(outputs=[output])]), None)


def test_live_figures_of_the_lessons_are_stills_of_themselves() -> None:
    general = {live.in_base64(path.read_bytes()) for path in live.FOLDER.glob("*.png")}
    outputs = [
        output.data
        for path in find_notebooks([])
        for cell in nbformat.read(path, as_version=4).cells
        for output in cell.get("outputs", [])
        if output.get("data", {}).get("text/html", "").startswith('<div class="live-figure"')
    ]
    assert len(outputs) >= len(live.NAMES)
    for data in outputs:
        assert data["image/png"] not in general
        assert f'base64,{data["image/png"]}"' in data["text/html"]


@needs_chromium
def test_the_address_opens_a_figure_in_a_state(browser, pages: Path) -> None:
    states = "[...document.querySelectorAll('.live-figure[data-figure=softmax]')].map(one => one.figure.state())"
    with tab(browser) as (page, _):
        open_page(page, pages, "all", "#softmax=label:2&softmax-2=temperature:0.5,label:7")
        assert [state["label"] for state in page.evaluate(states)] == ["2", "7"]
        assert [state["temperature"] for state in page.evaluate(states)] == [1, 0.5]
        page.evaluate("location.hash = '#softmax-2=label:1'")
        page.wait_for_function(f"{states}[1].label === '1'")
        page.get_by_role("button", name="Link to this state").last.click()
        page.wait_for_function("location.hash.startsWith('#softmax-2=label:1,temperature:0.5,logits:')")
        link = page.evaluate("location.href")
        page.goto("about:blank")
        page.goto(link)
        wait_for_figures(page)
        assert page.evaluate(states)[1]["temperature"] == 0.5
        assert page.evaluate("scrollY") > 0
        for nonsense in ("#softmax=label:99,temperature:hot,logits:1_2,nothing:0", "#softmax", "#%E0%A4%A", "#a=b:c"):
            open_page(page, pages, "all", nonsense)
            assert page.evaluate(states)[0]["label"] == "5"
            assert page.evaluate(states)[0]["temperature"] == 1


@needs_chromium
@pytest.mark.parametrize(
    ("name", "nonsense", "state"),
    [
        ("threshold", "class:99,threshold:hot", {"class": "0", "threshold": 0.5}),
        ("errors", "cell:5_12,image:-3,for:x", {"cell": "1_9", "image": 1, "for": "said", "against": "true"}),
        ("errors", "cell:5_9,image:999", {"cell": "5_9", "image": 14, "for": "said", "against": "true"}),
        ("sampling", "accuracy:2,size:3,draws:-5,seed:x", {"accuracy": 0.999, "size": 100, "draws": 0, "seed": 0}),
        ("kernel", "digit:9,filter:1_2,place:99_-1", {"digit": "0", "filter": "-1_0_1_-2_0_2_-1_0_1", "place": "27_0"}),
    ],
)
def test_nonsense_in_the_address_leaves_a_sound_state(
    browser, pages: Path, name: str, nonsense: str, state: dict
) -> None:
    with tab(browser) as (page, _):
        open_page(page, pages, name, f"#{name}={nonsense}")
        found = ask(page, "state()")
        assert {key: found[key] for key in state} == state


@needs_chromium
@every_figure
@pytest.mark.parametrize("look", LOOKS)
def test_each_look(browser, pages: Path, name: str, look: str) -> None:
    """Light, dark, 360 pixels wide; text stands out from the page. Leaves screenshots to look at."""
    with tab(browser, **({"viewport": {"width": 892, "height": 700}} | LOOKS[look])) as (page, _):
        open_page(page, pages, name)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= page.viewport_size["width"]
        inside = "one => one.shadowRoot.querySelector('.figure').scrollWidth <= one.clientWidth"
        assert page.locator(".live-figure").evaluate(inside)
        ink = page.locator(".live-figure .said").evaluate("one => getComputedStyle(one).color.match(/\\d+/)[0]")
        assert (int(ink) > 128) == (look == "dark")
        page.locator(".live-figure").screenshot(path=SCREENSHOTS / f"live_{name}_{look}.png")


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core, from the npm registry's package."""
    folder = PROJECT / "build" / "axe"
    script = folder / "package" / "axe.min.js"
    if not script.exists():
        if shutil.which("npm") is None:
            pytest.skip("no npm here, which fetches axe-core")
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["npm", "pack", "axe-core"], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"npm cannot fetch axe-core: {done.stderr[-300:]}")
        with tarfile.open(folder / done.stdout.split()[-1]) as archive:
            write_atomically(script, archive.extractfile("package/axe.min.js").read())
    return script.read_text(encoding="utf-8")


@needs_chromium
@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing(browser, pages: Path, axe: str, look: str) -> None:
    with tab(browser, **LOOKS[look]) as (page, _):
        open_page(page, pages, "all")
        page.evaluate(axe)
        run = "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})"
        found = page.evaluate(f"{run}.then(all => all.violations.map(v => [v.id, v.nodes.map(n => n.html)]))")
        assert found == []
        assert page.evaluate(f"{run}.then(all => all.passes.length)") > 5


@needs_chromium
@every_figure
def test_every_control_has_a_name_and_is_reached_by_tab(browser, pages: Path, name: str) -> None:
    focused = "document.activeElement?.shadowRoot?.activeElement"
    with tab(browser) as (page, _):
        open_page(page, pages, name)
        wanted = page.locator("button:enabled, select:enabled, input:enabled, summary, [tabindex='0']").count()
        seen = set()
        page.keyboard.press("Tab")
        while page.evaluate(f"!!{focused}"):
            seen.add(page.evaluate(f"[...{focused}.getRootNode().querySelectorAll('*')].indexOf({focused})"))
            assert page.evaluate(f"getComputedStyle({focused}).outlineStyle") != "none"
            page.keyboard.press("Tab")
        assert len(seen) == wanted > 2


@needs_chromium
def test_keys_work_on_any_layout_and_stay_in_the_figure(browser, pages: Path) -> None:
    with tab(browser) as (page, _):
        open_page(page, pages, "plane")
        page.evaluate("window.heard = 0; document.addEventListener('keydown', () => { window.heard += 1 })")
        page.get_by_role("slider", name="w\u2081", exact=True).focus()
        page.keyboard.press("ArrowRight")
        assert ask(page, "state()")["w1"] == pytest.approx(0.1)
        page.locator(".points svg").first.focus()
        before = ask(page, "points()")
        for key in ("Enter", "Enter", "ArrowLeft", "ArrowUp"):
            page.keyboard.press(key)
        said(page, "Point 2 of 40", "probability")
        after = ask(page, "points()")
        assert after[1][0] < before[1][0]
        assert after[1][1] > before[1][1]
        assert after[2:] == before[2:]
        assert page.evaluate("window.heard") == 0


def place_of(page, chosen: str, i: int = 0) -> tuple[float, float]:
    """Where the middle of a mark stands in the window; looked up and measured at once, for marks are drawn anew."""
    x, y, width, height = page.evaluate(
        "([chosen, i]) => {"
        "const found = document.querySelector('.live-figure').shadowRoot.querySelectorAll(chosen)[i];"
        "const box = found.getBoundingClientRect(); return [box.x, box.y, box.width, box.height]; }",
        [chosen, i],
    )
    return x + width / 2, y + height / 2


def place_of_point(page, i: int) -> tuple[float, float]:
    return place_of(page, ".points .hit", i)


@needs_chromium
def test_plane_is_dragged_with_the_mouse(browser, pages: Path) -> None:
    with tab(browser) as (page, _):
        open_page(page, pages, "plane", "#plane=w1:5,b:-3")
        x, y = place_of_point(page, 0)
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 30, y + 20, steps=3)
        page.mouse.up()
        page.wait_for_function("document.querySelector('.live-figure').figure.state().moved !== ''")
        assert place_of_point(page, 0) == pytest.approx((x + 30, y + 20), abs=1.5)
        said(page, "The loss is")
        x, y = place_of(page, ".hills .hit")
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x, y - 58, steps=3)
        page.mouse.up()
        state = ask(page, "state()")
        assert state["w1"] == pytest.approx(5, abs=0.2)
        assert state["w2"] > 2


@needs_chromium
def test_a_second_finger_changes_nothing(browser, pages: Path) -> None:
    with tab(browser, **PHONE) as (page, _):
        open_page(page, pages, "plane")
        page.locator(".points").scroll_into_view_if_needed()
        before, (x, y) = ask(page, "points()"), place_of_point(page, 0)
        other = place_of_point(page, 1)
        fingers = page.context.new_cdp_session(page)

        def touch(kind: str, *places: tuple[float, float]) -> None:
            points = [{"x": a, "y": b, "id": i} for i, (a, b) in enumerate(places)]
            fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        touch("touchStart", (x, y))
        touch("touchMove", (x + 20, y + 10))
        touch("touchStart", (x + 20, y + 10), other)
        touch("touchMove", (x + 20, y + 10), (other[0] - 40, other[1] + 40))
        touch("touchMove", (x + 40, y + 20), (other[0] - 60, other[1] + 60))
        touch("touchEnd")
        page.wait_for_timeout(100)
        assert ask(page, "points()")[1:] == before[1:]
        assert place_of_point(page, 0) == pytest.approx((x + 40, y + 20), abs=1.5)


@needs_chromium
@pytest.mark.parametrize("name", ["softmax", "pad", "errors"])
def test_bars_are_seen_in_high_contrast(browser, pages: Path, name: str) -> None:
    with tab(browser, forced_colors="active") as (page, _):
        open_page(page, pages, name)
        colours = page.locator(".fill").first.evaluate(
            "one => [one, one.parentElement].map(e => getComputedStyle(e).backgroundColor)"
        )
        bar, track = (re.findall(r"[\d.]+", one)[:3] for one in colours)  # white, however thin, is not seen on white
        assert bar != track
        page.locator(".live-figure").screenshot(path=SCREENSHOTS / f"live_{name}_contrast.png")


@needs_chromium
def test_with_reduced_motion_train_shows_whole_epochs(browser, pages: Path) -> None:
    with tab(browser, reduced_motion="reduce") as (page, _):
        open_page(page, pages, "train", "#train=batch:64")
        page.get_by_role("button", name="Run", exact=True).click()
        page.wait_for_function("document.querySelector('.live-figure').figure.points().length > 2")
        page.get_by_role("button", name="Pause").click()
        assert ask(page, "points()")[1]["epoch"] > 0.7


@needs_chromium
def test_text_reads_right_whatever_encoding_the_page_declares(browser, pages: Path) -> None:
    with tab(browser) as (page, _):
        open_page(page, pages, "plane")
        assert page.evaluate("document.characterSet") == "windows-1252"
        assert "gradient: w\u2081 \u2212" in page.locator(".loss").inner_text()
        assert "w\u2081 and w\u2082" in page.locator(".title.two").inner_text()
        open_page(page, pages, "pad")
        assert "28 \u00d7 28 pixels" in page.locator(".live-figure figcaption").first.inner_text()


@needs_chromium
def test_colours_are_those_of_the_other_figures(browser, pages: Path) -> None:
    with tab(browser) as (page, _):
        open_page(page, pages, "train", "#train=steps:9")
        strokes = page.locator(".chart path").evaluate_all("all => all.map(one => one.getAttribute('stroke'))")
        assert strokes == [COLOURS["train"], COLOURS["validation"], COLOURS["validation"]]


@needs_chromium
def test_pad_has_its_tools_folded_where_a_lesson_asks_for_it(browser, pages: Path, digits, tmp_path: Path) -> None:
    html = live.show("pad", folded=True, **inputs_of("pad", digits)).data
    (tmp_path / "folded.html").write_text(f"<main>{html}</main>", encoding="ascii")
    with tab(browser) as (page, _):
        open_page(page, pages, "pad")
        assert page.get_by_role("button", name="Keep it").is_visible()
        open_page(page, tmp_path, "folded")
        assert page.get_by_label("Model").first.is_visible()
        assert not page.get_by_role("button", name="Keep it").is_visible()
        page.locator("summary").click()
        assert page.get_by_role("button", name="Keep it").is_visible()
