"""The loop over time of a recurrent layer as one scheduled TIR function: what is left once the inputs are multiplied.

It goes through a step panel by panel. What a panel sums stays in registers until it has become a new state, and that is
written beside the old one: so other panels still find the old one, and nothing is wrong with computing a unit twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from stages.frameworks.tvm.graph.recurrent.cells import PASSES, RESET, H, Pass
from stages.frameworks.tvm.graph.recurrent.scan import Scan

OPAQUE: Final = 8
"""TVM's number for functions that are never fused with their neighbours."""


def function(scan: Scan) -> Any:
    """Return the function: inputs times weights, recurrent weights, bias, first states; every ``h``, last states.

    Inputs times weights are [time * batch, directions * panels * gates * width], the recurrent weights
    [directions, panels, hidden, gates * width]. Each direction runs on a thread of its own.
    """
    from tvm.script.ir_builder import IRBuilder
    from tvm.tirx.script import builder as tir

    panel, ends = scan.gates * scan.width, (scan.directions, scan.batch, scan.hidden)
    padded = (2, *ends[:2], scan.panels * scan.width)
    with IRBuilder() as built, tir.prim_func(is_private=True, s_tir=True):
        tir.func_attr({'tirx.noalias': True, 'tirx.is_scheduled': True, 'op_pattern': OPAQUE})
        inputs = tir.arg('inputs', tir.buffer((scan.time * scan.batch, scan.directions * scan.panels * panel)))
        weights = tir.arg('weights', tir.buffer((scan.directions, scan.panels, scan.hidden, panel)))
        bias = tir.arg('bias', tir.buffer((scan.directions, scan.panels, panel)))
        first = [tir.arg(f'first_{i}', tir.buffer(ends)) for i in range(scan.states)]
        every = tir.arg('every', tir.buffer((scan.time, *ends)))
        last = [tir.arg(f'last_{i}', tir.buffer(ends)) for i in range(scan.states)]
        with tir.sblock('root'):  # a pass of lower.py breaks on a function without
            states, kept = [tir.sblock_alloc_buffer(padded) for _ in first], tir.sblock_alloc_buffer(padded)
            with tir.parallel(0, scan.directions) as direction:
                loop = Loop(scan, tir, direction, inputs, weights, bias, states, kept)
                loop.begin(first)
                with tir.serial(0, scan.time) as step:
                    for computed in PASSES[scan.cell, scan.late_reset]:
                        loop.advance(step, computed)
                    loop.output(step, every)
                loop.end(last)
    return built.get()


