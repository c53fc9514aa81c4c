"""Cycles, as measured, into the numbers that statistics are made of. Integers of the samples stay untouched."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any

Cycle = Mapping[str, Any]


def times(cycle: Cycle) -> list[float]:
    """Nanoseconds per call, one value per repetition (a repetition is ``inner`` calls)."""
    inner = cycle.get('inner') or 1
    return [value / inner for value in cycle.get('time_ns') or () if value]


def timed(cycles: list[Cycle]) -> list[Cycle]:
    """The cycles that have times: a cycle that was void has none."""
    return [cycle for cycle in cycles if times(cycle)]


def cycle_means(cycles: list[Cycle]) -> list[float]:
    return [fmean(times(cycle)) for cycle in timed(cycles)]


def pairs(cycles: list[Cycle], baseline: list[Cycle]) -> tuple[list[float], list[float]]:
    """Mean times of the rounds in which both the baseline and the variant were measured."""
    both = [(b, v) for v, b in zip(cycles, baseline, strict=False) if times(v) and times(b)]
    return [fmean(times(b)) for b, _ in both], [fmean(times(v)) for _, v in both]


def peaks(cycles: list[Cycle]) -> list[float]:
    """Mean peak memory of each cycle, in bytes; one value per cycle where the kernel cannot reset the peak."""
    return [fmean(values) for cycle in cycles if (values := [v for v in cycle.get('peak_rss_bytes') or () if v])]


def highest(cycles: list[Cycle]) -> float | None:
    return max((v for cycle in cycles for v in cycle.get('peak_rss_bytes') or () if v), default=None)


def field(cycles: list[Cycle], name: str) -> list[float]:
    """One number of every cycle that has it; a list (``warmup_ns``) counts as its sum."""
    found = [cycle[name] for cycle in cycles if cycle.get(name) is not None]
    return [float(sum(value)) if isinstance(value, list) else float(value) for value in found]
