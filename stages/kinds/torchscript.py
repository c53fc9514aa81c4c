"""Freeze a PyTorch module into a TorchScript file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from stages.errors import UnsupportedError
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.kind import Job

KIND = 'torchscript'
ACCEPTS = ('torch',)
GIVES = 'torchscript'
TOOLS = ('torch', 'numpy', 'safetensors')
ENVIRONMENT = ''

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


def run(params: Params, job: Job) -> None:
    """Write ``model.pt``; it agrees with the module at two sizes of every named dimension."""
    import torch

    from stages.frameworks.refusal import deprecations_silenced, refusal
    from stages.frameworks.torch import examples
    from stages.frameworks.torch import module as torch_module
    from stages.frameworks.torch import torchscript as torchscript_file

    jit: Any = torch.jit  # untyped in torch
    other = 'script' if params.method == 'trace' else 'trace'
    module = torch_module.load(job.inputs['model'])
    example = examples.tensors(job.signature)
    with torch.inference_mode(False), torch.no_grad(), deprecations_silenced():
        with refusal(f'torch.jit.{params.method}', f'torchscript: {{method: {other}}}'):
            if params.method == 'trace':
                made = jit.trace(module, example, check_trace=False, strict=False)
            else:
                made = jit.script(module)
            if params.freeze:
                made = jit.freeze(made.eval())
        for pair in (examples.FIRST, examples.SECOND):
            _compare(module, made, examples.tensors(job.signature, pair), other)
        torchscript_file.write_stripped(made, job.output / 'model.pt')


def _compare(module: Any, made: Any, example: tuple[Any, ...], other: str) -> None:
    import torch

    from stages.frameworks.refusal import refusal
    from stages.frameworks.torch.examples import flat

    shapes = ', '.join(str(tuple(e.shape)) for e in example)
    try:
        wanted = flat(module(*example))
    except Exception:  # the module itself refuses this size, so nothing is promised for it
        return
    with refusal(f'TorchScript at {shapes}', f'torchscript: {{method: {other}}}, or a fixed shape in the recipe'):
        got = flat(made(*example))
    if len(got) != len(wanted) or not all(
        g.shape == w.shape and torch.allclose(g.double(), w.double(), TOLERANCE, TOLERANCE)
        for g, w in zip(got, wanted, strict=True)
    ):
        msg = (
            f'TorchScript differs from the module at {shapes}: a size or a branch was recorded as a constant\n'
            f'what to try: torchscript: {{method: {other}}}, or a fixed shape in the recipe'
        )
        raise UnsupportedError(msg)
