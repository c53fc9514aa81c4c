"""One operation of a Core ML program at work: what it is told, its inputs, and the graph that it is written into."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.errors import UnsupportedError
from stages.frameworks.onnx.build import Graph


@dataclass
class Work:
    """One operation to be written."""

    operation: Any
    graph: Graph
    values: Mapping[str, str]
    """By the name of a value in the program: that in the graph."""

    inner: Callable[[Any, Graph, Mapping[str, str]], list[str]]
    """Writes a block of operations into a graph, whose values are these beside those that are known; returns its
    outputs."""

    def refused(self, words: str) -> UnsupportedError:
        """Return the error that says what of this operation is not read."""
        return UnsupportedError(f'{self.operation.op_type} {self.operation.outputs[0].name}: {words}')

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node named after the operation; return its value."""
        return self.graph.op(kind, *inputs, name=self.operation.outputs[0].name, **attributes)

    def has(self, name: str) -> bool:
        """Return whether an input is given."""
        return self.operation.inputs.get(name) is not None

    def const(self, name: str, default: Any = None) -> Any:
        """Return an input that must be a constant; ``default`` where it is not given."""
        if not self.has(name):
            return default
        found = self.operation.inputs[name].val
        if found is None:
            raise self.refused(f'its {name} is computed; only constants are read there')
        return found

    def wholes(self, name: str, default: Sequence[int] | None = None) -> list[int]:
        """Return a constant vector of whole numbers."""
        import numpy as np

        found = self.const(name, default)
        if found is None:
            raise self.refused(f'does not say its {name}')
        return [int(each) for each in np.atleast_1d(np.asarray(found))]

    def value(self, name: str) -> str:
        """Return an input as a value of the graph."""
        return self.of(self.operation.inputs[name])

    def of(self, given: Any) -> str:
        """Return a value of the program as one of the graph: a constant becomes a weight."""
        if given.name in self.values:
            return self.values[given.name]
        if given.val is None:
            raise self.refused(f'takes {given.name!r}, which nothing before it gives')
        return self.graph.weight(plain(given.val), given.name)

    def sized(self, name: str) -> str:
        """Return an input that is a shape, places or counts as ONNX has them: of int64, computed or not."""
        from onnx import TensorProto

        if self.operation.inputs[name].val is not None:
            return self.vector(self.wholes(name), name)
        return self.op('Cast', self.value(name), to=TensorProto.INT64)

    def vector(self, values: Sequence[int], word: str) -> str:
        """Add a vector of whole numbers."""
        return self.graph.wholes(values, f'{self.operation.outputs[0].name}.{word}')

    def scalar(self, value: float, word: str) -> str:
        """Add a number."""
        return self.graph.floats(value, f'{self.operation.outputs[0].name}.{word}')

    def rank(self, name: str = 'x') -> int:
        """Return how many axes an input has."""
        return len(self.operation.inputs[name].shape or ())

    def sizes(self, name: str = 'x') -> list[int]:
        """Return the sizes of an input, which must be known."""
        shape = self.operation.inputs[name].shape
        if any(not isinstance(each, int) and not hasattr(each, '__index__') for each in shape):
            raise self.refused('needs sizes that the program leaves open')
        return [int(each) for each in shape]


def plain(array: Any) -> Any:
    """Return a constant with types that ONNX computes in on a CPU."""
    import numpy as np

    made = np.asarray(array)
    return made.astype(np.float32) if made.dtype in (np.float16, np.float64) else made


Write = Callable[[Work], Any]
"""Adds an operation's nodes; returns its value, or a list of them."""
