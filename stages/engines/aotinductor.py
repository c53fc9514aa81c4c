"""Run a package that AOTInductor compiled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.contract.port import Contract
from stages.engines import usual
from stages.engines.torch import TorchSession, instructions, kept_to, prepare, session, set_threads

__all__ = [
    'CONCURRENT', 'ENGINE', 'ENVIRONMENT', 'FOREIGN', 'RUNS', 'TOOLS', 'Options',
    'foreign', 'instructions', 'kept_to', 'line', 'load', 'made', 'prepare', 'prepare_foreign', 'programs',
]  # fmt: skip

ENGINE = 'aotinductor'
RUNS = ('aoti',)
TOOLS = ('torch', 'numpy')
ENVIRONMENT = ''
CONCURRENT = False  # packages are loaded for one caller

FOREIGN, foreign, made, prepare_foreign = usual.FOREIGN, usual.foreign, usual.made, usual.prepare_foreign
line = usual.line
programs = usual.no_programs


@dataclass(frozen=True)
class Options:
    """Options of ``aotinductor``: none."""


def load(folder: Path, contract: Contract, options: Options, threads: int) -> TorchSession:
    """Load the machine code in ``model.pt2``; no Python of the model and no compiler is needed.

    A package knows its inputs and outputs by their places, which are their names in the file.
    """
    from torch._inductor import aoti_load_package

    set_threads(threads)
    # one caller, so no locks between several
    module = aoti_load_package(str(folder / 'model.pt2'), run_single_threaded=True)
    inputs = [int(port.in_file) for port in contract.inputs]
    outputs = [int(port.in_file) for port in contract.outputs]

    def call(*tensors: Any) -> Any:
        placed = dict(zip(inputs, tensors, strict=True))
        results = module(*(placed[place] for place in sorted(placed)))
        found = results if isinstance(results, (tuple, list)) else (results,)
        return tuple(found[place] for place in outputs)

    return session(call, contract)
