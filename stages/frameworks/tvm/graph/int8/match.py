"""Find integer products: a convolution or a matrix multiplication of dequantized bytes, with what follows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from stages.frameworks.tvm.graph.int8.graph import Graph, shape
from stages.frameworks.tvm.graph.int8.product import BYTES, Product

MAIN: Final = ('nn.conv2d', 'matmul')


@dataclass(frozen=True)
class Found:
    """A product in a graph."""

    product: Product
    source: Any
    """The call that dequantizes the input."""

    weights: Any
    """Signed bytes: [filters, channels of a group, height, width]."""

    scales: Any
    """What a step of each filter's weights is worth."""

    bias: Any
    """A float for each filter."""

    low: float
    high: float
    """Where the result is cut off."""

    shape: tuple[int, ...]
    """Of the result, as the graph has it."""


def find(graph: Graph, value: Any) -> Found | None:
    """Return the product that ends in ``value``, with its bias and limits; None where it is no product of bytes."""
    import numpy as np

    low, high = -np.inf, np.inf
    while (call := graph.call(value, 'nn.relu', 'clip')) is not None:
        least, most = (0.0, np.inf) if call.op.name == 'relax.nn.relu' else (number(a) for a in call.args[1:3])
        low, high = min(max(low, least), high), max(min(high, most), low)
        value = call.args[0]
    bias: Any = np.zeros(())
    if (total := graph.call(value, 'add')) is not None:
        value, bias = total.args[0], graph.constant(total.args[1])
    if bias is None or (call := graph.call(value, *MAIN)) is None or bias.ndim > len(shape(call)):
        return None
    main = convolution(graph, call) if call.op.name == 'relax.nn.conv2d' else multiplication(graph, call)
    if main is None:
        return None
    product, source, weights, scales = main
    spread = per_filter(bias, shape(call), 1 if call.op.name == 'relax.nn.conv2d' else -1)
    return None if spread is None else Found(product, source, weights, scales, spread, low, high, shape(call))


def continued(graph: Graph, user: Any) -> bool:
    """Return whether a product takes ``user``, a call that reads it, in: a bias, limits, or quantization."""
    if graph.call(user, 'add') is not None:
        return graph.constant(user.args[1]) is not None
    return graph.call(user, 'nn.relu', 'clip', 'quantize') is not None


def number(value: Any) -> float:
    """Return a limit of ``clip``."""
    return float(getattr(value, 'value', value))


def convolution(graph: Graph, call: Any) -> tuple[Product, Any, Any, Any] | None:
    """Return sizes, input, weights and their scales of a ``conv2d`` of bytes."""
    import numpy as np

    attrs, sizes = call.attrs, shape(call.args[0])
    known = (attrs.data_layout, attrs.kernel_layout, attrs.out_layout or attrs.data_layout) == ('NCHW', 'OIHW', 'NCHW')
    source, stored = graph.call(call.args[0], 'dequantize'), graph.weights(call.args[1])
    if not known or not sizes or source is None or stored is None or (stored[2] and stored[1].size > 1):
        return None
    weights, scales, _ = stored
    product = Product(
        sizes[0],
        sizes[2],
        sizes[3],
        sizes[1],
        weights.shape[0],
        kernel=weights.shape[2:],
        stride=pair(attrs.strides),
        dilation=pair(attrs.dilation),
        padding=four(attrs.padding),
        groups=int(attrs.groups),
    )
    return product, source, weights, np.broadcast_to(scales, weights.shape[:1])


def multiplication(graph: Graph, call: Any) -> tuple[Product, Any, Any, Any] | None:
    """Return sizes, input, weights and their scales of a ``matmul`` of bytes with a constant matrix."""
    import numpy as np

    source, stored, sizes = graph.call(call.args[0], 'dequantize'), graph.weights(call.args[1]), shape(call.args[0])
    if source is None or stored is None or len(sizes) not in (2, 3) or stored[0].ndim != 2:  # 4 would be an image
        return None
    weights, scales, axis = stored
    if axis != 1 and scales.size > 1:
        return None
    return rows(sizes, weights), source, weights.T[:, :, None, None], np.broadcast_to(scales, weights.shape[1:])


def rows(sizes: tuple[int, ...], weights: Any) -> Product:
    """Return the product of a matrix of ``sizes``, all leading axes its rows, with ``weights``."""
    import numpy as np

    return Product(1, 1, int(np.prod(sizes[:-1])), *weights.shape)


def per_filter(bias: Any, sizes: tuple[int, ...], axis: int) -> Any | None:
    """Return ``bias`` with a number for each filter; None where it is not the same for all pixels."""
    import numpy as np

    padded = bias.reshape((1,) * (len(sizes) - bias.ndim) + bias.shape)
    others = padded.size // padded.shape[axis]
    return np.broadcast_to(padded.reshape(-1), (sizes[axis],)) if others == 1 else None


def pair(values: Any) -> tuple[int, int]:
    """Return two numbers of one or two."""
    first, *rest = (int(value) for value in values)
    return first, rest[0] if rest else first


def four(values: Any) -> tuple[int, int, int, int]:
    """Return above, left, below, right of one, two or four numbers."""
    given = [int(value) for value in values]
    top, left, bottom, right = given if len(given) == 4 else (given * 2 if len(given) == 2 else given * 4)
    return top, left, bottom, right


def fits(product: Product) -> bool:
    """Return whether the kernel can do it: groups, unless there is one for each channel, start at whole steps."""
    return product.depthwise or product.groups == 1 or product.channels // product.groups % BYTES == 0
