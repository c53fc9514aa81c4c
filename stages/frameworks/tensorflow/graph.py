"""A SavedModel folder or a Keras file as one traced function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.contract.port import Contract
from stages.frameworks.refusal import refusal
from stages.frameworks.tensorflow import keras_model, serving
from stages.frameworks.tensorflow.model import Model, framework, tf_type


@dataclass(frozen=True)
class Graph:
    """A model traced with the inputs of a contract."""

    function: Any
    """A concrete function: tensors in the order of the contract's inputs in, a dictionary of its outputs out."""

    inputs: tuple[str, ...]
    """What the function calls its arguments, in the contract's order; safe names, not the contract's."""

    outputs: tuple[str, ...]
    """The keys of what it returns, in the contract's order."""

    model: Model
    """The model as it was loaded; it holds the variables."""


def is_saved_model(folder: Path) -> bool:
    return (folder / 'saved_model.pb').exists()


def load(folder: Path) -> Model:
    """Return the model in ``folder``; no Python that it may name is run."""
    return serving.load(folder) if is_saved_model(folder) else keras_model.load(keras_file(folder))


def keras_file(folder: Path) -> Path:
    """Return the Keras file in ``folder``."""
    return next(path for name in ('model.keras', 'model.h5') if (path := folder / name).exists())


def graph(
    folder: Path, contract: Contract, inputs: Sequence[str] = (), outputs: Sequence[str] = (), *, xla: bool = False
) -> Graph:
    """Return the model in ``folder``, traced with the inputs of ``contract``: named dimensions stay free.

    ``inputs`` and ``outputs`` are what the function calls them, where its caller must have certain names. It returns a
    dictionary, because of a list OpenVINO takes every loose end for an output (the lists of a recurrent cell).
    """
    tf = framework()
    model = load(folder)
    names = tuple(inputs) or tuple(f'in_{n:04}' for n in range(len(contract.inputs)))
    keys = tuple(outputs) or tuple(f'out_{n:04}' for n in range(len(contract.outputs)))
    specs = [
        tf.TensorSpec([None if isinstance(d, str) else d for d in port.shape], tf_type(port.dtype), name)
        for name, port in zip(names, contract.inputs, strict=True)
    ]

    def call(*tensors: Any) -> Any:
        made = model.call({port.in_file: given for port, given in zip(contract.inputs, tensors, strict=True)})
        return {key: made[port.in_file] for key, port in zip(keys, contract.outputs, strict=True)}

    # no autograph: it would read sources of ours, and a model needs none
    traced = tf.function(call, input_signature=specs, autograph=False, jit_compile=xla or None)
    with refusal('TensorFlow', 'shape: dynamic, or `sizes` that the model takes'):
        function = traced.get_concrete_function()
    return Graph(function, names, keys, model)
