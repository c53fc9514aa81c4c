"""Sums, maxima and means that no weights take part in: pooling, softmax, normalisation."""

from __future__ import annotations

from typing import Any

from stages.frameworks.tvm.schedule.rule.block import Nest
from stages.frameworks.tvm.schedule.rule.constants import Constants
from stages.frameworks.tvm.schedule.rule.elementwise import TAIL, THREADED, width


def reduction(schedule: Any, found: Nest, constants: Constants) -> None:
    """Schedule a block that reduces, under its own loops.

    Where the innermost kept axis is also the one that lies together in memory (channels last), vectors run along it;
    where the reduced axis lies together (a row of a softmax), partial results of one vector are kept and then joined.
    """
    kept = [index for index, sums in enumerate(found.sums) if not sums]
    summed = [index for index, sums in enumerate(found.sums) if sums]
    if not kept:
        return
    block = schedule.get_sblock(found.name)
    if along(schedule, found, kept[-1]) and found.sizes[kept[-1]] > 1:
        across(schedule, block, found, kept, summed, constants)
    elif along(schedule, found, summed[-1]) and found.sizes[summed[-1]] >= 2 * constants.lanes:
        inside(schedule, block, found, kept, summed, constants)
    elif found.volume >= THREADED:
        schedule.parallel(schedule.fuse(*(found.loops[index] for index in kept)))


def along(schedule: Any, found: Nest, index: int) -> bool:
    """Return whether the first buffer that the block reads is laid out along axis ``index``."""
    reads = schedule.get(schedule.get_sblock(found.name)).reads
    return bool(reads) and reads[0].region[-1].min.same_as(found.axes[index])


def across(schedule: Any, block: Any, found: Nest, kept: list[int], summed: list[int], constants: Constants) -> None:
    """Reduce vectors: sums outside, kept numbers side by side inside."""
    size = found.sizes[kept[-1]]
    wide = width(size, constants)
    rest, inner = schedule.split(found.loops[kept[-1]], [None, wide])
    outer = [*(found.loops[index] for index in kept[:-1]), rest]
    schedule.reorder(*outer, *(found.loops[index] for index in summed), inner)
    if size % wide:
        schedule.annotate(rest, TAIL, 1)
        outer = outer[:-1]
    schedule.vectorize(inner)
    first = found.loops[summed[0]]
    if outer and found.volume >= THREADED:
        schedule.parallel(schedule.fuse(*outer))
    schedule.decompose_reduction(block, first)


def inside(schedule: Any, block: Any, found: Nest, kept: list[int], summed: list[int], constants: Constants) -> None:
    """Reduce along memory: as many partial results as a vector has lanes, joined at the end of each row."""
    size = found.sizes[summed[-1]]
    wide = next((wide for wide in (2 * constants.lanes, constants.lanes, constants.lanes // 2) if size % wide == 0), 0)
    outer = schedule.fuse(*(found.loops[index] for index in kept))
    if found.volume >= THREADED:
        schedule.parallel(outer)
    if not wide:
        return
    _, lane = schedule.split(found.loops[summed[-1]], [None, wide])
    partial = schedule.rfactor(lane, factor_axis=0)
    schedule.compute_at(partial, outer, preserve_unit_loops=True)
    loops = schedule.get_loops(partial)
    # compute_at gives the kept axes unit loops, then the lane, then the sums, in an order of its own: ask the block.
    axes = schedule.get(partial).iter_vars
    own = loops[len(loops) - len(axes) :]
    sums = [loop for loop, axis in zip(own, axes, strict=True) if axis.iter_type == 2]
    lanes = [loop for loop, axis in zip(own, axes, strict=True) if axis.iter_type == 0]
    wide_loop = next(loop for loop in lanes if int(schedule.get(loop).extent) == wide)
    schedule.reorder(*(loop for loop in lanes if loop is not wide_loop), *sums, wide_loop)
    schedule.vectorize(wide_loop)
    schedule.decompose_reduction(partial, sums[0])
    schedule.decompose_reduction(block, schedule.get_loops(block)[-1])
