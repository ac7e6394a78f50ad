"""The house rules that a machine can watch over."""

import ast
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
from pathlib import Path

import environment
import nbformat
import publish
import pytest

from mnist_lr_helpers import runner

PROJECT = Path(__file__).resolve().parents[1]
MODULES = sorted((PROJECT / "mnist_lr_helpers").rglob("*.py"))
PACKAGED = {PROJECT / "mnist_lr_helpers" / part for part in ("", "exercises", "reproduction")}
ORDER = ["files", "data", "features", "warps", "models", "training", "evaluation", "plotting"]


def test_environment_yml_has_the_versions_of_the_lock_file() -> None:
    assert (PROJECT / "environment.yml").read_text() == environment.environment()


def test_lock_file_pins_the_torch_pair_with_hashes() -> None:
    lock = (PROJECT / "requirements.lock").read_text()
    assert "\ntorch==2.15.0 \\\n    --hash=sha256:" in lock
    assert "\ntorchvision==0.29.2 \\\n    --hash=sha256:" in lock
    assert "://" not in lock


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_modules_import_only_what_stands_left_of_them(path: Path) -> None:
    imported = re.findall(r"from mnist_lr_helpers(?:\.(\w+))? import ([\w, ]+)", path.read_text())
    names = {module or name.strip() for module, line in imported for name in ([module] if module else line.split(","))}
    if path.parent.name == "reproduction":
        return  # it stands apart: it uses the others, and only the command line imports it
    if path.stem in ORDER:
        assert names <= set(ORDER[: ORDER.index(path.stem)])
    if path.stem != "__main__":
        assert "reproduction" not in path.read_text()


def test_every_folder_with_modules_is_packaged() -> None:
    assert {path.parent for path in MODULES} == PACKAGED
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    assert {PROJECT / name.replace(".", "/") for name in declared} == PACKAGED


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_function_has_more_than_forty_lines_of_code(path: Path) -> None:
    source = path.read_text()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = source.splitlines()[node.lineno - 1 : node.body[0].lineno - 1]
            lines += source.splitlines()[body[0].lineno - 1 : node.end_lineno] if body else []
            assert len([line for line in lines if line.strip() and not line.lstrip().startswith("#")]) <= 40, node.name


def test_importing_the_helpers_loads_no_heavy_library() -> None:
    code = (
        "import sys, torch; before = set(sys.modules); from mnist_lr_helpers import data, models, training, "
        "evaluation, features, findings, plotting; from mnist_lr_helpers.exercises import grading; "
        "print(*{m.split('.')[0] for m in set(sys.modules) - before})"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torchvision", "pandas", "sklearn", "scipy", "statsmodels", "seaborn", "matplotlib"} & set(loaded)


def test_readme_shows_the_stored_times() -> None:
    times = json.loads(publish.RUN_TIMES.read_text())
    assert publish.run_times_table(times) in (PROJECT / "README.md").read_text()
    whole = json.loads(publish.COURSE_RUN.read_text())["notebooks"]
    assert [one["notebook"] for one in whole] == list(times)
    assert publish.run_output(whole) in (PROJECT / "README.md").read_text()


def test_readme_shows_how_long_the_stored_studies_took() -> None:
    assert publish.studies_table() in (PROJECT / "README.md").read_text()


def test_readme_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", (PROJECT / "README.md").read_text()):
        assert (PROJECT / target).exists(), target


def test_no_data_set_and_no_foreign_top_level_entry_is_committed() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    files = listed.stdout.splitlines()
    allowed = {"notebooks", "mnist_lr_helpers", "tests", "data", "environment.yml", "pyproject.toml", "README.md"}
    allowed |= {"Makefile", "LICENSE", "requirements.lock", ".ci", ".github", ".gitignore"}
    assert {file.split("/")[0] for file in files} <= allowed
    assert not [file for file in files if file.endswith((".gz", "-ubyte", ".npz", ".pt"))]


def test_notebooks_are_valid() -> None:
    for path in runner.find_notebooks([]):
        nbformat.validate(nbformat.read(path, as_version=4))


def test_lab_opens_on_the_notebooks() -> None:
    """``make lab`` serves JupyterLab, and the notebooks are what it shows."""
    port, token = free_port(), "testing"
    options = f"--no-browser --port={port} --ServerApp.port_retries=0 --IdentityProvider.token={token}"
    command = ["make", "lab", f"ARGS={options}"]
    with subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.PIPE, start_new_session=True) as process:
        try:
            address = f"http://127.0.0.1:{port}/api/contents?token={token}"
            names = {entry["name"] for entry in json.loads(fetch(address, seconds=60))["content"]}
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    assert "01_explore_the_data.ipynb" in names


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
