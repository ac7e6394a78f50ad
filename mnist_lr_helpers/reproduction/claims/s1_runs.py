"""What the claims of S1 share: the published table of digits, and the runs of its recipe and of variants of it."""

from __future__ import annotations

from collections.abc import Iterable

from mnist_lr_helpers.reproduction.comparisons import Named, Runs
from mnist_lr_helpers.reproduction.ledger import Results

import numpy as np
import pandas as pd

DIGITS = range(10)
MEAN, STD = 0.1307, 0.3081  # of all training pixels, in units of 255
TOP_SIX = {53: 35, 28: 33, 49: 33, 58: 30, 79: 29, 85: 29}  # the published confusions, 53 for 5 taken as 3
TABLE = {  # of S1-41, one number per digit
    "accuracy": [0.9932, 0.9935, 0.9826, 0.9812, 0.9871, 0.98, 0.9893, 0.9853, 0.9766, 0.9828],
    "precision": [0.954183, 0.963605, 0.927291, 0.904528, 0.937436, 0.899538, 0.937307, 0.93144, 0.881443, 0.911504],
    "recall": [0.977551, 0.979736, 0.902132, 0.909901, 0.930754, 0.873318, 0.951983, 0.925097, 0.877823, 0.918731],
    "f1": [0.965726, 0.971603, 0.914538, 0.907206, 0.934083, 0.886234, 0.944588, 0.928258, 0.87963, 0.915104],
    "support": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
}
ROUNDED = {
    "auc": [1.0, 1.0, 0.99, 0.99, 1.0, 0.99, 1.0, 0.99, 0.99, 0.99],
    "precision": [0.95, 0.96, 0.93, 0.9, 0.94, 0.9, 0.94, 0.93, 0.88, 0.91],
    "recall": [0.98, 0.98, 0.9, 0.91, 0.93, 0.87, 0.95, 0.93, 0.88, 0.92],
    "f1": [0.97, 0.97, 0.91, 0.91, 0.93, 0.89, 0.94, 0.93, 0.88, 0.92],
}


def published_counts() -> tuple[np.ndarray, np.ndarray]:
    """Right answers and predictions per digit, whole numbers, from the published recall, precision and support."""
    right = np.round(np.multiply(TABLE["recall"], TABLE["support"]))
    return right.astype(int), np.round(right / TABLE["precision"]).astype(int)


def published_accuracy() -> float:
    """To the last image: the right answers of the ten digits over the 10,000 images."""
    return published_counts()[0].sum() / 10_000


def recipe(r: Results, metric: str, *, at: int | None = None) -> Runs:
    """A metric of S1's recipe, one value per seed."""
    return r["s1_recipe"].runs("published", metric, at=at)


def per_digit(r: Results, metric: str) -> pd.DataFrame:
    """A metric of S1's recipe: one row per digit (or bin, or 10·true + predicted), one column per seed."""
    return r["s1_recipe"].curves("published", metric).fillna(0)


def mean_per_digit(r: Results, metric: str) -> pd.Series:
    """The mean over the seeds of ``per_digit``."""
    return per_digit(r, metric).mean(axis=1)


def changes(r: Results, names: Iterable[str], metric: str = "test_accuracy", base: str = "") -> Named:
    """Each variant of the recipe minus the recipe, or minus another variant, paired by seed."""
    s = r["s1_variants"]
    other = s.runs(base, metric) if base else recipe(r, metric)
    return Named({c: x.minus(other) for c, x in s.each(names, metric).items()})


def to_the_end(r: Results) -> str:
    """The accuracy of the recipe without early stopping, in words."""
    runs = r["s1_variants"].runs("no early stop", "test_accuracy")
    return f"without early stopping {runs:.2%}, one more such run: {runs.one_more:.2%}"


def ranks(values: pd.Series) -> pd.Series:
    """The rank of each index, 1 for the largest value; equal values share the better rank."""
    return values.rank(ascending=False, method="min").astype(int)


def arrow(cell: int, sign: str = "→") -> str:
    """A confusion in words: 53 is 5→3."""
    return f"{cell // 10}{sign}{cell % 10}"
