"""Layers that hold numbers against those around them: normalization, and Softmax."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from stages.frameworks.caffe.layers.entry import Entry, Value, Work, entry, same


def _batch_norm(work: Work) -> Value:
    """Write BatchNorm: its blobs are mean, variance, and one factor by which both were summed up; 0 stands for none."""
    import numpy as np

    if not work.params.flag('use_global_stats', True):
        raise work.layer.refused('normalizes by the batch itself (use_global_stats: false)')
    channels = work.one.shape[1] if len(work.one.shape) > 1 else 0
    if not channels:
        raise work.layer.refused(f'takes {len(work.one.shape)} axes')
    factor = float(work.blob(2, 1, 'factor').reshape(()))
    factor = 1 / factor if factor else 0.0
    mean, variance = (
        work.blob(n, channels, word).reshape(channels) * np.float32(factor)
        for n, word in enumerate(('mean', 'variance'))
    )
    return same(
        work, 'BatchNormalization', work.weight(np.ones(channels), 'one'), work.weight(np.zeros(channels), 'zero'),
        work.weight(mean, 'mean'), work.weight(variance, 'variance'), epsilon=work.params.number('eps', 1e-5),
    )  # fmt: skip


def _lrn(work: Work) -> Value:
    """Write LRN across channels, as ONNX has it; within them, (1 + alpha * mean of squares)^-beta (lrn_layer.cpp)."""
    size, said = work.params.whole('local_size', 5), work.params
    alpha, beta, k = said.number('alpha', 1), said.number('beta', 0.75), said.number('k', 1)
    if size < 1 or size % 2 == 0:
        raise work.layer.wrong(f'has a window of {size}; expected an odd number')
    if said.choice('norm_region', ('ACROSS_CHANNELS', 'WITHIN_CHANNEL')) == 'ACROSS_CHANNELS':
        return same(work, 'LRN', size=size, alpha=alpha, beta=beta, bias=k)
    if len(work.one.shape) != 4:
        raise work.layer.refused(f'takes {len(work.one.shape)} axes; only pictures are read')
    edge = [(size - 1) // 2] * 4
    squares = work.op('Mul', work.one.name, work.one.name)
    mean = work.op('AveragePool', squares, kernel_shape=[size, size], pads=edge, count_include_pad=1)
    base = work.op('Add', work.op('Mul', mean, work.weight(alpha, 'alpha')), work.weight(1, 'one'))
    return replace(work.one, name=work.op('Mul', work.one.name, work.op('Pow', base, work.weight(-beta, 'beta'))))


def _mvn(work: Work) -> Value:
    value, said = work.one, work.params
    axes = list(range(1 if said.flag('across_channels', False) else 2, len(value.shape)))
    if not axes:
        raise work.layer.refused(f'takes {len(value.shape)} axes')
    centred = work.op('Sub', value.name, work.op('ReduceMean', value.name, axes=axes, keepdims=1))
    if said.flag('normalize_variance', True):
        variance = work.op('ReduceMean', work.op('Mul', centred, centred), axes=axes, keepdims=1)
        spread = work.op('Add', work.op('Sqrt', variance), work.weight(said.number('eps', 1e-9), 'eps'))
        centred = work.op('Div', centred, spread)
    return replace(value, name=centred)


def _normalize(work: Work) -> Value:
    """Write Normalize of the SSD branch: x / sqrt(sum of squares + eps), times a scale for each channel."""
    value, said = work.one, work.params
    if len(value.shape) != 4:
        raise work.layer.refused(f'takes {len(value.shape)} axes; only pictures are read')
    axes = [1, 2, 3] if said.flag('across_spatial', True) else [1]
    squares = work.op('ReduceSum', work.op('Mul', value.name, value.name), work.wholes(axes, 'axes'), keepdims=1)
    length = work.op('Sqrt', work.op('Add', squares, work.weight(said.number('eps', 1e-10), 'eps')))
    count = 1 if said.flag('channel_shared', True) else value.shape[1]
    scale = work.blob(0, count, 'scale').reshape(1, count, 1, 1)
    return replace(value, name=work.op('Mul', work.op('Div', value.name, length), work.weight(scale, 'scale')))


def _softmax(work: Work) -> Value:
    axis = work.over_samples(work.axis(work.params.whole('axis', 1), work.one))
    return same(work, 'Softmax', axis=axis)


LAYERS: Final[Mapping[str, Entry]] = {
    'BatchNorm': entry(_batch_norm, 'batch_norm_param', 'use_global_stats', 'moving_average_fraction', 'eps'),
    'LRN': entry(_lrn, 'lrn_param', 'local_size', 'alpha', 'beta', 'norm_region', 'k'),
    'MVN': entry(_mvn, 'mvn_param', 'normalize_variance', 'across_channels', 'eps'),
    'Normalize': entry(_normalize, 'norm_param', 'across_spatial', 'scale_filler', 'channel_shared', 'eps'),
    'Softmax': entry(_softmax, 'softmax_param', 'axis'),
}
