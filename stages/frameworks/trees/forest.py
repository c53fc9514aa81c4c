"""Boosted trees as data, whichever library wrote them: what readers make and what becomes ONNX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stages.contract.port import BATCH, Contract, Port
from stages.errors import IntegrityError

if TYPE_CHECKING:
    import numpy

FEATURES, PREDICTION = 'features', 'prediction'
"""What the ports are called: these files have no names for them."""

MOST_FEATURES, MOST_OUTPUTS = 1 << 24, 1 << 16
"""What a model may say of itself before a list is made of it."""

SHOWN = 8
"""Features that a note names."""

Link = Literal['identity', 'sigmoid', 'softmax', 'exp', 'argmax', 'step', 'signed square', 'log1p exp']
"""What a sum of leaves becomes."""


@dataclass(frozen=True)
class Tree:
    """One tree: an array for each thing that a node has, the root first. A leaf has no children (-1) and a value."""

    feature: numpy.ndarray
    threshold: numpy.ndarray
    """float32: a row whose feature is below it (``Forest.inclusive``: or equal) goes left."""

    left: numpy.ndarray
    right: numpy.ndarray
    missing_left: numpy.ndarray
    """Where a row without the feature (NaN) goes."""

    value: numpy.ndarray
    """float64; of leaves."""

    group: int = 0
    """The output that it adds to."""

    sets: tuple[tuple[int, ...], ...] = ()
    """Of nodes that decide by category: those categories that go left; all others go right."""

    by: numpy.ndarray | None = None
    """Which of ``sets`` a node asks, -1 where it compares with its threshold; None: all of them do."""

    @property
    def asked(self) -> numpy.ndarray:
        """Which of ``sets`` each node asks; -1: none."""
        import numpy as np

        return np.full(len(self.left), -1) if self.by is None else self.by

    @property
    def depth(self) -> int:
        """Return how many decisions the longest way takes."""
        return max(self.depths(), default=0)

    def depths(self) -> list[int]:
        """Return the depth of each node; children lie behind their parents, as ``checked`` makes sure."""
        found = [0] * len(self.left)
        for node, (left, right) in enumerate(zip(self.left.tolist(), self.right.tolist(), strict=True)):
            if left >= 0:
                found[left] = found[right] = found[node] + 1
        return found


@dataclass(frozen=True)
class Forest:
    """A whole model."""

    trees: tuple[Tree, ...]
    features: int
    outputs: int
    """Sums that the trees make: one, or one for each class."""

    base: tuple[float, ...]
    """What each sum starts from."""

    link: Link
    inclusive: bool
    """A row that equals a threshold goes left."""

    scale: float = 1.0
    """By what a sum is multiplied before the link."""

    zero_is_missing: tuple[int, ...] = ()
    """Features of which 0 counts as missing."""

    missing_is_zero: tuple[int, ...] = ()
    """Features of which NaN counts as 0."""

    names: tuple[str, ...] = ()
    """What the file calls the features; empty where it does not."""

    categories_from: Literal[0, -1] = 0
    """A category is a number's whole part. Of numbers between -1 and 0: 0 says that they are none, -1 that they are
    category 0."""

    @property
    def categorical(self) -> tuple[int, ...]:
        """The features that any node asks for a category, in their order."""
        return tuple(sorted({int(each) for tree in self.trees for each in tree.feature[tree.asked >= 0]}))

    @property
    def contract(self) -> Contract:
        """Return the ports: rows of features in, a number or one for each class out, as the library predicts."""
        several = self.outputs > 1 and self.link != 'argmax'
        shape = (BATCH, self.outputs) if several else (BATCH,)
        given = Port(FEATURES, (BATCH, self.features), 'float32', batch=0)
        chosen = self.categorical
        called = ', '.join(self.names[each] if each < len(self.names) else str(each) for each in chosen[:SHOWN])
        more = f' and {len(chosen) - SHOWN} more' if len(chosen) > SHOWN else ''
        note = f'categories, fed as the whole numbers that the model was trained on: features {called}{more}'
        return Contract((given,), (Port(PREDICTION, shape, 'float32', batch=0),), notes=(note,) if chosen else ())


def sized(where: str, features: int, outputs: int) -> None:
    """Raise IntegrityError for numbers of features and outputs that no model has."""
    if not (0 < features <= MOST_FEATURES and 0 < outputs <= MOST_OUTPUTS):
        most = f'{MOST_FEATURES:,} and {MOST_OUTPUTS:,}'
        raise IntegrityError(f'{where}: says {features:,} features and {outputs:,} outputs; expected 1 to {most}')


def checked(where: str, tree: Tree, features: int) -> Tree:
    """Return the tree with its nodes in an order in which children follow their parents.

    Raises IntegrityError for what is no tree: lists of unlike lengths, a child that is not there, a node that two
    parents have or none, a feature that the model has not, a number that is none, a set that is not there.
    """
    import numpy as np

    count = len(tree.left)
    lists = (tree.feature, tree.threshold, tree.left, tree.right, tree.missing_left, tree.value, tree.asked)
    if not count or any(len(each) != count for each in lists):
        raise IntegrityError(f'{where}: lists of {", ".join(str(len(each)) for each in lists)} numbers for its nodes')
    order, stack, seen = [], [0], [False] * count
    left, right, feature = tree.left.tolist(), tree.right.tolist(), tree.feature.tolist()
    while stack:
        node = stack.pop()
        if seen[node]:
            raise IntegrityError(f'{where}: node {node} is reached twice; it is no tree')
        seen[node] = True
        order.append(node)
        children = (left[node], right[node])
        if children == (-1, -1):
            continue
        if any(not 0 < child < count for child in children):
            raise IntegrityError(f'{where}: node {node} has the children {children}, of {count} nodes')
        if not 0 <= feature[node] < features:
            raise IntegrityError(f'{where}: node {node} asks for feature {feature[node]}, of {features}')
        stack += reversed(children)
    leaf = tree.left[order] < 0
    by = np.where(leaf, -1, tree.asked[order])
    if (by >= len(tree.sets)).any():
        raise IntegrityError(f'{where}: asks for set {by.max()} of categories, of {len(tree.sets)}')
    decided = np.where(leaf | (by >= 0), 0, tree.threshold[order])
    valued = np.where(leaf, tree.value[order], 0)
    if not np.isfinite(valued).all() or np.isnan(decided).any():
        raise IntegrityError(f'{where}: holds numbers that are not finite')
    place = np.full(count + 1, -1)  # the last place is that of -1
    place[order] = np.arange(len(order))
    return Tree(
        np.where(leaf, 0, tree.feature[order]), decided.astype(np.float32), place[tree.left[order]],
        place[tree.right[order]], tree.missing_left[order], valued, tree.group, tree.sets, by,
    )  # fmt: skip
