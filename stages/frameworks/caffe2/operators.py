"""What Caffe2's operators are in ONNX: the table, by type, each with the arguments it may have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stages.frameworks.caffe2.fill import TYPES
from stages.frameworks.caffe2.net import Operator
from stages.frameworks.onnx.build import Graph

ANYWHERE: Final = frozenset({
    'order', 'engine', 'is_test', 'exhaustive_search', 'cudnn_exhaustive_search', 'ws_nbytes_limit', 'init_params',
    'shared_buffer', 'convolution_transform_strategy', 'use_cudnn', 'cudnn_math_type', 'enable_tensor_core',
    'legacy_pad',
})  # fmt: skip
"""Arguments that say how to compute, or that are looked at for every operator."""


@dataclass
class Work:
    """One operator to be written."""

    operator: Operator
    inputs: Sequence[str]
    graph: Graph
    shapes: Callable[[str], tuple[int | str, ...]]
    """The shape of a value so far."""

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node named after the operator's first output; return its value."""
        return self.graph.op(kind, *inputs, name=self.operator.outputs[0], **attributes)

    def wholes(self, values: Sequence[int], word: str) -> str:
        """Add a vector of whole numbers."""
        return self.graph.wholes(values, f'{self.operator.outputs[0]}.{word}')

    def scalar(self, value: float, word: str) -> str:
        """Add a number."""
        return self.graph.floats(value, f'{self.operator.outputs[0]}.{word}')

    def number(self, name: str, default: float) -> float:
        """Return an argument, a number."""
        return self.operator[name].number if name in self.operator.arguments else default

    def whole(self, name: str, default: int) -> int:
        """Return an argument, a whole number."""
        return self.operator[name].whole if name in self.operator.arguments else default

    def needs(self, least: int, most: int | None = None) -> None:
        """Raise IntegrityError unless there are so many inputs."""
        if not least <= len(self.inputs) <= (most or least):
            raise self.operator.wrong(f'takes {len(self.inputs)} inputs; expected {least}')

    def rank(self, value: str) -> int:
        """Return how many axes a value has."""
        return len(self.shapes(value))


Write = Callable[[Work], str | Sequence[str]]


@dataclass(frozen=True)
class Entry:
    """How an operator is read; ``known`` are its arguments."""

    write: Write
    known: frozenset[str]


def _entry(write: Write, *known: str) -> Entry:
    return Entry(write, ANYWHERE | frozenset(known))


def _plain(kind: str, inputs: int = 1) -> Entry:
    def write(work: Work) -> str:
        work.needs(inputs)
        return work.op(kind, *work.inputs)

    return _entry(write)


def _sides(work: Work, name: str, default: int) -> list[int]:
    """Return height and width of a window, which may be told in three ways."""
    said = work.operator
    ways = [
        said[f'{name}s'].wholes,
        [said[name].whole] * 2 if name in said.arguments else [],
        [said[f'{name}_{side}'].whole for side in 'hw'] if f'{name}_h' in said.arguments else [],
    ]
    told = [way for way in ways if way]
    if len(told) > 1 and any(way != told[0] for way in told):
        raise said.wrong(f'says {name} in two ways: {told}')
    found = told[0] if told else [default] * 2
    if len(found) != 2 or min(found) < 1:
        raise said.refused(f'has {name} {found}; only windows of two axes are read')
    return found


def _pads(work: Work) -> list[int]:
    said = work.operator
    if said['legacy_pad'].whole:
        raise said.refused('pads as Caffe did (legacy_pad)')
    one = [said['pad'].whole] * 4 if 'pad' in said.arguments else []
    each = [said[f'pad_{side}'].whole for side in 'tlbr'] if any(f'pad_{s}' in said.arguments for s in 'tlbr') else []
    told = [way for way in (said['pads'].wholes, one, each) if way]
    if len(told) > 1 and any(way != told[0] for way in told):
        raise said.wrong(f'says pad in two ways: {told}')
    found = told[0] if told else [0] * 4
    if len(found) != 4 or min(found) < 0:
        raise said.refused(f'pads {found}; only pictures are read')
    return found


