"""What LSTM, GRU and RNN make of their gates, as ONNX defines them with its default activations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from stages.frameworks.tvm.graph.recurrent.math import constant, sigmoid, tanh
from stages.frameworks.tvm.graph.recurrent.scan import Cell

H, C = 0, 1
"""The states, in the order of their buffers."""

UPDATE, RESET = 0, 1
"""What a GRU of two passes keeps for the second: the update gate, and the state after the reset gate."""


class Unit(Protocol):
    """One hidden unit of one sample in one step: what its formula reads and writes. A vector of them, in truth."""

    def given(self, gate: int) -> Any:
        """The input times the weights of ``gate``, with the input's bias."""

    def summed(self, gate: int) -> Any:
        """The hidden state times the recurrent weights of ``gate``, with their bias."""

    def before(self, state: int) -> Any:
        """A state before the step."""

    def after(self, state: int) -> Any:
        """A state after the step, once it is written."""

    def write(self, state: int, value: Any) -> None:
        """Make ``value`` the state after the step."""

    def kept(self, place: int) -> Any:
        """What an earlier pass kept."""

    def keep(self, place: int, value: Any) -> None:
        """Keep ``value`` for the next pass."""


@dataclass(frozen=True)
class Pass:
    """One way through all panels of a step: which gates are summed, and what becomes of them."""

    gates: tuple[int, ...]
    formula: Callable[[Unit], None]

    of_kept: bool = False
    """Whether the weights multiply what the pass before kept under ``RESET``, and not the hidden state."""


def lstm(unit: Unit) -> None:
    """Write ``c`` = forget * c + input * cell, and ``h`` = output * tanh(c)."""
    incoming, outgoing, forget = (sigmoid(total(unit, gate)) for gate in (0, 1, 2))
    unit.write(C, forget * unit.before(C) + incoming * tanh(total(unit, 3)))
    unit.write(H, outgoing * tanh(unit.after(C)))


def gru_late(unit: Unit) -> None:
    """Write ``h`` of a GRU that resets the product of the hidden state."""
    reset = sigmoid(total(unit, 1))
    mixed(unit, sigmoid(total(unit, 0)), tanh(unit.given(2) + reset * unit.summed(2)))


def gru_gates(unit: Unit) -> None:
    """Keep the update gate and the hidden state after the reset, which is multiplied next."""
    unit.keep(UPDATE, sigmoid(total(unit, 0)))
    unit.keep(RESET, sigmoid(total(unit, 1)) * unit.before(H))


def gru_hidden(unit: Unit) -> None:
    """Write ``h`` of a GRU that resets the hidden state."""
    mixed(unit, unit.kept(UPDATE), tanh(total(unit, 2)))


def rnn(unit: Unit) -> None:
    """Write ``h`` = tanh of everything."""
    unit.write(H, tanh(total(unit, 0)))


def total(unit: Unit, gate: int) -> Any:
    """Return everything that flows into ``gate``."""
    return unit.given(gate) + unit.summed(gate)


def mixed(unit: Unit, update: Any, candidate: Any) -> None:
    """Write ``h`` between ``candidate`` and the old one, which a full update gate keeps."""
    unit.write(H, (constant(1) - update) * candidate + update * unit.before(H))


PASSES: Final[Mapping[tuple[Cell, bool], tuple[Pass, ...]]] = {
    ('LSTM', False): (Pass((0, 1, 2, 3), lstm),),
    ('GRU', False): (Pass((0, 1), gru_gates), Pass((2,), gru_hidden, of_kept=True)),
    ('GRU', True): (Pass((0, 1, 2), gru_late),),
    ('RNN', False): (Pass((0,), rnn),),
}
"""The passes of a step, by cell and whether the reset is late."""
