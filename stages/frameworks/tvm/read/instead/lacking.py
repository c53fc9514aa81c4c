"""Operators of ONNX that TVM has no converter for, by those that it has one for."""

from __future__ import annotations

from stages.frameworks.tvm.read.onnx_node import Node, Writer


def lp_normalization(node: Node, writer: Writer) -> bool:
    """Write a division by the norm; where that is zero, so is what it divides."""
    dtype = node.dtype()
    if dtype is None or dtype.kind != 'f' or dtype.itemsize < 4:
        return False
    power, axis = node.attribute('p', 2), node.attribute('axis', -1)
    norm = writer.reduced(f'ReduceL{power}', node.input(0), [axis])
    writer.op('Div', node.input(0), writer.op('Max', norm, writer.like(1e-37)), to=node.output(0))
    return True


def reverse_sequence(node: Node, writer: Writer) -> bool:
    """Write a look-up of all lines, each of the first ones of a sample from its other end."""
    import numpy as np

    shape = node.shape()
    if shape is None or len(shape) < 2:
        return False
    batch, time = node.attribute('batch_axis', 1), node.attribute('time_axis', 0)
    samples, steps = shape[batch], shape[time]
    turned = [batch, time, *range(2, len(shape))]
    lengths = writer.op('Unsqueeze', node.input(1), writer.weight(np.array([1])))
    place = writer.weight(np.arange(steps)[None])
    last = writer.op('Sub', lengths, writer.weight(np.array([[1]])))
    within = writer.op('Where', writer.op('Less', place, lengths), writer.op('Sub', last, place), place)
    index = writer.op('Add', within, writer.weight(np.arange(samples)[:, None] * steps))
    data = writer.op('Transpose', node.input(0), perm=turned)
    lines = writer.op('Reshape', data, writer.weight(np.array([samples * steps, *shape[2:]])))
    found = writer.op('Gather', lines, index, axis=0)
    writer.op('Transpose', found, to=node.output(0), perm=[turned.index(axis) for axis in range(len(shape))])
    return True


def unsorted(node: Node) -> bool:
    """Say whether TVM's runtime has no sort for what a TopK takes."""
    return str(node.dtype()) in ('int16', 'uint16', 'uint32', 'uint64')


def top_k(node: Node, writer: Writer) -> bool:
    """Write a TopK of wider integers, where all of the numbers are among them."""
    from onnx import TensorProto

    if str(node.dtype()) == 'uint64':
        return False
    same = writer.same()
    writer.nodes.clear()
    same.input[0] = writer.cast(node.input(0), TensorProto.INT64)
    values, same.output[0] = same.output[0], f'{node.output(0)}/wide'
    writer.nodes.append(same)
    writer.cast(same.output[0], node.types.dtypes[node.input(0)], to=values)
    return True
