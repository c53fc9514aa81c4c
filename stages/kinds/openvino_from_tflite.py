"""Convert a TFLite model to OpenVINO IR."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stages.frameworks.openvino import ir as openvino_ir
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'openvino'
ACCEPTS = ('tflite',)
GIVES = 'openvino'
TOOLS = ('openvino', 'ai-edge-litert', 'numpy')
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

    from stages.frameworks.openvino import ports as openvino_ports
    from stages.frameworks.openvino.quiet import telemetry_off
    from stages.frameworks.refusal import refusal
    from stages.frameworks.tflite import ports

    telemetry_off()
    path = job.inputs['model'] / 'model.tflite'
    state = ', '.join(job.contract.state[:8])
    kept = f'the tflite alone: the model keeps state inside ({state}), which has no other form'
    with refusal('OpenVINO', kept if state else 'the other way in: onnx, then openvino; or the tflite alone'):
        model = ov.convert_model(path)
    # it keeps the file's order and knows no signature
    given, returned = ports.names(path)
    openvino_ports.name_ports(
        model,
        [(given.index(port.in_file), port.name) for port in job.contract.inputs],
        [(returned.index(port.in_file), port.name) for port in job.contract.outputs],
    )
    with refusal('OpenVINO', 'openvino: {shape: dynamic}, or onnx, then openvino'):
        return openvino_ir.left(model, params, job.contract, job.output)
