"""What a run prints: whole lines, and on a terminal one that moves; any number of threads may print at once.

Words come from models, recipes and frameworks, and a terminal obeys characters that nobody sees. So everything that is
printed goes through ``plain`` first.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import threading
from collections.abc import Iterator
from typing import TextIO

WIDTH = 110
UNITS = ('B', 'KiB', 'MiB', 'GiB', 'TiB')
"""Characters of a moving line; a longer one would wrap, and could not be taken back."""

ANSI = re.compile(r'\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])|\x9b[0-?]*[ -/]*[@-~]')
"""Sequences that colour, move the cursor, or name the window."""

HIDDEN = re.compile(
    '[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff'
    '\ud800-\udfff\U000e0000-\U000e007f]'
)
"""C0 (but tab and line feed), C1, zero-width and bidirectional controls, line separators, byte order mark, lone
surrogates and non-characters."""

_guard = threading.Lock()


def plain(text: str) -> str:
    """Return ``text`` with nothing in it that a terminal obeys: colours are dropped, other hidden characters named."""
    if text.isascii() and text.isprintable():
        return text
    return HIDDEN.sub(_named, ANSI.sub('', text))


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


def note(text: str) -> None:
    """Print one line."""
    with _guard:
        _clear()
        _write(sys.__stdout__, text + '\n')


def complain(text: str) -> None:
    """Print one line to where errors go."""
    with _guard:
        _clear()
        _write(sys.stderr, text + '\n')


def moving() -> bool:
    """Whether output goes to a terminal."""
    return bool(sys.__stdout__ and sys.__stdout__.isatty())


def move(text: str) -> None:
    """On a terminal, show ``text`` until the next line is printed; elsewhere say nothing."""
    if moving():
        with _guard:
            _clear()
            _write(sys.__stdout__, plain(text).replace('\n', ' ').replace('\t', ' ')[:WIDTH])


def progress(text: str) -> None:
    """Say how far a long work is: on a terminal in place, elsewhere a line each."""
    if moving():
        move(f'  ...     {text}')
    else:
        note(f'  ...     {indented(text)}')


@contextlib.contextmanager
def only_plain() -> Iterator[None]:
    """Let everything that is printed go through ``plain``."""
    with contextlib.redirect_stdout(Plain(sys.stdout)), contextlib.redirect_stderr(Plain(sys.stderr)):
        yield


class Plain(io.TextIOBase):
    """A stream that writes to another one what is safe to show."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write ``text``; what the stream's encoding lacks is named instead."""
        encoding = self._stream.encoding or 'utf-8'
        self._stream.write(plain(text).encode(encoding, 'backslashreplace').decode(encoding))
        return len(text)

    def flush(self) -> None:
        """Write now what waits."""
        self._stream.flush()

    def isatty(self) -> bool:
        """Whether somebody watches."""
        return self._stream.isatty()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """As the stream's own."""
        return self._stream.encoding


def _write(stream: TextIO | None, text: str) -> None:
    if stream is not None:
        out = stream if isinstance(stream, Plain) else Plain(stream)
        out.write(text)
        out.flush()


def _named(found: re.Match[str]) -> str:
    return found[0].encode('unicode_escape').decode()


def _clear() -> None:
    if moving() and sys.__stdout__:
        sys.__stdout__.write('\r\x1b[K')
