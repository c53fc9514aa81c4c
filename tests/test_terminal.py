"""What a run prints: whole lines where nobody watches, one line in place where somebody does."""

from __future__ import annotations

import io
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from stages import terminal


class Screen(io.StringIO):
    """A stream that is a terminal, or is none."""

    def __init__(self, watched: bool) -> None:
        super().__init__()
        self.watched = watched

    def isatty(self) -> bool:
        return self.watched


@pytest.fixture(params=[True, False], ids=['terminal', 'file'])
def screen(request, monkeypatch):
    monkeypatch.setattr(sys, '__stdout__', Screen(request.param))
    return sys.__stdout__


def test_lines_of_many_threads_stay_whole(screen):
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: terminal.note(f'{n}' * 50), range(10)))

    assert sorted(screen.getvalue().replace('\r\x1b[K', '').splitlines()) == [f'{n}' * 50 for n in range(10)]


def test_progress_moves_on_a_terminal_and_is_a_line_each_elsewhere(screen):
    terminal.progress('one')
    terminal.progress('x' * 200)
    terminal.note('done')

    shown = screen.getvalue().split('\r\x1b[K') if screen.watched else screen.getvalue().splitlines()
    assert [line.strip() for line in shown if line][::2] == ['...     one', 'done']
    assert len(shown[2 if screen.watched else 1]) == (terminal.WIDTH if screen.watched else 210)
