"""The commands behind ``make run`` and the others: what they accept, what they report, what they leave behind."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from mnist_lr_helpers.course import execute, publish
from mnist_lr_helpers.course.command import main
from mnist_lr_helpers.course.usage import UsageError, convert, nearest
from mnist_lr_helpers.download import DATASET_MIME

import nbconvert
import nbformat
import psutil
import pytest
from conftest import in_child, nbval, write_notebook

PARAMETERS = 'DATASET = "digits"  # which images\nSEED = 0  # chance\nQUICK = False\nRATE = 1e-3\nLIMIT = None'


@pytest.fixture
def two(course: Path) -> Path:
    """The course's folder with two notebooks in it."""
    show = "from mnist_lr_helpers.data import load_data\nload_data(DATASET)"
    write_notebook(course, "01_first", show, "print(SEED, QUICK, RATE)", parameters=PARAMETERS)
    write_notebook(course, "02_second", "print('second')")
    return course


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen]:
    """A process of the caller's own, which is none of the course's business."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"]) as process:
        yield process
        process.kill()


def results_in(folder: Path) -> dict[str, dict]:
    return {row["notebook"]: row for row in json.loads((folder / "run.json").read_text(encoding="utf-8"))}


# What is asked for


def test_help_names_all_commands_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; from mnist_lr_helpers.course.command import main\n"
        "try: main(['--help'])\nexcept SystemExit: print('loaded:', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    told, loaded = done.stdout.split("loaded:")
    assert set(re.findall(r"^ {4}(\w+)", told, re.M)) >= {"run", "publish", "student", "environment", "reproduce"}
    assert not {"torch", "nbformat", "papermill", "psutil", "nbconvert", "distributed", "pandas"} & set(loaded.split())


@pytest.mark.parametrize("name", ["01", "01_first", "01_first.ipynb", "notebooks/01_first.ipynb"])
def test_a_notebook_goes_by_number_name_or_path(two: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(two.parent)
    assert execute.find_notebooks([name, name]) == [two / "01_first.ipynb"]


def test_all_notebooks_without_a_name(two: Path) -> None:
    assert [path.stem for path in execute.find_notebooks([])] == ["01_first", "02_second"]


def test_unknown_notebook_names_the_nearest(two: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["run", "02_secnd"]) == 2
    assert "did you mean '02_second'" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["elsewhere/01_first.ipynb", "./01_first.ipynb", "notebooks/01_first"])
def test_a_path_without_a_notebook_is_refused_and_none_of_the_same_name_run(
    two: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(two.parent)
    with pytest.raises(UsageError, match=f"no notebook '{path}'; did you mean '01_first'"):
        execute.find_notebooks([path])


def test_two_notebooks_of_one_name_are_refused(two: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"two notebooks are called 01_first.ipynb"):
        execute.find_notebooks(["01", str(write_notebook(tmp_path, "01_first"))])


def test_an_executed_copy_never_replaces_its_original(two: Path, capsys: pytest.CaptureFixture) -> None:
    before = (two / "02_second.ipynb").read_bytes()
    assert main(["run", "02", "--output", str(two.parent)]) == 2
    assert "would replace" in capsys.readouterr().err
    assert (two / "02_second.ipynb").read_bytes() == before


@pytest.mark.parametrize(
    ("text", "message"), [("", "cannot be read"), ("{}", "cannot be read"), ("[]", "cannot be read")]
)
def test_a_file_that_is_no_notebook_is_refused(
    course: Path, tmp_path: Path, text: str, message: str, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "notes.ipynb").write_text(text, encoding="utf-8")
    assert main(["run", str(tmp_path / "notes.ipynb")]) == 2
    assert message in capsys.readouterr().err


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
        ("1e3", 10, 1000),
        ("1e3", None, 1000),
        ("-2.0", None, -2),
        ("1e3", 0.5, 1000.0),
        ("0.5", None, 0.5),
    ],
)
def test_values_take_the_type_of_the_default(text: str, default: object, value: object) -> None:
    converted = convert("X", text, default)
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(
    ("text", "default", "types"),
    [
        ("1e-3", 10, "int.*float"),
        ("many", 10, "int.*str"),
        ("1", True, "bool.*int"),
        ("yes", False, "bool.*str"),
        ("many", None, "int or float.*str"),
        ("True", None, "int or float.*bool"),
    ],
)
def test_values_of_another_type_are_refused_with_both_named(text: str, default: object, types: str) -> None:
    with pytest.raises(UsageError, match=types):
        convert("EPOCHS", text, default)


@pytest.mark.parametrize("text", ["-1e-3", "-.5", "-2", "-1E+3", "1e3"])
def test_a_negative_number_is_a_value_and_no_option(
    text: str, two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = []
    monkeypatch.setattr(execute, "run", lambda planned, **_: jobs.extend(planned) or [])
    assert main(["run", "-p", "RATE", text, "-p", "DATASET", "digits", "--output", str(tmp_path / "build"), "01"]) == 0
    assert [job.parameters for job in jobs] == [{"RATE": float(text), "DATASET": "digits"}]


def test_the_nearest_name_is_one_of_the_known_however_far() -> None:
    assert nearest("trian", ["test", "train"]) == "train"
    assert nearest("", {"only": 1}) == "only"


def test_unknown_parameter_is_an_error_before_anything_runs(two: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["run", "-p", "SEDE", "3", "--output", str(two.parent / "build")]) == 2
    error = capsys.readouterr().err
    assert "did you mean 'SEED'" in error
    assert "DATASET, LIMIT, QUICK, RATE, SEED" in error
    assert not (two.parent / "build").exists()


@pytest.mark.parametrize("value", ["cifar", "MNIST", ""])
def test_an_unknown_data_set_is_an_error_before_anything_runs(
    value: str, two: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["run", "-p", "DATASET", value, "--output", str(tmp_path / "build")]) == 2
    assert f"error: DATASET is {value!r}; choose one of 'auto', 'mnist'" in capsys.readouterr().err
    assert not (tmp_path / "build").exists()


# What is reported


@pytest.mark.slow
def test_run_passes_parameters_on_and_reports(two: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    arguments = ["-p", "SEED", "4", "-p", "RATE", "1e-2", "-p", "DATASET", "digits"]
    assert main(["run", "--quick", *arguments, "--output", str(tmp_path / "build")]) == 0
    first, second = results_in(tmp_path / "build").values()
    assert (first["notebook"], first["status"], first["dataset"], first["error"]) == (
        "01_first",
        "passed",
        "digits",
        None,
    )
    assert first["parameters"] == {"SEED": 4, "RATE": 0.01, "DATASET": "digits", "QUICK": True}
    assert second["parameters"] == {"DATASET": "digits", "QUICK": True}
    assert first["seconds"] > 0
    executed = (tmp_path / "build" / "notebooks" / "01_first.ipynb").read_text(encoding="utf-8")
    assert "4 True 0.01" in executed
    assert str(tmp_path) not in executed
    table = capsys.readouterr().out
    assert "01_first" in table
    assert "digits" in table


@pytest.mark.slow
def test_memory_is_that_of_each_notebook_alone(course: Path, tmp_path: Path) -> None:
    """The second follows a larger one, which must not be counted again; a short peak counts."""
    write_notebook(course, "01_large", "held = bytearray(700 * 2**20); del held")
    write_notebook(course, "02_small", "1")
    jobs = execute.plan(execute.find_notebooks([]), [], quick=False, output=tmp_path / "build", cell_timeout=600)
    large, small = execute.run(jobs)
    assert 700 < large.peak_memory_mb < 1000
    assert 20 < small.peak_memory_mb < 300


@pytest.mark.slow
def test_notebooks_that_run_together_share_the_cores(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_notebook(course, "01_first", "import os; print('threads:', os.environ.get('OMP_NUM_THREADS'))")
    jobs = execute.plan(execute.find_notebooks([]), [], quick=False, output=tmp_path, cell_timeout=600)

    def threads(workers: int) -> str:
        assert execute.run(jobs, workers=workers)[0].status == "passed"
        return re.search(r"threads: (\w+)", (tmp_path / "01_first.ipynb").read_text(encoding="utf-8"))[1]

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert threads(1) == "None", "one alone may have all cores"
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert [threads(2), threads(20)] == ["3", "1"]
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert threads(2) == "5", "who has chosen is not overruled"


@pytest.mark.slow
def test_a_path_is_the_file_that_is_run_in_its_own_folder(two: Path, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "word").write_text("mine", encoding="utf-8")
    given = write_notebook(folder, "01_first", "print(open('word').read())")
    assert main(["run", str(given), "--output", str(tmp_path / "build")]) == 0
    assert list(results_in(tmp_path / "build")) == [str(given)], "not the name of the course's own notebook"
    assert "mine" in (tmp_path / "build" / "notebooks" / "01_first.ipynb").read_text(encoding="utf-8")


@pytest.mark.slow
def test_each_failure_stands_in_the_table_and_stops_no_other_notebook(course: Path, tmp_path: Path) -> None:
    """A killed process stands for what the system does when memory runs out: it picks one, not always the kernel."""
    cells = {
        "01_raises": "raise ValueError('the moon\\nis too bright')",
        "02_dies": "import os; os._exit(3)",
        "03_hangs": "import time; time.sleep(600)",
        "04_lacks": "import no_such_package",
        "05_killed": "import os, signal; os.kill(os.getppid(), signal.SIGKILL)",
        "06_passes": "print('second')",
    }
    for name, cell in cells.items():
        write_notebook(course, name, cell)
    jobs = execute.plan(execute.find_notebooks([]), [], quick=False, output=tmp_path, cell_timeout=600)
    jobs[2] = replace(jobs[2], cell_timeout=2)
    results = execute.run(jobs, workers=2)
    assert [result.status for result in results] == ["failed"] * 5 + ["passed"]
    raises, dies, hangs, lacks, killed, _ = [str(result.error) for result in results]
    assert raises == "cell 2: ValueError: is too bright"
    assert re.search("died.*want of memory; close other programs", dies)
    assert re.search("timed out.*--cell-timeout S allows a cell more", hangs)
    assert re.search("No module named 'no_such_package'; install what", lacks)
    assert killed == execute.KILLED
    assert (tmp_path / "01_raises.ipynb").exists()
    table = execute.table_of(results, 61.4)
    assert all(result.error in table for result in results[:5])
    assert table.endswith("\n6 notebooks, 61 s in all")


@pytest.mark.parametrize(("failures", "status"), [(0, "passed"), (2, "passed"), (3, "failed")])
def test_a_kernel_that_did_not_start_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int, status: str
) -> None:
    """Another program may take the port that was free when the kernel was told to listen there."""
    answers = iter([RuntimeError(f"{execute.NO_START} to kernel_info")] * failures)

    def start(*_: object, **__: object) -> None:
        for error in answers:
            raise error

    monkeypatch.setattr(execute.papermill, "execute_notebook", start)
    result = execute.execute(execute.Job("01_first", tmp_path / "a.ipynb", tmp_path / "b.ipynb", {}, 60))
    assert result.status == status


@pytest.mark.slow
def test_a_failed_notebook_is_the_exit_status(course: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    write_notebook(course, "01_first", "raise ValueError('no')")
    assert main(["run", "--output", str(tmp_path / "build")]) == 1
    assert results_in(tmp_path / "build")["01_first"]["error"] == "cell 2: ValueError: no"
    assert "cell 2: ValueError: no" in capsys.readouterr().out


@pytest.mark.slow
def test_a_notebook_that_passes_shows_nothing_like_an_error(
    course: Path, tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    """Every kernel is interrupted before it is told to end; this one is still answering then."""
    slow = (
        "import time\nkernel = get_ipython().kernel\nanswer = kernel.shell_handlers['kernel_info_request']\n"
        "async def linger(*message):\n    await answer(*message)\n    time.sleep(3)\n"
        "kernel.shell_handlers['kernel_info_request'] = linger"
    )
    write_notebook(course, "01_first", slow)
    assert main(["run", "--output", str(tmp_path / "build")]) == 0
    assert not re.search("error|interrupt", capfd.readouterr().err, re.I)


def shadow_the_kernel(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the user a kernelspec of the usual name, as `ipykernel install --user` does, whose Python is another."""
    spec = {"argv": [sys.executable, "-c", "raise SystemExit('another Python')", "{connection_file}"]}
    spec |= {"display_name": "Python 3", "language": "python"}
    path = folder / "kernels" / "python3" / "kernel.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(spec), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(folder))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(folder))


