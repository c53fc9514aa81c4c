"""What a run prints: whole lines, and on a terminal some that move; any number of threads may print at once."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TextIO

from stages.terminal.colours import coloured
from stages.terminal.plain import Plain, indented, one_line, plain, showable, size_words
from stages.terminal.screen import Screen, Work

__all__ = [
    'Plain', 'Work', 'all_of_it', 'aside', 'complain', 'indented', 'move', 'moving', 'note', 'only_plain', 'plain',
    'progress', 'size_words', 'still', 'working', 'write',
]  # fmt: skip

WIDTH = 110
"""Characters of a moving line where only one is shown; a longer one would wrap, and could not be taken back."""

_guard = threading.RLock()
"""A signal may stop the run, and its last words be printed, while this very thread prints."""

_works: dict[str, Work] = {}
"""What is under way, by a name of the work."""

_whole: Callable[[], Work] | None = None
_screen: Screen | None = None
_over = False
"""Whether the run is: threads of it that are still to be stopped draw no more."""

_aside = False


def note(text: str) -> None:
    """Print one line."""
    write(sys.stderr if _aside else sys.__stdout__, text + '\n')


@contextlib.contextmanager
def aside(notes: bool = True) -> Iterator[None]:
    """Print notes where errors go, if ``notes`` says so: what a command prints besides is for a program."""
    global _aside
    before, _aside = _aside, _aside or notes
    try:
        yield
    finally:
        _aside = before


def complain(text: str) -> None:
    """Print one line to where errors go."""
    write(sys.stderr, text + '\n')


def write(stream: TextIO | None, text: str) -> None:
    """Write whole lines, above those that move."""
    with _guard:
        _works.pop('', None)
        if stream is None:
            return
        inner = stream.stream if isinstance(stream, Plain) else stream
        shown = coloured(showable(text, inner), inner)
        if _screen and inner.isatty():
            _screen.above(shown.removesuffix('\n'))
            return
        _clear()
        inner.write(shown)
        inner.flush()


def moving() -> bool:
    """Whether output goes to a terminal on which lines can move."""
    return bool(sys.__stdout__ and sys.__stdout__.isatty() and os.environ.get('TERM') != 'dumb')


def move(text: str) -> None:
    """On a terminal, show ``text`` until the next line is printed; elsewhere say nothing."""
    working('', Work(text) if text else None)


def working(of: str, work: Work | None) -> None:
    """On a terminal, show how far the work ``of`` is, until it is said to be over (None); elsewhere say nothing."""
    if not moving():
        return
    with _guard:
        if _over:
            return
        news = (work is None) == (of in _works)
        if work is not None:
            _works[of] = work
        elif _works.pop(of, None) is None:
            return
        _draw(now=news, last=work)


def all_of_it(whole: Callable[[], Work]) -> None:
    """Show what all of the run still has before it, as ``whole`` says when it is drawn, until the run is ``still``."""
    global _over, _whole
    with _guard:
        _over, _whole = False, whole


def still() -> None:
    """Take all that moves away: a run is over, or was stopped."""
    global _over, _whole
    with _guard:
        _works.clear()
        _over, _whole = True, None
        _close()


def progress(words: str, of: str = '') -> None:
    """Say how far a long work, or that of somebody, is: on a terminal in place, elsewhere a line each."""
    if moving():
        working(of, Work(of, words) if of else Work(words))
    else:
        note(f'  ...     {indented(f"{of}: {words}" if of else words)}')


@contextlib.contextmanager
def only_plain() -> Iterator[None]:
    """Let everything that is printed go through ``plain``."""
    with contextlib.redirect_stdout(Plain(sys.stdout)), contextlib.redirect_stderr(Plain(sys.stderr)):
        yield


def _draw(*, now: bool, last: Work | None) -> None:
    """Show all works and the whole; without rich the work alone that was told last."""
    global _screen
    stream = sys.__stdout__
    assert stream is not None
    if _screen is None and last is not None:
        with contextlib.suppress(ImportError):
            _screen = Screen(stream)
    if _screen is None:
        _clear()
        if last is not None:
            stream.write(showable(one_line(str(last)), stream)[:WIDTH])
        stream.flush()
    elif _works or _whole:
        _screen.draw([*_works.values(), *([_whole()] if _whole else [])], now=now)
    else:
        _close()


def _close() -> None:
    global _screen
    if _screen:
        _screen.close()
        _screen = None


def _clear() -> None:
    """Take the one moving line back that is shown without rich."""
    if _screen is None and moving() and sys.__stdout__:
        sys.__stdout__.write('\r\x1b[K')
