"""Models of XGBoost (``.json``, ``.ubj``), read as data; https://xgboost.readthedocs.io tells the schema."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from stages.errors import IntegrityError, UnsupportedError
from stages.frameworks.trees import ubjson
from stages.frameworks.trees.forest import Forest, Link, Tree, checked

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
    groups = [int(group) for group in model['tree_info']]
    if len(groups) != len(model['trees']) or any(not 0 <= group < outputs for group in groups):
        raise IntegrityError(f'{where}: {len(model["trees"])} trees, and {len(groups)} outputs named for them')
    weights = dropped if dropped is not None else [1.0] * len(groups)
    trees = tuple(
        _tree(f'{where}: tree {n}', tree, group, float(weight), features)
        for n, (tree, group, weight) in enumerate(zip(model['trees'], groups, weights, strict=True))
    )
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
    if any(tree.get('split_type') or ()) or tree.get('categories_nodes'):
        raise UnsupportedError(
            f'{where}: decides by category; only numbers are read\n'
            'what to try: train on columns encoded as numbers (one-hot, ordinal)'
        )
    left, right = (np.asarray(tree[side], np.int64) for side in ('left_children', 'right_children'))
    condition = np.asarray(tree['split_conditions'], np.float64)
    found = Tree(
        np.asarray(tree['split_indices'], np.int64), condition.astype(np.float32), left, right,
        np.asarray(tree['default_left'], bool), condition * weight, group,
    )  # fmt: skip
    return checked(where, found, features)
