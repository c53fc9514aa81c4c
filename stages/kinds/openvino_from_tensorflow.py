"""Convert a SavedModel or a Keras model to OpenVINO IR."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stages.frameworks.openvino import ir as openvino_ir
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.kind import Job

KIND = 'openvino'
ACCEPTS = ('savedmodel', 'keras')
GIVES = 'openvino'
TOOLS = ('openvino', 'tensorflow-cpu', 'keras', 'numpy', 'h5py')
ENVIRONMENT = ''

Params = openvino_ir.Params
needs = usual.no_data
precision = openvino_ir.precision
host = usual.any_cpu
outputs = openvino_ir.outputs


def run(params: Params, job: Job) -> None:
    """Write the IR; its inputs and outputs bear the recipe's names."""
    import openvino as ov

    from stages.frameworks.openvino import named as openvino_named
    from stages.frameworks.openvino.quiet import telemetry_off
    from stages.frameworks.refusal import refusal
    from stages.frameworks.tensorflow import model as tensorflow_model

    telemetry_off()
    batch = params.batch if params.shape == 'static' else None
    with refusal('OpenVINO', 'the other way in: onnx, then openvino'):
        graph = tensorflow_model.graph(job.inputs['model'], job.signature, batch)
        model = ov.convert_model(graph.function)
        places = {name: at for at, port in enumerate(model.inputs) for name in port.get_names()}
        openvino_named.adopt(model, job, [places[t.name] for t in job.signature], batch)
        ov.save_model(model, job.output / 'model.xml', compress_to_fp16=params.compress == 'f16')
