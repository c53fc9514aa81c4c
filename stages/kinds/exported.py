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
LOADS = ('torch._dynamo', 'torch.export._trace')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True
ADVICE = 'exported: {shape: static}, or torchscript'
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
    from stages.frameworks.torch import exporting
    from stages.frameworks.torch import module as torch_module

    module = torch_module.load(job.inputs['model'])
    return exporting.write(module, job.contract, params.shape == 'dynamic', job.output, ADVICE)
