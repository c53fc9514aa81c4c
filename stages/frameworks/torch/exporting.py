"""Write a module as a program of torch.export, which needs none of the Python that built it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stages.contract.port import Contract


def write(module: Any, contract: Contract, dynamic: bool, folder: Path, advice: str) -> Contract:
    """Leave ``model.pt2`` in ``folder``; it holds no path, no stack trace, and takes every size the recipe names.

    Returns its contract. Not ``dynamic``, it takes one sample and the recipe's sizes alone. ``advice`` is what to try
    where torch refuses.
    """
    import torch

    from stages.frameworks.refusal import deprecations_silenced, refusal
    from stages.frameworks.torch import exported, exported_ports
    from stages.frameworks.torch.converted import tensors_only

    module, contract, example = tensors_only(module, contract, dynamic)
    raw = folder / 'raw.pt2'
    with torch.no_grad(), deprecations_silenced():
        with refusal('torch.export', advice):
            torch.export.save(exported.program_of(module, contract, example, dynamic), raw)
        exported.write_clean(raw, folder / 'model.pt2')
        raw.unlink()
        return exported_ports.made(exported.load(folder / 'model.pt2'), contract)
