"""What the graph of a Paddle model may do, read as data: operators of a list, in every block and branch."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from stages.errors import IntegrityError, UnsupportedError
from stages.frameworks import message
from stages.frameworks.paddle.operators import OPERATORS

DIALECTS: Final = ('0', '1', '2')
"""How a graph of Paddle 3 begins the names of its own operators; any other is code from elsewhere."""

REMOTE: Final = ('epmap', 'endpoints')
"""Attributes that name other machines."""


def check(path: Path) -> None:
    """Raise UnsupportedError unless every operator in the graph at ``path`` is of the list."""
    data = path.read_bytes()
    try:
        found = _of_json(json.loads(data)) if path.suffix == '.json' else _of_program(data)
        foreign = {f'{name} ({where})': None for name, where in found if not _is_known(name)}
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise IntegrityError(f'{path.name}: a damaged graph: {type(error).__name__}: {str(error)[:200]}') from error
    if foreign:
        raise UnsupportedError(
            f'{path.name}: has operators that are not for inference: {", ".join([*foreign][:8])}\n'
            'what to try: export it with paddle.jit.save or save_inference_model, without printing, saving or Python'
        )


def counted(path: Path) -> dict[str, int]:
    """Return how many operators of each name the checked graph at ``path`` has; the most frequent first."""
    data = path.read_bytes()
    found = _of_json(json.loads(data)) if path.suffix == '.json' else _of_program(data)
    return dict(Counter(name for name, _ in found).most_common())


def _is_known(name: str) -> bool:
    return name in OPERATORS or (name.endswith('_') and name[:-1] in OPERATORS)  # in the place of what it takes


def _of_json(graph: Any) -> Iterator[tuple[str, str]]:
    """Give name and block of every operator of Paddle 3, those of branches and loops too."""
    waiting = list(graph['program']['regions'])
    while waiting:
        for block in waiting.pop()['blocks']:
            for operator in block['ops']:
                word = operator['#']
                dialect, _, name = word.partition('.')
                if word != 'p':  # a weight
                    yield name if dialect in DIALECTS else word, str(block.get('#', 'block'))
                waiting += operator.get('regions', [])


def _of_program(data: bytes) -> Iterator[tuple[str, str]]:
    """Give name and block of every operator of a .pdmodel."""
    for number, block in enumerate(message.fields(data)[1]):
        for operator in message.fields(block).get(4, []):
            held = message.fields(operator)
            names = [message.text(name) for name in held[3]]
            yield from ((name, f'block {number}') for name in names)
            for attribute in held.get(4, []):
                about = message.fields(attribute)
                if message.text(about[1][-1]) in REMOTE and (about.get(5) or about.get(8)):
                    yield f'{names[-1]} of another machine', f'block {number}'
