"""What the report makes of samples: ratios, verdicts, percentiles. Plain Python: reading a report needs no NumPy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from stages.intervals import interval

MANY = 5
"""More comparisons than this are made at the 99 % level: one of twenty 95 % intervals misses by luck."""

NOISE = 0.02
"""Differences below this are noise on any shared machine, however narrow the interval."""


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


def outliers(values: Sequence[float]) -> tuple[int, int]:
    """How many values are beyond Tukey's 1.5 IQR (mild) and 3 IQR (severe) fences; none is dropped."""
    ordered = sorted(values)
    if len(ordered) < 4:
        return 0, 0
    q1, q3 = median(ordered[: len(ordered) // 2]), median(ordered[(len(ordered) + 1) // 2 :])
    beyond = [max(q1 - value, value - q3) for value in ordered]
    severe = sum(far > 3 * (q3 - q1) for far in beyond)
    return sum(far > 1.5 * (q3 - q1) for far in beyond) - severe, severe
