"""The table of conclusions judges only what this run can tell, and shows what it judged."""

from dataclasses import replace

from mnist_lr_helpers.data import Dataset
from mnist_lr_helpers.findings import Findings

import pytest


@pytest.fixture
def mnist(digits: Dataset) -> Dataset:
    return replace(digits, name="mnist")


def recorded(dataset: Dataset, *, quick: bool = False) -> Findings:
    found = Findings(dataset, quick=quick)
    found.record("accuracy is high", True, "0.9")
    found.record("and rises for ever", False, "0.8, 0.7")
    found.record("probabilities sum to one", True, "1.0", anywhere=True)
    found.record("and to two", False, "1.0", anywhere=True)
    return found


def test_a_full_run_on_mnist_is_judged(mnist: Dataset) -> None:
    assert recorded(mnist).verdicts.splitlines() == [
        "✔ accuracy is high",
        "✘ and rises for ever",
        "✔ probabilities sum to one",
        "✘ and to two",
    ]


@pytest.mark.parametrize(("quick", "reason"), [(False, "this is digits, not mnist"), (True, "quick run")])
def test_on_other_data_only_what_holds_anywhere_is_judged(digits: Dataset, quick: bool, reason: str) -> None:
    assert recorded(digits, quick=quick).verdicts.splitlines() == [
        f"not judged ({reason}): accuracy is high",
        f"not judged ({reason}): and rises for ever",
        "✔ probabilities sum to one",
        "✘ and to two",
    ]


def test_a_quick_run_judges_no_more_than_one_on_other_data(mnist: Dataset) -> None:
    lines = recorded(mnist, quick=True).verdicts.splitlines()
    assert lines[:2] == [f"not judged (quick run): {text}" for text in ("accuracy is high", "and rises for ever")]
    assert lines[2:] == ["✔ probabilities sum to one", "✘ and to two"]


def test_the_evidence_stands_beside_the_mark(mnist: Dataset) -> None:
    found = recorded(mnist)
    assert repr(found).splitlines()[:2] == ["✔ accuracy is high [0.9]", "✘ and rises for ever [0.8, 0.7]"]
    assert found._repr_markdown_().splitlines()[2:4] == [
        "| ✔ | accuracy is high | 0.9 |",
        "| ✘ | and rises for ever | 0.8, 0.7 |",
    ]


def test_timings_stand_in_the_table_and_are_not_compared(digits: Dataset) -> None:
    found = Findings(digits)
    found.record("a loop is slower", False, "0.9 times", anywhere=True, timing=True)
    assert found.verdicts == ""
    assert repr(found) == "✘ a loop is slower [0.9 times]"
    assert "| ✘ | a loop is slower | 0.9 times |" in found._repr_markdown_()
