"""Run the code cells of a notebook up to the first that holds a word: ``first_cells.py NOTEBOOK WORD``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main(notebook: Path, word: str) -> None:
    """Run them one after the other, in the notebook's folder.

    Raises:
        ValueError: no code cell holds the word.
    """
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    last = next((number for number, source in enumerate(sources) if word in source), None)
    if last is None:
        raise ValueError(f"{notebook} has no code cell with {word!r}")
    os.chdir(notebook.parent)
    names = {"__name__": "__main__"}
    for source in sources[: last + 1]:
        exec(compile(source, notebook.name, "exec"), names)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
