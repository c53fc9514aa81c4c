"""How good a model's answers are: the interval of its metric, what it loses against the baseline, what that shows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from stages.intervals import moments, stats, wilson
from stages.measure.figures import Paired, Score
from stages.measure.tolerance import SLACK, loss

Z_95: Final = 1.959964

SMALL: Final = 0.01
"""Without a bound of the recipe, a loss of a point (or of a hundredth of the baseline's figure) is as good."""


@dataclass(frozen=True)
class Loss:
    """How much of the metric is lost against the baseline, in the metric's units: above 0 is worse."""

    value: float
    low: float | None
    """The 95 % interval; None where nothing pairs the two models' answers."""

    high: float | None
    p: float | None
    """How often chance alone makes as great a difference: McNemar's exact test where answers are right or wrong."""

    n: int | None
    """Samples that both were asked."""

    test: str
    """How the interval was made, in words."""


def with_interval(score: Score | None) -> Score | None:
    """Return the score with its 95 % interval: Wilson's of a share, Student's of a mean of samples' scores."""
    if score is None or (score.low is not None and score.high is not None):
        return score
    if score.hits is not None and score.n:
        low, high = wilson(score.hits, score.n)
    elif score.spread is not None and score.samples and score.samples > 1:
        half = moments(score.value, score.spread, score.samples).half or 0.0
        low, high = score.value - half, score.value + half
        if score.percent:
            low, high = max(0.0, low), min(1.0, high)
    else:
        return score
    return replace(score, low=low, high=high)


def loss_of(score: Score | None, baseline: Score | None) -> Loss | None:
    """Return what a model loses against the baseline; None where one of the two is not known."""
    if score is None:
        return None
    if score.name == 'agreement':
        # agreement is with the baseline's own answers: each that is not the same is a loss, and none can be a gain
        known = with_interval(score)
        assert known is not None
        low, high = (None if bound is None else 1 - bound for bound in (known.high, known.low))
        return Loss(1 - score.value, low, high, None, score.n, "Wilson's interval of the share that agrees")
    if baseline is None:
        return None
    found = loss(baseline, score)
    if score.paired is None:
        return Loss(found, None, None, None, score.n, 'not paired')
    return _paired(found, score.paired, -1 if score.better == 'lower' else 1)


def _paired(found: float, paired: Paired, sign: int) -> Loss:
    n = paired.samples
    if paired.lost is not None and paired.won is not None:
        lost, won = (paired.lost, paired.won) if sign > 0 else (paired.won, paired.lost)
        p = float(stats().binomtest(lost, lost + won).pvalue) if lost + won else 1.0
        words = "paired answers: McNemar's exact test, Agresti and Min's interval"
        return Loss(found, *_difference(lost, won, n), p, n, words)
    if paired.low is not None and paired.high is not None:
        low, high = sorted((-sign * paired.low, -sign * paired.high))
        return Loss(found, low, high, None, n, 'paired draws of the samples (bootstrap)')
    if paired.mean is None or paired.spread is None:
        return Loss(found, None, None, None, n, 'not paired')
    half = moments(paired.mean, paired.spread, n).half
    middle = -sign * paired.mean
    if half is None:
        return Loss(found, None, None, None, n, 'not paired')
    return Loss(found, middle - half, middle + half, None, n, "paired scores: Student's interval of their differences")


def _difference(lost: int, won: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a difference of paired shares (Agresti and Min, Statistics in Medicine 2005).

    Wald's with half an answer added to each of the four cells: SciPy has none, and Wald's own is ±0 where none differ.
    """
    b, c, total = lost + 0.5, won + 0.5, n + 2
    middle = (b - c) / total
    half = Z_95 * math.sqrt(b + c - (b - c) ** 2 / total) / total
    return max(-1.0, middle - half), min(1.0, middle + half)


def limit(score: Score, baseline: Score | None, bounds: list[float]) -> float:
    """Return how much may be lost and be called as good: the recipe's tightest bound, else a hundredth."""
    if bounds:
        return min(bounds)
    return SMALL if score.percent or baseline is None else SMALL * abs(baseline.value)


def judgement(found: Loss | None, allowed: float) -> str:
    """Return what the interval of a loss shows: *as good* only when all of it is within what may be lost."""
    if found is None or found.low is None or found.high is None:
        return 'not compared'
    if found.high <= allowed + SLACK:
        return 'better' if found.high < 0 else 'as good'
    return 'worse' if found.low > 0 else 'not shown to be as good'
