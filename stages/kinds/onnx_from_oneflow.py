"""Convert a module of OneFlow to ONNX, with OneFlow's own exporter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stages.frameworks.onnx import build
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'onnx'
ACCEPTS = ('oneflow',)
GIVES = 'onnx'
TOOLS = ('oneflow', 'oneflow-onnx', 'onnx', 'numpy', 'safetensors')
ENVIRONMENT = 'oneflow'
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
    """Write ``model.onnx`` with the recipe's names; its operators are those of opset 10."""
    from stages.frameworks.oneflow import module as oneflow_module
    from stages.frameworks.oneflow.exported import exported
    from stages.frameworks.onnx import ports
    from stages.frameworks.onnx.write import write_stripped
    from stages.frameworks.refusal import refusal

    contract = job.contract.fixed() if params.shape == 'static' else job.contract
    module = oneflow_module.load(job.inputs['model'])
    with refusal('oneflow_onnx', 'another form of that operator in the model'):
        model = exported(module, contract)
        write_stripped(model, job.output / 'model.onnx')
    return ports.made(model, contract)
