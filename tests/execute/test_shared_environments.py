"""A locked environment is one for all projects of a user, made once, and there as long as somebody uses it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stages.confine import Policy
from stages.environments.place import shared_folder
from stages.execute import capsule, environment
from stages.execute.project import Project
from stages.launch import Limits
from stages.plan.step import Plan
from stages.store.locks import locked
from tests.small import ROOT

MAKE = """
import sys
from pathlib import Path
from stages import environments
from stages.execute import environment
from stages.execute.project import Project
from stages.plan.step import Plan
environments.lock_file = environment.lock_file = lambda name: Path(sys.argv[1])
project = Project(Path(sys.argv[2]), Plan({}, {}, {}, {}))
environment.make(project, 'empty')
print('there', flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def shared(tmp_path, monkeypatch) -> Path:
    """A user with an empty cache, and a lock file of no packages: nothing is downloaded."""
    (tmp_path / 'empty.txt').write_text('# For a test.\n')
    monkeypatch.setenv('MODELKILN_ENVIRONMENTS', str(tmp_path / 'cache'))
    for place in ('stages.execute.environment.lock_file', 'stages.environments.lock_file'):
        monkeypatch.setattr(place, lambda name: tmp_path / 'empty.txt')
    return tmp_path / 'cache'


def project_of(root: Path) -> Project:
    return Project(root, Plan({}, {}, {}, {}))


def user(tmp_path: Path, name: str) -> subprocess.Popen[str]:
    """Start a run of the project ``name`` that uses the environment until its input ends."""
    return subprocess.Popen(
        [sys.executable, '-c', MAKE, tmp_path / 'empty.txt', tmp_path / name], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | {'PYTHONPATH': str(ROOT)},
    )  # fmt: skip


@pytest.mark.slow
def test_two_projects_at_once_make_it_once_and_nobody_takes_it_away_meanwhile(shared, tmp_path):
    runs = [user(tmp_path, name) for name in ('one', 'two')]
    lines: list[str] = []
    for run in runs:
        assert run.stdout
        while not lines or lines[-1] != 'there\n':
            lines.append(run.stdout.readline())
        lines[-1] = 'both are there\n'
    third = project_of(tmp_path / 'three')
    [folder] = environment.shared_ones()

    assert sum(line.startswith('  built   environment') for line in lines) == 1
    assert environment.is_made(third, 'empty')
    assert not environment.take_away(third, folder)

    for run in runs:
        run.communicate('\n', timeout=60)
    assert environment.last_used(folder) > time.time() - 600
    assert environment.take_away(third, folder)
    assert not environment.is_made(third, 'empty')


@pytest.mark.slow
def test_a_step_reads_it_and_cannot_write_to_it(shared, tmp_path):
    project = project_of(tmp_path / 'project')
    environment.make(project, 'empty')
    python = environment.python_of(project, 'empty')
    write = (
        'import pip, sys\n'
        'for place in (sys.prefix, pip.__path__[0]):\n'
        '    try: open(place + "/new.txt", "w")\n'
        '    except OSError: print("kept from", place)\n'
    )
    work = tmp_path / 'work'
    work.mkdir()

    log = work / 'log'
    log.touch()
    ended = project.launcher.program(
        [python, '-c', write], work, log, {'PATH': os.defpath}, Policy(write=(str(work),)), Limits(60), python=python
    )

    assert ended is None, log.read_text()
    assert log.read_text().count(f'kept from {shared}') == 2
    assert not list(project.state.rglob('pip'))


def test_a_step_is_repeated_in_it_too(shared, tmp_path, monkeypatch):
    project = project_of(tmp_path / 'project')
    environment.make(project, 'empty')
    python = environment.python_of(project, 'empty')
    folder = tmp_path / 'capsule'
    folder.mkdir()
    (folder / 'request.json').write_text('{"keep": ""}')
    capsule.write(capsule.Capsule('s', 'k', {}, {'PATH': os.defpath}, False, (), (), False, 60, 0, python), folder)
    monkeypatch.setattr(capsule, 'command', lambda one, folder: [one.python, '-c', 'import sys; print(sys.prefix)'])

    assert capsule.run(folder, lambda: None).ended == '', (folder / capsule.LOG).read_text()
    assert (folder / capsule.LOG).read_text().startswith(str(shared))


def test_what_a_project_made_before_goes_on_being_used(shared, tmp_path):
    project = project_of(tmp_path)
    name = environment.folder_of(project, 'empty').name.removesuffix(f'-{os.uname().machine}')
    old = project.state / 'environments' / name
    (old / 'bin').mkdir(parents=True)
    (old / 'bin/python').symlink_to(sys.executable)
    (old / 'made.json').write_text('{}')

    assert environment.python_of(project, 'empty') == str(old / 'bin/python')
    assert environment.is_made(project, 'empty')


def test_one_whose_python_is_gone_is_not_there(shared, tmp_path):
    project = project_of(tmp_path)
    folder = environment.folder_of(project, 'empty')
    (folder / 'bin').mkdir(parents=True)
    (folder / 'bin/python').symlink_to('/nowhere/python')
    (folder / 'made.json').write_text('{}')

    assert not environment.is_made(project, 'empty')


def test_what_a_killed_run_left_half_made_goes_and_what_is_being_made_stays(shared, tmp_path):
    project = project_of(tmp_path)
    folder = environment.folder_of(project, 'empty')
    (folder / 'bin').mkdir(parents=True)

    with locked(shared / environment.LOCKS / folder.name):
        environment.clear_half_made(project)
        assert folder.exists()
    environment.clear_half_made(project)
    assert not folder.exists()


@pytest.mark.parametrize(
    ('env', 'place'),
    [
        ({'MODELKILN_ENVIRONMENTS': '/srv/environments'}, '/srv/environments'),
        ({'XDG_CACHE_HOME': '{}/xdg'}, '{}/xdg/modelkiln/environments'),
        ({'XDG_CACHE_HOME': 'relative'}, '{}/home/.cache/modelkiln/environments'),
        ({}, '{}/home/.cache/modelkiln/environments'),
        ({'HOME': '{}/file'}, None),
    ],
)
def test_they_lie_where_the_user_wants_them_or_in_his_cache(tmp_path, monkeypatch, env, place):
    (tmp_path / 'home').mkdir()
    (tmp_path / 'file').touch()
    for name, text in {'MODELKILN_ENVIRONMENTS': '', 'XDG_CACHE_HOME': '', 'HOME': f'{tmp_path}/home', **env}.items():
        monkeypatch.setenv(name, text.format(tmp_path))

    found = shared_folder()

    assert (str(found) if found else None) == (place.format(tmp_path) if place else None)


def test_a_cache_that_others_can_write_to_is_no_place_for_them(tmp_path, monkeypatch):
    monkeypatch.setenv('MODELKILN_ENVIRONMENTS', '')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    folder = tmp_path / 'modelkiln/environments'
    folder.mkdir(parents=True)
    folder.chmod(0o777)

    assert shared_folder() is None
    assert environment.folder_of(project_of(tmp_path), 'mxnet').is_relative_to(tmp_path / '.modelkiln/environments')
