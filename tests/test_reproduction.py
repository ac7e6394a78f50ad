"""The engine of the reproduction: it runs on a real cluster, survives a kill, resumes, and checks before it starts."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from mnist_lr_helpers import __main__ as command_line
from mnist_lr_helpers import data, download
from mnist_lr_helpers.models import LogisticRegression
from mnist_lr_helpers.reproduction import measurements, reports, run, trainings
from mnist_lr_helpers.reproduction.run import UsageError
from mnist_lr_helpers.reproduction.studies import STUDIES, Study
from mnist_lr_helpers.training import TrainingConfig, fit

import pandas as pd
import psutil
import pytest
import torch
from distributed import Client, LocalCluster

ME = {"versions": "of today", "dataset": {"name": "mnist", "md5": {"images": "0123"}}}
COLUMNS = ["configuration", "seed", "epoch", "metric", "value"]


def tiny(seed: int, *, factor: float, folder: str, seconds: float = 0.0, fails: bool = False) -> list[trainings.Row]:
    """Leave a trace, wait, and return the decay of a made-up loss; it fails while there is a file ``broken``."""
    Path(folder, f"{factor}-{seed}-{os.getpid()}-{time.monotonic_ns()}").touch()
    time.sleep(seconds)
    if fails and Path(folder, "broken").exists():
        raise RuntimeError("out of luck")
    return [(epoch, "loss", factor * (1 + seed) / epoch) for epoch in (1, 2, 3)]


def traces(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name[0].isdigit()]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Client]:
    """Two real workers on loopback, as ``reproduce`` starts them."""
    with run.connected(None, 2) as client:
        yield client


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study of two configurations × two seeds, in the registry; data and versions are not looked at."""
    folder = tmp_path / "traces"
    folder.mkdir()
    configurations = {name: {"factor": factor, "folder": str(folder)} for name, factor in (("a", 1.5), ("b, late", 3))}
    made_up = Study(name="tiny", configurations=configurations, trainer=tiny, seeds=2)
    monkeypatch.setitem(STUDIES, "tiny", made_up)
    monkeypatch.setattr(run, "identity", lambda: {"versions": "of today", "dataset": {"md5": {"images": "0123"}}})
    return made_up


def again(cluster: Client, output: Path, **options: bool) -> int:
    return run.reproduce(["tiny"], scheduler=cluster.scheduler.address, output=output, **options)


def test_a_killed_worker_costs_only_the_training_it_was_in(cluster: Client, tmp_path: Path) -> None:
    settings = {"folder": str(tmp_path), "seconds": 2.0}
    todo = [run.Training("t", f"c{k}", seed, tiny, settings | {"factor": k}) for k in range(1, 4) for seed in (0, 1)]
    results = {}
    for training, result in run.finished(todo, cluster):
        results[training.configuration, training.seed] = result["rows"]
        if len(results) == 2:  # both workers are in their second training
            while not (begun := [name for name in traces(tmp_path) if not name.startswith("1-")]):
                time.sleep(0.02)
            os.kill(int(begun[0].split("-")[2]), signal.SIGKILL)
    lost = len(traces(tmp_path)) - len(todo)
    assert lost in (1, 2), "the training it was in, and at most one that it had ended but not yet reported"
    assert results == {
        (t.configuration, t.seed): run.work(tiny, t.seed, t.settings | {"seconds": 0})["rows"] for t in todo
    }


def test_the_cluster_listens_on_loopback_only(cluster: Client) -> None:
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    sockets = [socket for process in processes for socket in process.net_connections("inet")]
    listening = [socket.laddr.ip for socket in sockets if socket.status == psutil.CONN_LISTEN]
    assert len(listening) >= 3
    assert set(listening) == {"127.0.0.1"}


def test_resuming_trains_only_what_is_missing(cluster: Client, study: Study, tmp_path: Path) -> None:
    folder, output = tmp_path / "traces", tmp_path / "output"
    assert again(cluster, output) == 0
    table = (output / "tiny.csv").read_bytes()
    assert len(traces(folder)) == 4
    stored = sorted((output / "trainings" / "tiny").glob("*.json"))
    assert len(stored) == 4
    stored[2].unlink()
    assert again(cluster, output, resume=True) == 0
    assert len(traces(folder)) == 5
    assert (output / "tiny.csv").read_bytes() == table
    assert again(cluster, output) == 0
    assert len(traces(folder)) == 9


