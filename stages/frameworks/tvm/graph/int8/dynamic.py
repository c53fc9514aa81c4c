"""Dynamic quantization: bytes whose scale and zero are found in each run, times constant bytes; sums are the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stages.frameworks.tvm.graph.int8 import emit, kernel
from stages.frameworks.tvm.graph.int8.graph import Graph, shape
from stages.frameworks.tvm.graph.int8.match import rows
from stages.frameworks.tvm.graph.int8.steps import Bytes


@dataclass(frozen=True)
class Sums:
    """A matrix multiplication of integers."""

    source: Any
    """Unsigned bytes."""

    zero: Any | None
    """What is subtracted from every one of them: known in a run; None where nothing is."""

    weights: Any
    """Signed bytes: [channels, filters]."""


def find(graph: Graph, value: Any) -> Sums | None:
    """Return the multiplication that ``value`` is, of bytes less a zero with constant bytes less theirs; or None."""
    import numpy as np

    call = graph.call(value, 'matmul')
    if call is None or str(call.ty.dtype) != 'int32':
        return None
    less = graph.call(call.args[0], 'subtract')
    wide = graph.call(call.args[0] if less is None else less.args[0], 'astype')
    zero = None if less is None else less.args[1]
    weights = graph.constant(call.args[1])
    if wide is None or str(wide.args[0].ty.dtype) != 'uint8' or len(shape(wide)) not in (2, 3):
        return None
    if weights is None or weights.ndim != 2 or weights.min(initial=0) < -128 or weights.max(initial=0) > 127:
        return None
    if zero is not None and np.prod(shape(zero), dtype=int) != 1:
        return None
    return Sums(wide.args[0], zero, weights.astype(np.int8))


def emitted(builder: Any, sums: Sums, mapped: Any) -> Any:
    """Emit the kernel; what the zero adds to each sum is taken off after it."""
    import numpy as np
    from tvm import relax

    source = mapped(sums.source)
    sizes, filters = shape(source), sums.weights.shape[1]
    product = rows(sizes, sums.weights)
    panels = sums.weights.T[:, :, None, None]
    totals = emit.call(
        builder,
        product,
        panels,
        np.zeros(filters),
        np.ones(filters),
        Bytes(source, 1.0, 0),
        kernel.Result('int32'),
    )
    result = builder.emit(relax.op.reshape(totals, (*sizes[:-1], filters)))
    if sums.zero is None:
        return result
    extra = relax.const(sums.weights.sum(axis=0, dtype=np.int32))
    zero = builder.emit(relax.op.reshape(mapped(sums.zero), (1,)))
    return relax.op.subtract(result, builder.emit(relax.op.multiply(zero, extra)))
