"""The commands that hand over to other programs, the same on every system; the Makefile only sets up before them."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from mnist_lr_helpers.course.usage import UsageError
from mnist_lr_helpers.files import PROJECT, write_atomically

BUILD = PROJECT / "build"
# Two processes, and one that is done takes over from the other. With three on two cores all takes longer.
IN_TWO = ("--numprocesses", "2", "--dist", "worksteal")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
QUICKLY = ("-m", "not slow and not notebook and not browser")


def lab(rest: Sequence[str]) -> int:
    """Open JupyterLab at the first lesson; ``rest`` is for it."""
    as_root = ["--allow-root"] if hasattr(os, "getuid") and os.getuid() == 0 else []
    first = "--LabApp.default_url=/lab/tree/00_first_digit.ipynb"
    return python("jupyter", "lab", "--notebook-dir=notebooks", first, *as_root, *rest)


def check(rest: Sequence[str]) -> int:
    """The checks that take a minute: form, and units; ``rest`` is for pytest."""
    return _form() or python("pytest", *IN_TWO, *QUICKLY, *rest)


def test(rest: Sequence[str]) -> int:
    """Every check; ``rest`` is for pytest."""
    return _form() or python("pytest", *IN_TWO, "--durations", "25", *rest)


def book(run_here: str | None = None, builder: str = "html") -> int:
    """Build the book into build/book, from the committed notebooks or from those in the folder ``run_here``."""
    source = PROJECT / "notebooks"
    if run_here:
        source = BUILD / "book_pages"
        shutil.rmtree(source, ignore_errors=True)
        shutil.copytree(PROJECT / "notebooks", source)
        for executed in Path(run_here).resolve().glob("[0-9][0-9]_*.ipynb"):
            shutil.copy(executed, source)
    return sphinx(source, "book", builder)


def slides() -> int:
    """Build a page of slides for each lesson of the core into build/slides."""
    return sphinx(PROJECT / "notebooks", "slides", "html", "-t", "slides")


def pdf() -> int:
    """Print the core into build/core.pdf."""
    from mnist_lr_helpers.course.printing import print_book  # the browser is needed for this alone

    failed = sphinx(PROJECT / "notebooks", "print", "singlehtml", "-t", "print")
    if not failed:
        pages = print_book(BUILD / "print" / "core.html", BUILD / "core.pdf", CHROMIUM)
        print(f"build/core.pdf, {pages} pages")
    return failed


def release() -> int:
    """Write what is committed as an archive, with its checksum beside it, into build/release.

    Raises:
        UsageError: this is no git checkout, or something is not committed.
    """
    changed = subprocess.run(["git", "status", "--porcelain"], cwd=PROJECT, capture_output=True, text=True, check=False)
    if changed.returncode or changed.stdout:
        raise UsageError(f"only what is committed is released: {(changed.stdout or changed.stderr).strip()}")
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name = f"mnist-lr-{project['version']}"
    archive = BUILD / "release" / f"{name}.zip"
    archive.parent.mkdir(parents=True, exist_ok=True)
    command = ["git", "archive", f"--prefix={name}/", f"--output={archive}", "HEAD"]
    subprocess.run(command, cwd=PROJECT, check=True)
    checksum = hashlib.sha256(archive.read_bytes()).hexdigest()
    write_atomically(archive.with_suffix(".zip.sha256"), f"{checksum}  {archive.name}\n".encode())
    print(f"build/release/{archive.name}, {archive.stat().st_size / 1e6:.1f} MB, sha256 {checksum}")
    return 0


def sphinx(source: Path, target: str, builder: str, *options: str) -> int:
    """Build pages from a folder of notebooks; a warning is a failure."""
    where = ["-c", "notebooks", "-d", f"build/doctrees_{target}", str(source), f"build/{target}"]
    return python("sphinx", "-q", "-E", "-W", "--keep-going", "-b", builder, *options, *where)


def python(module: str, *arguments: str) -> int:
    """Run a module of this environment in the project's folder; returns its exit status."""
    return subprocess.call([sys.executable, "-m", module, *arguments], cwd=PROJECT)


def _form() -> int:
    return python("ruff", "check", ".") or python("ruff", "format", "--check", ".")
