"""Convert a PyTorch module, a TorchScript file or an ONNX model to OpenVINO IR."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from stages.errors import UnsupportedError

if TYPE_CHECKING:
    from stages.kinds.contract import Job

KIND = 'openvino'
ACCEPTS = ('onnx', 'torch', 'torchscript')
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
    import openvino as ov

    from stages.formats.openvino_quiet import telemetry_off
    from stages.formats.refusal import deprecations_silenced, refusal

    telemetry_off()
    folder = job.inputs['model']
    advice = 'the other way in (openvino straight from torch, or onnx, then openvino)'
    with deprecations_silenced(), refusal('OpenVINO', advice):
        if (folder / 'model.onnx').exists():
            model = ov.convert_model(folder / 'model.onnx')
        else:
            model = _from_torch(ov, folder, job)
        if params.shape == 'static':
            leading = {t.shape[0] for t in job.signature if t.shape}
            sizes = {d: params.batch for d in leading if isinstance(d, str)}
            model.reshape({t.name: ov.PartialShape(list(t.sized(**sizes))) for t in job.signature})
        ov.save_model(model, job.output / 'model.xml', compress_to_fp16=params.compress == 'f16')


def _from_torch(ov: Any, folder: Path, job: Job) -> Any:
    import torch

    from stages.formats import examples, torch_module

    jit: Any = torch.jit   # untyped in torch
    module = jit.load(folder / 'model.pt') if (folder / 'model.pt').exists() else torch_module.load(folder)
    shapes = [ov.PartialShape([-1 if isinstance(d, str) else d for d in t.shape]) for t in job.signature]
    with torch.no_grad():
        model = ov.convert_model(module.eval(), example_input=examples.tensors(job.signature), input=shapes)
    if len(model.inputs) != len(job.signature):
        msg = f'OpenVINO sees {len(model.inputs)} inputs; the recipe declares {len(job.signature)}'
        raise UnsupportedError(msg)
    # torch knows its arguments by position only; the recipe's names are what callers feed
    for port, tensor in zip(model.inputs, job.signature, strict=True):
        port.get_tensor().set_names({tensor.name})
        port.get_node().set_friendly_name(tensor.name)
    for port, name in zip(model.outputs, examples.output_names(job.outputs, len(model.outputs)), strict=True):
        port.get_tensor().set_names({name})
    model.validate_nodes_and_infer_types()
    return model
