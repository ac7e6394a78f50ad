"""The ledger: stored results, what a claim is, and the verdicts on all claims, written as ``claims.csv``.

It trains nothing. Every figure in it comes from a stored table or is computed by the check of the claim.
"""

from __future__ import annotations

import inspect
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args

from mnist_lr_helpers.course.usage import UsageError
from mnist_lr_helpers.files import PROJECT, write_atomically
from mnist_lr_helpers.reproduction.comparisons import Named, Runs

import numpy as np
import pandas as pd

RESULTS = PROJECT / "data" / "results"
Caveat = Literal["half true", "true but misleading", "true under other conditions"]
Failed = Literal["not reproduced", "refuted", "wrong on paper", "cannot be checked"]
Word = Literal["confirmed", Caveat, "true on few runs", Failed]
CAVEATS, VERDICTS = get_args(Caveat), get_args(Word)
CAVEAT = "caveat"  # stands for the one of CAVEATS that the claim names
SOURCES = {
    "S0": "Identifying Handwritten Recognition Using Logistic Regression in Pytorch (2025)",
    "S1": "Mastering Logistic Regression on MNIST: PyTorch Implementation and Analysis",
    "S2": "Handwriting recognition with neural network (2026)",
    "S3": "MLDL Mini Project: Handwritten Digit Classifier Using Logistic Regression",
    "S4": "Handwritten-Digit-Classification (a README)",
}


class LedgerError(UsageError):
    """A verdict cannot be reached; the message says which results are missing and how to make them."""

    def __init__(self, missing: str, study: str) -> None:
        super().__init__(f"{missing}; make it with `python -m mnist_lr_helpers reproduce {study}`")


@dataclass(frozen=True)
class StoredTable:
    """The stored results of one study: configuration, seed, epoch, metric, value."""

    study: str
    table: pd.DataFrame

    @cached_property
    def _cells(self) -> dict[tuple[str, str], pd.DataFrame]:
        """The values of each configuration and metric, by epoch and seed."""
        keys = ["configuration", "metric", "epoch"]
        wide = self.table.pivot_table(index=keys, columns="seed", values="value")
        return dict(iter(wide.groupby(level=["configuration", "metric"])))

    @property
    def configurations(self) -> list[str]:
        """In the order in which they were stored."""
        return list(dict.fromkeys(self.table["configuration"]))

    def has(self, configuration: str, metric: str) -> bool:
        """Whether anything is stored under these names."""
        return (configuration, metric) in self._cells

    def curves(self, configuration: str, metric: str) -> pd.DataFrame:
        """One row per epoch (or digit, bin, … : whatever the metric counts), one column per seed.

        Raises:
            LedgerError: nothing is stored under these names.
        """
        if not self.has(configuration, metric):
            raise LedgerError(f"study {self.study} holds no {metric!r} of {configuration!r}", self.study)
        cell = self._cells[configuration, metric].droplevel(["configuration", "metric"])
        return cell.dropna(axis="columns", how="all")

    def runs(self, configuration: str, metric: str, *, at: int | None = None) -> Runs:
        """One value per seed: of the last epoch that the seed has, or of epoch ``at``."""
        curves = self.curves(configuration, metric)
        return Runs(curves.ffill().iloc[-1] if at is None else curves.loc[at].dropna())

    def value(self, configuration: str, metric: str, *, at: int | None = None) -> float:
        """The mean over the seeds of ``runs``."""
        return float(self.runs(configuration, metric, at=at).mean())

    def each(self, configurations: Iterable[str], metric: str) -> Named:
        """``runs`` of several configurations."""
        return Named({configuration: self.runs(configuration, metric) for configuration in configurations})

    def values(self, configurations: Iterable[str], metric: str) -> Named:
        """``value`` of several configurations."""
        return Named({configuration: self.value(configuration, metric) for configuration in configurations})

    def means(self, configuration: str, metric: str) -> pd.Series:
        """The mean over the seeds for each epoch (or digit, bin, …)."""
        return self.curves(configuration, metric).mean(axis=1)

    def last_epoch(self, configuration: str, metric: str = "test_loss") -> int:
        """The last epoch for which the metric is stored."""
        return int(self.curves(configuration, metric).index[-1])

    def digits(self, configuration: str, metric: str) -> pd.DataFrame:
        """What is stored as ``metric_0`` to ``metric_9``: one row per digit, one column per seed, last values."""
        return pd.DataFrame([self.runs(configuration, f"{metric}_{k}") for k in range(10)], index=range(10))


class Results:
    """The stored tables of a folder, read when first asked for; ``used`` names the studies asked for since cleared.

    Raises:
        LedgerError: a study that is asked for has not been stored.
    """

    def __init__(self, folder: Path = RESULTS) -> None:
        self.folder = folder
        self.used: dict[str, None] = {}  # an ordered set
        self.tables: dict[str, StoredTable] = {}

    def __getitem__(self, study: str) -> StoredTable:
        if study not in self.tables:
            path = self.folder / f"{study}.csv"
            if not path.exists():
                raise LedgerError(f"study {study} is not among the results in {self.folder}", study)
            self.tables[study] = StoredTable(study, pd.read_csv(path, dtype={"configuration": str}))
        self.used[study] = None
        return self.tables[study]


