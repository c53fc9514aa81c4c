"""12: a disk that is full, breaks or refuses at any operation: nothing half made, helpful words, healed next time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.conftest import ROOT

WORDS = {'ENOSPC': 'No space left on device', 'EIO': 'Input/output error', 'EACCES': 'Permission denied'}


def cases(folder: Path, *how: str) -> list[dict[str, object]]:
    """Let each operation on the disk fail; return what each run did, and the one after it."""
    argv = [sys.executable, '-m', 'tests.faults.every_fault', str(folder), *how]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope='session')
def tried(tmp_path_factory):
    return cases(tmp_path_factory.mktemp('fails'))


def brief(case) -> str:
    return f'{case["error"]} at {case["what"]} {case["path"]}: {case["code"]} {str(case["text"])[-300:]}'


def of_every_kind(tried) -> bool:
    return {case['what'] for case in tried} >= {'write', 'fsync', 'replace'} and len(tried) > 20


def test_fault_12_whatever_fails_nothing_is_half_published(tried):
    assert of_every_kind(tried)
    assert [brief(case) for case in tried if case['harm'] or (case['code'] == 0 and case['made'] != 'A')] == []


def test_fault_12_the_next_run_makes_all_of_it(tried):
    assert of_every_kind(tried)
    wrong = [case for case in tried if case['again'] != 0 or case['made'] != 'A' or case['again_harm']]
    assert [brief(case) for case in wrong] == []


def test_fault_12_no_failure_shows_a_traceback_or_is_called_a_bug(tried):
    wrong = [case for case in tried if 'Traceback' in case['text'] or case['code'] in (70, 99)]
    assert [brief(case) for case in wrong] == []


def test_fault_12_a_failure_says_disk_and_what_failed_where(tried):
    failed = [case for case in tried if case['code'] != 0]
    assert len(failed) > 15
    wrong = [case for case in failed if not says(case)]
    assert [brief(case) for case in wrong] == []


def says(case) -> bool:
    """Whether a text names the system's reason, and the file or the folder it is in."""
    path = Path(str(case['hit']))
    where = any(str(name) in str(case['text']) for name in (path, path.parent))
    disk = 'disk' in str(case['text']) or case['error'] == 'EACCES'
    return WORDS[str(case['error'])] in str(case['text']) and disk and where


@pytest.mark.soak
def test_fault_12_every_operation_by_every_error(tmp_path):
    tried = cases(tmp_path, 'all')

    assert of_every_kind(tried)
    for case in tried:
        assert not case['harm'] and not case['again_harm'], brief(case)
        assert (case['again'], case['made'], case['left']) == (0, 'A', []), brief(case)
        assert 'Traceback' not in case['text'], brief(case)
        assert case['code'] == 0 or says(case), brief(case)


@pytest.mark.parametrize('free', [0, 4096, 65536, 1 << 20])
def test_fault_12_a_disk_that_is_full_is_told_and_once_there_is_room_all_is_made(small_disk, free):
    from tests.faults.conftest import chain_at

    chain = chain_at(small_disk / 'project')
    chain.set({'name': 'a', 'text': 'A' * 400_000}, {'name': 'b', 'text': 'B' * 400_000}, {'name': 'c', 'text': 'C'})
    (small_disk / 'ballast').write_bytes(bytes(os.statvfs(small_disk).f_bavail * 4096 - free))
    code, text = chain.doit()
    assert code != 0
    assert 'Traceback' not in text
    assert 'disk' in text
    assert str(small_disk) in text or '.modelkiln' in text
    assert not chain.artifact().exists()
    (small_disk / 'ballast').unlink()

    code, text = chain.doit()

    assert code == 0, text
    assert chain.artifact().read_text() == 'A' * 400_000 + 'B' * 400_000 + 'C'
    assert chain.temporary() == []
