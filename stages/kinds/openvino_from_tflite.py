"""Convert a TFLite model to OpenVINO IR."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stages.frameworks.openvino import ir as openvino_ir
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.kind import Job

KIND = 'openvino'
ACCEPTS = ('tflite',)
GIVES = 'openvino'
TOOLS = ('openvino', 'ai-edge-litert', 'numpy')
ENVIRONMENT = ''

Params = openvino_ir.Params
needs = usual.no_data
precision = openvino_ir.precision
host = usual.any_cpu
outputs = openvino_ir.outputs


def run(params: Params, job: Job) -> None:
    """Write the IR; its inputs and outputs bear the recipe's names."""
    import openvino as ov
    from ai_edge_litert.interpreter import Interpreter

    from stages.contract import ports
    from stages.frameworks.openvino import named as openvino_named
    from stages.frameworks.openvino.quiet import telemetry_off
    from stages.frameworks.refusal import refusal
    from stages.frameworks.tflite import file as tflite_file

    telemetry_off()
    path = job.inputs['model'] / 'model.tflite'
    with refusal('OpenVINO', 'the other way in: onnx, then openvino'):
        model = ov.convert_model(path)
        found, _ = tflite_file.ports(Interpreter(model_path=str(path)))
        batch = params.batch if params.shape == 'static' else None
        openvino_named.adopt(model, job, ports.order(found, job.signature), batch)
        ov.save_model(model, job.output / 'model.xml', compress_to_fp16=params.compress == 'f16')
