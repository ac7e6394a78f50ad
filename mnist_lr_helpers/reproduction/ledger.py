"""What a verdict on a published claim is made of: stored results, comparisons, and the words for the outcome."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from mnist_lr_helpers.course.usage import UsageError
from mnist_lr_helpers.evaluation import Interval, mean_interval

VERDICTS = (
    "confirmed",
    "confirmed with a caveat",
    "not reproduced",
    "refuted",
    "wrong on paper",
    "cannot be checked",
)
CONFIRMED, CAVEAT, NOT_REPRODUCED, REFUTED, WRONG, UNCHECKED = VERDICTS
SOURCES = {
    "S0": "Identifying Handwritten Recognition Using Logistic Regression in Pytorch (2025)",
    "S1": "Mastering Logistic Regression on MNIST: PyTorch Implementation and Analysis",
    "S2": "Handwriting recognition with neural network (2026)",
    "S3": "MLDL Mini Project: Handwritten Digit Classifier Using Logistic Regression",
    "S4": "Handwritten-Digit-Classification (a README)",
}


RUNS_FOR_AN_INTERVAL = 3
CLAIMS_TABLE = Path(__file__).with_name("published.csv")


class LedgerError(UsageError):
    """A verdict cannot be reached; the message says which results are missing and how to make them."""


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check.

    Attributes:
        word: one of ``VERDICTS``.
        measured: what was measured, with its interval, to read.
        evidence: more figures behind the word. What no run can change (the arithmetic, what is unstated) stands in
            the table of claims, as its note.
        judgement: the word was chosen by a person; the figures alone do not decide it.
        chart: name → (published number, our runs), for the chart of published against measured.
    """

    word: str
    measured: str
    evidence: str = ""
    judgement: bool = field(default=False, kw_only=True)
    chart: Mapping[str, tuple[float, Sequence[float]]] = field(default_factory=dict, kw_only=True)


@dataclass(frozen=True)
class Claim:
    """What a document says, in our words; ``figures`` are its numbers for the code, ``note`` what no run can change."""

    name: str
    claim: str
    published: str
    figures: Any
    note: str


@cache
def claims() -> dict[str, Claim]:
    """The table of claims, by name."""
    with CLAIMS_TABLE.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return {
            row["id"]: Claim(row["id"], row["claim"], row["published"], json.loads(row["figures"] or "{}"), row["note"])
            for row in rows
        }


Figures = Mapping[str, Any]
Check = Callable[["Results", Figures], Verdict]
CHECKS: dict[str, Check] = {}


def claim(*names: str) -> Callable[[Check], Check]:
    """Register a function as the check of these claims. It takes stored results and the published figures."""

    def register(check: Check) -> Check:
        for name in names:
            if name in CHECKS:
                raise ValueError(f"claim {name} has two checks")
            CHECKS[name] = check
        return check

    return register


@dataclass(frozen=True)
class Study:
    """One stored table: configuration, seed, epoch, metric, value."""

    name: str
    table: pd.DataFrame

    @cached_property
    def cells(self) -> dict[tuple[str, str], pd.DataFrame]:
        """The rows of each configuration and metric."""
        return dict(iter(self.table.groupby(["configuration", "metric"], sort=False)))

    @property
    def configurations(self) -> list[str]:
        """In the order in which they were stored."""
        return list(dict.fromkeys(self.table["configuration"]))

    def has(self, configuration: str, metric: str) -> bool:
        """Whether anything is stored under these names."""
        return (configuration, metric) in self.cells

    def curves(self, configuration: str, metric: str) -> pd.DataFrame:
        """One row per epoch (or whatever the metric counts), one column per seed."""
        if not self.has(configuration, metric):
            raise LedgerError(
                f"study {self.name} holds no {metric!r} of {configuration!r}; "
                f"make it anew with `python -m mnist_lr_helpers reproduce {self.name}`"
            )
        rows = self.cells[configuration, metric]
        return rows.pivot_table(index="epoch", columns="seed", values="value")

    def runs(self, configuration: str, metric: str, *, at: int | None = None) -> pd.Series:
        """One value per seed: of the last epoch that the seed has, or of epoch ``at``."""
        curves = self.curves(configuration, metric)
        return curves.ffill().iloc[-1] if at is None else curves.loc[at].dropna()

    def value(self, configuration: str, metric: str, *, at: int | None = None) -> float:
        """The mean over the seeds of ``runs``."""
        return float(self.runs(configuration, metric, at=at).mean())

    def each(self, configurations: Sequence[str], metric: str) -> dict[str, pd.Series]:
        """``runs`` of several configurations."""
        return {configuration: self.runs(configuration, metric) for configuration in configurations}

    def means(self, configuration: str, metric: str) -> pd.Series:
        """The mean over the seeds for each epoch (or digit, bin, …)."""
        return self.curves(configuration, metric).mean(axis=1)

    def digits(self, configuration: str, metric: str) -> pd.DataFrame:
        """What is stored as ``metric_0`` to ``metric_9``: one row per digit, one column per seed, last values."""
        return pd.DataFrame([self.runs(configuration, f"{metric}_{k}") for k in range(10)], index=range(10))


