"""Export a model of transformers to a torch.export program, which every road of torch goes on from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'exported'
ACCEPTS = ('transformers',)
GIVES = 'exported'
TOOLS = ('transformers', 'tokenizers', 'torch', 'numpy', 'safetensors')
ENVIRONMENT = 'transformers'
PROGRAMS = ()
DETERMINISTIC = True
ADVICE = 'numbers in the shapes of `inputs` for what it names, or exported: {shape: static}'


@dataclass(frozen=True)
class Params:
    """Options of ``exported``, from transformers."""

    shape: Literal['dynamic', 'static'] = 'dynamic'
    """dynamic keeps the named dimensions; static fixes them: the recipe's ``sizes``, else 1."""


needs = usual.no_data
precision = usual.same_precision
host = usual.any_cpu


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file, weights inside."""
    return ('model.pt2',)


def run(params: Params, job: Job) -> Contract:
    """Write ``model.pt2``; nobody needs transformers to run it."""
    from stages.frameworks.torch import exporting
    from stages.frameworks.transformers import model as transformers_model

    module = transformers_model.load(job.inputs['model'])
    return exporting.write(module, job.contract, params.shape == 'dynamic', job.output, ADVICE)
