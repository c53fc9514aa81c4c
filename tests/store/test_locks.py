"""Locks of a machine: safe in a folder that is everybody's, for users without a name, and between users."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import pytest

from stages.store import locks, machine
from stages.store.machine import common_file, machine_folder

ROOT = Path(__file__).resolve().parents[2]
STRANGER = 12345
SETPRIV = ['setpriv', '--reuid', str(12345), '--regid', str(12345), '--clear-groups']
"""A uid that has no name here."""


@pytest.fixture
def shared(monkeypatch, tmp_path):
    """A folder for temporary files that is everybody's, as /tmp."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o1777)
    monkeypatch.setenv('MODELKILN_LOCKS', str(folder))
    monkeypatch.setenv('HOME', str(tmp_path))
    machine._folder_for.cache_clear()
    yield folder
    machine._folder_for.cache_clear()
    shutil.rmtree(folder)


@cache
def starts() -> bool:
    """Whether a stranger can start this Python and reads its packages: they may lie where only their owner looks."""
    return subprocess.run([*SETPRIV, sys.executable, '-c', 'import portalocker'], capture_output=True).returncode == 0


def as_stranger(code: str, **env: str) -> str:
    if os.getuid() != 0 or not shutil.which('setpriv'):
        pytest.skip('needs root and setpriv, to be another user')
    if not starts():
        pytest.skip('needs a Python whose packages other users can read')
    kept = {name: value for name, value in os.environ.items() if name not in ('USER', 'LOGNAME', 'USERNAME')}
    done = subprocess.run(
        [*SETPRIV, sys.executable, '-c', code], cwd=ROOT, env=kept | env,
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
    )  # fmt: skip
    return done.stdout


BUILD = """
from stages.store.locks import building, measuring
with building(): pass
with measuring(): pass
print('held')
"""


def test_a_user_without_a_name_can_build_and_measure(shared):
    assert as_stranger(BUILD, HOME='/nowhere') == 'held\n'
    assert (shared / f'modelkiln-{STRANGER}').stat().st_mode & 0o777 == 0o700


def test_the_folder_is_closed_to_others_even_if_it_was_open(shared):
    (shared / f'modelkiln-{os.getuid()}').mkdir(mode=0o777)

    assert machine_folder().stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize('squat', ['folder', 'link', 'file'])
def test_a_name_that_another_user_took_first_stops_nobody(shared, squat):
    path = shared / f'modelkiln-{STRANGER}'
    {'folder': path.mkdir, 'link': lambda: path.symlink_to('/etc'), 'file': path.touch}[squat]()

    said = as_stranger(BUILD, HOME='/nowhere').splitlines()

    assert said[-1] == 'held'
    assert len(said) == 2
    assert str(path) in said[0]
    assert 'not waited for' in said[0]


def test_at_home_the_locks_are_shared_all_the_same(shared, tmp_path, capsys):
    (shared / f'modelkiln-{os.getuid()}').symlink_to(tmp_path)

    assert machine_folder() == tmp_path / '.cache/modelkiln'
    assert machine_folder() == tmp_path / '.cache/modelkiln'


def test_two_users_do_not_measure_at_once(shared, monkeypatch):
    code = """
from stages.store import locks
locks.PATIENCE_SECONDS = 0.3
with locks.measuring(): print('measured')
"""
    with locks.measuring():
        said = as_stranger(code, HOME='/nowhere')

    assert said.splitlines()[0].endswith('waiting: another user of this machine measures')
    assert said.splitlines()[-1] == 'measured'  # nobody can keep others waiting for ever
    assert as_stranger(code, HOME='/nowhere') == 'measured\n'


@pytest.mark.parametrize(
    'trap', [lambda path: path.symlink_to('/etc/passwd'), os.mkfifo, lambda path: path.mkdir(), lambda path: None]
)
def test_the_file_for_all_users_is_a_plain_file_or_none(shared, trap):
    trap(shared / machine.COMMON)

    stream = common_file()

    if stream is not None:
        stream.close()
    assert (stream is not None) == ((shared / machine.COMMON).is_file() and not (shared / machine.COMMON).is_symlink())


def test_a_lock_file_of_another_user_can_be_held(shared):
    lock = shared / 'lock'
    lock.touch(mode=0o644)
    code = f"""
from pathlib import Path
from stages.store.locks import locked, unless_locked
path = Path({str(lock)!r})
with locked(path):
    with unless_locked(path) as free: print(free)
with unless_locked(path) as free: print(free)
"""
    assert as_stranger(code) == 'False\nTrue\n'
