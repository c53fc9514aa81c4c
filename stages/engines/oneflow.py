"""Run a module of OneFlow in OneFlow itself, in the locked environment that holds its last version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.contract.port import Contract
from stages.engines import usual

if TYPE_CHECKING:
    import numpy

ENGINE = 'oneflow'
RUNS = ('oneflow',)
TOOLS = ('oneflow', 'numpy', 'safetensors')
ENVIRONMENT = 'oneflow'
CONCURRENT = False  # one stream for all

FOREIGN, foreign, made, prepare_foreign = usual.FOREIGN, usual.foreign, usual.made, usual.prepare_foreign
programs = usual.no_programs
line = usual.line
kept_to, instructions = usual.kept_to, usual.instructions


@dataclass(frozen=True)
class Options:
    """Options of ``oneflow``: none."""


@dataclass(frozen=True)
class OneflowSession:
    """A module that takes and gives host arrays, called eagerly."""

    module: Any
    contract: Contract

    def run(self, feed: Mapping[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        """Call the module without recording gradients; results are copied out of it."""
        import numpy as np
        import oneflow

        from stages.frameworks.oneflow.module import outputs

        given = [oneflow.tensor(feed[port.name]) for port in self.contract.inputs]
        with oneflow.no_grad():
            found = outputs(self.module, self.contract, given)
            arrays = [np.array(tensor.numpy()) for tensor in found]
        return {port.name: array for port, array in zip(self.contract.outputs, arrays, strict=True)}


def prepare() -> None:
    """Import OneFlow."""
    import oneflow  # noqa: F401


def load(folder: Path, contract: Contract, options: Options, threads: int) -> OneflowSession:
    """Build the module and fill it."""
    import oneflow

    from stages.frameworks.oneflow.module import load as load_module

    oneflow.set_num_threads(threads)
    return OneflowSession(load_module(folder), contract)
