"""Several users, and users without a name: what can work works, else it is said whose the place is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.faults.conftest import ROOT, Chain, chain_at
from tests.store.test_locks import SETPRIV, STRANGER


@pytest.fixture
def open_chain():
    """A chain in a folder that everybody can read."""
    if os.getuid() != 0 or not shutil.which('setpriv'):
        pytest.skip('needs root and setpriv, to be another user')
    if not all(place.stat().st_mode & 0o001 for place in Path(os.path.realpath(sys.executable)).parents):
        pytest.skip('needs a Python that other users can start')
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    chain = chain_at(folder / 'project')
    chain.set({'name': 'a', 'text': 'A'}, {'name': 'b', 'text': 'B'})
    yield chain
    shutil.rmtree(folder)


def as_stranger(chain: Chain, *command: str) -> tuple[int, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ('USER', 'LOGNAME', 'HOME')}
    with tempfile.TemporaryDirectory() as locks:
        os.chmod(locks, 0o1777)
        done = subprocess.run(
            [*SETPRIV, sys.executable, '-m', *(command or ('doit',))], cwd=chain.root, text=True, timeout=120,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=kept | {'PYTHONPATH': str(ROOT), 'HOME': '/nowhere', 'MODELKILN_LOCKS': locks},
        )  # fmt: skip
    return done.returncode, done.stdout


def test_a_user_without_a_name_builds(open_chain):
    for path in (open_chain.root, *open_chain.root.rglob('*')):
        os.chown(path, STRANGER, STRANGER)

    code, text = as_stranger(open_chain)

    assert (code, 'Traceback' in text) == (0, False), text
    assert open_chain.artifact().read_text() == 'AB'


def test_what_another_user_built_is_current_for_all(open_chain):
    assert open_chain.doit()[0] == 0

    code, text = as_stranger(open_chain)

    assert (code, 'Traceback' in text) == (0, False), text


@pytest.mark.parametrize('command', [('gc', '--dry-run'), ('du',), ('verify',)])
def test_looking_at_what_another_user_built_works(open_chain, command):
    assert open_chain.doit()[0] == 0

    code, text = as_stranger(open_chain, 'stages.command.main', *command)

    assert (code, 'Traceback' in text) == (0, False), text


def test_what_cannot_be_written_is_named_with_its_owner(open_chain):
    assert open_chain.doit()[0] == 0
    open_chain.set({'name': 'a', 'text': 'other'})

    code, text = as_stranger(open_chain)

    assert code != 0
    assert 'Traceback' not in text
    assert f'belongs to root (uid 0), its mode is drwxr-xr-x, and this run is uid {STRANGER}' in text
    assert str(open_chain.root / '.modelkiln') in text
    assert open_chain.artifact().read_text() == 'AB'


def test_a_project_shared_with_a_group_is_built_by_any_of_it(open_chain):
    os.chown(open_chain.root, 0, STRANGER)
    open_chain.root.chmod(0o2775)
    assert open_chain.doit()[0] == 0
    open_chain.set({'name': 'a', 'text': 'other'})

    code, text = as_stranger(open_chain)

    assert code == 0, text
    assert open_chain.artifact().read_text() == 'other'
    assert open_chain.doit()[0] == 0
