"""A whole request, in three laps: the Python before the model, the model, the Python after it.

Measured in the cycle, behind its other passes, so that what this Python imports and allocates is in none of their
figures. Each lap is of the same request, one after the other: what the one leaves in the cache, the next one finds.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from stages.contract.port import Contract
from stages.errors import StepError
from stages.sources import around

if TYPE_CHECKING:
    import numpy

WARM = 3
"""Requests that go first, untimed."""


def laps(
    folder: Path,
    contract: Contract,
    run: Callable[[Mapping[str, numpy.ndarray]], Mapping[str, numpy.ndarray]],
    repetitions: int,
) -> dict[str, Any]:
    """Return ``before_ns``, ``model_ns`` and ``after_ns`` of as many requests; why not, where the Python fails.

    That is no failure of the model: ``around_failed`` says it, and all else in the cycle stands.
    """
    try:
        found = around.read(folder, contract)
        taken: list[tuple[int, int, int]] = []
        gc.collect()
        gc.disable()
        for number in range(WARM + repetitions):
            request = found.requests[number % len(found.requests)]
            start = perf_counter_ns()
            feed = found.before(request)
            fed = perf_counter_ns()
            outputs = run(feed)
            ran = perf_counter_ns()
            if found.after:
                found.after(outputs)
            done = perf_counter_ns()
            taken.append((fed - start, ran - fed, done - ran if found.after else 0))
    except StepError as error:
        return {'around_failed': str(error)}
    except Exception as error:  # an engine that takes no such sizes, in its own words
        return {'around_failed': f'the engine refused what `before` made: {type(error).__name__}: {str(error)[:300]}'}
    finally:
        gc.enable()
    before, model, after = (list(lap) for lap in zip(*taken[WARM:], strict=True))
    return {'before_ns': before, 'model_ns': model, 'after_ns': after}
