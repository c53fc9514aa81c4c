"""Look into an ONNX model: ONNX Runtime, with every value of the graph made an output."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from stages.contract.port import Contract
from stages.contract.tap import Node, Tapped

if TYPE_CHECKING:
    import numpy

FORMATS = ('onnx',)
TOOLS = ('onnx', 'onnxruntime', 'numpy')


def tapped(folder: Path, contract: Contract, feed: Mapping[str, numpy.ndarray]) -> Tapped:
    """Return every value of the outer graph; those of graphs inside a node are that node's."""
    import onnx

    from stages.frameworks.onnx import runtime
    from stages.frameworks.onnx.names import name_nodes
    from stages.frameworks.refusal import refusal

    model = onnx.load(folder / 'model.onnx', load_external_data=False)
    name_nodes(model)
    nodes = tuple(
        Node(node.name, node.op_type, tuple(filter(None, node.input)), tuple(filter(None, node.output)))
        for node in model.graph.node
    )
    shown = {value.name for value in model.graph.output}
    model.graph.output.extend(
        onnx.ValueInfoProto(name=name) for node in nodes for name in node.gives if name not in shown
    )
    names = [value.name for value in model.graph.output]
    with tempfile.TemporaryDirectory() as scratch:
        for path in folder.iterdir():
            if path.name != 'model.onnx':  # its weights
                shutil.copyfile(path, Path(scratch, path.name))
        path = Path(scratch, 'model.onnx')
        path.write_bytes(model.SerializeToString())
        with refusal('ONNX Runtime', 'the steps before this one'):
            session = runtime.opened(path)
            found = session.run(names, {port.in_file: feed[port.name] for port in contract.inputs})
    values = {name: value for name, value in zip(names, found, strict=True) if hasattr(value, 'dtype')}
    fed = {port.in_file: feed[port.name] for port in contract.inputs}
    return Tapped(nodes, values | fed, tuple(fed))
