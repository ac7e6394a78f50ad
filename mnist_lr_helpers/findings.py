"""The table of conclusions: what a run found, and whether it holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mnist_lr_helpers.data import Dataset


@dataclass
class Findings:
    """The table of conclusions: statements that this run's own results confirm or refute.

    Args:
        dataset: what the results were measured on, or its name.
        quick: whether this was a smoke run, whose results are too small to judge by.
    """

    dataset: Dataset | str
    quick: bool = False
    rows: list[tuple[str, bool | None, str]] = field(default_factory=list)
    timings: set[str] = field(default_factory=set)

    def record(
        self, statement: str, holds: object, evidence: str, *, anywhere: bool = False, timing: bool = False
    ) -> None:
        """Add a conclusion; without ``anywhere`` it is judged only on a full run on MNIST.

        Args:
            statement: what we conclude, in words.
            holds: an expression evaluated on this run's results.
            evidence: the figures behind it.
            anywhere: the statement is true of any images, also of a few (a theorem, say).
            timing: the statement is about seconds, which depend on the machine and on what
                else it does; it stands in the table, but not in ``verdicts``.
        """
        if timing:
            self.timings.add(statement)
        judged = anywhere or (self._measured_on == "mnist" and not self.quick)
        self.rows.append((statement, bool(holds) if judged else None, evidence))

    @property
    def verdicts(self) -> str:
        """One line per conclusion without figures and timings, so that it can be compared from run to run."""
        lasting = [(statement, holds) for statement, holds, _ in self.rows if statement not in self.timings]
        return "\n".join(f"{self._mark(holds)} {statement}" for statement, holds in lasting)

    @property
    def _measured_on(self) -> str:
        return self.dataset if isinstance(self.dataset, str) else self.dataset.name

    def _mark(self, holds: bool | None) -> str:
        reason = "quick run" if self.quick else f"this is {self._measured_on}, not mnist"
        return {True: "✔", False: "✘", None: f"not judged ({reason}):"}[holds]

    def __repr__(self) -> str:
        return "\n".join(f"{self._mark(holds)} {statement} [{evidence}]" for statement, holds, evidence in self.rows)

    def _repr_markdown_(self) -> str:
        cells = [f"| {self._mark(holds)} | {statement} | {evidence} |" for statement, holds, evidence in self.rows]
        return "\n".join(["| | What we found | Evidence |", "|---|---|---|", *cells])
