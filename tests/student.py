"""Write the students' edition, notebooks without solutions and outputs, into ``build/student`` (``make student``)."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbconvert.preprocessors import ClearOutputPreprocessor, TagRemovePreprocessor

from mnist_lr_helpers.files import write_atomically
from mnist_lr_helpers.runner import NOTEBOOKS, PROJECT, find_notebooks

README = """\
# Logistic regression on MNIST: notebooks to work through

Open a notebook, run its cells from top to bottom, and read the result of each before you run the next. Read 01 to 05
in order; the others stand alone. `glossary.md` explains the terms.

The exercises are near the end. Replace the `...` and run the cell. It answers *not attempted yet*, *right*, or what a
wrong answer mixes up. Then put the questions of the recap to yourself.

The notebooks need the course's packages. On a course server they are installed. On your own machine, get the course's
project, put this folder into its `notebooks/`, and run `make lab` (or install `environment.yml`, as its README says).
If a notebook says at its top that MNIST could not be had, ask your teacher for the place of a mirror.
"""


def main(target: Path = PROJECT / "build" / "student", notebooks: Sequence[Path] = ()) -> list[Path]:
    """Write the edition anew and return the paths of its notebooks."""
    shutil.rmtree(target, ignore_errors=True)
    written = []
    for path in notebooks or find_notebooks([]):
        written.append(target / path.name)
        edition = without_solutions(nbformat.read(path, as_version=4))
        write_atomically(written[-1], nbformat.writes(edition).encode())
    shutil.copytree(NOTEBOOKS / "_static", target / "_static")
    shutil.copy(NOTEBOOKS / "glossary.md", target)
    write_atomically(target / "README.md", README.encode())
    return written


def without_solutions(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with its solution cells, all outputs and all execution counts taken out."""
    for step in (TagRemovePreprocessor(remove_cell_tags={"solution"}), ClearOutputPreprocessor()):
        notebook, _ = step.preprocess(notebook, {})
    return notebook


if __name__ == "__main__":
    for path in main():
        print(path.relative_to(PROJECT))
