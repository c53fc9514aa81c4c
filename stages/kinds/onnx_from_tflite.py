"""Convert a TFLite model to ONNX with tf2onnx."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.kind import Job

KIND = 'onnx'
ACCEPTS = ('tflite',)
GIVES = 'onnx'
TOOLS = ('tf2onnx', 'tensorflow-cpu', 'ai-edge-litert', 'onnx', 'numpy')
ENVIRONMENT = ''


@dataclass(frozen=True)
class Params:
    """Options of ``onnx`` from TFLite."""

    opset: int = 18
    """Version of the operator set; tf2onnx knows none after 18."""


needs = usual.no_data
precision = usual.same_precision
host = usual.any_cpu


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file, weights inside."""
    return ('model.onnx',)


def run(params: Params, job: Job) -> None:
    """Write ``model.onnx`` with the recipe's names; shapes are those of the TFLite file."""
    from ai_edge_litert.interpreter import Interpreter

    from stages.contract import ports
    from stages.frameworks.refusal import refusal
    from stages.frameworks.tensorflow import model as tensorflow_model
    from stages.frameworks.tensorflow import tf2onnx_graph
    from stages.frameworks.tflite import file as tflite_file

    path = job.inputs['model'] / 'model.tflite'
    tensorflow_model.framework()
    advice = 'openvino straight from the TFLite file'
    with tf2onnx_graph.steady() as tf2onnx, tensorflow_model.deprecations_silenced():
        interpreter = Interpreter(model_path=str(path))
        found, _ = tflite_file.ports(interpreter)
        names = [d['name'] for d in interpreter.get_input_details()]
        results = [d['name'] for d in interpreter.get_output_details()]
        with refusal('tf2onnx', advice):
            model, _ = tf2onnx.convert.from_tflite(
                str(path), opset=params.opset, input_names=names, output_names=results
            )
    places = {value.name: at for at, value in enumerate(model.graph.input)}
    order = [places[names[at]] for at in ports.order(found, job.signature)]
    with refusal('tf2onnx', advice):  # the checker finds what it could not convert
        tf2onnx_graph.write(model, job, order, job.output / 'model.onnx')
