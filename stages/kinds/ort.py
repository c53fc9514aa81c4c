"""Write an ONNX model in ONNX Runtime's own format, which small runtimes load without an ONNX parser.

ONNX Runtime seeds its hash tables with the addresses of its own code, and writes in their order. So the work is done in
a child whose addresses are not randomized: equal bytes every time on one machine. Where the system forbids that (some
containers), the bytes differ from run to run, the model does not.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from stages.errors import UnsupportedError
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.kind import Job

KIND = 'ort'
ACCEPTS = ('onnx',)
GIVES = 'ort'
TOOLS = ('onnxruntime',)
ENVIRONMENT = ''

ADDR_NO_RANDOMIZE = 0x0040000
PR_SET_PDEATHSIG, SIGKILL = 1, 9


@dataclass(frozen=True)
class Params:
    """Options of ``ort``."""

    level: Literal['none', 'basic', 'extended', 'all'] = 'all'
    """How far the graph is optimized; all lays weights out for this kind of CPU."""


needs = usual.no_data
precision = usual.same_precision


def host(params: Params) -> bool:
    """Say whether the bytes suit one kind of CPU only."""
    return params.level in ('extended', 'all')


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file."""
    return ('model.ort',)


def run(params: Params, job: Job) -> None:
    """Write ``model.ort`` from a child of fixed addresses."""
    code = "import sys; sys.path.insert(0, 'house'); from stages.kinds import ort; ort.write(sys.argv[1])"
    with tempfile.TemporaryDirectory(dir=job.output) as name:
        # short links, as the length of a path is enough to move what comes after it in memory
        folder = Path(name)
        (folder / 'house').symlink_to(Path(__file__).resolve().parents[2])
        for file in job.inputs['model'].iterdir():
            (folder / file.name).symlink_to(file.resolve())
        done = subprocess.run(
            [sys.executable, '-I', '-B', '-c', code, params.level],
            cwd=folder,
            env={},
            preexec_fn=_fixed_addresses,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors='replace',
        )
        if not done.returncode:
            (folder / 'model.ort').rename(job.output / 'model.ort')
    if done.returncode:
        said = '\n'.join('  ' + line[:300] for line in done.stderr.splitlines()[-3:])
        msg = f'ONNX Runtime cannot write this model in its own format (exit {done.returncode})\n{said}'
        raise UnsupportedError(f'{msg}\nwhat to try: ort: {{level: basic}}, or onnx-optimize, which stays ONNX')


def write(level: str) -> None:
    """Load ``model.onnx`` here and save it as ONNX Runtime holds it then."""
    import onnxruntime as ort

    levels = ort.GraphOptimizationLevel
    options = ort.SessionOptions()
    options.graph_optimization_level = {
        'none': levels.ORT_DISABLE_ALL,
        'basic': levels.ORT_ENABLE_BASIC,
        'extended': levels.ORT_ENABLE_EXTENDED,
        'all': levels.ORT_ENABLE_ALL,
    }[level]
    options.log_severity_level = 3  # it warns that level all suits this CPU; the option's description says so
    options.intra_op_num_threads = 1
    options.optimized_model_filepath = 'model.ort'
    options.add_session_config_entry('session.save_model_format', 'ORT')
    ort.InferenceSession('model.onnx', options, providers=['CPUExecutionProvider'])


def _fixed_addresses() -> None:
    """Ask Linux to load the next program at the same addresses each time, and to end it with this one."""
    if sys.platform == 'linux':
        system = ctypes.CDLL(None)
        system.personality(ADDR_NO_RANDOMIZE)
        system.prctl(PR_SET_PDEATHSIG, SIGKILL)
