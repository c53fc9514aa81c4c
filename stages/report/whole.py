"""Whole requests: what the Python around the model takes beside it, and what is left of its speed end to end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from stages.intervals import Interval, interval
from stages.measure.samples import Cycle
from stages.report.statistics import Ratio, paired_ratio


@dataclass(frozen=True)
class Whole:
    """The laps of a request and their sum, in ns, over the means of the processes."""

    before: Interval
    model: Interval
    after: Interval
    """0 where the recipe has nothing after the model."""

    whole: Interval
    speed: Ratio | None
    """The baseline's whole request against this one's, in the same rounds."""

    @property
    def around(self) -> float:
        """The share of a request that is not the model's."""
        return 1 - self.model.mean / self.whole.mean


def whole_of(cycles: Sequence[Cycle], baseline: Sequence[Cycle], level: float, *, is_baseline: bool) -> Whole | None:
    """Return what was measured of whole requests; None where nothing was."""
    taken = [cycle for cycle in cycles if cycle.model_ns]
    if not taken:
        return None
    sums = [_sum(cycle) for cycle in taken]
    pairs = [(_sum(b), _sum(c)) for c, b in zip(cycles, baseline, strict=False) if c.model_ns and b.model_ns]
    before, after = [b for b, _ in pairs], [a for _, a in pairs]
    return Whole(
        before=interval([fmean(cycle.before_ns) for cycle in taken]),
        model=interval([fmean(cycle.model_ns) for cycle in taken]),
        after=interval([fmean(cycle.after_ns) for cycle in taken]),
        whole=interval(sums),
        speed=paired_ratio(before, after, level) if pairs and not is_baseline else None,
    )


def why_not(cycles: Sequence[Cycle]) -> str:
    """Return why whole requests could not be measured; empty: they were, or nobody asked."""
    return next((cycle.around_failed for cycle in cycles if cycle.around_failed), '')


def _sum(cycle: Cycle) -> float:
    return fmean(cycle.before_ns) + fmean(cycle.model_ns) + fmean(cycle.after_ns)
