"""ONNX Runtime's static quantizer: scales from what a calibration saw, for each channel of the weights (QDQ)."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx


def static(
    source: Path,
    path: Path,
    feeds: Sequence[dict[str, Any]],
    method: str,
    keep: tuple[str, ...],
    advice: str,
    progress: Callable[[float, str], None],
) -> onnx.ModelProto:
    """Return the model in ``source`` in int8 but for the nodes that ``keep`` names; ``path`` is written on the way."""
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    from stages.frameworks.onnx import operators, opset, quantizing
    from stages.frameworks.refusal import refusal

    model = opset.at_least_opset(source, 13)  # the first that knows a scale per channel
    operators.named(model, keep)
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder, 'ready.onnx')
        with refusal('ONNX Runtime quantization', advice):
            quantizing.write_with_shapes(model, ready)
        shaped = onnx.load(ready)
        kept = operators.named(shaped, keep)
        onnx.save(shaped, ready)
        with refusal('ONNX Runtime quantization', advice):
            quantize_static(
                ready, path, quantizing.reader([*feeds], progress), quant_format=QuantFormat.QDQ, per_channel=True,
                nodes_to_exclude=kept, weight_type=QuantType.QInt8, activation_type=QuantType.QUInt8,  # S8S8 is slower
                calibrate_method=next(m for m in CalibrationMethod if m.name.lower() == method),
            )  # fmt: skip
    return quantizing.mended(path, shaped)
