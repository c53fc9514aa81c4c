"""A second copy of the package is noticed where it matters, and named with what makes them one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from stages import copies

ROOT = Path(__file__).resolve().parents[1]


def test_a_project_without_a_copy_says_nothing_and_a_clone_that_is_not_the_installed_one_is_named(tmp_path):
    assert copies.warning(tmp_path) == ''

    (tmp_path / 'stages/launch').mkdir(parents=True)
    shutil.copy(ROOT / 'stages/launch/worker.py', tmp_path / 'stages/launch')

    said = copies.warning(tmp_path)
    assert str(tmp_path / 'stages') in said
    assert f'pip install -e {tmp_path}' in said


def test_doit_in_a_clone_names_the_installed_copy_that_the_command_would_run(tmp_path):
    for place in ('clone', 'site'):
        shutil.copytree(ROOT / 'stages', tmp_path / place / 'stages', ignore=shutil.ignore_patterns('__pycache__'))
    (tmp_path / 'clone/recipes').mkdir()
    code = f'import sys; sys.path.append({str(tmp_path / "site")!r}); from pathlib import Path; ' + (
        'from stages.front.start import opened; opened(Path.cwd())'
    )

    done = subprocess.run([sys.executable, '-c', code], cwd=tmp_path / 'clone', capture_output=True, text=True)

    assert f'this is {tmp_path / "clone/stages"};' in done.stderr
    assert f'{tmp_path / "site/stages"} is another' in done.stderr
