"""Make the executed notebooks in ``build/`` the committed ones, with their measured times (``make notebooks``).

With the argument ``run`` only the times of the last ``make run`` are kept, and its table is shown in the README. With
``studies`` only the README's table of studies is brought up to date (``make reproduce``); two folders after it are the
``--output`` of one study run with one worker and with two, whose times are then stored, too.
"""

import argparse
import base64
import json
import os
import platform
import re
import sys
import time
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat

from mnist_lr_helpers.files import write_atomically
from mnist_lr_helpers.runner import NOTEBOOKS, PROJECT, Result, find_notebooks, table_of

RUN_TIMES = PROJECT / "data" / "results" / "run_times.json"
COURSE_RUN = PROJECT / "data" / "results" / "course_run.json"
WORKERS = PROJECT / "data" / "results" / "workers.json"
RUN_KEYS = ("studies", "workers", "trainings", "seconds", "command", "date", "versions")
STAMP = re.compile(r"\*Measured running time: .*\*")
OVERVIEW = NOTEBOOKS / "_static" / "overview.png"


def main(build: Path = PROJECT / "build") -> None:
    """Make what the last run left in ``build`` the committed notebooks, and show how long each took."""
    times = json.loads(RUN_TIMES.read_text()) if RUN_TIMES.exists() else {}
    for row in last_run(build):
        name = row["notebook"]
        times[name] = publish(build / "notebooks" / f"{name}.ipynb", Result(**row))
    write_atomically(RUN_TIMES, (json.dumps(dict(sorted(times.items())), indent=2) + "\n").encode())
    readme = replace_between((PROJECT / "README.md").read_text(), "run times", run_times_table(times))
    write_atomically(PROJECT / "README.md", readme.encode())


def publish_run(build: Path = PROJECT / "build") -> None:
    """Keep what the last run of the whole course took, and show the table that it printed."""
    rows = last_run(build)
    missing = {path.stem for path in find_notebooks([])} - {row["notebook"] for row in rows}
    if missing:
        sys.exit(f"only a run of all notebooks is kept; these were not in it: {sorted(missing)}")
    machine = {"cpu_cores": os.cpu_count(), "python": platform.python_version(), "torch": version("torch")}
    kept = {"command": "make run", "date": time.strftime("%Y-%m-%d"), **machine, "notebooks": rows}
    write_atomically(COURSE_RUN, (json.dumps(kept, indent=2) + "\n").encode())
    readme = replace_between((PROJECT / "README.md").read_text(), "run output", run_output(rows))
    write_atomically(PROJECT / "README.md", readme.encode())


def last_run(build: Path) -> list[dict[str, Any]]:
    """The rows of ``run.json`` in ``build``; exits with a message if that was no full run on MNIST."""
    rows = json.loads((build / "run.json").read_text())
    if unfit(rows):
        sys.exit(
            f"only full runs that pass on MNIST with default parameters are published; these are not: {unfit(rows)}"
        )
    return sorted(rows, key=lambda row: row["notebook"])


def unfit(rows: list[dict[str, Any]]) -> list[str]:
    """The notebooks that did not pass on MNIST with default parameters."""
    return [r["notebook"] for r in rows if r["status"] != "passed" or r["dataset"] != "mnist" or r["parameters"]]


def elapsed(rows: list[dict[str, Any]]) -> float:
    """Seconds from the first start to the last end."""
    starts = [datetime.fromisoformat(row["started"]).timestamp() for row in rows]
    return max(start + row["seconds"] for start, row in zip(starts, rows, strict=True)) - min(starts)


def run_output(rows: list[dict[str, Any]]) -> str:
    """The README's table of a whole run."""
    return f"```\n{table_of([Result(**row) for row in rows], elapsed(rows))}\n```\n"


