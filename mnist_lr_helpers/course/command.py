"""The command line: what a command needs is imported when it is given, so that ``--help`` answers at once."""

from __future__ import annotations

import argparse
import re
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mnist_lr_helpers.course.usage import UsageError
from mnist_lr_helpers.exceptions import DataError, FileError
from mnist_lr_helpers.files import PROJECT

ENDS = "Ends with 0 if all passed, 1 if a notebook or a training failed, 2 for bad input, 130 after Ctrl-C."


def main(arguments: Sequence[str] | None = None) -> int:
    """Give a command; returns 0 if all passed, 1 if a notebook failed, 2 for bad input, 130 after Ctrl-C."""
    parser = _parser()
    options, rest = parser.parse_known_args(_guarded(sys.argv[1:] if arguments is None else arguments))
    if "rest" in options:
        options.rest = rest  # for the program that the command hands over to
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return options.command(options) or 0
    except (UsageError, FileError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace) -> int:
    from mnist_lr_helpers.course import execute

    output = Path(options.output).resolve()
    notebooks = execute.find_notebooks(options.notebook)
    settings = {"quick": options.quick, "output": output / "notebooks", "cell_timeout": options.cell_timeout}
    jobs = execute.plan(notebooks, options.p, **settings)
    execute.prepare_data(dict(options.p).get("DATASET", "auto"))
    started = time.perf_counter()
    results = execute.run(jobs, workers=options.jobs or execute.default_workers())
    print(execute.table_of(results, time.perf_counter() - started))
    execute.report(results, output)
    return int(any(result.status == "failed" for result in results))


def _publish(options: argparse.Namespace) -> None:
    from mnist_lr_helpers.course import publish

    publishers = {"notebooks": publish.publish_notebooks, "run": publish.publish_run}
    publishers["studies"] = publish.publish_studies
    publishers[options.what]()


def _student(options: argparse.Namespace) -> None:
    from mnist_lr_helpers.course.assignments import write_assignments
    from mnist_lr_helpers.course.student import write_edition

    written = write_edition() if options.format == "notebooks" else write_assignments(options.format)
    print(*(path.relative_to(PROJECT) for path in written), sep="\n")


def _grade(options: argparse.Namespace) -> int:
    from mnist_lr_helpers.course.marks import POINTS, mark_class

    output, points = Path(options.output).resolve(), Path(options.points or POINTS)
    return mark_class(Path(options.folder), output, points, options.jobs)


def _sheet(options: argparse.Namespace) -> None:
    from mnist_lr_helpers.handwriting.sheets import write_sheets

    print(*write_sheets(Path(options.output).resolve()), sep="\n")


def _export(options: argparse.Namespace) -> None:
    from mnist_lr_helpers.course.export import Order, export

    order = Order(options.model, options.dataset, options.drawings)
    print(*export(order, Path(options.output).resolve()), sep="\n")


def _environment(options: argparse.Namespace) -> None:
    from mnist_lr_helpers.course import environment

    if options.cpu:
        environment.write_cpu_lock(Path(options.cpu))
    else:
        environment.write_environment()


def _lock(options: argparse.Namespace) -> None:
    from mnist_lr_helpers.course import environment

    environment.choose_versions(options.keep)
    environment.write_environment()


def _tool(options: argparse.Namespace) -> int:
    from mnist_lr_helpers.course import tools

    programs = {"lab": tools.lab, "check": tools.check, "test": tools.test}
    return programs[options.tool](options.rest)


def _edition(options: argparse.Namespace) -> int:
    from mnist_lr_helpers.course import tools

    if options.edition == "book":
        return tools.book(options.run_here, options.builder)
    return {"pdf": tools.pdf, "slides": tools.slides, "release": tools.release}[options.edition]()