Chart = Mapping[str, tuple[float, Sequence[float]]]  # label → published number, our runs


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check.

    Attributes:
        word: one of ``VERDICTS``, or ``CAVEAT``.
        told: what the claim's row tells of it, by the names that stand there in braces; a ``chart``, if there is one,
            holds published against measured figures.
        judgement: the word is chosen by a person; the figures alone do not decide it.
    """

    word: str
    told: Mapping[str, Any]
    judgement: bool = False


def graded(
    holds: object, fully: object = True, *, enough: object = True, otherwise: Failed = "refuted", **told: object
) -> Verdict:
    """The verdict of the figures on a claim that holds, or does not.

    Where it does not hold ``fully``, it has the caveat that the claim names. Where it does, but the runs, theirs or
    ours, are not ``enough`` to tell it from chance, it is true on few runs.
    """
    held = CAVEAT if not fully else "confirmed" if enough else "true on few runs"
    return Verdict(held if holds else otherwise, told)


def judged(holds: object, fully: object = True, *, otherwise: Failed = "refuted", **told: object) -> Verdict:
    """The same where a person has chosen the words."""
    return replace(graded(holds, fully, otherwise=otherwise, **told), judgement=True)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A row of the ledger: what a document says, what was published, how we check it and how that is told.

    Attributes:
        name: the document's and its own number, "S1-40".
        check: decides from stored results; its further parameters are published figures.
        claim: what the document says, in our words.
        published: its figures, to read.
        measured: what we measured; what stands in braces comes from the verdict.
        evidence: more figures behind the word, in the same way.
        note: what no run can change: the arithmetic, what is unstated.
        caveat: one of ``CAVEATS``, where the check knows one: a part of the claim holds and another was not seen; its
            figures are right and suggest more than they show; it takes a setting, data, measure or protocol that the
            document does not state, or ours was another.
    """

    name: str
    check: Callable[..., Verdict]
    claim: str
    published: str
    measured: str
    evidence: str = ""
    note: str = ""
    caveat: str = ""

    @classmethod
    def of(cls, check: Callable[..., Verdict]) -> Claim:
        """The row of a check: its name begins with that of the claim, and its docstring is the row's text.

        The docstring says what the document claims; then, each after its label, what was ``Published:``, how
        ``Measured:`` and ``Evidence:`` are told, a ``Note:``, and the kind of ``Caveat:``.
        """
        labels = r"^(Published|Measured|Evidence|Note|Caveat): "
        text, *labelled = re.split(labels, inspect.getdoc(check), flags=re.MULTILINE)
        said, *parts = (re.sub(r"\s*\n\s*", " ", part.strip()) for part in (text, *labelled[1::2]))
        fields = dict(zip(map(str.lower, labelled[::2]), parts, strict=True))
        name = check.__name__[: len("s1_40")].upper().replace("_", "-")
        return cls(name=name, check=check, claim=said.removesuffix("."), **fields)

    @property
    def figures(self) -> dict[str, Any]:
        """The published figures that the check takes."""
        _, *parameters = inspect.signature(self.check).parameters.values()
        return {parameter.name: parameter.default for parameter in parameters}

    def row(self, results: Results) -> dict[str, str]:
        """Its row in ``claims.csv``.

        Raises:
            ValueError: it holds with a caveat, and its docstring names none of ``CAVEATS``.
        """
        results.used.clear()
        verdict = self.check(results)
        if verdict.word == CAVEAT and self.caveat not in CAVEATS:
            raise ValueError(f"{self.name} has a caveat of no known kind: {self.caveat!r}")
        evidence = (", ".join(results.used) or "computed", self.evidence.format_map(verdict.told), self.note)
        return {
            "id": self.name,
            "source": SOURCES[self.name[:2]],
            "claim": self.claim,
            "published": self.published,
            "measured": self.measured.format_map(verdict.told),
            "verdict": self.caveat if verdict.word == CAVEAT else verdict.word,
            "decided_by": "judgement" if verdict.judgement else "computation",
            "evidence": ". ".join(part.rstrip(".") for part in evidence if part) + ".",
            "chart": _chart_rows({f"{self.name} {label}": x for label, x in verdict.told.get("chart", {}).items()}),
        }


def claims_of(module: ModuleType) -> dict[str, Claim]:
    """The claims of one file in its order, by name: all functions there that are called ``s0_01_…``."""
    claims = [Claim.of(check) for name, check in vars(module).items() if re.match(r"s\d_\d\d_", name)]
    return {claim.name: claim for claim in claims}


def _chart_rows(chart: Chart) -> str:
    """As JSON: name, published, mean, its interval, the interval of one more run."""
    rows = []
    for name, (published, values) in chart.items():
        runs = Runs(values)
        numbers = (published, *astuple(runs.interval)[:3], *astuple(runs.one_more)[1:3])
        if runs.min() >= 0:  # a count, a share or a loss has no negative values
            numbers = tuple(np.maximum(numbers, 0))
        rows.append([name, *(None if np.isnan(x) else float(f"{x:.6g}") for x in numbers)])
    return json.dumps(rows, ensure_ascii=False) if rows else ""


def write_ledger(claims: Iterable[Claim], folder: Path = RESULTS) -> None:
    """Write the verdicts on these claims beside the stored results, as ``claims.csv``.

    Raises:
        LedgerError: a stored result is missing; the message names the study.
    """
    results, text = Results(folder), io.StringIO()
    pd.DataFrame([claim.row(results) for claim in claims]).to_csv(text, index=False, lineterminator="\n")
    write_atomically(folder / "claims.csv", text.getvalue().encode())
