"""What the report makes of samples: ratios, verdicts, percentiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from stages.intervals import interval, stats

CLAIM = 99.0
"""The level at which one variant is called faster than another: of twenty 95 % intervals one misses by luck, and what
is called faster is shipped."""

MANY = 5
MANY_CLAIM = 99.8
"""More comparisons than ``MANY`` are claimed at this level, so that all of a report are right together (Bonferroni)."""

NOISE = 0.02
"""Differences below this are noise on any shared machine, however narrow the interval."""


@dataclass(frozen=True)
class Ratio:
    """Baseline time over variant time, above 1 is faster; bounds None when there was one round only."""

    value: float
    low: float | None
    high: float | None
    """The 95 % interval, which is what is written."""

    claim: tuple[float, float] | None = None
    """The interval at the level of a claim, which is wider; None: that one is meant."""


@dataclass(frozen=True)
class Percentile:
    """A pooled sample percentile with its distribution-free 95 % bounds; ``high`` None: no such bound exists."""

    value: float
    low: float
    high: float | None


def paired_ratio(baseline: Sequence[float], variant: Sequence[float], level: float = CLAIM) -> Ratio:
    """exp of the t interval over ln(baseline/variant) of each round, which cancels what slowed both.

    ``level`` is that of the claim (``verdict``); the bounds are those of the 95 % interval.
    """
    logs = [math.log(b / v) for b, v in zip(baseline, variant, strict=False)]
    found, claimed = interval(logs), interval(logs, level)
    if found.half is None or claimed.half is None:
        return Ratio(math.exp(found.mean), None, None)
    bounds = [
        (math.exp(one.mean - one.half), math.exp(one.mean + one.half))
        for one in (found, claimed)
        if one.half is not None
    ]
    return Ratio(math.exp(found.mean), *bounds[0], bounds[1] if level != 95 else None)


def turned(ratio: Ratio) -> Ratio:
    """The same ratio the other way round: variant time over baseline time."""
    claim = None if ratio.claim is None else (1 / ratio.claim[1], 1 / ratio.claim[0])
    if ratio.low is None or ratio.high is None:
        return Ratio(1 / ratio.value, None, None)
    return Ratio(1 / ratio.value, 1 / ratio.high, 1 / ratio.low, claim)


def level_for(comparisons: int) -> float:
    """Return the level of each claim in a report that makes so many."""
    return MANY_CLAIM if comparisons > MANY else CLAIM


def verdict(ratio: Ratio, noise: float = NOISE) -> str:
    """*faster* or *slower* only when the whole interval of the claim is outside the noise.

    *same* when all of the 95 % interval is inside: many tests make a claim of no difference no likelier, so that it
    needs no wider interval, and true ties come out as such.
    """
    if ratio.low is None or ratio.high is None:
        return 'inconclusive'
    low, high = ratio.claim or (ratio.low, ratio.high)
    if low > 1 + noise:
        return 'faster'
    if high < 1 / (1 + noise):
        return 'slower'
    if 1 / (1 + noise) <= ratio.low and ratio.high <= 1 + noise:
        return f'same within {noise * 100:.0f} %'
    return 'inconclusive'


def percentile(values: Sequence[float], share: float) -> Percentile:
    """Nearest rank, with the distribution-free 95 % interval of the quantile (Conover 1999, 3.2)."""
    ordered = sorted(values)
    bounds = stats().quantile_test(ordered, p=share).confidence_interval(0.95)
    low, high = (None if math.isnan(bound) else float(bound) for bound in (bounds.low, bounds.high))
    rank = min(len(ordered), max(1, math.ceil(len(ordered) * share)))
    return Percentile(ordered[rank - 1], ordered[0] if low is None else low, high)


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
