"""A forest as an ONNX graph: the one operator that ONNX has for trees, or plain operators that all engines run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

from stages.contract.port import BATCH
from stages.frameworks.onnx.build import Graph
from stages.frameworks.trees import categories
from stages.frameworks.trees.forest import FEATURES, PREDICTION, Forest

if TYPE_CHECKING:
    import numpy
    import onnx

Form = Literal['operator', 'plain']
ML: Final = 'ai.onnx.ml'
ML_VERSION: Final = 3
TINY: Final = 1e-35
"""What LightGBM takes for zero, where zero is missing."""


def to_onnx(forest: Forest, form: Form, rows: int | str = BATCH) -> onnx.ModelProto:
    """Return the graph of a forest, its ports those of ``forest.contract``, for so many rows.

    ``operator`` is ``TreeEnsembleRegressor``, which ONNX Runtime walks quickly and others lack. ``plain`` walks all
    trees at once, a level at a time, by gathering what the nodes reached so far ask (Nakandala et al., A Tensor
    Compiler for Unified Machine Learning Prediction Serving, OSDI 2020: tree traversal).
    """
    graph = Graph()
    values = categories.told(graph, forest, _filled(graph, forest, graph.name(FEATURES)))
    sums = _operator(graph, forest, values) if form == 'operator' else _plain(graph, forest, values)
    result = _linked(graph, forest, sums)
    [given], [returned] = forest.contract.inputs, forest.contract.outputs
    graph.op('Identity', result, name=PREDICTION)
    ends = [(port.name, port.dtype, (rows, *port.shape[1:])) for port in (given, returned)]
    made = graph.model(ends[:1], ends[1:])
    if form == 'operator':
        made.opset_import.add(domain=ML, version=ML_VERSION)
    return made


def _filled(graph: Graph, forest: Forest, rows: str) -> str:
    """Return the rows with NaN for what counts as missing, and 0 for what does not."""
    import numpy as np

    for features, word in ((forest.missing_is_zero, 'present'), (forest.zero_is_missing, 'missing')):
        if not features:
            continue
        mask = np.zeros((1, forest.features), bool)
        mask[0, list(features)] = True
        if word == 'present':
            meant, value = graph.op('IsNaN', rows, name='none'), 0.0
        else:
            size = graph.op('Abs', rows, name='size')
            meant, value = graph.op('LessOrEqual', size, graph.floats(TINY, 'tiny'), name='zero'), np.nan
        here = graph.op('And', meant, graph.weight(mask, f'{word}_features'), name=f'{word}_here')
        rows = graph.op('Where', here, graph.floats(value, f'{word}_value'), rows, name=f'{word}_told')
    return rows


def _operator(graph: Graph, forest: Forest, rows: str) -> str:
    import numpy as np

    if forest.categorical:
        categories.check_chains(forest)
        forest = replace(forest, trees=tuple(map(categories.chained, forest.trees)))
    counts = [len(tree.left) for tree in forest.trees]
    number, node = np.repeat(np.arange(len(counts)), counts), np.concatenate([np.arange(n) for n in counts])
    left, right = (_joined(forest, side) for side in ('left', 'right'))
    leaf = left < 0
    mode = 'BRANCH_LEQ' if forest.inclusive else 'BRANCH_LT'
    return graph.op(
        'TreeEnsembleRegressor', rows, name='sums', domain=ML, n_targets=forest.outputs,
        aggregate_function='SUM', post_transform='NONE', base_values=list(forest.base),
        nodes_treeids=number.tolist(), nodes_nodeids=node.tolist(),
        nodes_featureids=_joined(forest, 'feature').tolist(), nodes_values=_joined(forest, 'threshold').tolist(),
        nodes_modes=np.where(leaf, 'LEAF', np.where(_joined(forest, 'asked') >= 0, 'BRANCH_EQ', mode)).tolist(),
        nodes_truenodeids=np.maximum(left, 0).tolist(), nodes_falsenodeids=np.maximum(right, 0).tolist(),
        nodes_missing_value_tracks_true=_joined(forest, 'missing_left').astype(int).tolist(),
        target_treeids=number[leaf].tolist(), target_nodeids=node[leaf].tolist(),
        target_ids=np.repeat([tree.group for tree in forest.trees], counts)[leaf].tolist(),
        target_weights=_joined(forest, 'value')[leaf].tolist(),
    )  # fmt: skip


def _plain(graph: Graph, forest: Forest, rows: str) -> str:
    import numpy as np

    counts = [len(tree.left) for tree in forest.trees]
    roots = np.cumsum([0, *counts[:-1]])
    first, own = np.repeat(roots, counts), np.arange(sum(counts))
    left, right = (np.where((side := _joined(forest, name)) < 0, own, side + first) for name in ('left', 'right'))
    tables = {
        'feature': graph.weight(_joined(forest, 'feature').astype(np.int64), 'feature'),
        'threshold': graph.floats(_joined(forest, 'threshold'), 'threshold'),
        'missing_left': graph.weight(_joined(forest, 'missing_left').astype(bool), 'missing_left'),
        'left': graph.weight(left.astype(np.int64), 'left'),
        'right': graph.weight(right.astype(np.int64), 'right'),
    }
    member = categories.members(graph, forest, tables) if forest.categorical else ''
    at = ''
    start = graph.wholes(roots.tolist(), 'roots')
    for level in range(max(max(tree.depth for tree in forest.trees), 1)):
        asked = {name: graph.op('Gather', table, at or start, name=f'{name}_{level}') for name, table in tables.items()}
        if at:
            value = graph.op('GatherElements', rows, asked['feature'], name=f'value_{level}', axis=1)
        else:  # the roots are the same for every row
            value = graph.op('Gather', rows, asked['feature'], name='value_0', axis=1)
        kind = 'LessOrEqual' if forest.inclusive else 'Less'
        below = graph.op(kind, value, asked['threshold'], name=f'below_{level}')
        if member:
            below = categories.chosen(graph, asked, value, member, below, level)
        none = graph.op('IsNaN', value, name=f'none_{level}')
        without = graph.op('And', none, asked['missing_left'], name=f'without_{level}')
        goes = graph.op('Or', below, without, name=f'goes_left_{level}')  # nothing is below, or equals, NaN
        at = graph.op('Where', goes, asked['left'], asked['right'], name=f'at_{level}')
    leaves = graph.op('Gather', graph.floats(_joined(forest, 'value'), 'leaves'), at, name='leaf_values')
    groups = np.zeros((len(forest.trees), forest.outputs), np.float32)
    groups[np.arange(len(forest.trees)), [tree.group for tree in forest.trees]] = 1
    sums = graph.op('MatMul', leaves, graph.floats(groups, 'groups'), name='leaf_sums')
    return graph.op('Add', sums, graph.floats(forest.base, 'base'), name='sums')


def _joined(forest: Forest, name: str) -> numpy.ndarray:
    """Return one list of the nodes of all trees, one after the other."""
    import numpy as np

    joined: numpy.ndarray = np.concatenate([getattr(tree, name) for tree in forest.trees])
    return joined


def _linked(graph: Graph, forest: Forest, sums: str) -> str:
    """Return what the library's ``predict`` makes of the sums: a number for each row, or one for each class."""
    if forest.scale != 1:
        sums = graph.op('Mul', sums, graph.floats(forest.scale, 'scale'), name='scaled')
    if forest.link == 'argmax':
        best = graph.op('ArgMax', sums, name='best', axis=1, keepdims=0)
        return graph.op('Cast', best, name='class', to=1)
    made = _curved(graph, forest.link, sums)
    return made if forest.outputs > 1 else graph.op('Squeeze', made, graph.wholes([1], 'only'), name='of_rows')


def _curved(graph: Graph, link: str, sums: str) -> str:
    simple: dict[str, tuple[str, dict[str, Any]]] = {
        'sigmoid': ('Sigmoid', {}), 'softmax': ('Softmax', {'axis': 1}), 'exp': ('Exp', {}),
        'log1p exp': ('Softplus', {}),
    }  # fmt: skip
    if link in simple:
        operator, attributes = simple[link]
        return graph.op(operator, sums, name='linked', **attributes)
    if link == 'step':
        above = graph.op('Greater', sums, graph.floats(0, 'nought'), name='above')
        return graph.op('Cast', above, name='linked', to=1)
    if link == 'signed square':
        return graph.op('Mul', sums, graph.op('Abs', sums, name='magnitude'), name='linked')
    return sums
