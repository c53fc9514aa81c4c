"""A locked environment is made whole or not at all, and never mixed with the user's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stages.environments import ENVIRONMENTS, listens, lock_file, locked, purpose
from stages.errors import ToolError
from stages.execute import environment, pythons
from stages.execute.project import Project
from stages.plan.step import Plan


@pytest.mark.parametrize('name', ENVIRONMENTS)
def test_every_package_of_a_lock_is_pinned_and_hashed(name: str) -> None:
    text = lock_file(name).read_text()
    pins = [line for line in text.splitlines() if line and not line.startswith(('#', ' '))]

    assert len(locked(name)) == len(pins)
    assert all('==' in pin for pin in pins)
    assert text.count('--hash=sha256:') >= len(pins)
    assert 'numpy' in locked(name)  # the worker needs it there
    assert purpose(name).endswith('.')


def test_a_lock_that_cannot_be_installed_leaves_nothing_that_counts(tmp_path: Path, monkeypatch) -> None:
    lock = tmp_path / 'broken.txt'
    lock.write_text(f'# For a test.\nno-such-package-of-modelkiln==1.0 --hash=sha256:{"0" * 64}\n')
    for place in ('stages.execute.environment.lock_file', 'stages.environments.lock_file'):
        monkeypatch.setattr(place, lambda name: lock)
    project = Project(tmp_path, Plan({}, {}, {}, {}))

    with pytest.raises(ToolError, match=r'cannot be made(.|\n)*modelkiln doctor --make'):
        environment.make(project, 'broken')

    assert not environment.is_made(project, 'broken')


def test_an_environment_that_talks_to_itself_is_not_made_where_it_could_not(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr('stages.execute.environment.missing', lambda: ('namespaces',))
    project = Project(tmp_path, Plan({}, {}, {}, {}))

    with pytest.raises(ToolError, match='environment oneflow needs a network of its own'):
        environment.make(project, 'oneflow')

    assert [name for name in ENVIRONMENTS if listens(name)] == ['oneflow']
    assert [*tmp_path.rglob('oneflow*')] == []


def test_another_lock_is_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MODELKILN_ENVIRONMENTS', str(tmp_path / 'none made'))
    project = Project(tmp_path, Plan({}, {}, {}, {}))

    folders = {environment.folder_of(project, name) for name in ENVIRONMENTS}

    assert len(folders) == len(ENVIRONMENTS)
    assert not any(environment.is_made(project, name) for name in ENVIRONMENTS)


def other_python() -> str:
    """Return the version of a CPython of this machine that is not ours."""
    ours = '.'.join(map(str, sys.version_info[:2]))
    found = next((v for v in ('3.10', '3.12', '3.11', '3.13') if v != ours and pythons.find(v)), None)
    return found or pytest.skip('no other CPython is on this machine')


def test_an_environment_may_be_made_with_another_cpython(tmp_path: Path, monkeypatch) -> None:
    wanted = other_python()
    lock = tmp_path / 'older.txt'
    lock.write_text(f'# For a test.\n# CPython: {wanted}\n')
    for place in ('stages.execute.environment.lock_file', 'stages.environments.lock_file'):
        monkeypatch.setattr(place, lambda name: lock)
    project = Project(tmp_path, Plan({}, {}, {}, {}))

    python = environment.interpreter('older')

    asked = [python, '-c', 'import sys; print("%d.%d" % sys.version_info[:2])']
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip() == wanted
    assert f'-py{wanted}-' in environment.folder_of(project, 'older').name


def test_a_cpython_that_is_not_here_is_asked_for_by_name(tmp_path: Path, monkeypatch) -> None:
    lock = tmp_path / 'newer.txt'
    lock.write_text('# For a test.\n# CPython: 3.99\n')
    for place in ('stages.execute.environment.lock_file', 'stages.environments.lock_file'):
        monkeypatch.setattr(place, lambda name: lock)
    project = Project(tmp_path, Plan({}, {}, {}, {}))

    with pytest.raises(ToolError, match=r'newer needs CPython 3.99, which is not here\n.*pyenv install 3.99'):
        environment.make(project, 'newer')

    assert not environment.folder_of(project, 'newer').exists()


def test_a_shim_that_runs_nothing_is_no_cpython(tmp_path: Path, monkeypatch) -> None:
    shim = tmp_path / 'python3.99'
    shim.write_text('#!/bin/sh\necho "pyenv: python3.99: command not found" >&2\nexit 127\n')
    shim.chmod(0o755)
    monkeypatch.setenv('PATH', str(tmp_path))

    assert pythons.find('3.99') is None
