"""Operators of ONNX written as others: each function writes the nodes, or says that it cannot for these sizes."""

from __future__ import annotations

from typing import Final

from stages.frameworks.tvm.read.onnx_node import Node, Writer

OF_NOTHING: Final = {
    'L1': 0.0, 'L2': 0.0, 'LogSum': float('-inf'), 'LogSumExp': float('-inf'), 'Max': float('-inf'),
    'Min': float('inf'), 'Prod': 1.0, 'Sum': 0.0, 'SumSquare': 0.0,
}  # fmt: skip
"""What a reduction of no numbers gives, by its name without ``Reduce``."""


def trains(node: Node) -> bool:
    """Say whether a Dropout drops: at random, as in training."""
    mode, ratio = node.constant(2), node.constant(1)
    drops = bool(mode) if mode is not None else bool(node.input(2))
    return drops and (ratio is None or bool(ratio > 0))


def dropout(node: Node, writer: Writer) -> bool:
    """Write a Dropout that drops nothing: its input, and a mask of nothing but true."""
    import numpy as np

    writer.op('Identity', node.input(0), to=node.output(0))
    if node.output(1):
        shape = writer.op('Shape', node.input(0))
        writer.op('Expand', writer.weight(np.array(True)), shape, to=node.output(1))
    return True


def one_sided(node: Node) -> bool:
    """Say whether an IsInf looks for one of the infinities, or none."""
    return not (node.attribute('detect_negative', 1) and node.attribute('detect_positive', 1))


def is_inf(node: Node, writer: Writer) -> bool:
    """Write an IsInf of one sign as a comparison with that infinity."""
    negative, positive = node.attribute('detect_negative', 1), node.attribute('detect_positive', 1)
    if negative or positive:
        writer.op('Equal', node.input(0), writer.like(float('-inf' if negative else 'inf')), to=node.output(0))
    else:
        writer.op('Less', node.input(0), writer.like(float('-inf')), to=node.output(0))
    return True


def statistics_used(node: Node) -> bool:
    """Say whether anything but the normalized values is asked for."""
    return bool(node.output(1) or node.output(2))


def layer_normalization(node: Node, writer: Writer) -> bool:
    """Write mean and inverse deviation of a LayerNormalization beside it."""
    shape, dtype = node.shape(), node.dtype()
    if shape is None or str(dtype) != 'float32':
        return False
    axes = range(node.attribute('axis', -1) % len(shape), len(shape))
    mean = writer.reduced('ReduceMean', node.input(0), list(axes), to=node.output(1))
    if node.output(2):
        apart = writer.op('Sub', node.input(0), mean)
        variance = writer.reduced('ReduceMean', writer.op('Mul', apart, apart), list(axes))
        above = writer.op('Add', variance, writer.like(node.attribute('epsilon', 1e-5)))
        writer.op('Reciprocal', writer.op('Sqrt', above), to=node.output(2))
    same = writer.same()
    del same.output[1:]
    return True


def batch_normalization(node: Node, writer: Writer) -> bool:
    """Write a BatchNormalization by the mean and the variance of its input, which it is told to take."""
    import numpy as np

    shape = node.shape()
    if shape is None or node.dtype() != node.dtype(1) or node.dtype() != node.dtype(3):
        return False
    axes, channels = [0, *range(2, len(shape))], writer.weight(np.array([1, -1] + [1] * (len(shape) - 2)))
    mean = writer.reduced('ReduceMean', node.input(0), axes)
    apart = writer.op('Sub', node.input(0), mean)
    variance = writer.reduced('ReduceMean', writer.op('Mul', apart, apart), axes)
    deviation = writer.op('Sqrt', writer.op('Add', variance, writer.like(node.attribute('epsilon', 1e-5))))
    scale, bias = (writer.op('Reshape', node.input(place), channels) for place in (1, 2))
    writer.op('Add', writer.op('Mul', writer.op('Div', apart, deviation), scale), bias, to=node.output(0))
    momentum, flat = node.attribute('momentum', 0.9), writer.weight(np.array([-1]))
    for place, now in ((1, mean), (2, variance)):
        if node.output(place):
            before = writer.op('Mul', node.input(2 + place), writer.like(momentum))
            new = writer.op('Mul', writer.op('Reshape', now, flat), writer.like(1 - momentum))
            writer.op('Add', before, new, to=node.output(place))
    return True


