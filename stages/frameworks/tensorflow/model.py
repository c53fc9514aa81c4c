"""What a model of TensorFlow is to us, and TensorFlow itself, without its greetings."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stages.contract.port import Contract


@dataclass(frozen=True)
class Model:
    """A loaded model; ``call`` takes tensors and returns them, both by the names that the file gives them."""

    call: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    found: Contract
    """Its ports under its own names."""

    ordered: bool
    """Whether the file keeps an order of its ports; what lies in dictionaries has names alone."""

    kept: Any
    """What holds the variables: the Keras model, or the SavedModel as TensorFlow loads it."""


def framework() -> Any:
    """Return TensorFlow, imported without its greetings."""
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')
    os.environ.setdefault('KERAS_BACKEND', 'tensorflow')
    import tensorflow as tf

    tf.get_logger().setLevel('ERROR')  # it lists every moment of the optimizer that a SavedModel does not use
    return tf


@contextlib.contextmanager
def deprecations_silenced() -> Iterator[None]:
    """Silence the notice that the interpreter, which TensorFlow's own converter uses, will go; nothing else."""
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', message=r'(?s).*tf\.lite\.Interpreter is deprecated')
        yield


def tf_type(dtype: str) -> str:
    """Return TensorFlow's word for a port's type."""
    return 'string' if dtype == 'str' else dtype


def numpy_type(dtype: Any) -> str:
    """Return the port's word for a type of TensorFlow or of Keras."""
    name = dtype if isinstance(dtype, str) else str(dtype.name)
    return 'str' if name == 'string' else name


def most(numbers: Mapping[str, int]) -> str:
    """Return the precision that most floating-point numbers have, by how many each type has."""
    words = {'float32': 'f32', 'float64': 'f32', 'float16': 'f16', 'bfloat16': 'bf16'}
    floats = {name: size for name, size in numbers.items() if name in words}
    return words[max(sorted(floats), key=lambda name: floats[name])] if floats else 'f32'
