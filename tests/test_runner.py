"""The command behind ``make run``: what it accepts, what it reports, what it leaves behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import nbformat
import psutil
import publish
import pytest

from mnist_lr_helpers import runner
from mnist_lr_helpers.__main__ import main

PARAMETERS = 'DATASET = "digits"  # which images\nSEED = 0  # chance\nQUICK = False\nRATE = 1e-3\nLIMIT = None'


def write_notebook(folder: Path, name: str, *cells: str, parameters: str = PARAMETERS) -> Path:
    notebook = nbformat.v4.new_notebook()
    first = nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
    notebook.cells = [first, *(nbformat.v4.new_code_cell(cell) for cell in cells)]
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that takes the place of ``notebooks/``, with two notebooks in it."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    show = "from mnist_lr_helpers.data import load_data\nload_data(DATASET)"
    write_notebook(folder, "01_first", show, "print(SEED, QUICK, RATE)")
    write_notebook(folder, "02_second", "print('second')", parameters='DATASET = "digits"\nQUICK = False')
    monkeypatch.setattr(runner, "NOTEBOOKS", folder)
    return folder


@pytest.mark.parametrize("name", ["01", "01_first", "01_first.ipynb", "notebooks/01_first.ipynb"])
def test_a_notebook_goes_by_number_name_or_path(course: Path, name: str) -> None:
    assert runner.find_notebooks([name]) == [course / "01_first.ipynb"]


def test_all_notebooks_without_a_name(course: Path) -> None:
    assert [path.stem for path in runner.find_notebooks([])] == ["01_first", "02_second"]


def test_unknown_notebook_names_the_nearest(course: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["run", "02_secnd"]) == 2
    assert "did you mean '02_second'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "default", "value"),
    [
        ("1e-3", 0.1, 1e-3),
        ("2", 0.1, 2.0),
        ("false", True, False),
        ("True", False, True),
        ("7", 3, 7),
        ("mnist", "auto", "mnist"),
        ("12", "auto", "12"),
        ("None", 5, None),
        ("500", None, 500),
        ("(1, 2)", (3,), (1, 2)),
    ],
)
def test_values_take_the_type_of_the_default(text: str, default: object, value: object) -> None:
    converted = runner.convert("X", text, default)
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(
    ("text", "default", "types"),
    [("1e-3", 10, "int.*float"), ("many", 10, "int.*str"), ("1", True, "bool.*int"), ("yes", False, "bool.*str")],
)
def test_values_of_another_type_are_refused_with_both_named(text: str, default: object, types: str) -> None:
    with pytest.raises(runner.UsageError, match=types):
        runner.convert("EPOCHS", text, default)


def test_unknown_parameter_is_an_error_before_anything_runs(course: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["run", "-p", "SEDE", "3"]) == 2
    error = capsys.readouterr().err
    assert "did you mean 'SEED'" in error
    assert "DATASET, LIMIT, QUICK, RATE, SEED" in error
    assert not (course.parent / "build").exists()


def test_run_passes_parameters_on_and_reports(course: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    arguments = ["-p", "SEED", "4", "-p", "RATE", "1e-2", "-p", "DATASET", "digits"]
    assert main(["run", "--quick", *arguments, "--output", str(tmp_path / "build")]) == 0
    first, second = json.loads((tmp_path / "build" / "run.json").read_text())
    assert (first["notebook"], first["status"], first["dataset"], first["error"]) == (
        "01_first",
        "passed",
        "digits",
        None,
    )
    assert first["parameters"] == {"SEED": 4, "RATE": 0.01, "DATASET": "digits", "QUICK": True}
    assert second["parameters"] == {"DATASET": "digits", "QUICK": True}
    assert first["seconds"] > 0
    assert first["peak_memory_mb"] > 50
    executed = (tmp_path / "build" / "notebooks" / "01_first.ipynb").read_text()
    assert "4 True 0.01" in executed
    assert str(tmp_path) not in executed
    table = capsys.readouterr().out
    assert "01_first" in table
    assert "digits" in table


def test_a_failing_notebook_does_not_stop_the_others(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    write_notebook(course, "01_first", "x = 1", "raise ValueError('the moon\\nis too bright')")
    write_notebook(course, "03_third", "import os; os._exit(3)")
    write_notebook(course, "04_fourth", "import time; time.sleep(60)")
    write_notebook(course, "05_fifth", "import no_such_package")
    assert main(["run", "--output", str(tmp_path / "build"), "--jobs", "2", "--cell-timeout", "5"]) == 1
    results = {row["notebook"]: row for row in json.loads((tmp_path / "build" / "run.json").read_text())}
    assert [row["status"] for row in results.values()] == ["failed", "passed", "failed", "failed", "failed"]
    assert results["01_first"]["error"] == "cell 3: ValueError: is too bright"
    assert re.search("died.*want of memory; close other programs", results["03_third"]["error"])
    assert re.search("timed out.*--cell-timeout S allows a cell more", results["04_fourth"]["error"])
    assert re.search("No module named 'no_such_package'; install what", results["05_fifth"]["error"])
    assert (tmp_path / "build" / "notebooks" / "01_first.ipynb").exists()
    assert "is too bright" in capsys.readouterr().out


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupt_leaves_no_kernel_behind(course: Path, tmp_path: Path, sent: signal.Signals, status: int) -> None:
    started = tmp_path / "started"
    write_notebook(
        course, "01_first", f"import os, time; open({str(started)!r}, 'w').write(str(os.getpid())); time.sleep(99)"
    )
    code = (
        "import sys; from pathlib import Path; from mnist_lr_helpers import runner; "
        f"runner.NOTEBOOKS = Path({str(course)!r}); from mnist_lr_helpers.__main__ import main; "
        f"sys.exit(main(['run', '01', '--output', {str(tmp_path / 'build')!r}]))"
    )
    listens = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore it
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, env=os.environ, preexec_fn=listens)
    while not (started.exists() and started.read_text()):
        assert process.poll() is None, process.stderr.read().decode()
        time.sleep(0.1)
    family = psutil.Process(process.pid).children(recursive=True)
    assert int(started.read_text()) in [member.pid for member in family]
    process.send_signal(sent)
    assert process.wait(timeout=30) == status
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive


def test_clean_takes_out_what_differs_from_run_to_run(tmp_path: Path) -> None:
    path = write_notebook(tmp_path, "01_first", "1")
    notebook = nbformat.read(path, 4)
    notebook.metadata["papermill"] = {"input_path": "/somewhere"}
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "text/plain": "0%|"}
    shown = {"text/plain": "digits", runner.DATASET_MIME: {"name": "digits"}}
    notebook.cells[1].outputs = [nbformat.v4.new_output("display_data", data=d) for d in (widget, shown)]
    nbformat.write(notebook, path)
    assert runner.clean(path) == "digits"
    cleaned = nbformat.read(path, 4)
    assert "papermill" not in cleaned.metadata
    assert [output.data["text/plain"] for output in cleaned.cells[1].outputs] == ["digits"]


SPOILT = [{"status": "failed"}, {"dataset": "digits"}, {"parameters": {"QUICK": True}}]


@pytest.mark.parametrize("spoilt", SPOILT, ids=["failed", "digits", "quick"])
def test_only_full_runs_on_mnist_are_published(tmp_path: Path, spoilt: dict) -> None:
    result = runner.Result("01_first", "passed", 1.0, 1.0, "mnist", {}, None)
    (tmp_path / "run.json").write_text(json.dumps([asdict(replace(result, **spoilt))]))
    with pytest.raises(SystemExit, match="01_first"):
        publish.main(tmp_path)


def test_only_a_run_of_the_whole_course_is_kept(tmp_path: Path) -> None:
    result = runner.Result("01_explore_the_data", "passed", 1.0, 1.0, "mnist", {}, None)
    (tmp_path / "run.json").write_text(json.dumps([asdict(result)]))
    with pytest.raises(SystemExit, match="02_build_the_model"):
        publish.publish_run(tmp_path)
