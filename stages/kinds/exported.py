"""Export a PyTorch module to a torch.export program: its graph and weights in one file, without its Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.kind import Job

KIND = 'exported'
ACCEPTS = ('torch',)
GIVES = 'exported'
TOOLS = ('torch', 'numpy', 'safetensors')
ENVIRONMENT = ''


@dataclass(frozen=True)
class Params:
    """Options of ``exported``."""

    shape: Literal['dynamic', 'static'] = 'dynamic'
    """dynamic keeps the recipe's named dimensions; static makes each of them 1."""


needs = usual.no_data
precision = usual.same_precision
host = usual.any_cpu


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file, weights inside."""
    return ('model.pt2',)


def run(params: Params, job: Job) -> None:
    """Write ``model.pt2``; it holds no path, no stack trace, and takes every size the recipe names."""
    import torch

    from stages.frameworks.refusal import deprecations_silenced, refusal
    from stages.frameworks.torch import exported as exported_file
    from stages.frameworks.torch import module as torch_module

    module = torch_module.load(job.inputs['model'])
    raw = job.output / 'raw.pt2'
    with torch.no_grad(), deprecations_silenced():
        with refusal('torch.export', 'exported: {shape: static}, or torchscript'):
            torch.export.save(exported_file.program_of(module, job.signature, params.shape == 'dynamic'), raw)
        exported_file.write_clean(raw, job.output / 'model.pt2')
    raw.unlink()
