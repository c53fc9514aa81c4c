"""What Darknet's layers are in ONNX: the table, by the word of a section, and the words that are not read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stages.frameworks.darknet.activation import ACTIVATIONS
from stages.frameworks.darknet.cfg import Section
from stages.frameworks.darknet.weights import Numbers
from stages.frameworks.onnx.build import Graph

if TYPE_CHECKING:
    import numpy

LARGEST: Final = 1 << 28
"""Elements of one value."""


@dataclass(frozen=True)
class Value:
    """What a layer gives: its value in the graph, and the shape of one sample."""

    name: str
    shape: tuple[int, ...]


@dataclass
class Work:
    """One section to be written."""

    section: Section
    before: Value
    all: Sequence[Value]
    """What every layer so far gave, by its index."""

    numbers: Numbers
    graph: Graph
    epsilon: float

    @property
    def name(self) -> str:
        """What its values are called."""
        return f'{self.section.type}_{self.section.index}'

    def op(self, kind: str, *inputs: str, **attributes: object) -> str:
        """Add a node named after the section; return its value."""
        return self.graph.op(kind, *inputs, name=self.name, **attributes)

    def weight(self, values: object, word: str) -> str:
        """Add a weight named after the section."""
        return self.graph.floats(values, f'{self.name}.{word}')

    def wholes(self, values: Sequence[int], word: str) -> str:
        """Add a vector of whole numbers named after the section."""
        return self.graph.wholes(values, f'{self.name}.{word}')

    @property
    def picture(self) -> tuple[int, int, int]:
        """Channels, height and width of what comes in."""
        if len(self.before.shape) != 3:
            raise self.section.wrong('takes pictures; the layer before it gives a vector')
        channels, height, width = self.before.shape
        return channels, height, width

    def made(self, name: str, shape: Sequence[int]) -> Value:
        """Return the value ``name``, with a shape that is held to be sane."""
        if min(shape) < 1 or math.prod(shape) > LARGEST:
            raise self.section.wrong(f'would give {list(shape)}')
        return Value(name, tuple(shape))

    def at(self, place: int) -> Value:
        """Return what the layer ``place`` gave: a number from 0, or counted back from this one."""
        number = place if place >= 0 else self.section.index + place
        if not 0 <= number < len(self.all):
            raise self.section.wrong(f'takes layer {place}, which is none of those before it')
        return self.all[number]

    def activated(self, name: str, default: str) -> str:
        """Return the value ``name`` through the section's activation."""
        word = self.section.options.get('activation', default)
        if word not in ACTIVATIONS:
            raise self.section.refused(
                f'has the activation {word}, which is not read; there are {", ".join(ACTIVATIONS)}'
            )
        return ACTIVATIONS[word](self.graph, name, self.name)

    def normalized(
        self, value: str, scale: numpy.ndarray, mean: numpy.ndarray, spread: numpy.ndarray, bias: numpy.ndarray
    ) -> str:
        """Return the value through batch norm, with the epsilon inside of the root."""
        parts = [(scale, 'scale'), (bias, 'bias'), (mean, 'mean'), (spread, 'variance')]
        return self.op('BatchNormalization', value, *(self.weight(*each) for each in parts), epsilon=self.epsilon)


