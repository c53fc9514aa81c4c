"""One small project, built once by the real doit; tests take a copy of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.small import Ran, Small, small_project

settings.register_profile(
    'ours',
    deadline=None,  # a busy machine is no fault of the code
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    database=None,  # what one run found does not decide what the next one tries; a failure prints how to repeat it
    print_blob=True,
)
settings.load_profile('ours')


@pytest.fixture(scope='session', autouse=True)
def locks_of_our_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Wait for nobody: another run that measures on this machine holds locks that every project shares."""
    os.environ['MODELKILN_LOCKS'] = str(tmp_path_factory.mktemp('locks'))


@pytest.fixture(scope='session', autouse=True)
def environments_of_our_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Leave those in the user's cache alone, unless a place is named."""
    os.environ.setdefault('MODELKILN_ENVIRONMENTS', str(tmp_path_factory.mktemp('cache') / 'environments'))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB."""
    mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=8m', 'none', str(tmp_path)], capture_output=True)
    if os.geteuid() or mounted.returncode:
        pytest.skip('needs root, who may mount a small disk')
    yield tmp_path
    subprocess.run(['umount', '-l', str(tmp_path)], check=True)


@pytest.fixture(scope='session')
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Small, Ran]:
    """The project after its first ``doit``, and what that said. Left as it is: change a copy (``small``)."""
    for name in ('torch', 'onnx', 'onnxruntime', 'onnxscript', 'matplotlib', 'jinja2'):
        pytest.importorskip(name, reason='needs modelkiln[torch,onnx,report]: pip install "modelkiln[all]"')
    project = small_project(tmp_path_factory.mktemp('small') / 'project')
    return project, project.doit()


@pytest.fixture
def small(first_run: tuple[Small, Ran], tmp_path: Path) -> Small:
    """A copy of the built project, to change."""
    assert first_run[1].code == 0, first_run[1].text
    shutil.copytree(first_run[0].root, tmp_path / 'project')
    return Small(tmp_path / 'project')
