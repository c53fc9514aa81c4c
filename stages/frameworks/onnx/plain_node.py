"""One machine-learning operator in plain ones: what it is told, and what linear models and trees both end in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from stages.errors import UnsupportedError
from stages.frameworks.onnx.build import Graph

FLOAT: Final = 1
ADVICE: Final = 'what to try: the model as it is, in ONNX Runtime'


@dataclass
class Node:
    """One node to be written anew."""

    proto: Any
    graph: Graph
    opset: int
    told: Mapping[str, Any] = field(default_factory=dict)
    """Its attributes; texts as text."""

    @property
    def x(self) -> str:
        """Return its first input."""
        return str(self.proto.input[0])

    def refused(self, words: str) -> UnsupportedError:
        """Return the error that says why it is not written in plain operators."""
        return UnsupportedError(f'{self.proto.op_type} {self.proto.output[0]}: {words}\n{ADVICE}')

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a plain node named after this one; return its value."""
        return self.graph.op(kind, *inputs, name=f'{self.proto.output[0]}_{kind}', **attributes)

    def floats(self, values: Any, word: str) -> str:
        """Add a weight of float32."""
        return self.graph.floats(values, f'{self.proto.output[0]}_{word}')

    def wholes(self, values: Any, word: str) -> str:
        """Add a vector of int64."""
        return self.graph.wholes(values, f'{self.proto.output[0]}_{word}')

    def single(self, value: str) -> str:
        """Return a value as float32, whatever numbers it has."""
        return self.op('Cast', value, to=FLOAT)

    def reduced(self, kind: str, value: str, axis: int) -> str:
        """Return what a reduction makes of one axis, which stays; from opset 18 on the axes are an input."""
        if self.opset < 18 and kind != 'ReduceSum':
            return self.op(kind, value, axes=[axis], keepdims=1)
        return self.op(kind, value, self.wholes([axis], 'axis'), keepdims=1)


Write = Callable[[Node], list[str]]
"""Adds the nodes; returns a value for each output, empty for one that is not made."""


def transformed(node: Node, scores: str) -> str:
    """Return scores after what a node's ``post_transform`` says, class by class."""
    kind = node.told.get('post_transform', 'NONE')
    if kind == 'NONE':
        return scores
    if kind == 'LOGISTIC':
        return node.op('Sigmoid', scores)
    if kind == 'SOFTMAX':
        return node.op('Softmax', scores, axis=-1)
    raise node.refused(f'ends in {kind}')


def labels(node: Node, scores: str) -> str:
    """Return the label of the largest score; nothing where labels are words, which numbers cannot be."""
    told = node.told.get('classlabels_ints') or node.told.get('classlabels_int64s')
    if not told:
        return ''
    best = node.op('ArgMax', scores, axis=1, keepdims=0)
    return node.op('Gather', node.wholes(told, 'labels'), best, axis=0)
