"""Convert a TFLite model to OpenVINO IR."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from stages.kinds.contract import Job

KIND = 'openvino'
ACCEPTS = ('tflite',)
GIVES = 'openvino'
TOOLS = ('openvino', 'ai-edge-litert', 'numpy')
ENVIRONMENT = ''


@dataclass(frozen=True)
class Params:
    """Options of ``openvino`` from TFLite."""

    compress: Literal['none', 'f16'] = 'none'
    """f16 stores weights in half the bytes; what they are computed in is an option of the engine."""

    shape: Literal['dynamic', 'static'] = 'dynamic'
    """dynamic keeps the recipe's named dimensions where the file does; static fixes them."""

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
    from ai_edge_litert.interpreter import Interpreter

    from stages.formats import openvino_named, ports, tflite_file
    from stages.formats.openvino_quiet import telemetry_off
    from stages.formats.refusal import refusal

    telemetry_off()
    path = job.inputs['model'] / 'model.tflite'
    with refusal('OpenVINO', 'the other way in: onnx, then openvino'):
        model = ov.convert_model(path)
        found, _ = tflite_file.ports(Interpreter(model_path=str(path)))
        batch = params.batch if params.shape == 'static' else None
        openvino_named.adopt(model, job, ports.order(found, job.signature), batch)
        ov.save_model(model, job.output / 'model.xml', compress_to_fp16=params.compress == 'f16')
