"""Convert a SavedModel or a Keras model to ONNX with tf2onnx."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'onnx'
ACCEPTS = ('savedmodel', 'keras')
GIVES = 'onnx'
TOOLS = ('tf2onnx', 'tensorflow-cpu', 'keras', 'onnx', 'numpy', 'h5py')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True


@dataclass(frozen=True)
class Params:
    """Options of ``onnx`` from TensorFlow."""

    opset: int = 18
    """Version of the operator set; tf2onnx knows none after 18."""

    shape: Literal['dynamic', 'static'] = 'dynamic'
    """dynamic keeps the recipe's named dimensions; static fixes them: one sample, the recipe's ``sizes``, else 1."""


needs = usual.no_data
precision = usual.same_precision
host = usual.any_cpu


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file, weights inside."""
    return ('model.onnx',)


def run(params: Params, job: Job) -> Contract:
    """Write ``model.onnx`` with the recipe's names; its bytes hold no path and no words of the tool."""
    from stages.frameworks.refusal import refusal
    from stages.frameworks.tensorflow import graph as tensorflow_graph
    from stages.frameworks.tensorflow import saving, tf2onnx_graph

    ways = ['onnx: {shape: static}'] if params.shape == 'dynamic' else []
    advice = ', '.join([*ways, 'another opset, or another way out: openvino or tflite straight from this format'])
    contract = job.contract.fixed() if params.shape == 'static' else job.contract
    folder = job.inputs['model']
    if contract.state and tensorflow_graph.is_saved_model(folder):
        saving.check_state(folder, 'ONNX, which has no variables,')
    graph = tensorflow_graph.graph(folder, contract)
    # what the function caught (weights, constants) comes after its arguments, and is frozen into the graph
    inputs = [tensor.name for tensor in graph.function.inputs[: len(graph.inputs)]]
    outputs = [tensor.name for tensor in graph.function.outputs]  # by their keys, which sort as the contract does
    with tf2onnx_graph.steady() as tf2onnx, refusal('tf2onnx', advice):
        frozen = tf2onnx.tf_loader.from_function(graph.function, inputs, outputs)
        model, _ = tf2onnx.convert.from_graph_def(
            frozen, name='model', input_names=inputs, output_names=outputs, opset=params.opset
        )
    return tf2onnx_graph.write(model, contract, job.contract, inputs, outputs, job.output / 'model.onnx', advice)
