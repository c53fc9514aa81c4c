"""Products with sums: convolutions and matrix products, the work that models spend their time on.

A tile of results stays in vector registers while the sums run; weights are packed so that a step reads them in order;
what follows element by element (bias, activation, residual) is applied when the tile is written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any, Final

from stages.frameworks.tvm.schedule.rule.block import Nest, branches, nest, places
from stages.frameworks.tvm.schedule.rule.constants import Constants
from stages.frameworks.tvm.schedule.rule.elementwise import TAIL, whole
from stages.frameworks.tvm.schedule.rule.tile import Tile, lanes, tile

PACKED: Final = 'meta_schedule.layout_rewrite_preproc'
"""Marks a copy of a constant in another layout: TVM's passes move it out of the function and compute it once."""

LIGHT: Final = 64
"""Products per input, at most, beside which a copy of the input is a cost."""

BAND: Final = 8
"""Lines of results that are padded together, at most."""


def heaviest(schedule: Any, names: tuple[str, ...]) -> str | None:
    """Return the block that multiplies and sums two buffers and does most of the work; None where none does."""
    found = {name: nest(schedule, name) for name in names}
    products = {
        name: loops.volume for name, loops in found.items() if loops is not None and multiplies(schedule, loops)
    }
    return max(products, key=lambda name: products[name]) if products else None


def multiplies(schedule: Any, found: Nest) -> bool:
    """Return whether a block sums products of two buffers: ``sum += data * weights``."""
    from tvm.tirx import Add, BufferStore, Mul

    block = schedule.get(schedule.get_sblock(found.name))
    if not any(found.sums) or all(found.sums) or block.init is None or len(block.reads) != 2:
        return False
    return (
        isinstance(block.body, BufferStore)
        and isinstance(block.body.value, Add)
        and isinstance(block.body.value.b, Mul)
    )


def product(schedule: Any, name: str, constants: Constants) -> None:
    """Schedule the product ``name`` and what follows it element by element."""
    read_directly(schedule, name)
    after = epilogue(schedule, name)
    found = nest(schedule, name)
    assert found is not None
    block = schedule.get_sblock(name)
    reads = schedule.get(block).reads
    column = [index for index, sums in enumerate(found.sums) if not sums][-1]
    rows = row_axes(found, reads, column)
    result = schedule.cache_write(block, 0, 'global')
    inlined = after is None or write_with(schedule, after)
    if len(rows) > 1 and inlined:
        merge(schedule, block, result, found, rows)
        found = nest(schedule, name)
        assert found is not None
        column -= len(rows) - 1
        rows = rows[:1]
    else:
        rows = rows[-1:]
    high = found.sizes[rows[0]] if rows else 1
    depth = prod(length for length, summed in zip(found.sizes, found.sums, strict=True) if summed)
    size = tile(high, found.sizes[column], depth, constants)

    rows_over, columns_over = high % size.rows > 0, found.sizes[column] % size.columns > 0
    padding = None if columns_over else padded(schedule, found)
    pack(schedule, block, size)
    parts = tiled(schedule, found, rows, column, size, constants)
    if padding is not None and parts.others:
        parts = banded(schedule, parts)
    sums = [loop for loop, summed in zip(found.loops, found.sums, strict=True) if summed]
    schedule.reorder(*parts.outer, *sums, *parts.inner, parts.lane)
    shared, together = threads(schedule, parts, rows_over, columns_over)
    if parts.lines:
        schedule.compute_at(schedule.get_sblock(padding), shared, preserve_unit_loops=True)
        vectors(schedule, schedule.get_sblock(padding), constants)
    schedule.reverse_compute_at(result, together, preserve_unit_loops=True)
    vectors(schedule, result, constants)
    if not inlined:
        schedule.reverse_compute_at(schedule.get_sblock(after), together, preserve_unit_loops=True)
        vectors(schedule, schedule.get_sblock(after), constants)
    schedule.vectorize(parts.lane)
    for loop in parts.inner:
        schedule.unroll(loop)
    schedule.decompose_reduction(block, sums[0])


