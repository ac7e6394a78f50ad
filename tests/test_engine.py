"""The engine of the reproduction: it runs on a real cluster, survives a kill, resumes, and checks before it starts."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread

from mnist_lr_helpers import __main__ as command_line
from mnist_lr_helpers import data, download
from mnist_lr_helpers.reproduction import engine
from mnist_lr_helpers.reproduction.engine import UsageError
from mnist_lr_helpers.reproduction.recipes import Row
from mnist_lr_helpers.reproduction.studies import STUDIES, Study

import pandas as pd
import psutil
import pytest
from distributed import Client, LocalCluster

ME = {"versions": "of today", "dataset": {"md5": {"images": "0123"}}}
COLUMNS = ["configuration", "seed", "epoch", "metric", "value"]


def tiny(seed: int, *, factor: float, folder: str, seconds: float = 0.0, fails: bool = False) -> list[Row]:
    """Leave a trace, wait, and return the decay of a made-up loss; it fails while there is a file ``broken``."""
    Path(folder, f"{factor}-{seed}-{os.getpid()}-{time.monotonic_ns()}").touch()
    time.sleep(seconds)
    if fails and Path(folder, "broken").exists():
        raise RuntimeError("out of luck")
    return [Row(epoch, "loss", factor * (1 + seed) / epoch) for epoch in (1, 2, 3)]


def traces(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name[0].isdigit())


@pytest.fixture(scope="module")
def cluster() -> Iterator[Client]:
    """Two real workers on loopback, as ``reproduce`` starts them."""
    with engine.connected(None, 2) as client:
        yield client


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study of three trainings, in the registry; data and versions are not looked at."""
    a, b = ({"factor": factor, "folder": str(tmp_path)} for factor in (1.5, 3))
    made_up = Study("tiny", {"a": a, "b, late": b | {"seeds": 1}}, measure=tiny, seeds=2)
    monkeypatch.setitem(STUDIES, "tiny", made_up)
    monkeypatch.setattr(engine, "identity", lambda: json.loads(json.dumps(ME)))
    return made_up


@pytest.fixture
def again(cluster: Client, study: Study, tmp_path: Path) -> Callable[..., int]:
    return lambda **options: engine.reproduce(
        ["tiny"], scheduler=cluster.scheduler.address, output=tmp_path / "output", **options
    )


def stored(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "output" / "trainings" / "tiny").glob("*.json"))


@pytest.mark.slow
def test_a_killed_worker_costs_only_the_training_it_was_in(cluster: Client, tmp_path: Path) -> None:
    settings = {"folder": str(tmp_path), "seconds": 2.0}
    todo = [engine.Training("t", f"c{k}", seed, tiny, settings | {"factor": k}) for k in (1, 2, 3) for seed in (0, 1)]
    results = {}
    for training, result in engine.ended(todo, cluster):
        results[training] = result["rows"]
        if len(results) == 2:  # both workers are in their second training
            while not (begun := [name for name in traces(tmp_path) if not name.startswith("1-")]):
                time.sleep(0.02)
            os.kill(int(begun[0].split("-")[2]), signal.SIGKILL)
    lost = len(traces(tmp_path)) - len(todo)
    assert lost in (1, 2), "the training it was in, and at most one that it had ended but not yet reported"
    assert results == {t: engine.work(tiny, t.seed, t.settings | {"seconds": 0})["rows"] for t in todo}


