"""Layers of Core ML neural networks that go number by number, and those that compare, reduce or choose."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from stages.frameworks.coreml.layer import Layer, Write

FLOAT, INT64, BOOL = 1, 7, 9


def _each(kind: str, **attributes: Any) -> Write:
    return lambda layer: layer.pointwise(lambda x: layer.op(kind, x, **attributes), layer.x)


def _chain(layer: Layer, *steps: tuple[str, float]) -> str:
    """Return the first input after steps of one operator and one number each; those that change nothing go."""
    idle = {'Mul': 1.0, 'Add': 0.0, 'Div': 1.0, 'Sub': 0.0}

    def write(x: str) -> str:
        for kind, number in steps:
            if idle.get(kind) != number:
                x = layer.op(kind, x, layer.const(number, kind.lower()))
        return x if any(idle.get(kind) != number for kind, number in steps) else layer.op('Identity', x)

    return layer.pointwise(write, layer.x)


def _several(kind: str, alone: str = '') -> Write:
    """Layers of any number of inputs; with one, of that and a number."""

    def write(layer: Layer) -> str:
        if len(layer.inputs) == 1 and alone:
            return _chain(layer, (alone, float(layer.told.alpha)))

        def joined(*given: str) -> str:
            made = given[0]
            for other in given[1:]:
                made = layer.op(kind, made, other)
            return made

        return layer.pointwise(joined, *layer.inputs)

    return write


def _average(layer: Layer) -> str:
    count = float(len(layer.inputs))

    def joined(*given: str) -> str:
        made = given[0]
        for other in given[1:]:
            made = layer.op('Add', made, other)
        return layer.op('Div', made, layer.const(count, 'count'))

    return layer.pointwise(joined, *layer.inputs)


def _channels(layer: Layer, told: Any, x: str, name: str) -> str:
    """Return numbers for each channel, or one for all, as they meet ``[…, C, H, W]``."""
    from stages.frameworks.coreml import weights

    count = layer.shape(x)[-3] if layer.rank(x) > 2 else 0
    for size in (1, count):
        try:
            found = weights.array(told, (size,))
        except ValueError:
            continue
        return layer.const(found.reshape(-1, 1, 1), name)
    raise layer.refused(f'{name} is neither one number nor one for each of {count} channels')


def _activation(layer: Layer) -> str:
    kind = layer.told.WhichOneof('NonlinearityType')
    if kind not in ACTIVATIONS:
        raise layer.refused(f'its function is {kind or "not told"}')
    made: str = ACTIVATIONS[kind](layer)
    return made


def _named(layer: Layer) -> Any:
    return getattr(layer.told, layer.told.WhichOneof('NonlinearityType'))


def _linear(layer: Layer) -> str:
    told = _named(layer)
    return _chain(layer, ('Mul', told.alpha), ('Add', told.beta))


def _alpha(kind: str, **names: str) -> Write:
    def write(layer: Layer) -> str:
        told = _named(layer)
        chosen = {name: float(getattr(told, field)) for name, field in names.items()}
        return layer.pointwise(lambda x: layer.op(kind, x, **chosen), layer.x)

    return write


def _thresholded(layer: Layer) -> str:
    alpha = float(_named(layer).alpha)

    def write(x: str) -> str:
        above = layer.op('GreaterOrEqual', x, layer.const(alpha, 'alpha'))
        return layer.op('Where', above, x, layer.const(0, 'nought'))

    return layer.pointwise(write, layer.x)


def _prelu(layer: Layer) -> str:
    slope = _channels(layer, _named(layer).alpha, layer.x, 'alpha')
    return layer.pointwise(lambda x: layer.op('PRelu', x, slope), layer.x)


def _scaled_tanh(layer: Layer) -> str:
    told = _named(layer)

    def write(x: str) -> str:
        bent = layer.op('Tanh', layer.op('Mul', x, layer.const(told.beta, 'beta')))
        return layer.op('Mul', bent, layer.const(told.alpha, 'alpha'))

    return layer.pointwise(write, layer.x)


def _parametric_softplus(layer: Layer) -> str:
    told = _named(layer)
    alpha, beta = (_channels(layer, getattr(told, name), layer.x, name) for name in ('alpha', 'beta'))
    return layer.pointwise(lambda x: layer.op('Mul', layer.op('Softplus', layer.op('Mul', x, beta)), alpha), layer.x)


ACTIVATIONS: Final[Mapping[str, Write]] = {
    'linear': _linear,
    'ReLU': _each('Relu'),
    'leakyReLU': _alpha('LeakyRelu', alpha='alpha'),
    'thresholdedReLU': _thresholded,
    'PReLU': _prelu,
    'tanh': _each('Tanh'),
    'scaledTanh': _scaled_tanh,
    'sigmoid': _each('Sigmoid'),
    'sigmoidHard': _alpha('HardSigmoid', alpha='alpha', beta='beta'),
    'ELU': _alpha('Elu', alpha='alpha'),
    'softsign': _each('Softsign'),
    'softplus': _each('Softplus'),
    'parametricSoftplus': _parametric_softplus,
}


def _unary(layer: Layer) -> str:
    told = layer.told
    kind = told.Operation.Name(told.type)
    tiny = float(told.epsilon) or 1e-6
    after: dict[str, tuple[tuple[str, float], ...]] = {'RSQRT': (('Add', tiny),), 'INVERSE': (('Add', tiny),)}
    x = _chain(layer, ('Mul', float(told.scale) or 1.0), ('Add', float(told.shift)), *after.get(kind, ()))
    plain = {'SQRT': 'Sqrt', 'INVERSE': 'Reciprocal', 'EXP': 'Exp', 'LOG': 'Log', 'ABS': 'Abs'}
    if kind in plain:
        return layer.pointwise(lambda x: layer.op(plain[kind], x), x)
    if kind == 'RSQRT':
        return layer.pointwise(lambda x: layer.op('Reciprocal', layer.op('Sqrt', x)), x)
    operator = {'POWER': 'Pow', 'THRESHOLD': 'Max'}[kind]
    return layer.pointwise(lambda x: layer.op(operator, x, layer.const(told.alpha, 'alpha')), x)


def _clip(layer: Layer) -> str:
    low, high = layer.const(layer.told.minVal, 'low'), layer.const(layer.told.maxVal, 'high')
    return layer.pointwise(lambda x: layer.op('Clip', x, low, high), layer.x)


def _clamped(layer: Layer) -> str:
    told = layer.told

    def write(x: str) -> str:
        return layer.op('Min', layer.op('LeakyRelu', x, alpha=float(told.alpha)), layer.const(told.beta, 'beta'))

    return layer.pointwise(write, layer.x)


def _gelu(layer: Layer) -> str:
    mode = layer.told.GeluMode.Name(layer.told.mode)

    def write(x: str) -> str:
        if mode == 'SIGMOID_APPROXIMATION':
            return layer.op('Mul', x, layer.op('Sigmoid', layer.op('Mul', x, layer.const(1.702, 'slope'))))
        if mode == 'EXACT':
            bent = layer.op('Erf', layer.op('Mul', x, layer.const(math.sqrt(0.5), 'slope')))
        else:
            cube = layer.op('Mul', layer.op('Mul', x, x), x)
            inner = layer.op('Add', x, layer.op('Mul', cube, layer.const(0.044715, 'cubic')))
            bent = layer.op('Tanh', layer.op('Mul', inner, layer.const(math.sqrt(2 / math.pi), 'slope')))
        return layer.op(
            'Mul', layer.op('Mul', x, layer.const(0.5, 'half')), layer.op('Add', bent, layer.const(1, 'one'))
        )

    return layer.pointwise(write, layer.x)


def _exp2(layer: Layer) -> str:
    return layer.pointwise(lambda x: layer.op('Pow', layer.const(2, 'two'), x), layer.x)


def _pair(layer: Layer) -> tuple[str, str]:
    """Return both inputs, or the one and the number that stands for the other."""
    if len(layer.inputs) > 1:
        return layer.inputs[0], layer.inputs[1]
    return layer.x, layer.const(layer.told.alpha, 'alpha')


def _compared(kind: str, turned: bool = False) -> Write:
    def write(layer: Layer) -> str:
        found = layer.op(kind, *_pair(layer))
        return layer.cast(layer.op('Not', found) if turned else found, FLOAT)

    return write


def _logical(kind: str) -> Write:
    return lambda layer: layer.cast(layer.op(kind, *(layer.cast(each, BOOL) for each in layer.inputs)), FLOAT)


def _mod(layer: Layer) -> str:
    """The remainder has the sign of what is divided by, as Python's."""
    x, y = layer.inputs
    return layer.op('Sub', x, layer.op('Mul', layer.op('Floor', layer.op('Div', x, y)), y))


