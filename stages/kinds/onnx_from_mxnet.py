"""Convert a model of Apache MXNet to ONNX, with MXNet's own exporter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stages.errors import UnsupportedError
from stages.frameworks.onnx import build
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'onnx'
ACCEPTS = ('mxnet',)
GIVES = 'onnx'
TOOLS = ('mxnet', 'onnx', 'numpy')
ENVIRONMENT = 'mxnet'
PROGRAMS = ()
DETERMINISTIC = True

Params = build.Params
needs = usual.no_data
precision = usual.same_precision
host = usual.any_cpu

ADVICE = 'an output before that operator: source: {mxnet: …, output: [NAME_output]}'


def outputs(params: build.Params) -> tuple[str, ...]:
    """Promise one file, weights inside."""
    return ('model.onnx',)


def run(params: build.Params, job: Job) -> Contract:
    """Write ``model.onnx`` with the recipe's names, its weights no longer inputs as the exporter leaves them."""
    import numpy as np
    import onnx

    from stages.frameworks.mxnet import symbol
    from stages.frameworks.onnx import ports
    from stages.frameworks.onnx.names import name_dimensions, name_ports
    from stages.frameworks.onnx.write import write_stripped
    from stages.frameworks.refusal import refusal

    contract = job.contract.fixed() if params.shape == 'static' else job.contract
    folder, path = job.inputs['model'], job.output / 'model.onnx'
    net = symbol.read(folder / 'model-symbol.json')
    _check_recurrent(net)
    with refusal('mxnet.onnx', ADVICE):
        from mxnet import onnx as exporter

        exporter.export_model(
            str(folder / 'model-symbol.json'),
            str(folder / 'model-0000.params'),
            in_shapes=[port.sized(**job.contract.sizes) for port in contract.inputs],
            in_types=[np.dtype(port.dtype).type for port in contract.inputs],
            onnx_file_path=str(path),
            dynamic=True,
            dynamic_input_shapes=[port.shape for port in contract.inputs],
        )
    model = onnx.load(path)
    held = {weight.name for weight in model.graph.initializer}
    kept = [value for value in model.graph.input if value.name not in held]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    called = {port.in_file: port.name for port in contract.inputs}
    # it writes outputs in their order, under names of its own
    name_ports(model, [called[v.name] for v in kept], [port.name for port in contract.outputs])
    name_dimensions(model, contract.inputs)
    with refusal('mxnet.onnx', ADVICE):
        write_stripped(model, path)
    return ports.made(model, contract)


def _check_recurrent(net: object) -> None:
    """Refuse by name what the exporter refuses deep inside: recurrent layers in both directions."""
    from stages.frameworks.mxnet.symbol import Symbol

    assert isinstance(net, Symbol)
    for node in net.nodes:
        if node.op == 'RNN' and node.attrs.get('bidirectional', '0') in ('1', 'True', 'true'):
            raise UnsupportedError(
                f'{net.file}: {node.name} is recurrent in both directions, which MXNet’s exporter does not write\n'
                f'what to try: {ADVICE}'
            )
