"""Makes what was run the published: the committed notebooks, their measured times, and the book's tables of these."""

from __future__ import annotations

import base64
import json
import os
import platform
import re
import time
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mnist_lr_helpers.course.execute import NOTEBOOKS, Result, find_notebooks, table_of
from mnist_lr_helpers.course.stills import take_stills
from mnist_lr_helpers.course.tools import CHROMIUM
from mnist_lr_helpers.course.usage import UsageError
from mnist_lr_helpers.files import PROJECT, write_atomically

import nbformat

BUILD = PROJECT / "build"
PAGE = NOTEBOOKS / "measured.md"
RUN_TIMES = PROJECT / "data" / "results" / "run_times.json"
COURSE_RUN = PROJECT / "data" / "results" / "course_run.json"
STAMP = re.compile(r"\*Measured running time: .*\*")
PICTURE = re.compile(r'<img[^>]* src="data:image/png;base64,([^"]+)"')
OVERVIEW = NOTEBOOKS / "_static" / "overview.png"


def publish_notebooks(build: Path = BUILD) -> None:
    """Make what the last run left in ``build`` the committed notebooks, and show how long each took.

    Raises:
        UsageError: that was no full run on MNIST.
    """
    known = {path.stem for path in find_notebooks([])}
    times = {name: one for name, one in _read(RUN_TIMES).items() if name in known} if RUN_TIMES.exists() else {}
    for row in last_run(build):
        times[row["notebook"]] = publish(build / "notebooks" / f"{row['notebook']}.ipynb", row)
    _write(RUN_TIMES, dict(sorted(times.items())))
    show_on_page("run times", run_times_table(times))


def publish_run(build: Path = BUILD) -> None:
    """Keep what the last run of the whole course took, and show its table in the book.

    Raises:
        UsageError: that was no full run of all notebooks on MNIST.
    """
    rows = last_run(build)
    missing = {path.stem for path in find_notebooks([])} - {row["notebook"] for row in rows}
    if missing:
        raise UsageError(f"only a run of all notebooks is kept; these were not in it: {sorted(missing)}")
    machine = {"cpu_cores": os.cpu_count(), "python": platform.python_version(), "torch": version("torch")}
    _write(COURSE_RUN, {"command": "make run", "date": time.strftime("%Y-%m-%d"), **machine, "notebooks": rows})
    show_on_page("run output", run_output(rows))


def publish_studies() -> None:
    """Show in the book how long the stored studies took."""
    show_on_page("studies", studies_table())


def last_run(build: Path) -> list[dict[str, Any]]:
    """The rows of ``run.json`` in ``build``.

    Raises:
        UsageError: there are none, or they are of no full run on MNIST.
    """
    if not (build / "run.json").exists():
        raise UsageError(f"there is no run in {build}; run the notebooks first")
    rows = _read(build / "run.json")
    if unfit(rows):
        wanted = "only full runs of the course's notebooks that pass on MNIST with default parameters are published"
        raise UsageError(f"{wanted}, with their memory measured; these are not: {unfit(rows)}")
    return sorted(rows, key=lambda row: row["notebook"])


def unfit(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The notebooks of a run that are not the course's, or did not pass on MNIST with default parameters."""
    known = {path.stem for path in find_notebooks([])}
    passed = [r for r in rows if r["status"] == "passed" and r["dataset"] == "mnist" and not r["parameters"]]
    fit = {r["notebook"] for r in passed if r["peak_memory_mb"]} & known
    return [r["notebook"] for r in rows if r["notebook"] not in fit]


def elapsed(rows: Sequence[dict[str, Any]]) -> float:
    """Seconds from the first start to the last end."""
    starts = [datetime.fromisoformat(row["started"]).timestamp() for row in rows]
    return max(start + row["seconds"] for start, row in zip(starts, rows, strict=True)) - min(starts)


def publish(executed: Path, row: dict[str, Any]) -> dict[str, Any]:
    """Stamp one executed notebook, put it in its place, and return its row for ``run_times.json``.

    Raises:
        UsageError: the course's notebook has been changed since that run, or there is no Chromium for its pictures.
    """
    notebook = nbformat.read(executed, as_version=4)
    if _sources(notebook) != _sources(nbformat.read(NOTEBOOKS / executed.name, as_version=4)):
        raise UsageError(f"{executed.stem} has been changed since it was run; run it again, then publish")
    title, cores = notebook.cells[0], os.cpu_count()
    measured = f"{row['seconds']:.0f} s on {cores} CPU cores; peak memory {row['peak_memory_mb']:.0f} MB"
    title.source = STAMP.sub(f"*Measured running time: {measured}.*", title.source)
    take_stills(notebook, CHROMIUM)
    write_atomically(NOTEBOOKS / executed.name, nbformat.writes(notebook).encode())
    for cell in notebook.cells:
        if "overview" in cell.metadata.get("tags", []):
            shown = "".join(output.get("data", {}).get("text/html", "") for output in cell.outputs)
            write_atomically(OVERVIEW, base64.b64decode(PICTURE.search(shown)[1]))
    return {
        "title": title.source.splitlines()[0].split("·", 1)[1].strip(),
        "seconds": round(row["seconds"]),
        "peak_memory_mb": round(row["peak_memory_mb"]),
        "cpu_cores": cores,
        "date": time.strftime("%Y-%m-%d"),
        "command": "make notebooks",
    }


def _sources(notebook: nbformat.NotebookNode) -> list[str]:
    return [STAMP.sub("", cell.source) for cell in notebook.cells]


def run_output(rows: Sequence[dict[str, Any]]) -> str:
    """The book's table of a whole run."""
    return f"```\n{table_of([Result(**row) for row in rows], elapsed(rows))}\n```\n"


def run_times_table(times: dict[str, dict[str, Any]]) -> str:
    """The book's table of notebooks, from the stored measurements."""
    rows = [
        f"| [`{name}`]({name}.ipynb) | {one['title']} | {one['seconds']} s | {one['peak_memory_mb']:,} MB |"
        for name, one in sorted(times.items())
    ]
    return "\n".join(["| notebook | title | time | peak memory |", "|---|---|---|---|", *rows, ""])


def studies_table() -> str:
    """The book's table of studies, from the JSON beside each stored table; the longest first."""
    stored = [_read(path) for path in RUN_TIMES.parent.glob("*.json")]
    studies = sorted((one for one in stored if "trainings" in one), key=lambda one: -one["seconds"])
    rows = [f"| `{one['study']}` | {one['trainings']} | {one['seconds']:,.0f} s |" for one in studies]
    trainings, seconds = (sum(one[key] for one in studies) for key in ("trainings", "seconds"))
    total = f"| all | {trainings} | {seconds:,.0f} s, that is {seconds / 120:.0f} minutes on two cores |"
    return "\n".join(["| study | trainings | time on one core |", "|---|---|---|", *rows, total, ""])


def show_on_page(name: str, new: str) -> None:
    """Put this text between the markers of that name on the book's page of measurements."""
    write_atomically(PAGE, replace_between(PAGE.read_text(encoding="utf-8"), name, new).encode())


def replace_between(text: str, name: str, new: str) -> str:
    """The text with what stands between the markers of that name replaced."""
    pattern = rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)"
    return re.sub(pattern, lambda match: match[1] + new + match[2], text, count=1, flags=re.DOTALL)


def _read(path: Path) -> Any:  # noqa: ANN401 - whatever the JSON holds
    return json.loads(path.read_text(encoding="utf-8"))


def _write(path: Path, content: object) -> None:
    write_atomically(path, (json.dumps(content, indent=2) + "\n").encode())
