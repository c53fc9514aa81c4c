"""Look into OpenVINO IR: compiled with every value of the graph made an output."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.contract.port import Contract
from stages.contract.tap import Node, Tapped

if TYPE_CHECKING:
    import numpy

FORMATS = ('openvino',)
TOOLS = ('openvino', 'numpy')
NO_NODES = ('Parameter', 'Result', 'Constant')


def tapped(folder: Path, contract: Contract, feed: Mapping[str, numpy.ndarray]) -> Tapped:
    """Return every value of the outer graph; weights are none."""
    import openvino as ov

    from stages.frameworks.openvino import ports
    from stages.frameworks.refusal import refusal

    model = ov.Core().read_model(folder / 'model.xml')
    places = ports.places(model.inputs, [port.in_file for port in contract.inputs], 'input')
    fed = {place: feed[port.name] for place, port in zip(places, contract.inputs, strict=True)}
    operators = [op for op in model.get_ordered_ops() if op.get_type_name() not in NO_NODES]
    nodes = tuple(_node(op) for op in operators)
    model.add_outputs([output for op in operators for output in op.outputs()])  # an output twice stays one
    with refusal('OpenVINO', 'the steps before this one'):
        config = {'INFERENCE_PRECISION_HINT': 'f32', 'INFERENCE_NUM_THREADS': 1}
        request = ov.Core().compile_model(model, 'CPU', config).create_infer_request()
        results = request.infer(fed)
    names = [_name(result.input(0).get_source_output()) for result in model.get_results()]
    found = {name: results[place].copy() for place, name in enumerate(names)}
    given = {_name(model.inputs[place]): array for place, array in fed.items()}
    return Tapped(nodes, found | given, tuple(given))


def _node(op: Any) -> Node:
    takes = tuple(_name(value.get_source_output()) for value in op.inputs())
    return Node(op.get_friendly_name(), op.get_type_name(), takes, tuple(map(_name, op.outputs())))


def _name(output: Any) -> str:
    """Return a name of a value that no other has: its node's, and its place there."""
    place = f':{output.get_index()}' if output.get_index() else ''
    return f'{output.get_node().get_friendly_name()}{place}'
