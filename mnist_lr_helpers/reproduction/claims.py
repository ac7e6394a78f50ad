"""The ledger: a verdict on each of the 125 claims of the five documents, from stored results and from code that runs.

It trains nothing. Every figure in it comes from a stored table or is computed by the check itself.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mnist_lr_helpers.files import PROJECT, write_atomically
from mnist_lr_helpers.reproduction import verdicts_s0_s3_s4, verdicts_s1, verdicts_s2  # noqa: F401  (they register checks)
from mnist_lr_helpers.reproduction.ledger import CHECKS, SOURCES, VERDICTS, Results, chart_rows, claims

RESULTS = PROJECT / "data" / "results"


def judge(results: Path | str = RESULTS, names: Sequence[str] = ()) -> pd.DataFrame:
    """Reach a verdict on the named claims, or on all: one row each, in the order of the table of claims.

    Raises:
        LedgerError: a stored result is missing; the message names the study.
    """
    stored, rows = Results(Path(results)), []
    for name in names or claims():
        stored.used.clear()
        claim = claims()[name]
        verdict = CHECKS[name](stored, claim.figures)
        if verdict.word not in VERDICTS:
            raise ValueError(f"claim {name} has the verdict {verdict.word!r}; choose one of {', '.join(VERDICTS)}")
        parts = (", ".join(stored.used) or "computed", verdict.evidence, claim.note)
        rows.append(
            {
                "id": name,
                "source": SOURCES[name[:2]],
                "claim": claim.claim,
                "published": claim.published,
                "measured": verdict.measured,
                "verdict": verdict.word,
                "decided_by": "judgement" if verdict.judgement else "computation",
                "evidence": ". ".join(part.rstrip(".") for part in parts if part) + ".",
                "chart": chart_rows(verdict.chart),
            }
        )
    return pd.DataFrame(rows)


def write_ledger(results: Path | str = RESULTS) -> None:
    """Write ``claims.csv`` beside the stored studies.

    Raises:
        LedgerError: a stored result is missing; the message names the study.
    """
    text = io.StringIO()
    judge(results).to_csv(text, index=False, lineterminator="\n")
    write_atomically(Path(results) / "claims.csv", text.getvalue().encode())
