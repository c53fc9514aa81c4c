"""Convert a SavedModel or a Keras model to ONNX with tf2onnx."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.kind import Job

KIND = 'onnx'
ACCEPTS = ('savedmodel', 'keras')
GIVES = 'onnx'
TOOLS = ('tf2onnx', 'tensorflow-cpu', 'keras', 'onnx', 'numpy', 'h5py')
ENVIRONMENT = ''


@dataclass(frozen=True)
class Params:
    """Options of ``onnx`` from TensorFlow."""

    opset: int = 18
    """Version of the operator set; tf2onnx knows none after 18."""

    shape: Literal['dynamic', 'static'] = 'dynamic'
    """dynamic keeps the recipe's named dimensions; static makes each of them 1."""


needs = usual.no_data
precision = usual.same_precision
host = usual.any_cpu


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file, weights inside."""
    return ('model.onnx',)


def run(params: Params, job: Job) -> None:
    """Write ``model.onnx`` with the recipe's names; its bytes hold no path and no words of the tool."""
    from stages.frameworks.refusal import refusal
    from stages.frameworks.tensorflow import model as tensorflow_model
    from stages.frameworks.tensorflow import tf2onnx_graph

    advice = 'onnx: {shape: static}, another opset, or another way out: openvino or tflite straight from this format'
    with tf2onnx_graph.steady() as tf2onnx:
        with refusal('TensorFlow', advice):
            graph = tensorflow_model.graph(job.inputs['model'], job.signature, 1 if params.shape == 'static' else None)
        # what the function caught (weights, constants) comes after its arguments, and is frozen into the graph
        inputs = [t.name for t in graph.function.inputs[: len(graph.inputs)]]
        outputs = [t.name for t in graph.function.outputs]
        with refusal('tf2onnx', advice):
            frozen = tf2onnx.tf_loader.from_function(graph.function, inputs, outputs)
            model, _ = tf2onnx.convert.from_graph_def(
                frozen, name='model', input_names=inputs, output_names=outputs, opset=params.opset
            )
    places = {value.name: at for at, value in enumerate(model.graph.input)}
    with refusal('tf2onnx', advice):  # the checker finds what it could not convert
        tf2onnx_graph.write(model, job, [places[name] for name in inputs], job.output / 'model.onnx')