def read_directly(schedule: Any, name: str) -> None:
    """Take away blocks that only copy what the product reads: padding by nothing."""
    for producer in schedule.get_producers(schedule.get_sblock(name)):
        block = schedule.get(producer)
        found = nest(schedule, block.name_hint)
        copies = hasattr(getattr(block.body, 'value', None), 'indices')
        if copies and found is not None and whole(schedule, found):
            schedule.compute_inline(producer)


def epilogue(schedule: Any, name: str) -> str | None:
    """Join what follows the product, element by element, into one block, and return its name; None if nothing does.

    What takes only a part of the product, as a slice does, does not follow it element by element.
    """
    last = None
    current = name
    own = nest(schedule, name)
    assert own is not None
    results = prod(size for size, summed in zip(own.sizes, own.sums, strict=True) if not summed)
    while True:
        users = schedule.get_consumers(schedule.get_sblock(current))
        if len(users) != 1:
            return last
        following = schedule.get(users[0]).name_hint
        found = nest(schedule, following)
        if found is None or any(found.sums) or found.volume != results:
            return last
        if last is not None:
            schedule.compute_inline(schedule.get_sblock(last))
        last = current = following


def row_axes(found: Nest, reads: Any, column: int) -> tuple[int, ...]:
    """Return the axes that a tile's rows are cut from.

    All that index the data directly and the weights not at all, when they stand together (the places of a 1x1
    convolution, the rows of a matrix); else the innermost one that is longer than one.
    """
    kept = [index for index in range(column) if not found.sums[index]]
    direct = [index for index in kept if not places(reads[1], found.axes[index]) and plain(reads[0], found, index)]
    suffix: list[int] = []
    for index in reversed(kept):
        if index not in direct:
            break
        suffix.insert(0, index)
    if len(suffix) > 1:
        return tuple(suffix)
    long = [index for index in kept if found.sizes[index] > 1 and not places(reads[1], found.axes[index])]
    return tuple(long[-1:] or kept[-1:])


def plain(region: Any, found: Nest, index: int) -> bool:
    """Return whether an axis is an index of ``region`` as it is, or with nothing but axes of length one added."""
    from tvm.tirx import Add

    axis = found.axes[index]
    ones = [other for other, size in zip(found.axes, found.sizes, strict=True) if size == 1]
    return any(
        part.min.same_as(axis)
        or (isinstance(part.min, Add) and part.min.a.same_as(axis) and any(part.min.b.same_as(one) for one in ones))
        for part in region.region
    )


@dataclass(frozen=True)
class Parts:
    """The kept loops of a product, cut into tiles."""

    columns: Any
    """Over the tiles of weights. Outermost: they stay in the cache while all inputs pass by."""

    others: tuple[Any, ...]
    lines: tuple[Any, ...]
    """Over the lines of a band that is padded by itself."""

    steps: Any
    """Over the tiles of inputs."""

    inner: tuple[Any, ...]
    """Over the rows and the vectors of one tile."""

    lane: Any
    """Over one vector."""

    @property
    def outer(self) -> tuple[Any, ...]:
        """All loops around a tile."""
        return (self.columns, *self.others, *self.lines, self.steps)


