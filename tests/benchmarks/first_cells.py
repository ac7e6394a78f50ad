"""Run the code cells of a notebook up to the first that holds a word, and print the seconds that they took.

``first_cells.py NOTEBOOK WORD``; a kernel is there before its first cell, and stays after the last.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def main(notebook: Path, word: str) -> None:
    """Run them one after the other, in the notebook's folder; the seconds are the last line printed.

    Raises:
        ValueError: no code cell holds the word.
    """
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    last = next((number for number, source in enumerate(sources) if word in source), None)
    if last is None:
        raise ValueError(f"{notebook} has no code cell with {word!r}")
    os.chdir(notebook.parent)
    names, started = {"__name__": "__main__"}, time.perf_counter()
    for source in sources[: last + 1]:
        exec(compile(source, notebook.name, "exec"), names)
    print(f"\n{time.perf_counter() - started:.6f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
