"""How long a long work will still take: told while it keeps to what was told, and never a number that grows."""

from __future__ import annotations

from dataclasses import dataclass

LEAST = 0.02
"""The share of a work below which nothing can be said of the rest."""


@dataclass
class Left:
    """What was told of the end of one work; times are of one monotonic clock, in seconds."""

    began: float
    """When the work began."""

    first: float | None = None
    """The share that was done when it began: what goes on where it stopped begins with more than nothing."""

    done: float = 0.0
    moved: float = 0.0
    """When the share last moved."""

    end: float = float('inf')
    """The earliest end that was told."""

    def told(self, done: float, now: float) -> float | None:
        """Return the seconds left at the pace so far; None where nothing honest can be said.

        The pace is known when the share moves; between two moves time only passes. Where the work got slower, so that
        its end moves away, or its time is over, nothing is told until the pace has caught up.
        """
        if self.first is None:
            # Work that counts from zero did something before its first word; what goes on does not count that again.
            self.first, self.began = done, now if done > LEAST else self.began
        if done > self.done:
            self.done, self.moved = done, now
        made = self.done - self.first
        if made < LEAST or self.done >= 1:
            return None
        end = self.moved + (self.moved - self.began) * (1 - self.done) / made
        if end > self.end or end <= now:
            return None
        self.end = end
        return end - now


def duration(seconds: float) -> str:
    """Return seconds as people say them."""
    if seconds < 90:
        return f'{seconds:.0f} s'
    return f'{seconds / 60:.0f} min' if seconds < 5400 else f'{seconds / 3600:.1f} h'
