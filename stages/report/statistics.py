"""The statistics of the report: few, exact, and in plain Python, so that reading a report needs no NumPy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

# Student's t, quantile 0.975 for 1 to 30 degrees of freedom (two-sided 95 %).
T_95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
# Student's t, quantile 0.995 for 1 to 30 degrees of freedom (two-sided 99 %).
T_99 = (
    63.657, 9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355, 3.250, 3.169, 3.106, 3.055, 3.012, 2.977, 2.947,
    2.921, 2.898, 2.878, 2.861, 2.845, 2.831, 2.819, 2.807, 2.797, 2.787, 2.779, 2.771, 2.763, 2.756, 2.750,
)  # fmt: skip
MANY = 5
"""More comparisons than this are made at the 99 % level: one of twenty 95 % intervals misses by luck."""

NOISE = 0.02
"""Differences below this are noise on any shared machine, however narrow the interval."""


@dataclass(frozen=True)
class Interval:
    """A mean and the half-width of its interval; None when one value says nothing about the spread."""

    mean: float
    half: float | None

    def scaled(self, factor: float) -> Interval:
        return Interval(self.mean * factor, None if self.half is None else self.half * factor)


@dataclass(frozen=True)
class Ratio:
    """Baseline time over variant time, above 1 is faster; bounds None when there was one round only."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Percentile:
    """A pooled sample percentile with its distribution-free 95 % bounds; ``high`` None: no such bound exists."""

    value: float
    low: float
    high: float | None


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


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def deviation(values: Sequence[float]) -> float:
    """Sample standard deviation (n − 1)."""
    middle = mean(values)
    return math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1))


def interval(values: Sequence[float], level: int = 95) -> Interval:
    """``m ± t·s/√k`` over the k cycle means: right whether or not processes differ (benchmark-method 5.2)."""
    if len(values) < 2:
        return Interval(mean(values), None)
    half = t_quantile(len(values) - 1, level) * deviation(values) / math.sqrt(len(values))
    return Interval(mean(values), half)


def paired_ratio(baseline: Sequence[float], variant: Sequence[float], level: int = 95) -> Ratio:
    """exp of the t interval over ln(baseline/variant) of each round, which cancels what slowed both."""
    logs = interval([math.log(b / v) for b, v in zip(baseline, variant, strict=False)], level)
    if logs.half is None:
        return Ratio(math.exp(logs.mean), None, None)
    return Ratio(math.exp(logs.mean), math.exp(logs.mean - logs.half), math.exp(logs.mean + logs.half))


def turned(ratio: Ratio) -> Ratio:
    """The same ratio the other way round: variant time over baseline time."""
    return Ratio(1 / ratio.value, 1 / (ratio.high or ratio.value), 1 / (ratio.low or ratio.value))


def level_for(comparisons: int) -> int:
    return 99 if comparisons > MANY else 95


def verdict(ratio: Ratio, noise: float = NOISE) -> str:
    """*faster* or *slower* only when the whole interval is outside the noise, *same* only when all is inside."""
    if ratio.low is None or ratio.high is None:
        return 'inconclusive'
    if ratio.low > 1 + noise:
        return 'faster'
    if ratio.high < 1 / (1 + noise):
        return 'slower'
    if 1 / (1 + noise) <= ratio.low and ratio.high <= 1 + noise:
        return f'same within {noise * 100:.0f} %'
    return 'inconclusive'


def percentile(values: Sequence[float], share: float) -> Percentile:
    """Nearest rank, with the ranks n·p ± 1.96·√(n·p·(1−p)) widened to whole ones (benchmark-method 5.4)."""
    ordered, n = sorted(values), len(values)
    spread = 1.96 * math.sqrt(n * share * (1 - share))
    low, high = max(1, math.floor(n * share - spread)), math.ceil(n * share + spread)
    rank = min(n, max(1, math.ceil(n * share)))
    return Percentile(ordered[rank - 1], ordered[low - 1], ordered[high - 1] if high <= n else None)


def percentiles(values: Sequence[float]) -> dict[str, Percentile]:
    """p50 and p90 always, p95 from 300 samples, p99 from 500: fewer cannot tell (benchmark-method 5.4)."""
    wanted = {'p50': 0.5, 'p90': 0.9} | ({'p95': 0.95} if len(values) >= 300 else {})
    wanted |= {'p99': 0.99} if len(values) >= 500 else {}
    return {name: percentile(values, share) for name, share in wanted.items()}


def median(values: Sequence[float]) -> float:
    ordered, half = sorted(values), len(values) // 2
    return float(ordered[half]) if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2


def outliers(values: Sequence[float]) -> tuple[int, int]:
    """How many values are beyond Tukey's 1.5 IQR (mild) and 3 IQR (severe) fences; none is dropped."""
    ordered = sorted(values)
    if len(ordered) < 4:
        return 0, 0
    q1, q3 = median(ordered[: len(ordered) // 2]), median(ordered[(len(ordered) + 1) // 2 :])
    beyond = [max(q1 - value, value - q3) for value in ordered]
    severe = sum(far > 3 * (q3 - q1) for far in beyond)
    return sum(far > 1.5 * (q3 - q1) for far in beyond) - severe, severe


def drift(cycles: Sequence[Sequence[float]]) -> Drift | None:
    """t test at 1 % over ln(median of second half / of first half) per cycle; None with less than two cycles."""
    halves = [(median(c[: len(c) // 2]), median(c[len(c) // 2 :])) for c in cycles if len(c) >= 4]
    logs = [math.log(second / first) for first, second in halves if first > 0 and second > 0]
    if len(logs) < 2:
        return None
    found = interval(logs, 99)
    return Drift(math.exp(found.mean), found.half is not None and abs(found.mean) > found.half)
