"""The house rules that a machine can watch over."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request

from mnist_lr_helpers.course import publish
from mnist_lr_helpers.course.execute import find_notebooks
from mnist_lr_helpers.files import PROJECT

import nbformat
import pytest

PACKAGE = PROJECT / "mnist_lr_helpers"
MODULES = sorted(PACKAGE.rglob("*.py"))
PACKAGED = {
    PACKAGE / part for part in ("", "course", "exercises", "handwriting", "live", "reproduction", "reproduction/claims")
}


def test_every_dependency_is_pinned_with_its_hashes_and_installed_by_them() -> None:
    lock = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    pinned = settings["tool"]["uv"]["constraint-dependencies"]
    assert [one.partition("==")[0] for one in pinned] == ["torch", "torchvision"]
    assert all(f"\n{one} \\\n" in lock for one in pinned)
    assert "://" not in lock
    requirements = re.split(r"\n(?=\w)", lock.strip())
    assert len(requirements) > 50
    for requirement in requirements:
        assert re.match(r"[\w.-]+(\[[\w,]+\])?==[\w.+!]+", requirement), requirement.splitlines()[0]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", requirement), requirement.splitlines()[0]
    install = [
        line for line in (PROJECT / "Makefile").read_text(encoding="utf-8").splitlines() if "pip install" in line
    ]
    assert all("--require-hashes" in line or "--no-deps" in line for line in install)


def test_every_declared_dependency_is_locked_and_each_extra_with_it() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    lock = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    for name in declared:
        assert re.search(rf"^{re.escape(re.match('[A-Za-z0-9-]+', name)[0])}==", lock, re.M), name


def test_every_folder_with_modules_is_packaged() -> None:
    assert {path.parent for path in MODULES} == PACKAGED
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    assert {PROJECT / name.replace(".", "/") for name in declared} == PACKAGED


def printed_by(code: str) -> list[str]:
    """The words that a fresh interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_openmp_is_asked_to_wait_passively_before_torch_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """It hears no later; that the helpers come first in every file is a rule of ruff's."""
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    code = "import os, sys, mnist_lr_helpers; print(os.environ.get('OMP_WAIT_POLICY'), 'torch' in sys.modules)"
    assert printed_by(code) == ["PASSIVE", "False"]
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert printed_by(code)[0] == "ACTIVE", "who has chosen is not overruled"
    rules = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    order = rules["isort"]["section-order"]
    assert rules["isort"]["sections"]["course"] == ["mnist_lr_helpers"]
    assert order.index("course") < order.index("third-party")
    assert {"I", "PLW1514"} <= {*rules["select"]}, "the order of imports, and UTF-8 wherever text is read or written"


EPOCH_BESIDE_OTHER_WORK = """
import {}, {}
import os, subprocess, sys, time
import torch
from mnist_lr_helpers.models import ConvolutionalNetwork
from mnist_lr_helpers.splits import Split
from mnist_lr_helpers.training import TrainingConfig, limited_threads, make_optimizer, train_epoch

generator = torch.Generator().manual_seed(0)
train = Split(torch.rand(1_280, 1, 28, 28, generator=generator), torch.arange(1_280) % 10)
model = ConvolutionalNetwork([8, 16], generator=generator)
optimizer = make_optimizer(model, TrainingConfig())

def processor_seconds(threads):
    with limited_threads(threads):
        train_epoch(model, train, optimizer, batch_size=64)
        started = time.process_time()
        train_epoch(model, train, optimizer, batch_size=64)
        return time.process_time() - started

busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count())]
try:
    print(processor_seconds(torch.get_num_threads()) / processor_seconds(1))
finally:
    for process in busy:
        process.kill()
"""


