"""Run a SavedModel or a Keras model in TensorFlow, as one traced function."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.contract.port import Tensor
from stages.engines import usual

if TYPE_CHECKING:
    import numpy

ENGINE = 'tensorflow'
RUNS = ('savedmodel', 'keras')
TOOLS = ('tensorflow-cpu', 'keras', 'numpy')

FOREIGN, foreign, made, prepare_foreign = usual.FOREIGN, usual.foreign, usual.made, usual.prepare_foreign


@dataclass(frozen=True)
class Options:
    """Options of ``tensorflow``."""

    xla: bool = False
    """Compile the graph with XLA, once per input shape; slow to start."""


@dataclass(frozen=True)
class TensorFlowSession:
    """A traced function that takes and gives host arrays; ``kept`` holds its variables."""

    function: Any
    inputs: tuple[Tensor, ...]
    outputs: tuple[str, ...]
    kept: Any

    def run(self, feed: Mapping[str, numpy.ndarray]) -> tuple[numpy.ndarray, ...]:
        """Call the function, never ``predict``, which costs 40 ms a call; results are copied out of its tensors."""
        import tensorflow as tf

        tensors = [tf.constant(feed[t.name].astype(t.dtype, copy=False)) for t in self.inputs]
        return tuple(result.numpy().copy() for result in self.function(*tensors))


def prepare() -> None:
    """Import TensorFlow."""
    from stages.frameworks.tensorflow import model as tensorflow_model

    tensorflow_model.framework()


def load(folder: Path, signature: tuple[Tensor, ...], options: Options, threads: int) -> TensorFlowSession:
    """Load the model and trace it with the recipe's inputs."""
    from stages.frameworks.tensorflow import model as tensorflow_model

    set_threads(threads)
    graph = tensorflow_model.graph(folder, signature, xla=options.xla)
    return TensorFlowSession(graph.function, graph.inputs, graph.outputs, graph.kept)


def set_threads(threads: int) -> None:
    """Set both pools of TensorFlow; they can be set only before its first use."""
    import tensorflow as tf

    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
