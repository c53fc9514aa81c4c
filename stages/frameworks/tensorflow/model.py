"""A SavedModel folder or a Keras file as one function: the recipe's inputs in, a list of outputs out."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.contract import ports
from stages.contract.port import Tensor
from stages.errors import StepError, UnsupportedError

SERVING = 'serving_default'


@dataclass(frozen=True)
class Model:
    """A loaded model; ``call`` takes tensors in the order of ``inputs`` and returns a list in that of ``outputs``."""

    call: Callable[..., list[Any]]
    inputs: tuple[Tensor, ...]
    outputs: tuple[str, ...]
    kept: Any
    """What holds the variables."""


@dataclass(frozen=True)
class Graph:
    """A model traced with the recipe's inputs."""

    function: Any
    """A concrete function: tensors in the order of ``inputs`` in, a list in that of ``outputs`` out (or by name)."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[str, ...]
    kept: Any


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


def load(folder: Path) -> Model:
    """Return the model in ``folder``; no Python that it may name is run."""
    return _saved_model(folder) if (folder / 'saved_model.pb').exists() else _keras(keras_file(folder))


def keras_file(folder: Path) -> Path:
    """Return the Keras file in ``folder``."""
    return next(path for name in ('model.keras', 'model.h5') if (path := folder / name).exists())


def graph(
    folder: Path, signature: Sequence[Tensor], batch: int | None = None, names: Sequence[str] = (), xla: bool = False
) -> Graph:
    """
    Return the model in ``folder``, traced with the recipe's inputs, under the recipe's names.

    Named dimensions stay free where the model lets them; with ``batch`` that is the size of a named first axis, and
    other named dimensions are 1. With ``names`` for its outputs the function returns them by name, not in order.
    """
    tf = framework()
    model = load(folder)
    inputs = ports.merged(model.inputs, signature)
    if batch is not None:
        leading = {t.shape[0] for t in inputs if t.shape}
        sizes = {d: batch for d in leading if isinstance(d, str)}
        inputs = tuple(Tensor(t.name, t.sized(**sizes), t.dtype) for t in inputs)
    specs = [tf.TensorSpec([None if isinstance(d, str) else d for d in t.shape], t.dtype, t.name) for t in inputs]
    places = ports.order(model.inputs, signature) if signature else range(len(specs))

    def call(*tensors: Any) -> Any:
        given = dict(zip(places, tensors, strict=True))
        results = model.call(*(given[i] for i in range(len(given))))
        return dict(zip(names, results, strict=True)) if names else results

    # no autograph: it would read sources of ours, and a model needs none
    traced = tf.function(call, input_signature=specs, autograph=False, jit_compile=xla or None)
    return Graph(traced.get_concrete_function(), inputs, model.outputs, model.kept)


def _saved_model(folder: Path) -> Model:
    tf = framework()
    loaded = tf.saved_model.load(str(folder), tags=['serve'])
    if SERVING not in loaded.signatures:
        raise StepError(f'saved_model.pb: has no signature {SERVING!r}; it has {", ".join(sorted(loaded.signatures))}')
    serve = loaded.signatures[SERVING]
    specs = serve.structured_input_signature[1]
    names, results = sorted(specs), sorted(serve.structured_outputs)  # it keeps no other order

    def call(*tensors: Any) -> list[Any]:
        made = serve(**dict(zip(names, tensors, strict=True)))
        return [made[name] for name in results]

    return Model(call, tuple(_tensor(name, specs[name]) for name in names), tuple(results), loaded)


def _keras(path: Path) -> Model:
    tf = framework()
    import keras

    model = keras.saving.load_model(path, compile=False, safe_mode=True)
    if not getattr(model, 'inputs', None):
        raise UnsupportedError(f'{path.name}: a model that does not say what it takes; build it before it is saved')
    names = getattr(model, 'output_names', None) or [t.name for t in model.outputs]

    def call(*tensors: Any) -> list[Any]:
        made: list[Any] = tf.nest.flatten(model(list(tensors) if len(tensors) > 1 else tensors[0], training=False))
        return made

    return Model(call, tuple(_tensor(t.name, t) for t in model.inputs), tuple(names), model)


def _tensor(name: str, spec: Any) -> Tensor:
    shape = tuple(f'{name}_{axis}' if size is None else int(size) for axis, size in enumerate(spec.shape))
    dtype = spec.dtype
    return Tensor(name, shape, dtype if isinstance(dtype, str) else dtype.as_numpy_dtype.__name__)
