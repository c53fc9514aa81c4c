"""Memory and cores as the steps of a run share them: who does not fit beside the others waits, in the order of asking.

However many ``doit -n`` allows at once. Nothing is held outside of the run's own process, so that it ends with it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

UNKNOWN: Final = 4
"""A step that nobody has seen at work is taken to need one part in so many; converters of small models need less."""


def of_this_machine() -> int:
    """Return the bytes that steps may use together: all but an eighth, for the rest; 0 where nobody says."""
    try:
        return os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') * 7 // 8
    except (ValueError, OSError, AttributeError):
        return 0


def cores_here() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass
class Shared:
    """What is left for steps of this run."""

    all: int
    """Bytes."""

    cores: int = field(default_factory=cores_here)
    taken: int = 0
    busy: int = 0
    """Cores."""

    asked: list[object] = field(default_factory=list)
    """Who waits, the first to ask first: many small steps never keep a large one from its turn."""

    changed: threading.Condition = field(default_factory=threading.Condition)

    @contextmanager
    def holding(self, wanted: int, cores: int = 1) -> Iterator[None]:
        """Wait until ``wanted`` bytes and ``cores`` are left, and keep both from the others meanwhile.

        0 bytes asks for an unknown amount, 0 cores for none: a step that waits for others itself. One step alone always
        begins: what it needs in the end is for its limit to judge.
        """
        amount, cores = min(wanted or self.all // UNKNOWN, self.all), min(cores, self.cores)
        ticket = object()

        def fits() -> bool:
            alone = not self.taken and not self.busy
            beside = self.taken + amount <= self.all and self.busy + cores <= self.cores
            return self.asked[0] is ticket and (alone or beside)

        with self.changed:
            self.asked.append(ticket)
            try:
                self.changed.wait_for(fits)
                self.taken, self.busy = self.taken + amount, self.busy + cores
            finally:
                self.asked.remove(ticket)
                self.changed.notify_all()
        try:
            yield
        finally:
            with self.changed:
                self.taken, self.busy = self.taken - amount, self.busy - cores
                self.changed.notify_all()
