"""Models of XGBoost (``.json``, ``.ubj``), read as data; https://xgboost.readthedocs.io tells the schema."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from stages.errors import IntegrityError, UnsupportedError
from stages.frameworks.trees import ubjson
from stages.frameworks.trees.forest import Forest, Link, Tree, checked, sized

LINKS: Final[Mapping[str, Link]] = {
    **dict.fromkeys(
        ('reg:squarederror', 'reg:linear', 'reg:absoluteerror', 'reg:pseudohubererror', 'reg:squaredlogerror',
         'reg:quantileerror', 'binary:logitraw', 'rank:pairwise', 'rank:ndcg', 'rank:map'),
        'identity',
    ),
    **dict.fromkeys(('binary:logistic', 'reg:logistic'), 'sigmoid'),
    **dict.fromkeys(('count:poisson', 'reg:gamma', 'reg:tweedie', 'survival:cox', 'survival:aft'), 'exp'),
    'multi:softprob': 'softmax',
    'multi:softmax': 'argmax',
    'binary:hinge': 'step',
}  # fmt: skip
"""By objective: what ``Booster.predict`` makes of the sums."""

MARGINS: Final = {'sigmoid': lambda p: math.log(p / (1 - p)), 'exp': math.log}
"""What the starting score, stored as a prediction, is as a sum."""

LARGEST: Final = 1 << 30
LARGEST_CATEGORY: Final = 1 << 24
"""What is as large is no category to XGBoost."""


def read(path: Path) -> Forest:
    """Return the model in ``path``; JSON or UBJSON by its content.

    Raises IntegrityError for a file that is damaged, UnsupportedError for what a model of trees alone cannot say.
    """
    document = _document(path)
    try:
        return _forest(path.name, document['learner'])
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise IntegrityError(f'{path.name}: no model of XGBoost: {type(error).__name__}: {error}') from error


def is_text(path: Path) -> bool:
    """Say whether a file is JSON: both forms begin with a brace, and only in text do a mark or white space follow."""
    with path.open('rb') as file:
        return file.read(2)[1:] in (b'"', b' ', b'\n', b'\r', b'\t')


def _document(path: Path) -> Any:
    size = path.stat().st_size
    if size > LARGEST:
        raise IntegrityError(f'{path.name}: {size:,} bytes; models of up to {LARGEST:,} are read')
    data = path.read_bytes()
    try:
        return json.loads(data) if is_text(path) else ubjson.read(data)
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f'{path.name}: neither JSON nor UBJSON of XGBoost: {error}') from error


def _forest(where: str, learner: Mapping[str, Any]) -> Forest:
    parameters, booster = learner['learner_model_param'], learner['gradient_booster']
    objective = learner['objective']['name']
    if objective not in LINKS:
        raise UnsupportedError(f'{where}: the objective {objective!r} is none of {", ".join(sorted(LINKS))}')
    if booster['name'] not in ('gbtree', 'dart'):
        raise UnsupportedError(f'{where}: a booster {booster["name"]!r}; models of trees (gbtree, dart) are read')
    dropped = booster.get('weight_drop')
    model = booster['gbtree']['model'] if booster['name'] == 'dart' else booster['model']
    features, classes = int(parameters['num_feature']), max(1, int(parameters['num_class']))
    targets = int(parameters.get('num_target', 1))
    outputs = max(classes, targets)
    sized(where, features, outputs)
    groups = [int(group) for group in model['tree_info']]
    if len(groups) != len(model['trees']) or any(not 0 <= group < outputs for group in groups):
        raise IntegrityError(f'{where}: {len(model["trees"])} trees, and {len(groups)} outputs named for them')
    weights = dropped if dropped is not None else [1.0] * len(groups)
    trees = tuple(
        _tree(f'{where}: tree {n}', tree, group, float(weight), features)
        for n, (tree, group, weight) in enumerate(zip(model['trees'], groups, weights, strict=True))
    )
    _check_features(where, trees)
    link = LINKS[objective]
    base = _base(where, parameters['base_score'], outputs, link)
    names = tuple(str(name) for name in learner.get('feature_names') or ())
    return Forest(trees, features, outputs, base, link, inclusive=False, names=names)


def _base(where: str, text: Any, outputs: int, link: Link) -> tuple[float, ...]:
    """Return what the sums start from: one number, or a list of them in a text."""
    values = [float(value) for value in str(text).strip('[] ').split(',')]
    values = values * outputs if len(values) == 1 else values
    if len(values) != outputs:
        raise IntegrityError(f'{where}: {len(values)} starting scores for {outputs} outputs')
    return tuple(MARGINS[link](value) for value in values) if link in MARGINS else tuple(values)


def _tree(where: str, tree: Mapping[str, Any], group: int, weight: float, features: int) -> Tree:
    import numpy as np

    if int(tree['tree_param'].get('size_leaf_vector', 1)) > 1:
        raise UnsupportedError(f'{where}: has several numbers in a leaf (multi_strategy=multi_output_tree)')
    left, right = (np.asarray(tree[side], np.int64) for side in ('left_children', 'right_children'))
    missing_left = np.asarray(tree['default_left'], bool)
    condition = np.asarray(tree['split_conditions'], np.float64)
    sets, by = _sets(where, tree, len(left))
    if sets and len(left) == len(right) == len(missing_left):  # what it chooses goes right, and ours goes left
        left, right = np.where(by >= 0, right, left), np.where(by >= 0, left, right)
        missing_left = missing_left ^ (by >= 0)
    found = Tree(
        np.asarray(tree['split_indices'], np.int64), condition.astype(np.float32), left, right, missing_left,
        condition * weight, group, sets, by,
    )  # fmt: skip
    return checked(where, found, features)


def _check_features(where: str, trees: tuple[Tree, ...]) -> None:
    """Refuse a feature that is a category here and a number there: it has one meaning for a whole model."""
    kinds: dict[int, bool] = {}
    for number, tree in enumerate(trees):
        inner = tree.left >= 0
        for feature, choosing in zip(tree.feature[inner].tolist(), (tree.asked[inner] >= 0).tolist(), strict=True):
            if kinds.setdefault(feature, choosing) != choosing:
                raise UnsupportedError(
                    f'{where}: tree {number}: feature {feature} is a category, and a number elsewhere'
                )


def _sets(where: str, tree: Mapping[str, Any], count: int) -> tuple[tuple[tuple[int, ...], ...], Any]:
    """Return the sets of categories that nodes choose, and for each node which of them; -1 where it compares."""
    import numpy as np

    by = np.full(count, -1)
    kinds = np.asarray(tree.get('split_type') or [0] * count, np.int64)
    held = [int(each) for each in tree.get('categories') or ()]
    nodes, starts, sizes = (
        [int(each) for each in tree.get(f'categories_{word}') or ()] for word in ('nodes', 'segments', 'sizes')
    )
    choosing = np.flatnonzero(kinds).tolist()
    if len(kinds) != count or set(kinds.tolist()) - {0, 1} or sorted(nodes) != choosing:
        raise IntegrityError(f'{where}: nodes {choosing[:8]} decide by category, and it has categories of {nodes[:8]}')
    if sum(sizes) > len(held):  # each node has its own part of the list: shared, few bytes would be very many sets
        raise IntegrityError(f'{where}: nodes choose {sum(sizes)} categories, and it lists {len(held)}')
    if not len(nodes) == len(starts) == len(sizes):
        raise IntegrityError(f'{where}: {len(nodes)} nodes with categories, {len(starts)} starts, {len(sizes)} sizes')
    sets = []
    for number, (node, start, size) in enumerate(zip(nodes, starts, sizes, strict=True)):
        chosen = held[start : start + size] if start >= 0 and size >= 0 else []
        if len(chosen) != size or any(not 0 <= each < LARGEST_CATEGORY for each in chosen):
            raise IntegrityError(f'{where}: node {node} has categories {start} to {start + size}, of {len(held)}')
        sets.append(tuple(sorted(set(chosen))))
        by[node] = number
    return tuple(sets), by
