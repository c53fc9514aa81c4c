"""Element by element: no sums. Outer loops in threads, the innermost in vectors; also moves, pads and transposes."""

from __future__ import annotations

from typing import Any, Final

from stages.frameworks.tvm.schedule.rule.block import Nest, branches, looks_up, scalar
from stages.frameworks.tvm.schedule.rule.constants import Constants

THREADED: Final = 16384
"""Results below which starting threads costs more than it saves."""

TAIL: Final = 'pragma_loop_partition_hint'
"""Tells TVM to split a loop where a condition on it ends, so that the last, partial step does not slow the others."""


def elementwise(schedule: Any, found: Nest, constants: Constants) -> None:
    """Schedule a block without sums under its own loops."""
    *outer, inner = found.loops
    if whole(schedule, found):
        outer, inner = [], schedule.fuse(*found.loops)
        size = found.volume
    else:
        size = found.sizes[-1]
    wide = 1 if scalar(schedule, found.name) else width(size, constants)
    if 1 < wide < size:
        rest, inner = schedule.split(inner, [None, wide])
        if size % wide:
            # TVM would mistake a condition of the model for that of the tail, and compares it with an index of 64 bits
            if not branches(schedule, found.name) and not looks_up(schedule, found.name):
                schedule.annotate(rest, TAIL, 1)
            outer_loops = outer
        else:
            outer_loops = [*outer, rest]
    else:
        rest, outer_loops = None, outer
    if outer_loops and found.volume >= THREADED:
        schedule.parallel(schedule.fuse(*outer_loops))
    if wide > 1:
        schedule.vectorize(inner)


def whole(schedule: Any, found: Nest) -> bool:
    """Return whether the block reads and writes its buffers in one go, index for index."""
    block = schedule.get(schedule.get_sblock(found.name))
    return len(found.loops) > 1 and all(straight(part, found) for part in (*block.reads, *block.writes))


def straight(region: Any, found: Nest) -> bool:
    """Return whether a region's indices are the block's axes in order, and the buffer has their sizes."""
    same = len(region.region) == len(found.axes)
    return same and all(
        part.min.same_as(axis) and int(size) == length
        for part, axis, size, length in zip(region.region, found.axes, region.source.shape, found.sizes, strict=True)
    )


def width(size: int, constants: Constants) -> int:
    """Return how many elements one vector operation takes: up to four registers, what divides before what does not."""
    lanes = constants.lanes
    if size <= 2 * lanes:
        return size
    return next((wide for wide in (4 * lanes, 2 * lanes, lanes) if size % wide == 0), lanes)
