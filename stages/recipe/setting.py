"""Settings: how a row of the table is measured. A row is compared with the baseline of its own setting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

SINGLE: Final = 'single-stream'
OFFLINE: Final = 'offline'
SERVER: Final = 'server'
SCENARIOS: Final = (SINGLE, OFFLINE, SERVER)
"""MLPerf's names: one call after the other, its latency; all requests at hand, how many a second; requests that come
when they come, the rate at which they are still answered in time."""


Table = tuple[str, tuple[tuple[str, int], ...], str]


@dataclass(frozen=True, order=True)
class Setting:
    """How one row is measured."""

    scenario: str = SINGLE
    threads: int = 1
    batch: int = 1
    sizes: tuple[tuple[str, int], ...] = ()
    """Named dimensions (besides ``batch``) and their sizes, in the order of their names."""

    isa: str = ''
    """The instruction set that the CPU is kept to, as ``stages.cpu`` names it; empty: all it has."""

    @property
    def table(self) -> Table:
        """Return what rows must have in common to be chosen among: the scenario, the sizes and the instructions.

        Threads and batches compete, so that those of one table are measured in one session.
        """
        return self.scenario, self.sizes, self.isa

    @property
    def own(self) -> Setting:
        """Return the setting as a machine of this kind would serve in it: with all instructions that the CPU has."""
        return Setting(self.scenario, self.threads, self.batch, self.sizes)

    def words(self) -> str:
        """Return it in words: ``offline, 2 threads, length 8, avx2``; what is as usual is left out, but the threads."""
        parts = [self.scenario] if self.scenario != SINGLE else []
        parts.append(f'{self.threads} thread{"s" * (self.threads != 1)}')
        parts += [f'batch {self.batch}'] if self.batch != 1 else []
        parts += [f'{name} {size}' for name, size in self.sizes]
        return ', '.join([*parts, *([self.isa] if self.isa else [])])


def sizes_of(*given: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """Return sizes as a setting has them, the later over the earlier."""
    merged: dict[str, int] = {}
    for sizes in given:
        merged |= sizes
    return tuple(sorted(merged.items()))


def setting_of(read: Mapping[str, Any]) -> Setting:
    """Return a setting from its JSON values; what is absent has its default."""
    return Setting(
        read.get('scenario') or SINGLE,
        read.get('threads') or 1,
        read.get('batch') or 1,
        tuple((str(name), int(size)) for name, size in read.get('sizes') or ()),
        read.get('isa') or '',
    )
