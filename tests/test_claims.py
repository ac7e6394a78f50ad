"""The ledger: each claim has one verdict, the committed one is what the stored results say, and verdicts can change."""

import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mnist_lr_helpers import data
from mnist_lr_helpers.evaluation import Interval
from mnist_lr_helpers.reproduction import ledger, studies, verdicts_s2
from mnist_lr_helpers.reproduction.claims import RESULTS, judge, write_ledger
from mnist_lr_helpers.reproduction.ledger import CHECKS, VERDICTS, LedgerError, Results, Study, claims

COUNTS = {"S0": 15, "S1": 58, "S2": 32, "S3": 13, "S4": 7}
COLUMNS = ["id", "source", "claim", "published", "measured", "verdict", "decided_by", "evidence", "chart"]


@pytest.fixture(scope="module")
def committed() -> pd.DataFrame:
    return pd.read_csv(RESULTS / "claims.csv", keep_default_na=False)


@pytest.fixture(scope="module")
def stored() -> Results:
    return Results(RESULTS)


def verdict(results: Results, name: str, **changed: object) -> ledger.Verdict:
    """The verdict on a claim, as published or with other published figures."""
    return CHECKS[name](results, claims()[name].figures | changed)


def altered(results: Results, change: Callable[[pd.DataFrame], object], *names: str) -> Results:
    """The same results, with the tables of some studies changed in place by ``change``."""
    other = Results(results.folder)
    for name in names:
        table = results[name].table.copy()
        change(table)
        other._studies[name] = Study(name, table)
    return other


def setting(metric: str, value: object, configuration: str = "") -> Callable[[pd.DataFrame], None]:
    """Set all metrics whose names begin like this, or add to them what stands in a string."""

    def change(table: pd.DataFrame) -> None:
        rows = table["metric"].str.startswith(metric) & table["configuration"].str.contains(configuration, regex=False)
        assert rows.any()
        table.loc[rows, "value"] = table.loc[rows, "value"] + float(value) if isinstance(value, str) else value

    return change


# The whole ledger


def test_every_claim_has_one_row_one_check_and_the_right_source(committed: pd.DataFrame) -> None:
    assert committed.columns.tolist() == COLUMNS
    assert committed["id"].tolist() == list(claims())
    assert committed["id"].is_unique
    assert set(CHECKS) == set(claims())
    assert Counter(committed["id"].str[:2]) == COUNTS
    assert all(row.source == ledger.SOURCES[row.id[:2]] for row in committed.itertuples())


def test_every_row_has_a_verdict_evidence_and_who_decided(committed: pd.DataFrame) -> None:
    assert set(committed["verdict"]) <= set(VERDICTS)
    assert set(committed["decided_by"]) == {"computation", "judgement"}
    for column in ("claim", "published", "measured", "evidence"):
        assert committed[column].str.strip().all(), column
    unchecked = committed[committed["verdict"] == "cannot be checked"]
    assert all("not stated" in text or "Missing:" in text for text in unchecked["evidence"])


def test_evidence_names_studies_that_exist(committed: pd.DataFrame) -> None:
    for evidence in committed["evidence"]:
        named = evidence.split(". ")[0].rstrip(".").split(", ")
        assert named == ["computed"] or set(named) <= set(studies.STUDIES), evidence


def test_the_committed_ledger_is_what_the_stored_results_say(committed: pd.DataFrame) -> None:
    again = pd.read_csv(io.StringIO(judge().to_csv(index=False)), keep_default_na=False)
    pd.testing.assert_frame_equal(again, committed)


def test_write_ledger_writes_what_judge_says(tmp_path: Path, stored: Results, committed: pd.DataFrame) -> None:
    for path in RESULTS.glob("*.csv"):
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "claims.csv").unlink()
    write_ledger(tmp_path)
    assert (tmp_path / "claims.csv").read_bytes() == (RESULTS / "claims.csv").read_bytes()


def test_charts_hold_the_published_numbers(committed: pd.DataFrame) -> None:
    rows = [(row.id, *figure) for row in committed.itertuples() if row.chart for figure in json.loads(row.chart)]
    assert len(rows) >= 30
    for name, label, published, mean, low, high, run_low, run_high in rows:
        assert label.startswith(name)
        assert published is not None
        if low is not None:
            assert run_low <= low <= mean <= high <= run_high


# A verdict can change