def _reproduce(options: argparse.Namespace) -> int:
    from mnist_lr_helpers.reproduction.engine import RESULTS, judge_claims, reproduce

    output = options.output and Path(options.output).resolve()
    where = {"scheduler": options.scheduler, "workers": options.workers, "output": output}
    try:
        if options.ledger_only:
            return judge_claims(output or RESULTS)
        return reproduce(options.study, resume=options.resume, quick=options.quick, **where)
    except DataError as error:
        raise UsageError(str(error)) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mnist_lr_helpers", description=ENDS)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="execute notebooks and report on them")
    run.set_defaults(command=_run)
    run.add_argument("notebook", nargs="*", help="name, number or path, e.g. 03; all of the course without any")
    run.add_argument("--quick", action="store_true", help="a smoke run on few images; conclusions are not judged")
    about = "set a parameter"
    run.add_argument("-p", nargs=2, action="append", type=str.strip, default=[], metavar=("NAME", "VALUE"), help=about)
    run.add_argument("--output", default=PROJECT / "build", metavar="DIR", help="where results go (build/)")
    run.add_argument("--jobs", type=_positive, metavar="N", help="notebooks at a time (2, or 1 on a small machine)")
    run.add_argument("--cell-timeout", type=_positive, default=600, metavar="S", help="seconds a cell may take (600)")
    publish = commands.add_parser("publish", help="make the notebooks that were run in build/ the committed ones")
    publish.set_defaults(command=_publish)
    about = "the notebooks; or only the times of a whole run, or of the studies"
    publish.add_argument("what", nargs="?", default="notebooks", choices=("notebooks", "run", "studies"), help=about)
    about = "write the students' edition, without solutions and outputs, into build/student"
    student = commands.add_parser("student", help=about)
    student.set_defaults(command=_student)
    about = "or assignments with solutions and tests, for that program, into build/nbgrader or build/otter"
    student.add_argument("--format", default="notebooks", choices=("notebooks", "nbgrader", "otter"), help=about)
    grade = commands.add_parser("grade", help="mark what a class has handed in: marks.csv and summary.html")
    grade.set_defaults(command=_grade)
    grade.add_argument("folder", help="notebooks of any name, a folder or archive a student, or the system's archive")
    about = "where marks go, and what is marked stays marked (build/marks/)"
    grade.add_argument("--output", default=PROJECT / "build" / "marks", metavar="DIR", help=about)
    about = "a table like the course's mnist_lr_helpers/exercises/points.csv"
    grade.add_argument("--points", metavar="FILE", help=about)
    grade.add_argument("--jobs", type=_positive, metavar="N", help="lessons at a time (2, or 1 on a small machine)")
    _add_tools(commands.add_parser)
    _add_sheet(commands.add_parser("sheet", help="write the sheet for own digits as PDF, for A4 and for Letter paper"))
    _add_export(commands.add_parser("export", help="write a model as ONNX, with a card of what it was measured to do"))
    _add_reproduce(commands.add_parser("reproduce", help="run the studies behind the published claims, on MNIST"))
    return parser


def _add_tools(command: Callable[..., argparse.ArgumentParser]) -> None:
    about = {"lab": "open JupyterLab on the notebooks", "check": "the checks that take a minute", "test": "every check"}
    for name, told in about.items():
        command(name, help=told).set_defaults(command=_tool, tool=name, rest=[])
    about = {"book": "build the book into build/book", "pdf": "print the core into build/core.pdf"}
    about["slides"] = "make slides of the core's lessons in build/slides"
    about["release"] = "write an archive of what is committed, and its checksum, into build/release"
    for name, told in about.items():
        edition = command(name, help=told)
        edition.set_defaults(command=_edition, edition=name)
        if name == "book":
            told = "take the notebooks of that folder, such as build/notebooks, in place of the committed ones"
            edition.add_argument("--from", dest="run_here", metavar="DIR", help=told)
            edition.add_argument("--builder", default="html", help="another of Sphinx's builders")
    lock = command("lock", help="choose new versions: requirements.lock and environment.yml")
    lock.set_defaults(command=_lock)
    lock.add_argument("--keep", action="store_true", help="the versions as they are, and only what is missing")
    environment = command("environment", help="write environment.yml from requirements.lock")
    environment.set_defaults(command=_environment)
    told = "write the lock for PyTorch's CPU builds there instead"
    environment.add_argument("--cpu", metavar="FILE", help=told)


def _add_sheet(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_sheet)
    parser.add_argument("--output", default=PROJECT / "build" / "sheet", metavar="DIR", help="where (build/sheet/)")


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_export)
    parser.add_argument("--model", default="linear", choices=("linear", "network"), help="which (linear)")
    parser.add_argument("--dataset", default="auto", metavar="NAME", help="as DATASET in the notebooks (auto)")
    about = "own digits to judge it by, writer by writer: a folder, archive, sheet or table"
    parser.add_argument("--drawings", metavar="PLACE", help=about)
    parser.add_argument("--output", default=PROJECT / "build" / "model", metavar="DIR", help="where (build/model/)")


def _add_reproduce(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_reproduce)
    parser.add_argument("study", nargs="*", help="name of a study; all without any")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="a running Dask scheduler, tcp://HOST:PORT")
    parser.add_argument("--workers", type=_positive, metavar="N", help="processes on this machine (one per core)")
    parser.add_argument("--resume", action="store_true", help="keep the trainings that an earlier run has stored")
    parser.add_argument("--output", metavar="DIR", help="where tables and trainings go (data/results/ and build/)")
    parser.add_argument("--quick", action="store_true", help="a smoke run on few images, without verdicts")
    about = "judge the claims by the stored tables, train nothing"
    parser.add_argument("--ledger-only", action="store_true", help=about)


def _guarded(arguments: Sequence[str]) -> list[str]:
    """The arguments, with a space before each number: argparse takes -1e-3 for an option, and " -1e-3" for a value."""
    return [f" {one}" if re.fullmatch(r"-[\d.]+(e[-+]?\d+)?", one, re.IGNORECASE) else one for one in arguments]


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)