@pytest.mark.slow
@pytest.mark.parametrize("order", [("mnist_lr_helpers", "torch"), ("torch", "mnist_lr_helpers")])
def test_threads_that_wait_cost_little_beside_other_work(
    order: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processor seconds, which other work does not change: where threads spin, they are 20 times as many."""
    for name in ("OMP_WAIT_POLICY", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert float(printed_by(EPOCH_BESIDE_OTHER_WORK.format(*order))[0]) < 4


# What is installed under another name than it is imported by, and what runs without being imported.
IMPORTED_AS = {"scikit-learn": "sklearn", "opencv-python-headless": "cv2", "pillow": "PIL"}
PROGRAMS = {"ipykernel", "ipywidgets", "jupyterlab"}


def test_every_declared_dependency_is_imported() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["reproduce"]]
    names = {re.match("[A-Za-z0-9-]+", one)[0] for one in declared}
    sources = [path.read_text(encoding="utf-8") for path in [*MODULES, *find_notebooks([])]]
    imported = {name for text in sources for name in re.findall(r'^[ "]*(?:import|from) (\w+)', text, re.M)}
    assert {name for name in names - PROGRAMS if IMPORTED_AS.get(name, name) not in imported} == set()


@pytest.mark.slow
def test_importing_the_helpers_loads_no_heavy_library() -> None:
    loaded = printed_by(
        "import sys, torch; before = set(sys.modules); from mnist_lr_helpers import data, models, training, "
        "evaluation, features, findings, plotting; from mnist_lr_helpers.exercises import grading; "
        "print(*{m.split('.')[0] for m in set(sys.modules) - before})"
    )
    assert not {"torchvision", "pandas", "sklearn", "scipy", "statsmodels", "seaborn", "matplotlib"} & set(loaded)


def test_the_notebook_without_pytorch_can_use_the_helpers_that_it_needs() -> None:
    told = printed_by(
        "import sys; from mnist_lr_helpers import download, findings, plotting; "
        "from mnist_lr_helpers.exercises import check; download.CATALOGUE['mnist'].files(); "
        "check('11.1 stable-loss', 1.0); print('torch' in sys.modules)"
    )
    assert told[-1] == "False"


def test_what_the_package_reads_is_packaged_with_it() -> None:
    setuptools = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    taken = {PROJECT / package.replace(".", "/"): patterns for package, patterns in setuptools["package-data"].items()}
    for path in (PROJECT / "mnist_lr_helpers").rglob("*.*"):
        if path.suffix not in (".py", ".pyc") and path.name != "README.md":
            assert any(path.match(pattern) for pattern in taken.get(path.parent, [])), path


def test_the_book_shows_the_stored_times() -> None:
    times = json.loads(publish.RUN_TIMES.read_text(encoding="utf-8"))
    assert publish.run_times_table(times) in publish.PAGE.read_text(encoding="utf-8")
    whole = json.loads(publish.COURSE_RUN.read_text(encoding="utf-8"))["notebooks"]
    assert [one["notebook"] for one in whole] == list(times)
    assert publish.run_output(whole) in publish.PAGE.read_text(encoding="utf-8")


def test_the_book_shows_how_long_the_stored_studies_took() -> None:
    assert publish.studies_table() in publish.PAGE.read_text(encoding="utf-8")


def test_the_readme_is_short() -> None:
    assert len((PROJECT / "README.md").read_text(encoding="utf-8").splitlines()) <= 100


def test_readme_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", (PROJECT / "README.md").read_text(encoding="utf-8")):
        assert (PROJECT / target).exists(), target


def test_no_data_set_and_no_foreign_top_level_entry_is_committed() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    files = listed.stdout.splitlines()
    allowed = {"notebooks", "mnist_lr_helpers", "tests", "data", "environment.yml", "pyproject.toml", "README.md"}
    allowed |= {
        "Makefile",
        "LICENSE",
        "CITATION.cff",
        "requirements.lock",
        ".ci",
        ".devcontainer",
        ".github",
        ".gitignore",
    }
    assert {file.split("/")[0] for file in files} <= allowed
    assert not [file for file in files if file.endswith((".gz", "-ubyte", ".npz", ".pt"))]


def test_notebooks_are_valid() -> None:
    for path in find_notebooks([]):
        nbformat.validate(nbformat.read(path, as_version=4))


@pytest.mark.slow
def test_lab_opens_on_the_notebooks() -> None:
    """``make lab`` serves JupyterLab, and the notebooks are what it shows."""
    port, token = free_port(), "testing"
    options = f"--no-browser --port={port} --ServerApp.port_retries=0 --IdentityProvider.token={token}"
    # What is installed here serves: whoever runs the tests has it, and no test sets up gigabytes of another.
    command = ["make", "lab", "--assume-old=.venv/ready", f"PYTHON_IN_VENV={sys.executable}", f"ARGS={options}"]
    with subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.PIPE, start_new_session=True) as process:
        try:
            address = f"http://127.0.0.1:{port}/api/contents?token={token}"
            names = {entry["name"] for entry in json.loads(fetch(address, seconds=60))["content"]}
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    assert "00_first_digit.ipynb" in names


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def fetch(address: str, *, seconds: float) -> bytes:
    """The answer at an address, asking again until the server is up."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return urllib.request.urlopen(address, timeout=5).read()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


# What others read: how to cite, to begin, and to ask.


def test_the_version_is_the_same_wherever_it_stands() -> None:
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    citation = (PROJECT / "CITATION.cff").read_text(encoding="utf-8")
    pages = {page: (PROJECT / "notebooks" / page).read_text(encoding="utf-8") for page in ("set_up.md", "changelog.md")}
    assert f"\nversion: {version}\n" in citation
    assert re.search(r"^## (\S+),", pages["changelog.md"], re.M)[1] == version
    assert {*re.findall(r"mnist-lr-(\d[\d.]*\d)", pages["set_up.md"])} == {version}


@pytest.mark.slow
@pytest.mark.slow
@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("citation-file-format", "CITATION.cff"),
        ("github-workflows", ".github/workflows/*.yml"),
        ("github-issue-forms", ".github/ISSUE_TEMPLATE/[!c]*.yml"),
        ("github-issue-config", ".github/ISSUE_TEMPLATE/config.yml"),
    ],
)
def test_what_hosts_read_has_the_form_that_they_expect(schema: str, pattern: str) -> None:
    files = sorted(map(str, PROJECT.glob(pattern)))
    assert files
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
    assert done.returncode == 0, done.stdout


def test_licences_are_named_where_readers_look() -> None:
    for page in ("LICENSE", "README.md", "notebooks/index.md"):
        text = (PROJECT / page).read_text(encoding="utf-8")
        assert "MIT" in text, page
        assert "CC BY 4.0" in text, page


def test_every_target_of_make_is_a_command_too() -> None:
    targets = re.findall(r"^([a-z]+):.*##", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.M)
    command = [sys.executable, "-m", "mnist_lr_helpers", "--help"]
    listed = re.findall(
        r"^    (\w+) ", subprocess.run(command, capture_output=True, text=True, check=True).stdout, re.M
    )
    assert {*targets} - {"help", "bench", "sabotage", "seeds", "mutants", "notebooks", "clean"} <= {*listed}


def test_the_container_has_no_root_and_installs_the_lock() -> None:
    text = (PROJECT / ".devcontainer" / "Dockerfile").read_text(encoding="utf-8")
    assert text.index("USER reader") < text.index("pip install")
    assert "--require-hashes" in text
    assert "127.0.0.1:8888:8888" in text
    assert "token=" not in text  # JupyterLab makes its own, a new one each time
    assert json.loads((PROJECT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))["remoteUser"]
