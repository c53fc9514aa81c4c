"""What a Keras model takes and gives, by name, and the model as a function of names."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from stages.contract.port import BATCH, Contract, Port
from stages.errors import UnsupportedError
from stages.frameworks.tensorflow.model import Model, framework, most, numpy_type


def load(path: Path) -> Model:
    """Return the Keras model at ``path``: inputs by the names of their layers, outputs by key or by layer."""
    tf = framework()
    import keras

    model = keras.saving.load_model(path, compile=False, safe_mode=True)
    if not isinstance(model, (keras.Sequential, keras.Model)) or not model.inputs:
        raise UnsupportedError(f'{path.name}: a model that does not say what it takes; build it before it is saved')
    form = [model.inputs[0]] if isinstance(model, keras.Sequential) else model.input
    given = [tensor.name for tensor in model.inputs]
    returned = _output_names(model)
    inputs = tuple(_port(name, tensor) for name, tensor in zip(given, model.inputs, strict=True))
    outputs = tuple(_port(name, tensor) for name, tensor in zip(returned, model.outputs, strict=True))

    def call(tensors: Mapping[str, Any]) -> Mapping[str, Any]:
        packed = keras.tree.pack_sequence_as(form, [tensors[name] for name in given])
        made = keras.tree.flatten(model(packed[0] if isinstance(model, keras.Sequential) else packed, training=False))
        return dict(zip(returned, (tf.convert_to_tensor(tensor) for tensor in made), strict=True))

    layers = list(_layers(model))
    kept = tuple(layer.name for layer in layers if _keeps_state(layer))
    found = Contract(inputs, outputs, precision=_precision(layers), state=kept)
    ordered = isinstance(model, keras.Sequential) or not (_has_keys(model.input) or _has_keys(model.output))
    return Model(call, found, ordered, model)


def _output_names(model: Any) -> list[str]:
    """Return a name for each output, in Keras's order: keys where it returns a dictionary, else layers.

    A layer that gives several outputs names the first; the others are numbered.
    """
    import keras

    if isinstance(model, keras.Sequential):
        return [model.layers[-1].name]
    form = keras.tree.map_structure(lambda tensor: None, model.output)
    paths = _paths(form) if _has_keys(form) else None
    made: list[str] = []
    for name in paths or model.output_names:
        numbered = (f'{name}_{n}' for n in itertools.count(1))
        made.append(name if name not in made else next(n for n in numbered if n not in made))
    return made


def _has_keys(form: Any) -> bool:
    return isinstance(form, Mapping) or (isinstance(form, (list, tuple)) and any(_has_keys(part) for part in form))


def _paths(form: Any) -> list[str]:
    """Return the path to each leaf (``boxes``, ``heads.mask``, ``1.scores``), in the order in which Keras flattens."""
    if isinstance(form, Mapping):
        parts = [(str(key), form[key]) for key in sorted(form)]
    elif isinstance(form, (list, tuple)):
        parts = [(str(place), part) for place, part in enumerate(form)]
    else:
        return ['']
    return [f'{key}.{rest}' if rest else key for key, part in parts for rest in _paths(part)]


def _port(name: str, tensor: Any) -> Port:
    """A first dimension is the batch, by Keras's own definition; what else is None is free and has no name."""
    shape = tuple(
        (BATCH if axis == 0 else f'{name}_{axis}') if size is None else int(size)
        for axis, size in enumerate(tensor.shape)
    )
    return Port(name, shape, numpy_type(tensor.dtype), batch=0 if shape else None)


def _layers(model: Any) -> Iterator[Any]:
    import keras

    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer


def _keeps_state(layer: Any) -> bool:
    import keras

    if isinstance(layer, keras.layers.Bidirectional):
        return _keeps_state(layer.forward_layer)
    if isinstance(layer, keras.layers.Wrapper):
        return _keeps_state(layer.layer)
    recurrent = isinstance(layer, (keras.layers.RNN, keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN))
    return recurrent and bool(layer.stateful)


def _precision(layers: Sequence[Any]) -> str:
    """Return what most numbers are computed in: under a mixed policy weights are stored wider than that."""
    numbers: dict[str, int] = {}
    for layer in layers:
        size = sum(math.prod(weight.shape) for weight in layer.weights)
        numbers[layer.compute_dtype] = numbers.get(layer.compute_dtype, 0) + size
    return most(numbers)