def _window(work: Work) -> dict[str, Any]:
    return {'kernel_shape': _sides(work, 'kernel', 0), 'strides': _sides(work, 'stride', 1), 'pads': _pads(work)}


_WINDOW: Final = (
    'kernel', 'kernels', 'kernel_h', 'kernel_w', 'stride', 'strides', 'stride_h', 'stride_w', 'pad', 'pads', 'pad_t',
    'pad_l', 'pad_b', 'pad_r', 'dilation', 'dilations', 'dilation_h', 'dilation_w',
)  # fmt: skip


def _conv(work: Work) -> str:
    work.needs(2, 3)
    spread = {'dilations': _sides(work, 'dilation', 1), 'group': work.whole('group', 1)}
    return work.op('Conv', *work.inputs, **_window(work), **spread)


def _conv_transpose(work: Work) -> str:
    work.needs(2, 3)
    said = work.operator
    more = said['adjs'].wholes or [work.whole('adj', 0)] * 2
    return work.op('ConvTranspose', *work.inputs, **_window(work), output_padding=more, group=work.whole('group', 1))


def _pool(kind: str) -> Write:
    def write(work: Work) -> str:
        work.needs(1)
        if len(work.operator.outputs) > 1:
            raise work.operator.refused('gives the places of its maxima')
        if work.whole('global_pooling', 0):
            return work.op(f'Global{kind}', *work.inputs)
        if _sides(work, 'dilation', 1) != [1, 1]:
            raise work.operator.refused('pools with gaps')
        more = {'count_include_pad': work.whole('count_include_pad', 0)} if kind == 'AveragePool' else {}
        return work.op(kind, *work.inputs, **_window(work), **more)

    return write


def _fc(turned: bool) -> Write:
    def write(work: Work) -> str:
        work.needs(3)
        if work.whole('axis', 1) != 1 or work.whole('axis_w', 1) != 1:
            raise work.operator.refused('multiplies over other axes than the first')
        data, weights, bias = work.inputs
        flat = data if work.rank(data) == 2 else work.op('Flatten', data, axis=1)
        return work.op('Gemm', flat, weights, bias, transB=0 if turned else 1)

    return write


def _spatial_bn(work: Work) -> str:
    work.needs(5)
    if not work.whole('is_test', 0):
        raise work.operator.refused('normalizes by the batch itself (is_test: 0)')
    return work.op('BatchNormalization', *work.inputs, epsilon=work.number('epsilon', 1e-5))


def _lrn(work: Work) -> str:
    work.needs(1)
    told = {name: work.number(name, 1.0 if name == 'bias' else 0.0) for name in ('alpha', 'beta', 'bias')}
    return work.op('LRN', *work.inputs, size=work.whole('size', 0), **told)


def _softmax(work: Work) -> str:
    """Write Softmax: over all axes from one on together, as ONNX itself did before its version 13."""
    work.needs(1)
    [value], rank = work.inputs, work.rank(work.inputs[0])
    axis = work.whole('axis', 1)
    axis += rank if axis < 0 else 0
    if axis == rank - 1:
        return work.op('Softmax', value, axis=axis)
    flat = work.op('Softmax', work.op('Flatten', value, axis=axis), axis=1)
    return work.op('Reshape', flat, work.op('Shape', value))


def _binary(kind: str) -> Write:
    def write(work: Work) -> str:
        work.needs(2)
        one, two = work.inputs
        said = work.operator
        if work.whole('broadcast', 0):
            axis = work.whole('axis', -1)
            if word := said['axis_str'].text:
                axis = 'NCHW'.find(word)
            ranks = work.rank(one), work.rank(two)
            after = ranks[0] - axis - ranks[1]
            if axis >= 0 and after > 0:
                two = work.op('Unsqueeze', two, work.wholes(range(ranks[1], ranks[1] + after), 'axes'))
        elif 'axis' in said.arguments and work.whole('axis', -1) != -1:
            raise said.refused('has an axis without broadcast')
        return work.op(kind, one, two)

    return write


