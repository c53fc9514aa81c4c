"""Convert a PyTorch module to a Core ML program, checked by reading it again: Apple's runtime is not here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from stages.errors import UnsupportedError
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'coreml'
ACCEPTS = ('torch',)
GIVES = 'coreml'
TOOLS = ('coremltools', 'torch', 'numpy')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = False  # two conversions were not seen to end in one and the same file

PACKAGE: Final = 'model.mlpackage'
NOTE: Final = (
    'Core ML itself, which runs on Apple’s systems alone, was not run: the file was read again and that was computed'
)


@dataclass(frozen=True)
class Params:
    """Options of ``coreml``: sizes are fixed, one sample and the recipe's ``sizes``."""

    precision: Literal['f16', 'f32'] = 'f16'
    """What it computes in on Apple's systems; f16 is their default, and what their Neural Engine has."""

    target: Literal['iOS15', 'iOS16', 'iOS17', 'iOS18'] = 'iOS17'
    """The oldest system that it is for (macOS of the same year)."""


needs = usual.no_data
host = usual.any_cpu


def precision(params: Params, before: str) -> str:
    """Tell what was asked for."""
    return params.precision if before in ('f32', 'f16') else before


def outputs(params: Params) -> tuple[str, ...]:
    """Promise the package."""
    return (f'{PACKAGE}/Data/com.apple.CoreML/model.mlmodel', f'{PACKAGE}/Manifest.json')


def run(params: Params, job: Job) -> Contract:
    """Write ``model.mlpackage``, from an exported program or, for what that cannot have, from a trace."""
    from stages.frameworks.coreml import read, spec
    from stages.frameworks.coreml.package import without_numbers_of_chance
    from stages.frameworks.refusal import deprecations_silenced, refusal
    from stages.frameworks.torch import module as torch_module
    from stages.frameworks.torch.converted import named_alone, tensors_only

    module, contract, example = tensors_only(torch_module.load(job.inputs['model']), job.contract, False, 1)
    contract = named_alone(contract)
    _check_names(contract)
    with spec.quiet(), deprecations_silenced(), refusal('coremltools', 'onnx, for another runtime'):
        converted = _converted(params, module, example, contract)
    package = job.output / PACKAGE
    converted.save(str(package))
    without_numbers_of_chance(package)
    made = read.opened(package).contract
    inputs = tuple(replace(port, file='', dtype=_like(made.inputs, port)) for port in contract.inputs)
    outputs = tuple(
        replace(port, file='', shape=each.shape, batch=port.batch)
        for port, each in zip(contract.outputs, made.outputs, strict=True)
    )
    return replace(contract, inputs=inputs, outputs=outputs, notes=(*contract.notes, NOTE))


def _like(made: Any, port: Any) -> str:
    return next(str(each.dtype) for each in made if each.name == port.name)


def _converted(params: Params, module: Any, example: Any, contract: Contract) -> Any:
    """Return the model; recurrent layers are known of a trace alone, fused transformers of an exported program."""
    import coremltools
    import numpy as np
    import torch

    asked = {
        'convert_to': 'mlprogram',
        'compute_precision': getattr(coremltools.precision, {'f16': 'FLOAT16', 'f32': 'FLOAT32'}[params.precision]),
        'minimum_deployment_target': getattr(coremltools.target, params.target),
        'inputs': [
            coremltools.TensorType(
                name=port.name, shape=port.sized(), dtype=np.int32 if 'int' in port.dtype else np.float32
            )
            for port in contract.inputs
        ],
        'outputs': [coremltools.TensorType(name=port.name, dtype=np.float32) for port in contract.outputs],
    }
    with torch.no_grad():
        try:
            return coremltools.convert(torch.export.export(module, example).run_decompositions({}), **asked)
        except Exception as error:
            if not isinstance(error, NotImplementedError | ValueError | RuntimeError):
                raise
        jit: Any = torch.jit  # untyped in torch
        return coremltools.convert(jit.trace(module, example), **asked)


def _check_names(contract: Contract) -> None:
    for port in (*contract.inputs, *contract.outputs):
        if not port.name.isidentifier():
            raise UnsupportedError(
                f'{port.name!r} is no name in Core ML, which has letters, digits and _; write another'
            )
