"""``run`` of a variant: the engine's options, and the setting it is measured in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from stages.contract.engine import Engine
from stages.cpu import ISAS
from stages.recipe import asks, entries
from stages.recipe.mistakes import Mistakes
from stages.recipe.params import read_params
from stages.recipe.strict_yaml import Node

KEYS: Final = ('batch', 'threads', 'scenario', 'sizes', 'isa')
"""What is every engine's; the other keys are options of one."""


@dataclass(frozen=True)
class Run:
    """How a variant is run."""

    options: Any
    """The engine's ``Options``; None where they are wrong."""

    batch: int = 1
    threads: tuple[int, ...] = ()
    scenarios: tuple[str, ...] = ()
    sizes: Mapping[str, tuple[int, ...]] = field(default_factory=dict, hash=False)
    isa: str = ''


def read_run(
    node: Node | None, at: Node, engine: Engine, batched: bool, dimensions: set[str] | None, mistakes: Mistakes
) -> Run:
    """Return how a variant is run. ``dimensions``: as ``asks.read_benchmark`` takes them; ``batched``: one is batch."""
    what = f'`run` ({engine.ENGINE})'
    given = entries.mapping(node, what, mistakes) if node is not None else {}
    if given is None:
        return Run(None)
    told: dict[str, Any] = {}
    for key, below in given.items():
        words = f'`{key}` of {what}'
        if key == 'batch':
            told['batch'] = entries.positive(below, words, mistakes, most=65536)
            if (told['batch'] or 1) > 1 and not batched:
                mistakes.add(below, '`batch` is set, but no input has the dimension `batch` in its shape')
        elif key == 'threads':
            told['threads'] = asks.read_threads(below, words, mistakes)
        elif key == 'scenario':
            told['scenarios'] = asks.read_scenarios(below, words, mistakes)
        elif key == 'sizes':
            told['sizes'] = asks.read_several_sizes(below, words, dimensions, mistakes)
        elif key == 'isa':
            told['isa'] = entries.word(below, [*ISAS], words, mistakes)
    options = {key: below for key, below in given.items() if key not in KEYS}
    read = read_params(engine.Options, options, node or at, what, mistakes, also=KEYS)
    return Run(read, **{name: value for name, value in told.items() if value})
