"""Compile a torch.export program to a library of machine code with TVM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stages.frameworks.tvm import options
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'tvm'
ACCEPTS = ('exported',)
GIVES = 'tvm'
TOOLS = ('apache-tvm', 'apache-tvm-ffi', 'ziglang', 'torch', 'numpy')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True

Params = options.Params
needs = usual.no_data
precision = usual.same_precision
host = options.host
outputs = options.outputs


def run(params: options.Params, job: Job) -> Contract:
    """Leave the library and ``library.json``; the program is exported once more, for the sizes of ``params`` alone."""
    from stages.frameworks.tvm.built import build

    return build(params, job)
