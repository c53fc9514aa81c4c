"""A Core ML neural network (``.mlmodel``, from iOS 11 on) in ONNX: every layer by our tables, all sizes known.

What a network computes is told by the comments of Apple's NeuralNetwork.proto (specification versions 1 to 5).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from stages.contract.port import Contract, Port
from stages.errors import IntegrityError, UnsupportedError
from stages.frameworks.coreml import flexible
from stages.frameworks.coreml.free import Bound, free
from stages.frameworks.coreml.layer import Layer, Values
from stages.frameworks.coreml.layers import LAYERS, NOT_READ
from stages.frameworks.coreml.pictures import prepared, size_of

DTYPES: Final = {'FLOAT32': 'float32', 'DOUBLE': 'float32', 'FLOAT16': 'float32', 'INT32': 'int32'}
"""What ports are in ONNX; networks compute in single precision at most."""

MOST: Final = 100_000
"""Layers."""

MOST_AXES: Final = 16


@dataclass
class Made:
    """A network as it was written: its values by the names of the file."""

    values: Values
    blobs: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, tuple[str, str]] = field(default_factory=dict)
    """The value, and the dtype."""

    shapes: dict[str, tuple[int | str, ...]] = field(default_factory=dict)
    """Where sizes are free: of inputs by their names, of outputs by their values."""


@dataclass(frozen=True)
class Network:
    """A neural network, a classifier or a regressor."""

    spec: Any
    file: str
    sizes: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    """By input and axis: other sizes than the file's defaults, for which it is written to see what goes by them."""

    @property
    def net(self) -> Any:
        """Return the part of the message that has the layers."""
        return getattr(self.spec, self.spec.WhichOneof('Type'))

    @property
    def contract(self) -> Contract:
        """The ports under the file's names; a size that Core ML leaves open is named after its input and its axis.

        ``sizes`` are the file's own defaults for these. What cannot be free is fixed, and a note says why.
        """
        made = self.made
        values, shapes = made.values, made.shapes
        dtypes = {name: _dtype(values, value) for name, value in made.inputs.items()}
        given = {name: shapes.get(name, values.shape(value)) for name, value in made.inputs.items()}
        inputs = [Port(name, given[name], dtypes[name]) for name in made.inputs]
        outputs = [
            Port(name, shapes.get(value, values.shape(value)), dtype) for name, (value, dtype) in made.outputs.items()
        ]
        sizes = {
            word: own
            for name, value in made.inputs.items()
            for word, own in zip(given[name], values.shape(value), strict=True)
            if isinstance(word, str)
        }
        return Contract(tuple(inputs), tuple(outputs), sizes=sizes, notes=tuple(dict.fromkeys(values.notes)))

    def counted(self) -> dict[str, int]:
        """Return how many layers of each type there are."""
        return dict(Counter(str(each.WhichOneof('layer')) for each in self.net.layers))

    def onnx(self, contract: Contract) -> Any:
        """Return the network as ONNX, with the ports of ``contract``."""
        made = self.made
        inputs = [(made.inputs[port.in_file], port.dtype, port.shape) for port in contract.inputs]
        outputs = [(made.outputs[port.in_file][0], port.dtype, port.shape) for port in contract.outputs]
        return made.values.graph.model(inputs, outputs)

    @cached_property
    def made(self) -> Made:
        """Write every layer, for the file's own sizes; what it leaves open is free where no layer stands against it."""
        made, inputs = self.written(), self.spec.description.input
        open_ = {each.name: flexible.others(each, made.values.shape(made.inputs[each.name])) for each in inputs}
        open_ = {name: sizes for name, sizes in open_.items() if sizes}
        if not open_:
            return made
        for feature in inputs:
            named = [f'{feature.name}_{a}' if a in open_.get(feature.name, {}) else 1 for a in range(MOST_AXES)]
            rank = len(made.values.shape(made.inputs[feature.name]))
            made.values.notes += flexible.notes(feature, named[:rank])
        try:
            other = replace(self, sizes=open_).written()
            free(made.values, other.values)
        except (Bound, UnsupportedError, IntegrityError) as error:
            names = ', '.join(f'{name} {list(made.values.shape(made.inputs[name]))}' for name in open_)
            said = str(error).partition('\n')[0][:200]
            made.values.notes.append(f'sizes are fixed to the defaults of the file ({names}): {said} goes by them')
            return made
        made.shapes.update(_named(made, other, open_))
        return made

    def written(self) -> Made:
        """Write every layer, once."""
        _check(self.file, self.net.layers)
        made = Made(Values(open=any(map(flexible.is_open, self.spec.description.input))))
        for feature in self.spec.description.input:
            self._take(made, feature)
        for spec in self.net.layers:
            self._write(made, spec)
        for feature in self.spec.description.output:
            self._give(made, feature)
        if not made.inputs or not made.outputs:
            raise IntegrityError(f'{self.file}: has {len(made.inputs)} inputs and {len(made.outputs)} outputs')
        return made

    def _refused(self, feature: Any, words: str) -> UnsupportedError:
        return UnsupportedError(f'{self.file}: {feature.name} {words}')

    def _take(self, made: Made, feature: Any) -> None:
        """Add an input as the file declares it, and the value that layers get."""
        kind, values = feature.type.WhichOneof('Type'), made.values
        if feature.type.isOptional:
            raise self._refused(feature, 'may be left out; only inputs that are always there are read')
        if kind == 'imageType':
            shape, note = size_of(feature)
            shape = self._sized(feature, shape)
            made.inputs[feature.name] = values.take(feature.name, 'float32', shape)
            values.notes += note
            value = prepared(self.net, feature, values, made.inputs[feature.name], len(self.spec.description.input))
            rank5 = int(self.net.imageInputShapeMapping) == 0
        elif kind == 'multiArrayType':
            told = feature.type.multiArrayType
            shape = [int(each) for each in told.shape]
            rank5 = int(self.net.arrayInputShapeMapping) == 0
            if not shape or min(shape) < 1 or (rank5 and len(shape) not in (1, 3)):
                raise self._refused(
                    feature, f'has the shape {shape}; expected {"one size or three" if rank5 else "sizes"}'
                )
            shape = self._sized(feature, shape)
            made.inputs[feature.name] = values.take(feature.name, self._dtype_of(feature), shape)
            value = made.inputs[feature.name]
            if self._dtype_of(feature) != 'float32':
                value = values.ops('Cast', value, name=f'{feature.name}_float', to=1)[0]
            if rank5:
                four = (1, *shape) if len(shape) == 3 else (1, *shape, 1, 1)
                value = _reshaped(values, value, four, f'{feature.name}_samples')
        else:
            raise self._refused(feature, f'is a {kind}; expected an array or a picture')
        if rank5:
            value, four_axes = _reshaped(values, value, (1, *values.shape(value)), f'{feature.name}_steps'), value
            values.four[value] = four_axes
        made.blobs[feature.name] = value

    def _sized(self, feature: Any, shape: list[int]) -> list[int]:
        other = self.sizes.get(feature.name, {})
        return [other.get(axis, size) for axis, size in enumerate(shape)]

    def _dtype_of(self, feature: Any) -> str:
        told = feature.type.multiArrayType
        word = told.ArrayDataType.Name(told.dataType) if told.dataType in told.ArrayDataType.values() else 'unknown'
        if word not in DTYPES:
            raise self._refused(feature, f'holds {word}; expected {", ".join(DTYPES)}')
        return DTYPES[word]

    def _write(self, made: Made, spec: Any) -> None:
        kind, name = str(spec.WhichOneof('layer')), str(spec.name)
        if missing := [each for each in spec.input if each not in made.blobs]:
            raise IntegrityError(f'{self.file}: {kind} {name} takes {missing[0]!r}, which nothing before it gives')
        twice = [each for each in spec.output if each in made.blobs and kind != 'copy']
        if twice or not spec.output:
            raise IntegrityError(f'{self.file}: {kind} {name} gives {twice[0] if twice else "nothing"}, given before')
        layer = Layer(spec, made.values, [made.blobs[each] for each in spec.input])
        try:
            found = LAYERS[kind](layer)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            told = str(error) if type(error) is ValueError else f'{type(error).__name__}: {error}'
            raise layer.refused(f'is told in a way that is not read: {told}') from error
        results = [found] if isinstance(found, str) else found
        if len(results) != len(spec.output):
            raise layer.refused(f'names {len(spec.output)} outputs and has {len(results)}')
        made.blobs.update(zip(spec.output, results, strict=True))

    def _give(self, made: Made, feature: Any) -> None:
        """Add an output in the shape that the file declares, or else as the network has it."""
        kind, description = feature.type.WhichOneof('Type'), self.spec.description
        shape: list[int] = []
        name, dtype = feature.name, 'float32'
        if feature.name == description.predictedFeatureName and kind in ('stringType', 'int64Type'):
            return  # the label of the largest probability
        if kind == 'dictionaryType':
            name, shape = self._probabilities(made)
        elif kind == 'multiArrayType':
            shape, dtype = [int(each) for each in feature.type.multiArrayType.shape], self._dtype_of(feature)
        elif kind == 'doubleType':
            shape = [1]
        elif kind == 'imageType':
            shape, note = size_of(feature)
            made.values.notes += note
        else:
            raise self._refused(feature, f'is a {kind}; expected an array or a picture')
        if name not in made.blobs:
            raise IntegrityError(f'{self.file}: no layer gives the output {name!r}')
        value, values = made.blobs[name], made.values
        if self.sizes and shape:  # a file declares its defaults: elsewhere it is the same axes
            own = values.shape(values.four.get(value, value))
            if {*own[: max(0, len(own) - len(shape))]} <= {1}:
                shape = list(own[max(0, len(own) - len(shape)) :])
        if shape and math.prod(shape) == math.prod(values.shape(value)):
            value = _reshaped(values, values.four.get(value, value), shape, f'{feature.name}_declared')
        if dtype != 'float32':
            value = values.ops('Cast', value, name=f'{feature.name}_whole', to=6)[0]
        # a value of its own: an output may be an input as it came, or another output
        made.outputs[feature.name] = values.ops('Identity', value, name=f'{feature.name}_out')[0], dtype

    def _probabilities(self, made: Made) -> tuple[str, list[int]]:
        """Return the blob that has a number for each class, and its shape; a note has the classes."""
        net = self.net
        if self.spec.WhichOneof('Type') != 'neuralNetworkClassifier':
            raise UnsupportedError(f'{self.file}: gives a dictionary, and is no classifier')
        kind = net.WhichOneof('ClassLabels')
        labels = list(getattr(net, kind).vector) if kind else []
        name = net.labelProbabilityLayerName or (net.layers[-1].output[0] if net.layers else '')
        count = math.prod(made.values.shape(made.blobs[name])) if name in made.blobs else 0
        if count != len(labels):
            raise IntegrityError(f'{self.file}: {len(labels)} classes, and {count} probabilities in {name!r}')
        shown = ', '.join(map(str, labels[:8])) + (' …' if len(labels) > 8 else '')
        made.values.notes.append(f'{count} classes, in the order of the file: {shown}')
        return name, [count]


