"""Convert a TFLite model to OpenVINO IR."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stages.formats import openvino_ir
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.kinds.contract import Job

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

    from stages.formats import openvino_named, ports, tflite_file
    from stages.formats.openvino_quiet import telemetry_off
    from stages.formats.refusal import refusal

    telemetry_off()
    path = job.inputs['model'] / 'model.tflite'
    with refusal('OpenVINO', 'the other way in: onnx, then openvino'):
        model = ov.convert_model(path)
        found, _ = tflite_file.ports(Interpreter(model_path=str(path)))
        batch = params.batch if params.shape == 'static' else None
        openvino_named.adopt(model, job, ports.order(found, job.signature), batch)
        ov.save_model(model, job.output / 'model.xml', compress_to_fp16=params.compress == 'f16')
