"""Weights of an ONNX graph where tools look for them: initializers that are no inputs."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from stages.frameworks.onnx import walk
from stages.frameworks.onnx.checked import edited

if TYPE_CHECKING:
    import onnx

STANDARD = ('', 'ai.onnx')
DENSE = 1 << 26
"""Elements up to which a sparse constant is written out: a small file must not become a mountain in memory."""
FREE = 4
"""The first IR version in which a weight need not be an input."""


def inputs_without_weights(model: onnx.ModelProto) -> None:
    """Drop weights from the inputs, where old files list them: a runtime would have to let a caller change them."""
    edited(model, _inputs_without_weights)


def constants_as_weights(model: onnx.ModelProto) -> None:
    """
    Make a weight of every Constant node: quantizers look for weights, not for nodes.

    Of the graph and of those inside it. A node stays whose value a graph hands out as it is: a weight that is an output
    is more than some runtimes read.
    """
    edited(model, _constants_as_weights)


def free_inputs(model: onnx.ModelProto) -> list[Any]:
    """Return the inputs that are no weights."""
    weights = walk.weights(model.graph)
    return [value for value in model.graph.input if value.name not in weights]


def drop_unused(model: onnx.ModelProto, names: set[str]) -> None:
    """Drop the weights among ``names`` that no node, no graph inside and no output of their graph needs."""
    for graph in walk.every_graph(model.graph):
        needed = walk.used(graph) | {value.name for value in graph.input}
        for number in reversed(range(len(graph.initializer))):
            if graph.initializer[number].name in names - needed:
                del graph.initializer[number]


def one_of_each(model: onnx.ModelProto) -> None:
    """Keep the first of equal weights of one name in one graph; a tool that writes them twice leaves no valid model."""
    for graph in walk.every_graph(model.graph):
        count = Counter(weight.name for weight in graph.initializer)
        first: dict[str, Any] = {}
        twice = []
        for number, weight in enumerate(graph.initializer):
            if count[weight.name] > 1 and first.setdefault(weight.name, weight) is not weight:
                twice += [number] if first[weight.name] == weight else []
        for number in reversed(twice):
            del graph.initializer[number]


def free(model: onnx.ModelProto) -> None:
    """Let ``model`` hold weights that are no inputs."""
    model.ir_version = max(model.ir_version, FREE)


def value_of(node: Any) -> Any | None:
    """Return what a Constant gives as a tensor, or None where it is no tensor that can be written out."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    if node.op_type != 'Constant' or node.domain not in STANDARD or len(node.attribute) != 1:
        return None
    said = node.attribute[0]
    if said.ref_attr_name:  # of the function around it
        return None
    match said.name:
        case 'value':
            return said.t
        case 'value_float':
            return numpy_helper.from_array(np.array(said.f, np.float32))
        case 'value_floats':
            return numpy_helper.from_array(np.array(said.floats, np.float32))
        case 'value_int':
            return numpy_helper.from_array(np.array(said.i, np.int64))
        case 'value_ints':
            return numpy_helper.from_array(np.array(said.ints, np.int64))
        case 'value_string':
            return helper.make_tensor('', TensorProto.STRING, [], [said.s])
        case 'value_strings':
            return helper.make_tensor('', TensorProto.STRING, [len(said.strings)], list(said.strings))
        case 'sparse_value':
            return _dense(said.sparse_tensor)
    return None


def _inputs_without_weights(model: Any) -> None:
    kept = free_inputs(model)
    if len(kept) < len(model.graph.input):
        free(model)
        walk.replace(model.graph.input, kept)


def _constants_as_weights(model: Any) -> None:
    moved = [_move(graph) for graph in walk.every_graph(model.graph)]
    if any(moved):
        free(model)


def _move(graph: Any) -> bool:
    handed_out = {value.name for value in graph.output}
    kept = []
    for node in graph.node:
        value = None if handed_out & set(node.output) else value_of(node)
        if value is None:
            kept.append(node)
        else:
            graph.initializer.add().CopyFrom(value)
            graph.initializer[-1].name = node.output[0]
    moved = len(kept) < len(graph.node)
    if moved:
        walk.replace(graph.node, kept)
    return moved


def _dense(sparse: Any) -> Any | None:
    """Return a sparse tensor written out; its places are numbers, or rows of one number per axis."""
    import numpy as np
    from onnx import numpy_helper

    size = math.prod(sparse.dims)
    if size > DENSE:
        return None
    values, places = numpy_helper.to_array(sparse.values), numpy_helper.to_array(sparse.indices)
    if places.ndim == 2:
        places = np.ravel_multi_index(tuple(places.T), tuple(sparse.dims))
    whole = np.zeros(size, values.dtype)
    whole[places] = values
    return numpy_helper.from_array(whole.reshape(tuple(sparse.dims)))
