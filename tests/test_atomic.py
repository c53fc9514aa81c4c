"""Files are written whole or not at all, whatever happens in between."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from stages.atomic import write_bytes, write_text

ROOT = Path(__file__).resolve().parents[1]


def test_a_file_is_made_with_the_folders_above_it(tmp_path):
    write_text(tmp_path / 'a' / 'b' / 'c.txt', 'ä')

    assert (tmp_path / 'a/b/c.txt').read_bytes() == 'ä'.encode()


def test_when_replacing_fails_the_old_content_stays_and_nothing_else_does(tmp_path, monkeypatch):
    path = tmp_path / 'file'
    write_text(path, 'old')
    monkeypatch.setattr(os, 'replace', lambda *_: (_ for _ in ()).throw(OSError(28, 'no space left')))

    with pytest.raises(OSError, match='no space'):
        write_text(path, 'new')

    assert path.read_text() == 'old'
    assert os.listdir(tmp_path) == ['file']


def test_a_folder_in_the_way_is_an_error_and_leaves_no_part(tmp_path):
    (tmp_path / 'file').mkdir()

    with pytest.raises(OSError):
        write_text(tmp_path / 'file', 'new')

    assert os.listdir(tmp_path) == ['file']


def test_a_reader_never_sees_half_a_file(tmp_path):
    path, versions, done = tmp_path / 'file', [bytes([n]) * 200_000 for n in range(8)], threading.Event()
    write_bytes(path, versions[0])

    def write() -> None:
        for n in range(200):
            write_bytes(path, versions[n % 8])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not done.is_set():
        seen.add(path.read_bytes())
    writer.join()

    assert seen <= set(versions)
    assert len(seen) > 1


def test_a_writer_killed_at_any_moment_leaves_a_whole_file(tmp_path):
    path = tmp_path / 'file'
    code = (
        'import sys\nfrom pathlib import Path\nfrom stages.atomic import write_bytes\n'
        'while True:\n    for n in range(8): write_bytes(Path(sys.argv[1]), bytes([n]) * 300_000)\n'
    )
    for _ in range(4):
        writer = subprocess.Popen([sys.executable, '-c', code, str(path)], cwd=ROOT)
        while not path.exists() and writer.poll() is None:
            time.sleep(0.005)
        time.sleep(0.02)
        writer.kill()
        writer.wait()

        content = path.read_bytes()
        assert len(content) == 300_000
        assert len(set(content)) == 1
        path.unlink()
