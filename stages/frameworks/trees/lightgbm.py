"""Models of LightGBM (the text that ``Booster.save_model`` writes), read as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from stages.errors import IntegrityError, UnsupportedError
from stages.frameworks.trees.forest import Forest, Link, Tree, checked, sized

LINKS: Final[Mapping[str, Link]] = {
    **dict.fromkeys(
        ('regression', 'regression_l1', 'huber', 'fair', 'quantile', 'mape', 'lambdarank', 'rank_xendcg'), 'identity'
    ),
    **dict.fromkeys(('poisson', 'gamma', 'tweedie'), 'exp'),
    **dict.fromkeys(('binary', 'multiclassova', 'cross_entropy'), 'sigmoid'),
    'multiclass': 'softmax',
    'cross_entropy_lambda': 'log1p exp',
}
"""By objective: what ``Booster.predict`` makes of the sums."""

HEAD: Final = 'tree'
CATEGORY, DEFAULT_LEFT = 1, 2
"""Bits of a node's ``decision_type``; the two above them say what counts as missing."""

NONE, ZERO, NAN, CHOSEN = range(4)
"""What counts as missing: by the file's own numbers; the last is ours, for features that are categories."""

LARGEST: Final = 1 << 30


def read(path: Path) -> Forest:
    """Return the model in ``path``.

    Raises IntegrityError for a file that is damaged, UnsupportedError for what a model of trees alone cannot say.
    """
    size = path.stat().st_size
    if size > LARGEST:
        raise IntegrityError(f'{path.name}: {size:,} bytes; models of up to {LARGEST:,} are read')
    try:
        head, *blocks = _blocks(path.read_text('utf-8'))
        if HEAD not in head:
            raise ValueError('it does not begin with the line `tree`')
        return _forest(path.name, head, blocks)
    except (KeyError, ValueError, IndexError, OverflowError) as error:
        raise IntegrityError(f'{path.name}: no model of LightGBM: {type(error).__name__}: {error}') from error


