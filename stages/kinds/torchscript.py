"""Freeze a PyTorch module into a TorchScript file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from stages.errors import UnsupportedError
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'torchscript'
ACCEPTS = ('torch',)
GIVES = 'torchscript'
TOOLS = ('torch', 'numpy', 'safetensors')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True

TOLERANCE = 1e-3  # catches a size or a branch baked in, not rounding: the numeric gate measures that


@dataclass(frozen=True)
class Params:
    """Options of ``torchscript``."""

    method: Literal['trace', 'script'] = 'trace'
    """trace records one run and loses branches; script compiles the source."""

    freeze: bool = True
    """Make the weights constants and fold what can be folded."""


needs = usual.no_data
precision = usual.same_precision
host = usual.any_cpu


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file."""
    return ('model.pt',)


def run(params: Params, job: Job) -> Contract:
    """Write ``model.pt``; it agrees with the module at two sizes of every named dimension."""
    import torch

    from stages.frameworks.refusal import deprecations_silenced, refusal
    from stages.frameworks.torch import calling, examples, folded
    from stages.frameworks.torch import module as torch_module
    from stages.frameworks.torch import torchscript as torchscript_file

    jit: Any = torch.jit  # untyped in torch
    other = 'script' if params.method == 'trace' else 'trace'
    module, contract = folded.fold(torch_module.load(job.inputs['model'])), job.contract
    example = examples.working(module, contract)
    wanted = calling.calling(module, contract, example)  # before scripting, which shares what is inside
    with torch.inference_mode(False), torch.no_grad(), deprecations_silenced():
        if params.method == 'trace':
            traced, contract = calling.for_tools(module, contract, example)
        with refusal(f'torch.jit.{params.method}', f'torchscript: {{method: {other}}}'):
            if params.method == 'trace':
                made = jit.trace(traced, example, check_trace=False, strict=False)
            else:
                made = _scripted(module)
            made = made.eval()
            if params.freeze:
                made = jit.freeze(made)
        contract = torchscript_file.described(made, contract, example)
        got = calling.calling(made, contract, example)
        for second in (False, True):
            _compare(wanted, got, examples.tensors(contract, second), other)
        torchscript_file.write(made, job.output / 'model.pt')
    return contract


def _scripted(module: Any) -> Any:
    import torch

    jit: Any = torch.jit
    try:
        return jit.script(module)
    except OSError as error:  # of a class whose code was made when it was imported: a dataclass
        raise RuntimeError(str(error)) from error


def _compare(module: Any, made: Any, example: tuple[Any, ...], other: str) -> None:
    import torch

    from stages.frameworks.refusal import refusal

    shapes = ', '.join(str(tuple(e.shape)) for e in example)
    try:
        wanted = _several(module(*(e.clone() for e in example)))
    except Exception:  # the module itself refuses this size, so nothing is promised for it
        return
    with refusal(f'TorchScript at {shapes}', f'torchscript: {{method: {other}}}, or a fixed shape in the recipe'):
        got = _several(made(*(e.clone() for e in example)))
    if len(got) != len(wanted) or not all(
        g.shape == w.shape and torch.allclose(_double(g), _double(w), TOLERANCE, TOLERANCE, equal_nan=True)
        for g, w in zip(got, wanted, strict=True)
    ):
        msg = (
            f'TorchScript differs from the module at {shapes}: a size or a branch was recorded as a constant\n'
            f'what to try: torchscript: {{method: {other}}}, or a fixed shape in the recipe'
        )
        raise UnsupportedError(msg)


def _double(tensor: Any) -> Any:
    return tensor if tensor.is_complex() else tensor.double()


def _several(result: Any) -> tuple[Any, ...]:
    return tuple(result) if isinstance(result, (tuple, list)) else (result,)