def _check(file: str, layers: Any) -> None:
    """Raise UnsupportedError with every type of layer that is not read, before anything is made of it."""
    if len(layers) > MOST:
        raise IntegrityError(f'{file}: {len(layers):,} layers; up to {MOST:,} are read')
    unknown: dict[str, str] = {}
    for each in layers:
        kind = each.WhichOneof('layer')
        if kind not in LAYERS:
            why = NOT_READ.get(kind, 'is not known here')
            unknown.setdefault(str(kind), f'{kind or "a layer of no type"} ({each.name}) {why}')
    if unknown:
        raise UnsupportedError(f'{file}: {"; ".join([*unknown.values()][:12])}')


def _named(made: Made, other: Made, open_: Mapping[str, Mapping[int, int]]) -> dict[str, tuple[int | str, ...]]:
    """Return the shapes of inputs and of outputs with names for what is free; equal sizes have one name."""
    words: dict[tuple[int, int], set[str]] = {}
    shapes: dict[str, tuple[int | str, ...]] = {}
    for name, value in made.inputs.items():
        sizes, axes = made.values.shape(value), open_.get(name, {})
        shapes[name] = tuple(f'{name}_{axis}' if axis in axes else size for axis, size in enumerate(sizes))
        for axis, size in axes.items():
            words.setdefault((sizes[axis], size), set()).add(f'{name}_{axis}')
    for name, (value, _) in made.outputs.items():
        both = zip(made.values.shape(value), other.values.shape(other.outputs[name][0]), strict=True)
        found: list[int | str] = []
        for axis, pair in enumerate(both):
            one = words.get(pair, set())
            found.append(pair[0] if pair[0] == pair[1] else next(iter(one)) if len(one) == 1 else f'{name}_{axis}')
        shapes[value] = tuple(found)
    return shapes


def _reshaped(values: Values, value: str, shape: Any, name: str) -> str:
    import numpy as np

    if values.shape(value) == tuple(shape):
        return value
    return values.ops('Reshape', value, values.weight(np.array([*shape], np.int64), f'{name}.shape'), name=name)[0]


def _dtype(values: Values, value: str) -> str:
    return {1: 'float32', 6: 'int32'}[values.types[value].tensor_type.elem_type]
