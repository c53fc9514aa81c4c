"""An edit of an ONNX graph that converters leave to do: vectors of scalars."""

from __future__ import annotations

from typing import Any


def join_scalars(model: Any) -> None:
    """
    Let each Concat that joins scalars join vectors of one instead.

    ONNX has no Concat of scalars, so a sound model stays as it is. Converters write one where a shape is put together
    from sizes that the source framework held as vectors of one in an older version, and holds as scalars today.
    """
    import numpy as np
    from onnx import helper, numpy_helper

    axis = 'join_scalars.axis'
    while places := _joins(model):  # mending one makes ranks behind it known
        for number, place in reversed(places):
            node = model.graph.node[number]
            vector = f'{node.output[0]}.vector.{place}'
            unsqueeze = helper.make_node('Unsqueeze', [node.input[place], axis], [vector], name=vector)
            node.input[place] = vector
            model.graph.node.insert(number, unsqueeze)
        if all(weights.name != axis for weights in model.graph.initializer):
            model.graph.initializer.append(numpy_helper.from_array(np.array([0], np.int64), axis))


def _joins(model: Any) -> list[tuple[int, int]]:
    """Return number and place of each scalar that goes into a Concat."""
    from onnx import shape_inference

    known = shape_inference.infer_shapes(model).graph
    scalars = {w.name for w in model.graph.initializer if not w.dims}
    for value in (*known.value_info, *known.input):
        kind = value.type.tensor_type
        if kind.HasField('shape') and not kind.shape.dim:
            scalars.add(value.name)
    return [
        (number, place)
        for number, node in enumerate(model.graph.node)
        if node.op_type == 'Concat'
        for place, name in enumerate(node.input)
        if name in scalars
    ]
