"""Run a TorchScript file."""

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
    """Options of ``torchscript``."""

    fusion: bool = False
    """oneDNN fuses what it can of a frozen graph, from the third call of a shape on: nets of convolutions gain most. It
    is off, as torch 2.13 fails at some graphs with it (`bad optional access`, of a linear layer and a mean)."""


def load(folder: Path, contract: Contract, options: Options, threads: int) -> TorchSession:
    """Load ``model.pt``; no Python of the model is needed."""
    import torch

    from stages.frameworks.refusal import deprecations_silenced
    from stages.frameworks.torch.calling import calling

    set_threads(threads)
    jit: Any = torch.jit  # untyped in torch
    with deprecations_silenced():
        module = jit.load(folder / 'model.pt', map_location='cpu').eval()
    call = calling(module, contract)
    # of a graph that is not frozen, torch 2.13 gives wrong results with fusion (a scripted convolution loses its bias)
    frozen = not any(True for _ in module.parameters()) and not any(True for _ in module.buffers())
    return session(_fused(call) if options.fusion and frozen else call, contract)


def _fused(call: Any) -> Any:
    """Return ``call`` with oneDNN's fusion: a switch of the whole process, so it is on in these calls alone."""
    import torch

    switch: Any = torch.jit.enable_onednn_fusion

    def fused(*tensors: Any) -> Any:
        switch(True)
        try:
            return call(*tensors)
        finally:
            switch(False)

    return fused
