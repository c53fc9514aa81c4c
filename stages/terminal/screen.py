"""The lines that move at the bottom of a terminal: one for each work under way, one for all that is left. rich draws.

No thread draws: it is done when somebody says how far he is. So nothing of it runs while something is measured, a fork
meets no lock of it, and a run that is stopped leaves nothing behind.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TextIO

from stages.terminal.plain import one_line, showable

if TYPE_CHECKING:
    from rich.table import Table

DRAWN_SECONDS: Final = 0.1
"""How often the lines are drawn at most, while nothing comes or goes."""

BAR: Final = 12
WIDE: Final = 90
"""Columns from which on there is room for bars."""

MOST: Final = 0.4
"""The most of a line that says who works."""


@dataclass(frozen=True)
class Work:
    """Something under way, and how far it is."""

    who: str
    words: str = ''
    share: float = 0.0
    """Of it that is done, from 0 to 1; 0: not known."""

    seconds: float | None = None
    """How long it has been at work."""

    left: str = ''
    """How long it will still take, in words; empty where nothing honest can be said."""

    def __str__(self) -> str:
        """Return it as one line."""
        if self.seconds is None:
            return f'  ...     {self.who}{f": {self.words}" if self.words else ""}'
        done = f'{self.share:4.0%} ' if self.share else ''
        left = f', {self.left}' if self.left else ''
        return f'  ...     {self.who}  {done}{self.words} {self.seconds:.0f} s{left}'


class Screen:
    """What is drawn on one terminal. Whoever uses it holds a lock: threads may not at once."""

    def __init__(self, stream: TextIO) -> None:
        """Begin to draw on ``stream``. Raises ImportError without rich."""
        from rich.console import Console
        from rich.live import Live

        self._stream = stream
        self._console = Console(file=stream, highlight=False, emoji=False, markup=False)
        self._live = Live(
            console=self._console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._drawn = 0.0
        self._live.start()
        self._console.show_cursor(True)  # a run may be killed, and would leave a terminal without one

    def draw(self, works: list[Work], *, now: bool) -> None:
        """Show ``works``, the last of them for all of the run; ``now`` also where that was done a moment ago."""
        if now or time.monotonic() - self._drawn >= DRAWN_SECONDS:
            self._drawn = time.monotonic()
            self._live.update(self._table(works), refresh=True)

    def above(self, text: str) -> None:
        """Print whole lines, which are safe to show, above those that move."""
        from rich.text import Text

        self._console.print(Text.from_ansi(text), soft_wrap=True)

    def close(self) -> None:
        """Take the lines away."""
        self._live.stop()

    def _table(self, works: list[Work]) -> Table:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        width = self._console.width
        rows = [self._row(work, bar=width >= WIDE) for work in works]
        longest = max((len(who) for who, _, _ in rows), default=0)
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(no_wrap=True, overflow='ellipsis', width=min(longest, int(width * MOST)))
        if width >= WIDE:
            table.add_column(width=BAR)
        table.add_column(no_wrap=True, overflow='ellipsis', ratio=1)
        table.add_column(no_wrap=True, justify='right')
        for work, (who, words, left) in zip(works, rows, strict=True):
            bar = ProgressBar(total=1.0, completed=work.share, width=BAR) if work.share else ''
            table.add_row(who, *([bar] if width >= WIDE else []), words, left)
        return table

    def _row(self, work: Work, *, bar: bool) -> tuple[str, str, str]:
        """Return who works, at what, and how long; where no bar is drawn the share stands before the words."""
        who, words = (showable(one_line(text), self._stream) for text in (work.who, work.words))
        took = '' if work.seconds is None else clock(work.seconds)
        share = f'{work.share:.0%} ' if work.share and not bar else ''
        left = ', '.join(part for part in (took, work.left) if part)
        return f'  {" ".join(who.split())}', f'{share}{words}', left


def clock(seconds: float) -> str:
    """Return seconds as a clock shows them: ``0:07``, ``1:02:03``."""
    minutes, second = divmod(int(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f'{hour}:{minute:02}:{second:02}' if hour else f'{minute}:{second:02}'