def _blocks(text: str) -> Iterator[dict[str, str]]:
    """Give the head and then each tree, as a name and a text a line; what follows the trees is no part of the model."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition('=')
        if name == 'Tree':
            yield found
            found = {}
        if name == 'end of trees':
            yield found
            return
        if line and name in found:
            raise ValueError(f'{name} stands twice in one block')
        if line:
            found[name] = value
    raise ValueError('it is cut short: no line `end of trees`')


def _forest(where: str, head: Mapping[str, str], blocks: list[dict[str, str]]) -> Forest:
    name, *options = head.get('objective', '').split()
    asked = dict(option.partition(':')[::2] for option in options)
    if name not in LINKS:
        raise UnsupportedError(f'{where}: the objective {name or "none"!r} is none of {", ".join(sorted(LINKS))}')
    features, outputs = int(head['max_feature_idx']) + 1, int(head['num_tree_per_iteration'])
    sized(where, features, outputs)
    if len(blocks) % outputs:
        raise IntegrityError(f'{where}: {len(blocks)} trees, {outputs} of them for each round')
    if int(head.get('num_class', '1')) > 1 and outputs == 1:
        raise UnsupportedError(f'{where}: {head["num_class"]} classes, and one tree a round')
    missing: dict[int, int] = {}
    trees = tuple(_tree(f'{where}: tree {n}', block, n % outputs, features, missing) for n, block in enumerate(blocks))
    rounds = len(blocks) // outputs
    averaged = 'average_output' in head and rounds > 1
    scale = float(asked.get('sigmoid', '1')) if LINKS[name] == 'sigmoid' else 1.0
    link: Link = 'signed square' if 'sqrt' in asked else LINKS[name]
    if averaged and link != 'identity':
        raise UnsupportedError(f'{where}: averages its trees, and makes {link} of that')
    return Forest(
        trees, features, outputs, (0.0,) * outputs, link, inclusive=True, scale=scale / (rounds if averaged else 1),
        zero_is_missing=tuple(sorted(feature for feature, kind in missing.items() if kind == ZERO)),
        missing_is_zero=tuple(sorted(feature for feature, kind in missing.items() if kind == NONE)),
        names=tuple(head.get('feature_names', '').split()), categories_from=-1,
    )  # fmt: skip


def _tree(where: str, block: Mapping[str, str], group: int, features: int, missing: dict[int, int]) -> Tree:
    """Return a tree; ``missing`` gets, by feature, what counts as missing, which is one thing in all trees."""
    import numpy as np

    if block.get('is_linear', '0') not in ('0', ''):
        raise UnsupportedError(f'{where}: has linear models in its leaves (linear_tree)')
    leaves = _numbers(block, 'leaf_value')
    if len(leaves) != int(block['num_leaves']):
        raise IntegrityError(f'{where}: {len(leaves)} values for {block["num_leaves"]} leaves')
    inner = len(leaves) - 1
    if not inner:
        one = np.zeros(1, np.int64)
        return checked(where, Tree(one, one, one - 1, one - 1, one > 0, leaves, group), features)
    feature, decision, left, right = (
        _numbers(block, name).astype(np.int64)
        for name in ('split_feature', 'decision_type', 'left_child', 'right_child')
    )
    if len({len(feature), len(decision), len(left), len(right), inner}) > 1:
        raise IntegrityError(f'{where}: {inner + 1} leaves, and other numbers of decisions')
    choosing = (decision & CATEGORY) > 0
    kinds = np.where(choosing, CHOSEN, (decision >> 2) & 3)  # a row without a category goes right, whatever is missing
    for one, kind in zip(feature.tolist(), kinds.tolist(), strict=True):
        if missing.setdefault(one, kind) != kind:
            raise UnsupportedError(f'{where}: feature {one} counts other values as missing than in another tree')
    thresholds = _numbers(block, 'threshold')
    sets = _sets(where, block) if choosing.any() else ()
    by = np.where(choosing, thresholds, -1).astype(np.int64)
    if (by[choosing] < 0).any():
        raise IntegrityError(f'{where}: a decision by category names no set of categories')
    # leaves stand behind the decisions; a child below 0 names one
    left, right = (np.where(side < 0, inner + ~side, side) for side in (left, right))
    nothing, ends = np.zeros(inner + 1), np.full(inner + 1, -1)
    return checked(
        where,
        Tree(
            np.concatenate([feature, nothing.astype(np.int64)]),
            np.concatenate([_down(thresholds), nothing.astype(np.float32)]),
            np.concatenate([left, ends]), np.concatenate([right, ends]),
            np.concatenate([((decision & DEFAULT_LEFT) > 0) & ~choosing, nothing > 0]),
            np.concatenate([nothing[:inner], leaves]), group, sets, np.concatenate([by, ends]),
        ),
        features,
    )  # fmt: skip


def _sets(where: str, block: Mapping[str, str]) -> tuple[tuple[int, ...], ...]:
    """Return the sets of categories: bits of 32-bit words, each set the words between two boundaries."""
    import numpy as np

    ends = [int(word) for word in block.get('cat_boundaries', '').split()]
    words = [int(word) for word in block.get('cat_threshold', '').split()]
    rising = all(one <= two for one, two in pairwise(ends))
    if ends[:1] != [0] or ends[-1] != len(words) or not rising or len(ends) != int(block['num_cat']) + 1:
        raise IntegrityError(f'{where}: {block.get("num_cat")} sets of categories; {len(words)} words, ends {ends[:9]}')
    bits = np.unpackbits(np.array(words, '<u4').view(np.uint8), bitorder='little')
    sets = (np.flatnonzero(bits[32 * one : 32 * two]) for one, two in pairwise(ends))
    # what no float32 is, no row can ask for
    return tuple(tuple(chosen[chosen.astype(np.float32).astype(np.int64) == chosen].tolist()) for chosen in sets)


def _numbers(block: Mapping[str, str], name: str) -> Any:
    import numpy as np

    return np.array([float(word) for word in block[name].split()], np.float64)


def _down(thresholds: Any) -> Any:
    """Return the largest float32 that is not above each: it divides the numbers of float32 in the same place."""
    import numpy as np

    with np.errstate(over='ignore'):  # what no float32 reaches becomes endless, and then the largest below it
        near = thresholds.astype(np.float32)
    return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near)
