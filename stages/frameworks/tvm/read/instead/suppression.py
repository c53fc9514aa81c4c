"""The limits of a NonMaxSuppression: TVM takes its own defaults where they are left out or computed."""

from __future__ import annotations

from typing import Final

from stages.frameworks.tvm.read.onnx_node import Node, Writer

DEFAULTS: Final = {2: 0, 3: 0.0, 4: -3.0e38}
"""ONNX's, by the place of the input: most boxes per class, overlap, and a score that every box has."""


def computed(node: Node) -> bool:
    """Say whether a limit is no constant."""
    return any(node.input(place) and node.constant(place) is None for place in DEFAULTS)


def left_out(node: Node) -> bool:
    """Say whether a limit is left out."""
    return not all(node.input(place) for place in DEFAULTS)


def told(node: Node, writer: Writer) -> bool:
    """Write the limits that are left out."""
    import numpy as np

    limits = [
        node.input(place) or writer.weight(np.array([value], 'int64' if place == 2 else 'float32'))
        for place, value in DEFAULTS.items()
    ]
    writer.same().input[2:] = limits
    return True
