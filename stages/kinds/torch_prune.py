"""Prune a PyTorch module: cut channels, or zero weights, and train again what is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from stages.errors import StepError, UnsupportedError
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'torch-prune'
ACCEPTS = ('torch',)
GIVES = 'torch'
TOOLS = ('torch', 'torch-pruning', 'numpy', 'safetensors')
LOADS = ('torch._dynamo',)
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True
ASIDE = 'it answers otherwise than its source until it is trained again'


@dataclass(frozen=True)
class Params:
    """Options of ``torch-prune``."""

    method: Literal['structured', 'unstructured'] = 'structured'
    """structured: whole channels go, so it is smaller and faster; unstructured: zeros, which only compress better."""

    ratio: float = 0.5
    """Share of the channels of each layer, or of all weights, that goes."""

    finetune: str = ''
    """A function beside the model's ``build``, called with the pruned module and the calibrate arrays, to train it."""


host = usual.any_cpu


def needs(params: Params) -> tuple[str, ...]:
    """Read calibration data to train again with."""
    return ('calibrate',) if params.finetune else ()


def precision(params: Params, before: str) -> str:
    """Leave another model, which need not compute what its source does; its accuracy is what counts."""
    return 'pruned'


def outputs(params: Params) -> tuple[str, ...]:
    """Promise the Python of the module, and the state of the pruned one."""
    return ('module.json', 'state.pt', 'python')


def run(params: Params, job: Job) -> Contract:
    """Write the module folder again, with the transform added and the pruned state in ``state.pt``."""
    import torch

    from stages.frameworks.refusal import refusal
    from stages.frameworks.torch import examples
    from stages.frameworks.torch import folded as torch_folded
    from stages.frameworks.torch import module as torch_module
    from stages.frameworks.torch import pruned as torch_pruned
    from stages.frameworks.torch.calling import calling

    if not 0 < params.ratio < 1:
        msg = f'torch-prune: ratio is {params.ratio:g}; expected more than 0 and less than 1'
        raise StepError(msg)
    source = job.inputs['model']
    if any(t['kind'] == 'quantize' for t in torch_module.describe(source)['transforms']):
        msg = 'torch-prune takes a float module, this one is int8\nwhat to try: [torch-prune, torch-quantize]'
        raise UnsupportedError(msg)
    torch.manual_seed(0)
    # built twice: some modules cannot be copied
    before, module = (torch_folded.fold(torch_module.load(source)) for _ in range(2))
    zero = None
    if params.method == 'unstructured':
        zero = torch_pruned.unstructured(module, params.ratio)
    else:
        example = examples.working(module, job.contract)
        called = calling(module, job.contract, example)
        advice = 'torch-prune: {method: unstructured}, or another ratio'
        with refusal('torch-pruning', advice):
            cut = torch_pruned.structured(module, called, example, params.ratio)
            with torch.no_grad():
                called(*example)
        job.progress(0.5, f'cut {len(cut)} layers')
    change = torch_pruned.changes(before, module)
    if params.method == 'structured' and not change['shapes']:
        msg = 'nothing to prune: no layer can lose a channel\nwhat to try: a higher ratio, or torch-quantize'
        raise UnsupportedError(msg)
    if params.finetune:
        _finetune(params, job, module)
        if zero:
            zero()  # training moved them
    torch_module.save_transformed(job.output, source, {'kind': 'prune', **change}, module.eval())
    return job.contract


def _finetune(params: Params, job: Job, module: Any) -> None:
    import torch

    from stages.feed import npz
    from stages.frameworks.torch import module as torch_module

    train = torch_module.function_beside(job.inputs['model'], params.finetune)
    shapes = {name: tensor.shape for name, tensor in module.state_dict().items()}
    job.progress(0.6, 'training')
    with torch.enable_grad():
        train(module, npz.read_npz(job.inputs['calibrate']))
    if {name: tensor.shape for name, tensor in module.state_dict().items()} != shapes:
        msg = f'{params.finetune} changed the shape of the module; expected it to train what it is given, in place'
        raise StepError(msg)
