"""Convert a PaddlePaddle model to OpenVINO IR, without ONNX between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stages.errors import UnsupportedError
from stages.frameworks.openvino import ir as openvino_ir
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'openvino'
ACCEPTS = ('paddle',)
GIVES = 'openvino'
TOOLS = ('openvino', 'numpy')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True

Params = openvino_ir.Params
needs = usual.no_data
precision = openvino_ir.precision
host = usual.any_cpu
outputs = openvino_ir.outputs


def run(params: openvino_ir.Params, job: Job) -> Contract:
    """Write the IR; its inputs and outputs bear the recipe's names."""
    import openvino as ov

    from stages.frameworks.openvino import by_name
    from stages.frameworks.openvino.quiet import telemetry_off
    from stages.frameworks.refusal import refusal

    graph = job.inputs['model'] / 'model.pdmodel'
    if not graph.exists():
        msg = 'OpenVINO reads .pdmodel files only, not the .json of Paddle 3\nwhat to try: [onnx, openvino]'
        raise UnsupportedError(msg)
    telemetry_off()
    with refusal('OpenVINO', '[onnx, openvino]'):
        model = ov.convert_model(graph)
    contract = by_name.adopt(model, job.contract, *by_name.in_file(job.contract))
    with refusal('OpenVINO', 'openvino: {shape: dynamic}, or [onnx, openvino]'):
        return openvino_ir.left(model, params, contract, job.output)
