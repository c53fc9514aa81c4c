"""A log keeps its ends and obeys nobody."""

from __future__ import annotations

import subprocess
import sys
import time

from stages.store import logs
from stages.store.logs import cap, settle, tail


def test_the_middle_of_a_long_log_is_left_out(tmp_path):
    log = tmp_path / 'log'
    log.write_bytes(b'first ' + b'x' * 10_000 + b' last')

    settle(log, keep=100)

    said = log.read_bytes()
    assert said.startswith(b'first ') and said.endswith(b' last')
    assert len(said) == 200 + len(logs.LEFT_OUT)


def test_a_log_is_cut_while_a_step_appends_to_it(tmp_path):
    log = tmp_path / 'log'
    code = 'import sys\nfor n in range(200_000): print(n, flush=n % 50 == 0)\n'
    with log.open('ab') as stream:
        step = subprocess.Popen([sys.executable, '-c', code], stdout=stream)
        most = 0
        while step.poll() is None:
            cap(log, keep=4096)
            most = max(most, log.stat().st_blocks * 512)
            time.sleep(0.001)
    assert most < log.stat().st_size / 2  # on the disk
    settle(log, keep=1000)

    said = log.read_text().splitlines()
    assert (said[0], said[-1]) == ('0', '199999')
    assert log.stat().st_size <= 4000


def test_the_end_of_a_huge_log_is_read_without_the_rest(tmp_path):
    log = tmp_path / 'log'
    with log.open('wb') as stream:
        stream.truncate(10 << 30)
        stream.seek(0, 2)
        stream.write(b'\none\n\ntwo\x1b[31m\n')

    assert tail(log, 2) == ['one', 'two']
    assert tail(tmp_path / 'none', 2) == []


def test_a_settled_log_can_be_shown_as_it_is(tmp_path):
    log = tmp_path / 'log'
    log.write_bytes(b'10%\r20%\r\n\x1b]0;pwned\x07done \xff\n')

    settle(log)

    assert log.read_bytes() == '10%\n20%\ndone \ufffd\n'.encode()