@dataclass(frozen=True)
class Loop:
    """The loop over time in one direction, part by part."""

    scan: Scan
    tir: Any
    direction: Any
    inputs: Any
    weights: Any
    bias: Any

    states: list[Any]
    """``h`` and perhaps ``c``, before and after a step in turn: each [2, directions, batch, units of all panels]."""

    kept: Any
    """What a pass leaves for the next, in two places: as a state."""

    def begin(self, first: list[Any]) -> None:
        """Write the first states, and zeros for the units that fill up the last panel."""
        for state, source in zip(self.states, first, strict=True):
            with self.tir.grid(self.scan.batch, self.scan.panels * self.scan.width) as (sample, unit):
                value = source[self.direction, sample, self.tir.min(unit, self.scan.hidden - 1)]
                value = self.tir.Select(unit < self.scan.hidden, value, self.tir.float32(0))
                self.tir.buffer_store(state, value, [0, self.direction, sample, unit])

    def advance(self, step: Any, computed: Pass) -> None:
        """Write what ``computed`` makes of the states before ``step``."""
        rows = range(self.scan.rows)
        tiles = -(-self.scan.batch // self.scan.rows)
        with self.tir.grid(self.scan.panels, tiles) as (panel, tile), self.tir.sblock('panel'):
            # a row beyond the batch is its last one once more
            samples = [self.tir.min(tile * self.scan.rows + row, self.scan.batch - 1) for row in rows]
            sums = self.tir.sblock_alloc_buffer((self.scan.rows, self.scan.gates, self.scan.width), scope='local')
            self.sum(sums, step, panel, samples, computed)
            for vector, row in product(range(self.scan.vectors), rows):
                with self.vector(vector) as unit:
                    computed.formula(Place(self, sums, row, step, panel, samples[row], unit))

    def sum(self, sums: Any, step: Any, panel: Any, samples: list[Any], computed: Pass) -> None:
        """Write into ``sums`` the bias, then add the products of the hidden state and the weights of ``panel``."""
        source, part = (self.kept, RESET) if computed.of_kept else (self.states[H], step % 2)
        places = list(product(computed.gates, range(self.scan.vectors), range(self.scan.rows)))
        for gate, vector, row in places:
            with self.vector(vector) as unit:
                value = self.bias[self.direction, panel, gate * self.scan.width + unit]
                self.tir.buffer_store(sums, value, [row, gate, unit])
        with self.tir.serial(0, self.scan.hidden) as factor:
            for gate, vector, row in places:
                with self.vector(vector) as unit:
                    weight = self.weights[self.direction, panel, factor, gate * self.scan.width + unit]
                    value = sums[row, gate, unit] + source[part, self.direction, samples[row], factor] * weight
                    self.tir.buffer_store(sums, value, [row, gate, unit])

    def output(self, step: Any, every: Any) -> None:
        """Write the hidden state after ``step`` to where it belongs in time."""
        with self.tir.grid(self.scan.batch, self.scan.hidden) as (sample, unit):
            value = self.states[H][(step + 1) % 2, self.direction, sample, unit]
            self.tir.buffer_store(every, value, [self.time(step), self.direction, sample, unit])

    def end(self, last: list[Any]) -> None:
        """Write the last states."""
        for state, target in zip(self.states, last, strict=True):
            with self.tir.grid(self.scan.batch, self.scan.hidden) as (sample, unit):
                value = state[self.scan.time % 2, self.direction, sample, unit]
                self.tir.buffer_store(target, value, [self.direction, sample, unit])

    @contextmanager
    def vector(self, index: int) -> Iterator[Any]:
        """Write what is written inside for all units of a panel's vector at once; hands over the unit's place in it."""
        with self.tir.vectorized(0, self.scan.lanes) as lane:
            yield index * self.scan.lanes + lane

    def time(self, step: Any) -> Any:
        """Return the position in time of ``step``."""
        backwards, reverse = self.scan.backwards, self.scan.time - 1 - step
        if len(set(backwards)) == 1:
            return reverse if backwards[0] else step
        return self.tir.Select(self.direction == backwards.index(True), reverse, step)


@dataclass(frozen=True)
class Place:
    """Where in a loop a vector of hidden units is computed."""

    loop: Loop
    sums: Any
    row: int
    step: Any
    panel: Any
    sample: Any
    unit: Any

    def given(self, gate: int) -> Any:
        """Return the input times the weights of ``gate``, with the input's bias."""
        scan = self.loop.scan
        place = (self.loop.direction * scan.panels + self.panel) * scan.gates + gate
        return self.loop.inputs[self.loop.time(self.step) * scan.batch + self.sample, place * scan.width + self.unit]

    def summed(self, gate: int) -> Any:
        """Return the hidden state times the recurrent weights of ``gate``, with their bias."""
        return self.sums[self.row, gate, self.unit]

    def before(self, state: int) -> Any:
        """Return a state before the step."""
        return self.loop.states[state][self.at(self.step % 2)]

    def after(self, state: int) -> Any:
        """Return a state after the step, once it is written."""
        return self.loop.states[state][self.at((self.step + 1) % 2)]

    def write(self, state: int, value: Any) -> None:
        """Make ``value`` the state after the step."""
        self.loop.tir.buffer_store(self.loop.states[state], value, self.at((self.step + 1) % 2))

    def kept(self, place: int) -> Any:
        """Return what an earlier pass kept."""
        return self.loop.kept[self.at(place)]

    def keep(self, place: int, value: Any) -> None:
        """Keep ``value`` for the next pass."""
        self.loop.tir.buffer_store(self.loop.kept, value, self.at(place))

    def at(self, part: Any) -> tuple[Any, ...]:
        """Return the index of these units in a buffer of states."""
        return part, self.loop.direction, self.sample, self.panel * self.loop.scan.width + self.unit
