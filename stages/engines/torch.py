"""Run a PyTorch module, or an exported program: eagerly, or compiled in the process that runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from stages.contract.port import Tensor
from stages.engines import usual

if TYPE_CHECKING:
    import numpy

ENGINE = 'torch'
RUNS = ('torch', 'exported')
TOOLS = ('torch', 'numpy', 'safetensors')

FOREIGN, foreign, made, prepare_foreign = usual.FOREIGN, usual.foreign, usual.made, usual.prepare_foreign


@dataclass(frozen=True)
class Options:
    """Options of ``torch``."""

    compile: Literal['none', 'inductor'] = 'none'
    """inductor compiles at the first call of each new shape (torch.compile: seconds, and a C++ compiler is needed)."""


@dataclass(frozen=True)
class TorchSession:
    """A module that takes and gives host arrays, in the order of its signature."""

    module: Any
    inputs: tuple[Tensor, ...]
    outputs: tuple[str, ...] = ()

    def run(self, feed: Mapping[str, numpy.ndarray]) -> tuple[numpy.ndarray, ...]:
        """Call the module without recording gradients."""
        import torch

        from stages.frameworks.torch.examples import flat

        names = [t.name for t in self.inputs] or list(feed)
        with torch.inference_mode():
            results = flat(self.module(*(_tensor(feed[name]) for name in names)))
            # NumPy has no bfloat16
            return tuple((r.float() if r.dtype == torch.bfloat16 else r).numpy() for r in results)


def prepare() -> None:
    """Import torch."""
    import torch  # noqa: F401


def load(folder: Path, signature: tuple[Tensor, ...], options: Options, threads: int) -> TorchSession:
    """Build the module in ``folder``, its transforms replayed, not calculated again; or load the exported program."""
    from stages.frameworks.torch import exported as exported_file
    from stages.frameworks.torch import module as torch_module

    set_threads(threads)
    exported = folder / 'model.pt2'
    module = exported_file.load(exported).module() if exported.exists() else torch_module.load(folder)
    return TorchSession(_compiled(module) if options.compile == 'inductor' else module, signature)


def _compiled(module: Any) -> Any:
    import torch
    import torch._inductor.config

    from stages.frameworks.torch import compiler

    compiler.require()
    settings: Any = torch._inductor.config
    settings.compile_threads = 1  # else a pool of processes stays beside this one while it is measured
    return torch.compile(module)


def set_threads(threads: int) -> None:
    """Set both pools of torch; the second can be set only before its first use."""
    import contextlib

    import torch

    torch.set_num_threads(threads)
    with contextlib.suppress(RuntimeError):
        torch.set_num_interop_threads(1)


def _tensor(array: numpy.ndarray) -> Any:
    import numpy as np
    import torch

    # torch wants arrays it may write to; a copy is taken only where this one may not be
    return torch.from_numpy(np.require(array, requirements=['C', 'W']))
