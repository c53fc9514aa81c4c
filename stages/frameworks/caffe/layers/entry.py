"""What a line of the table of layers says, and the nouns that its function turns into each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stages.frameworks.caffe.net import LARGEST, Layer
from stages.frameworks.caffe.text import Message
from stages.frameworks.onnx.build import Graph

if TYPE_CHECKING:
    import numpy


@dataclass(frozen=True)
class Value:
    """A blob: its value in the ONNX graph, and its shape at the sizes that the file says."""

    name: str
    shape: tuple[int, ...]
    batched: bool = True
    """Whether its first axis counts the samples."""

    open: tuple[int, ...] = ()
    """Axes whose size the data decide; ``shape`` has the most that they can have."""


@dataclass
class Work:
    """One layer to be written, and where to."""

    layer: Layer
    inputs: Sequence[Value]
    blobs: Sequence[numpy.ndarray]
    graph: Graph
    mixes: list[str]
    """Layers that make one thing of all samples of a batch, or insist on a size of it."""

    params: Message

    @property
    def one(self) -> Value:
        """The only input."""
        if len(self.inputs) != 1:
            raise self.layer.wrong(f'takes {len(self.inputs)} blobs; expected one')
        return self.inputs[0]

    def op(self, kind: str, *inputs: str, **attributes: object) -> str:
        """Add a node named after the layer; return its value."""
        return self.graph.op(kind, *inputs, name=self.layer.name or self.layer.type, **attributes)

    def weight(self, values: object, word: str) -> str:
        """Add a weight of float32 named after the layer."""
        return self.graph.floats(values, f'{self.layer.name}.{word}')

    def wholes(self, values: Sequence[int], word: str) -> str:
        """Add a vector of whole numbers named after the layer."""
        return self.graph.wholes(values, f'{self.layer.name}.{word}')

    def made(self, name: str, shape: Sequence[int], like: Value | None = None) -> Value:
        """Return the value ``name``, with a shape that is held to be sane."""
        if min(shape, default=1) < 1 or math.prod(shape) > LARGEST:
            raise self.layer.wrong(f'would give a blob of the shape {list(shape)}')
        return Value(name, tuple(shape), (like or self.inputs[0]).batched)

    def reshaped(self, value: Value, shape: Sequence[int]) -> Value:
        """Return ``value`` in another shape; any number of samples stays possible where each keeps its own."""
        if math.prod(shape) != math.prod(value.shape):
            raise self.layer.wrong(f'cannot make {list(shape)} of a blob of the shape {list(value.shape)}')
        own = bool(shape) and shape[0] == value.shape[0]
        if value.batched and not own:
            self.mixes.append(self.layer.what)
        target = self.wholes([0, *shape[1:]] if own else shape, 'shape')
        return self.made(self.op('Reshape', value.name, target), shape, value)

    def axis(self, number: int, of: Value, also_end: bool = False) -> int:
        """Return an axis counted from the front."""
        axes = len(of.shape)
        if not -axes <= number < axes + also_end:
            raise self.layer.wrong(f'names axis {number} of a blob of {axes} axes')
        return number + axes if number < 0 else number

    def blob(self, place: int, size: int, word: str) -> numpy.ndarray:
        """Return the blob at ``place``, which must have ``size`` numbers."""
        if place >= len(self.blobs):
            raise self.layer.wrong(f'the .caffemodel has no {word} for it')
        if self.blobs[place].size != size:
            raise self.layer.wrong(f'needs {size} numbers as {word}; the .caffemodel has {self.blobs[place].size}')
        return self.blobs[place]

    def over_samples(self, axis: int) -> int:
        """Return ``axis``; where it is that of the samples, remember that they are mixed."""
        if axis == 0:
            self.mixes.append(self.layer.what)
        return axis


@dataclass(frozen=True)
class Entry:
    """How one type of layer is read."""

    write: Callable[[Work], Sequence[Value]]
    params: str = ''
    """The message of its parameters: ``convolution_param``."""

    known: frozenset[str] = frozenset()
    """Every field of that message; another one would be a meaning that is not read."""


def entry(write: Callable[[Work], Value], params: str = '', *known: str) -> Entry:
    """Return the line of the table for a layer of one top."""
    return Entry(lambda work: [write(work)], params, frozenset({*known, 'engine'}))


def same(work: Work, kind: str, *more: str, **attributes: object) -> Value:
    """Return what an operator makes of one blob that keeps its shape."""
    return replace(work.one, name=work.op(kind, work.one.name, *more, **attributes))
