"""Put an integer product into a function: its weights in panels, its kernel, and the call."""

from __future__ import annotations

from typing import Any

from stages.frameworks.tvm.graph.int8 import kernel
from stages.frameworks.tvm.graph.int8.graph import shape
from stages.frameworks.tvm.graph.int8.match import Found
from stages.frameworks.tvm.graph.int8.panels import per_panel, weight_panels
from stages.frameworks.tvm.graph.int8.product import Product, tile_for
from stages.frameworks.tvm.graph.int8.steps import Bytes


def to_bytes(builder: Any, found: Found, source: Bytes, scale: float, zero: int) -> Bytes:
    """Emit the product of ``source``; its result is bytes again, channels last."""
    import numpy as np

    first, steps = whole(found, source)
    low, high = (
        int(np.clip(np.rint(limit / scale) + zero, 0, 255)) if np.isfinite(limit) else end
        for limit, end in ((found.low, 0), (found.high, 255))
    )
    result = kernel.Result('uint8', zero, low, high)
    return Bytes(call(builder, found.product, found.weights, first, steps / scale, source, result), scale, zero)


def to_floats(builder: Any, found: Found, source: Bytes) -> Any:
    """Emit the product of ``source``; its result is numbers, channels last."""
    first, steps = whole(found, source)
    result = kernel.Result('float32', low=found.low, high=found.high)
    return call(builder, found.product, found.weights, first, steps, source, result)


def whole(found: Found, source: Bytes) -> tuple[Any, Any]:
    """Return the sum every filter begins with, and what one of its steps is worth.

    Sums are of bytes, not of what they mean: a byte that means zero adds ``zero`` times its weight, which the first
    sum takes back.
    """
    import numpy as np

    steps = found.scales.astype(np.float64) * source.scale
    bias = np.rint(np.divide(found.bias, steps, out=np.zeros(len(steps)), where=steps != 0))
    return bias - source.zero * found.weights.sum(axis=(1, 2, 3), dtype=np.int64), steps


def call(
    builder: Any,
    product: Product,
    weights: Any,
    first: Any,
    factors: Any,
    source: Bytes,
    result: kernel.Result,
) -> Any:
    """Emit the call of the kernel of ``product``; equal kernels are one function."""
    import numpy as np
    from tvm import relax

    tile, limit = tile_for(product), np.iinfo(np.int32)
    function = builder.add_func(kernel.function(product, tile, source.zero, result), 'int8_product')
    image = (product.batch, product.height, product.width, product.channels)
    given = source.value if shape(source.value) == image else builder.emit(relax.op.reshape(source.value, image))
    constants = (
        weight_panels(weights, product, tile),
        per_panel(np.clip(first, limit.min, limit.max).astype(np.int32), product, tile),
        per_panel(factors.astype(np.float32), product, tile),
    )
    made = relax.TensorType((product.batch, *product.output, product.filters), result.dtype)
    arguments = [given, *(relax.const(np.ascontiguousarray(c)) for c in constants)]
    return builder.emit(relax.call_tir(function, arguments, made))