@pytest.mark.slow
def test_the_kernel_is_this_python_whatever_kernels_the_user_has(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shadow_the_kernel(tmp_path / "jupyter", monkeypatch)
    path = write_notebook(course, "01_first", f"import sys\nassert sys.executable == {sys.executable!r}")
    assert main(["run", "-p", "DATASET", "digits", "--output", str(tmp_path / "build")]) == 0
    in_child(nbval, str(path))


@pytest.mark.slow
def test_a_place_that_cannot_be_written_is_named(course: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    write_notebook(course, "01_first", "1")
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    assert main(["run", "--output", str(tmp_path / "file" / "build")]) == 2
    printed = capsys.readouterr()
    assert "NotADirectoryError" in printed.out
    assert "error: cannot write" in printed.err
    assert (tmp_path / "file").read_text(encoding="utf-8") == "kept"


def run_with_a_full_disk(folder: str, output: str) -> int:
    execute.NOTEBOOKS = Path(folder)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    return main(["run", "--output", output])


@pytest.mark.slow
def test_a_full_disk_ends_in_the_table_and_leaves_no_half_notebook(course: Path, tmp_path: Path) -> None:
    write_notebook(course, "01_long", "print('x' * 200_000)")
    assert in_child(run_with_a_full_disk, str(course), str(tmp_path / "build")) == 1
    assert "File too large" in results_in(tmp_path / "build")["01_long"]["error"]
    assert list((tmp_path / "build" / "notebooks").iterdir()) == []


def test_clean_takes_out_what_differs_from_run_to_run(tmp_path: Path) -> None:
    path = write_notebook(tmp_path, "01_first", "1")
    notebook = nbformat.read(path, 4)
    notebook.metadata["papermill"] = {"input_path": "/somewhere"}
    notebook.cells[1].metadata = {"papermill": {"duration": 1.0}, "execution": {"iopub.status.busy": "now"}, "tags": []}
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "text/plain": "0%|"}
    shown = {"text/plain": "digits", DATASET_MIME: {"name": "digits"}}
    notebook.cells[1].outputs = [nbformat.v4.new_output("display_data", data=d) for d in (widget, shown)]
    nbformat.write(notebook, path)
    assert execute.clean(path) == "digits"
    cleaned = nbformat.read(path, 4)
    assert "papermill" not in cleaned.metadata
    assert cleaned.cells[1].metadata == {"tags": []}
    assert [output.data["text/plain"] for output in cleaned.cells[1].outputs] == ["digits"]


def test_a_clean_notebook_is_exported_as_a_script_that_python_runs(tmp_path: Path) -> None:
    path = write_notebook(tmp_path, "01_first", "print(1)")
    execute.clean(path)
    script, resources = nbconvert.ScriptExporter().from_filename(str(path))
    assert resources["output_extension"] == ".py"
    exec(script, {})


# What is left behind


@pytest.mark.slow
def test_a_run_leaves_the_callers_own_processes_alone(course: Path, tmp_path: Path, sleeper: subprocess.Popen) -> None:
    execute.run([])
    assert sleeper.poll() is None
    write_notebook(course, "01_first", "1")
    jobs = execute.plan(execute.find_notebooks([]), [], quick=False, output=tmp_path / "build", cell_timeout=600)
    assert execute.run(jobs)[0].status == "passed"
    assert sleeper.poll() is None


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupt_leaves_no_kernel_behind(course: Path, tmp_path: Path, sent: signal.Signals, status: int) -> None:
    started, other = tmp_path / "started", tmp_path / "other"
    write_notebook(
        course, "01_first", f"import os, time; open({str(started)!r}, 'w').write(str(os.getpid())); time.sleep(99)"
    )
    code = (
        "import subprocess, sys; from pathlib import Path; from mnist_lr_helpers.course import command, execute; "
        "other = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)']); "
        f"Path({str(other)!r}).write_text(str(other.pid)); execute.NOTEBOOKS = Path({str(course)!r}); "
        f"sys.exit(command.main(['run', '01', '--output', {str(tmp_path / 'build')!r}]))"
    )
    listens = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore it
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, env=os.environ, preexec_fn=listens)
    while not (started.exists() and started.read_text()):
        assert process.poll() is None, process.stderr.read().decode()
        time.sleep(0.1)
    family = psutil.Process(process.pid).children(recursive=True)
    bystander = psutil.Process(int(other.read_text()))
    assert int(started.read_text()) in [member.pid for member in family]
    process.send_signal(sent)
    assert process.wait(timeout=60) == status
    _, alive = psutil.wait_procs([member for member in family if member != bystander], timeout=20)
    assert not alive
    assert bystander.is_running()
    bystander.kill()
    assert b"Traceback" not in process.stderr.read()


