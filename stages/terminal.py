"""What a run prints: whole lines, and on a terminal one that moves; any number of threads may print at once."""

from __future__ import annotations

import sys
import threading

WIDTH = 110
"""Characters of a moving line; a longer one would wrap, and could not be taken back."""

_guard = threading.Lock()


def note(text: str) -> None:
    """Print one line."""
    with _guard:
        _clear()
        print(text, file=sys.__stdout__, flush=True)


def moving() -> bool:
    """Whether output goes to a terminal."""
    return bool(sys.__stdout__ and sys.__stdout__.isatty())


def move(text: str) -> None:
    """On a terminal, show ``text`` until the next line is printed; elsewhere say nothing."""
    if moving():
        with _guard:
            _clear()
            print(text[:WIDTH], end='', file=sys.__stdout__, flush=True)


def progress(text: str) -> None:
    """Say how far a long work is: on a terminal in place, elsewhere a line each."""
    if moving():
        move(f'  ...     {text}')
    else:
        note(f'  ...     {text}')


def _clear() -> None:
    if moving():
        print('\r\x1b[K', end='', file=sys.__stdout__)