def conv_transpose(node: Node, writer: Writer) -> bool:
    """Write the padding that gives a ConvTranspose the sizes it is told."""
    shape, kernel = node.shape(), node.shape(1)
    if shape is None or kernel is None:
        return False
    wanted = list(node.attribute('output_shape'))[-(len(shape) - 2) :]
    count = len(wanted)
    strides, dilations = (node.attribute(name, [1] * count) for name in ('strides', 'dilations'))
    more = list(node.attribute('output_padding', [0] * count))
    before, after = [], []
    for axis in range(count):
        covered = strides[axis] * (shape[2 + axis] - 1) + more[axis] + (kernel[2 + axis] - 1) * dilations[axis] + 1
        surplus = covered - wanted[axis]
        if surplus < 0:
            more[axis] -= surplus
        less = max(surplus, 0) // 2
        rest = max(surplus, 0) - less
        # ONNX: the odd one goes to the end for SAME_UPPER alone
        first, last = (less, rest) if node.attribute('auto_pad', 'NOTSET') == 'SAME_UPPER' else (rest, less)
        before.append(first)
        after.append(last)
    if any(each >= max(stride, dilation) for each, stride, dilation in zip(more, strides, dilations, strict=True)):
        return False
    writer.same(output_shape=None, auto_pad=None, pads=before + after, output_padding=more)
    return True


def narrow_values(node: Node) -> bool:
    """Say whether the values of a OneHot are of another type than Python's own numbers, which TVM makes of them."""
    return str(node.dtype(2)) not in ('float64', 'int64')


def one_hot(node: Node, writer: Writer) -> bool:
    """Write a OneHot as a choice between two values, wherever an index is that of its place."""
    import numpy as np

    shape, depth, values, dtype = node.shape(), node.constant(1), node.constant(2), node.dtype()
    if shape is None or depth is None or values is None or dtype is None:
        return False
    count = int(depth.ravel()[0])
    axis = node.attribute('axis', -1) % (len(shape) + 1)
    places = np.arange(count).reshape([-1 if at == axis else 1 for at in range(len(shape) + 1)])
    negative = writer.op('Less', node.input(0), writer.like(0))
    back = writer.op('Add', node.input(0), writer.like(count))
    index = writer.op('Where', negative, back, node.input(0)) if dtype.kind != 'u' else node.input(0)
    wide = writer.op('Unsqueeze', index, writer.weight(np.array([axis])))
    hot = writer.op('Equal', wide, writer.weight(places.astype(dtype)))
    off, on = (writer.weight(values[at]) for at in (0, 1))
    writer.op('Where', hot, on, off, to=node.output(0))
    return True


def empty(node: Node) -> bool:
    """Say whether a reduction has no numbers to reduce."""
    shape = node.shape()
    return shape is not None and 0 in shape


def of_nothing(node: Node, writer: Writer) -> bool:
    """Write what a reduction of nothing gives."""
    import numpy as np

    shape, dtype = node.types.shapes.get(node.output(0)), node.dtype()
    if shape is None or dtype is None or dtype.kind not in 'iuf':
        return False
    value = OF_NOTHING[node.proto.op_type.removeprefix('Reduce')]
    if dtype.kind != 'f' and not np.isfinite(value):
        value = np.iinfo(dtype).max if value > 0 else np.iinfo(dtype).min
    writer.op('Identity', writer.weight(np.full(shape, value, dtype)), to=node.output(0))
    return True