def _floor_div(layer: Layer) -> str:
    return layer.op('Floor', layer.op('Div', *layer.inputs))


def _where(layer: Layer) -> str:
    chosen, one, two = layer.inputs
    return layer.op('Where', layer.cast(chosen, BOOL), one, two)


LAYERS: Final[Mapping[str, Write]] = {
    'activation': _activation,
    'unary': _unary,
    'add': _several('Add', 'Add'),
    'multiply': _several('Mul', 'Mul'),
    'average': _average,
    'max': _several('Max'),
    'min': _several('Min'),
    'clip': _clip,
    'clampedReLU': _clamped,
    'gelu': _gelu,
    'exp2': _exp2,
    **{
        word: _each(word.capitalize())
        for word in (
            'ceil', 'floor', 'sign', 'round', 'sin', 'cos', 'tan', 'asin', 'acos', 'atan', 'sinh', 'cosh', 'tanh',
            'asinh', 'acosh', 'atanh', 'erf',
        )
    },
    'equal': _compared('Equal'),
    'notEqual': _compared('Equal', turned=True),
    'lessThan': _compared('Less'),
    'lessEqual': _compared('LessOrEqual'),
    'greaterThan': _compared('Greater'),
    'greaterEqual': _compared('GreaterOrEqual'),
    'logicalOr': _logical('Or'),
    'logicalXor': _logical('Xor'),
    'logicalAnd': _logical('And'),
    'logicalNot': _logical('Not'),
    'addBroadcastable': _several('Add'),
    'subtractBroadcastable': _several('Sub'),
    'multiplyBroadcastable': _several('Mul'),
    'divideBroadcastable': _several('Div'),
    'maxBroadcastable': _several('Max'),
    'minBroadcastable': _several('Min'),
    'powBroadcastable': _several('Pow'),
    'modBroadcastable': _mod,
    'floorDivBroadcastable': _floor_div,
    'whereBroadcastable': _where,
}  # fmt: skip
