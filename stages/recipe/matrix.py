"""One line, a whole table: ``{x}`` in a variant becomes each value of ``matrix: {x: [...]}``."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Collection
from typing import Any, Final

from stages.recipe import entries
from stages.recipe.mistakes import Mistakes, listed, shown, suggest
from stages.recipe.strict_yaml import Key, Node

PLACE: Final = re.compile(r'\{([A-Za-z_][A-Za-z0-9_]*)\}')
MAX_VARIANTS: Final = 1000


def read_rows(node: Node, what: str, mistakes: Mistakes) -> list[dict[str, Any]]:
    """Return the table: every combination of the values, the last name turning fastest."""
    given = entries.mapping(node, what, mistakes)
    if given is None:
        return []
    before = len(mistakes)
    columns = {str(key): _read_column(key, below, what, mistakes) for key, below in given.items()}
    if not columns:
        mistakes.add(node, f'{what} is empty; expected at least one name with a list of values')
    if math.prod(map(len, columns.values())) > MAX_VARIANTS:
        mistakes.add(node, f'{what} makes more than {MAX_VARIANTS} variants')
    if len(mistakes) > before:
        return []
    return [dict(zip(columns, row, strict=True)) for row in itertools.product(*columns.values())]


def _read_column(key: Key, node: Node, what: str, mistakes: Mistakes) -> list[Any]:
    if not PLACE.fullmatch('{' + key + '}'):
        mistakes.add(key, f'{what} has the name {shown(str(key))}; expected letters, digits and `_`')
    if not isinstance(node.value, list) or not node.value:
        mistakes.add(node, f'`{key}` of {what} is {shown(node.value)}; expected a list of values')
        return []
    for below in node.value:
        if isinstance(below.value, (list, dict)) or below.value is None:
            mistakes.add(below, f'`{key}` of {what} holds {shown(below.value)}; expected a word or a number')
    values = [(type(below.value), below.value) for below in node.value if not isinstance(below.value, (list, dict))]
    if len({*values}) < len(values):
        mistakes.add(node, f'`{key}` of {what} has a value twice; keep one')
    return [below.value for below in node.value]


def fill(node: Node, row: dict[str, Any], mistakes: Mistakes) -> Node:
    """Return ``node`` with every ``{x}`` replaced. An exact ``"{x}"`` keeps the value's type; places stay."""
    if isinstance(node.value, dict):
        return node._replace(value={key: fill(below, row, mistakes) for key, below in node.value.items()})
    if isinstance(node.value, list):
        return node._replace(value=[fill(below, row, mistakes) for below in node.value])
    if not isinstance(node.value, str) or '{' not in node.value:
        return node
    check_places(node.value, row, node, mistakes)
    exact = PLACE.fullmatch(node.value)
    if exact and exact[1] in row:
        value = row[exact[1]]
        return node._replace(value=value, raw=written(value))
    text = fill_text(node.value, row)
    return node._replace(value=text, raw=text)


def fill_text(text: str, row: dict[str, Any]) -> str:
    """Return ``text`` with every known ``{x}`` replaced."""
    return PLACE.sub(lambda found: written(row[found[1]]) if found[1] in row else found[0], text)


def check_places(text: str, row: Collection[str], at: Node | Key, mistakes: Mistakes) -> None:
    """Note every ``{x}`` that the matrix does not have."""
    for name in PLACE.findall(text):
        if name not in row:
            mistakes.add(at, f'the matrix has no `{name}`; it has {listed(row)}{suggest(name, row)}')


def written(value: Any) -> str:
    """Return a value as a name shows it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
