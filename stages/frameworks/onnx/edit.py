"""An edit of an ONNX graph that converters leave to do: vectors of scalars."""

from __future__ import annotations

from typing import Any

from stages.frameworks.onnx import walk, weights
from stages.frameworks.onnx.checked import edited


def join_scalars(model: Any) -> None:
    """
    Let each Concat that joins scalars join vectors of one instead, in the graphs inside too.

    ONNX has no Concat of scalars, so a sound model stays as it is. Converters write one where a shape is put together
    from sizes that the source framework held as vectors of one in an older version, and holds as scalars today.
    """
    edited(model, _join_scalars)


def _join_scalars(model: Any) -> None:
    import numpy as np
    from onnx import helper, numpy_helper

    fresh = walk.unused(walk.names(model) | {node.name for node in walk.nodes(model.graph)})
    axis = ''
    while places := _joins(model):  # mending one makes ranks behind it known
        axis = axis or fresh('join_scalars.axis')
        for graph, number, scalars in reversed(places):
            for at, place in enumerate(scalars, number):
                node = graph.node[at]  # one further for each that was put before it
                vector = fresh(f'{node.output[0]}.vector.{place}')
                unsqueeze = helper.make_node('Unsqueeze', [node.input[place], axis], [vector], name=vector)
                node.input[place] = vector
                graph.node.insert(at, unsqueeze)
    if axis:
        weights.free(model)
        model.graph.initializer.append(numpy_helper.from_array(np.array([0], np.int64), axis))


def _joins(model: Any) -> list[tuple[Any, int, list[int]]]:
    """Return graph and number of each Concat that scalars go into, and their places."""
    from onnx import shape_inference

    found: list[tuple[Any, int, list[int]]] = []

    def visit(graph: Any, known: Any, around: set[str]) -> None:
        scalars = (around - walk.defined(graph)) | {w.name for w in graph.initializer if not w.dims}
        for value in (*known.value_info, *known.input):
            kind = value.type.tensor_type
            if kind.HasField('shape') and not kind.shape.dim:
                scalars.add(value.name)
        for number, (node, seen) in enumerate(zip(graph.node, known.node, strict=True)):
            for inner, inferred in zip(walk.graphs(node), walk.graphs(seen), strict=True):
                visit(inner, inferred, scalars)
            places = [place for place, name in enumerate(node.input) if name in scalars]
            if node.op_type == 'Concat' and places:
                found.append((graph, number, places))

    visit(model.graph, shape_inference.infer_shapes(model).graph, set())
    return found