def publish_studies(*compared: str) -> None:
    """Show in the README how long the stored studies took, and what the second worker was worth."""
    if compared:
        runs = [json.loads((Path(folder) / "trainings" / "run.json").read_text()) for folder in compared]
        kept = [{key: run[key] for key in RUN_KEYS} for run in sorted(runs, key=lambda run: run["workers"])]
        write_atomically(WORKERS, (json.dumps(kept, indent=2) + "\n").encode())
    readme = replace_between((PROJECT / "README.md").read_text(), "studies", studies_table())
    write_atomically(PROJECT / "README.md", readme.encode())


def publish(executed: Path, result: Result) -> dict[str, Any]:
    """Stamp one executed notebook, put it in its place, and return its row for ``run_times.json``."""
    notebook = nbformat.read(executed, as_version=4)
    title = notebook.cells[0]
    measured = f"{result.seconds:.0f} s on {os.cpu_count()} CPU cores; peak memory {result.peak_memory_mb:.0f} MB"
    title.source = STAMP.sub(f"*Measured running time: {measured}.*", title.source)
    write_atomically(NOTEBOOKS / executed.name, nbformat.writes(notebook).encode())
    for cell in notebook.cells:
        if "overview" in cell.metadata.get("tags", []):
            pictures = [output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})]
            write_atomically(OVERVIEW, base64.b64decode(pictures[0]))
    return {
        "title": title.source.splitlines()[0].split("·", 1)[1].strip(),
        "seconds": round(result.seconds),
        "peak_memory_mb": round(result.peak_memory_mb),
        "cpu_cores": os.cpu_count(),
        "date": time.strftime("%Y-%m-%d"),
        "command": "make notebooks",
    }


def run_times_table(times: dict[str, dict[str, Any]]) -> str:
    """The README's table of notebooks, from the stored measurements."""
    rows = [
        f"| [`{name}`](notebooks/{name}.ipynb) | {one['title']} | {one['seconds']} s | {one['peak_memory_mb']:,} MB |"
        for name, one in sorted(times.items())
    ]
    return "\n".join(["| notebook | title | time | peak memory |", "|---|---|---|---|", *rows, ""])


def studies_table() -> str:
    """The README's table of studies, from the JSON beside each stored table; the longest first."""
    stored = [json.loads(path.read_text()) for path in RUN_TIMES.parent.glob("*.json")]
    studies = sorted((one for one in stored if "trainings" in one), key=lambda one: -one["seconds"])
    rows = [f"| `{one['study']}` | {one['trainings']} | {one['seconds']:,.0f} s |" for one in studies]
    trainings, seconds = (sum(one[key] for one in studies) for key in ("trainings", "seconds"))
    total = f"| all | {trainings} | {seconds:,.0f} s, that is {seconds / 120:.0f} minutes on two cores |"
    lines = ["| study | trainings | time on one core |", "|---|---|---|", *rows, total, ""]
    if WORKERS.exists():
        one, two = json.loads(WORKERS.read_text())
        seconds = [f"{run['seconds']:.0f} s with {run['workers']}" for run in (one, two)]
        ratio = f"{one['seconds'] / two['seconds']:.2f} times as fast"
        lines += [f"A second worker counts: `{one['studies'][0]}` took {' and '.join(seconds)}, {ratio}.", ""]
    return "\n".join(lines)


def replace_between(text: str, name: str, new: str) -> str:
    """The text with what stands between the markers of that name replaced."""
    pattern = rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)"
    return re.sub(pattern, lambda match: match[1] + new + match[2], text, count=1, flags=re.DOTALL)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", default="notebooks", choices=("notebooks", "run", "studies"))
    parser.add_argument("folders", nargs="*", help="of studies: the --output of one worker and of two")
    given = parser.parse_args()
    if given.folders and (given.what != "studies" or len(given.folders) != 2):
        parser.error("two folders, and they belong to studies")
    {"notebooks": main, "run": publish_run, "studies": publish_studies}[given.what](*given.folders)
