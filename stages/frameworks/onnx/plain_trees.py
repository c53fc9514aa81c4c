"""Trees of ``ai.onnx.ml`` (up to version 3 of the domain) in plain operators.

All trees are walked at once, a level at a time, by gathering what the nodes reached so far ask (Nakandala et al., A
Tensor Compiler for Unified Machine Learning Prediction Serving, OSDI 2020: tree traversal).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from stages.frameworks.onnx.plain_node import Node, Write, labels, transformed

if TYPE_CHECKING:
    import numpy

COMPARE: Final = {
    'BRANCH_LEQ': 'LessOrEqual',
    'BRANCH_LT': 'Less',
    'BRANCH_GT': 'Greater',
    'BRANCH_GTE': 'GreaterOrEqual',
}
MOST: Final = 1 << 26
"""Numbers at the leaves: 256 MB."""


def _regressor(node: Node) -> list[str]:
    count = int(node.told.get('n_targets', 1))
    kind = node.told.get('aggregate_function', 'SUM')
    if kind not in ('SUM', 'AVERAGE'):
        raise node.refused(f'takes the {kind} of its trees')
    trees = len({*node.told['nodes_treeids']})
    sums, _ = _sums(node, 'target', count, 1 / trees if kind == 'AVERAGE' else 1.0)
    return [transformed(node, sums)]


def _classifier(node: Node) -> list[str]:
    count = len(node.told.get('classlabels_int64s') or node.told.get('classlabels_strings') or ())
    if count == 2 and len({*node.told['class_ids']}) == 1:
        return _of_two(node)
    sums, told = _sums(node, 'class', count, 1.0)
    # a class of which no leaf says anything has no score, and is not chosen
    chosen = node.op('Where', told, sums, node.floats(-3.4e38, 'none'))
    return [labels(node, sums if node.told.get('base_values') else chosen), transformed(node, sums)]


def _of_two(node: Node) -> list[str]:
    """Write a classifier whose trees tell of one class alone: the other has what is left of 1, or the opposite.

    Of the first class: where they tell of the second, ONNX Runtime answers the first in a way of its own.
    """
    if {*node.told['class_ids']} != {0}:
        raise node.refused('its trees tell of the second of two classes alone')
    sums, _ = _sums(node, 'class', 1, 1.0)
    kind = node.told.get('post_transform', 'NONE')
    if min(node.told['class_weights']) >= 0:
        if kind != 'NONE':
            raise node.refused(f'ends in {kind}, for two classes of which its trees, all for it, tell one')
        scores = node.op('Concat', node.op('Sub', node.floats(1, 'one'), sums), sums, axis=1)
        return [labels(node, scores), scores]
    both = node.op('Concat', node.op('Neg', sums), sums, axis=1)
    if kind not in ('NONE', 'LOGISTIC'):
        raise node.refused(f'ends in {kind}, for two classes')
    return [labels(node, both), transformed(node, both)]


def _sums(node: Node, word: str, count: int, share: float) -> tuple[str, str]:
    """Return for every row the sum of what its leaves say, an axis for targets or classes, and of which any says it."""
    import numpy as np

    told = node.told
    keys = [*zip(told['nodes_treeids'], told['nodes_nodeids'], strict=True)]
    place = {key: at for at, key in enumerate(keys)}
    if len(place) != len(keys) or len(keys) * count > MOST:
        raise node.refused(f'has {len(keys):,} nodes, {len(place):,} of them of their own')
    modes = np.array(told['nodes_modes'])
    leaf = modes == 'LEAF'
    asked = {str(each) for each in modes[~leaf]} or {'BRANCH_LEQ'}
    if len(asked) != 1 or not asked <= {*COMPARE}:
        raise node.refused(f'its nodes ask {", ".join(sorted(asked))}')
    own = np.arange(len(keys))

    def child(side: str) -> numpy.ndarray:
        ids = zip(told['nodes_treeids'], told[f'nodes_{side}nodeids'], leaf, own, strict=True)
        found = [int(at) if ends else place[tree, at_id] for tree, at_id, ends, at in ids]
        return np.array(found, np.int64)

    try:
        yes, no = child('true'), child('false')
    except KeyError as error:
        raise node.refused(f'names a node that is not there: {error}') from error
    values, says = np.zeros((len(keys), count), np.float32), np.zeros((len(keys), count), np.float32)
    for tree, at, target, weight in zip(
        *(told[f'{word}_{part}'] for part in ('treeids', 'nodeids', 'ids', 'weights')), strict=True
    ):
        values[place[tree, at], target if count > 1 else 0] += weight * share
        says[place[tree, at], target if count > 1 else 0] = 1
    roots = _roots(node, keys, [*yes[~leaf], *no[~leaf]])
    reached = _walked(node, roots, _depth(node, roots, yes, no, leaf), {
        'feature': np.where(leaf, 0, told['nodes_featureids']),
        'value': np.array(told['nodes_values'], np.float32),
        'yes': yes,
        'no': no,
        'none': np.array(told.get('nodes_missing_value_tracks_true') or [0] * len(keys), bool) & ~leaf,
    }, COMPARE[asked.pop()])  # fmt: skip
    sums, says_any = (
        node.op(
            'ReduceSum', node.op('Gather', node.floats(table, name), reached), node.wholes([1], 'trees'), keepdims=0
        )
        for table, name in ((values, 'leaves'), (says, 'says'))
    )
    base = node.told.get('base_values')
    sums = node.op('Add', sums, node.floats(base, 'base')) if base else sums
    return sums, node.op('Greater', says_any, node.floats(0, 'nothing'))


def _roots(node: Node, keys: Sequence[Any], children: Sequence[Any]) -> list[int]:
    """Return the node of each tree that is nobody's child."""
    below = {int(each) for each in children}
    roots = [at for at in range(len(keys)) if at not in below]
    if sorted(keys[at][0] for at in roots) != sorted({tree for tree, _ in keys}):
        raise node.refused('its nodes are no trees: each has one root')
    return roots


