"""Layers that slide a window over pictures: convolutions and pooling; and the product with a matrix."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from stages.frameworks.caffe.layers.entry import Entry, Value, Work, entry

if TYPE_CHECKING:
    pass


def _pair(work: Work, name: str, default: int, single: str = '') -> tuple[int, int]:
    """Return a size as height and width, which may be written as one, as two, or each by its name."""
    said, single = work.params, single or name
    both = [said.whole(f'{name}_{side}', -1) for side in 'hw']
    if both != [-1, -1]:
        if said.fields.get(single):
            raise work.layer.wrong(f'says {single} and {name}_h or {name}_w: two meanings')
        if -1 in both and default < 0:
            raise work.layer.wrong(f'says one of {name}_h and {name}_w, and not the other')
        return both[0] if both[0] >= 0 else default, both[1] if both[1] >= 0 else default
    given = said.wholes(single)
    if len(given) > 2:
        raise work.layer.refused(f'{single} of {len(given)} axes; only pictures are read')
    if not given and default < 0:
        raise work.layer.wrong(f'does not say its {single}')
    return (given[0], given[-1]) if given else (default, default)


def _picture(work: Work) -> tuple[int, int, int, int]:
    if len(work.one.shape) != 4:
        raise work.layer.refused(
            f'takes {len(work.one.shape)} axes; only pictures are read: samples, channels, height, width'
        )
    n, c, h, w = work.one.shape
    return n, c, h, w


def _positive(work: Work, **sizes: tuple[int, int]) -> None:
    for name, pair in sizes.items():
        if min(pair) < (0 if name == 'pad' else 1) or max(pair) > 1 << 16:
            raise work.layer.wrong(f'has {name} {list(pair)}')


def _convolution(work: Work, *, turned: bool = False, depthwise: bool = False) -> Value:
    n, channels, height, width = _picture(work)
    if work.params.whole('axis', 1) != 1 or work.params.flag('force_nd_im2col', False):
        raise work.layer.refused('convolves over another axis than channels, or over more than two')
    kernel, stride = _pair(work, 'kernel', -1, 'kernel_size'), _pair(work, 'stride', 1)
    pad, dilation = _pair(work, 'pad', 0), work.params.wholes('dilation') or [1]
    spread = (dilation[0], dilation[-1])
    _positive(work, kernel_size=kernel, stride=stride, pad=pad, dilation=spread)
    made = work.params.whole('num_output', 0)
    group = work.params.whole('group', channels if depthwise else 1)
    if made < 1 or group < 1 or channels % group or made % group:
        raise work.layer.wrong(f'makes {made} of {channels} channels in {group} groups')
    shape = (channels, made // group, *kernel) if turned else (made, channels // group, *kernel)
    weights = [work.weight(work.blob(0, math.prod(shape), 'weights').reshape(shape), 'weights')]
    if work.params.flag('bias_term', True):
        weights.append(work.weight(work.blob(1, made, 'bias').reshape(made), 'bias'))
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, spread, strict=True)]
    sides = list(zip((height, width), stride, pad, reach, strict=True))
    if turned:
        out = [s * (size - 1) + r - 2 * p for size, s, p, r in sides]
    else:
        out = [(size + 2 * p - r) // s + 1 for size, s, p, r in sides]
    value = work.op(
        'ConvTranspose' if turned else 'Conv', work.one.name, *weights, kernel_shape=kernel, strides=stride,
        pads=[*pad, *pad], dilations=spread, group=group,
    )  # fmt: skip
    return work.made(value, (n, made, *out))


def _pooling(work: Work) -> Value:
    """
    Write Pooling. Its windows are counted upwards, and the last one goes where it would start in the padding.

    The end is padded by what the last window needs, which says the size in every runtime alike. The average divides by
    the window as far as it lies in the padded picture (Caffe's pooling_layer.cpp), which a map of factors makes up for.
    """
    import numpy as np

    n, channels, *size = _picture(work)
    how = work.params.choice('pool', ('MAX', 'AVE', 'STOCHASTIC'))
    if how == 'STOCHASTIC':
        raise work.layer.refused('pools at random')
    if len(work.layer.tops) > 1:
        raise work.layer.refused('gives the places of its maxima')
    if work.params.flag('global_pooling', False):
        value = work.op('GlobalMaxPool' if how == 'MAX' else 'GlobalAveragePool', work.one.name)
        return work.made(value, (n, channels, 1, 1))
    kernel, stride = _pair(work, 'kernel', -1, 'kernel_size'), _pair(work, 'stride', 1)
    pad = _pair(work, 'pad', 0)
    _positive(work, kernel_size=kernel, stride=stride, pad=pad)
    up = work.params.choice('round_mode', ('CEIL', 'FLOOR')) == 'CEIL' and work.params.flag('ceil_mode', True)
    out, end = [], []
    for length, k, s, p in zip(size, kernel, stride, pad, strict=True):
        if p >= k:
            raise work.layer.wrong(f'pads {p} to a window of {k}')
        steps = (length + 2 * p - k) / s
        count = (math.ceil(steps) if up else math.floor(steps)) + 1
        count -= any(pad) and (count - 1) * s >= length + p
        last = (count - 1) * s - p
        if count < 1 or last >= length:
            raise work.layer.refused('has windows outside of the picture')
        out.append(count)
        end.append(max(0, last + k - length))
    same = {'kernel_shape': kernel, 'strides': stride, 'pads': [*pad, *end]}
    if how == 'MAX':
        return work.made(work.op('MaxPool', work.one.name, **same), (n, channels, *out))
    value = work.op('AveragePool', work.one.name, count_include_pad=1, **same)
    sides = [
        [k / (min(i * s - p + k, length + p) - (i * s - p)) for i in range(count)]
        for count, k, s, p, length in zip(out, kernel, stride, pad, size, strict=True)
    ]
    factors = np.array(sides[0])[:, None] * np.array(sides[1])
    if (factors != 1).any():
        value = work.op('Mul', value, work.weight(factors[None, None], 'factors'))
    return work.made(value, (n, channels, *out))


def _inner_product(work: Work) -> Value:
    given, made = work.one, work.params.whole('num_output', 0)
    axis = work.axis(work.params.whole('axis', 1), given)
    work.over_samples(axis)
    size = math.prod(given.shape[axis:])
    matrix = work.blob(0, size * made, 'weights')
    matrix = matrix.reshape(size, made) if work.params.flag('transpose', False) else matrix.reshape(made, size).T
    bias = work.blob(1, made, 'bias').reshape(made) if work.params.flag('bias_term', True) else None
    shape = (*given.shape[:axis], made)
    if axis == 1:
        flat = given.name if len(given.shape) == 2 else work.op('Flatten', given.name, axis=1)
        weights = [work.weight(matrix, 'weights'), *([work.weight(bias, 'bias')] if bias is not None else [])]
        return work.made(work.op('Gemm', flat, *weights), shape)
    flat = work.reshaped(given, (*given.shape[:axis], size)).name
    value = work.op('MatMul', flat, work.weight(matrix, 'weights'))
    return work.made(work.op('Add', value, work.weight(bias, 'bias')) if bias is not None else value, shape)


def _embed(work: Work) -> Value:
    from onnx import TensorProto

    rows, made = work.params.whole('input_dim', 0), work.params.whole('num_output', 0)
    table = work.weight(work.blob(0, rows * made, 'weights').reshape(rows, made), 'weights')
    value = work.op('Gather', table, work.op('Cast', work.one.name, to=TensorProto.INT64))
    if work.params.flag('bias_term', True):
        value = work.op('Add', value, work.weight(work.blob(1, made, 'bias').reshape(made), 'bias'))
    return work.made(value, (*work.one.shape, made))


_CONVOLUTION: Final = (
    'num_output', 'bias_term', 'pad', 'pad_h', 'pad_w', 'kernel_size', 'kernel_h', 'kernel_w', 'group', 'stride',
    'stride_h', 'stride_w', 'weight_filler', 'bias_filler', 'axis', 'dilation', 'force_nd_im2col',
)  # fmt: skip

LAYERS: Final[Mapping[str, Entry]] = {
    'Convolution': entry(_convolution, 'convolution_param', *_CONVOLUTION),
    'ConvolutionDepthwise': entry(lambda work: _convolution(work, depthwise=True), 'convolution_param', *_CONVOLUTION),
    'DepthwiseConvolution': entry(lambda work: _convolution(work, depthwise=True), 'convolution_param', *_CONVOLUTION),
    'Deconvolution': entry(lambda work: _convolution(work, turned=True), 'convolution_param', *_CONVOLUTION),
    'Pooling': entry(
        _pooling, 'pooling_param', 'pool', 'pad', 'pad_h', 'pad_w', 'kernel_size', 'kernel_h', 'kernel_w', 'stride',
        'stride_h', 'stride_w', 'global_pooling', 'round_mode', 'ceil_mode',
    ),
    'InnerProduct': entry(
        _inner_product, 'inner_product_param', 'num_output', 'bias_term', 'weight_filler', 'bias_filler', 'axis',
        'transpose',
    ),
    'Embed': entry(
        _embed, 'embed_param', 'num_output', 'input_dim', 'bias_term', 'weight_filler', 'bias_filler',
    ),
}  # fmt: skip
