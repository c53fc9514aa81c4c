"""Convert a TFLite model to ONNX with tf2onnx."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stages.errors import UnsupportedError
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'onnx'
ACCEPTS = ('tflite',)
GIVES = 'onnx'
TOOLS = ('tf2onnx', 'tensorflow-cpu', 'ai-edge-litert', 'onnx', 'numpy')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True


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


def run(params: Params, job: Job) -> Contract:
    """Write ``model.onnx`` with the recipe's names; shapes are those of the TFLite file."""
    from ai_edge_litert.interpreter import Interpreter

    from stages.frameworks.refusal import refusal
    from stages.frameworks.tensorflow import model as tensorflow_model
    from stages.frameworks.tensorflow import tf2onnx_graph
    from stages.frameworks.tflite import ports

    if job.contract.state:
        raise UnsupportedError(
            f'the model keeps state inside ({", ".join(job.contract.state[:8])}); ONNX has no variables, and tf2onnx '
            'would make constants of them\nwhat to try: the tflite alone, or a model whose state goes in and comes out'
        )
    path = job.inputs['model'] / 'model.tflite'
    tensorflow_model.framework()
    advice = 'openvino straight from the TFLite file, or the tflite alone'
    interpreter = Interpreter(model_path=str(path))
    inputs = [detail['name'] for detail in interpreter.get_input_details()]
    outputs = [detail['name'] for detail in interpreter.get_output_details()]
    with tf2onnx_graph.steady() as tf2onnx, tensorflow_model.deprecations_silenced(), refusal('tf2onnx', advice):
        model, _ = tf2onnx.convert.from_tflite(str(path), opset=params.opset, input_names=inputs, output_names=outputs)
    given, returned = ports.names(path)
    return tf2onnx_graph.write(
        model,
        job.contract,
        job.contract,
        [inputs[given.index(port.in_file)] for port in job.contract.inputs],
        [outputs[returned.index(port.in_file)] for port in job.contract.outputs],
        job.output / 'model.onnx',
        advice,
    )
