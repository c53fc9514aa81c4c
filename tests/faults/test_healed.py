"""8 to 10 and 14: what was lost or harmed comes back right, with as little work as there can be."""

from __future__ import annotations

import shutil
import sqlite3

import pytest

from stages.command import verify


@pytest.mark.parametrize('harm', ['changed', 'emptied', 'deleted', 'linked', 'extra'])
def test_fault_08_an_artifact_that_was_touched_is_healed_from_the_store(chain, harm):
    chain.doit()
    chain.ran()
    path = chain.artifact()
    {
        'changed': lambda: path.chmod(0o644) or path.write_text('AXC'),
        'emptied': lambda: path.chmod(0o644) or path.write_text(''),
        'deleted': lambda: path.unlink(),
        'linked': lambda: path.unlink() or path.symlink_to('/etc/hostname'),
        'extra': lambda: (path.parent / 'stray').write_text('?'),
    }[harm]()

    code, _ = chain.doit()

    assert code == 0
    assert path.read_text() == 'ABC'
    assert not path.is_symlink()
    assert not (path.parent / 'stray').exists()
    assert chain.ran() == []


def test_fault_09_a_flipped_byte_in_the_store_is_never_delivered(chain):
    chain.doit()
    chain.ran()
    flip(chain.blob(b'ABC'))
    shutil.rmtree(chain.artifact().parent)

    code, text = chain.doit()

    assert code == 0
    assert 'damaged' in text
    assert chain.artifact().read_text() == 'ABC'
    assert chain.ran() == ['c']


def test_fault_09_a_flipped_byte_is_found_by_verify_and_set_aside(chain, monkeypatch):
    chain.doit()
    blob = chain.blob(b'AB')
    flip(blob)
    monkeypatch.chdir(chain.root)

    project = chain.project()
    problems = verify.problems_of(project)
    verify.repair(project, problems)

    assert [problem for problem in problems if blob.name in str(problem)]
    assert not blob.exists()
    assert (chain.state / 'store' / 'damaged' / blob.name).exists()


def test_fault_10_when_every_blob_is_gone_what_is_wanted_is_built_again(chain):
    chain.doit()
    chain.ran()
    shutil.rmtree(chain.state / 'store/blobs')
    shutil.rmtree(chain.artifact().parent)

    assert chain.doit()[0] == 0
    assert chain.artifact().read_text() == 'ABC'
    assert sorted(chain.ran()) == ['a', 'b', 'c']


@pytest.mark.parametrize('harm', ['deleted', 'emptied', 'garbage', 'cut', 'locked', 'a folder'])
def test_fault_14_doits_own_database_is_not_needed(chain, harm):
    chain.doit()
    chain.ran()
    path = chain.state / 'doit.db'
    whole = path.read_bytes() if path.exists() else b'SQLite format 3\0'
    holder = sqlite3.connect(path) if harm == 'locked' else None
    {
        'deleted': lambda: path.unlink(missing_ok=True),
        'emptied': lambda: path.write_bytes(b''),
        'garbage': lambda: path.write_bytes(b'\xff garbage \0' * 700),
        'cut': lambda: path.write_bytes(whole[:700]),
        'locked': lambda: holder.execute('BEGIN EXCLUSIVE'),
        'a folder': lambda: path.unlink(missing_ok=True) or path.mkdir(),
    }[harm]()

    code, text = chain.doit()

    assert code == 0
    assert 'Traceback' not in text
    assert chain.ran() == []
    assert chain.artifact().read_text() == 'ABC'


def flip(blob) -> None:
    """Change one bit, and keep the length."""
    content = bytearray(blob.read_bytes())
    content[-1] ^= 1
    blob.chmod(0o644)
    blob.write_bytes(content)
