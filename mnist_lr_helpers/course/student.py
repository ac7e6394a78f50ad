"""Writes the students' edition: the notebooks without solutions and outputs, and what they need beside them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from mnist_lr_helpers.course.execute import NOTEBOOKS, find_notebooks
from mnist_lr_helpers.files import PROJECT, write_atomically

import nbformat

BESIDE = ("glossary.md", "set_up.md")  # pages that lessons link to


def write_edition(target: Path = PROJECT / "build" / "student", notebooks: Sequence[Path] = ()) -> list[Path]:
    """Write the edition anew and return the paths of its notebooks."""
    shutil.rmtree(target, ignore_errors=True)
    written = []
    for path in notebooks or find_notebooks([]):
        written.append(target / path.name)
        edition = without_solutions(nbformat.read(path, as_version=4))
        write_atomically(written[-1], nbformat.writes(edition).encode())
    shutil.copytree(NOTEBOOKS / "_static", target / "_static")
    for page in BESIDE:
        shutil.copy(NOTEBOOKS / page, target)
    shutil.copy(Path(__file__).with_name("student.md"), target / "README.md")
    return written


def without_solutions(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with its solution cells, all outputs and all execution counts taken out."""
    notebook.cells = [cell for cell in notebook.cells if "solution" not in cell.metadata.get("tags", [])]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook
