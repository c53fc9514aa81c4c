"""A locked environment is made whole or not at all, and never mixed with the user's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.environments import ENVIRONMENTS, lock_file, locked, purpose
from stages.errors import ToolError
from stages.execute import environment
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


def test_another_lock_is_another_folder(tmp_path: Path) -> None:
    project = Project(tmp_path, Plan({}, {}, {}, {}))

    folders = {environment.folder_of(project, name) for name in ENVIRONMENTS}

    assert len(folders) == len(ENVIRONMENTS)
    assert not any(environment.is_made(project, name) for name in ENVIRONMENTS)
