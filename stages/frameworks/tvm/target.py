"""The machines that TVM compiles for, by the names a recipe writes; ``native`` is resolved to a level with features."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from stages import cpu

Name = Literal['native', 'x86-64-v2', 'x86-64-v3', 'x86-64-v4', 'aarch64']
System = Literal['linux', 'windows']

CORES: Final = 2
"""What MetaSchedule is told, whatever machine builds: the number of cores would change the code."""


@dataclass(frozen=True)
class Target:
    """The CPU and the system that a library is for."""

    name: str
    """As a recipe writes it, ``native`` resolved: ``x86-64-v4``."""

    cpu: str
    """LLVM's word for it."""

    needs: tuple[str, ...]
    """Instruction sets that the code may use, as Linux names them in ``/proc/cpuinfo``."""

    lanes: int
    """float32 numbers in one vector register."""

    registers: int
    """Vector registers."""

    attributes: tuple[str, ...] = ()
    """LLVM's words for what it has beyond ``cpu``: ``+avx512vnni``."""

    system: System = 'linux'

    @property
    def machine(self) -> str:
        """The architecture as Linux names it."""
        return 'aarch64' if self.name == 'aarch64' else 'x86_64'

    @property
    def triple(self) -> str:
        """LLVM's name for architecture, system and ABI."""
        return f'{self.machine}-w64-windows-gnu' if self.system == 'windows' else f'{self.machine}-linux-gnu'

    @property
    def vnni(self) -> bool:
        """Whether it multiplies and sums bytes in one instruction, 64 at a time."""
        return '+avx512vnni' in self.attributes


V2: Final = ('ssse3', 'sse4_1', 'sse4_2', 'popcnt', 'cx16')
V3: Final = (*V2, 'avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'movbe', 'abm')
V4: Final = (*V3, 'avx512f', 'avx512bw', 'avx512cd', 'avx512dq', 'avx512vl')
EXTRAS: Final = {'avx512_vnni': '+avx512vnni'}
"""What is used beyond a level where ``native`` finds it: Linux's name to LLVM's."""

TARGETS: Final[Mapping[str, Target]] = {
    'x86-64-v2': Target('x86-64-v2', 'x86-64-v2', V2, lanes=4, registers=16),
    'x86-64-v3': Target('x86-64-v3', 'x86-64-v3', V3, lanes=8, registers=16),
    'x86-64-v4': Target('x86-64-v4', 'x86-64-v4', V4, lanes=16, registers=32),
    'aarch64': Target('aarch64', 'cortex-a72', ('asimd',), lanes=4, registers=32),
}
"""The levels of the x86-64 psABI, and 64-bit ARM with what every one of them has."""


def target_for(name: Name, system: System = 'linux') -> Target:
    """Return the target; ``native`` is the highest level this CPU reaches, with the features it has beyond.

    Raises ValueError for Windows on ARM, which nothing here compiles for, and for a ``native`` below every level.
    """
    if name == 'aarch64' and system == 'windows':
        msg = 'aarch64 is built for linux; windows needs an x86-64 target'
        raise ValueError(msg)
    return replace(native() if name == 'native' else TARGETS[name], system=system)


def native() -> Target:
    """Return the target that suits this CPU best."""
    flags = cpu.flags()
    if platform.machine() == 'aarch64':
        return TARGETS['aarch64']
    for level in ('x86-64-v4', 'x86-64-v3', 'x86-64-v2'):
        found = TARGETS[level]
        if flags.issuperset(found.needs):
            extras = {flag: word for flag, word in EXTRAS.items() if flag in flags and level == 'x86-64-v4'}
            return replace(found, needs=(*found.needs, *extras), attributes=tuple(extras.values()))
    msg = f'this CPU ({platform.machine()}) is below x86-64-v2, the least that can be compiled for'
    raise ValueError(msg)


def tvm_target(target: Target) -> Any:
    """Return TVM's own object for ``target``."""
    import tvm

    described: dict[str, Any] = {'kind': 'llvm', 'mtriple': target.triple, 'mcpu': target.cpu, 'num-cores': CORES}
    if target.attributes:
        described['mattr'] = list(target.attributes)
    return tvm.target.Target(described)
