"""How a conversion to OpenVINO IR ends, whatever it began with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from stages.contract.port import Tensor


@dataclass(frozen=True)
class Params:
    """Options of every ``openvino``, whatever it starts from."""

    compress: Literal['none', 'f16'] = 'none'
    """f16 stores weights in half the bytes; what they are computed in is an option of the engine."""

    shape: Literal['dynamic', 'static'] = 'dynamic'
    """dynamic keeps the recipe's named dimensions, where the model does; static fixes them."""

    batch: int = 1
    """Static shape: size of a named first axis; other named dimensions become 1."""


def precision(params: Params, before: str) -> str:
    """Leave f16 when weights are compressed, else keep the precision."""
    return 'f16' if params.compress == 'f16' and before == 'f32' else before


def outputs(params: Params) -> tuple[str, ...]:
    """Promise the graph and its weights."""
    return ('model.xml', 'model.bin')


def fix_shape(model: Any, signature: tuple[Tensor, ...], batch: int) -> None:
    """Fix every named dimension of ``model``: a leading one to ``batch``, others to 1."""
    import openvino as ov

    leading = {t.shape[0] for t in signature if t.shape}
    sizes = {d: batch for d in leading if isinstance(d, str)}
    model.reshape({t.name: ov.PartialShape(list(t.sized(**sizes))) for t in signature})


def name_ports(model: Any, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Give inputs and outputs of ``model``, in its order, the names that callers feed and read."""
    for port, name in zip(model.inputs, inputs, strict=True):
        port.get_tensor().set_names({name})
        port.get_node().set_friendly_name(name)
    for port, name in zip(model.outputs, outputs, strict=True):
        port.get_tensor().set_names({name})
    model.validate_nodes_and_infer_types()


def write(model: Any, folder: Path, f16: bool) -> None:
    """Write ``model.xml`` and ``model.bin``; OpenVINO alone would halve the weights unasked."""
    import openvino as ov

    ov.save_model(model, folder / 'model.xml', compress_to_fp16=f16)
