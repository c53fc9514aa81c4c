"""The timed loop, alone in a file so that it can be audited at a glance."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns
from typing import Final

SHORTEST_NS: Final = 1_000_000
"""A repetition lasts at least this long: below, the clock's own step and cost show in the figure."""

ENOUGH_NS: Final = 5 * SHORTEST_NS
"""A call that never took less to warm up is a repetition by itself."""

LONG_NS: Final = 100 * SHORTEST_NS
"""A call that took so long is at no other time quicker than ``SHORTEST_NS``."""


def time_calls(call: Callable[[int], object], repetitions: int, inner: int) -> list[int]:
    """Return the nanoseconds of each repetition; a repetition is ``inner`` calls."""
    taken = []
    for repetition in range(repetitions):
        start = perf_counter_ns()
        for i in range(inner):
            call(repetition + i)  # fetches its output: an unread result is not a result
        taken.append(perf_counter_ns() - start)
    return taken


def calls_per_repetition(call: Callable[[int], object]) -> tuple[int, int]:
    """Return how many calls make the quickest of ten repetitions last 1 ms (TVM's ``min_repeat_ms``), and one's ns.

    Of a call that is far longer two are enough.
    """
    inner = 1
    if (once := min(time_calls(call, 2, inner))) >= LONG_NS:
        return inner, once
    while (quickest := min(time_calls(call, 10, inner))) < SHORTEST_NS:
        # A tenth more than needed, so that a slightly faster day does not fall below; the loop verifies it.
        inner = max(inner + 1, min(inner * 100, int(inner * SHORTEST_NS * 1.1 / max(quickest, 1))))
    return inner, quickest // inner
