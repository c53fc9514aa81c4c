"""The kernel of an integer product: bytes in, sums in registers, and out of them bytes again, all in one function.

``vpdpbusd`` multiplies 64 unsigned bytes with 64 signed ones and adds groups of four to 16 sums. TVM's own name for it
does not fit the LLVM inside it, which wants the bytes as bytes, so the call is written out here.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any, Final

from stages.frameworks.tvm.graph.int8.product import BYTES, LANES, Product, Tile, panels

DOT: Final = 'llvm.x86.avx512.vpdpbusd.512'

OPAQUE: Final = 8
"""TVM's number for functions that are never fused with their neighbours."""


@dataclass(frozen=True)
class Result:
    """What becomes of a sum: itself (``int32``), times a factor (``float32``), or rounded to a byte (``uint8``)."""

    dtype: str
    zero: int = 0

    low: float = -inf
    high: float = inf
    """Where it is cut off, in what it becomes."""


def function(product: Product, tile: Tile, zero: int, result: Result) -> Any:
    """Return the function of: input, weights by panel, first sums by panel, factors by panel; the output.

    ``zero`` is the byte that stands for zero in the input. Tiles of one row and panel run on one thread.
    """
    from tvm.script.ir_builder import IRBuilder
    from tvm.tirx.script import builder as tir

    high, wide = product.output
    cut, slices = panels(product, tile), product.sections * panels(product, tile)
    rows, columns = -(-high // tile.high), -(-wide // tile.wide)
    with IRBuilder() as built, tir.prim_func(is_private=True, s_tir=True):
        tir.func_attr({'tirx.noalias': True, 'tirx.is_scheduled': True, 'op_pattern': OPAQUE})
        image = (product.batch, product.height, product.width, product.channels)
        source = tir.arg('source', tir.buffer(image, 'uint8'))
        weights = tir.arg('weights', tir.buffer((slices, *product.kernel, product.steps, tile.filters * BYTES), 'int8'))
        bias = tir.arg('bias', tir.buffer((slices, tile.filters), 'int32'))
        factors = tir.arg('factors', tir.buffer((slices, tile.filters), 'float32'))
        output = tir.arg('output', tir.buffer((product.batch, high, wide, product.filters), result.dtype))
        with tir.sblock('root'):
            sums = tir.sblock_alloc_buffer((tile.pixels, tile.filters), 'int32', scope='local')
            spare = tir.sblock_alloc_buffer((LANES,), result.dtype, scope='local')
            framed = frame(tir, product, source, zero) if product.copied else source
            with tir.parallel(0, slices * product.batch * rows) as part, tir.sblock('product'):
                panel, line = part // (product.batch * rows), part % (product.batch * rows)
                first = panel // cut * product.section_filters + tir.min(
                    panel % cut * tile.filters, max(product.section_filters - tile.filters, 0)
                )
                top = tir.min(line % rows * tile.high, high - tile.high)
                with tir.serial(0, columns) as column:
                    left = tir.min(column * tile.wide, wide - tile.wide)
                    at = Place(line // rows, top, left, panel, panel // cut, first)
                    Body(tir, product, tile, at, sums).run(framed, weights, bias)
                    Ending(tir, product, tile, at, sums, result).run(output, factors, spare)
    return built.get()


def frame(tir: Any, product: Product, source: Any, zero: int) -> Any:
    """Write the input into a larger image, ``zero`` around it and in the channels that fill up; return that image."""
    top, left, bottom, right = product.padding
    high, wide = product.height + top + bottom, product.width + left + right
    filled = product.section_channels * product.sections
    framed = tir.sblock_alloc_buffer((product.batch, high, wide, filled), 'uint8')
    own, kept = product.channels // product.sections, product.section_channels
    with tir.parallel(0, product.batch * high) as line, tir.sblock('frame'):
        image, row = line // high, line % high - top

        def blank(first: int, count: int) -> None:
            with tir.grid(count, filled) as (x, channel):
                tir.buffer_store(framed, tir.uint8(zero), [image, row + top, first + x, channel])

        with tir.If(tir.And(row >= 0, row < product.height)):
            with tir.Then():
                blank(0, left)
                if kept > own:
                    blank(left, product.width)
                with tir.grid(product.width, product.sections, own) as (x, section, channel):
                    value = source[image, row, x, section * own + channel]
                    tir.buffer_store(framed, value, [image, row + top, left + x, section * kept + channel])
                blank(left + product.width, right)
            with tir.Else():
                blank(0, wide)
    return framed


@dataclass(frozen=True)
class Place:
    """Where a tile lies: expressions of the loops around it."""

    image: Any
    top: Any
    left: Any
    panel: Any
    section: Any
    filter: Any
    """The first output channel."""


@dataclass(frozen=True)
class Body:
    """The sums of one tile: every pixel and vector a register, the statements written out."""

    tir: Any
    product: Product
    tile: Tile
    at: Place
    sums: Any

    def run(self, image: Any, weights: Any, bias: Any) -> None:
        """Begin with ``bias``, then go over the window and the input channels."""
        tir, tile, at = self.tir, self.tile, self.at
        spots = [(p, v) for p in range(tile.pixels) for v in range(tile.vectors)]
        for pixel, vector in spots:
            tir.buffer_store(self.sums, bias[at.panel, ramp(tir, vector * LANES)], self.spot(pixel, vector))
        with tir.grid(*self.product.kernel, self.product.steps) as (dy, dx, step):
            width = LANES * BYTES
            columns = [weights[at.panel, dy, dx, step, ramp(tir, v * width, width)] for v in range(tile.vectors)]
            for pixel in range(tile.pixels):
                y, x = divmod(pixel, tile.wide)
                taken = [self.taken(image, y, x, dy, dx, step, vector) for vector in range(tile.vectors)]
                for vector, column in enumerate(columns):
                    spot = self.spot(pixel, vector)
                    dot = tir.call_llvm_pure_intrin('int32x16', DOT, self.sums[*spot], taken[vector], column)
                    tir.buffer_store(self.sums, dot, spot)

    def spot(self, pixel: int, vector: int) -> list[Any]:
        """Return the index of a register."""
        return [pixel, ramp(self.tir, vector * LANES)]

    def taken(self, image: Any, y: int, x: int, dy: Any, dx: Any, step: Any, vector: int) -> Any:
        """Return the 64 bytes that meet the weights: four channels for all lanes; depthwise, each lane's own one."""
        tir, product, at = self.tir, self.product, self.at
        row = (at.top + y) * product.stride[0] + dy * product.dilation[0]
        column = (at.left + x) * product.stride[1] + dx * product.dilation[1]
        if product.depthwise:
            lanes = tir.Cast('int32x16', image[at.image, row, column, ramp(tir, at.filter + vector * LANES)])
        else:
            first = at.section * product.section_channels + step * BYTES
            four = tir.reinterpret('int32', image[at.image, row, column, ramp(tir, first, BYTES)])
            lanes = tir.Broadcast(four, LANES)
        return tir.reinterpret('uint8x64', lanes)


@dataclass(frozen=True)
class Ending:
    """What is written of one tile."""

    tir: Any
    product: Product
    tile: Tile
    at: Place
    sums: Any
    result: Result

    def run(self, output: Any, factors: Any, spare: Any) -> None:
        """Write every sum, as the result wants it; ``spare`` takes the vector of which only some lanes exist."""
        tir, at = self.tir, self.at
        present = min(self.product.section_filters, LANES)
        for pixel in range(self.tile.pixels):
            y, x = divmod(pixel, self.tile.wide)
            for vector in range(self.tile.vectors):
                lanes = ramp(tir, vector * LANES)
                value = self.ended(self.sums[pixel, lanes], factors[at.panel, lanes])
                place, first = (at.image, at.top + y, at.left + x), at.filter + vector * LANES
                if present == LANES:
                    tir.buffer_store(output, value, [*place, ramp(tir, first)])
                    continue
                tir.buffer_store(spare, value, [ramp(tir, 0)])
                for lane in range(present):
                    tir.buffer_store(output, spare[lane], [*place, first + lane])

    def ended(self, total: Any, factor: Any) -> Any:
        """Return what becomes of 16 sums; a tie goes to the even byte, as ONNX has it."""
        tir, result = self.tir, self.result
        if result.dtype == 'int32':
            return total
        value = tir.Cast('float32x16', total) * factor
        if result.dtype == 'uint8':
            value = tir.nearbyint(value) + every(tir, result.zero)
        if result.high < inf:
            value = tir.min(value, every(tir, result.high))
        if result.low > -inf:
            value = tir.max(value, every(tir, result.low))
        if result.dtype == 'float32':
            return value
        return tir.Cast('uint8x16', tir.Cast('int32x16', value))


def ramp(tir: Any, first: Any, count: int = LANES) -> Any:
    """Return the indices of ``count`` neighbours."""
    return tir.ramp(first, 1, count)


def every(tir: Any, value: float) -> Any:
    """Return ``value`` in every lane."""
    return tir.Broadcast(tir.float32(value), LANES)
