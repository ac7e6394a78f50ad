"""What runs say together: their mean and its interval, where one more would fall, and how they differ in pairs."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace

from mnist_lr_helpers.evaluation import Interval, mean_interval

import numpy as np
import pandas as pd
from scipy import stats


@dataclass(frozen=True)
class Estimate(Interval):
    """A mean with an interval, its bounds NaN where there are too few runs; ``over`` says what it is the mean of."""

    over: str = ""

    def __format__(self, spec: str) -> str:
        text = f"{self.estimate:{spec}}" if np.isnan(self.low) else super().__format__(spec)
        return f"{text} ({self.over})" if self.over else text

    def above(self, level: float = 0.0) -> bool:
        """Whether the interval is there and lies above the level."""
        return bool(self.low > level)

    def below(self, level: float = 0.0) -> bool:
        """Whether the interval is there and lies below the level."""
        return bool(self.high < level)


class Runs(pd.Series):
    """One number per run, by its seed; prints as the mean with its 95 % interval (of two runs, both) and the number."""

    @property
    def _constructor(self) -> type[Runs]:  # pandas asks it what arithmetic on runs gives
        return Runs

    def __format__(self, spec: str) -> str:
        if len(self) == 2:
            return f"{self.mean():{spec}} (2 runs: {self.min():{spec}}, {self.max():{spec}})"
        return f"{replace(self.interval, over=_counted(len(self), 'run')):{spec}}"

    @property
    def enough(self) -> bool:
        """Whether there are the three runs that an interval takes; two would give an absurdly long one."""
        return len(self) >= 3

    @property
    def interval(self) -> Estimate:
        """Mean with its 95 % interval (Student's t)."""
        if self.enough:
            return Estimate(*astuple(mean_interval(self.to_numpy(float))))
        return Estimate(float(self.mean()), np.nan, np.nan)

    @property
    def one_more(self) -> Estimate:
        """Mean, and where one more run would fall in 95 of 100 cases (Student's prediction interval)."""
        half = self.two_apart * ((1 + 1 / len(self)) / 2) ** 0.5 if self.enough else np.nan
        return Estimate(float(self.mean()), float(self.mean() - half), float(self.mean() + half))

    @property
    def two_apart(self) -> float:
        """How far two single runs lie apart at most in 95 of 100 cases, from the scatter of these (Student's t)."""
        return float(stats.t.ppf(0.975, len(self) - 1) * self.std() * 2**0.5)

    def span(self, value: float) -> bool:
        """Whether a value lies between the lowest and the highest run."""
        return bool(self.min() <= value <= self.max())

    def minus(self, other: Runs) -> Estimate:
        """Mean of the differences over the seeds that both have, with its 95 % interval."""
        gaps = (self - other).dropna()
        return replace(gaps.interval, over=_counted(len(gaps), "pair"))


class Named(dict):
    """Values by name; prints as each name with its value."""

    def __format__(self, spec: str) -> str:
        return "; ".join(f"{name}: {value:{spec}}" for name, value in self.items())


def extremes(values: pd.Series, spec: str) -> tuple[str, str]:
    """The lowest and the highest value, each with its name: 0.873 (5)."""
    return tuple(f"{values[name]:{spec}} ({name})" for name in (values.idxmin(), values.idxmax()))


def _counted(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
