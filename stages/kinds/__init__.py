"""The table of kinds: what can be done to a model. One file each; adding one is a file and a line here.

The word a recipe writes may have several files, one for each format it starts from.
"""

from __future__ import annotations

from typing import Final

from stages.contract.kind import Kind
from stages.kinds import (
    aoti,
    exported,
    onnx,
    onnx_float16,
    onnx_from_caffe,
    onnx_from_darknet,
    onnx_from_exported,
    onnx_from_paddle,
    onnx_from_tensorflow,
    onnx_from_tflite,
    onnx_fuse,
    onnx_optimize,
    onnx_quantize,
    onnx_weights,
    openvino_from_onnx,
    openvino_from_paddle,
    openvino_from_tensorflow,
    openvino_from_tflite,
    openvino_from_torch,
    openvino_quantize,
    openvino_weights,
    ort,
    tflite,
    tflite_from_torch,
    torch_prune,
    torch_quantize,
    torchscript,
    tvm,
    tvm_from_exported,
    tvm_tune,
)

KINDS: Final[dict[str, tuple[Kind, ...]]] = {
    'torchscript': (torchscript,),
    'torch-quantize': (torch_quantize,),
    'torch-prune': (torch_prune,),
    'exported': (exported,),
    'aoti': (aoti,),
    'onnx': (
        onnx, onnx_from_exported, onnx_from_tensorflow, onnx_from_tflite, onnx_from_paddle, onnx_from_caffe,
        onnx_from_darknet,
    ),
    'onnx-optimize': (onnx_optimize,),
    'onnx-fuse': (onnx_fuse,),
    'onnx-float16': (onnx_float16,),
    'onnx-quantize': (onnx_quantize,),
    'onnx-weights': (onnx_weights,),
    'ort': (ort,),
    'openvino': (
        openvino_from_onnx, openvino_from_torch, openvino_from_tensorflow, openvino_from_tflite, openvino_from_paddle,
    ),
    'openvino-quantize': (openvino_quantize,),
    'openvino-weights': (openvino_weights,),
    'tflite': (tflite, tflite_from_torch),
    'tvm-tune': (tvm_tune,),
    'tvm': (tvm, tvm_from_exported),
}  # fmt: skip


def kind_for(word: str, format: str) -> Kind | None:
    """Return the kind that ``word`` means when the model comes in ``format``; None when it takes other formats."""
    return next((kind for kind in KINDS[word] if format in kind.ACCEPTS), None)


def formats_of(word: str) -> tuple[str, ...]:
    """Return every format that ``word`` takes."""
    return tuple(format for kind in KINDS[word] for format in kind.ACCEPTS)
