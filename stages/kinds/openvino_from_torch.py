"""Convert a PyTorch module, a TorchScript file or an exported program to OpenVINO IR."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from stages.errors import UnsupportedError

if TYPE_CHECKING:
    from stages.kinds.contract import Job

KIND = 'openvino'
ACCEPTS = ('torch', 'torchscript', 'exported')
GIVES = 'openvino'
TOOLS = ('openvino', 'torch', 'numpy', 'safetensors')
ENVIRONMENT = ''


@dataclass(frozen=True)
class Params:
    """Options of ``openvino``."""

    compress: Literal['none', 'f16'] = 'none'
    """f16 stores weights in half the bytes; what they are computed in is an option of the engine."""

    shape: Literal['dynamic', 'static'] = 'dynamic'
    """dynamic keeps the recipe's named dimensions; static fixes them."""

    batch: int = 1
    """Static shape: size of a named first axis; other named dimensions become 1."""


def needs(params: Params) -> tuple[str, ...]:
    """Read nothing beside the model."""
    return ()


def precision(params: Params, before: str) -> str:
    """Leave f16 when weights are compressed, else keep the precision."""
    return 'f16' if params.compress == 'f16' and before == 'f32' else before


def host(params: Params) -> bool:
    """Say whether the bytes suit one kind of CPU only."""
    return False


def outputs(params: Params) -> tuple[str, ...]:
    """Promise the graph and its weights."""
    return ('model.xml', 'model.bin')


def run(params: Params, job: Job) -> None:
    """Write the IR; its inputs and outputs bear the recipe's names."""
    from stages.formats import examples, openvino_ir
    from stages.formats.openvino_quiet import telemetry_off
    from stages.formats.refusal import deprecations_silenced, refusal

    telemetry_off()
    with deprecations_silenced(), refusal('OpenVINO', 'the other way in: onnx, then openvino'):
        model = _converted(job)
        if len(model.inputs) != len(job.signature):
            msg = f'OpenVINO sees {len(model.inputs)} inputs; the recipe declares {len(job.signature)}'
            raise UnsupportedError(msg)
        # torch knows its arguments by position only
        names = examples.output_names(job.outputs, len(model.outputs))
        openvino_ir.name_ports(model, [t.name for t in job.signature], names)
        if params.shape == 'static':
            openvino_ir.fix_shape(model, job.signature, params.batch)
        openvino_ir.write(model, job.output, params.compress == 'f16')


def _converted(job: Job) -> Any:
    import openvino as ov
    import torch

    from stages.formats import examples, exported_file, torch_module

    folder = job.inputs['model']
    jit: Any = torch.jit   # untyped in torch
    with torch.no_grad():
        if (folder / 'model.pt2').exists():
            return ov.convert_model(exported_file.load(folder / 'model.pt2'))   # the program knows its shapes
        module = jit.load(folder / 'model.pt') if (folder / 'model.pt').exists() else torch_module.load(folder)
        shapes = [ov.PartialShape([-1 if isinstance(d, str) else d for d in t.shape]) for t in job.signature]
        return ov.convert_model(module.eval(), example_input=examples.tensors(job.signature), input=shapes)
