"""A kind that does what a test asks: write, sleep, fail, die, leave a link, differ from run to run."""

from __future__ import annotations

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


@dataclass(frozen=True)
class Params:
    """What to do."""

    journal: str
    name: str
    text: str = ''
    seconds: float = 0.0
    does: str = 'write'


def run(params: Params, job: Job) -> Contract:
    with Path(params.journal).open('a') as journal:
        journal.write(f'{params.name}\n')
    found = (path for folder in job.inputs.values() for path in folder.rglob('*.txt') if path.is_file())
    before = b''.join(sorted(path.read_bytes() for path in found))
    out = job.output / 'out.txt'
    if params.does == 'ignore-sigterm':
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    out.write_bytes(before[: len(before) // 2])  # half written: what a kill leaves
    time.sleep(params.seconds)
    if params.does == 'fail':
        raise StepError('asked to fail')
    if params.does == 'refuse':
        raise UnsupportedError('the tool has no operator Fancy')
    if params.does == 'die':
        os.kill(os.getpid(), signal.SIGKILL)
    if params.does == 'nothing':
        out.unlink()
        return Contract()
    if params.does == 'link':
        (job.output / 'link').symlink_to('/etc/passwd')
    content = params.text.encode() if params.does == 'constant' else before + params.text.encode()
    out.write_bytes(content + (os.urandom(8) if params.does == 'random' else b''))
    return Contract()
