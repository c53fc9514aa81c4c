"""Quantized models in integers: bytes from one layer to the next, multiplied 64 at a time where the CPU can do it."""

from __future__ import annotations

from typing import Any

from stages.frameworks.tvm.target import Target


def integer(module: Any, target: Target) -> Any:
    """Return ``module`` with integer kernels for what stands between its ``dequantize`` and ``quantize``.

    Convolutions and matrix multiplications of bytes become kernels of our own; sums, pools and activations between two
    quantizations one kernel each, from bytes to bytes. What is not known stays float, and as right as before; so does
    everything where ``target`` lacks the instruction.
    """
    if not target.vnni:
        return module

    from tvm.relax import transform

    from stages.frameworks.tvm.graph.int8.rewrite import rewritten

    return transform.DeadCodeElimination()(rewritten(module))
