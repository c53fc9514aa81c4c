"""Memory as steps share it: who would not fit beside the others waits, however many ``doit -n`` allows at once."""

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


@dataclass
class Shared:
    """What is left for steps of this run."""

    all: int
    taken: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    @contextmanager
    def holding(self, wanted: int) -> Iterator[None]:
        """Wait until ``wanted`` bytes are left, and keep them from the others meanwhile; 0 asks for an unknown amount.

        One step alone always begins: what it needs in the end is for its limit to judge.
        """
        amount = min(wanted or self.all // UNKNOWN, self.all)
        with self.changed:
            self.changed.wait_for(lambda: not self.taken or self.taken + amount <= self.all)
            self.taken += amount
        try:
            yield
        finally:
            with self.changed:
                self.taken -= amount
                self.changed.notify_all()
