"""How a number is written: never more digits than its interval supports, one unit per column."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from stages.intervals import Interval
from stages.measure.figures import Score
from stages.report.statistics import Percentile, Ratio

MOST = 4
"""Significant digits no cell exceeds, however narrow the interval."""


@dataclass(frozen=True)
class Unit:
    """A column's unit: a value in base units times ``factor`` is in it."""

    name: str
    factor: float


MIB = Unit('MiB', 1 / 2**20)
MB = Unit('MB', 1e-6)


def time_unit(nanoseconds: Iterable[float]) -> Unit:
    """The unit in which the smallest time of a column still reads well."""
    least = min((value for value in nanoseconds if value > 0), default=1e6)
    return Unit('s', 1e-9) if least >= 1e9 else Unit('ms', 1e-6) if least >= 1e5 else Unit('µs', 1e-3)


def size_unit(sizes: Iterable[float]) -> Unit:
    """MB (10⁶ bytes), or kB when the largest file of the column is smaller than one."""
    return MB if max(sizes, default=1e6) >= 1e6 else Unit('kB', 1e-3)


def place(half: float, value: float = 0.0) -> int:
    """The power of ten to round at: two digits of the half-width, one if the first is 3 or more (method 5.6)."""
    coarsest = math.floor(math.log10(abs(value))) - MOST + 1 if value else -MOST
    if half <= 0:
        return coarsest
    power = math.floor(math.log10(half))
    lead = round(half / 10.0 ** (power - 1))
    if lead >= 100:
        power, lead = power + 1, 10
    return max(power - 1 if lead < 30 else power, coarsest)


def at(value: float, power: int) -> str:
    """The value rounded at a power of ten, without a minus before zero."""
    text = f'{round(value, -power):.{max(0, -power)}f}'
    return text[1:] if text.startswith('-') and not text.strip('-0.') else text


def seen(value: float, power: int, digits: int = 1) -> str:
    """The value rounded at a power of ten, or finer where nothing of it were left: 2.2 at tens is ``2``, not ``0``."""
    return at(value, min(power, _first(value) - digits + 1)) if value else at(value, power)


def _first(value: float) -> int:
    """The power of ten of the first digit; of what rounds up to the next power, that one's: 9.96 is 10."""
    power = math.floor(math.log10(abs(value)))
    return power + (abs(round(value, -power)) >= 10.0 ** (power + 1))


def significant(value: float, digits: int = 3) -> str:
    """For exact things (bytes on disk) and for what has no interval."""
    return at(value, math.floor(math.log10(abs(value))) - digits + 1) if value else '0'


def plus_minus(found: Interval, unit: Unit) -> str:
    """``12.4 ± 0.3``; two digits and no ± when there is no interval."""
    scaled = found.scaled(unit.factor)
    if scaled.half is None:
        return significant(scaled.mean, 2)
    power = place(scaled.half, scaled.mean)
    if scaled.half == 0:
        return at(scaled.mean, power + 1)
    return f'{seen(scaled.mean, power)} ± {at(max(scaled.half, 10.0**power), power)}'


def ratio_text(ratio: Ratio) -> str:
    """``1.84× (1.80–1.89)``."""
    if ratio.low is None or ratio.high is None:
        return f'{significant(ratio.value, 2)}×'
    power = place((ratio.high - ratio.low) / 2, ratio.value)
    digits = 2 if power > 0 else 1  # 14.8 between 2.2 and 100 is 15, and not 10
    return f'{seen(ratio.value, power, digits)}× ({seen(ratio.low, power)}–{seen(ratio.high, power)})'


def share_text(value: float, low: float | None, high: float | None) -> str:
    """``98 % (95–99)``: a share with the interval its number of samples gives it."""
    if low is None or high is None:
        return f'{significant(value * 100, 2)} %'
    power = max(place((high - low) * 50, value * 100), -2)
    shown, least, most = (seen(one * 100, power) for one in (value, low, high))
    # All of them is exact, and a bound of 100 needs no decimals.
    shown, most = ('100' if float(one) == 100 else one for one in (shown, most))
    return f'{shown} % ({least}–{most})'


def score_text(value: float, low: float | None, high: float | None) -> str:
    """``0.729 (0.66–0.79)``: a figure of a recipe's own metric, which need not be a share."""
    if low is None or high is None or low == high:
        return f'{value:.3f}'
    power = max(place((high - low) / 2, value), -4)
    return f'{seen(value, power)} ({seen(low, power)}–{seen(high, power)})'


def score_words(score: Score) -> str:
    """A metric's figure with its interval."""
    return (share_text if score.percent else score_text)(score.value, score.low, score.high)


def change_text(change: float, percent: bool) -> str:
    """How far two figures of a metric are apart, unsigned: ``0.7 points`` of percent, or ``0.004``."""
    if not percent:
        return at(abs(change), -3) if abs(change) >= 0.001 or not change else f'{abs(change):.1e}'
    return f'{significant(abs(change) * 100, 2)} points'


def percentile_text(found: Percentile, beside: Interval, unit: Unit) -> str:
    """No finer than its own rank interval, nor than the mean beside it: pooled ranks ignore process spread."""
    high = found.high if found.high is not None else 2 * found.value - found.low
    half, value = max((high - found.low) / 2, beside.half or 0.0) * unit.factor, found.value * unit.factor
    return seen(value, place(half, value)) if half else significant(value)


def tiny(value: float | None) -> str:
    """A difference: ``3.1e-06``, two digits, since the order of magnitude is what it tells."""
    return '—' if value is None else '0' if value == 0 else f'{value:.1e}' if value < 0.01 else significant(value, 2)