# What is published

RESULT = execute.Result("01_first", "passed", 1.0, 1.0, "mnist", {}, None)
SPOILT = {
    "failed": {"status": "failed"},
    "on digits": {"dataset": "digits"},
    "quick": {"parameters": {"QUICK": True}},
    "of unknown size": {"peak_memory_mb": None},
    "another's": {"notebook": "/tmp/01_first.ipynb"},
}


@pytest.mark.parametrize("spoilt", SPOILT.values(), ids=SPOILT)
def test_only_full_runs_on_mnist_are_published(two: Path, tmp_path: Path, spoilt: dict) -> None:
    rows = [asdict(replace(RESULT, **spoilt)), asdict(replace(RESULT, notebook="02_second"))]
    (tmp_path / "run.json").write_text(json.dumps(rows), encoding="utf-8")
    with pytest.raises(UsageError, match=r"these are not: \['[^']*01_first[^']*'\]"):
        publish.publish_notebooks(tmp_path)


def test_only_a_run_of_the_whole_course_is_kept(two: Path, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps([asdict(RESULT)]), encoding="utf-8")
    with pytest.raises(UsageError, match="02_second"):
        publish.publish_run(tmp_path)


def test_without_a_run_nothing_is_published(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="run the notebooks first"):
        publish.publish_notebooks(tmp_path)


