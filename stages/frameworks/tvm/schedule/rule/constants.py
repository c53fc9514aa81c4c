"""How large a tile may be, for each instruction set: chosen by ``benchmarks/tvm_rule.py``, which anyone can rerun.

Measured for x86-64 only; the row of aarch64 is what its registers suggest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stages.frameworks.tvm.target import Target


@dataclass(frozen=True)
class Constants:
    """What the rule knows about an instruction set."""

    lanes: int
    """float32 numbers in one vector register."""

    accumulators: int
    """Vector registers that may hold sums; the others hold weights and one input at a time.

    Also below 1024 bytes in all, of which on TVM keeps them in memory from step to step (``kMaxStackAlloca``).
    """

    vectors: int
    """Vectors side by side in a tile: every input read is used so many times."""

    weight: float = 1.0
    """What loading one vector of weights costs, in multiply-adds: above nothing where the cache is the limit."""

    row: float = 0.1
    """What spreading one input over a vector costs: a load and a shuffle before AVX, almost nothing since."""

    latency: int = 8
    """Sums in flight that keep the multipliers busy: latency of one multiply-add times how many start at once."""


TABLE: Final = {
    'x86-64-v2': Constants(lanes=4, accumulators=8, vectors=4, weight=0.1, row=1.0),
    'x86-64-v3': Constants(lanes=8, accumulators=10, vectors=3),
    'x86-64-v4': Constants(lanes=16, accumulators=15, vectors=4),
    'aarch64': Constants(lanes=4, accumulators=24, vectors=4, weight=0.1),
}


def constants_for(target: Target) -> Constants:
    """Return the row of ``target``."""
    return TABLE[target.name]
