"""What a cycle times, by MLPerf's names. ``single-stream`` is the loop of ``clock``; here are the other two.

``offline``: all requests are at hand; what counts is the wall time of them all, with as many in flight as the engine
is set to. ``server``: requests come as a Poisson process; what counts is the highest rate at which nine of ten are
answered within a bound, counted from when they came. Both are measured; neither is derived from a latency.
(mlcommons/inference_policies, inference_rules.adoc: "Scenarios"; MLPerf bounds the 99th percentile over some 270,000
requests, which is right for a submission: of some hundred, only the 90th is known.)
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Final

from stages.contract.engine import Line
from stages.errors import StepError

if TYPE_CHECKING:
    import numpy

Feeds = Sequence[Mapping[str, 'numpy.ndarray']]

IN_TIME: Final = 0.9
"""The share of requests that is answered within the bound."""

DEEP: Final = 16
"""Requests of a pass for each one in flight, at least: the first and the last ones find the line half empty."""

HALVINGS: Final = 7
"""Trials of the search for a rate: it ends within a hundredth of the most that the line can do."""


@dataclass(frozen=True)
class Timed:
    """What a scenario leaves."""

    time_ns: list[int]
    inner: int
    more: dict[str, Any] = field(default_factory=dict)


def offline(line: Line, feeds: Feeds, requests: int) -> Timed:
    """Return the wall time of one pass of ``requests``, or of as many as fill the line."""
    count = max(requests, DEEP * line.requests)
    return Timed([_pass(line, feeds, count)], count, {'in_flight': line.requests})


def server(line: Line, feeds: Feeds, requests: int, bound_ns: int, seed: int) -> Timed:
    """Return the time between two requests at the highest rate that keeps the bound, and every trial of the search.

    Raises StepError when no rate does: a request that finds the line empty is late already.
    """
    most = 1e9 * (count := max(requests, DEEP * line.requests)) / _pass(line, feeds, count)
    draw = random.Random(seed)
    gaps = [draw.expovariate(1) for _ in range(requests)]
    trials: list[dict[str, Any]] = []
    kept, refused = 0.0, most * 2 ** (1 / HALVINGS)
    for _ in range(HALVINGS):
        rate = (kept + refused) / 2
        taken = _arrivals(line, feeds, [gap / rate for gap in gaps], bound_ns)
        slow = _within(taken, requests)
        trials.append({'rate': rate, 'p90_ns': slow, 'answered': len(taken)})
        kept, refused = (rate, refused) if slow is not None and slow <= bound_ns else (kept, rate)
    if not kept:
        said = min((trial['p90_ns'] for trial in trials if trial['p90_ns']), default=None)
        words = f'at {trials[-1]["rate"]:.3g} requests a second '
        words += f'nine of ten took up to {said / 1e6:.3g} ms' if said else 'more than one of ten was late'
        raise StepError(f'no rate keeps the latency bound of {bound_ns / 1e6:g} ms: {words}')
    return Timed([round(1e9 / kept)], 1, {'in_flight': line.requests, 'bound_ns': bound_ns, 'trials': trials})


def warm_up(line: Line, feeds: Feeds, runs: int, seconds: float) -> list[int]:
    """Fill the line until both bounds are reached; return the wall time of each filling."""
    taken: list[int] = []
    start = perf_counter_ns()
    while len(taken) * line.requests < runs or perf_counter_ns() - start < seconds * 1e9:
        taken.append(_pass(line, feeds, line.requests))
    return taken


def answer(line: Line, feed: Mapping[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
    """Return the answer to one request that goes through the line."""
    found: list[dict[str, numpy.ndarray]] = []
    line.submit(feed, found.append)
    line.drain()
    return found[0]


def _pass(line: Line, feeds: Feeds, count: int) -> int:
    """Return the nanoseconds that ``count`` requests take which are all at hand."""
    answered: list[int] = []
    start = perf_counter_ns()
    for i in range(count):
        line.submit(feeds[i % len(feeds)], lambda outputs: answered.append(len(outputs)))
    line.drain()
    taken = perf_counter_ns() - start
    if len(answered) != count:
        raise StepError(f'of {count} requests {len(answered)} were answered')
    return taken


def _arrivals(line: Line, feeds: Feeds, gaps: Sequence[float], bound_ns: int) -> list[int]:
    """Return how long each request took from when it came, though it had to wait for its turn.

    Ends early when so many are late that the rest cannot mend it.
    """
    taken: list[int] = []
    lost = len(gaps) - math.ceil(len(gaps) * IN_TIME)
    due = perf_counter_ns()
    for i, gap in enumerate(gaps):
        due += round(gap * 1e9)
        if (early := due - perf_counter_ns()) > 0:
            time.sleep(early / 1e9)

        def done(_: object, came: int = due) -> None:
            taken.append(perf_counter_ns() - came)

        line.submit(feeds[i % len(feeds)], done)
        if sum(one > bound_ns for one in list(taken)) > lost:
            break
    line.drain()
    return taken


def _within(taken: Sequence[int], asked: int) -> int | None:
    """Return the time within which nine of ten were answered; None when the trial was ended."""
    return sorted(taken)[math.ceil(asked * IN_TIME) - 1] if len(taken) == asked else None
