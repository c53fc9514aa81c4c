"""Convert a Caffe model to ONNX, by a reader of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stages.frameworks.onnx import build
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'onnx'
ACCEPTS = ('caffe',)
GIVES = 'onnx'
TOOLS = ('onnx', 'numpy')
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
    from stages.frameworks.caffe import read

    contract = job.contract.fixed() if params.shape == 'static' else job.contract
    folder = job.inputs['model']
    net = folder / 'model.prototxt'
    found = read.read(net, folder / 'model.caffemodel', decode=read.decodes(net, contract))
    return build.leave(read.model_of(found, contract), contract, job.output / 'model.onnx')
