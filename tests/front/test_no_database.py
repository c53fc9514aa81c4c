"""doit keeps no database: nothing that lies where one used to lie can stop a run."""

from __future__ import annotations

import sqlite3
import stat

import pytest

from tests.faults.conftest import chain as chain


def lock(path):
    held = sqlite3.connect(path, isolation_level=None)
    held.execute('create table doit (task_id text)')
    held.execute('begin exclusive')
    return held


@pytest.mark.parametrize(
    'harm',
    [
        lambda path: path.write_bytes(b'SQLite format 3\0' + b'\xff' * 700),
        lambda path: path.write_text('{"not": "a database'),
        lambda path: path.write_bytes(b''),
        lambda path: path.mkdir(),
        lambda path: path.symlink_to('/nowhere/at/all'),
        lambda path: path.touch(mode=0),
        lock,
    ],
    ids=['truncated', 'garbage', 'empty', 'folder', 'link', 'unreadable', 'locked'],
)
def test_an_old_database_in_any_state_stops_nothing(chain, harm):
    (chain.root / '.modelkiln').mkdir()
    held = harm(chain.root / '.modelkiln/doit.db')

    code, text = chain.doit()

    assert (code, 'Traceback' in text) == (0, False), text
    assert chain.artifact().read_text() == 'ABC'
    del held


def test_a_run_leaves_no_database(chain):
    chain.doit()

    assert not [*(chain.root / '.modelkiln').glob('*.db*')]


def test_a_run_with_nothing_to_do_needs_no_folder_it_can_write(chain):
    chain.doit()
    chain.ran()
    folders = [chain.root, *(path for path in chain.root.rglob('*') if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        code, text = chain.doit()
    finally:
        for folder in folders:
            folder.chmod(0o755)

    assert (code, chain.ran()) == (0, []), text


@pytest.mark.parametrize('umask', [0o077, 0o000])
def test_modes_are_ours_whatever_the_umask(chain, umask):
    import os

    before = os.umask(umask)
    try:
        code, text = chain.doit()
    finally:
        os.umask(before)

    assert code == 0, text
    folder = chain.artifact().parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o644}
