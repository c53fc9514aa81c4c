"""What is safe to show: words come from models, recipes and frameworks, and a terminal obeys characters nobody sees.

Everything that is printed goes through ``plain`` first.
"""

from __future__ import annotations

import io
import re
from typing import TextIO

UNITS = ('B', 'KiB', 'MiB', 'GiB', 'TiB')

ANSI = re.compile(r'\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])|\x9b[0-?]*[ -/]*[@-~]')
"""Sequences that colour, move the cursor, or name the window."""

HIDDEN = re.compile(
    '[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff'
    '\ud800-\udfff\U000e0000-\U000e007f]'
)
"""C0 (but tab and line feed), C1, zero-width and bidirectional controls, line separators, byte order mark, lone
surrogates and non-characters."""


def plain(text: str) -> str:
    """Return ``text`` with nothing in it that a terminal obeys: colours are dropped, other hidden characters named."""
    if text.isascii() and text.isprintable():
        return text
    return HIDDEN.sub(_named, ANSI.sub('', text))


def one_line(text: str) -> str:
    """Return ``text`` as one line that is safe to show."""
    return plain(text).replace('\n', ' ').replace('\t', ' ')


def indented(text: str, by: int = 4) -> str:
    """Return ``text`` with every line but the first moved in: no line of it can be taken for one of ours."""
    return plain(text).replace('\n', '\n' + ' ' * by)


def size_words(size: float) -> str:
    """Return a number of bytes as people read it."""
    for unit in UNITS[:-1]:
        if abs(size) < 1024:
            return f'{size:.0f} {unit}' if unit == 'B' else f'{size:.1f} {unit}'
        size /= 1024
    return f'{size:.1f} {UNITS[-1]}'


class Plain(io.TextIOBase):
    """A stream that writes to another one what is safe to show."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write ``text``; what the stream's encoding lacks is named instead."""
        self.stream.write(showable(text, self.stream))
        return len(text)

    def flush(self) -> None:
        """Write now what waits."""
        self.stream.flush()

    def isatty(self) -> bool:
        """Whether somebody watches."""
        return self.stream.isatty()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """As the stream's own."""
        return self.stream.encoding


def showable(text: str, stream: TextIO) -> str:
    """Return what of ``text`` is safe to show on ``stream``; what its encoding lacks is named instead."""
    encoding = stream.encoding or 'utf-8'
    return plain(text).encode(encoding, 'backslashreplace').decode(encoding)


def _named(found: re.Match[str]) -> str:
    return found[0].encode('unicode_escape').decode()
