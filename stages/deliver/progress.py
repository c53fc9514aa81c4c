"""How far a transfer is: a line that moves on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import time
from typing import Final

from stages import terminal
from stages.terminal import size_words

MOVES_SECONDS: Final = 0.1
LINES_SECONDS: Final = 5.0
SHORT_SECONDS: Final = 1.0
"""A transfer shorter than this is not said to be on its way."""

BAR: Final = 20


class Progress:
    """Bytes of a transfer, counted and told."""

    def __init__(self, name: str, total: int) -> None:
        self._name, self._total, self._done = name, total, 0
        self._started = time.monotonic()
        self._told = self._started
        self._every = MOVES_SECONDS if terminal.moving() else LINES_SECONDS

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *of: object) -> None:
        terminal.move('')

    def add(self, count: int) -> None:
        """Count bytes, and tell where it is time to."""
        self._done += count
        now = time.monotonic()
        if now - self._told >= self._every and now - self._started >= SHORT_SECONDS:
            self._told = now
            terminal.progress(self._words(now - self._started))

    def _words(self, seconds: float) -> str:
        share = self._done / self._total if self._total else 1.0
        rate = self._done / seconds
        left = f', {(self._total - self._done) / rate:.0f} s to go' if rate and self._done < self._total else ''
        bar = f'[{"#" * int(share * BAR):<{BAR}}] ' if terminal.moving() else ''
        of = f'{size_words(self._done)} of {size_words(self._total)}'
        return f'{bar}{self._name} {share:4.0%}, {of}, {size_words(rate)}/s{left}'
