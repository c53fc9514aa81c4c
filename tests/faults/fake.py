"""A kind that does what a test asks: write, sleep, fail, die, leave a link or a child, peek, differ from run to run."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from stages.contract.job import Job
from stages.contract.port import Contract
from stages.errors import StepError, UnsupportedError

KIND = 'fake'
TOOLS = ()
KEEPS = True  # the journal: a step writes nowhere else
DIE = {'die': signal.SIGKILL, 'crash': signal.SIGSEGV}


@dataclass(frozen=True)
class Params:
    """What to do."""

    name: str
    text: str = ''
    seconds: float = 0.0
    does: str = 'write'


def run(params: Params, job: Job) -> Contract:
    assert job.keep is not None
    journal, began = job.keep / 'journal', time.monotonic_ns()
    write(journal, params.name)
    found = (path for folder in job.inputs.values() for path in folder.rglob('*.txt') if path.is_file())
    before = b''.join(sorted(path.read_bytes() for path in found))
    out = job.output / 'out.txt'
    if params.does == 'ignore-sigterm':
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if params.does in ('leave-child', 'leave-daemon'):
        leave_behind(journal, daemon=params.does == 'leave-daemon')
    if params.does == 'pipe':  # who opens it waits for somebody to write
        os.mkfifo(job.output.parent / 'said' / 'progress.json')
    out.write_bytes(before[: len(before) // 2])  # half written: what a kill leaves
    time.sleep(params.seconds)
    if params.does == 'fail' or (params.does == 'judge' and b'bad' in before):
        raise StepError('asked to fail')
    if params.does == 'say':
        raise StepError(params.text)
    if params.does == 'odd-name':
        Path(os.fsdecode(os.fsencode(job.output) + b'/\xff.txt')).touch()
    if params.does == 'refuse':
        raise UnsupportedError('the tool has no operator Fancy')
    if params.does == 'full':
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(out))
    if params.does in DIE:
        os.kill(os.getpid(), DIE[params.does])
    if params.does == 'exit':
        os._exit(0)
    if params.does == 'nothing':
        out.unlink()
        return Contract()
    if params.does == 'link':
        (job.output / 'link').symlink_to('/etc/passwd')
    if params.does == 'peek':
        before = Path(params.text).read_bytes()
    if params.does == 'glance':  # what a tool does that looks for settings of its own
        with contextlib.suppress(OSError):
            Path(params.text).read_bytes()
    content = params.text.encode() if params.does == 'constant' else before + params.text.encode()
    out.write_bytes(content + (os.urandom(8) if params.does == 'random' else b''))
    write(job.keep / 'intervals', f'{began} {time.monotonic_ns()}')
    return Contract()


def write(journal: Path, line: str) -> None:
    """Add a line in one write: several processes keep one journal."""
    with journal.open('ab', buffering=0) as stream:
        stream.write(f'{line}\n'.encode())


def leave_behind(journal: Path, *, daemon: bool) -> None:
    """Start a process that goes on writing until somebody ends it; a daemon leaves the step's session and group."""
    if os.fork():
        return
    if daemon:
        os.setsid()
    while True:
        write(journal, 'beat')
        time.sleep(0.02)