def _depth(node: Node, roots: Sequence[int], yes: Any, no: Any, leaf: Any) -> int:
    """Return how many decisions the longest way takes. Raises UnsupportedError for ways that meet or go in rings."""
    level, depth, seen = {*roots}, 0, len(roots)
    while level := {int(side[at]) for at in level if not leaf[at] for side in (yes, no)}:
        depth += 1
        seen += len(level)
        if seen > len(leaf):
            raise node.refused('its nodes are no trees: ways meet')
    return depth


def _walked(node: Node, roots: Sequence[int], depth: int, tables: Mapping[str, Any], compare: str) -> str:
    """Return the leaf that each row reaches in each tree: an axis for rows, one for trees."""
    held = {word: node.graph.weight(table, f'{node.proto.output[0]}_{word}') for word, table in tables.items()}
    rows, misses = node.single(node.x), bool(tables['none'].any())
    at = node.wholes(roots, 'roots')
    # the roots for every row: what is reached has an axis for rows from the start
    counted = node.op('Slice', node.op('Shape', rows), *(node.wholes([each], 'cut') for each in (0, 1)))
    shape = node.op('Concat', counted, node.wholes([len(roots)], 'count'), axis=0)
    at = node.op('Expand', at, shape)
    for _ in range(depth):
        asked = {word: node.op('Gather', table, at, axis=0) for word, table in held.items() if misses or word != 'none'}
        value = node.op('GatherElements', rows, asked['feature'], axis=1)
        goes = node.op(compare, value, asked['value'])
        if misses:
            goes = node.op('Or', goes, node.op('And', node.op('IsNaN', value), asked['none']))
        at = node.op('Where', goes, asked['yes'], asked['no'])
    return at


OPERATORS: Final[Mapping[str, Write]] = {'TreeEnsembleRegressor': _regressor, 'TreeEnsembleClassifier': _classifier}
