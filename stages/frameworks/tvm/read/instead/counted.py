"""What keeps some of its elements, by places that TVM's own operators find: TVM itself looks for them in Python."""

from __future__ import annotations

from math import prod

from stages.frameworks.tvm.read.onnx_node import TOLD, Node, Writer


def non_zero(node: Node, writer: Writer) -> bool:
    """Write the places of what is not zero, one row for each axis, in the order in which they lie."""
    import numpy as np
    from onnx import TensorProto

    shape = node.shape()
    if not shape or 0 in shape:
        return False
    found = kept(writer, writer.cast(node.input(0), TensorProto.BOOL), prod(shape))
    rows = []
    for axis, size in enumerate(shape):
        steps = writer.op('Div', found, writer.weight(np.array(prod(shape[axis + 1 :]), 'int64')))
        place = writer.op('Mod', steps, writer.weight(np.array(size, 'int64')))
        rows.append(writer.op('Unsqueeze', place, writer.weight(np.array([0]))))
    writer.op('Concat', *rows, axis=0, to=node.output(0))
    return True


def compress(node: Node, writer: Writer) -> bool:
    """Write a Compress as a look-up of what it keeps: of known places, or of those that a run finds."""
    import numpy as np

    condition, axis, length = node.constant(1), node.attribute('axis'), node.shape(1)
    if condition is not None:
        places = writer.weight(np.flatnonzero(condition))
    elif length and 0 not in length:
        places = kept(writer, node.input(1), length[0])
    else:
        return False
    data = node.input(0) if axis is not None else writer.op('Reshape', node.input(0), writer.weight(np.array([-1])))
    writer.op('Gather', data, places, to=node.output(0), axis=axis or 0)
    return True


def kept(writer: Writer, condition: str, size: int) -> str:
    """Return the places where a ``condition`` of ``size`` elements holds.

    Each goes to the place of its number among them; the others all go to one place behind, and are cut off.
    """
    import numpy as np
    from onnx import TensorProto

    ones = writer.cast(writer.op('Reshape', condition, writer.weight(np.array([size]))), TensorProto.INT64)
    first, one, behind = (writer.weight(np.array(each, 'int64')) for each in (0, 1, size))
    number = writer.op('Sub', writer.op('CumSum', ones, first), one)
    to = writer.op('Where', writer.cast(ones, TensorProto.BOOL), number, behind)
    room, every = (writer.weight(each) for each in (np.zeros(size + 1, 'int64'), np.arange(size)))
    places = writer.op('ScatterElements', room, to, every, axis=0)
    begin = writer.weight(np.array([0]))
    return writer.op('Slice', places, begin, writer.reduced('ReduceSum', ones, [0]), begin)


def computed_shape(node: Node) -> bool:
    """Say whether an Expand computes what it grows to: TVM takes it for the whole shape, where one keeps a size."""
    return node.constant(1) is None and not node.proto.name.endswith(TOLD)


def expand(node: Node, writer: Writer) -> bool:
    """Write an Expand to the shape that comes out: as told, and where that is one, or nothing, the size there is."""
    import numpy as np

    shape, length = node.shape(), node.shape(1)
    if shape is None or not length:
        return False
    rank = max(len(shape), length[0])
    before = np.array([1] * (rank - len(shape)) + list(shape), 'int64')
    told = node.input(1)
    if length[0] < rank:
        told = writer.op('Concat', writer.weight(np.ones(rank - length[0], 'int64')), told, axis=0)
    one = writer.op('Equal', told, writer.weight(np.array(1, 'int64')))
    target = writer.op('Where', one, writer.weight(before), told)
    same = writer.same()
    same.input[1] = target
    same.name = f'{node.proto.name or node.output(0)}{TOLD}'
    return True


def computed_axes(node: Node) -> bool:
    """Say whether a Squeeze computes which axes it drops; TVM looks in Python for the others."""
    return bool(node.input(1)) and node.constant(1) is None


def squeeze(node: Node, writer: Writer) -> bool:
    """Write the axes that a Squeeze drops where it drops as many as there are of size one."""
    import numpy as np

    shape, axes = node.shape(), node.shape(1)
    if shape is None or not axes or shape.count(1) != axes[0]:
        return False
    same = writer.same()
    same.input[1] = writer.weight(np.array([axis for axis, size in enumerate(shape) if size == 1]))
    return True


def computed_diagonal(node: Node) -> bool:
    """Say whether a Trilu computes its diagonal."""
    return bool(node.input(1)) and node.constant(1) is None


def trilu(node: Node, writer: Writer) -> bool:
    """Write a Trilu as a choice between its input and zero, by how far right of the diagonal each place is."""
    import numpy as np

    shape, dtype = node.shape(), node.dtype()
    if shape is None or dtype is None:
        return False
    if 0 in shape:
        writer.op('Identity', node.input(0), to=node.output(0))
        return True
    right = writer.weight(np.arange(shape[-1])[None, :] - np.arange(shape[-2])[:, None])
    beyond = writer.op('Less', right, node.input(1))
    upper = node.attribute('upper', 1)
    outside = beyond if upper else writer.op('Less', node.input(1), right)
    writer.op('Where', outside, writer.like(0), node.input(0), to=node.output(0))
    return True
