"""Run a package that AOTInductor compiled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stages.contract.port import Tensor
from stages.engines import usual
from stages.engines.torch import TorchSession, prepare, set_threads

__all__ = ['ENGINE', 'FOREIGN', 'RUNS', 'TOOLS', 'Options', 'foreign', 'load', 'made', 'prepare', 'prepare_foreign']

ENGINE = 'aotinductor'
RUNS = ('aoti',)
TOOLS = ('torch', 'numpy')

FOREIGN, foreign, made, prepare_foreign = usual.FOREIGN, usual.foreign, usual.made, usual.prepare_foreign


@dataclass(frozen=True)
class Options:
    """Options of ``aotinductor``: none."""


def load(folder: Path, signature: tuple[Tensor, ...], options: Options, threads: int) -> TorchSession:
    """Load the machine code in ``model.pt2``; no Python of the model and no compiler is needed."""
    from torch._inductor import aoti_load_package

    set_threads(threads)
    # one caller, so no locks between several
    module = aoti_load_package(str(folder / 'model.pt2'), run_single_threaded=True)
    return TorchSession(module, signature)
