"""Run a TorchScript file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.contract.port import Contract
from stages.engines import usual
from stages.engines.torch import TorchSession, prepare, session, set_threads

__all__ = [
    'CONCURRENT', 'ENGINE', 'ENVIRONMENT', 'FOREIGN', 'RUNS', 'TOOLS', 'Options',
    'foreign', 'line', 'load', 'made', 'prepare', 'prepare_foreign', 'programs',
]  # fmt: skip

ENGINE = 'torchscript'
RUNS = ('torchscript',)
TOOLS = ('torch', 'numpy')
ENVIRONMENT = ''
CONCURRENT = False  # as torch

FOREIGN, foreign, made, prepare_foreign = usual.FOREIGN, usual.foreign, usual.made, usual.prepare_foreign
line = usual.line
programs = usual.no_programs


@dataclass(frozen=True)
class Options:
    """Options of ``torchscript``: none."""


def load(folder: Path, contract: Contract, options: Options, threads: int) -> TorchSession:
    """Load ``model.pt``; no Python of the model is needed."""
    import torch

    from stages.frameworks.refusal import deprecations_silenced
    from stages.frameworks.torch.calling import calling

    set_threads(threads)
    jit: Any = torch.jit  # untyped in torch
    with deprecations_silenced():
        module = jit.load(folder / 'model.pt', map_location='cpu').eval()
    return session(calling(module, contract), contract)
