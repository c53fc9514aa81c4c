"""Weights and factors in the order in which the kernel reads them."""

from __future__ import annotations

from typing import Any

from stages.frameworks.tvm.graph.int8.product import BYTES, Product, Tile, first_filter, panels


def weight_panels(weights: Any, product: Product, tile: Tile) -> Any:
    """Return ``weights`` [filters, channels of a section, height, width] as [panels, height, width, steps, bytes].

    A step's bytes are four input channels of each of the panel's filters, or for a depthwise product its one weight.
    """
    import numpy as np

    filters, channels, high, wide = weights.shape
    filled = np.zeros((filters, product.steps * BYTES, high, wide), np.int8)
    filled[:, :channels] = weights
    steps = filled.reshape(filters, product.steps, BYTES, high, wide)
    by_panel = per_panel(steps.transpose(0, 3, 4, 1, 2), product, tile)  # [panels, filter, y, x, step, byte]
    turned = by_panel.transpose(0, 2, 3, 4, 1, 5)
    return np.ascontiguousarray(turned.reshape(*turned.shape[:4], tile.filters * BYTES))


def per_panel(values: Any, product: Product, tile: Tile) -> Any:
    """Return ``values``, one for each filter, as [panels, filters of a panel], zeros where there is no filter."""
    import numpy as np

    sections = values.reshape(product.sections, product.section_filters, *values.shape[1:])
    lacking = max(tile.filters - product.section_filters, 0)
    sections = np.pad(sections, [(0, 0), (0, lacking)] + [(0, 0)] * (values.ndim - 1))
    starts = [first_filter(product, tile, panel) for panel in range(panels(product, tile))]
    return np.stack([section[start : start + tile.filters] for section in sections for start in starts])