def _convolutional(work: Work) -> Value:
    said, (channels, height, width) = work.section, work.picture
    made, size, group = said.whole('filters', 1, 1), said.whole('size', 1, 1), said.whole('groups', 1, 1)
    stride = said.whole('stride', 1, 1)
    down, right = said.whole('stride_y', stride, 1), said.whole('stride_x', stride, 1)
    pad = size // 2 if said.flag('pad') else said.whole('padding', 0)
    if channels % group or made % group:
        raise said.wrong(f'makes {made} of {channels} channels in {group} groups')
    numbers, what = work.numbers, work.name
    bias = numbers.take(made, f'bias of {what}')
    norm = None
    if said.flag('batch_normalize'):
        norm = (numbers.take(made, f'scale of {what}'), numbers.take(made, f'mean of {what}'),
                numbers.variance(made, f'variance of {what}'))  # fmt: skip
    shape = (made, channels // group, size, size)
    kernels = work.weight(numbers.take(math.prod(shape), f'weights of {what}').reshape(shape), 'weights')
    added = [] if norm else [work.weight(bias, 'bias')]
    value = work.op(
        'Conv', work.before.name, kernels, *added, kernel_shape=[size, size], strides=[down, right], pads=[pad] * 4,
        group=group,
    )  # fmt: skip
    value = work.normalized(value, *norm, bias) if norm else value
    sides = ((height + 2 * pad - size) // down + 1, (width + 2 * pad - size) // right + 1)
    return work.made(work.activated(value, 'logistic'), (made, *sides))


def _connected(work: Work) -> Value:
    said, size = work.section, math.prod(work.before.shape)
    made, numbers, what = said.whole('output', 1, 1), work.numbers, work.name
    bias = numbers.take(made, f'bias of {what}')
    matrix = numbers.take(made * size, f'weights of {what}').reshape(made, size)
    norm = None
    if said.flag('batch_normalize'):
        norm = (numbers.take(made, f'scale of {what}'), numbers.take(made, f'mean of {what}'),
                numbers.variance(made, f'variance of {what}'))  # fmt: skip
    flat = work.op('Flatten', work.before.name, axis=1) if len(work.before.shape) > 1 else work.before.name
    added = [] if norm else [work.weight(bias, 'bias')]
    value = work.op('Gemm', flat, work.weight(matrix, 'weights'), *added, transB=1)
    value = work.normalized(value, *norm, bias) if norm else value
    return work.made(work.activated(value, 'logistic'), (made,))


def _maxpool(work: Work) -> Value:
    """Write maxpool: ``padding`` counts both sides together, and the larger half is at the end (maxpool_layer.c)."""
    said, (channels, height, width) = work.section, work.picture
    stride = said.whole('stride', 1, 1)
    down, right = said.whole('stride_y', stride, 1), said.whole('stride_x', stride, 1)
    size = said.whole('size', stride, 1)
    pad = said.whole('padding', size - 1)
    if pad >= 2 * size:
        raise said.wrong(f'pads {pad} to a window of {size}')
    sides = ((height + pad - size) // down + 1, (width + pad - size) // right + 1)
    begin, end = pad // 2, pad - pad // 2
    value = work.op(
        'MaxPool', work.before.name, kernel_shape=[size, size], strides=[down, right], pads=[begin, begin, end, end]
    )
    return work.made(value, (channels, *sides))


def _shortcut(work: Work) -> Value:
    """Write shortcut: layers are added; of unlike numbers of channels the common ones (shortcut_layer.c)."""
    total, shape = work.before.name, work.picture
    for place in work.section.wholes('from') or [0]:
        other = work.at(place)
        if other.shape[1:] != shape[1:]:
            raise work.section.refused(f'adds {list(other.shape)} to {list(shape)}')
        common = min(shape[0], other.shape[0])
        added = _channels(work, other, 0, common)
        if common < shape[0]:
            kept = _channels(work, Value(total, shape), common, shape[0])
            first = _channels(work, Value(total, shape), 0, common)
            total = work.op('Concat', work.op('Add', first, added), kept, axis=1)
        else:
            total = work.op('Add', total, added)
    return work.made(work.activated(total, 'linear'), shape)


def _channels(work: Work, value: Value, start: int, end: int) -> str:
    if (start, end) == (0, value.shape[0]):
        return value.name
    ends = [work.wholes([each], word) for each, word in ((start, 'start'), (end, 'end'), (1, 'axis'))]
    return work.op('Slice', value.name, *ends)


def _route(work: Work) -> Value:
    said, groups, number = work.section, work.section.whole('groups', 1, 1), work.section.whole('group_id', 0)
    taken = [work.at(place) for place in said.wholes('layers')]
    if not taken or number >= groups:
        raise said.wrong(f'takes group {number} of {groups} of {len(taken)} layers')
    if len({value.shape[1:] for value in taken}) > 1 or {len(value.shape) for value in taken} != {3}:
        raise said.refused(f'joins {", ".join(str(list(value.shape)) for value in taken)}')
    if any(value.shape[0] % groups for value in taken):
        raise said.wrong(f'parts channels in {groups} groups')
    parts = [(value, value.shape[0] // groups) for value in taken]
    names = [_channels(work, value, number * count, (number + 1) * count) for value, count in parts]
    joined = work.op('Concat', *names, axis=1) if len(names) > 1 else names[0]
    return work.made(joined, (sum(count for _, count in parts), *taken[0].shape[1:]))


def _upsample(work: Work) -> Value:
    said, (channels, height, width) = work.section, work.picture
    stride = said.whole('stride', 2, 1)
    if said.number('scale', 1) != 1:
        raise said.refused(f'scales by {said.options["scale"]}')
    scales = work.weight([1, 1, stride, stride], 'scales')
    value = work.op(
        'Resize', work.before.name, '', scales, mode='nearest', coordinate_transformation_mode='asymmetric',
        nearest_mode='floor',
    )  # fmt: skip
    return work.made(value, (channels, height * stride, width * stride))


def _reorg(work: Work) -> Value:
    """Write reorg, whose order is Darknet's own: the picture is read as one of fewer, larger channels (blas.c)."""
    said, (channels, height, width), stride = work.section, work.picture, work.section.whole('stride', 1, 1)
    if channels % stride**2 or height % stride or width % stride:
        raise said.wrong(f'cannot part {[channels, height, width]} by {stride}')
    apart = work.wholes([0, channels // stride**2, height, stride, width, stride], 'apart')
    turned = work.op('Transpose', work.op('Reshape', work.before.name, apart), perm=[0, 3, 5, 1, 2, 4])
    shape = (channels * stride**2, height // stride, width // stride)
    return work.made(work.op('Reshape', turned, work.wholes([0, *shape], 'shape')), shape)


def _avgpool(work: Work) -> Value:
    return work.made(work.op('GlobalAveragePool', work.before.name), (work.picture[0], 1, 1))


def _softmax(work: Work) -> Value:
    said, value = work.section, work.before.name
    if said.whole('groups', 1) != 1 or 'tree' in said.options or said.flag('spatial'):
        raise said.refused('works by groups, on a tree or at every place')
    if len(work.before.shape) > 1:
        value = work.op('Flatten', value, axis=1)
    if (heat := said.number('temperature', 1)) != 1:
        value = work.op('Div', value, work.weight(heat, 'temperature'))
    return work.made(work.op('Softmax', value, axis=1), (math.prod(work.before.shape),))


def _times(work: Work) -> Value:
    """Write scale_channels and sam: the layer ``from``, times what came; one factor for each channel, or each place."""
    other = work.at(work.section.whole('from', -1, -len(work.all)))
    channels = work.section.type == 'scale_channels'
    if work.section.flag('scale_wh') or work.before.shape != ((other.shape[0], 1, 1) if channels else other.shape):
        raise work.section.refused(f'scales {list(other.shape)} by {list(work.before.shape)}')
    return work.made(work.activated(work.op('Mul', other.name, work.before.name), 'linear'), other.shape)


def _nothing(work: Work) -> Value:
    return work.before


@dataclass(frozen=True)
class Entry:
    """How a section is read."""

    write: Callable[[Work], Value]
    known: frozenset[str]
    """Keys it may have; None of the others is read."""

    free: bool = False
    """Whether other keys do not matter: they are of decoding, or of training."""


def _entry(write: Callable[[Work], Value], *known: str, free: bool = False) -> Entry:
    return Entry(write, frozenset(known), free)


TRAINING: Final = frozenset({
    'stopbackward', 'learning_rate', 'learning_scale_scale', 'burnin_update', 'train_only_bn', 'onlyforward', 'clip',
    'nonlinear', 'decay', 'dropout', 'probability', 'assisted_excitation',
})  # fmt: skip
"""Keys of any section that only training reads."""

HEADS: Final = ('yolo', 'region')
"""Sections whose input is an output of the model: boxes not yet decoded."""

LAYERS: Final[Mapping[str, Entry]] = {
    'convolutional': _entry(
        _convolutional, 'batch_normalize', 'filters', 'size', 'stride', 'stride_x', 'stride_y', 'pad', 'padding',
        'activation', 'groups',
    ),
    'connected': _entry(_connected, 'output', 'activation', 'batch_normalize'),
    'maxpool': _entry(_maxpool, 'size', 'stride', 'stride_x', 'stride_y', 'padding'),
    'avgpool': _entry(_avgpool),
    'shortcut': _entry(_shortcut, 'from', 'activation'),
    'route': _entry(_route, 'layers', 'groups', 'group_id'),
    'upsample': _entry(_upsample, 'stride', 'scale'),
    'reorg': _entry(_reorg, 'stride'),
    'softmax': _entry(_softmax, 'groups', 'temperature', 'tree', 'spatial'),
    'scale_channels': _entry(_times, 'from', 'activation', 'scale_wh'),
    'sam': _entry(_times, 'from', 'activation'),
    'dropout': _entry(_nothing, free=True),
    'cost': _entry(_nothing, free=True),
    'yolo': _entry(_nothing, free=True),
    'region': _entry(_nothing, free=True),
}  # fmt: skip
SHORT: Final[Mapping[str, str]] = {
    'conv': 'convolutional',
    'conn': 'connected',
    'max': 'maxpool',
    'avg': 'avgpool',
    'soft': 'softmax',
}

NOT_READ: Final[Mapping[str, str]] = {
    **dict.fromkeys(('rnn', 'crnn', 'gru', 'lstm', 'conv_lstm', 'history'), 'keeps state over time'),
    **dict.fromkeys(('detection', 'Gaussian_yolo', 'iseg', 'contrastive', 'logxent', 'l2norm'), 'is a head of its own'),
    **dict.fromkeys(('local', 'deconvolutional', 'crop', 'normalization', 'local_avgpool', 'reorg3d'), 'is not read'),
    **dict.fromkeys(('implicit_add', 'implicit_mul', 'activation', 'empty'), 'is not read'),
    'batchnorm': 'has its numbers in unlike orders in unlike versions',
}  # fmt: skip
"""Documented sections that are not read, and why."""
