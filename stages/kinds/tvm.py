"""Compile a model to a library of machine code with TVM, for this machine or another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stages.frameworks.tvm import options
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'tvm'
ACCEPTS = ('onnx', 'tvm-tuned', 'tflite')
GIVES = 'tvm'
TOOLS = ('apache-tvm', 'apache-tvm-ffi', 'ziglang', 'tflite', 'onnx', 'onnxruntime', 'numpy')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True
ASIDE = 'it compiles for a minute or more, and often wins where models are small'

Params = options.Params
needs = usual.no_data
precision = usual.same_precision
host = options.host
outputs = options.outputs


def refuses(params: options.Params, job: Job) -> None:
    """Raise UnsupportedError where TVM cannot read the model; nothing is compiled."""
    from stages.frameworks.tvm.built import read

    read(params, job)


def run(params: options.Params, job: Job) -> Contract:
    """Leave the library and ``library.json``, which says what machine it is for and what it takes."""
    from stages.frameworks.tvm.built import build

    return build(params, job)
