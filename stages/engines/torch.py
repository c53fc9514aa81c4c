"""Run a PyTorch module eagerly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.tensors import Tensor

if TYPE_CHECKING:
    import numpy

ENGINE = 'torch'
RUNS = ('torch',)
TOOLS = ('torch', 'numpy')


@dataclass(frozen=True)
class Options:
    """Options of ``torch``: none."""


@dataclass(frozen=True)
class TorchSession:
    """A module that takes and gives host arrays, in the order of its signature."""

    module: Any
    inputs: tuple[Tensor, ...]
    outputs: tuple[str, ...] = ()

    def run(self, feed: Mapping[str, numpy.ndarray]) -> tuple[numpy.ndarray, ...]:
        """Call the module without recording gradients."""
        import torch

        from stages.formats.examples import flat

        names = [t.name for t in self.inputs] or list(feed)
        with torch.inference_mode():
            results = flat(self.module(*(_tensor(feed[name]) for name in names)))
            # NumPy has no bfloat16
            return tuple((r.float() if r.dtype == torch.bfloat16 else r).numpy() for r in results)


def prepare() -> None:
    """Import torch."""
    import torch  # noqa: F401


def load(folder: Path, signature: tuple[Tensor, ...], options: Options, threads: int) -> TorchSession:
    """Build the module in ``folder``; its transforms are replayed, not calculated again."""
    from stages.formats import torch_module

    set_threads(threads)
    return TorchSession(torch_module.load(folder), signature)


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
