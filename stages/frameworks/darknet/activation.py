"""Darknet's activations in ONNX, by the words of a .cfg (src/activations.h)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from stages.frameworks.onnx.build import Graph

Write = Callable[[Graph, str, str], str]
"""Takes the graph, a value and the name for what it makes of it."""


def _plain(kind: str, **attributes: float) -> Write:
    return lambda graph, value, name: graph.op(kind, value, name=name, **attributes)


def _mish(graph: Graph, value: str, name: str) -> str:
    inner = graph.op('Tanh', graph.op('Softplus', value, name=name), name=name)
    return graph.op('Mul', value, inner, name=name)


def _swish(graph: Graph, value: str, name: str) -> str:
    return graph.op('Mul', value, graph.op('Sigmoid', value, name=name), name=name)


def _relu6(graph: Graph, value: str, name: str) -> str:
    return graph.op('Clip', value, graph.floats(0, f'{name}.min'), graph.floats(6, f'{name}.max'), name=name)


def _loggy(graph: Graph, value: str, name: str) -> str:
    twice = graph.op('Mul', graph.op('Sigmoid', value, name=name), graph.floats(2, f'{name}.two'), name=name)
    return graph.op('Sub', twice, graph.floats(1, f'{name}.one'), name=name)


def _ramp(graph: Graph, value: str, name: str) -> str:
    tenth = graph.op('Mul', value, graph.floats(0.1, f'{name}.tenth'), name=name)
    return graph.op('Add', graph.op('Relu', value, name=name), tenth, name=name)


ACTIVATIONS: Final[Mapping[str, Write]] = {
    'linear': lambda graph, value, name: value,
    'leaky': _plain('LeakyRelu', alpha=0.1),
    'relu': _plain('Relu'),
    'relu6': _relu6,
    'logistic': _plain('Sigmoid'),
    'tanh': _plain('Tanh'),
    'elu': _plain('Elu', alpha=1.0),
    'mish': _mish,
    'swish': _swish,
    'loggy': _loggy,
    'ramp': _ramp,
}
NOT_READ: Final = (
    'hardtan', 'lhtan', 'plse', 'relie', 'revleaky', 'stair', 'selu', 'gelu', 'hard_mish', 'normalize_channels',
    'normalize_channels_softmax', 'normalize_channels_softmax_maxval',
)  # fmt: skip
