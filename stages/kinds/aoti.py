"""Compile a PyTorch module ahead of time to a library of machine code with AOTInductor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stages.frameworks.torch import compiler
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'aoti'
ACCEPTS = ('torch', 'exported')
GIVES = 'aoti'
TOOLS = ('torch', 'numpy', 'safetensors')
LOADS = ('torch._dynamo', 'torch.export._trace')
ENVIRONMENT = ''
PROGRAMS = (compiler.PROGRAM,)
DETERMINISTIC = True


@dataclass(frozen=True)
class Params:
    """Options of ``aoti``."""

    shape: Literal['dynamic', 'static'] = 'dynamic'
    """From torch: dynamic keeps the recipe's named dimensions; static fixes them: the recipe's ``sizes``, else 1."""

    freezing: bool = True
    """Fold what is constant, and lay weights out as this CPU likes them; false keeps them as they are."""


needs = usual.no_data
precision = usual.same_precision


def host(params: Params) -> bool:
    """Say that the code suits CPUs like this one only."""
    return True


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one package: machine code and weights."""
    return ('model.pt2',)


def run(params: Params, job: Job) -> Contract:
    """
    Write the package. It needs a C++ compiler.

    Its bytes differ from build to build (file names and command lines of the compiler are in it), so what was built
    first is what the store keeps.
    """
    import torch
    from torch._inductor import utils

    from stages.frameworks.refusal import deprecations_silenced, refusal
    from stages.frameworks.torch import bounded, exported_ports
    from stages.frameworks.torch import exported as exported_file
    from stages.frameworks.torch import module as torch_module
    from stages.frameworks.torch.converted import tensors_only

    compiler.require()
    given = job.inputs['model'] / 'model.pt2'
    settings = {
        'cpp.dynamic_threads': True,  # else the number of threads of this build stays in the code
        'compile_threads': 1,
        'cpp_cache_precompile_headers': False,  # it pays from the third file on
        'freezing': params.freezing,
    }
    package = str(job.output / 'model.pt2')
    advice = 'aoti: {freezing: false}, aoti: {shape: static}, or onnx'
    with torch.no_grad(), deprecations_silenced():
        if given.exists():
            program = exported_file.load(given)
            contract = job.contract
        else:
            dynamic = params.shape == 'dynamic'
            module, contract, example = tensors_only(torch_module.load(job.inputs['model']), job.contract, dynamic)
            with refusal('torch.export', 'aoti: {shape: static}, or torchscript'):
                program = exported_file.program_of(module, contract, example, dynamic)
            contract = exported_ports.made(program, contract)
        contract = exported_ports.by_place(program, contract)
        bounded.bound(program)
        job.progress(0.2, 'compiling C++')
        with refusal('AOTInductor', advice), utils.fresh_cache():  # nothing of an earlier build, nothing left behind
            torch._inductor.aoti_compile_and_package(program, package_path=package, inductor_configs=settings)
    return contract
