"""Layers of Core ML neural networks that multiply by weights, or normalize."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from stages.frameworks.coreml.layer import Layer, Write


def _inner_product(layer: Layer) -> str:
    told, shape = layer.told, layer.shape(layer.x)
    if told.int8DynamicQuantize:
        raise layer.refused('quantizes what it gets (int8DynamicQuantize)')
    taken, given = int(told.inputChannels), int(told.outputChannels)
    weight = layer.const(layer.held('weights', [given, taken]), 'weight')
    bias = [layer.const(layer.held('bias', [given]), 'bias')] if told.hasBias else []
    if len(shape) < 4:
        flat = layer.reshaped(layer.x, (math.prod(shape[:-1]), shape[-1]))
        return layer.reshaped(layer.op('Gemm', flat, weight, *bias, transB=1), (*shape[:-1], given))
    flat = layer.op('Flatten', layer.four(layer.x), axis=1)
    made = layer.op('Gemm', flat, weight, *bias, transB=1)
    return layer.back(layer.reshaped(made, (*layer.shape(made), 1, 1)), layer.x)


def _matmul(layer: Layer) -> str:
    told = layer.told
    if len(layer.inputs) == 1:
        if told.int8DynamicQuantize:
            raise layer.refused('quantizes what it gets (int8DynamicQuantize)')
        taken, given = int(told.weightMatrixFirstDimension), int(told.weightMatrixSecondDimension)
        weight = layer.held('weights', [given, taken]).T  # stored column by column
        made = layer.op('MatMul', layer.x, layer.const(weight, 'weight'))
        return layer.op('Add', made, layer.const(layer.held('bias', [given]), 'bias')) if told.hasBias else made
    sides = []
    for value, turned in zip(layer.inputs, (told.transposeA, told.transposeB), strict=True):
        order = [*range(layer.rank(value) - 2), layer.rank(value) - 1, layer.rank(value) - 2]
        sides.append(layer.op('Transpose', value, perm=order) if turned and len(order) > 1 else value)
    return layer.op('MatMul', *sides)


def _batchnorm(layer: Layer) -> str:
    told, x = layer.told, layer.four(layer.x)
    count, tiny = int(told.channels), float(told.epsilon) or 1e-5
    names = ('gamma', 'beta') if told.computeMeanVar else ('gamma', 'beta', 'mean', 'variance')
    if told.computeMeanVar and not told.instanceNormalization:
        raise layer.refused('goes by the statistics of the batch that it gets')
    held = [layer.const(layer.held(name, [count]), name) for name in names]
    operator = 'InstanceNormalization' if told.computeMeanVar else 'BatchNormalization'
    return layer.back(layer.op(operator, x, *held, epsilon=tiny), layer.x)


def _mvn(layer: Layer) -> str:
    """The epsilon is added to the variance, as coremltools takes it where it writes instance norm by this layer."""
    told, x = layer.told, layer.four(layer.x)
    axes, tiny = ([1, 2, 3] if told.acrossChannels else [2, 3]), float(told.epsilon) or 1e-6
    centred = layer.op('Sub', x, layer.op('ReduceMean', x, axes=axes, keepdims=1))
    if told.normalizeVariance:
        squares = layer.op('ReduceMean', layer.op('Mul', centred, centred), axes=axes, keepdims=1)
        wide = layer.op('Sqrt', layer.op('Add', squares, layer.const(tiny, 'tiny')))
        centred = layer.op('Div', centred, wide)
    return layer.back(centred, layer.x)


def _l2(layer: Layer) -> str:
    x, tiny = layer.four(layer.x), float(layer.told.epsilon) or 1e-6
    squares = layer.op('ReduceSumSquare', x, axes=[1, 2, 3], keepdims=1)
    length = layer.op('Sqrt', layer.op('Add', squares, layer.const(tiny, 'tiny')))
    return layer.back(layer.op('Div', x, length), layer.x)


def _lrn(layer: Layer) -> str:
    told = layer.told
    if not int(told.localSize) % 2:
        raise layer.refused(f'a window of {told.localSize} channels has no middle')
    made = layer.op(
        'LRN', layer.four(layer.x), size=int(told.localSize), alpha=float(told.alpha), beta=float(told.beta),
        bias=float(told.k) or 1.0,
    )  # fmt: skip
    return layer.back(made, layer.x)


def _layer_norm(layer: Layer) -> str:
    told, shape = layer.told, layer.shape(layer.x)
    inner = tuple(int(each) for each in told.normalizedShape)
    if shape[len(shape) - len(inner) :] != inner or not inner:
        raise layer.refused(f'normalizes {list(inner)} of {list(shape)}')
    gamma, beta = (layer.const(layer.held(name, inner), name) for name in ('gamma', 'beta'))
    return layer.op('LayerNormalization', layer.x, gamma, beta, axis=-len(inner), epsilon=float(told.eps))


def _softmax(layer: Layer) -> str:
    return layer.back(layer.op('Softmax', layer.four(layer.x), axis=1), layer.x)


def _mapped(layer: Layer, weight_shape: Sequence[int], bias_shape: Sequence[int], scale: str, bias: str) -> str:
    """Return the first input times numbers and plus others, each ``[1]``, ``[C]``, ``[1, H, W]`` or ``[C, H, W]``."""
    shapes = {}
    for name, told in ((scale, weight_shape), (bias, bias_shape)):
        shape = [int(each) for each in told]
        if name and len(shape) not in (1, 3):
            raise layer.refused(f'{name} has the shape {shape}')
        shapes[name] = shape

    def write(x: str) -> str:
        for name, operator in ((scale, 'Mul'), (bias, 'Add')):
            if name:
                shape = shapes[name]
                held = layer.held(name, shape).reshape(shape if len(shape) == 3 else [*shape, 1, 1])
                x = layer.op(operator, x, layer.const(held, name))
        return x

    return layer.pointwise(write, layer.x)


def _scale(layer: Layer) -> str:
    return _mapped(layer, layer.told.shapeScale, layer.told.shapeBias, 'scale', 'bias' if layer.told.hasBias else '')


def _bias(layer: Layer) -> str:
    return _mapped(layer, (), layer.told.shape, '', 'bias')


def _dot(layer: Layer) -> str:
    one, two = (layer.four(each) for each in layer.inputs)
    axis = layer.wholes([1], 'axis')
    made = layer.op('ReduceSum', layer.op('Mul', one, two), axis, keepdims=1)
    if layer.told.cosineSimilarity:
        lengths = [layer.op('ReduceL2', each, axes=[1], keepdims=1) for each in (one, two)]
        made = layer.op('Div', made, layer.op('Mul', *lengths))
    return layer.back(made, layer.x)


LAYERS: Final[Mapping[str, Write]] = {
    'innerProduct': _inner_product,
    'batchedMatmul': _matmul,
    'batchnorm': _batchnorm,
    'mvn': _mvn,
    'l2normalize': _l2,
    'lrn': _lrn,
    'layerNormalization': _layer_norm,
    'softmax': _softmax,
    'scale': _scale,
    'bias': _bias,
    'dot': _dot,
}
