"""Convert a Core ML program or neural network to ONNX, by a translator of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stages.frameworks.onnx import build
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'onnx'
ACCEPTS = ('coreml',)
GIVES = 'onnx'
TOOLS = ('coremltools', 'onnx', 'numpy')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True

Params = build.Params
needs = usual.no_data
precision = usual.same_precision
host = usual.any_cpu


def outputs(params: build.Params) -> tuple[str, ...]:
    """Promise one file, weights inside."""
    return ('model.onnx',)


def run(params: build.Params, job: Job) -> Contract:
    """Write ``model.onnx`` with the recipe's names."""
    from stages.frameworks.coreml import read

    contract = job.contract.fixed() if params.shape == 'static' else job.contract
    folder = job.inputs['model']
    return build.leave(read.read(folder / 'model.mlpackage', contract), contract, job.output / 'model.onnx')
