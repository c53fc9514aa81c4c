"""Convert a PaddlePaddle model to OpenVINO IR, without ONNX between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stages.errors import UnsupportedError
from stages.frameworks.openvino import ir as openvino_ir
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.kind import Job

KIND = 'openvino'
ACCEPTS = ('paddle',)
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

    graph = job.inputs['model'] / 'model.pdmodel'
    if not graph.exists():
        msg = 'OpenVINO reads .pdmodel files only, not the .json of Paddle 3\nwhat to try: [onnx, openvino]'
        raise UnsupportedError(msg)
    telemetry_off()
    with refusal('OpenVINO', '[onnx, openvino]'):
        model = ov.convert_model(graph)
        _declare(model, job)
        model.reshape({t.name: ov.PartialShape(_sizes(t.shape, params, job)) for t in job.signature})
        ov.save_model(model, job.output / 'model.xml', compress_to_fp16=params.compress == 'f16')


def _sizes(shape: tuple[int | str, ...], params: Params, job: Job) -> list[int]:
    if params.shape == 'dynamic':
        return [-1 if isinstance(d, str) else d for d in shape]
    leading = {t.shape[0] for t in job.signature if t.shape}
    return [d if isinstance(d, int) else params.batch if d in leading else 1 for d in shape]


def _declare(model: Any, job: Job) -> None:
    """Give inputs and outputs the recipe's names."""
    from stages.frameworks.paddle import inputs as paddle_inputs
    from stages.frameworks.torch import examples

    ports = {port.any_name: port for port in model.inputs}
    for tensor, old in zip(job.signature, paddle_inputs.matched(list(ports), job.signature), strict=True):
        ports[old].get_tensor().set_names({tensor.name})
        ports[old].get_node().set_friendly_name(tensor.name)
    for port, name in zip(model.outputs, examples.output_names(job.outputs, len(model.outputs)), strict=True):
        port.get_tensor().set_names({name})
