"""Digests of files are remembered by their stat, and never wrongly."""

from __future__ import annotations

import json
import os
import time

import pytest

from stages.digest import file_digest
from stages.store.files import Remembered


@pytest.fixture
def counted():
    """A digest that counts how often it is taken."""
    calls = []

    def compute(path):
        calls.append(path)
        return file_digest(path)

    return calls, compute


def old(path):
    """Give the file an age at which its digest may be remembered."""
    time.sleep(0.15)  # ctime cannot be set
    return path


def test_a_file_that_stays_as_it_was_is_read_once(tmp_path, counted):
    calls, compute = counted
    path = tmp_path / 'file'
    path.write_text('one')
    old(path)
    for _ in range(3):
        remembered = Remembered(tmp_path / 'kept.json')
        assert remembered.of('sha256', path, compute) == file_digest(path)
        remembered.save()

    assert len(calls) == 1


def test_a_file_that_was_just_written_is_read_again(tmp_path, counted):
    calls, compute = counted
    path = tmp_path / 'file'
    path.write_text('one')
    remembered = Remembered(tmp_path / 'kept.json')
    remembered.of('sha256', path, compute)
    remembered.save()

    Remembered(tmp_path / 'kept.json').of('sha256', path, compute)

    assert len(calls) == 2


def test_equal_size_and_restored_mtime_hide_nothing(tmp_path):
    path = tmp_path / 'file'
    path.write_text('one')
    stat = old(path).stat()
    remembered = Remembered(tmp_path / 'kept.json')
    before = remembered.of('sha256', path, file_digest)
    remembered.save()

    path.write_text('two')
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    assert Remembered(tmp_path / 'kept.json').of('sha256', path, file_digest) == file_digest(path) != before


def test_a_change_within_a_run_is_seen_after_looking_again(tmp_path):
    path = tmp_path / 'file'
    path.write_text('one')
    remembered = Remembered(tmp_path / 'kept.json')
    before = remembered.of('sha256', path, file_digest)
    path.write_text('another')

    assert remembered.of('sha256', path, file_digest) == before  # one run works with one state
    remembered.forget_run()
    assert remembered.of('sha256', path, file_digest) == file_digest(path)


@pytest.mark.parametrize('text', ['', '{', '{}'], ids=repr)
def test_a_damaged_memory_costs_time_only(tmp_path, text):
    (tmp_path / 'kept.json').write_text(text)
    (tmp_path / 'file').write_text('one')

    assert Remembered(tmp_path / 'kept.json').of('sha256', tmp_path / 'file', file_digest) == file_digest(
        tmp_path / 'file'
    )


def test_what_is_kept_is_plain_json(tmp_path):
    path = tmp_path / 'file'
    path.write_text('one')
    old(path)
    remembered = Remembered(tmp_path / 'kept.json')
    remembered.of('sha256', path, file_digest)
    remembered.save()

    assert list(json.loads((tmp_path / 'kept.json').read_text())) == [f'sha256:{path}']
