"""Convolutions by Winograd's way: tiles are turned, multiplied by the turned weights, and turned back.

Either all tiles at once, when the weights are larger than the tiles and should pass by only once; or strip by strip,
so that a strip stays in the cache from its inputs to its results.
"""

from __future__ import annotations

from math import prod
from typing import Any

from stages.frameworks.tvm.graph.winograd import BACK, INPUT, OUTPUT, PRODUCT, ROWS, STRIP, WINDOW
from stages.frameworks.tvm.schedule.rule.block import nest
from stages.frameworks.tvm.schedule.rule.constants import Constants
from stages.frameworks.tvm.schedule.rule.product import epilogue, pack
from stages.frameworks.tvm.schedule.rule.tile import lanes, tile


def winograd(schedule: Any, constants: Constants) -> None:
    """Schedule the function of one convolution, and what follows it element by element."""
    strips = smaller(schedule, schedule.get(schedule.get_sblock(PRODUCT)).reads)
    around = results(schedule, strips, constants)
    products(schedule, around, constants)
    inputs(schedule, around, constants)


def smaller(schedule: Any, reads: Any) -> bool:
    """Return whether the weights are smaller than the turned inputs."""
    data, weights = (prod(int(size) for size in read.source.shape) for read in reads)
    return weights < data


def results(schedule: Any, strips: bool, constants: Constants) -> Any | None:
    """Schedule the way back; return the loop over strips, None when all tiles are one."""
    after = epilogue(schedule, OUTPUT)
    found = nest(schedule, after or OUTPUT)
    assert found is not None
    seen, _, tiles, _ = (int(size) for size in schedule.get(schedule.get_sblock(INPUT)).writes[0].source.shape)
    edge = seen - 2
    across = tiles // (found.sizes[0] * -(-found.sizes[1] // edge))
    image, high, wide, filters = found.loops
    down, y = schedule.split(high, [None, edge])
    line, x = schedule.split(wide, [None, edge])
    vector, lane = schedule.split(filters, [None, lanes(found.sizes[-1], constants)])
    strip, column = schedule.split(line, [None, across // -(-across // STRIP)])
    schedule.reorder(image, down, strip, column, vector, y, x, lane)
    if strips:
        around = schedule.fuse(image, down, strip)
        schedule.parallel(around)
        within = vector
    else:
        around, within = None, schedule.fuse(image, down, strip, column, vector)
        schedule.parallel(within)
    finish(schedule, y, x, lane)
    for name in (*([OUTPUT] if after else []), BACK):
        schedule.compute_at(schedule.get_sblock(name), within, preserve_unit_loops=True)
        finish(schedule, *schedule.get_loops(schedule.get_sblock(name))[-3:])
    return around


def products(schedule: Any, around: Any | None, constants: Constants) -> None:
    """Schedule the products, one of matrices for each of a tile's inputs."""
    block = schedule.get_sblock(PRODUCT)
    if around is not None:
        schedule.compute_at(block, around, preserve_unit_loops=True)
    *_, first, second, rows, columns, depth = schedule.get_loops(block)
    high, wide, deep = (int(schedule.get(loop).extent) for loop in (rows, columns, depth))
    size = tile(high, wide, deep, constants)
    pack(schedule, block, size)
    vector = lanes(size.columns, constants)
    steps, row = schedule.split(rows, [None, size.rows])
    panel, count, lane = schedule.split(columns, [None, size.columns // vector, vector])
    schedule.reorder(first, second, panel, steps, depth, row, count, lane)
    if around is None:
        schedule.parallel(schedule.fuse(first, second, panel))
    finish(schedule, row, count, lane)
    schedule.decompose_reduction(block, depth)


def inputs(schedule: Any, around: Any | None, constants: Constants) -> None:
    """Schedule the way there: a tile's inputs, of as many channels as a vector has lanes, turned both ways."""
    block = schedule.get_sblock(INPUT)
    if around is not None:
        schedule.compute_at(block, around, preserve_unit_loops=True)
    *_, first, second, tiles, channels = schedule.get_loops(block)
    vector, lane = schedule.split(channels, [None, lanes(int(schedule.get(channels).extent), constants)])
    schedule.reorder(tiles, vector, first, second, lane)
    within = vector
    if around is None:
        within = schedule.fuse(tiles, vector)
        schedule.parallel(within)
    finish(schedule, first, second, lane)
    for name in (ROWS, WINDOW):
        schedule.compute_at(schedule.get_sblock(name), within, preserve_unit_loops=True)
        finish(schedule, *schedule.get_loops(schedule.get_sblock(name))[-3:])


def finish(schedule: Any, *loops: Any) -> None:
    """Write out all loops but the last, which is one vector."""
    *outer, lane = loops
    for loop in outer:
        schedule.unroll(loop)
    schedule.vectorize(lane)
