"""Convert an ONNX model to OpenVINO IR."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from stages.kinds.contract import Job

KIND = 'openvino'
ACCEPTS = ('onnx',)
GIVES = 'openvino'
TOOLS = ('openvino', 'numpy')
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

    from stages.formats import openvino_ir
    from stages.formats.openvino_quiet import telemetry_off
    from stages.formats.refusal import refusal

    telemetry_off()
    with refusal('OpenVINO', 'openvino straight from the source, or the onnx alone'):
        model = ov.convert_model(job.inputs['model'] / 'model.onnx')
        if len(model.outputs) == len(job.outputs):   # a tensor may bear several names: the recipe's is the one to read
            openvino_ir.name_ports(model, [port.any_name for port in model.inputs], job.outputs)
        if params.shape == 'static':
            openvino_ir.fix_shape(model, job.signature, params.batch)
        openvino_ir.write(model, job.output, params.compress == 'f16')
