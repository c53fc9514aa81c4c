"""What a confined process leaves for us is a plain file of some size, or nothing; nobody waits at it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from stages.launch.answers import LARGEST, LONGEST, answer_at, shortened

pytestmark = pytest.mark.skipif(sys.platform == 'win32', reason='has neither pipes nor links of this kind')


def test_a_json_file_is_an_answer(tmp_path: Path) -> None:
    (tmp_path / 'a.json').write_text('{"error": null}')

    assert answer_at(tmp_path / 'a.json') == {'error': None}


def test_a_pipe_a_link_a_folder_and_a_mountain_are_none(tmp_path: Path) -> None:
    path = tmp_path / 'a.json'
    (tmp_path / 'secret.json').write_text('["secret"]')

    os.mkfifo(path)  # whoever opens it as a file waits for ever
    assert answer_at(path) is None
    path.unlink()
    path.symlink_to(tmp_path / 'secret.json')
    assert answer_at(path) is None
    path.unlink()
    path.mkdir()
    assert answer_at(path) is None
    path.rmdir()
    with path.open('wb') as sparse:
        sparse.truncate(LARGEST + 1)
    assert answer_at(path) is None
    path.write_text('[' * 100_000)
    assert answer_at(path) is None


def test_a_message_of_megabytes_keeps_its_beginning_and_its_end() -> None:
    words = shortened(f'net.prototxt:3: {"7" * 10_000_000} is more than 31 bits')

    assert len(words) < LONGEST + 100
    assert words.startswith('net.prototxt:3: 777') and words.endswith('777 is more than 31 bits')
    assert shortened('short') == 'short'
