"""Cycles, as measured, into the numbers that statistics are made of. Integers of the samples stay untouched."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from stages.measure.samples import Cycle


def times(cycle: Cycle) -> list[float]:
    """Nanoseconds per call, one value per repetition (a repetition is ``inner`` calls)."""
    return [value / cycle.inner for value in cycle.time_ns if value]


def timed(cycles: Sequence[Cycle]) -> list[Cycle]:
    """The cycles that have times: a cycle that was void has none."""
    return [cycle for cycle in cycles if times(cycle)]


def cycle_means(cycles: Sequence[Cycle]) -> list[float]:
    return [fmean(times(cycle)) for cycle in timed(cycles)]


def pairs(cycles: Sequence[Cycle], baseline: Sequence[Cycle]) -> tuple[list[float], list[float]]:
    """Mean times of the rounds in which both the baseline and the variant were measured."""
    both = [(b, v) for v, b in zip(cycles, baseline, strict=False) if times(v) and times(b)]
    return [fmean(times(b)) for b, _ in both], [fmean(times(v)) for _, v in both]


def peaks(cycles: Sequence[Cycle]) -> list[float]:
    """Mean peak memory of each cycle, in bytes; one value per cycle where the kernel cannot reset the peak."""
    return [fmean(values) for cycle in cycles if (values := [v for v in cycle.peak_rss_bytes if v])]


def added(cycles: Sequence[Cycle]) -> list[float]:
    """What the peak of each cycle has over the memory after import, in bytes."""
    return [peak - cycle.rss_import_bytes for cycle in cycles if cycle.rss_import_bytes is not None
            for peak in peaks([cycle])]  # fmt: skip


def highest(cycles: Sequence[Cycle]) -> float | None:
    return max((v for cycle in cycles for v in cycle.peak_rss_bytes if v), default=None)


def known(values: Sequence[float | None]) -> list[float]:
    """Those of the values that were recorded."""
    return [float(value) for value in values if value is not None]
