"""The benchmark: a smoke run of all of it, its rules for the contests, and what the book shows of the stored run."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import benchmark
import contests
import pandas as pd
import psutil
import pytest
import report
from peers import Attempt

BENCHMARKS = Path(__file__).parent / "benchmarks"
FIELDS = {"name", "ours", "peer", "unit", "ours_median", "ours_min", "ours_max", "peer_median", "peer_min", "peer_max"}
FIELDS |= {"ratio", "n", "n_peer", "goal", "note"}


@pytest.mark.slow
def test_smoke_run_measures_all_comparisons(mnist: object, tmp_path: Path) -> None:
    stored = benchmark.STORED.read_bytes()
    command = [sys.executable, str(BENCHMARKS / "benchmark.py"), "--smoke", "--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads((tmp_path / "benchmark.json").read_text())
    assert all(set(row) == FIELDS and row["n"] == 1 for row in found["comparisons"])
    assert all(row["n_peer"] == 1 for row in found["comparisons"])
    for row in found["comparisons"]:
        assert row["ours_min"] <= row["ours_median"] <= row["ours_max"]
        assert row["ratio"] == pytest.approx(row["peer_median"] / row["ours_median"])
    names = " ".join(row["name"] for row in found["comparisons"])
    for word in ("S0", "S1", "S2", "accuracy", "objective", "warm", "cold", "Ten", "course", "notebook", "Start"):
        assert word in names
    assert {point["n"] for point in found["scaling"]["points"]} == {200, 400}
    assert {one["cost"] for one in found["scaling"]["exponents"]} >= {"seconds"}
    assert found["course"]
    assert found["environment"]["device"] in done.stdout
    for picture in ("benchmark.png", "scaling.png"):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")
    assert benchmark.STORED.read_bytes() == stored, "a smoke run stores nothing"


@pytest.mark.slow
def test_processes_wait_for_threads_as_the_shell_does_that_started_the_benchmark() -> None:
    name = "'OMP_WAIT_POLICY'"
    code = f"import mnist_lr_helpers, shell; print(shell.shell_environment().get({name}), shell.os.environ[{name}])"
    ours = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    for given, expected in (({}, "None PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE ACTIVE")):
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=BENCHMARKS, env=ours | given, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == expected


@pytest.mark.parametrize(
    ("ours", "peer", "goal", "missed"),
    [
        ([1.0, 1.4], [3.1, 3.3], 3.0, False),
        ([1.0, 1.4], [2.8, 3.1], 3.0, False),  # by the medians, but not by all repetitions
        ([1.0, 1.4], [2.8, 2.9], 3.0, True),
        ([1.0], [0.1], None, False),
        ([], [1.0], 3.0, True),  # ours has not arrived
        ([1.0], [], 3.0, False),  # the peer has not
    ],
)
def test_a_goal_is_missed_if_no_repetition_meets_it(
    ours: list[float], peer: list[float], goal: float | None, missed: bool
) -> None:
    assert report.misses(report.row("a", ("ours", "peer"), ours, peer, goal=goal)) == missed


def test_smoke_run_cannot_be_stored(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        benchmark.main(["--smoke", "--store"])
    assert "leave out --smoke or --store" in capsys.readouterr().err


@pytest.mark.parametrize("needed", [1, 2, 3, 7, 11, 40])
def test_contest_finds_the_fewest_iterations_within_an_eighth(needed: int) -> None:
    asked = []

    def attempt(iterations: int) -> Attempt:
        asked.append(iterations)
        return Attempt(iterations, 0.01 * iterations, 0.0, 1 / iterations)

    found = contests.cheapest(attempt, lambda one: one.iterations >= needed)
    assert needed <= found.iterations <= max(needed + 1, 1.15 * needed)
    assert len(asked) == len(set(asked)), "what was asked once is not run again"


def test_contest_gives_up_at_the_limit_but_tries_what_it_allows() -> None:
    asked = []

    def attempt(iterations: int) -> Attempt:
        asked.append(iterations)
        return Attempt(iterations, float(iterations), 0.0, 0.0)

    assert contests.cheapest(attempt, lambda one: False, limit=12) is None
    assert max(asked) == 11
    assert contests.cheapest(attempt, lambda one: False, most=5) is None
    assert contests.cheapest(attempt, lambda one: one.iterations >= 11, limit=12).iterations == 11


@pytest.mark.parametrize("needed", [1, 5, 8, 10, 11, 12])
def test_contest_looks_below_an_attempt_that_was_late(needed: int) -> None:
    """Iterations that grow dearer, as those of newton-cg: twice as many are too many, a few more are not."""

    def attempt(iterations: int) -> Attempt:
        seconds = 0.1 * iterations**2
        return Attempt(iterations, 12.0) if seconds > 12 else Attempt(iterations, seconds, 0.0, 0.0)

    found = contests.cheapest(attempt, lambda one: not one.late and one.iterations >= needed, limit=12)
    assert found is None if needed > 10 else needed <= found.iterations <= needed + 1


@pytest.mark.slow
def test_solver_that_takes_too_long_is_ended_and_works_again(digits: object) -> None:
    before = psutil.Process().children()
    with (
        contests.array_folder(digits) as folder,
        contests.peers.solver_at_work(folder, "saga", l2=1e-3) as attempt,
    ):
        late = attempt(1_000_000, 0.5)
        assert (late.late, late.seconds) == (True, 0.5)
        again = attempt(1, 3600.0)
        assert (again.late, again.iterations) == (False, 1)
        assert 0 <= again.accuracy <= 1
        assert again.objective > 0
        (process,) = set(psutil.Process().children()) - set(before)
        process.kill()
        process.wait()
        assert attempt(1, 3600.0).objective == again.objective, "killed from outside it is started again"
    assert not set(psutil.Process().children()) - set(before), "no process stays behind"


@pytest.mark.slow
def test_only_softmax_regressions_race_to_the_objective(digits: object) -> None:
    with contests.array_folder(digits) as folder:
        goals = {"accuracy": lambda one: one.accuracy > 0.5, "objective": lambda one: True}
        options = {"l2": 1e-3, "limit": 3600.0, "softmax_only": ("objective",)}
        found = contests.search_all(folder, ("lbfgs", "SGDClassifier"), goals, **options)
    assert [list(one) for one in found.values()] == [["accuracy", "objective"], ["accuracy"]]


@pytest.mark.slow
def test_solver_that_fails_says_so(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="lbfgs ended with exit status 1"),
        contests.peers.solver_at_work(tmp_path, "lbfgs", l2=1e-3) as attempt,
    ):
        attempt(1, 5.0)


def test_solvers_are_given_up_when_they_fall_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    limits_seen, takes = {}, {"first": 4.0, "second": 20.0, "third": 2.0, "fourth": 2.0}

    def search(_: Path, solver: str, goals: dict, *, l2: float, limits: dict[str, float]) -> dict[str, Attempt]:
        limits_seen[solver] = dict(limits)
        seconds, limit = takes[solver], limits["goal"]
        return {"goal": Attempt(3, seconds, 0.9, 0.3) if seconds <= limit else Attempt(0, limit)}

    monkeypatch.setattr(contests, "search", search)
    found = contests.search_all(tmp_path, tuple(takes), {"goal": lambda one: True}, l2=1e-3, limit=12.0)
    assert [one["goal"] for one in limits_seen.values()] == [12.0, 6.0, 6.0, 4.0]
    assert [one["goal"].late for one in found.values()] == [False, True, False, False]


def test_search_runs_nothing_twice_but_what_was_late(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    @contextmanager
    def solver_at_work(*_: object, **__: object) -> Iterator[Callable[[int, float], Attempt]]:
        def attempt(iterations: int, limit: float) -> Attempt:
            asked.append((iterations, limit))
            seconds = 1.5 * iterations
            return Attempt(iterations, limit) if seconds > limit else Attempt(iterations, seconds, iterations / 10, 0.0)

        yield attempt

    monkeypatch.setattr(contests.peers, "solver_at_work", solver_at_work)
    goals = {"easy": lambda one: one.accuracy >= 0.2, "hard": lambda one: one.accuracy >= 0.4}
    found = contests.search(Path(), "lbfgs", goals, l2=1e-3, limits={"easy": 1.0, "hard": 9.0})
    assert (found["easy"].late, found["easy"].seconds) == (True, 1.0)
    assert found["hard"].iterations == 4
    assert asked == [(1, 1.0), (1, 9.0), (2, 9.0), (4, 9.0), (3, 9.0)]


def test_side_that_did_not_get_there_has_no_ratio() -> None:
    late = report.row("to 99 %", ("fit", "sag"), [1.0, 3.0, 2.0], [], note="not there within 12 s", goal=3.0)
    assert (late.ours_median, late.ours_min, late.ours_max) == (2.0, 1.0, 3.0)
    assert (late.n, late.n_peer) == (3, 0)
    assert late.peer_median is late.ratio is None
    text = report.page_table(report.as_table([late], report.environment("make bench")))
    assert "| sag (not there within 12 s) | 2.00 s | – | – |" in text


def test_peers_that_did_not_get_there_share_a_line() -> None:
    peers = [("saga", [9.0], ""), ("scikit-learn, lbfgs", [], "late"), ("scikit-learn, sag", [], "late")]
    rows = [report.row("to 99 %", ("fit", name), [1.0], seconds, note=note) for name, seconds, note in peers]
    lines = report.page_table(report.as_table(rows, report.environment("make bench"))).splitlines()[2:]
    assert "| saga | 1.00 s | 9.00 s | 9× |" in lines[0]
    assert "| scikit-learn, lbfgs, sag (late) | 1.00 s | – | – |" in lines[1]
    assert lines[2] == ""


def test_whole_course_takes_from_the_first_start_to_the_last_end() -> None:
    together = [{"seconds": 10.0, "started": "2026-01-01T00:00:00+00:00"}]
    together.append({"seconds": 20.0, "started": "2026-01-01T00:00:05.500+00:00"})
    assert benchmark.elapsed(together) == pytest.approx(25.5)


def test_goal_that_is_missed_is_shown_as_missed() -> None:
    rows = [report.row("a", ("fit", "x"), [1.0], [peer], goal=3.0) for peer in (4.0, 2.0)]
    table = report.page_table(report.as_table(rows, report.environment("make bench"))).splitlines()
    assert "≥ 3× ✔" in table[2]
    assert "≥ 3× ✘" in table[3]


def test_goal_is_missed_where_ours_does_not_arrive_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    arrived = {"first": Attempt(3, 4.0, 0.9, 0.3), "second": Attempt(3, 5.0, 0.9, 0.3), "third": Attempt(0, 6.0)}

    def rows(missing: int) -> list[report.Row]:
        ours = [None if repetition < missing else Attempt(1, 1.0, 0.9, 0.3) for repetition in range(3)]
        at_work = lambda solver: nullcontext(lambda iterations, limit: arrived[solver])  # noqa: E731
        return contests.contest("to 90 %", ("fit", ours.__getitem__), arrived, at_work, repetitions=3, goal=3.0)

    table = report.page_table(report.as_table(rows(0), report.environment("make bench"))).splitlines()
    assert "| 4.00 s | 4× | ≥ 3× ✔ |" in table[2]
    assert "second (measured once) | 1.00 s | 5.00 s | 5× |  |" in table[3]
    assert "third (not there within 6 s) | 1.00 s | – | – |  |" in table[4]
    table = report.page_table(report.as_table(rows(1), report.environment("make bench"))).splitlines()
    assert "(ours missed it 1 of 3 times) | – | 4.00 s | – | ≥ 3× ✘ |" in table[2]


def test_fitted_exponent_is_the_power_of_a_power_law() -> None:
    power, factor = report.exponent([1, 10, 100], [3.0, 30.0 * 10**0.5, 300.0 * 10])
    assert (power, factor) == pytest.approx((1.5, 3.0))


def test_the_book_shows_the_stored_benchmark() -> None:
    stored = pd.read_csv(benchmark.STORED)
    assert report.page_table(stored) in (benchmark.PROJECT / "notebooks" / "measured.md").read_text(encoding="utf-8")
    assert set(stored.columns) >= FIELDS
    assert stored["command"].str.fullmatch('make bench ARGS=".*--store"').all()
    assert set(pd.read_csv(benchmark.SCALING)["axis"]) == set(benchmark.AXES)
    for picture in ("benchmark.png", "scaling.png"):
        assert (benchmark.PICTURES / picture).read_bytes().startswith(b"\x89PNG")
