"""The ``regression:`` block: what may get worse from one build to the next, and by how much."""

from __future__ import annotations

from typing import Final

from stages.recipe import entries
from stages.recipe.mistakes import Mistakes, listed
from stages.recipe.strict_yaml import Node

SHARES: Final = {
    'latency': 'By which share a variant may get slower, against the baseline of its own rounds: 0.05 is 5 %.',
    'peak_memory': 'By which share its peak memory may grow.',
    'size': 'By which share its files may grow.',
}
DROP: Final = 'accuracy_drop'
DROP_WORDS: Final = "What its metric may lose, in the metric's units."

LARGEST: Final = 100.0


def read_regression(node: Node, most: float | None, mistakes: Mistakes) -> dict[str, float]:
    """Return what is allowed, by figure. ``most``: what the recipe's metric can fall by; None: it has none."""
    names = (*SHARES, DROP)
    given = entries.mapping(node, '`regression`', mistakes, names)
    found: dict[str, float] = {}
    for key, below in (given or {}).items():
        if key == DROP and most is None:
            mistakes.add(key, f'`{key}` needs `data: {{evaluate: {{…, metric: …}}}}` to measure it')
        top = LARGEST if key != DROP else 1.0 if most is None else most
        if (allowed := entries.share(below, f'`{key}` of `regression`', mistakes, most=top)) is not None:
            found[str(key)] = allowed
    if given == {}:
        mistakes.add(node, f'`regression` is empty; expected one of {listed(names)}, like `latency: 0.05`')
    return found
