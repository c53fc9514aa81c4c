"""Run a model of JAX in JAX itself, compiled by XLA for the CPU at the first call of each new size."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.contract.port import Contract
from stages.engines import usual

if TYPE_CHECKING:
    import numpy

ENGINE = 'jax'
RUNS = ('jax',)
TOOLS = ('jax', 'jaxlib', 'flax', 'equinox', 'numpy', 'safetensors')
ENVIRONMENT = 'jax'
CONCURRENT = True

FOREIGN, foreign, made, prepare_foreign = usual.FOREIGN, usual.foreign, usual.made, usual.prepare_foreign
programs = usual.no_programs
line = usual.line
kept_to, instructions = usual.kept_to, usual.instructions


@dataclass(frozen=True)
class Options:
    """Options of ``jax``: none."""


@dataclass(frozen=True)
class JaxSession:
    """A compiled function that takes and gives host arrays."""

    call: Callable[..., Any]
    weights: Mapping[str, Any]
    taken: tuple[str, ...]
    returned: tuple[str, ...]

    def run(self, feed: Mapping[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        """Run the function; results are copied out of it."""
        import numpy as np

        answers = self.call(self.weights, *(feed[name] for name in self.taken))
        return {name: np.array(answer) for name, answer in zip(self.returned, answers, strict=True)}


def prepare() -> None:
    """Import JAX, and Flax, which takes longer."""
    import jax  # noqa: F401


def load(folder: Path, contract: Contract, options: Options, threads: int) -> JaxSession:
    """Build the model and put its weights where XLA has them, which takes its number of threads from NPROC, once."""
    os.environ['NPROC'] = str(threads)
    import jax

    from stages.frameworks.jax import calls
    from stages.frameworks.jax import model as jax_model

    model = jax_model.load(folder)
    return JaxSession(
        jax.jit(calls.calling(model, contract)),
        jax.device_put(model.weights),
        tuple(port.name for port in contract.inputs),
        tuple(port.name for port in contract.outputs),
    )