def tiled(schedule: Any, found: Nest, rows: tuple[int, ...], column: int, size: Tile, constants: Constants) -> Parts:
    """Cut rows and columns into tiles of ``size``."""
    wide = lanes(size.columns, constants)
    columns, count, lane = schedule.split(found.loops[column], [None, size.columns // wide, wide])
    taken = (*rows, column)
    others = tuple(loop for index, loop in enumerate(found.loops) if not found.sums[index] and index not in taken)
    if rows:
        row = schedule.fuse(*(found.loops[index] for index in rows)) if len(rows) > 1 else found.loops[rows[0]]
    else:
        row = schedule.add_unit_loop(columns)
    steps, high = schedule.split(row, [None, size.rows])
    return Parts(columns, others, (), steps, (high, count), lane)


def padded(schedule: Any, found: Nest) -> str | None:
    """Return the block that pads what the product reads, if the product does so little that padding counts."""
    for producer in schedule.get_producers(schedule.get_sblock(found.name)):
        name = str(schedule.get(producer).name_hint)
        copy = nest(schedule, name)
        if copy is not None and branches(schedule, name) and found.volume <= LIGHT * copy.volume:
            return name
    return None


def banded(schedule: Any, parts: Parts) -> Parts:
    """Cut an image into bands of lines, each of them padded where it is used: in the cache, not in memory."""
    *images, line = parts.others
    high = int(schedule.get(line).extent)
    height = max(size for size in range(1, min(high, BAND) + 1) if high % size == 0)
    if 2 * height < min(high, BAND):
        height = high
    band, within = schedule.split(line, [None, height])
    return replace(parts, others=(*images, band), lines=(within,))


def threads(schedule: Any, parts: Parts, rows_over: bool, columns_over: bool) -> tuple[Any, Any]:
    """Give the outer loops to threads; return the loop over their work, and the one in which a tile is computed.

    A loop whose last tile stands over the edge stays by itself, so that TVM can split that tile off.
    """
    for loop, over in ((parts.steps, rows_over), (parts.columns, columns_over)):
        if over:
            schedule.annotate(loop, TAIL, 1)
    shared = [*([] if columns_over else [parts.columns]), *parts.others]
    if not rows_over and not parts.lines:
        shared.append(parts.steps)
    if not shared:
        schedule.parallel(parts.columns)
        return parts.columns, parts.steps
    together = schedule.fuse(*shared)
    schedule.parallel(together)
    return together, parts.steps if rows_over or parts.lines else together


def vectors(schedule: Any, block: Any, constants: Constants) -> None:
    """Write a tile in vectors."""
    loop = schedule.get_loops(block)[-1]
    wide = lanes(int(schedule.get(loop).extent), constants)
    if wide > 1:
        schedule.vectorize(schedule.split(loop, [None, wide])[-1])


def pack(schedule: Any, block: Any, size: Tile) -> None:
    """Lay constant weights out as the tiles read them: all that one column of tiles needs, in order."""
    weights = schedule.get(block).reads[1].source
    wide = size.columns
    if weights.name not in free(schedule) or len(weights.shape) < 2 or int(weights.shape[-1]) % wide:
        return
    copy = schedule.cache_read(block, 1, 'global')
    schedule.transform_layout(block, ('read', 1), lambda *index: [index[-1] // wide, *index[:-1], index[-1] % wide])
    schedule.annotate(copy, PACKED, True)


def free(schedule: Any) -> tuple[str, ...]:
    """Return the names of the parameters whose layout the function may choose."""
    function = schedule.mod['main']
    marked = function.attrs.get('layout_free_buffers', []) if function.attrs else []
    return tuple(function.params[int(index)].name for index in marked)


def write_with(schedule: Any, after: str) -> bool:
    """Apply block ``after`` while a tile is written; return whether its indices allow that."""
    try:
        schedule.reverse_compute_inline(schedule.get_sblock(after))
    except RuntimeError:
        return False
    return True


def merge(schedule: Any, block: Any, result: Any, found: Nest, rows: tuple[int, ...]) -> None:
    """Make the rows one axis: of the product, of its tile in registers, and of the block that writes it out.

    A tile that begins in the middle of an image's line and ends in the next is then still one piece.
    """
    from tvm.tirx import IndexMap

    first, last = rows[0], rows[-1]

    def merged(*index: Any) -> list[Any]:
        row = index[first]
        for axis in range(first + 1, last + 1):
            row = row * found.sizes[axis] + index[axis]
        return [*index[:first], row, *index[last + 1 :]]

    schedule.transform_layout(block, ('write', 0), merged)
    for each in (block, result):
        axes = len(schedule.get(each).iter_vars)
        schedule.transform_block_layout(each, IndexMap.from_func(merged, ndim=axes, index_dtype='int64'))
