"""How a conversion to OpenVINO IR ends, whatever it began with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from stages.contract.port import Contract
from stages.frameworks.openvino import ports


@dataclass(frozen=True)
class Params:
    """Options of every ``openvino``, whatever it starts from."""

    compress: Literal['none', 'f16'] = 'none'
    """f16 stores weights in half the bytes; what they are computed in is an option of the engine."""

    shape: Literal['dynamic', 'static'] = 'dynamic'
    """dynamic keeps the recipe's named dimensions, where the model does; static fixes them."""

    batch: int = 1
    """Static shape: the size of the batch; other named dimensions have the recipe's ``sizes``, else 1."""


def precision(params: Params, before: str) -> str:
    """Leave f16 when weights are compressed, else keep the precision."""
    return 'f16' if params.compress == 'f16' and before == 'f32' else before


def outputs(params: Params) -> tuple[str, ...]:
    """Promise the graph and its weights."""
    return ('model.xml', 'model.bin')


def left(model: Any, params: Params, before: Contract, folder: Path) -> Contract:
    """Write ``model``, whose ports bear the names of ``before``, with the shapes that ``params`` ask for.

    OpenVINO alone would halve the weights unasked.
    """
    import openvino as ov

    if params.shape == 'static':
        ports.fix(model, before.fixed(params.batch))
    contract = ports.made(model, before)
    ov.save_model(model, folder / 'model.xml', compress_to_fp16=params.compress == 'f16')
    return contract
