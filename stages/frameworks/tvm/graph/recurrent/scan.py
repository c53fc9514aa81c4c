"""The sizes of a recurrent layer, and how its loop over time is cut into panels of hidden units for a target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from stages.frameworks.tvm.target import Target

Cell = Literal['LSTM', 'GRU', 'RNN']

GATES: Final[dict[Cell, int]] = {'LSTM': 4, 'GRU': 3, 'RNN': 1}
"""In ONNX's order: input, output, forget, cell; update, reset, hidden; the only one."""

BUSY: Final = 8
"""Sums that go on at once in a processor: with fewer, each waits for the one before."""


@dataclass(frozen=True)
class Scan:
    """A layer's sizes and its cut."""

    cell: Cell
    time: int
    batch: int
    hidden: int

    backwards: tuple[bool, ...]
    """For every direction, whether it begins at the last step."""

    lanes: int
    """Hidden units of one vector."""

    vectors: int
    """Vectors of hidden units in one panel, which has all gates of its units."""

    rows: int
    """Samples of the batch that are computed together: they share the reading of the weights."""

    late_reset: bool = False
    """A GRU that resets the product of the hidden state, not the state: ONNX's ``linear_before_reset``."""

    @property
    def gates(self) -> int:
        """Sums for every hidden unit."""
        return GATES[self.cell]

    @property
    def directions(self) -> int:
        """1 or 2."""
        return len(self.backwards)

    @property
    def width(self) -> int:
        """Hidden units of one panel."""
        return self.vectors * self.lanes

    @property
    def panels(self) -> int:
        """Panels that hold all hidden units; the last is filled up with units whose weights are zero."""
        return -(-self.hidden // self.width)

    @property
    def states(self) -> int:
        """Arrays that a step hands to the next: ``h``, and the ``c`` of an LSTM."""
        return 2 if self.cell == 'LSTM' else 1


def cut(cell: Cell, batch: int, hidden: int, target: Target) -> tuple[int, int]:
    """Return the vectors of a panel, and the rows: their sums fit into the target's registers, and waste least."""
    gates, needed = GATES[cell], -(-hidden // target.lanes)
    room = target.registers * 3 // 4  # the others hold weights and a broadcast state
    tiles = -(-batch // (room // gates))
    rows = -(-batch // tiles)

    def cost(vectors: int) -> tuple[float, int]:
        computed = -(-needed // vectors) * vectors
        return computed * max(1.0, BUSY / (vectors * gates * rows)), -vectors

    return min(range(1, room // (gates * rows) + 1), key=cost), rows
