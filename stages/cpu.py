"""The instructions of this CPU: for keys, for reports, and for what is compiled for it."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

INFO: Final = Path('/proc/cpuinfo')

DECISIVE: Final = (
    'sse4_2', 'avx', 'avx2', 'fma', 'f16c', 'avx512f', 'avx512bw', 'avx512vl', 'avx512_vnni', 'avx_vnni',
    'avx512_bf16', 'avx512_fp16', 'amx_tile', 'amx_int8', 'amx_bf16',
    'neon', 'asimd', 'asimddp', 'i8mm', 'sve', 'bf16',
)  # fmt: skip
"""Instructions that runtimes choose their kernels by, as Linux names them; ``asimddp`` is Arm's dotprod."""


ISAS: Final[dict[str, tuple[str, ...]]] = {
    'sse42': ('sse4_2',),
    'avx2': ('avx2', 'fma'),
    'avx512': ('avx512f', 'avx512bw', 'avx512vl'),
    'amx': ('amx_tile', 'amx_int8', 'amx_bf16'),
}
"""Sets that a recipe can keep a CPU to, the weaker before the stronger, and what a CPU must have for each."""


def strongest(names: Iterable[str]) -> str:
    """Return the strongest of some instruction sets; empty when there is none."""
    found = {*names}
    return next((isa for isa in reversed(ISAS) if isa in found), '')


def needed(instructions: Iterable[str]) -> str:
    """Return the weakest set whose CPUs have these instructions, by Linux's names: AVX counts as AVX2."""
    marks = {'amx_': 'amx', 'avx512': 'avx512', 'avx': 'avx2', 'fma': 'avx2', 'f16c': 'avx2'}
    names = [*instructions]
    found = (next((isa for mark, isa in marks.items() if name.startswith(mark)), 'sse42') for name in names)
    return strongest(found)


def exceeds(one: str, other: str) -> bool:
    """Whether an instruction set is stronger than another."""
    order = ['', *ISAS]
    return order.index(one) > order.index(other)


def lacks(isa: str) -> tuple[str, ...]:
    """Return what this CPU lacks of an instruction set; where the system does not tell, everything."""
    return tuple(name for name in ISAS[isa] if name not in flags())


@cache
def flags() -> frozenset[str]:
    """Return all instruction sets of this CPU, as Linux names them; none where the system does not tell.

    Under an emulator Linux tells of the machine around it, in other words: that is nothing about this one.
    """
    try:
        text = INFO.read_text()
    except OSError:
        return frozenset()
    word = 'Features' if platform.machine() == 'aarch64' else 'flags'
    line = re.search(rf'^{word}\s*:(.*)$', text, re.MULTILINE)
    return frozenset(line.group(1).split()) if line else frozenset()


def decisive() -> tuple[str, ...]:
    """Return those of this CPU that runtimes choose their kernels by."""
    return tuple(name for name in DECISIVE if name in flags())
