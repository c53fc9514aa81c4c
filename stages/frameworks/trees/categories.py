"""Decisions by category in ONNX: which of a feature’s categories, whole numbers, go left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from stages.errors import UnsupportedError
from stages.frameworks.onnx.build import Graph
from stages.frameworks.trees.forest import Forest, Tree

LONGEST: Final = 1 << 23
"""Comparisons that all sets of categories become, for the operator."""

LARGEST: Final = 1 << 26
"""Entries of the list of all sets of categories, in plain operators."""


def told(graph: Graph, forest: Forest, rows: str) -> str:
    """Return the rows with whole numbers for categories; what is none stays below 0, or NaN."""
    import numpy as np

    if not forest.categorical:
        return rows
    whole = graph.op('Floor', rows, name='whole')
    if forest.categories_from:  # whole part, as a cast has it: 0 for what lies between -1 and 0
        above = graph.op('Greater', rows, graph.floats(-1, 'before_none'), name='above_none')
        below = graph.op('Less', rows, graph.floats(0, 'first'), name='below_first')
        zero = graph.op('And', above, below, name='rounds_to_first')
        whole = graph.op('Where', zero, graph.floats(0, 'first_category'), whole, name='whole_part')
    mask = np.zeros((1, forest.features), bool)
    mask[0, list(forest.categorical)] = True
    return graph.op('Where', graph.weight(mask, 'categorical'), whole, rows, name='categories_told')


def chained(tree: Tree) -> Tree:
    """Return the tree with a comparison for each category, in a chain: the operator has no sets.

    The nodes of a chain share what is left of them, which ONNX Runtime knows and makes a set again.
    """
    import numpy as np

    asked = tree.asked.tolist()
    lists: dict[str, list[Any]] = {
        name: getattr(tree, name).tolist() for name in ('feature', 'left', 'right', 'missing_left', 'value')
    }
    thresholds, by = tree.threshold.tolist(), list(asked)
    for node, number in enumerate(asked):
        if number < 0:
            continue
        held = tree.sets[number] or (-2,)  # which no category is
        thresholds[node], last = float(held[0]), node
        for category in held[1:]:
            for name in ('feature', 'left', 'missing_left', 'value'):
                lists[name].append(lists[name][node])
            lists['right'].append(lists['right'][last])
            lists['right'][last] = len(thresholds)
            last = len(thresholds)
            thresholds.append(float(category))
            by.append(number)
    arrays: dict[str, Any] = {name: np.asarray(values) for name, values in lists.items()}
    return replace(tree, threshold=np.asarray(thresholds, np.float32), by=np.asarray(by), **arrays)


def check_chains(forest: Forest) -> None:
    """Raise UnsupportedError where ``chained`` would make very many comparisons: nodes may name one set."""
    made = 0
    for tree in forest.trees:
        sizes = [len(held) for held in tree.sets]
        made += sum(sizes[number] for number in tree.asked.tolist() if number >= 0)
    if made > LONGEST:
        words = f'decisions by category are {made:,} comparisons, more than {LONGEST:,}'
        raise UnsupportedError(f'{words}; what to try: onnx: {{trees: plain}}')


def members(graph: Graph, forest: Forest, tables: dict[str, str]) -> str:
    """Add to ``tables`` where the set of a node begins and ends in one list, which is returned: yes where a category is
    in it. The list begins with a no, for all that lies outside; a node that compares has an empty set there.
    """
    import numpy as np

    lists, first, size, end = [np.zeros(1, bool)], [], [], 1
    for tree in forest.trees:
        starts = [0]
        for held in tree.sets:
            starts.append(end)
            end += held[-1] + 1 if held else 0
            if end > LARGEST:
                raise UnsupportedError(
                    f'sets of categories make a list of more than {LARGEST:,}; what to try: onnx: {{trees: operator}}'
                )
            bits = np.zeros(held[-1] + 1 if held else 0, bool)
            bits[list(held)] = True
            lists.append(bits)
        first += [starts[number + 1] for number in tree.asked.tolist()]
        size += [-1 if number < 0 else len(lists[len(lists) - len(tree.sets) + number]) for number in tree.asked]
    tables['set'] = graph.wholes(first, 'set')
    tables['set_size'] = graph.floats(size, 'set_size')
    tables['compares'] = graph.weight(np.array(size) < 0, 'compares')
    return graph.weight(np.concatenate(lists), 'member')


def chosen(graph: Graph, asked: dict[str, str], value: str, member: str, below: str, level: int) -> str:
    """Return who goes left at a level: where a node has a set, what is in it, else what is ``below``."""
    zero = graph.floats(0, f'zero_{level}')
    low = graph.op('GreaterOrEqual', value, zero, name=f'some_{level}')
    high = graph.op('Less', value, asked['set_size'], name=f'within_{level}')
    inside = graph.op('And', low, high, name=f'inside_{level}')
    code = graph.op('Cast', graph.op('Where', inside, value, zero, name=f'code_{level}'), name=f'place_{level}', to=7)
    there = graph.op('Add', asked['set'], code, name=f'there_{level}')
    place = graph.op('Where', inside, there, graph.wholes([0], f'outside_{level}'), name=f'entry_{level}')
    found = graph.op('Gather', member, place, name=f'member_{level}')
    compares = graph.op('And', below, asked['compares'], name=f'compares_{level}')
    return graph.op('Or', compares, found, name=f'chosen_{level}')
