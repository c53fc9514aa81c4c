"""How much of a product one step computes: rows of inputs times columns of weights, all sums in registers."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import Final

from stages.frameworks.tvm.schedule.rule.constants import Constants


@dataclass(frozen=True)
class Tile:
    """The rows and columns of one step."""

    rows: int
    columns: int


CACHE: Final = 768 * 1024
"""Bytes of weights that stay near a core while all inputs pass by: less than the second-level cache."""


def tile(rows: int, columns: int, depth: int, constants: Constants) -> Tile:
    """Return the tile of the lowest estimated cost for ``rows`` times ``columns`` results, sums of ``depth`` products.

    Larger tiles reuse more of what they load; sizes that divide waste nothing; of equal ones the wider wins, whose
    weights lie together.
    """
    found = [
        (cost(Tile(high, wide), rows, columns, constants), -wide, high)
        for wide in widths(columns, constants)
        if rows == 1 or wide <= constants.lanes or 4 * depth * wide <= CACHE
        for high in range(1, min(rows, constants.accumulators // vectors(wide, constants)) + 1)
    ]
    _, wide, high = min(found)
    return Tile(high, -wide)


def widths(columns: int, constants: Constants) -> list[int]:
    """Return the numbers of columns worth trying: whole vectors, and what divides when vectors do not."""
    whole = [constants.lanes * count for count in range(1, constants.vectors + 1)]
    exact = [wide for wide in range(1, constants.vectors * constants.lanes + 1) if columns % wide == 0]
    fits = {wide for wide in (*whole, *exact) if wide <= columns and vectors(wide, constants) <= constants.accumulators}
    return sorted(fits)


def lanes(columns: int, constants: Constants) -> int:
    """Return the numbers in one vector of a tile ``columns`` wide: all vectors of a tile are alike."""
    return gcd(columns, constants.lanes)


def vectors(columns: int, constants: Constants) -> int:
    """Return the registers that hold ``columns`` numbers."""
    return columns // lanes(columns, constants)


def cost(tile: Tile, rows: int, columns: int, constants: Constants) -> float:
    """Return the cycles per summand, in units of one multiply-add of a vector, for all rows and columns.

    A step multiplies as often as it has accumulators, but waits when they are too few; it loads a vector of weights per
    column and one number per row. What stands over the edge is computed in vain, and a bit slower.
    """
    wide = vectors(tile.columns, constants)
    sums = tile.rows * wide
    loads = tile.rows + wide
    step = max(sums, loads, constants.latency) + constants.row * tile.rows + constants.weight * wide
    steps = -(-rows // tile.rows) * -(-columns // tile.columns)
    over = (rows % tile.rows > 0) + 10 * (columns % tile.columns > 0)
    return step * steps * (1 + 0.1 * over)
