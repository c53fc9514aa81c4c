"""The limits of a NonMaxSuppression: TVM takes its own where they are left out or computed, and means "at least"."""

from __future__ import annotations

from typing import Final

from stages.frameworks.tvm.read.onnx_node import TOLD, Node, Writer

DEFAULTS: Final = {2: 0, 3: 0.0, 4: -3.0e38}
"""ONNX's, by the place of the input: most boxes per class, overlap, and a score that every box has."""


def computed(node: Node) -> bool:
    """Say whether a limit is no constant."""
    return any(node.input(place) and node.constant(place) is None for place in DEFAULTS)


def untold(node: Node) -> bool:
    """Say whether the limits are still as ONNX means them."""
    return not node.proto.name.endswith(TOLD)


def told(node: Node, writer: Writer) -> bool:
    """Write all limits; the overlap as the next number, since boxes of just that overlap are kept in ONNX alone."""
    import numpy as np

    limits = []
    for place, default in DEFAULTS.items():
        known = node.constant(place)
        value = np.array(default if known is None else known.reshape(-1)[0], 'int64' if place == 2 else 'float32')
        limits.append(writer.weight((np.nextafter(value, np.float32(np.inf)) if place == 3 else value).reshape(1)))
    same = writer.same()
    same.input[2:] = limits
    same.name = f'{node.proto.name or node.output(0)}{TOLD}'
    return True