@pytest.fixture
def places(two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Everything that publishing writes lies below a folder of the test's own."""
    page = "".join(f"<!-- {name} -->\nold\n<!-- end of {name} -->\n" for name in ("run times", "run output"))
    (tmp_path / "page.md").write_text(page, encoding="utf-8")
    places = {"PAGE": "page.md", "RUN_TIMES": "times.json", "COURSE_RUN": "course.json", "NOTEBOOKS": "notebooks"}
    for name, place in places.items():
        monkeypatch.setattr(publish, name, tmp_path / place)
    return tmp_path


def test_a_notebook_that_was_changed_after_its_run_stays_as_it_is(places: Path) -> None:
    ours, ran = places / "notebooks" / "02_second.ipynb", places / "build" / "notebooks" / "02_second.ipynb"
    ran.parent.mkdir(parents=True)
    ran.write_text(ours.read_text(encoding="utf-8").replace("second", "other"), encoding="utf-8")
    (places / "build" / "run.json").write_text(json.dumps([asdict(replace(RESULT, notebook="02_second"))]))
    before = ours.read_bytes()
    with pytest.raises(UsageError, match="02_second has been changed since it was run; run it again"):
        publish.publish_notebooks(places / "build")
    assert ours.read_bytes() == before


def test_a_published_notebook_carries_its_measured_time(places: Path) -> None:
    notebook = nbformat.read(places / "notebooks" / "02_second.ipynb", as_version=4)
    text = "# 02 · The second – “ü”\n\n*Measured running time: 1 s on 1 CPU cores; peak memory 1 MB.*"
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell(text))
    (places / "build" / "notebooks").mkdir(parents=True)
    for folder in (places, places / "build"):
        nbformat.write(notebook, folder / "notebooks" / "02_second.ipynb")
    row = asdict(replace(RESULT, notebook="02_second", seconds=12.6, peak_memory_mb=1234.5))
    (places / "build" / "run.json").write_text(json.dumps([row]), encoding="utf-8")
    publish.publish_notebooks(places / "build")
    title = nbformat.read(places / "notebooks" / "02_second.ipynb", as_version=4).cells[0].source
    assert f"time: 13 s on {os.cpu_count()} CPU cores; peak memory 1234 MB.*" in title
    kept = json.loads((places / "times.json").read_text(encoding="utf-8"))["02_second"]
    assert (kept["title"], kept["seconds"], kept["peak_memory_mb"]) == ("The second – “ü”", 13, 1234)
    shown = "| [`02_second`](02_second.ipynb) | The second – “ü” | 13 s | 1,234 MB |"
    page = (places / "page.md").read_text(encoding="utf-8")
    assert shown in page
    assert page.count("old") == 1, "the other table stays"


def test_a_run_of_the_whole_course_is_kept_with_its_table(places: Path) -> None:
    starts = {"02_second": "2026-01-01T00:00:00.000+00:00", "01_first": "2026-01-01T00:00:05.000+00:00"}
    rows = [asdict(replace(RESULT, notebook=name, seconds=8.0, started=start)) for name, start in starts.items()]
    (places / "run.json").write_text(json.dumps(rows), encoding="utf-8")
    publish.publish_run(places)
    assert "2 notebooks, 13 s in all" in (places / "page.md").read_text(encoding="utf-8")
    kept = json.loads((places / "course.json").read_text(encoding="utf-8"))
    assert [row["notebook"] for row in kept["notebooks"]] == ["01_first", "02_second"]
