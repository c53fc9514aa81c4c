"""One small network for each layer of Core ML, and what NumPy or torch says that it computes.

A case is the kind, its fields, the shapes of its inputs and the reference; ``old`` cases compute on five axes, and the
reference gets and gives these.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.frameworks.coreml.made import border

Array = NDArray[Any]
RNG = np.random.default_rng(5)


def some(*shape: int) -> Array:
    """Return numbers that float32 holds exactly."""
    return np.round(RNG.standard_normal(shape) * 64).astype(np.float32) / 64


@dataclass(frozen=True)
class Case:
    """A layer, and what it is to compute."""

    kind: str
    told: dict[str, Any]
    shapes: tuple[tuple[int, ...], ...]
    wanted: Callable[..., Any]
    old: bool = False
    outputs: int = 1
    inputs: tuple[Array, ...] = field(default=())
    """In place of random ones."""


def torch(function: str, *args: Any, **named: Any) -> Callable[..., Array]:
    """Return a function of torch.nn.functional on arrays; ones among its arguments become tensors."""

    def call(x: Array) -> Array:
        import torch

        held = [torch.from_numpy(np.ascontiguousarray(a)) if isinstance(a, np.ndarray) else a for a in args]
        named_held = {k: torch.from_numpy(a) if isinstance(a, np.ndarray) else a for k, a in named.items()}
        lead, inner = x.shape[:-3], x.shape[-3:]
        made = getattr(torch.nn.functional, function)(
            torch.from_numpy(x.reshape(math.prod(lead), *inner)), *held, **named_held
        )
        return made.numpy().reshape(*lead, *made.shape[1:])

    return call


def padded(pads: tuple[int, ...], inner: Callable[..., Array]) -> Callable[..., Array]:
    """Pad with zeros first: top, left, bottom, right."""
    top, left, bottom, right = pads
    return lambda x: inner(np.pad(x, [(0, 0)] * (x.ndim - 2) + [(top, bottom), (left, right)]))


def act(name: str, reference: Callable[..., Any], **told: Any) -> Case:
    return Case('activation', {name: told}, ((1, 3, 4, 5),), reference)


def unary(kind: int, reference: Callable[..., Any], **told: Any) -> Case:
    values = np.abs(some(1, 2, 3, 4)) + 0.25
    return Case('unary', {'type': kind, **told}, (values.shape,), reference, inputs=(values,))


W = some(4, 3, 3, 3)
G = some(6, 2, 3, 3)
D = some(3, 4, 3, 3)
B4, B6, C3 = some(4), some(6), some(3)
M = some(5, 24)
P = np.abs(some(3)) + 0.5
V = some(4, 3, 2, 3, 3)
LIMITS = np.round(RNG.uniform(-0.9, 0.9, (2, 3)) * 64).astype(np.float32) / 64


def conv(x: Array, w: Array, b: Array | None = None, **named: Any) -> Array:
    return torch('conv2d', w, b, **named)(x)


def reduced(kind: str, reference: Callable[..., Array]) -> Case:
    values = np.abs(some(2, 3, 4)) + 0.25
    told = {'axes': [-1, 0], 'keepDims': False}
    return Case(kind, told, ((2, 3, 4),), lambda x: reference(x, (2, 0)), inputs=(values,))


def mapped(kind: str, reference: Callable[..., Any]) -> Case:
    return Case(kind, {}, ((2, 3),), reference, inputs=(LIMITS,))


def both(kind: str, reference: Callable[..., Any], least: float = -9) -> Case:
    inputs = (np.maximum(some(2, 3, 4), least), np.maximum(some(3, 1), least) + 0.015625)
    return Case(kind, {}, ((2, 3, 4), (3, 1)), reference, inputs=inputs)


def l2(x: Array) -> Array:
    return x / np.sqrt((x**2).sum((-1, -2, -3), keepdims=True) + 1e-6)


def normal(x: Array, axes: tuple[int, ...], tiny: float) -> Array:
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + tiny)


def space(x: Array, size: int) -> Array:
    *lead, c, h, w = x.shape
    parts = x.reshape(-1, c, h // size, size, w // size, size).transpose(0, 3, 5, 1, 2, 4)
    return parts.reshape(*lead, c * size * size, h // size, w // size)


def depth(x: Array, size: int) -> Array:
    *lead, c, h, w = x.shape
    parts = x.reshape(-1, size, size, c // size**2, h, w).transpose(0, 3, 4, 1, 5, 2)
    return parts.reshape(*lead, c // size**2, h * size, w * size)


def lrn(x: Array) -> Array:
    squares = np.pad(x**2, [(0, 0), (1, 1), (0, 0), (0, 0)])
    around = squares[:, :-2] + squares[:, 1:-1] + squares[:, 2:]
    return x / (2 + 0.5 / 3 * around) ** 0.75


def grid(x: Array, rows: Array, columns: Array) -> Array:
    """Sample between pixels, at the places of rows and columns."""
    for axis, places in ((-2, rows), (-1, columns)):
        low = np.clip(np.floor(places).astype(int), 0, x.shape[axis] - 1)
        high = np.minimum(low + 1, x.shape[axis] - 1)
        part = (places - low).reshape([-1 if place == axis % x.ndim else 1 for place in range(x.ndim)])
        x = np.take(x, low, axis) * (1 - part) + np.take(x, high, axis) * part
    return x


def gelu(x: Array) -> Array:
    return np.vectorize(lambda v: 0.5 * v * (1 + math.erf(v / math.sqrt(2))))(x)


PICTURE = ((1, 3, 8, 7),)
FIVE = ((3, 8, 7),)
CASES: dict[str, Case] = {
    'convolution': Case(
        'convolution',
        {'outputChannels': 4, 'kernelChannels': 3, 'kernelSize': [3, 3], 'stride': [2, 1], 'dilationFactor': [1, 2],
         'hasBias': True, 'weights': W, 'bias': B4, 'valid': {'paddingAmounts': border(1, 0, 2, 3)}},
        PICTURE, padded((1, 0, 2, 3), lambda x: conv(x, W, B4, stride=(2, 1), dilation=(1, 2))),
    ),
    'convolution of old, same': Case(
        'convolution',
        {'outputChannels': 4, 'kernelChannels': 3, 'stride': [2, 2], 'weights': W, 'same': {}},
        FIVE, padded((0, 1, 1, 1), lambda x: conv(x, W, stride=2)), old=True,
    ),
    'convolution, same, heavy at the top': Case(
        'convolution',
        {'outputChannels': 4, 'kernelChannels': 3, 'stride': [2, 2], 'weights': W, 'same': {'asymmetryMode': 1}},
        PICTURE, padded((1, 1, 0, 1), lambda x: conv(x, W, stride=2)),
    ),
    'convolution in groups': Case(
        'convolution', {'outputChannels': 6, 'kernelChannels': 2, 'nGroups': 3, 'weights': G, 'valid': {}},
        ((2, 6, 5, 5),), lambda x: conv(x, G, groups=3),
    ),
    'convolution with weights from outside': Case(
        'convolution', {'outputChannels': 4, 'kernelChannels': 3, 'valid': {}}, ((1, 3, 8, 7), (4, 3, 3, 3)),
        lambda x, w: conv(x, w),
    ),
    'deconvolution': Case(
        'convolution',
        {'outputChannels': 4, 'kernelChannels': 3, 'isDeconvolution': True, 'stride': [2, 2], 'weights': D,
         'hasBias': True, 'bias': B4, 'valid': {'paddingAmounts': border(1, 1, 1, 1)}},
        PICTURE, torch('conv_transpose2d', D, B4, stride=2, padding=1),
    ),
    'deconvolution to a shape': Case(
        'convolution',
        {'outputChannels': 4, 'kernelChannels': 3, 'isDeconvolution': True, 'stride': [2, 2], 'weights': D,
         'outputShape': [17, 15]},
        PICTURE, torch('conv_transpose2d', D, stride=2),
    ),
    'convolution3d': Case(
        'convolution3d',
        {'outputChannels': 4, 'inputChannels': 3, 'nGroups': 1, 'kernelDepth': 2, 'kernelHeight': 3, 'kernelWidth': 3,
         'strideDepth': 1, 'strideHeight': 2, 'strideWidth': 2, 'dilationDepth': 1, 'dilationHeight': 1,
         'dilationWidth': 1, 'weights': V, 'paddingType': 0, 'customPaddingFront': 1, 'customPaddingRight': 2},
        ((1, 3, 3, 7, 7),),
        lambda x: five('conv3d', np.pad(x, [(0, 0), (0, 0), (1, 0), (0, 0), (0, 2)]), V, stride=(1, 2, 2)),
    ),
    'pooling': Case(
        'pooling', {'type': 0, 'kernelSize': [3, 2], 'stride': [2, 2], 'valid': {}}, PICTURE,
        torch('max_pool2d', (3, 2), 2),
    ),
    'pooling of averages, padding counted': Case(
        'pooling',
        {'type': 1, 'kernelSize': [3, 3], 'stride': [2, 2], 'valid': {'paddingAmounts': border(1, 1, 1, 1)}},
        PICTURE, torch('avg_pool2d', 3, 2, 1),
    ),
    'pooling of averages, padding left out': Case(
        'pooling',
        {'type': 1, 'kernelSize': [3, 3], 'stride': [2, 2], 'avgPoolExcludePadding': True,
         'valid': {'paddingAmounts': border(1, 1, 1, 1)}},
        FIVE, torch('avg_pool2d', 3, 2, 1, count_include_pad=False), old=True,
    ),
    'pooling with the last pixel': Case(
        'pooling',
        {'type': 0, 'kernelSize': [2, 2], 'stride': [2, 2], 'includeLastPixel': {'paddingAmounts': [0, 0]}},
        PICTURE, torch('max_pool2d', 2, 2, ceil_mode=True),
    ),
    'pooling of everything': Case(
        'pooling', {'type': 1, 'globalPooling': True, 'valid': {}}, FIVE, lambda x: x.mean((-1, -2), keepdims=True),
        old=True,
    ),
    'pooling by L2': Case(
        'pooling', {'type': 2, 'kernelSize': [2, 2], 'stride': [2, 2], 'valid': {}}, ((1, 3, 4, 4),),
        lambda x: np.sqrt((x**2).reshape(1, 3, 2, 2, 2, 2).sum((3, 5))),
    ),
    'pooling3d': Case(
        'pooling3d',
        {'type': 0, 'kernelDepth': 2, 'kernelHeight': 2, 'kernelWidth': 2, 'strideDepth': 1, 'strideHeight': 2,
         'strideWidth': 2, 'paddingType': 1},
        ((1, 2, 3, 4, 4),), lambda x: five('max_pool3d', x, 2, stride=(1, 2, 2)),
    ),
    'globalPooling3d': Case(
        'globalPooling3d', {'type': 1}, ((1, 2, 3, 4, 4),), lambda x: x.mean((2, 3, 4), keepdims=True)
    ),
    'innerProduct': Case(
        'innerProduct', {'inputChannels': 24, 'outputChannels': 5, 'hasBias': True, 'weights': M, 'bias': some(5) * 0},
        ((2, 3, 24),), lambda x: x @ M.T,
    ),
    'innerProduct of old': Case(
        'innerProduct', {'inputChannels': 24, 'outputChannels': 5, 'weights': M}, ((2, 3, 4),),
        lambda x: (x.reshape(1, 1, 24) @ M.T)[..., None, None], old=True,
    ),
    'batchedMatmul': Case(
        'batchedMatmul', {'transposeB': True}, ((2, 3, 4), (2, 5, 4)), lambda a, b: a @ b.transpose(0, 2, 1)
    ),
    'batchedMatmul with weights': Case(
        'batchedMatmul',
        {'weightMatrixFirstDimension': 24, 'weightMatrixSecondDimension': 5, 'weights': M, 'hasBias': True,
         'bias': some(5) * 0 + 1},
        ((2, 24),), lambda x: x @ M.T + 1,
    ),
    'batchnorm': Case(
        'batchnorm', {'channels': 3, 'gamma': P, 'beta': C3, 'mean': C3, 'variance': P, 'epsilon': 1e-3}, FIVE,
        torch('batch_norm', C3, P, P, C3, eps=1e-3), old=True,
    ),
    'batchnorm of each picture': Case(
        'batchnorm',
        {'channels': 3, 'gamma': P, 'beta': C3, 'computeMeanVar': True, 'instanceNormalization': True}, PICTURE,
        torch('instance_norm', weight=P, bias=C3, eps=1e-5),
    ),
    'mvn': Case('mvn', {'acrossChannels': True, 'normalizeVariance': True}, FIVE,
                lambda x: normal(x, (-1, -2, -3), 1e-6), old=True),
    'mvn in each channel': Case('mvn', {}, PICTURE, lambda x: x - x.mean((2, 3), keepdims=True)),
    'l2normalize': Case('l2normalize', {}, FIVE, l2, old=True),
    'lrn': Case('lrn', {'alpha': 0.5, 'beta': 0.75, 'localSize': 3, 'k': 2}, PICTURE, lrn),
    'layerNormalization': Case(
        'layerNormalization', {'normalizedShape': [4, 3], 'eps': 1e-3, 'gamma': some(12) * 0 + 2, 'beta': some(12) * 0},
        ((2, 4, 3),), lambda x: 2 * normal(x, (1, 2), 1e-3),
    ),
    'softmax': Case('softmax', {}, FIVE, lambda x: np.exp(x) / np.exp(x).sum(-3, keepdims=True), old=True),
    'softmaxND': Case('softmaxND', {'axis': 1}, ((2, 3, 4),), lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True)),
    'padding': Case('padding', {'constant': {'value': 2.5}, 'paddingAmounts': border(1, 0, 2, 3)}, FIVE,
                    lambda x: np.pad(x, [(0, 0)] * 3 + [(1, 2), (0, 3)], constant_values=2.5), old=True),
    'padding by reflection': Case('padding', {'reflection': {}, 'paddingAmounts': border(1, 0, 2, 3)}, PICTURE,
                                  lambda x: np.pad(x, [(0, 0), (0, 0), (1, 2), (0, 3)], mode='reflect')),
    'padding by repeating': Case('padding', {'replication': {}, 'paddingAmounts': border(1, 0, 2, 3)}, ((8, 7),),
                                 lambda x: np.pad(x, [(1, 2), (0, 3)], mode='edge')),
    'constantPad': Case('constantPad', {'value': 1.5, 'padAmounts': [0, 1, 4, 0]}, ((2, 3),),
                        lambda x: np.pad(x, [(0, 1), (4, 0)], constant_values=1.5)),
    'constantPad to a size': Case('constantPad', {'padAmounts': [0, 5, 4, 0], 'padToGivenOutputSizeMode': True},
                                  ((2, 3),), lambda x: np.pad(x, [(0, 3), (1, 0)])),
    'crop': Case('crop', {'cropAmounts': border(1, 0, 2, 3)}, FIVE, lambda x: x[..., 1:-2, :-3], old=True),
    'crop like another': Case('crop', {'offset': [1, 2]}, ((1, 3, 8, 7), (1, 3, 4, 5)),
                              lambda x, y: x[..., 1:5, 2:7] + 0 * y[:, :, :4, :5]),
    'upsample': Case('upsample', {'scalingFactor': [2, 3]}, FIVE, lambda x: x.repeat(2, -2).repeat(3, -1), old=True),
    'upsample between pixels': Case(
        'upsample', {'scalingFactor': [2, 3], 'mode': 1}, PICTURE,
        lambda x: grid(x, np.minimum(np.arange(16) / 2, 7), np.minimum(np.arange(21) / 3, 6)),
    ),
    'upsample with aligned corners': Case(
        'upsample', {'scalingFactor': [2, 2], 'mode': 1, 'linearUpsampleMode': 1}, PICTURE,
        lambda x: grid(x, np.linspace(0, 7, 16), np.linspace(0, 6, 14)),
    ),
    'upsample by halves': Case(
        'upsample', {'scalingFactor': [2, 2], 'mode': 1, 'linearUpsampleMode': 2}, PICTURE,
        torch('interpolate', scale_factor=2, mode='bilinear', align_corners=False),
    ),
    'resizeBilinear': Case('resizeBilinear', {'targetSize': [5, 11]}, FIVE,
                           lambda x: grid(x, np.linspace(0, 7, 5), np.linspace(0, 6, 11)), old=True),
    'resizeBilinear as upsample does': Case(
        'resizeBilinear', {'targetSize': [5, 11], 'mode': {'samplingMethod': 2}}, PICTURE,
        lambda x: grid(x, np.minimum(7, np.linspace(0, 8 - 8 / 5, 5)), np.minimum(6, np.linspace(0, 7 - 7 / 11, 11))),
    ),
    'reorganizeData to depth': Case('reorganizeData', {'mode': 0, 'blockSize': 2}, ((3, 4, 6),),
                                    lambda x: space(x, 2), old=True),
    'reorganizeData': Case('reorganizeData', {'mode': 1, 'blockSize': 2}, ((1, 8, 3, 2),), lambda x: depth(x, 2)),
    'reorganizeData by pixels': Case('reorganizeData', {'mode': 2, 'blockSize': 2}, ((1, 8, 3, 2),),
                                     torch('pixel_shuffle', 2)),
    'scale': Case('scale', {'shapeScale': [3], 'scale': P, 'hasBias': True, 'shapeBias': [1], 'bias': some(1) * 0 + 2},
                  FIVE, lambda x: x * P[:, None, None] + 2, old=True),
    'bias': Case('bias', {'shape': [3, 1, 1], 'bias': C3}, PICTURE, lambda x: x + C3[:, None, None]),
    'dot': Case('dot', {'cosineSimilarity': True}, ((2, 5, 1, 1), (2, 5, 1, 1)),
                lambda a, b: ((a * b).sum(1) / np.sqrt((a**2).sum(1) * (b**2).sum(1)))[:, None]),
    'activation': act('ReLU', lambda x: np.maximum(x, 0)),
    'linear': act('linear', lambda x: 2 * x - 0.5, alpha=2, beta=-0.5),
    'leakyReLU': act('leakyReLU', lambda x: np.where(x < 0, x / 8, x), alpha=0.125),
    'thresholdedReLU': act('thresholdedReLU', lambda x: np.where(x >= 0.25, x, 0), alpha=0.25),
    'PReLU': act('PReLU', lambda x: np.where(x < 0, x * C3[:, None, None], x), alpha=C3),
    'tanh of old': act('tanh', np.tanh),
    'scaledTanh': act('scaledTanh', lambda x: 2 * np.tanh(0.5 * x), alpha=2, beta=0.5),
    'sigmoid': act('sigmoid', lambda x: 1 / (1 + np.exp(-x))),
    'sigmoidHard': act('sigmoidHard', lambda x: np.clip(0.25 * x + 0.5, 0, 1), alpha=0.25, beta=0.5),
    'ELU': act('ELU', lambda x: np.where(x < 0, 0.5 * (np.exp(x) - 1), x), alpha=0.5),
    'softsign': act('softsign', lambda x: x / (1 + np.abs(x))),
    'softplus': act('softplus', lambda x: np.log1p(np.exp(x))),
    'parametricSoftplus': act('parametricSoftplus', lambda x: P[:, None, None] * np.log1p(np.exp(2 * x)), alpha=P,
                              beta=P * 0 + 2),
    'unary': unary(0, lambda x: np.sqrt(2 * x + 1), scale=2, shift=1),
    'unary rsqrt': unary(1, lambda x: 1 / np.sqrt(x + 0.5), epsilon=0.5),
    'unary inverse': unary(2, lambda x: 1 / (x + 1e-6)),
    'unary power': unary(3, lambda x: x**1.5, alpha=1.5),
    'unary exp': unary(4, np.exp),
    'unary log': unary(5, np.log),
    'unary abs': unary(6, lambda x: np.abs(x - 1), shift=-1),
    'unary threshold': unary(7, lambda x: np.maximum(x, 0.75), alpha=0.75),
    'add': Case('add', {}, ((2, 3, 4, 5), (2, 3, 1, 1), (2, 3, 4, 5)), lambda a, b, c: a + b + c),
    'add a number': Case('add', {'alpha': 1.5}, FIVE, lambda x: x + 1.5, old=True),
    'multiply': Case('multiply', {}, ((3, 4, 5), (3, 1, 1)), lambda a, b: a * b, old=True),
    'average': Case('average', {}, ((2, 3), (2, 3), (2, 3)), lambda a, b, c: (a + b + c) / 3),
    'max': Case('max', {}, ((2, 3), (2, 3)), np.maximum),
    'min': Case('min', {}, ((2, 3), (2, 3)), np.minimum),
    'clip': Case('clip', {'minVal': -0.5, 'maxVal': 0.25}, ((2, 3),), lambda x: np.clip(x, -0.5, 0.25)),
    'clampedReLU': Case('clampedReLU', {'alpha': 0.5, 'beta': 0.75}, ((4, 5),),
                        lambda x: np.minimum(0.75, np.where(x < 0, 0.5 * x, x))),
    'gelu': Case('gelu', {'mode': 0}, ((2, 3),), gelu),
    'gelu by tanh': Case('gelu', {'mode': 1}, ((2, 3),),
                         lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))),
    'gelu by sigmoid': Case('gelu', {'mode': 2}, ((2, 3),), lambda x: x / (1 + np.exp(-1.702 * x))),
    'exp2': mapped('exp2', np.exp2),
    **{kind: mapped(kind, getattr(np, name)) for kind, name in (
        ('ceil', 'ceil'), ('floor', 'floor'), ('sign', 'sign'), ('round', 'round'), ('sin', 'sin'), ('cos', 'cos'),
        ('tan', 'tan'), ('asin', 'arcsin'), ('acos', 'arccos'), ('atan', 'arctan'), ('sinh', 'sinh'), ('cosh', 'cosh'),
        ('tanh', 'tanh'), ('asinh', 'arcsinh'), ('atanh', 'arctanh'))},
    'acosh': mapped('acosh', lambda x: np.arccosh(np.maximum(x, 1))),
    'erf': mapped('erf', np.vectorize(math.erf)),
    'equal': Case('equal', {}, ((3,), (3,)), np.equal, inputs=(np.float32([1, 2, 3]), np.float32([1, 0, 3]))),
    'notEqual': Case('notEqual', {'alpha': 2}, ((3,),), lambda x: x != 2, inputs=(np.float32([1, 2, 3]),)),
    'lessThan': both('lessThan', np.less),
    'lessEqual': Case('lessEqual', {'alpha': 0.25}, ((4, 5),), lambda x: x <= 0.25),
    'greaterThan': Case('greaterThan', {'alpha': 0.25}, ((4, 5),), lambda x: x > 0.25),
    'greaterEqual': both('greaterEqual', np.greater_equal),
    **{f'logical{word}': Case(f'logical{word}', {}, ((4,), (4,)), reference,
                              inputs=(np.float32([0, 0, 2, -1]), np.float32([0, 1, 0, 1])))
       for word, reference in (('And', np.logical_and), ('Or', np.logical_or), ('Xor', np.logical_xor))},
    'logicalNot': Case('logicalNot', {}, ((2,),), np.logical_not, inputs=(np.float32([0, 2]),)),
    'addBroadcastable': both('addBroadcastable', np.add),
    'subtractBroadcastable': both('subtractBroadcastable', np.subtract),
    'multiplyBroadcastable': both('multiplyBroadcastable', np.multiply),
    'divideBroadcastable': both('divideBroadcastable', np.divide, 0.25),
    'maxBroadcastable': both('maxBroadcastable', np.maximum),
    'minBroadcastable': both('minBroadcastable', np.minimum),
    'powBroadcastable': both('powBroadcastable', np.power, 0.25),
    'modBroadcastable': both('modBroadcastable', np.mod),
    'floorDivBroadcastable': both('floorDivBroadcastable', np.floor_divide),
    'whereBroadcastable': Case('whereBroadcastable', {}, ((3,), (2, 3), (1, 3)), lambda c, a, b: np.where(c != 0, a, b),
                               inputs=(np.float32([1, 0, 2]), some(2, 3), some(1, 3))),
    'reduce': Case('reduce', {'mode': 1, 'axis': 1}, FIVE, lambda x: x.mean((-1, -2), keepdims=True), old=True),
    'reduce to a place': Case('reduce', {'mode': 9, 'axis': 2}, FIVE, lambda x: np.expand_dims(x.argmax(-3), -3),
                              old=True),
    'reduce to a sum': Case('reduce', {'mode': 0, 'axis': 0}, PICTURE, lambda x: x.sum((1, 2, 3), keepdims=True)),
    'reduceL1': reduced('reduceL1', lambda x, a: np.abs(x).sum(a)),
    'reduceL2': reduced('reduceL2', lambda x, a: np.sqrt((x**2).sum(a))),
    'reduceMax': reduced('reduceMax', lambda x, a: x.max(a)),
    'reduceMin': reduced('reduceMin', lambda x, a: x.min(a)),
    'reduceSum': reduced('reduceSum', lambda x, a: x.sum(a)),
    'reduceProd': reduced('reduceProd', lambda x, a: x.prod(a)),
    'reduceMean': reduced('reduceMean', lambda x, a: x.mean(a)),
    'reduceLogSum': reduced('reduceLogSum', lambda x, a: np.log(x.sum(a))),
    'reduceSumSquare': reduced('reduceSumSquare', lambda x, a: (x**2).sum(a)),
    'reduceLogSumExp': reduced('reduceLogSumExp', lambda x, a: np.log(np.exp(x).sum(a))),
    'reduceMax of all': Case('reduceMax', {'reduceAll': True}, ((2, 3),), lambda x: x.max().reshape(1)),
    'argMax': Case('argMax', {'axis': -2, 'removeDim': True}, ((2, 3, 4),), lambda x: x.argmax(1)),
    'argMin': Case('argMin', {'axis': 0}, ((5,),), lambda x: x.argmin(0, keepdims=True)),
    'topK': Case('topK', {'axis': -1, 'K': 2, 'useBottomK': True}, ((3, 6),),
                 lambda x: (np.sort(x, -1)[:, :2], np.argsort(x, -1)[:, :2]), outputs=2),
    'argSort': Case('argSort', {'axis': 1, 'descending': True}, ((3, 6),), lambda x: np.argsort(-x, 1)),
    'copy': Case('copy', {}, ((2, 3),), lambda x: x),
    'reshape': Case('reshape', {'targetShape': [4, 3, 14]}, FIVE, lambda x: x.reshape(1, 1, 4, 3, 14), old=True),
    'reshape, channels last': Case(
        'reshape', {'targetShape': [4, 3, 14], 'mode': 1}, FIVE,
        lambda x: x.transpose(0, 1, 3, 4, 2).reshape(1, 1, 3, 14, 4).transpose(0, 1, 4, 2, 3), old=True,
    ),
    'flatten': Case('flatten', {}, FIVE, lambda x: x.reshape(1, 1, -1, 1, 1), old=True),
    'flatten, channels last': Case('flatten', {'mode': 1}, PICTURE,
                                   lambda x: x.transpose(0, 2, 3, 1).reshape(1, -1, 1, 1)),
    'permute': Case('permute', {'axis': [0, 3, 1, 2]}, FIVE, lambda x: x.transpose(0, 1, 4, 2, 3), old=True),
    'permute the steps': Case('permute', {'axis': [3, 1, 2, 0]}, FIVE, lambda x: x.transpose(4, 1, 2, 3, 0), old=True),
    'transpose': Case('transpose', {'axes': [2, 0, 1]}, ((2, 3, 4),), lambda x: x.transpose(2, 0, 1)),
    'concat': Case('concat', {}, ((3, 4, 5), (2, 4, 5)), lambda a, b: np.concatenate([a, b], -3), old=True),
    'concat of steps': Case('concat', {'sequenceConcat': True}, ((3, 4, 5), (3, 4, 5)),
                            lambda a, b: np.concatenate([a, b], 0), old=True),
    'concatND': Case('concatND', {'axis': -1}, ((3, 4), (3, 5)), lambda a, b: np.concatenate([a, b], -1)),
    'stack': Case('stack', {'axis': -2}, ((2, 4), (2, 4), (2, 4)), lambda *x: np.stack(x, -2)),
    'split': Case('split', {'nOutputs': 3}, ((6, 4, 5),), lambda x: np.split(x, 3, -3), old=True, outputs=3),
    'splitND': Case('splitND', {'axis': -2, 'splitSizes': [3, 2]}, ((5, 4),), lambda x: np.split(x, [3]), outputs=2),
    'sequenceRepeat': Case('sequenceRepeat', {'nRepetitions': 3}, FIVE, lambda x: np.tile(x, (3, 1, 1, 1, 1)),
                           old=True),
    'tile': Case('tile', {'reps': [2, 6]}, ((2, 4, 2),), lambda x: np.tile(x, (1, 2, 6))),
    'slice': Case('slice', {'startIndex': 1, 'endIndex': -1, 'stride': 2, 'axis': 1}, FIVE,
                  lambda x: x[..., 1:-1:2, :], old=True),
    'sliceStatic': Case(
        'sliceStatic',
        {'beginIds': [1, 2, 3], 'beginMasks': [True, False, True], 'endIds': [3, -3, 2],
         'endMasks': [False, True, True], 'strides': [2, 2, 2], 'squeezeMasks': [False, True, False]},
        ((5, 5, 5),), lambda x: x[:3:2, 2, ::2],
    ),
    'sliceStatic backwards': Case(
        'sliceStatic',
        {'beginIds': [0, -1], 'beginMasks': [True, False], 'endIds': [0, 1], 'endMasks': [True, False],
         'strides': [-1, -2], 'squeezeMasks': [False, False]},
        ((5, 6),), lambda x: x[::-1, -1:1:-2],
    ),
    'reverse': Case('reverse', {'reverseDim': [True, False, True]}, ((2, 3, 4),), lambda x: x[::-1, :, ::-1]),
    'slidingWindows': Case('slidingWindows', {'axis': 1, 'windowSize': 3, 'step': 2}, ((2, 8, 3),),
                           lambda x: np.stack([x[:, i : i + 3] for i in (0, 2, 4)], 1)),
    'expandDims': Case('expandDims', {'axes': [0, 2]}, ((5, 4),), lambda x: x[None, :, None]),
    'squeeze': Case('squeeze', {'axes': [0, -1]}, ((1, 5, 4, 1),), lambda x: x[0, :, :, 0]),
    'squeeze of all': Case('squeeze', {'squeezeAll': True}, ((1, 5, 1),), lambda x: x[0, :, 0]),
    'flattenTo2D': Case('flattenTo2D', {'axis': -2}, ((5, 4, 3),), lambda x: x.reshape(5, 12)),
    'reshapeStatic': Case('reshapeStatic', {'targetShape': [4, -1]}, ((2, 6),), lambda x: x.reshape(4, 3)),
    'reshapeLike': Case('reshapeLike', {}, ((2, 6), (3, 4)), lambda x, y: x.reshape(3, 4)),
    'rankPreservingReshape': Case('rankPreservingReshape', {'targetShape': [25, 0, -1]}, ((10, 3, 5),),
                                  lambda x: x.reshape(25, 3, 2)),
    'broadcastToLike': Case('broadcastToLike', {}, ((3, 1), (2, 3, 4)), lambda x, y: np.broadcast_to(x, y.shape)),
    'broadcastToStatic': Case('broadcastToStatic', {'targetShape': [2, 3, 4]}, ((3, 1),),
                              lambda x: np.broadcast_to(x, (2, 3, 4))),
    'fillLike': Case('fillLike', {'value': 2.5}, ((2, 3),), lambda x: np.full((2, 3), 2.5)),
    'fillStatic': Case('fillStatic', {'value': 2.5, 'targetShape': [2, 3]}, (), lambda: np.full((2, 3), 2.5)),
    'getShape': Case('getShape', {}, ((2, 3, 4),), lambda x: np.float32([2, 3, 4])),
    'loadConstant': Case('loadConstant', {'shape': [3, 1, 1], 'data': C3}, (), lambda: C3.reshape(1, 1, 3, 1, 1),
                         old=True),
    'loadConstantND': Case('loadConstantND', {'shape': [1, 3], 'data': C3}, (), lambda: C3[None]),
    'rangeStatic': Case('rangeStatic', {'startValue': 1, 'endValue': 3, 'stepSizeValue': 0.5}, (),
                        lambda: np.arange(1, 3, 0.5)),
    'gather': Case('gather', {'axis': 1}, ((2, 3, 5), (2, 2)), lambda x, i: np.take(x, i.astype(int), 1),
                   inputs=(some(2, 3, 5), np.float32([[0, 2], [-1, 1]]))),
    'gatherND': Case('gatherND', {}, ((4, 2, 3), (2, 2)), lambda x, i: x[tuple(i.astype(int).T)],
                     inputs=(some(4, 2, 3), np.float32([[0, 1], [3, 0]]))),
    'gatherAlongAxis': Case('gatherAlongAxis', {'axis': 1}, ((2, 4), (2, 2)),
                            lambda x, i: np.take_along_axis(x, i.astype(int), 1),
                            inputs=(some(2, 4), np.float32([[0, 3], [1, 1]]))),
    'embedding': Case(
        'embedding', {'inputDim': 4, 'outputChannels': 3, 'weights': D[:, :, 0, 0], 'hasBias': True, 'bias': C3},
        ((1,),), lambda x: (D[:, int(x.item()), 0, 0] + C3).reshape(1, 1, 3, 1, 1), old=True, inputs=(np.float32([2]),),
    ),
    'embeddingND': Case(
        'embeddingND', {'vocabSize': 4, 'embeddingSize': 3, 'weights': D[:, :, 0, 0]}, ((3, 1),),
        lambda x: D[:, :, 0, 0].T[x[:, 0].astype(int)], inputs=(np.float32([[2], [0], [3]]),),
    ),
    'matrixBandPart': Case('matrixBandPart', {'numLower': 1, 'numUpper': -1}, ((2, 4, 5),), lambda x: np.triu(x, -1)),
    'lowerTriangular': Case('lowerTriangular', {'k': 1}, ((2, 4, 5),), lambda x: np.tril(x, 1)),
    'upperTriangular': Case('upperTriangular', {'k': -1}, ((2, 4, 5),), lambda x: np.triu(x, -1)),
    'oneHot': Case('oneHot', {'oneHotVectorSize': 4, 'axis': -1, 'onValue': 5, 'offValue': -1}, ((2,),),
                   lambda x: np.float32([[-1, -1, 5, -1], [-1, -1, -1, -1]]), inputs=(np.float32([2, -1]),)),
    'cumSum': Case('cumSum', {'axis': -1, 'excludeFinalSum': True, 'reverse': True}, ((2, 3),),
                   lambda x: np.cumsum(x[:, ::-1], 1)[:, ::-1] - x),
}  # fmt: skip


def five(function: str, x: Array, *args: Any, **named: Any) -> Array:
    """Run a function of torch on five axes."""
    import torch

    held = [torch.from_numpy(a) if isinstance(a, np.ndarray) else a for a in args]
    made: Array = getattr(torch.nn.functional, function)(torch.from_numpy(x), *held, **named).numpy()
    return made
