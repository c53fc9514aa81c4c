"""Layers that compute each number from its own, or from those at the same place of other blobs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from stages.frameworks.caffe.layers.entry import Entry, Value, Work, entry, same


def _along(work: Work, value: Value, axis: int, other: Value) -> str:
    """Return the value of ``other`` with axes of one around its own, which are those of ``value`` from ``axis`` on."""
    if value.shape[axis : axis + len(other.shape)] != other.shape:
        raise work.layer.wrong(f'has {list(value.shape)} and, from axis {axis} on, {list(other.shape)}')
    after = len(value.shape) - axis - len(other.shape)
    if not after:
        return other.name
    # 0 keeps: a batch of any size stays one
    shape = work.wholes(
        [*([0] if other.batched and axis == 0 else other.shape[:1]), *other.shape[1:], *[1] * after], 'shape'
    )
    return work.op('Reshape', other.name, shape)


def _second(work: Work, value: Value, word: str, place: int = 0) -> str:
    """Return the second operand of Scale and Bias: another blob, or weights."""
    axis = work.axis(work.params.whole('axis', 1), value)
    if len(work.inputs) > 1:
        return _along(work, value, axis, work.inputs[1])
    count = work.params.whole('num_axes', 1)
    own = value.shape[axis:] if count < 0 else value.shape[axis : axis + count]
    after = len(value.shape) - axis - len(own)
    if axis == 0:
        work.over_samples(axis)
    return work.weight(work.blob(place, math.prod(own), word).reshape((*own, *[1] * after)), word)


def _scale(work: Work) -> Value:
    value = work.inputs[0]
    named = work.op('Mul', value.name, _second(work, value, 'scale'))
    if work.params.flag('bias_term', False):
        axis = work.axis(work.params.whole('axis', 1), value)
        held = work.inputs[1].shape if len(work.inputs) > 1 else None
        count = work.params.whole('num_axes', 1)
        own = held or (value.shape[axis:] if count < 0 else value.shape[axis : axis + count])
        after = len(value.shape) - axis - len(own)
        bias = work.blob(0 if held else 1, math.prod(own), 'bias').reshape((*own, *[1] * after))
        named = work.op('Add', named, work.weight(bias, 'bias'))
    return replace(value, name=named)


def _bias(work: Work) -> Value:
    value = work.inputs[0]
    return replace(value, name=work.op('Add', value.name, _second(work, value, 'bias')))


def _eltwise(work: Work) -> Value:
    how, factors = (
        work.params.choice('operation', ('PROD', 'SUM', 'MAX'), 0) if 'operation' in work.params.fields else 'SUM',
        work.params.numbers('coeff'),
    )
    shapes = {value.shape for value in work.inputs}
    if len(work.inputs) < 2 or len(shapes) > 1:
        raise work.layer.wrong(
            f'takes blobs of the shapes {", ".join(map(str, sorted(shapes)))}; expected two of one shape'
        )
    if factors and (how != 'SUM' or len(factors) != len(work.inputs)):
        raise work.layer.wrong(f'has {len(factors)} factors for {how} of {len(work.inputs)} blobs')
    names = [value.name for value in work.inputs]
    if factors:
        names = [
            name if factor == 1 else work.op('Mul', name, work.weight(factor, 'factor'))
            for name, factor in zip(names, factors, strict=True)
        ]
    operator = {'PROD': 'Mul', 'SUM': 'Add', 'MAX': 'Max'}[how]
    total = names[0]
    for name in names[1:]:
        total = work.op(operator, total, name)
    return replace(work.inputs[0], name=total, batched=any(value.batched for value in work.inputs))


def _relu(work: Work) -> Value:
    slope = work.params.number('negative_slope', 0)
    return same(work, 'LeakyRelu', alpha=slope) if slope else same(work, 'Relu')


def _prelu(work: Work) -> Value:
    channels = work.one.shape[1] if len(work.one.shape) > 1 else 1
    if work.params.flag('channel_shared', False):
        slope = work.blob(0, 1, 'slopes').reshape(1)
    else:
        slope = work.blob(0, channels, 'slopes').reshape(channels, *[1] * (len(work.one.shape) - 2))
    return same(work, 'PRelu', work.weight(slope, 'slopes'))


def _affine(work: Work) -> str:
    """Return shift + scale * x."""
    value, scale, shift = work.one.name, work.params.number('scale', 1), work.params.number('shift', 0)
    value = work.op('Mul', value, work.weight(scale, 'scale')) if scale != 1 else value
    return work.op('Add', value, work.weight(shift, 'shift')) if shift else value


def _power(work: Work) -> Value:
    value, power = _affine(work), work.params.number('power', 1)
    if power != 1 or value == work.one.name:
        value = work.op('Pow', value, work.weight(power, 'power')) if power != 1 else work.op('Identity', value)
    return replace(work.one, name=value)


def _base(work: Work) -> float:
    """Return the logarithm of the base; -1 stands for e."""
    base = work.params.number('base', -1)
    if base != -1 and base <= 0:
        raise work.layer.wrong(f'has the base {base}')
    return 1.0 if base == -1 else math.log(base)


def _exp(work: Work) -> Value:
    value, factor = _affine(work), _base(work)
    value = work.op('Mul', value, work.weight(factor, 'base')) if factor != 1 else value
    return replace(work.one, name=work.op('Exp', value))


def _log(work: Work) -> Value:
    value, factor = work.op('Log', _affine(work)), _base(work)
    if factor == 0:
        raise work.layer.wrong('has a logarithm to the base 1')
    return replace(work.one, name=work.op('Div', value, work.weight(factor, 'base')) if factor != 1 else value)


def _threshold(work: Work) -> Value:
    from onnx import TensorProto

    above = work.op('Greater', work.one.name, work.weight(work.params.number('threshold', 0), 'threshold'))
    return replace(work.one, name=work.op('Cast', above, to=TensorProto.FLOAT))


def _clip(work: Work) -> Value:
    low, high = work.params.number('min', -math.inf), work.params.number('max', math.inf)
    return same(work, 'Clip', work.weight(low, 'min'), work.weight(high, 'max'))


def _relu6(work: Work) -> Value:
    return same(work, 'Clip', work.weight(0, 'min'), work.weight(6, 'max'))


def _swish(work: Work) -> Value:
    value, beta = work.one.name, work.params.number('beta', 1)
    inner = work.op('Mul', value, work.weight(beta, 'beta')) if beta != 1 else value
    return replace(work.one, name=work.op('Mul', value, work.op('Sigmoid', inner)))


def _axpy(work: Work) -> Value:
    """Write a * x + y, with one a for each channel of each sample."""
    if len(work.inputs) != 3:
        raise work.layer.wrong(f'takes {len(work.inputs)} blobs; expected three')
    factor, value, added = work.inputs
    if len(factor.shape) not in (2, 4) or factor.shape[:2] != value.shape[:2] or value.shape != added.shape:
        raise work.layer.wrong(f'takes {[list(each.shape) for each in work.inputs]}')
    scale = factor.name if len(factor.shape) == 4 else _along(work, value, 0, factor)
    return replace(value, name=work.op('Add', work.op('Mul', value.name, scale), added.name))


LAYERS: Final[Mapping[str, Entry]] = {
    'Scale': entry(_scale, 'scale_param', 'axis', 'num_axes', 'filler', 'bias_term', 'bias_filler'),
    'Bias': entry(_bias, 'bias_param', 'axis', 'num_axes', 'filler'),
    'Eltwise': entry(_eltwise, 'eltwise_param', 'operation', 'coeff', 'stable_prod_grad'),
    'ReLU': entry(_relu, 'relu_param', 'negative_slope'),
    'ReLU6': entry(_relu6),
    'PReLU': entry(_prelu, 'prelu_param', 'filler', 'channel_shared'),
    'ELU': entry(lambda work: same(work, 'Elu', alpha=work.params.number('alpha', 1)), 'elu_param', 'alpha'),
    'Sigmoid': entry(lambda work: same(work, 'Sigmoid'), 'sigmoid_param'),
    'TanH': entry(lambda work: same(work, 'Tanh'), 'tanh_param'),
    'AbsVal': entry(lambda work: same(work, 'Abs')),
    'BNLL': entry(lambda work: same(work, 'Softplus')),
    'Power': entry(_power, 'power_param', 'power', 'scale', 'shift'),
    'Exp': entry(_exp, 'exp_param', 'base', 'scale', 'shift'),
    'Log': entry(_log, 'log_param', 'base', 'scale', 'shift'),
    'Threshold': entry(_threshold, 'threshold_param', 'threshold'),
    'Clip': entry(_clip, 'clip_param', 'min', 'max'),
    'Swish': entry(_swish, 'swish_param', 'beta'),
    'Axpy': entry(_axpy),
}
