"""The command line: ``python -m mnist_lr_helpers run [NOTEBOOK …]`` and ``… reproduce [STUDY …]``."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mnist_lr_helpers import runner
from mnist_lr_helpers.files import FileError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns 0 if all passed, 1 if a notebook failed, 2 for bad input, 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return options.command(options)
    except (runner.UsageError, runner.DataError, FileError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace) -> int:
    output = Path(options.output).resolve()
    notebooks = runner.find_notebooks(options.notebook)
    jobs = runner.plan(
        notebooks, options.p, quick=options.quick, output=output / "notebooks", cell_timeout=options.cell_timeout
    )
    runner.prepare_data(dict(options.p).get("DATASET", "auto"))
    started = time.perf_counter()
    results = runner.run(jobs, workers=options.jobs)
    print(runner.table_of(results, time.perf_counter() - started))
    runner.report(results, output)
    return int(any(result.status == "failed" for result in results))


def _reproduce(options: argparse.Namespace) -> int:
    from mnist_lr_helpers.reproduction.engine import RESULTS, judge_claims, reproduce

    output = options.output and Path(options.output).resolve()
    if options.ledger_only:
        return judge_claims(output or RESULTS)
    where = {"scheduler": options.scheduler, "workers": options.workers, "output": output}
    return reproduce(options.study, resume=options.resume, quick=options.quick, **where)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mnist_lr_helpers", description=__doc__)
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="execute notebooks and report on them")
    run.set_defaults(command=_run)
    run.add_argument("notebook", nargs="*", help="name or number, e.g. 03; all without any")
    run.add_argument("--quick", action="store_true", help="a smoke run on few images; conclusions are not judged")
    run.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="set a parameter")
    run.add_argument("--output", default=runner.PROJECT / "build", metavar="DIR", help="where results go (build/)")
    jobs = runner.default_workers()
    run.add_argument("--jobs", type=_positive, default=jobs, metavar="N", help=f"notebooks executed at a time ({jobs})")
    run.add_argument("--cell-timeout", type=_positive, default=600, metavar="S", help="seconds a cell may take (600)")
    again = commands.add_parser("reproduce", help="run the studies behind the published claims, on MNIST")
    again.set_defaults(command=_reproduce)
    again.add_argument("study", nargs="*", help="name of a study; all without any")
    again.add_argument("--scheduler", metavar="ADDRESS", help="a running Dask scheduler, tcp://HOST:PORT")
    again.add_argument("--workers", type=_positive, metavar="N", help="processes on this machine (one per core)")
    again.add_argument("--resume", action="store_true", help="keep the trainings that an earlier run has stored")
    again.add_argument("--output", metavar="DIR", help="where tables and trainings go (data/results/ and build/)")
    again.add_argument("--quick", action="store_true", help="a smoke run on few images, without verdicts")
    again.add_argument(
        "--ledger-only", action="store_true", help="judge the claims by the stored tables, train nothing"
    )
    return parser


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
