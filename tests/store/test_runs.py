"""Temporary folders go with their run, or with the next one; a living run keeps its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stages.atomic import clear_parts
from stages.store.runs import clear_dead, remove
from stages.store.store import Store
from tests.faults.conftest import chain as chain

ROOT = Path(__file__).resolve().parents[2]
RUN = """
import sys, time
from pathlib import Path
from stages.store.store import Store
folder = Store(Path(sys.argv[1])).temporary('step')
(folder / 'input').write_text('a copy')
(folder / 'input').chmod(0o444)
folder.chmod(0o555)
print('ready', flush=True)
time.sleep(float(sys.argv[2]))
"""


def run(store: Path, seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, '-c', RUN, str(store), str(seconds)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == 'ready\n'
    return process


def test_a_run_that_ends_takes_its_folder_away(tmp_path):
    process = run(tmp_path, 0)
    process.communicate()

    assert os.listdir(tmp_path / 'tmp') == []


def test_the_folder_of_a_killed_run_goes_and_that_of_a_living_one_stays(tmp_path):
    dead, living = run(tmp_path, 60), run(tmp_path, 60)
    dead.kill()
    dead.communicate()

    cleared = clear_dead(tmp_path / 'tmp')

    left = os.listdir(tmp_path / 'tmp')
    living.kill()
    living.communicate()
    assert [name.partition('-')[0] for name in cleared] == [str(dead.pid)]
    assert {name.partition('-')[0] for name in left} == {str(living.pid)}


def test_a_run_that_was_stopped_beside_a_thread_is_remembered_for_what_that_was_writing(tmp_path):
    begin = 'import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()'
    done = subprocess.run([sys.executable, '-c', begin + RUN, str(tmp_path), '0'], cwd=ROOT, capture_output=True)
    assert done.returncode == 0, done.stderr

    assert [name.endswith('.lock') for name in os.listdir(tmp_path / 'tmp')] == [True]
    assert clear_dead(tmp_path / 'tmp')
    assert os.listdir(tmp_path / 'tmp') == []


def test_what_an_older_version_left_goes_too(tmp_path):
    (tmp_path / 'tmp/onnx-1a2b3c4d.x7f/in').mkdir(parents=True)

    clear_dead(tmp_path / 'tmp')

    assert os.listdir(tmp_path / 'tmp') == []


def test_threads_of_one_run_share_its_folder(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    store = Store(tmp_path)
    with ThreadPoolExecutor(8) as threads:
        folders = list(threads.map(lambda n: store.temporary('step'), range(16)))

    assert len(set(folders)) == 16
    assert len({folder.parent for folder in folders}) == 1


def test_a_folder_without_the_right_to_write_is_removed_all_the_same(tmp_path):
    (tmp_path / 'a/b').mkdir(parents=True)
    (tmp_path / 'a/b/c').write_text('c')
    (tmp_path / 'a/b').chmod(0o500)
    (tmp_path / 'a').chmod(0o500)

    assert remove(tmp_path / 'a')


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_after_a_killed_build_and_the_next_one_nothing_temporary_is_left(chain, number):
    chain.set({'name': 'a', 'text': 'A', 'seconds': 2.0})
    process = chain.start('-n', '2')
    chain.wait_for('a')
    process.send_signal(number)
    process.communicate(timeout=30)
    left = [name for name in os.listdir(chain.root / '.modelkiln/store/tmp') if not name.endswith('.lock')]
    assert bool(left) == (number == signal.SIGKILL)  # else the run has time to clear its own

    assert chain.doit()[0] == 0

    assert os.listdir(chain.root / '.modelkiln/store/tmp') == []


def test_a_run_with_nothing_to_do_clears_what_a_killed_one_left(chain):
    chain.doit()
    state = chain.root / '.modelkiln'
    (state / 'store/tmp/123-abc').mkdir(parents=True)
    (state / 'steps/.x.json1234.part').write_text('{"half": ')
    (chain.root / 'artifacts/fake/v/.manifest.json1234.part').write_text('{"half": ')
    (state / 'environments/old-0123456789ab-py3.11/bin').mkdir(parents=True)

    assert chain.doit()[0] == 0

    assert not [*chain.root.rglob('*.part')]
    assert os.listdir(state / 'store/tmp') == []
    assert os.listdir(state / 'environments') == []


def test_a_file_that_somebody_is_writing_is_not_taken_away(tmp_path):
    code = (
        'import sys, time\nfrom pathlib import Path\nimport stages.atomic as atomic, os\n'
        'os.fsync = lambda *_: (print("ready", flush=True), time.sleep(60))\n'
        'atomic.write_text(Path(sys.argv[1]), "text", durable=True)\n'
    )
    writer = subprocess.Popen(
        [sys.executable, '-c', code, str(tmp_path / 'file')], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None and writer.stdout.readline()

    assert clear_parts([tmp_path]) == []
    writer.kill()
    writer.communicate()
    assert len(clear_parts([tmp_path])) == 1


def test_a_part_that_is_empty_and_new_may_still_be_somebodys(tmp_path):
    part = tmp_path / '.file1.part'
    part.touch()
    assert clear_parts([tmp_path]) == []

    os.utime(part, (time.time() - 60, time.time() - 60))

    assert clear_parts([tmp_path]) == [part]
