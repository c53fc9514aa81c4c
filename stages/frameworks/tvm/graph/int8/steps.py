"""The float ends of an integer part, as functions that TVM fuses with what stands beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Bytes:
    """A quantized tensor in unsigned bytes, channels last if it is an image: worth (byte - ``zero``) x ``scale``."""

    value: Any
    scale: float
    zero: int


def dequantized(builder: Any, source: Bytes) -> Any:
    """Emit what ``source`` is worth."""
    from tvm import te

    def compute(values: Any) -> Any:
        return te.compute(
            values.shape,
            lambda *at: (values(*at).astype('int32') - source.zero).astype('float32') * source.scale,
            name='dequantized',
        )

    return builder.emit_te(compute, source.value, primfunc_name_hint='dequantized')


def quantized(builder: Any, value: Any, scale: float, zero: int) -> Bytes:
    """Emit ``value`` as bytes; a tie goes to the even byte, as ONNX has it."""
    from tvm import te, tirx

    def byte(number: Any) -> Any:
        moved = tirx.nearbyint(number * tirx.const(1 / scale, 'float32')) + tirx.const(zero, 'float32')
        held = tirx.max(tirx.min(moved, tirx.const(255, 'float32')), tirx.const(0, 'float32'))
        return held.astype('int32').astype('uint8')

    def compute(values: Any) -> Any:
        return te.compute(values.shape, lambda *at: byte(values(*at)), name='quantized')

    return Bytes(builder.emit_te(compute, value, primfunc_name_hint='quantized'), scale, zero)


def flipped(builder: Any, value: Any, dtype: str) -> Any:
    """Emit signed bytes as unsigned ones, 128 more, or the way back; ``dtype`` is what they become."""
    from tvm import te

    def compute(values: Any) -> Any:
        move = 128 if dtype == 'uint8' else -128
        return te.compute(
            values.shape,
            lambda *at: (values(*at).astype('int32') + move).astype(dtype),
            name='flipped',
        )

    return builder.emit_te(compute, value, primfunc_name_hint='flipped')
