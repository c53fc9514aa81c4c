"""The table of taps: what shows the values inside a model. One file each; adding one is a file and a line here."""

from __future__ import annotations

from typing import Final

from stages.contract.tap import Tap
from stages.taps import onnx, openvino, tensorflow, tflite, torch, tvm

TAPS: Final[tuple[Tap, ...]] = (onnx, openvino, tensorflow, tflite, torch, tvm)


def tap_for(format: str) -> Tap | None:
    """Return what looks into ``format``; None for one whose inside stays closed (compiled code, Paddle's programs)."""
    return next((tap for tap in TAPS if format in tap.FORMATS), None)