class Results:
    """The stored studies of a folder, read when first asked for; ``used`` names those asked for since it was cleared.

    Raises:
        LedgerError: a study that is asked for has not been stored.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.used = folder, []
        self._studies: dict[str, Study] = {}

    def __getitem__(self, name: str) -> Study:
        if name not in self._studies:
            path = self.folder / f"{name}.csv"
            if not path.exists():
                raise LedgerError(
                    f"study {name} is not among the results in {self.folder}; "
                    f"make it with `python -m mnist_lr_helpers reproduce {name}`"
                )
            self._studies[name] = Study(name, pd.read_csv(path, dtype={"configuration": str}))
        if name not in self.used:
            self.used.append(name)
        return self._studies[name]


@dataclass(frozen=True)
class Difference(Interval):
    """The mean of paired differences, with its interval, and how many pairs there are."""

    pairs: int


def graded(holds: object, fully: object = True, *, otherwise: str = REFUTED) -> str:
    """The word for a claim that holds fully, holds with a caveat, or does not hold."""
    return (CONFIRMED if fully else CAVEAT) if holds else otherwise


def interval_of(runs: Sequence[float]) -> Interval:
    """Mean with its 95 % interval; fewer than three runs have none, two would give an absurdly long one."""
    values = np.asarray(runs, dtype=float)
    return (
        mean_interval(values) if len(values) >= RUNS_FOR_AN_INTERVAL else Interval(float(values.mean()), np.nan, np.nan)
    )


def show(value: Interval | Sequence[float] | float, spec: str = ".4f") -> str:
    """A number; an interval; or the mean of some runs with its 95 % interval (of two, both), and their number."""
    if isinstance(value, Interval):
        text = f"{value.estimate:{spec}}" if np.isnan(value.low) else f"{value:{spec}}"
        return text + (
            f" ({value.pairs} pair{'s' if value.pairs > 1 else ''})" if isinstance(value, Difference) else ""
        )
    if np.ndim(value) == 0:
        return f"{value:{spec}}"
    values = np.asarray(value, dtype=float)
    if len(values) == 2:
        return f"{values.mean():{spec}} (2 runs: {values.min():{spec}}, {values.max():{spec}})"
    return f"{show(interval_of(values), spec)} ({len(values)} run{'s' if len(values) > 1 else ''})"


def listed(values: Mapping[object, Any], spec: str = ".4f") -> str:
    """Each name with what ``show`` makes of its value."""
    return "; ".join(f"{name}: {show(value, spec)}" for name, value in values.items())


def enough(*some: Sequence[float]) -> bool:
    """Whether each of these has the three runs that an interval takes."""
    return min(map(len, some)) >= RUNS_FOR_AN_INTERVAL


def among(value: float, runs: Sequence[float]) -> bool:
    """Whether a value lies between the lowest and the highest run."""
    return bool(np.min(runs) <= value <= np.max(runs))


def two_apart(runs: Sequence[float]) -> float:
    """How far two single runs lie apart at most in 95 of 100 cases, from the scatter of these (Student's t)."""
    return float(stats.t.ppf(0.975, len(runs) - 1) * np.std(runs, ddof=1) * 2**0.5)


def one_more(runs: Sequence[float]) -> Interval:
    """Mean, and where one more run would fall in 95 of 100 cases (Student's prediction interval)."""
    values = np.asarray(runs, dtype=float)
    if len(values) < RUNS_FOR_AN_INTERVAL:
        return interval_of(values)
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) * (1 + 1 / len(values)) ** 0.5
    return Interval(float(values.mean()), float(values.mean() - half), float(values.mean() + half))


def difference(first: pd.Series, second: pd.Series) -> Difference:
    """Mean of first − second over the seeds that both have, with its 95 % interval."""
    gaps = (first - second).dropna()
    mean = interval_of(gaps)
    return Difference(mean.estimate, mean.low, mean.high, len(gaps))


def above(interval: Interval, level: float = 0.0) -> bool:
    """Whether the interval is there and lies above the level."""
    return bool(interval.low > level)


def below(interval: Interval, level: float = 0.0) -> bool:
    """Whether the interval is there and lies below the level."""
    return bool(interval.high < level)


def chart_rows(chart: Mapping[str, tuple[float, Sequence[float]]]) -> str:
    """The chart of a verdict as JSON: name, published, mean, its interval, the interval of one more run."""
    rows = []
    for name, (published, runs) in chart.items():
        mean, more = interval_of(runs), one_more(runs)
        numbers = (published, mean.estimate, mean.low, mean.high, more.low, more.high)
        if np.min(runs) >= 0:  # a count, a share or a loss has no negative values
            numbers = tuple(np.maximum(numbers, 0))
        rows.append([name, *(None if np.isnan(x) else float(f"{x:.6g}") for x in numbers)])
    return json.dumps(rows, ensure_ascii=False) if rows else ""
