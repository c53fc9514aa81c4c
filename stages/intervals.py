"""Intervals of means and shares, and drift: the one place for quantiles, which SciPy gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, log, sqrt
from statistics import fmean, median, stdev
from typing import Any, Final

from stages.errors import ToolError

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


def stats() -> Any:
    """Return ``scipy.stats``; raises ToolError where SciPy is not installed."""
    try:
        from scipy import stats
    except ImportError:
        raise ToolError('intervals need SciPy, not installed here; run: pip install "modelkiln[report]"') from None
    return stats


@cache
def t_quantile(df: int, level: float = 95) -> float:
    """Return the two-sided quantile of Student's t: 2.571 for 5 degrees of freedom at 95 %."""
    if df < 1:
        raise ValueError('an interval needs two values')
    return float(stats().t.ppf(0.5 + level / 200, df))


def interval(values: Sequence[float], level: float = 95) -> Interval:
    """Return ``m ± t·s/√k`` of k values."""
    if len(values) < 2:
        return Interval(fmean(values), None)
    return moments(fmean(values), stdev(values), len(values), level)


def moments(mean: float, spread: float, n: int, level: float = 95) -> Interval:
    """Return the interval of a mean of ``n`` values whose standard deviation is ``spread``."""
    return Interval(mean, t_quantile(n - 1, level) * spread / sqrt(n) if n > 1 else None)


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson, JASA 1927): honest near 0 and 1, unlike ``p ± 1.96 s``."""
    if not n:
        return 0.0, 1.0
    found = stats().binomtest(hits, n).proportion_ci(0.95, method='wilson')
    return float(found.low), float(found.high)


def drift(cycles: Sequence[Sequence[float]]) -> Drift | None:
    """t test at 1 % over ln(median of second half / of first half) per cycle; None with less than two cycles."""
    halves = [(median(c[: len(c) // 2]), median(c[len(c) // 2 :])) for c in cycles if len(c) >= 4]
    logs = [log(second / first) for first, second in halves if first > 0 and second > 0]
    if len(logs) < 2:
        return None
    found = interval(logs, 99)
    ratio = exp(found.mean)
    return Drift(ratio, found.half is not None and abs(found.mean) > found.half and abs(ratio - 1) > LEAST_DRIFT)
