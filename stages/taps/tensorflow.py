"""Look into a SavedModel or a Keras model: its traced function frozen into one graph, every value of it fetched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from stages.contract.port import Contract
from stages.contract.tap import Node, Tapped

if TYPE_CHECKING:
    import numpy

FORMATS = ('savedmodel', 'keras')
TOOLS = ('tensorflow-cpu', 'keras', 'numpy', 'h5py')
NO_VALUES = ('Const', 'Placeholder', 'NoOp')


def tapped(folder: Path, contract: Contract, feed: Mapping[str, numpy.ndarray]) -> Tapped:
    """Return every value of numbers in the outer graph."""
    from stages.frameworks.tensorflow import graph as tensorflow_graph

    graph = tensorflow_graph.graph(folder, contract)
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    frozen = convert_variables_to_constants_v2(graph.function, lower_control_flow=False)
    operations = [op for op in frozen.graph.get_operations() if op.type not in NO_VALUES]
    nodes = tuple(
        Node(op.name, op.type, tuple(_name(each) for each in op.inputs), tuple(_name(each) for each in op.outputs))
        for op in operations
    )
    wanted = [each for op in operations for each in op.outputs if each.dtype.is_numpy_compatible]
    seen = frozen.prune(frozen.inputs, wanted)
    given = [tf.constant(feed[port.name]) for port in contract.inputs]
    values = {_name(each): value.numpy() for each, value in zip(wanted, seen(*given), strict=True)}
    fed = {_name(each): feed[port.name] for each, port in zip(frozen.inputs, contract.inputs, strict=True)}
    return Tapped(nodes, values | fed, tuple(fed))


def _name(tensor: object) -> str:
    return str(tensor.name).removesuffix(':0')  # type: ignore[attr-defined]
