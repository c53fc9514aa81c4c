"""Run a model in Apache MXNet itself, in the locked environment that holds its last version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.contract.port import Contract
from stages.engines import usual

if TYPE_CHECKING:
    import numpy

ENGINE = 'mxnet'
RUNS = ('mxnet',)
TOOLS = ('mxnet', 'numpy')
ENVIRONMENT = 'mxnet'
CONCURRENT = False  # one executor for each size, which keeps what was fed

FOREIGN, foreign, made, prepare_foreign = usual.FOREIGN, usual.foreign, usual.made, usual.prepare_foreign
programs = usual.no_programs
line = usual.line
kept_to, instructions = usual.kept_to, usual.instructions


@dataclass(frozen=True)
class Options:
    """Options of ``mxnet``: none."""


@dataclass
class MxnetSession:
    """A symbol bound to its weights, anew for every size that is fed."""

    symbol: Any
    weights: tuple[Any, Any]
    """Arguments and auxiliary states, by name."""

    inputs: Mapping[str, str]
    """By our name: the file's."""

    outputs: tuple[str, ...]
    bound: dict[Any, Any] = field(default_factory=dict)

    def run(self, feed: Mapping[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        """Run the symbol; results are copied out of it."""
        import mxnet

        given = {self.inputs[name]: array for name, array in feed.items()}
        shapes = tuple((name, array.shape) for name, array in given.items())
        if shapes not in self.bound:
            kinds = {name: array.dtype for name, array in given.items()}
            made = self.symbol.simple_bind(mxnet.cpu(), grad_req='null', type_dict=kinds, **dict(shapes))
            made.copy_params_from(*self.weights, allow_extra_params=True)
            self.bound[shapes] = made
        arrays = {name: mxnet.nd.array(array, dtype=array.dtype) for name, array in given.items()}
        answers = self.bound[shapes].forward(is_train=False, **arrays)
        return {name: answer.asnumpy() for name, answer in zip(self.outputs, answers, strict=True)}


def prepare() -> None:
    """Import MXNet."""
    import mxnet  # noqa: F401


def load(folder: Path, contract: Contract, options: Options, threads: int) -> MxnetSession:
    """Load symbol and weights; MXNet takes as many threads as the process is told to have."""
    import mxnet

    symbol = mxnet.sym.load(str(folder / 'model-symbol.json'))
    held = mxnet.nd.load(str(folder / 'model-0000.params'))
    weights = tuple(
        {name.partition(':')[2]: array for name, array in held.items() if name.startswith(kind)}
        for kind in ('arg:', 'aux:')
    )
    own = symbol.list_outputs()
    symbol = mxnet.sym.Group([symbol[own.index(port.in_file)] for port in contract.outputs])
    return MxnetSession(
        symbol,
        (weights[0], weights[1]),
        {port.name: port.in_file for port in contract.inputs},
        tuple(port.name for port in contract.outputs),
    )
