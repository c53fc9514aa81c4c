"""A Resize as one product per axis: every way to resize but a crop weighs numbers of a line, the same for each line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stages.frameworks.tvm.read.onnx_node import Node, Writer

if TYPE_CHECKING:
    import numpy


def unlike(node: Node) -> bool:
    """Say whether TVM, which knows the sizes before and after alone, would resize otherwise."""
    shape = node.shape()
    if shape is None:
        return False
    odd = any(node.attribute(name) for name in ('antialias', 'exclude_outside'))
    aspect = node.attribute('keep_aspect_ratio_policy', 'stretch') != 'stretch'
    found = scales(node, shape)
    if odd or aspect or found is None:
        return True
    changed = [axis for axis, scale in enumerate(found) if scale != 1]
    outer = len(shape) < 3 or len(shape) > 5 or any(axis < 2 for axis in changed)
    return outer or node.attribute('axes') is not None or not whole(shape, found)


def whole(shape: tuple[int, ...], found: list[float]) -> bool:
    """Say whether every scale gives a whole size."""
    return all(abs(size * scale - round(size * scale)) <= 1e-3 for size, scale in zip(shape, found, strict=True))


def scales(node: Node, shape: tuple[int, ...]) -> list[float] | None:
    """Return the scale of every axis; None where it shows in a run."""
    axes = [axis % len(shape) for axis in node.attribute('axes', range(len(shape)))]
    given, sizes = node.constant(2), node.constant(3)
    if given is not None and given.size:
        factors = [float(scale) for scale in given]
    elif sizes is not None:
        factors = [int(size) / shape[axis] for axis, size in zip(axes, sizes, strict=True)]
        policy = node.attribute('keep_aspect_ratio_policy', 'stretch')
        if policy != 'stretch':
            factors = [min(factors) if policy == 'not_larger' else max(factors)] * len(factors)
    else:
        return None
    found = [1.0] * len(shape)
    for axis, factor in zip(axes, factors, strict=True):
        found[axis] = factor
    return found


def resize(node: Node, writer: Writer) -> bool:
    """Write a Resize as a product with a matrix per axis, or as a choice of lines where it takes the nearest."""
    import numpy as np

    shape, dtype = node.shape(), node.dtype()
    found = None if shape is None else scales(node, shape)
    crops = node.attribute('coordinate_transformation_mode', 'half_pixel') == 'tf_crop_and_resize'
    if shape is None or dtype is None or found is None or crops:
        return False
    if node.attribute('coordinate_transformation_mode') == 'align_corners' and not whole(shape, found):
        return False  # ONNX aligns the corners of a part of a pixel, ONNX Runtime those of the pixels that there are
    nearest = node.attribute('mode', 'nearest') == 'nearest'
    if not nearest and dtype.kind != 'f':
        return False
    value, rank = node.input(0), len(shape)
    wanted = node.types.shapes.get(node.output(0))
    for axis in (axis for axis in range(rank) if found[axis] != 1):
        weights = line(node, shape[axis], found[axis], None if wanted is None else wanted[axis])
        if wanted is not None and wanted[axis] != weights.shape[1]:
            return False
        if nearest:
            value = writer.op('Gather', value, writer.weight(weights.argmax(0)), axis=axis)
        elif axis == rank - 2:
            value = writer.op('MatMul', writer.weight(np.ascontiguousarray(weights.T.astype(dtype))), value)
        else:
            turned = [*(each for each in range(rank) if each != axis), axis]
            back = [turned.index(each) for each in range(rank)]
            value = writer.op('Transpose', value, perm=turned)
            value = writer.op('MatMul', value, writer.weight(weights.astype(dtype)))
            value = writer.op('Transpose', value, perm=back)
    writer.op('Identity', value, to=node.output(0))
    return True


def line(node: Node, length: int, scale: float, size: int | None) -> numpy.ndarray:
    """Return the weights with which ONNX Runtime makes a resized line of one of ``length``: what it makes of ones.

    The line is told as the node is: by its scale, or by its ``size``.
    """
    import numpy as np
    import onnxruntime as ort
    from onnx import helper, numpy_helper

    by_size = size is not None and node.constant(3) is not None and not node.attribute('keep_aspect_ratio_policy')
    told = np.array([length, size], 'int64') if by_size else np.array([1, scale], 'float32')
    alone = helper.make_node('Resize', ['line', '', *(['', 'told'] if by_size else ['told'])], ['resized'])
    kept = {'axes', 'keep_aspect_ratio_policy'}
    alone.attribute.extend(each for each in node.proto.attribute if each.name not in kept)
    given = helper.make_tensor_value_info('line', 1, [length, length])
    made = helper.make_tensor_value_info('resized', 1, [length, None])
    graph = helper.make_graph([alone], 'line', [given], [made], [numpy_helper.from_array(told, 'told')])
    sets = [helper.make_opsetid('', node.types.opset)]
    model = helper.make_model(graph, opset_imports=sets, ir_version=8)
    options = ort.SessionOptions()
    options.log_severity_level = 4  # of how many numbers it had expected
    session = ort.InferenceSession(model.SerializeToString(), options, providers=['CPUExecutionProvider'])
    result: numpy.ndarray = session.run(None, {'line': np.eye(length, dtype='float32')})[0]
    return result
