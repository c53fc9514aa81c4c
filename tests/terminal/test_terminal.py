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
    """A terminal without rich, or a file; the lines that rich draws are looked at in a real terminal."""
    monkeypatch.setattr(sys, '__stdout__', Screen(request.param))
    monkeypatch.setitem(sys.modules, 'rich.live', None)
    monkeypatch.setenv('NO_COLOR', '1')
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


@pytest.mark.parametrize(
    ('text', 'shown'),
    [
        ('plain, ä, ×, 日本', 'plain, ä, ×, 日本'),
        ('evil.\x1b[31mred\x1b[0m', 'evil.red'),
        ('\x1b]0;pwned\x07title', 'title'),
        ('\x9b2J\x1bcgone', '\\x1bcgone'),
        ('over\rwritten\x08\x7f', 'over\\rwritten\\x08\\x7f'),
        ('left\u202eright\u200b', 'left\\u202eright\\u200b'),
        ('half \udcff', 'half \\udcff'),
        ('\x1b\x1b[31m[31m', '\\x1b[31m'),
        ('two\n\tlines', 'two\n\tlines'),
    ],
)
def test_nothing_that_a_terminal_obeys_is_printed(screen, text, shown):
    terminal.note(text)

    assert screen.getvalue().removeprefix('\r\x1b[K') == shown + '\n'


def test_a_word_from_outside_cannot_be_a_line_of_ours():
    assert terminal.indented('bad\n  log:    /etc/passwd').splitlines()[1].startswith('      log:')


def test_a_stream_of_another_encoding_gets_what_it_can_show():
    bytes_ = io.BytesIO()
    stream = io.TextIOWrapper(bytes_, encoding='ascii')

    print('1×3', file=terminal.Plain(stream), flush=True)

    assert bytes_.getvalue() == b'1\\xd73\n'


def test_notes_go_where_errors_go_while_an_answer_is_for_a_program(capfd):
    with terminal.aside():
        terminal.note('waiting')
    terminal.note('done')

    assert capfd.readouterr() == ('done\n', 'waiting\n')
