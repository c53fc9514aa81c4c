"""What the rule asks of a block: its loops, how long they are, which of them sum, and where an index appears."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

SPATIAL: Final = 0
REDUCE: Final = 2

SCALAR: Final = ('cosh', 'sinh')
"""Of TVM's intrinsics, those without a form for vectors."""


@dataclass(frozen=True)
class Nest:
    """A block under its own loops, one per axis."""

    name: str
    loops: tuple[Any, ...]
    axes: tuple[Any, ...]
    """The block's variable of each loop."""

    sizes: tuple[int, ...]
    sums: tuple[bool, ...]
    """Whether a loop adds up."""

    @property
    def volume(self) -> int:
        """How often the body runs."""
        result = 1
        for size in self.sizes:
            result *= size
        return result


def children(schedule: Any) -> tuple[str, ...]:
    """Return the names of the blocks, in order; nothing when there is no root to look into."""
    try:
        root = schedule.get_sblock('root')
    except RuntimeError:
        return ()
    return tuple(schedule.get(block).name_hint for block in schedule.get_child_blocks(root))


def nest(schedule: Any, name: str) -> Nest | None:
    """Return the nest of block ``name``; None unless every loop is plain, has a fixed size and belongs to one axis."""
    block = schedule.get_sblock(name)
    axes = tuple(schedule.get(block).iter_vars)
    loops = tuple(schedule.get_loops(block))
    sizes = tuple(fixed(schedule.get(loop).extent) for loop in loops)
    plain = all(int(schedule.get(loop).kind) == 0 for loop in loops)
    if not plain or len(axes) != len(loops) or any(axis.iter_type not in (SPATIAL, REDUCE) for axis in axes):
        return None
    known = tuple(size for size in sizes if size is not None)
    if len(known) != len(sizes):
        return None
    return Nest(name, loops, tuple(axis.var for axis in axes), known, tuple(axis.iter_type == REDUCE for axis in axes))


def branches(schedule: Any, name: str) -> bool:
    """Return whether a block computes one thing or another, by a condition: as padding does at borders."""
    # by its text: this TVM has no visitor of statements in Python
    return 'if_then_else' in str(schedule.get(schedule.get_sblock(name)).body)


def looks_up(schedule: Any, name: str) -> bool:
    """Return whether a block computes with numbers of 64 bits, as what reads by computed indices does."""
    block = schedule.get(schedule.get_sblock(name))
    return any(str(read.source.dtype) == 'int64' for read in block.reads) or 'Cast("int64"' in str(block.body)


def scalar(schedule: Any, name: str) -> bool:
    """Return whether a block calls what LLVM knows for one number only, not for a vector."""
    body = str(schedule.get(schedule.get_sblock(name)).body)
    return any(f'T.{word}(' in body for word in SCALAR)


def fixed(extent: Any) -> int | None:
    """Return a loop's length when it is a number."""
    from tvm.tirx import IntImm

    return int(extent) if isinstance(extent, IntImm | int) else None


def uses(expression: Any, variable: Any) -> bool:
    """Return whether ``variable`` appears in ``expression``."""
    from tvm.tirx.analysis import undefined_vars

    return any(found.same_as(variable) for found in undefined_vars(expression))


def places(region: Any, variable: Any) -> tuple[int, ...]:
    """Return the dimensions of a buffer region whose index depends on ``variable``."""
    return tuple(index for index, part in enumerate(region.region) if uses(part.min, variable))
