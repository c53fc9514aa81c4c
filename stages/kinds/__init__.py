"""The table of kinds: what can be done to a model. One file each; adding one is a file and a line here."""

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

KINDS: Final[dict[str, Kind]] = {
    torchscript.KIND: torchscript,
    torch_quantize.KIND: torch_quantize,
    onnx.KIND: onnx,
    onnx_optimize.KIND: onnx_optimize,
    onnx_quantize.KIND: onnx_quantize,
    openvino.KIND: openvino,
    openvino_quantize.KIND: openvino_quantize,
}
