"""The bench that kernels are timed on: a child process, a new one whenever a kernel ended the last."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from stages import spawn
from stages.frameworks.tvm.schedule.tuning import worker
from stages.frameworks.tvm.target import Target, tvm_target

WORKER: Final = Path(str(worker.__file__))  # imported, so that its code is part of what a tuning is keyed by

LIMIT_SECONDS: Final = 20
"""For compiling and timing one kernel; most take a fifth of a second."""

SURROUNDINGS: Final = {
    'TVM_NUM_THREADS': '1',
    'TVM_BIND_THREADS': '0',
    'TVM_FFI_DISABLE_TORCH_C_DLPACK': '1',  # else the child imports torch
}


class Bench:
    """Times kernels one after the other; starts nothing before the first."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.child: subprocess.Popen[str] | None = None

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def latency(self, module: Any) -> float | None:
        """Return the seconds of one call of the function ``main`` of ``module``; None when it cannot be run."""
        import tvm

        request = [tvm.ir.save_json(module), tvm.ir.save_json(tvm_target(self.target)), LIMIT_SECONDS]
        child = self._started()
        assert child.stdin is not None and child.stdout is not None
        try:
            child.stdin.write(json.dumps(request) + '\n')
            child.stdin.flush()
            answer = child.stdout.readline()
        except BrokenPipeError:
            answer = ''
        if not answer:  # the kernel took it down, or too long
            self.stop()
            return None
        found = json.loads(answer)
        return found if isinstance(found, float) else None

    def stop(self) -> None:
        """End the child."""
        if self.child is not None:
            self.child.kill()
            self.child.communicate()
            self.child = None

    def _started(self) -> subprocess.Popen[str]:
        if self.child is None:
            self.child = subprocess.Popen(
                spawn.python(WORKER),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding='utf8',
                env={**os.environ, **SURROUNDINGS},
            )
        return self.child
