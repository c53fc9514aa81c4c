"""Convert an ONNX model to OpenVINO IR."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stages.frameworks.openvino import ir as openvino_ir
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'openvino'
ACCEPTS = ('onnx',)
GIVES = 'openvino'
TOOLS = ('openvino', 'onnx', 'numpy')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True


@dataclass(frozen=True)
class Params(openvino_ir.Params):
    """Options of ``openvino`` from ONNX."""

    insist: bool = False
    """true converts what OpenVINO is known to answer wrongly, without a word; the check then tells by how much."""


needs = usual.no_data
precision = openvino_ir.precision
host = usual.any_cpu
outputs = openvino_ir.outputs


def refuses(params: Params, job: Job) -> None:
    """Raise UnsupportedError where OpenVINO is known to answer wrongly for the model."""
    import onnx

    from stages.frameworks.onnx import plain
    from stages.frameworks.openvino import known_wrong

    graph = onnx.load(job.inputs['model'] / 'model.onnx', load_external_data=False)
    plain.refuse(graph, 'OpenVINO')
    known_wrong.refuse(graph, params.insist)


def run(params: Params, job: Job) -> Contract:
    """Write the IR; its inputs and outputs bear the recipe's names."""
    import onnx
    import openvino as ov

    from stages.frameworks.onnx import plain
    from stages.frameworks.openvino import known_wrong, ports
    from stages.frameworks.openvino.quiet import telemetry_off
    from stages.frameworks.refusal import refusal

    telemetry_off()
    path = job.inputs['model'] / 'model.onnx'
    graph = onnx.load(path, load_external_data=False)
    plain.refuse(graph, 'OpenVINO')
    known_wrong.refuse(graph, params.insist)
    weights = {w.name for w in graph.graph.initializer}
    inputs = [value.name for value in graph.graph.input if value.name not in weights]
    with refusal('OpenVINO', 'onnx-optimize: {level: basic} before it, or the onnx alone'):
        model = ov.convert_model(path)
    ports.join_twins(model, inputs)
    outputs = [port.name for port in job.contract.outputs]
    ports.name_ports(
        model,
        list(zip(ports.places_in_order(model.inputs, inputs), inputs, strict=True)),
        list(zip(ports.places(model.outputs, outputs, 'output'), outputs, strict=True)),
    )
    with refusal('OpenVINO', 'openvino: {shape: dynamic}, or the onnx alone'):
        return openvino_ir.left(model, params, job.contract, job.output)
