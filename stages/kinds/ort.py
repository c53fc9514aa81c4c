"""Write an ONNX model in ONNX Runtime's own format, which small runtimes load without an ONNX parser.

ONNX Runtime seeds its hash tables with the addresses of its own code, and writes in their order. So the work is done in
a child whose addresses are not randomized: equal bytes nearly every time on one machine. They are not promised: what
else lies in memory has a say, and some containers forbid it altogether. The model is the same each time.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stages.frameworks.onnx.runtime import Level
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'ort'
ACCEPTS = ('onnx',)
GIVES = 'ort'
TOOLS = ('onnxruntime', 'onnx')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = False  # in the order of what lies where in memory
ASIDE = 'the same runtime and speed as onnx; it loads faster'

ADDR_NO_RANDOMIZE = 0x0040000
QUIET = {'PYTHONHASHSEED': '0', 'OPENBLAS_NUM_THREADS': '1', 'MALLOC_ARENA_MAX': '1'}
"""Neither Python's tables nor another thread decide what lies where in memory."""

PR_SET_PDEATHSIG, SIGKILL = 1, 9


@dataclass(frozen=True)
class Params:
    """Options of ``ort``."""

    level: Level = 'all'
    """How far the graph is optimized; all lays weights out for this kind of CPU."""

    insist: bool = False
    """Go on although ONNX Runtime is known to answer wrongly for an operator in the model."""


needs = usual.no_data
precision = usual.same_precision
refuses = usual.known_wrong


def host(params: Params) -> bool:
    """Say whether the bytes suit one kind of CPU only."""
    return params.level in ('extended', 'all')


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file."""
    return ('model.ort',)


def run(params: Params, job: Job) -> Contract:
    """Write ``model.ort`` from a child of fixed addresses."""
    import onnx

    from stages.frameworks.onnx import known_wrong, runtime
    from stages.frameworks.refusal import refusal

    known_wrong.refuse(onnx.load(job.inputs['model'] / 'model.onnx', load_external_data=False), params.insist)
    code = "import sys; sys.path.insert(0, 'house'); from stages.kinds import ort; ort.write(sys.argv[1])"
    with tempfile.TemporaryDirectory(dir=job.output) as name:
        # short links, as the length of a path is enough to move what comes after it in memory
        folder = Path(name)
        (folder / 'house').mkdir()  # our package and nothing beside it: a confined step may not look there
        (folder / 'house' / 'stages').symlink_to(Path(__file__).resolve().parents[1])
        for file in job.inputs['model'].iterdir():
            (folder / file.name).symlink_to(file.resolve())
        done = subprocess.run(
            [sys.executable, '-s', '-P', '-B', '-c', code, params.level],
            cwd=folder,
            env=QUIET,
            preexec_fn=_fixed_addresses,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors='replace',
        )
        if not done.returncode:
            (folder / 'model.ort').rename(job.output / 'model.ort')
    if done.returncode:
        with refusal('ONNX Runtime', runtime.advice('ort: {level: basic}, or onnx-optimize, which stays ONNX')):
            raise RuntimeError('\n'.join(done.stderr.splitlines()[-3:]) or f'ended with exit code {done.returncode}')
    return job.contract


def write(level: Level) -> None:
    """Load ``model.onnx`` here and save it as ONNX Runtime holds it then."""
    from stages.frameworks.onnx import runtime

    runtime.opened(Path('model.onnx'), level, saved=Path('model.ort'), form='ORT')


def _fixed_addresses() -> None:
    """Ask Linux to load the next program at the same addresses each time, and to end it with this one."""
    if sys.platform == 'linux':
        system = ctypes.CDLL(None)
        system.personality(ADDR_NO_RANDOMIZE)
        system.prctl(PR_SET_PDEATHSIG, SIGKILL)
