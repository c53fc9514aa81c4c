"""The table of kinds: what can be done to a model. One file each; adding one is a file and a line here.

The word a recipe writes may have several files, one for each format it starts from.
"""

from __future__ import annotations

from typing import Final

from stages.kinds import (
    onnx,
    onnx_optimize,
    onnx_quantize,
    openvino,
    openvino_quantize,
    torch_quantize,
    torchscript,
)
from stages.kinds.contract import Kind

KINDS: Final[dict[str, tuple[Kind, ...]]] = {
    'torchscript': (torchscript,),
    'torch-quantize': (torch_quantize,),
    'onnx': (onnx,),
    'onnx-optimize': (onnx_optimize,),
    'onnx-quantize': (onnx_quantize,),
    'openvino': (openvino,),
    'openvino-quantize': (openvino_quantize,),
}


def kind_for(word: str, format: str) -> Kind | None:
    """Return the kind that ``word`` means when the model comes in ``format``; None when it takes other formats."""
    return next((kind for kind in KINDS[word] if format in kind.ACCEPTS), None)


def formats_of(word: str) -> tuple[str, ...]:
    """Return every format that ``word`` takes."""
    return tuple(format for kind in KINDS[word] for format in kind.ACCEPTS)
