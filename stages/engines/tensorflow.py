"""Run a SavedModel or a Keras model in TensorFlow, as one traced function."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.contract.port import Contract
from stages.engines import onednn, usual

if TYPE_CHECKING:
    import numpy

ENGINE = 'tensorflow'
RUNS = ('savedmodel', 'keras')
TOOLS = ('tensorflow-cpu', 'keras', 'numpy')
ENVIRONMENT = ''
CONCURRENT = False  # variables are set back before each call

FOREIGN, foreign, made, prepare_foreign = usual.FOREIGN, usual.foreign, usual.made, usual.prepare_foreign
line = usual.line
programs = usual.no_programs


@dataclass(frozen=True)
class Options:
    """Options of ``tensorflow``."""

    xla: bool = False
    """Compile the graph with XLA, once per input shape; slow to start."""


@dataclass(frozen=True)
class TensorFlowSession:
    """A traced function that takes and gives host arrays; ``kept`` holds its variables."""

    function: Any
    taken: Sequence[str]
    """Our names, in the order of the function's arguments."""

    returned: Mapping[str, str]
    """By our name: the function's key."""

    state: Sequence[tuple[Any, Any]]
    """Variables that the function changes, each with the value it starts from in every call."""

    kept: Any

    def run(self, feed: Mapping[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        """Call the function, never ``predict``, which costs 40 ms a call; results are copied out of its tensors."""
        import tensorflow as tf

        for variable, start in self.state:
            variable.assign(start)
        results = self.function(*(tf.constant(feed[name]) for name in self.taken))
        return {name: _array(results[key]) for name, key in self.returned.items()}


def prepare() -> None:
    """Import TensorFlow."""
    from stages.frameworks.tensorflow import model as tensorflow_model

    tensorflow_model.framework()


def kept_to(isa: str, folder: Path, contract: Contract) -> Mapping[str, str] | None:
    """Keep oneDNN and MKL to an instruction set; the package's own code needs AVX whatever they do."""
    return None if isa == 'sse42' else onednn.VARIABLES[isa]


def instructions(session: TensorFlowSession, folder: Path, said: str) -> str:
    """Return the strongest set that oneDNN and MKL say they use."""
    return onednn.told(said)


def load(folder: Path, contract: Contract, options: Options, threads: int) -> TensorFlowSession:
    """Load the model and trace it with the contract's inputs."""
    from stages.frameworks.tensorflow import graph as tensorflow_graph
    from stages.frameworks.tensorflow import state

    set_threads(threads)
    graph = tensorflow_graph.graph(folder, contract, xla=options.xla)
    changed = state.changed(graph.function) if contract.state else []
    return TensorFlowSession(
        graph.function,
        tuple(port.name for port in contract.inputs),
        {port.name: key for port, key in zip(contract.outputs, graph.outputs, strict=True)},
        tuple((variable, variable.numpy()) for variable in changed),
        graph.model.kept,
    )


def set_threads(threads: int) -> None:
    """Set both pools of TensorFlow; they can be set only before its first use."""
    import tensorflow as tf

    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)


def _array(result: Any) -> numpy.ndarray:
    """Return a tensor as an array of the caller's own; TensorFlow gives strings as bytes."""
    import numpy as np

    array = np.array(result.numpy())
    return np.char.decode(array.astype(np.bytes_), 'utf-8') if array.dtype.kind == 'O' else array