@pytest.mark.parametrize(
    ("name", "change", "study", "word"),
    [
        ("S0-02", setting("test_accuracy", 0.85), "s0_recipe", "refuted"),
        ("S0-08", setting("train_loss", "-0.01", "published"), "s0_recipe", "confirmed with a caveat"),
        ("S0-06", setting("logit_row_sum", 1.0), "s0_recipe", "confirmed"),
        ("S0-14", setting("centre_x_sd", 3.0), "data", "refuted"),
        ("S1-02", setting("count", "1"), "data", "refuted"),
        ("S1-06", setting("mean", 0.14), "data", "refuted"),
        ("S1-29", setting("objective", 0.5, "zeros"), "optimum", "confirmed"),
        ("S1-39", setting("gradient_variance", 1.0), "gradient_noise", "refuted"),
        ("S1-40", setting("test_accuracy", "-0.02"), "s1_recipe", "not reproduced"),
        ("S1-46", setting("recall", 0.92), "s1_recipe", "confirmed"),
        ("S1-47", setting("ece15", 0.08), "s1_recipe", "refuted"),
        ("S1-56", setting("test_loss", "0.5", "input dropout"), "s1_variants", "confirmed with a caveat"),
        ("S1-56", setting("test_loss", 0.5), "s1_variants", "not reproduced"),
        ("S2-30", setting("train_loss", 0.1), "s2_l2", "refuted"),
        ("S0-09", setting("gradient_variance", 1.0), "gradient_noise", "refuted"),
        ("S1-52", setting("max_weight_difference", 1e-3), "s1_recipe", "refuted"),
        ("S2-05", setting("test_loss", 0.4, "linear"), "s2_widths", "refuted"),
        ("S2-15", setting("corner_weight_sd", 0.02, "zeros"), "s2_linear", "confirmed"),
        ("S2-21", setting("test_accuracy", 0.99), "s2_depth", "not reproduced"),
        ("S2-29", setting("test_loss", 0.06), "s2_l2", "refuted"),
        ("S4-03", setting("test_accuracy", 0.95), "s4_batch", "not reproduced"),
        ("S4-02", setting("test_accuracy", 0.86), "s4_batch", "confirmed"),
    ],
)
def test_other_results_give_another_verdict(
    stored: Results, name: str, change: Callable[[pd.DataFrame], None], study: str, word: str
) -> None:
    assert verdict(altered(stored, change, study), name).word == word


@pytest.mark.parametrize(
    ("name", "figures", "word"),
    [
        ("S0-01", {"train": 60_001}, "refuted"),
        ("S1-25", {"parameters": 7_840}, "refuted"),
        ("S1-26", {"kb": [30.62, 0.04, 31.0]}, "refuted"),
        ("S1-40", {"printed": 0.9258}, "confirmed"),
        ("S2-01", {"batch": 128}, "refuted"),
        ("S3-07", {"accuracy": 0.975}, "confirmed"),
        ("S3-07", {"accuracy": 0.97299}, "not reproduced"),
    ],
)
def test_other_published_figures_give_another_verdict(stored: Results, name: str, figures: dict, word: str) -> None:
    assert verdict(stored, name, **figures).word == word


def test_a_verdict_reads_nothing_but_stored_results(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"study s1_recipe is not among .* reproduce s1_recipe"):
        judge(tmp_path, ["S1-40"])
    assert judge(tmp_path, ["S1-23"])["verdict"].tolist() == ["confirmed"]
    assert len(judge(tmp_path, ["S1-23"])) == 1


def test_a_missing_metric_names_study_and_configuration(stored: Results) -> None:
    with pytest.raises(LedgerError, match="study s1_recipe holds no 'speed' of 'published'"):
        stored["s1_recipe"].runs("published", "speed")


def test_no_claim_has_two_checks() -> None:
    with pytest.raises(ValueError, match="S1-40 has two checks"):
        ledger.claim("S1-40")(lambda r, p: None)


# The comparisons


def test_one_more_run_falls_where_promised() -> None:
    draws = np.random.default_rng(0).normal(0.92, 0.001, size=(4_000, 6))
    share = np.mean([row[5] in ledger.one_more(row[:5]) for row in draws])
    assert abs(share - 0.95) < 0.015


def test_differences_pair_by_seed_and_two_seeds_have_no_interval() -> None:
    first, second = pd.Series({0: 3.0, 1: 5.0, 2: 9.0}), pd.Series({2: 8.0, 1: 4.0, 0: 2.0, 3: 7.0})
    three = ledger.difference(first, second)
    assert three == ledger.Difference(1.0, 1.0, 1.0, pairs=3)
    assert ledger.show(three, ".1f") == "1.0 [1.0, 1.0] (3 pairs)"
    pair = ledger.difference(first, second[:2])
    assert (pair.estimate, ledger.above(pair), ledger.below(pair)) == (1.0, False, False)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5"),
        (Interval(1.0, float("nan"), float("nan")), "1.0"),
        ([2.0], "2.0 (1 run)"),
        ([1.0, 3.0], "2.0 (2 runs: 1.0, 3.0)"),
        ([1.0, 1.0, 1.0], "1.0 [1.0, 1.0] (3 runs)"),
    ],
)
def test_values_are_shown_with_what_is_known_of_their_scatter(value: object, text: str) -> None:
    assert ledger.show(value, ".1f") == text


