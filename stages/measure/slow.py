"""Processes that run slower than the others of the same variant: one in ten does, on some machines and engines."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median
from typing import Final

from stages.measure.samples import Cycle

LEAST: Final = 4
"""With fewer processes than this, nobody can say which of them is the odd one."""

SLOWER: Final = 1.08
"""How much slower than the middle one a process must be: four times the spread of a usual machine, 2 %."""

APART: Final = 4.0
"""How many times the spread of the others (1.4826 times the median deviation, Hampel 1974) it must be away."""


def slow_cycles(cycles: Sequence[Cycle]) -> list[int]:
    """Return the places of the cycles that are slower than the others, beyond what these differ by."""
    return slow_means([fmean(c.time_ns) / c.inner for c in cycles if c.time_ns])


def slow_means(means: Sequence[float]) -> list[int]:
    """Return the places of the means that are higher than the others, beyond what these differ by."""
    if len(means) < LEAST:
        return []
    middle = median(means)
    spread = 1.4826 * median(abs(mean / middle - 1) for mean in means)
    return [place for place, mean in enumerate(means) if mean / middle - 1 > max(SLOWER - 1, APART * spread)]
