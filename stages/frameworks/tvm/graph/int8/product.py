"""The sizes of one integer product, and how it is cut into what the registers hold.

A convolution and a matrix multiplication are the same product here: the rows of a matrix are the pixels of an image
that is one pixel high, and its window is one pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LANES: Final = 16
"""Sums in a register: output channels of one pixel."""

BYTES: Final = 4
"""Products that one lane adds up in one instruction: input channels that lie side by side."""

REGISTERS: Final = 32


@dataclass(frozen=True)
class Product:
    """A convolution of bytes, channels last. ``kernel``, ``stride``, ``dilation``, ``output``: height, then width."""

    batch: int
    height: int
    width: int
    channels: int
    filters: int
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)

    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Above, left, below, right; filled with what stands for zero."""

    groups: int = 1

    @property
    def depthwise(self) -> bool:
        """Whether every channel is a group: then a lane takes one byte of its own channel."""
        return 1 < self.groups == self.channels == self.filters

    @property
    def output(self) -> tuple[int, int]:
        """Pixels of the result."""
        top, left, bottom, right = self.padding
        padded = (self.height + top + bottom, self.width + left + right)
        reach = [(k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True)]
        high, wide = ((p - r) // s + 1 for p, r, s in zip(padded, reach, self.stride, strict=True))
        return high, wide

    @property
    def sections(self) -> int:
        """Parts whose filters read the same input channels."""
        return 1 if self.depthwise else self.groups

    @property
    def section_filters(self) -> int:
        """Output channels of a section."""
        return self.filters // self.sections

    @property
    def section_channels(self) -> int:
        """Input channels that a section reads, filled up to whole steps."""
        step = LANES if self.depthwise else BYTES
        channels = self.channels // self.sections
        return max(channels, step) if self.depthwise else -(-channels // step) * step

    @property
    def steps(self) -> int:
        """Instructions for one window position and sum."""
        return 1 if self.depthwise else self.section_channels // BYTES

    @property
    def copied(self) -> bool:
        """Whether the input is copied first: into a frame of zeros, or with more channels."""
        return any(self.padding) or self.section_channels * self.sections != self.channels


@dataclass(frozen=True)
class Tile:
    """The outputs that are computed together: ``high`` x ``wide`` pixels of ``vectors`` x 16 channels, a sum each."""

    high: int
    wide: int
    vectors: int

    @property
    def pixels(self) -> int:
        """Pixels of a tile."""
        return self.high * self.wide

    @property
    def filters(self) -> int:
        """Output channels of a tile: the width of a panel of weights."""
        return self.vectors * LANES

    @property
    def registers(self) -> int:
        """Registers in use: sums, weights, and one for the pixel."""
        return self.pixels * self.vectors + self.vectors + 1


def tile_for(product: Product) -> Tile:
    """Return the cheapest tile that fits; where it does not divide the output, the last one overlaps the one before."""
    high, wide = product.output
    fits = [
        tile
        for vectors in (1, 2, 4)
        if vectors * LANES <= max(product.section_filters, LANES)
        for tall in range(1, min(high, REGISTERS) + 1)
        for broad in range(1, min(wide, REGISTERS) + 1)
        if (tile := Tile(tall, broad, vectors)).registers <= REGISTERS
    ]
    return min(fits, key=lambda tile: (cost(product, tile), tile.registers))


def cost(product: Product, tile: Tile) -> float:
    """Return about how many cycles the product takes: two multiplications, two loads; results come after four."""
    high, wide = product.output
    tiles = -(-high // tile.high) * -(-wide // tile.wide) * panels(product, tile)
    sums = tile.pixels * tile.vectors
    loads = tile.vectors + (sums if product.depthwise else tile.pixels)
    step = max(sums / 2, loads / 2, 4) + 1  # and the loop
    return tiles * (step * product.steps * product.kernel[0] * product.kernel[1] + 5 * sums + 10)


def panels(product: Product, tile: Tile) -> int:
    """Return how many panels of weights a section has; the last one overlaps the one before, too."""
    return -(-product.section_filters // tile.filters)


def first_filter(product: Product, tile: Tile, panel: int) -> int:
    """Return the first filter of a panel, counted in its section."""
    return min(panel * tile.filters, max(product.section_filters - tile.filters, 0))