def test_another_recipe_is_another_training(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {t.key for t in run.trainings_of(study)}
    changed = {name: settings | {"factor": 7.0} for name, settings in study.configurations.items()}
    after = {t.key for t in run.trainings_of(Study(name="tiny", configurations=changed, trainer=tiny))}
    assert len(before) == 4
    assert not before & after


def test_a_table_has_the_declared_columns_and_says_where_it_comes_from(
    cluster: Client, study: Study, tmp_path: Path
) -> None:
    again(cluster, tmp_path)
    table, about = pd.read_csv(tmp_path / "tiny.csv"), json.loads((tmp_path / "tiny.json").read_text())
    assert list(table.columns) == COLUMNS
    assert list(dict.fromkeys(zip(table["configuration"], table["seed"], strict=True))) == study.grid
    row = table[(table["configuration"] == "b, late") & (table["seed"] == 1) & (table["epoch"] == 3)]
    assert row["value"].item() == 2.0
    assert about["versions"] == "of today"
    assert about["dataset"]["md5"] == {"images": "0123"}
    assert about["command"] == "python -m mnist_lr_helpers reproduce tiny --scheduler ADDRESS"
    assert {"date", "threads", "seconds", "cpu_seconds", "trainings", "note"} <= set(about)


def test_a_failed_training_is_reported_and_the_others_are_kept(
    cluster: Client, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "traces"
    (folder / "broken").touch()
    bad = {"a": study.configurations["a"], "bad": study.configurations["a"] | {"factor": 9, "fails": True}}
    monkeypatch.setitem(STUDIES, "tiny", Study(name="tiny", configurations=bad, trainer=tiny))
    assert again(cluster, tmp_path) == 1
    assert "failed: tiny, bad, seed 0: RuntimeError: out of luck" in capsys.readouterr().out
    assert not (tmp_path / "tiny.csv").exists()
    (folder / "broken").unlink()
    assert again(cluster, tmp_path, resume=True) == 0
    assert sorted(name.split("-")[0] for name in traces(folder)) == ["1.5", "9", "9"]


def test_a_study_that_does_not_exist_is_named_with_its_nearest_neighbour(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["reproduce", "s1_recipes"]) == 2
    assert "there is no study 's1_recipes'; did you mean 's1_recipe'?" in capsys.readouterr().err


def test_without_mnist_nothing_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MNIST_LR_DATA", str(tmp_path))
    monkeypatch.setenv("MNIST_LR_MIRROR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("MNIST_LR_OFFLINE", "1")
    monkeypatch.setattr(run, "connected", lambda *_: pytest.fail("work started"))
    assert command_line.main(["reproduce", "data", "--output", str(tmp_path / "output")]) == 2
    assert "the studies need MNIST itself" in capsys.readouterr().err
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense://there", "127.0.0.1"])
def test_an_unreachable_scheduler_is_an_error(
    address: str, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "SECONDS_TO_CONNECT", 1.0)
    with pytest.raises(UsageError, match="no Dask scheduler answers at"):
        run.reproduce(["tiny"], scheduler=address, output=tmp_path)


def test_a_scheduler_without_workers_is_an_error(study: Study, tmp_path: Path) -> None:
    options = {"n_workers": 0, "dashboard_address": "127.0.0.1:0", "host": "127.0.0.1"}
    with LocalCluster(**options) as empty, pytest.raises(UsageError, match="has no workers"):
        run.reproduce(["tiny"], scheduler=empty.scheduler_address, output=tmp_path)


def test_workers_with_other_versions_or_without_mnist_are_an_error(cluster: Client) -> None:
    with pytest.raises(UsageError, match=r"has another versions|cannot take part"):
        run.compare_workers(cluster, ME)


@pytest.mark.parametrize(("name", "what"), [("versions", "versions"), ("dataset", "data set")])
def test_stored_trainings_of_another_world_are_not_mixed_in(
    name: str, what: str, cluster: Client, study: Study, tmp_path: Path
) -> None:
    again(cluster, tmp_path)
    one = sorted((tmp_path / "trainings" / "tiny").glob("*.json"))[1]
    saved = json.loads(one.read_text())
    saved["identity"][name] = "of yesterday"
    one.write_text(json.dumps(saved))
    with pytest.raises(UsageError, match=f"another {what}: of yesterday") as error:
        again(cluster, tmp_path, resume=True)
    assert one.name in str(error.value)
    assert len(traces(tmp_path / "traces")) == 4


def test_a_damaged_stored_training_is_an_error(cluster: Client, study: Study, tmp_path: Path) -> None:
    again(cluster, tmp_path)
    one = sorted((tmp_path / "trainings" / "tiny").glob("*.json"))[0]
    one.write_bytes(one.read_bytes()[:40])
    with pytest.raises(UsageError, match="damaged"):
        again(cluster, tmp_path, resume=True)


def test_the_command_runs_a_study_of_the_registry(mnist: data.Dataset, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mnist_lr_helpers", "reproduce", "s1_recipe", "range_test", "--quick"]
    done = subprocess.run([*command, "--workers", "2", "--output", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "4 trainings in" in done.stdout
    table = pd.read_csv(tmp_path / "s1_recipe.csv").set_index(["configuration", "metric", "epoch"])
    table = table.sort_index()["value"]
    assert table["same seed twice", "max_weight_difference", 0] == 0.0
    assert table["published", "confusion"].sum() == table["published", "error_bin"].sum()
    assert (tmp_path / "range_test.json").exists()


def test_stages_pause_without_changing_anything(mnist: data.Dataset) -> None:
    recipe = {"epochs": 3, "batch_size": 100, "learning_rate": 1e-3, "optimizer": "adam"}
    *_, paused = trainings.stages(1, stops=[1, 2], train_size=600, hidden=[16], **recipe)
    straight = trainings.new_model(paused.data["train"].images, 1, hidden=[16])
    config, order = TrainingConfig(**recipe), trainings.seeded(1_001)
    test = paused.data["test"]
    history = fit(straight, paused.data["train"], validation=test, config=config, generator=order, progress=False)
    losses = [[row["validation_loss"] for row in one.rows] for one in (history, paused.history)]
    assert losses[0] == losses[1]
    assert all(torch.equal(a, b) for a, b in zip(straight.parameters(), paused.best.parameters(), strict=True))


def test_reports_agree_with_each_other(mnist: data.Dataset) -> None:
    """Whatever counts errors counts the same ones."""
    end = trainings.finished(0, whole=False, train_size=600, epochs=2, hidden=[])
    found = {name: reports.REPORTS[name](end) for name in ("test", "classes", "confusion", "calibration", "quality")}
    table = pd.DataFrame([row for rows in found.values() for row in rows], columns=["epoch", "metric", "value"])
    by_metric = table.groupby("metric")["value"]
    errors = round((1 - by_metric.get_group("test_accuracy").item()) * 10_000)
    assert by_metric.get_group("confusion").sum() == errors
    assert by_metric.get_group("error_bin").sum() == errors
    assert by_metric.get_group("right_bin").sum() == 10_000 - errors
    right = by_metric.get_group("recall").to_numpy() @ by_metric.get_group("support").to_numpy()
    assert round(right) == 10_000 - errors
    assert by_metric.get_group("error_contrast").mean() == pytest.approx(errors / 10_000, abs=1e-6)
    assert by_metric.get_group("nll").item() == pytest.approx(by_metric.get_group("test_loss").item(), rel=1e-4)


def test_rearranged_images_are_balanced_sorted_or_repeated() -> None:
    labels = torch.tensor([3, 1, 1, 0, 1, 2, 4, 5, 6, 7, 8, 9])
    split = data.Split(labels[:, None, None, None].float(), labels)
    balanced = trainings.rearranged(split, "balanced", 0, {})
    assert balanced.labels.bincount().tolist() == [3] * 10
    assert trainings.rearranged(split, "sorted", 0, {}).labels.tolist() == sorted(labels.tolist())
    assert torch.equal(balanced.images.flatten().long(), balanced.labels)


def test_one_vs_rest_follows_the_gradient_and_the_printed_one_only_lowers_the_biases(mnist: data.Dataset) -> None:
    """The right variant takes the very step of autograd's gradient."""
    options = {"learning_rate": 0.5, "epochs": 1, "every": 1, "train_size": 1_000}
    right, printed = ({r[1]: r[2] for r in measurements.one_vs_rest(0, printed=p, **options)} for p in (0, 1))
    train, _ = measurements._seventy_thousand(0, 1_000)
    model = LogisticRegression(initialisation="zeros")
    truth = torch.nn.functional.one_hot(train.labels, 10).float()
    torch.nn.functional.binary_cross_entropy_with_logits(model(train.images), truth, reduction="sum").backward()
    step = -0.5 * model.linear.bias.grad / len(train)
    assert right["bias_min"] == pytest.approx(step.min().item(), rel=1e-4)
    assert right["bias_max"] == pytest.approx(step.max().item(), rel=1e-4)
    assert printed["bias_max"] < 0


@pytest.mark.parametrize("study", STUDIES.values(), ids=lambda study: study.name)
def test_the_stored_table_covers_the_grid(study: Study) -> None:
    table, about = (
        pd.read_csv(run.RESULTS / f"{study.name}.csv", dtype={"configuration": str}),
        json.loads((run.RESULTS / f"{study.name}.json").read_text()),
    )
    assert list(table.columns) == COLUMNS
    assert list(dict.fromkeys(zip(table["configuration"], table["seed"], strict=True))) == study.grid
    assert not table.duplicated(COLUMNS[:-1]).any()
    published = {archive.unpacked: archive.unpacked_md5 for archive in download.CATALOGUE["mnist"].files()}
    assert about["dataset"]["md5"].items() >= published.items()


@pytest.mark.parametrize(("name", "configuration"), [("data", "test"), ("s4_batch", "batch=1000")])
def test_a_cheap_training_agrees_with_the_stored_table(name: str, configuration: str, mnist: data.Dataset) -> None:
    training = run.trainings_of(STUDIES[name])[[c for c, _ in STUDIES[name].grid].index(configuration)]
    settings = dict(training.settings) | ({"epochs": 5} if "epochs" in training.settings else {})
    rows = {(epoch, metric): value for epoch, metric, value in run.work(training.trainer, 0, settings)["rows"]}
    stored = pd.read_csv(run.RESULTS / f"{name}.csv")
    stored = stored[(stored["configuration"] == configuration) & (stored["seed"] == 0)]
    pairs = [
        (rows[e, m], v) for e, m, v in stored[["epoch", "metric", "value"]].itertuples(index=False) if (e, m) in rows
    ]
    assert len(pairs) > 10
    assert all(ours == pytest.approx(value, rel=0.01, abs=1e-6) for ours, value in pairs)
