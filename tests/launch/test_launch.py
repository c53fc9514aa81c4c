"""Processes of a run: how each ends, in words, and that none is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

import stages
from stages import spawn
from stages.confine import Policy
from stages.launch import Launcher, Limits, Tool
from stages.launch.house import HOUSE, at_hand
from stages.launch.tree import below, memory
from stages.launch.worker import ANSWERS
from tests.launch import probing, starting

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='only Linux forks servers')
MIB = 1 << 20


@pytest.fixture
def launcher(tmp_path: Path):
    made = Launcher(tmp_path / 'servers')
    yield made
    made.close()


@pytest.fixture
def program(launcher, tmp_path):
    """Run lines of Python; return how they ended."""

    def run(code: str, **limits: int) -> str | None:
        argv = [sys.executable, '-I', '-c', code]
        policy = Policy((), (str(tmp_path),))
        return launcher.program(
            argv,
            tmp_path,
            tmp_path / 'log',
            spawn.environment(tmp_path),
            policy,
            Limits(limits.pop('seconds', 30), **limits),
        )

    return run


def test_how_a_process_ended_is_said_in_words(program):
    assert program('pass') is None
    assert program('raise SystemExit(3)') == 'ended with exit code 3'
    assert program('import os; os.kill(os.getpid(), 9)') == 'was killed by signal 9 (SIGKILL)'
    assert program('import os; os.abort()') == 'was killed by signal 6 (SIGABRT)'
    assert program('import time; time.sleep(60)', seconds=1) == 'took longer than its limit of 1 s and was stopped'


def test_who_needs_more_memory_than_it_may_have_is_stopped_with_these_words(program):
    ended = program(f'x = bytearray(400 * {MIB}); import time; time.sleep(60)', memory=200 * MIB)

    assert ended is not None and ended.startswith('was killed: needed more than 200.0 MiB (')


def test_who_starts_too_many_processes_is_stopped(program):
    assert program('import os, time; [os.fork() for _ in range(5)]; time.sleep(60)', processes=20) == (
        'was killed: started more than 20 processes'
    )


def test_what_it_started_ends_with_it_even_in_a_session_of_its_own(program, launcher):
    assert program('import subprocess; subprocess.Popen(["sleep", "60"], start_new_session=True)') is None
    deadline = time.monotonic() + 5
    while below(launcher.first[0]):  # the process that watched over it is taken away a moment later
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def ran(launcher, tmp_path):
    """Run a step of a module of ours with these tools; return the folder of what it left."""

    def run(module: ModuleType, *tools: str, seconds: float = 30) -> Path:
        folder = tmp_path / '-'.join([module.__name__, *tools])
        for name in ('out', 'home', ANSWERS):
            (folder / name).mkdir(parents=True)
        request = {
            'module': module.__name__, 'params': {}, 'roles': [], 'keep': '', 'declared': None, 'hidden': ['tabnanny'],
            'project': str(folder), 'allowed': [str(folder)],
        }  # fmt: skip
        (folder / 'request.json').write_text(json.dumps(request))
        policy = Policy((str(folder),), tuple(str(folder / name) for name in ('out', 'home', ANSWERS)))
        ended = launcher.worker(
            folder / 'request.json', tmp_path / 'log', spawn.environment(folder / 'home'), policy, Limits(seconds),
            tools=[Tool(tool, (tool,)) for tool in tools], modules=[module.__name__],
        )  # fmt: skip
        assert ended is None, ended + (tmp_path / 'log').read_text()
        return folder / 'out'

    return run


@pytest.fixture
def loaded(ran):
    """Run a step with these tools; return what was loaded when it began."""

    def run(*tools: str, seconds: float = 30) -> set[str]:
        return set((ran(probing, *tools, seconds=seconds) / probing.LOADED).read_text().split())

    return run


def test_a_step_begins_with_the_tools_loaded_that_it_declares_and_with_no_others(loaded):
    tools = {'wave', 'colorsys', 'mailbox'}

    assert loaded('wave') & tools == {'wave'}
    assert loaded('wave', 'colorsys') & tools == {'wave', 'colorsys'}
    assert loaded('mailbox') & tools == {'mailbox'}


def test_what_a_step_does_not_declare_is_not_there_for_it(ran):
    assert (ran(probing, 'wave') / probing.FOUND).read_text() == 'pyclbr'


def test_a_python_that_a_step_starts_finds_our_package_and_not_what_lies_beside_it(ran):
    assert (ran(starting) / starting.LEFT).read_text() == 'by the child'


def test_what_is_not_installed_is_for_the_step_to_say(loaded):
    assert 'no_such_tool' not in loaded('no_such_tool')


def test_tools_that_do_not_load_in_time_fail_their_step_and_no_other(launcher, loaded, tmp_path):
    sleeping = 'tests.launch.sleeping'

    with pytest.raises(AssertionError, match='did not begin within its limit of time'):
        loaded(sleeping, seconds=1)

    assert 'wave' in loaded('wave')
    assert sleeping not in {tool for server in launcher.servers[sys.executable] for tool in server.tools}


def test_a_server_that_died_is_told_and_the_next_step_gets_a_new_one(launcher, program):
    assert program('pass') is None
    os.kill(launcher.first[0], 9)
    time.sleep(0.2)

    assert 'had died' in (program('pass') or '')
    assert program('pass') is None


def test_memory_counts_a_process_and_what_it_started():
    assert memory(os.getpid()) > MIB


def test_what_a_step_starts_finds_our_package_and_no_link_to_it_lies_in_a_project(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, 'path', list(sys.path))
    at_hand(tmp_path / 'house')
    asked = 'import stages, stages.errors as errors; print(stages.__version__, errors.__file__)'
    argv = [sys.executable, '-I', '-c', f'import sys; sys.path.insert(0, {str(tmp_path / "house")!r}); {asked}']
    said = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert said.stdout.split() == [stages.__version__, str(HOUSE / 'errors.py')]
    assert not [path for path in tmp_path.rglob('*') if path.is_symlink()]