@pytest.mark.slow
def test_a_run_that_loses_its_scheduler_ends_with_a_message(study: Study, tmp_path: Path) -> None:
    dask, options = [sys.executable, "-m", "dask"], ["--scheduler-file", str(tmp_path / "address"), "--no-dashboard"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    start = partial(subprocess.Popen, env=environment, stderr=subprocess.DEVNULL)
    scheduler = start([*dask, "scheduler", *options, "--host", "127.0.0.1", "--port", "0"])
    worker = start([*dask, "worker", *options, "--nthreads", "1"])
    study.configurations["b, late"]["seconds"] = 60.0

    def kill_in_the_last() -> None:
        while len(traces(tmp_path)) < 3 or len(stored(tmp_path)) < 2:
            time.sleep(0.05)
        scheduler.kill()

    try:
        with Client(scheduler_file=options[1], timeout="60s") as client:
            client.wait_for_workers(1, timeout="60s")
            address = client.scheduler.address
        killer = Thread(target=kill_in_the_last, daemon=True)
        killer.start()
        with pytest.raises(UsageError, match=r"scheduler is gone.* are kept.*--resume"):
            engine.reproduce(["tiny"], scheduler=address, output=tmp_path / "output")
    finally:
        scheduler.kill()
        worker.kill()
    assert len(stored(tmp_path)) == 2


@pytest.mark.slow
def test_the_cluster_listens_on_loopback_only(cluster: Client) -> None:
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    sockets = [socket for process in processes for socket in process.net_connections("inet")]
    listening = [socket.laddr.ip for socket in sockets if socket.status == psutil.CONN_LISTEN]
    assert len(listening) >= 3
    assert set(listening) == {"127.0.0.1"}


@pytest.mark.slow
def test_resuming_trains_only_what_is_missing(again: Callable[..., int], tmp_path: Path) -> None:
    assert again() == 0
    table = (tmp_path / "output" / "tiny.csv").read_bytes()
    assert len(traces(tmp_path)) == len(stored(tmp_path)) == 3
    stored(tmp_path)[1].unlink()
    assert again(resume=True) == 0
    assert len(traces(tmp_path)) == 4
    assert (tmp_path / "output" / "tiny.csv").read_bytes() == table
    assert again() == 0
    assert len(traces(tmp_path)) == 7


def test_other_settings_are_another_training(study: Study) -> None:
    changed = {name: settings | {"factor": 7.0} for name, settings in study.configurations.items()}
    before, after = (
        [t.key for t in engine.trainings_of(one)] for one in (study, replace(study, configurations=changed))
    )
    assert len({*before, *after}) == 6


def test_a_quick_run_has_one_seed_few_images_and_few_epochs() -> None:
    (some, *_), full = engine.trainings_of(STUDIES["s2_depth"], quick=True), engine.trainings_of(STUDIES["s2_depth"])
    assert [t.seed for t in engine.trainings_of(STUDIES["s2_depth"], quick=True)] == [0, 0, 0]
    assert len(full) == 11
    assert some.settings == full[0].settings | {"train_size": 1_000, "epochs": 2, "last_at": 0}


def test_a_table_says_where_it_comes_from(again: Callable[..., int], study: Study, tmp_path: Path) -> None:
    again()
    table = pd.read_csv(tmp_path / "output" / "tiny.csv")
    about = json.loads((tmp_path / "output" / "tiny.json").read_text("utf-8"))
    assert list(table.columns) == COLUMNS
    assert list(dict.fromkeys(zip(table["configuration"], table["seed"], strict=True))) == study.grid
    assert table["value"].tolist() == [1.5, 0.75, 0.5, 3.0, 1.5, 1.0, 3.0, 1.5, 1.0]
    assert about.items() >= ME.items()
    assert about["command"] == "python -m mnist_lr_helpers reproduce tiny --scheduler ADDRESS"
    assert {"date", "threads", "seconds", "cpu_seconds", "trainings", "note"} <= set(about)


def test_numbers_are_stored_with_six_digits_whole_ones_whole_and_only_finite_ones() -> None:
    values = (0.12345678, 9_912_422, float("nan"), float("inf"))
    rows = engine.work(lambda seed: [Row(k, "x", value) for k, value in enumerate(values)], 0, {})["rows"]
    assert rows == [(0, "x", 0.123457), (1, "x", 9_912_422)]


def test_a_failed_training_is_reported_and_the_others_are_kept(
    again: Callable[..., int], study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study.configurations["b, late"]["fails"] = True
    (tmp_path / "broken").touch()
    assert again() == 1
    assert "failed: tiny, b, late, seed 0: RuntimeError: out of luck" in capsys.readouterr().out
    assert not (tmp_path / "output" / "tiny.csv").exists()
    (tmp_path / "broken").unlink()
    assert again(resume=True) == 0
    assert [name.split("-")[0] for name in traces(tmp_path)] == ["1.5", "1.5", "3", "3"]


def test_a_study_that_does_not_exist_is_named_with_its_nearest_neighbour(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["reproduce", "s1_recipes"]) == 2
    assert "there is no study 's1_recipes'; did you mean 's1_recipe'?" in capsys.readouterr().err


def test_without_mnist_nothing_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MNIST_LR_DATA", str(tmp_path))
    monkeypatch.setenv("MNIST_LR_MIRROR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("MNIST_LR_OFFLINE", "1")
    monkeypatch.setattr(engine, "connected", lambda *_: pytest.fail("work started"))
    assert command_line.main(["reproduce", "data", "--output", str(tmp_path / "output")]) == 2
    assert "the studies need MNIST itself" in capsys.readouterr().err
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense://there", "127.0.0.1"])
def test_an_unreachable_scheduler_is_an_error(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "SECONDS_TO_CONNECT", 1.0)
    with pytest.raises(UsageError, match="no Dask scheduler answers at"), engine.connected(address, 1):
        pass


def test_a_scheduler_without_workers_is_an_error() -> None:
    options = {"n_workers": 0, "dashboard_address": "127.0.0.1:0", "host": "127.0.0.1"}
    with LocalCluster(**options) as empty, pytest.raises(UsageError, match="has no workers"):
        engine.connected(empty.scheduler_address, 1).__enter__()


@pytest.mark.parametrize(("name", "what"), [("versions", "versions"), ("dataset", "data set")])
def test_workers_and_stored_trainings_of_another_world_are_refused(
    name: str, what: str, again: Callable[..., int], cluster: Client, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=f"worker tcp://.* has another {what}: .*, not of yesterday"):
        engine.compare_workers(cluster, ME | {name: "of yesterday"})
    again()
    one = stored(tmp_path)[1]
    one.write_text(json.dumps(json.loads(one.read_text("utf-8")) | {"identity": ME | {name: "of yesterday"}}), "utf-8")
    with pytest.raises(UsageError, match=f"{one.name} was made with another {what}: of yesterday"):
        again(resume=True)
    assert len(traces(tmp_path)) == 3


def test_a_worker_without_mnist_is_refused(cluster: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "identity", lambda: 1 / 0)
    with pytest.raises(UsageError, match=r"worker tcp://.* cannot take part: division by zero"):
        engine.compare_workers(cluster, ME)


def test_a_damaged_stored_training_is_an_error(again: Callable[..., int], tmp_path: Path) -> None:
    again()
    stored(tmp_path)[0].write_bytes(stored(tmp_path)[0].read_bytes()[:40])
    with pytest.raises(UsageError, match="is damaged"):
        again(resume=True)


@pytest.mark.parametrize("study", STUDIES.values(), ids=lambda study: study.name)
def test_the_stored_table_covers_the_grid(study: Study) -> None:
    table = pd.read_csv(engine.RESULTS / f"{study.name}.csv", dtype={"configuration": str})
    about = json.loads((engine.RESULTS / f"{study.name}.json").read_text("utf-8"))
    assert list(table.columns) == COLUMNS
    assert list(dict.fromkeys(zip(table["configuration"], table["seed"], strict=True))) == study.grid
    assert not table.duplicated(COLUMNS[:-1]).any()
    assert (about["trainings"], about["note"]) == (len(study.grid), study.note)
    assert list(about["seconds_by_configuration"]) == list(study.configurations)
    published = {archive.unpacked: archive.unpacked_md5 for archive in download.CATALOGUE["mnist"].files()}
    assert about["dataset"]["md5"] == published


@pytest.mark.slow
@pytest.mark.parametrize(("name", "configuration"), [("data", "test"), ("s4_batch", "batch=1000")])
def test_a_cheap_training_agrees_with_the_stored_table(name: str, configuration: str, mnist: data.Dataset) -> None:
    measure, settings = STUDIES[name].measuring(configuration)
    settings |= {"epochs": 5} if "epochs" in settings else {}
    rows = {(epoch, metric): value for epoch, metric, value in engine.work(measure, 0, settings)["rows"]}
    table = pd.read_csv(engine.RESULTS / f"{name}.csv")
    table = table[(table["configuration"] == configuration) & (table["seed"] == 0)]
    before = {(row.epoch, row.metric): row.value for row in table.itertuples()}
    assert len(rows.keys() & before.keys()) > 10
    assert all(rows[key] == pytest.approx(before[key], rel=0.01, abs=1e-6) for key in rows.keys() & before.keys())
