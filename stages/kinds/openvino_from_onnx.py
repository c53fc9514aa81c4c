"""Convert an ONNX model to OpenVINO IR."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stages.frameworks.openvino import ir as openvino_ir
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.kind import Job

KIND = 'openvino'
ACCEPTS = ('onnx',)
GIVES = 'openvino'
TOOLS = ('openvino', 'numpy')
ENVIRONMENT = ''

Params = openvino_ir.Params
needs = usual.no_data
precision = openvino_ir.precision
host = usual.any_cpu
outputs = openvino_ir.outputs


def run(params: Params, job: Job) -> None:
    """Write the IR; its inputs and outputs bear the recipe's names."""
    import openvino as ov

    from stages.frameworks.openvino.quiet import telemetry_off
    from stages.frameworks.refusal import refusal

    telemetry_off()
    with refusal('OpenVINO', 'openvino straight from the source, or the onnx alone'):
        model = ov.convert_model(job.inputs['model'] / 'model.onnx')
        if len(model.outputs) == len(job.outputs):  # a tensor may bear several names: the recipe's is the one to read
            openvino_ir.name_ports(model, [port.any_name for port in model.inputs], job.outputs)
        if params.shape == 'static':
            openvino_ir.fix_shape(model, job.signature, params.batch)
        openvino_ir.write(model, job.output, params.compress == 'f16')