def _several(kind: str) -> Write:
    def write(work: Work) -> str:
        work.needs(1, 1 << 10)
        return work.op(kind, *work.inputs)

    return write


def _concat(work: Work) -> str:
    if work.whole('add_axis', 0):
        raise work.operator.refused('joins along a new axis (add_axis)')
    return work.op('Concat', *work.inputs, axis=work.whole('axis', 1))


def _split(work: Work) -> Sequence[str]:
    work.needs(1)
    said, sizes = work.operator, work.operator['split'].wholes
    count, axis = len(said.outputs), work.whole('axis', 1)
    if not sizes:
        length = work.shapes(work.inputs[0])[axis]
        if not isinstance(length, int) or length % count:
            raise said.wrong(f'cuts {length} into {count}')
        sizes = [length // count] * count
    if len(sizes) != count:
        raise said.wrong(f'cuts into {len(sizes)} and gives {count}')
    if count == 1:
        return [work.inputs[0]]
    places = work.wholes(sizes, 'split')
    return work.graph.ops('Split', work.inputs[0], places, name=said.outputs[0], count=count, axis=axis)


def _reshape(work: Work) -> str:
    work.needs(1, 2)
    if len(work.inputs) == 2:
        from onnx import TensorProto

        return work.op('Reshape', work.inputs[0], work.op('Cast', work.inputs[1], to=TensorProto.INT64))
    return work.op('Reshape', work.inputs[0], work.wholes(work.operator['shape'].wholes, 'shape'))


def _transpose(work: Work) -> str:
    work.needs(1)
    axes = work.operator['axes'].wholes
    return work.op('Transpose', work.inputs[0], **({'perm': axes} if axes else {}))


def _dims(kind: str) -> Write:
    def write(work: Work) -> str:
        work.needs(1)
        return work.op(kind, work.inputs[0], work.wholes(work.operator['dims'].wholes, 'dims'))

    return write


def _same(work: Work) -> str:
    return work.inputs[0]


def _dropout(work: Work) -> str:
    if not work.whole('is_test', 0):
        raise work.operator.refused('drops at random (is_test: 0)')
    return work.inputs[0]


def _clip(work: Work) -> str:
    work.needs(1)
    low, high = (work.scalar(work.number(w, d), w) for w, d in (('min', -3.4028235e38), ('max', 3.4028235e38)))
    return work.op('Clip', work.inputs[0], low, high)


def _told(kind: str, **defaults: float) -> Entry:
    def write(work: Work) -> str:
        work.needs(1)
        return work.op(kind, *work.inputs, **{name: work.number(name, value) for name, value in defaults.items()})

    return _entry(write, *defaults)


def _prelu(work: Work) -> str:
    work.needs(2)
    value, slope = work.inputs
    if (after := work.rank(value) - 2) > 0 and work.shapes(slope) != (1,):
        slope = work.op('Unsqueeze', slope, work.wholes(range(1, after + 1), 'axes'))
    return work.op('PRelu', value, slope)


def _pow(work: Work) -> str:
    if len(work.inputs) == 2:
        return work.op('Pow', *work.inputs)
    return work.op('Pow', work.inputs[0], work.scalar(work.number('exponent', 0), 'exponent'))


def _sqr(work: Work) -> str:
    return work.op('Mul', work.inputs[0], work.inputs[0])


def _swish(work: Work) -> str:
    return work.op('Mul', work.inputs[0], work.op('Sigmoid', work.inputs[0]))


def _matmul(work: Work) -> str:
    work.needs(2)
    if work.whole('axis_a', 1) != 1 or work.whole('axis_b', 1) != 1:
        raise work.operator.refused('multiplies over other axes')
    one, two = work.inputs
    if work.whole('broadcast', 0):
        raise work.operator.refused('broadcasts')
    for place, name in ((0, 'trans_a'), (1, 'trans_b')):
        if work.whole(name, 0):
            rank = work.rank(work.inputs[place])
            turned = work.op('Transpose', work.inputs[place], perm=[*range(rank - 2), rank - 1, rank - 2])
            one, two = (turned, two) if place == 0 else (one, turned)
    return work.op('MatMul', one, two)


def _pad_image(work: Work) -> str:
    work.needs(1)
    mode = work.operator['mode'].text or 'constant'
    if mode not in ('constant', 'reflect', 'edge'):
        raise work.operator.refused(f'pads by {mode!r}')
    top, left, bottom, right = _pads(work)
    pads = work.wholes([0, 0, top, left, 0, 0, bottom, right], 'pads')
    value = [work.scalar(work.number('value', 0), 'value')] if mode == 'constant' else []
    return work.op('Pad', work.inputs[0], pads, *value, mode=mode)


def _resize(work: Work) -> str:
    work.needs(1)
    factors = [1.0, 1.0, work.number('height_scale', 1), work.number('width_scale', 1)]
    scales = work.graph.floats(factors, f'{work.operator.outputs[0]}.scales')
    how = {'mode': 'nearest', 'coordinate_transformation_mode': 'asymmetric', 'nearest_mode': 'floor'}
    return work.op('Resize', work.inputs[0], '', scales, **how)


def _shuffle(work: Work) -> str:
    work.needs(1)
    group, [value] = work.whole('group', 1), work.inputs
    _, channels, height, width = work.shapes(value)
    if not isinstance(channels, int) or channels % group:
        raise work.operator.wrong(f'shuffles {channels} channels in {group} groups')
    apart = work.op('Reshape', value, work.wholes([0, group, channels // group, -1], 'apart'))
    turned = work.op('Transpose', apart, perm=[0, 2, 1, 3])
    sides = [side if isinstance(side, int) else -1 for side in (height, width)]
    return work.op('Reshape', turned, work.wholes([0, channels, *sides], 'shape'))


def _instance_norm(work: Work) -> str:
    work.needs(3)
    return work.op('InstanceNormalization', *work.inputs, epsilon=work.number('epsilon', 1e-5))


def _reduce(kind: str) -> Write:
    def write(work: Work) -> str:
        work.needs(1)
        axes, keep = work.operator['axes'].wholes, work.whole('keepdims', 1)
        if kind == 'ReduceSum':
            return work.op(kind, work.inputs[0], *([work.wholes(axes, 'axes')] if axes else []), keepdims=keep)
        return work.op(kind, work.inputs[0], keepdims=keep, **({'axes': axes} if axes else {}))

    return write


def _cast(work: Work) -> str:
    import numpy as np
    from onnx import helper

    dtype = TYPES.get(work.whole('to', 0))
    if dtype is None:
        raise work.operator.refused(f'casts to the type {work.whole("to", 0)}')
    return work.op('Cast', work.inputs[0], to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


def _gather(work: Work) -> str:
    work.needs(2)
    return work.op('Gather', *work.inputs, axis=work.whole('axis', 0))


OPERATORS: Final[Mapping[str, Entry]] = {
    'Conv': _entry(_conv, *_WINDOW, 'group'),
    'ConvTranspose': _entry(_conv_transpose, *_WINDOW, 'group', 'adj', 'adjs'),
    'MaxPool': _entry(_pool('MaxPool'), *_WINDOW, 'global_pooling'),
    'AveragePool': _entry(_pool('AveragePool'), *_WINDOW, 'global_pooling', 'count_include_pad'),
    'FC': _entry(_fc(False), 'axis', 'axis_w'),
    'FCTransposed': _entry(_fc(True), 'axis', 'axis_w'),
    'SpatialBN': _entry(_spatial_bn, 'epsilon', 'momentum'),
    'InstanceNorm': _entry(_instance_norm, 'epsilon'),
    'LRN': _entry(_lrn, 'size', 'alpha', 'beta', 'bias'),
    'Softmax': _entry(_softmax, 'axis'),
    **{word: _plain(word) for word in ('Relu', 'Sigmoid', 'Tanh', 'Abs', 'Exp', 'Log', 'Sqrt', 'Softplus', 'Softsign')},
    'Negative': _plain('Neg'),
    'LeakyRelu': _told('LeakyRelu', alpha=0.01),
    'Elu': _told('Elu', alpha=1.0),
    'PRelu': _entry(_prelu),
    'Clip': _entry(_clip, 'min', 'max'),
    'Pow': _entry(_pow, 'exponent'),
    'Sqr': _entry(_sqr),
    'Swish': _entry(_swish),
    **{word: _entry(_binary(word), 'broadcast', 'axis', 'axis_str') for word in ('Add', 'Sub', 'Mul', 'Div')},
    **{word: _entry(_several(word)) for word in ('Sum', 'Max', 'Min', 'Mean')},
    'MatMul': _entry(_matmul, 'trans_a', 'trans_b', 'axis_a', 'axis_b'),
    'BatchMatMul': _entry(_matmul, 'trans_a', 'trans_b', 'broadcast', 'use_scratch'),
    'Concat': _entry(_concat, 'axis', 'add_axis'),
    'Split': _entry(_split, 'axis', 'split'),
    'Reshape': _entry(_reshape, 'shape'),
    'Flatten': _entry(lambda work: work.op('Flatten', work.inputs[0], axis=work.whole('axis', 1)), 'axis'),
    'Transpose': _entry(_transpose, 'axes'),
    'Squeeze': _entry(_dims('Squeeze'), 'dims'),
    'ExpandDims': _entry(_dims('Unsqueeze'), 'dims'),
    'PadImage': _entry(_pad_image, 'pad', 'pads', 'pad_t', 'pad_l', 'pad_b', 'pad_r', 'mode', 'value'),
    'ResizeNearest': _entry(_resize, 'height_scale', 'width_scale'),
    'ChannelShuffle': _entry(_shuffle, 'group', 'kernel'),
    'ReduceMean': _entry(_reduce('ReduceMean'), 'axes', 'keepdims'),
    'ReduceSum': _entry(_reduce('ReduceSum'), 'axes', 'keepdims'),
    'Cast': _entry(_cast, 'to', 'to_type', 'from_type'),
    'Gather': _entry(_gather, 'axis'),
    'Dropout': _entry(_dropout, 'ratio'),
    **{word: _entry(_same) for word in ('Copy', 'Alias', 'StopGradient', 'EnsureCPUOutput', 'CopyFromCPUInput')},
}  # fmt: skip

SECOND: Final = {'Concat', 'Reshape', 'Dropout', 'MaxPool', 'SpatialBN'}
"""Operators with outputs behind the first that tell sizes or masks; nothing may take them."""

_REGIONS: Final = (
    'GenerateProposals', 'RoIAlign', 'RoIPool', 'BoxWithNMSLimit', 'BBoxTransform', 'HeatmapMaxKeypoint',
)  # fmt: skip
_INT8: Final = ('Int8Conv', 'Int8ConvRelu', 'Int8FC', 'Int8Quantize', 'Int8Dequantize', 'Int8MaxPool')
_REST: Final = (
    'SparseLengthsSum', 'LengthsSum', 'SegmentSum', 'UpsampleBilinear', 'ResizeCubic', 'Tile', 'TopK', 'ArgMax',
    'Slice', 'LayerNorm', 'GroupNorm', 'Shape', 'LC', 'LpPool', 'Im2Col', 'Selu', 'ThresholdedRelu',
)  # fmt: skip

NOT_READ: Final[Mapping[str, str]] = {
    **dict.fromkeys(('RecurrentNetwork', 'LSTMUnit', 'GRUUnit'), 'keeps state over time'),
    **dict.fromkeys(('If', 'While', 'Do', 'Create', 'DAG'), 'runs a net inside'),
    **dict.fromkeys(_INT8, 'is of int8'),
    **dict.fromkeys(_REGIONS, 'works on regions whose number the data decide'),
    **dict.fromkeys(('Python', 'PythonDLPack'), 'is code from elsewhere'),
    **dict.fromkeys(('Load', 'Save', 'CreateDB', 'TensorProtosDBInput', 'ImageInput'), 'reads or writes files'),
    **dict.fromkeys(_REST, 'is not read'),
}  # fmt: skip
"""Documented operators that are not read, and why; some of several hundred."""
