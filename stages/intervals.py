"""Intervals of means and shares, and drift: the one place for Student's t and Wilson's bounds. Plain Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import fmean, median, stdev
from typing import Final

# Student's t, quantile 0.975 for 1 to 30 degrees of freedom (two-sided 95 %).
T_95: Final = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
# Student's t, quantile 0.995 for 1 to 30 degrees of freedom (two-sided 99 %).
T_99: Final = (
    63.657, 9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355, 3.250, 3.169, 3.106, 3.055, 3.012, 2.977, 2.947,
    2.921, 2.898, 2.878, 2.861, 2.845, 2.831, 2.819, 2.807, 2.797, 2.787, 2.779, 2.771, 2.763, 2.756, 2.750,
)  # fmt: skip
Z_95: Final = 1.959964
LEAST_DRIFT: Final = 0.001
"""A tenth of a percent is nobody's problem, however certain."""


@dataclass(frozen=True)
class Interval:
    """A mean and the half-width of its interval; None when one value says nothing about the spread."""

    mean: float
    half: float | None

    def scaled(self, factor: float) -> Interval:
        return Interval(self.mean * factor, None if self.half is None else self.half * factor)


@dataclass(frozen=True)
class Drift:
    """Second half over first half of a cycle, over all cycles; ``real`` when a t test says so at 1 %."""

    ratio: float
    real: bool


def t_quantile(df: int, level: int = 95) -> float:
    """Two-sided Student quantile; from the table to 30, then 1.96 + 2.4/df (99 %: 2.576 + 5.1/df, same error)."""
    if df < 1:
        raise ValueError('an interval needs two values')
    if df <= 30:
        return (T_99 if level == 99 else T_95)[df - 1]
    return 2.576 + 5.1 / df if level == 99 else 1.96 + 2.4 / df


def interval(values: Sequence[float], level: int = 95) -> Interval:
    """Return ``m ± t·s/√k`` of k values."""
    if len(values) < 2:
        return Interval(fmean(values), None)
    return Interval(fmean(values), t_quantile(len(values) - 1, level) * stdev(values) / sqrt(len(values)))


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson, JASA 1927): honest near 0 and 1, unlike ``p ± 1.96 s``."""
    if not n:
        return 0.0, 1.0
    p = hits / n
    middle, half = p + Z_95 * Z_95 / (2 * n), Z_95 * sqrt(p * (1 - p) / n + Z_95 * Z_95 / (4 * n * n))
    scale = 1 + Z_95 * Z_95 / n
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def drift(cycles: Sequence[Sequence[float]]) -> Drift | None:
    """t test at 1 % over ln(median of second half / of first half) per cycle; None with less than two cycles."""
    halves = [(median(c[: len(c) // 2]), median(c[len(c) // 2 :])) for c in cycles if len(c) >= 4]
    logs = [log(second / first) for first, second in halves if first > 0 and second > 0]
    if len(logs) < 2:
        return None
    found = interval(logs, 99)
    ratio = exp(found.mean)
    return Drift(ratio, found.half is not None and abs(found.mean) > found.half and abs(ratio - 1) > LEAST_DRIFT)
