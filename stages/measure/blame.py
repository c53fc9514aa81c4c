"""Which node of a model leaves the model before it: the first whose inputs are right and whose output is not.

Values are matched by what they hold, as tools rename, fuse and lay out anew: a value is right when the other model has
one of the same numbers, in whatever order. A node whose value has no like there (half of a fused one) is right as long
as something right follows from it: wrong numbers do not become right again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stages.contract.tap import Node, Tapped

if TYPE_CHECKING:
    import numpy

NEAR: Final = {'f32': 1e-3, 'f16': 1e-2, 'bf16': 5e-2}
"""By precision: how far apart (relative norm) two values are at most that are the same. Above the rounding of a deep
net and far below any fault that matters."""

FEW: Final = 4
"""Values of fewer numbers are like others by chance; they tell nothing."""


@dataclass(frozen=True)
class Blame:
    """The first node that is wrong."""

    name: str
    operator: str
    apart: float | None
    """How far its output is from the nearest value of its size there, relative; None: there is none of its size."""

    like: str
    """That value's name in the model before; empty where there is none."""

    place: int
    """Its place among the nodes that run, from 1."""

    nodes: int


def live(model: Tapped) -> tuple[Node, ...]:
    """Return the nodes that depend on what is fed: the others only make weights."""
    reached, nodes = set(model.inputs), []
    for node in model.nodes:
        if reached.intersection(node.takes):
            reached.update(node.gives)
            nodes.append(node)
    return tuple(nodes)


def blamed(model: Tapped, before: Tapped, precision: str) -> Blame | None:
    """Return the first node of ``model`` that leaves ``before``; None where every value follows from right ones."""
    nodes, known, near = live(model), _Known(before.values), NEAR[precision]
    right: dict[str, bool] = {}
    readers: dict[str, list[Node]] = {}
    for node in nodes:
        for name in node.takes:
            readers.setdefault(name, []).append(node)
    innocent: dict[int, bool] = {}
    for place in range(len(nodes) - 1, -1, -1):
        node = nodes[place]
        for name in node.gives:
            right[name] = known.holds(model.values.get(name), near)
        follows = any(innocent.get(id(reader), False) for name in node.gives for reader in readers.get(name, ()))
        innocent[id(node)] = follows or all(right[name] for name in node.gives)
    wrong = {name for node in nodes if not innocent[id(node)] for name in node.gives}
    for place, node in enumerate(nodes, start=1):
        if not innocent[id(node)] and not wrong.intersection(node.takes):
            first = next(name for name in node.gives if not right[name])
            like, apart = known.nearest(model.values.get(first))
            return Blame(node.name, node.operator, apart, like, place, len(nodes))
    return None


class _Known:
    """The values of a model, by how many numbers they hold; sorted once, when first asked for."""

    def __init__(self, values: Mapping[str, numpy.ndarray]) -> None:
        self.by_size: dict[int, list[str]] = {}
        self.values = {name: array for name, array in values.items() if array.dtype.kind in 'fiub'}
        for name, array in self.values.items():
            self.by_size.setdefault(array.size, []).append(name)
        self.ordered: dict[str, numpy.ndarray] = {}

    def holds(self, array: numpy.ndarray | None, near: float) -> bool:
        """Whether some value has these numbers; what tells nothing counts as right."""
        if array is None or array.size < FEW or array.dtype.kind not in 'fiub':
            return True
        return any(apart <= near for _, apart in self._all(array))

    def nearest(self, array: numpy.ndarray | None) -> tuple[str, float | None]:
        """Return the value that is nearest, and how far it is."""
        found = [] if array is None else [*self._all(array)]
        return min(found, key=lambda one: one[1]) if found else ('', None)

    def _all(self, array: numpy.ndarray) -> Iterator[tuple[str, float]]:
        """Give every value of this size with how far it is: norm of the difference over its own, both sorted."""
        import numpy as np

        mine = _ordered(array)
        for name in self.by_size.get(array.size, ()):
            if name not in self.ordered:
                self.ordered[name] = _ordered(self.values[name])
            own = self.ordered[name]
            both = np.isfinite(mine) & np.isfinite(own)
            if not np.array_equal(np.isfinite(mine), np.isfinite(own)):
                yield name, float('inf')
                continue
            norm = float(np.linalg.norm(own[both]))
            yield name, float(np.linalg.norm(mine[both] - own[both])) / norm if norm else float(np.any(mine[both]))


def _ordered(array: numpy.ndarray) -> numpy.ndarray:
    import numpy as np

    ordered: numpy.ndarray = np.sort(np.asarray(array, np.float64), axis=None)
    return ordered
