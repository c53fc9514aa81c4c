"""What each layer of a quantized model costs: the noise that it adds to what it got, against the model in float."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stages.contract.tap import Node, Tapped
from stages.measure.blame import live

if TYPE_CHECKING:
    import numpy

ROUNDING: Final = frozenset(
    ['QuantizeLinear', 'DequantizeLinear', 'DynamicQuantizeLinear', 'FakeQuantize', 'QUANTIZE', 'DEQUANTIZE']
)
"""Operators that round and are no layers; what they lose is the next layer's."""


STRANGE: Final = 0.25
"""A noise above it between values that do not even share a name: they are not the same."""


@dataclass(frozen=True)
class Cost:
    """A layer; by what the model before calls it where a quantizer made several nodes of it."""

    name: str
    operator: str
    added: float
    """Power of the noise that it adds, over the power of its output in float."""

    total: float
    """Power of all the noise in its output, likewise."""


@dataclass(frozen=True)
class _Float:
    """A value of the model in float, and the node that gives it."""

    node: Node
    array: numpy.ndarray


def costs(model: Tapped, before: Tapped, *, own_names: bool = False) -> tuple[Cost, ...]:
    """Return the layers that are in both models, those that add most first; with the model's ``own_names`` for them.

    Noise is ``‖quantized - float‖² / ‖float‖²`` of a value; what a layer adds is that of its output without that of
    the worst of its inputs.
    """
    known = _by_name(before)
    noise: dict[str, float] = dict.fromkeys(model.inputs, 0.0)
    found: dict[str, Cost] = {}
    for node in live(model):
        carried = max((noise[name] for name in node.takes if name in noise), default=0.0)
        for name in node.gives:
            own, like = _noise(name, node, model.values, known)
            noise[name] = carried if own is None else own
            if own is not None and like is not None and node.operator not in ROUNDING and own > carried:
                named = node if own_names else like
                cost = Cost(named.name, named.operator, own - carried, own)
                found[cost.name] = max(cost, found.get(cost.name, cost), key=lambda one: one.added)
    return tuple(sorted(found.values(), key=lambda cost: (-cost.added, cost.name)))


def _by_name(model: Tapped) -> dict[str, list[_Float]]:
    """Return the values of a model by every name they go by: their own, their node's, the parts of a fused one."""
    named: dict[str, list[_Float]] = {}
    for node in model.nodes:
        for place, value in enumerate(node.gives):
            if value in model.values:
                for name in {*_parts(value), *(_parts(node.name) if not place else ())}:
                    named.setdefault(name, []).append(_Float(node, model.values[value]))
    return named


def _parts(name: str) -> list[str]:
    """Return the names in a name: TFLite joins those of what it fused, and its tap numbers them."""
    return [part.rpartition('#')[0] or part for part in name.split(';')]


def _noise(
    name: str, node: Node, values: Mapping[str, numpy.ndarray], known: Mapping[str, list[_Float]]
) -> tuple[float | None, Node | None]:
    """Return the noise of a value against its namesake in float, or the nearest value, and the node of that."""
    import numpy as np

    array = values.get(name)
    best: tuple[float | None, Node | None] = (None, None)
    if array is None or array.dtype.kind != 'f':
        return best
    names = dict.fromkeys([*_parts(name), *(_parts(node.name) if node.gives[0] == name else [])])
    likes = [like for each in names for like in known.get(each, ()) if like.array.shape == array.shape]
    for like in likes or (like for some in known.values() for like in some if like.array.shape == array.shape):
        power = float(np.sum(np.square(like.array, dtype=np.float64)))
        ratio = float(np.sum(np.square(array - like.array, dtype=np.float64))) / power if power else None
        if ratio is not None and (best[0] is None or ratio < best[0]):
            best = (ratio, like.node)
    return best if likes or (best[0] or 0) < STRANGE else (None, None)
