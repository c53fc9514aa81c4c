"""What a run shows to whoever sits before it: all that is under way, what is left, and how it ended."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from types import SimpleNamespace

import pytest

from stages.front.ahead import ahead_of
from tests.faults.conftest import ROOT, Chain
from tests.faults.conftest import chain as chain
from tests.terminal.watched import Watched, watched

LONG = {'text': 'x', 'seconds': 2.0, 'path': 'input.txt'}
SHORT = {'name': 'b', 'text': 'b'}


def doit(chain: Chain, *arguments: str, **env: str) -> Watched:
    """Start two variants, each with a step that takes its time; what both read may have been written before."""
    (chain.root / 'recipes/input.txt').touch()
    chain.set({'name': 'a', **LONG}, SHORT, others={'w': [{'name': 'c', **LONG}]})
    return watched([sys.executable, '-m', 'doit', *arguments], chain.root, {'PYTHONPATH': str(ROOT), **env})


def at_work(shown: list[str]) -> list[str]:
    return [line for line in shown if line.startswith('  fake-')]


def said(shown: list[str]) -> list[str]:
    return [line for line in shown if line]


def test_two_steps_at_work_are_two_lines_above_one_of_what_is_left(chain):
    pytest.importorskip('rich')
    run = doit(chain)

    shown = run.until(lambda shown: len(at_work(shown)) == 2)
    assert {'fake:v', 'fake:w'} == {line.split()[1] for line in at_work(shown)}
    assert said(shown)[-1].startswith('  3 steps left')

    end = said(run.end())
    assert run.process.returncode == 0
    assert sorted(line.split()[0] for line in end[:-1]) == ['built'] * 3 + ['done'] * 2
    assert end[-1].startswith('3 built, in ')
    assert run.raw.endswith(b's\r\n') and run.raw.count(b'\x1b[?25h') >= run.raw.count(b'\x1b[?25l')


def test_steps_that_ran_before_say_how_long_they_will_take_again(chain):
    pytest.importorskip('rich')
    assert not any('about' in line for line in doit(chain).end())
    (chain.root / 'recipes/input.txt').write_text('edited')

    run = doit(chain)

    assert ', about ' in said(run.until(lambda shown: any('about' in line for line in shown)))[-1]
    assert run.end()


def test_without_rich_one_line_moves_and_the_rest_is_the_same(chain):
    (chain.root / 'rich.py').write_text('raise ImportError')
    run = doit(chain, PYTHONPATH=f'{chain.root}:{ROOT}')

    shown = run.until(lambda shown: any(line.startswith('  ...     fake-') for line in shown))

    assert len([line for line in shown if '...' in line]) == 1
    assert said(run.end())[-1].startswith('3 built, in ')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_stopped_it_leaves_a_terminal_as_it_found_it(chain, number):
    run = doit(chain)
    run.until(at_work)

    run.stop(number)

    end = said(run.end())
    assert run.process.returncode == 128 + number
    assert not at_work(end) and 'Traceback' not in ' '.join(end)
    assert 'modelkiln: stopped; what is finished is kept, and the next run goes on from there' in end


@pytest.mark.parametrize(
    ('env', 'colour'), [({}, 'green'), ({'NO_COLOR': '1'}, 'default'), ({'TERM': 'dumb'}, 'default')]
)
def test_colours_are_as_the_environment_says(chain, env, colour):
    run = doit(chain, 'fake:v', **env)

    assert any('built' in line for line in run.end())
    assert run.coloured('built') == colour


@pytest.mark.parametrize(
    ('env', 'lines'), [({}, '  built   fake-'), ({'FORCE_COLOR': '1'}, '  \x1b[32mbuilt\x1b[0m   fake-')]
)
def test_a_file_gets_plain_lines_unless_colours_are_forced(chain, env, lines):
    code, text = chain.doit(env={'NO_COLOR': '', 'TERM': 'xterm', **env})

    assert code == 0
    assert text.splitlines()[0].startswith(lines)
    assert ('\x1b' in text) == bool(env)
    assert not any(line.startswith('  ...') for line in text.splitlines())


def test_what_is_left_is_what_was_asked_for_and_what_that_waits_for():
    def task(*before: str, acts: bool = True) -> SimpleNamespace:
        return SimpleNamespace(task_dep=before, actions=[print] if acts else [])

    tasks = {
        '_a': task(), '_b': task('_a', '_environment:old'), '_c': task(), '_environment:old': task(),
        '_measure:net': task('_b'), 'net': task('net:report', acts=False), 'net:report': task('_measure:net'),
    }  # fmt: skip
    ahead = ahead_of(tasks, ['net'], lambda name: None)

    assert (ahead.steps, ahead.measures) == ({'_a', '_b'}, {'_measure:net'})
    assert ahead.whole(Counter(built=4)).who == '2 steps left, 1 recipe to measure'
    ahead.over('_a')
    ahead.over('_measure:net')
    assert (ahead.whole({}).who, ahead.whole({}).share, ahead.whole({}).left) == ('1 step left', 0.5, '')


@pytest.mark.parametrize(
    ('seconds', 'told'),
    [
        ({'_a': 10.0, '_b': 10.0, '_c': 20.0, '_measure:net': 60.0}, 'about 2 min left'),
        ({'_a': 10.0, '_b': 10.0, '_c': 20.0}, 'steps: about 30 s left'),
        ({'_a': 10.0, '_measure:net': 60.0}, ''),
    ],
    ids=['all ran before', 'never measured', 'a step is new'],
)
def test_an_estimate_follows_from_what_it_took_and_is_none_where_a_step_is_new(monkeypatch, seconds, told):
    clock = [100.0]
    monkeypatch.setattr('stages.front.ahead.time.monotonic', lambda: clock[0])
    tasks = {name: SimpleNamespace(task_dep=(), actions=[print]) for name in ('_a', '_b', '_c', '_measure:net')}
    ahead = ahead_of(tasks, [*tasks], seconds.get)

    ahead.whole({})
    ahead.begins('_a')
    clock[0] = 110.0
    ahead.over('_a')

    assert ahead.whole({}).left == told
