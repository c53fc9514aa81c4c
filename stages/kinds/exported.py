"""Export a PyTorch module to a torch.export program: its graph and weights in one file, without its Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'exported'
ACCEPTS = ('torch',)
GIVES = 'exported'
TOOLS = ('torch', 'numpy', 'safetensors')
LOADS = ('torch._dynamo',)
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True
ASIDE = 'the same kernels as torch itself; a step to others'


@dataclass(frozen=True)
class Params:
    """Options of ``exported``."""

    shape: Literal['dynamic', 'static'] = 'dynamic'
    """dynamic keeps the recipe's named dimensions; static fixes them: the recipe's ``sizes``, else 1."""


needs = usual.no_data
precision = usual.same_precision
host = usual.any_cpu


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file, weights inside."""
    return ('model.pt2',)


def run(params: Params, job: Job) -> Contract:
    """Write ``model.pt2``; it holds no path, no stack trace, and takes every size the recipe names."""
    import torch

    from stages.frameworks.refusal import deprecations_silenced, refusal
    from stages.frameworks.torch import exported as exported_file
    from stages.frameworks.torch import exported_ports
    from stages.frameworks.torch import module as torch_module
    from stages.frameworks.torch.converted import tensors_only

    dynamic = params.shape == 'dynamic'
    module, contract, example = tensors_only(torch_module.load(job.inputs['model']), job.contract, dynamic)
    raw = job.output / 'raw.pt2'
    with torch.no_grad(), deprecations_silenced():
        with refusal('torch.export', 'exported: {shape: static}, or torchscript'):
            torch.export.save(exported_file.program_of(module, contract, example, dynamic), raw)
        exported_file.write_clean(raw, job.output / 'model.pt2')
        raw.unlink()
        return exported_ports.made(exported_file.load(job.output / 'model.pt2'), contract)