def test_values_are_compared_with_runs() -> None:
    assert (ledger.among(1.0, [1.0, 3.0]), ledger.among(3.1, [1.0, 3.0])) == (True, False)
    assert (ledger.enough([1, 2, 3], [1, 2, 3, 4]), ledger.enough([1, 2, 3], [1])) == (True, False)
    draws = np.random.default_rng(0).normal(size=(4_000, 7))
    share = np.mean([abs(row[5] - row[6]) < ledger.two_apart(row[:5]) for row in draws])
    assert abs(share - 0.95) < 0.015


def losses(*values: float) -> Study:
    """A made-up study with one run: its test losses from epoch 1 on."""
    rows = [("a", 0, epoch, "test_loss", value) for epoch, value in enumerate(values, start=1)]
    return Study("made up", pd.DataFrame(rows, columns=["configuration", "seed", "epoch", "metric", "value"]))


def test_the_rise_is_that_of_the_last_ten_epochs() -> None:
    s = losses(4.0, 1.0, 9.0, *[1.5] * 5, *[2.5] * 5)
    assert verdicts_s2.rise(s, "a").tolist() == [1.0]
    assert verdicts_s2.turned(s, "a")
    assert not verdicts_s2.turned(losses(4.0, 2.0, 1.0), "a")


def test_a_fixed_order_is_compared_with_shuffled_runs_that_have_no_early_stop_either(stored: Results) -> None:
    s = stored["s1_variants"]
    gap = ledger.difference(s.runs("sorted", "test_accuracy"), s.runs("no early stop", "test_accuracy"))
    assert f"sorted: {ledger.show(gap, '+.2%')}" in verdict(stored, "S1-11").measured


def test_penalties_whose_loss_still_falls_do_not_decide_what_comes_after_the_minimum(stored: Results) -> None:
    assert "0.001" in verdict(stored, "S2-29").evidence
    assert "0.001:" not in verdict(stored, "S2-29").measured


def test_runs_are_the_last_of_each_seed() -> None:
    rows = [("a", 0, 1, "x", 5.0), ("a", 0, 2, "x", 4.0), ("a", 1, 1, "x", 7.0)]
    study = Study("made up", pd.DataFrame(rows, columns=["configuration", "seed", "epoch", "metric", "value"]))
    assert study.runs("a", "x").to_dict() == {0: 4.0, 1: 7.0}
    assert study.runs("a", "x", at=2).to_dict() == {0: 4.0}
    assert study.means("a", "x").tolist() == [6.0, 4.0]


# Cheap claims, measured again


def again(study: str, configuration: str, seed: int = 90) -> pd.Series:
    """Train one configuration of a study with a new seed: the last value of each metric."""
    measure, settings = studies.STUDIES[study].measuring(configuration)
    return (
        pd.DataFrame(measure(seed, **settings), columns=["epoch", "metric", "value"]).groupby("metric")["value"].last()
    )


@pytest.mark.slow
def test_facts_of_the_data_are_the_stored_ones(stored: Results, mnist: data.Dataset) -> None:
    for configuration in ("train", "test"):
        now = again("data", configuration).drop("bytes", errors="ignore")
        for name in now.index:
            before = stored["data"].curves(configuration, name).iloc[-1, 0]
            assert now[name] == pytest.approx(before, rel=1e-4, abs=1e-6), name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("study", "configuration", "metrics"),
    [
        ("s0_recipe", "momentum 0 lr 0.1", ("test_accuracy", "train_loss")),
        ("gradient_noise", "64", ("gradient_variance",)),
        ("range_test", "fresh", ("test_accuracy_before",)),
    ],
)
def test_cheap_claims_measured_again_agree(
    stored: Results, mnist: data.Dataset, study: str, configuration: str, metrics: tuple[str, ...]
) -> None:
    now = again(study, configuration)
    for metric in metrics:
        runs = stored[study].runs(configuration, metric)
        expected = ledger.one_more(runs)
        room = expected.high - expected.low  # one run in twenty lies outside; none that is right lies this far out
        assert expected.low - room <= now[metric] <= expected.high + room, (metric, now[metric], expected)
