"""The small checks that every part of a recipe is made of. Each notes a mistake and returns None."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stages.recipe.mistakes import Mistakes, Place, listed, nearest, shown, suggest
from stages.recipe.params import WRONG, read_value
from stages.recipe.strict_yaml import Key, Node


def mapping(
    node: Node,
    what: str,
    mistakes: Mistakes,
    known: Sequence[str] | None = None,
    required: Sequence[str] = (),
) -> dict[Key, Node] | None:
    """Return the entries with known keys (``known`` None: any); None when it is no mapping."""
    if not isinstance(node.value, dict):
        mistakes.add(node, f'{what} is {shown(node.value)}; expected a mapping{_with(known)}')
        return None
    meant = set()  # what is only misspelt is not missing as well: one mistake, one line
    for key in node.value:
        if known is not None and key not in known:
            meant.add(nearest(key, known))
            mistakes.add(key, f'{what} has no key {shown(str(key))}; it has {listed(known)}{suggest(key, known)}')
    missing(node.value, [name for name in required if name not in meant], node, what, mistakes)
    return {key: below for key, below in node.value.items() if known is None or key in known}


def missing(given: dict[Key, Node], required: Sequence[str], at: Place, what: str, mistakes: Mistakes) -> None:
    """Note every required key that is not given."""
    for name in required:
        if name not in given:
            mistakes.add(at, f'{what} needs the key `{name}`')


def _with(known: Sequence[str] | None) -> str:
    return f' with {listed(known)}' if known else ''


def typed(node: Node, hint: Any, what: str, mistakes: Mistakes) -> Any:
    """Return the value as ``hint`` wants it, or None."""
    value = read_value(node, hint, what, mistakes)
    return None if value is WRONG else value


def text(node: Node, what: str, mistakes: Mistakes) -> str | None:
    """Return text that is not empty."""
    found: str | None = typed(node, str, what, mistakes)
    if found is not None and not found.strip():
        mistakes.add(node, f'{what} is empty; expected text')
        return None
    return found


def texts(node: Node, what: str, mistakes: Mistakes) -> tuple[str, ...] | None:
    """Return a list of different texts, at least one."""
    if not isinstance(node.value, list) or not node.value:
        mistakes.add(node, f'{what} is {shown(node.value)}; expected a list of texts')
        return None
    found: list[str] = []
    for number, below in enumerate(node.value, 1):
        one = text(below, f'{what}: text {number}', mistakes)
        if one is None:
            return None
        if one in found:
            mistakes.add(below, f'{what} names {shown(one)} twice')
            return None
        found.append(one)
    return tuple(found)


def positive(node: Node, what: str, mistakes: Mistakes, most: int = 10**9, least: int = 1) -> int | None:
    """Return a whole number between ``least`` and ``most``."""
    found: int | None = typed(node, int, what, mistakes)
    if found is not None and not least <= found <= most:
        mistakes.add(node, f'{what} is {shown(found)}; expected {least} to {most}')
        return None
    return found


def share(node: Node, what: str, mistakes: Mistakes, least: float = 0.0, most: float = 1.0) -> float | None:
    """Return a number between ``least`` and ``most``."""
    found: float | None = typed(node, float, what, mistakes)
    if found is not None and not least <= found <= most:
        mistakes.add(node, f'{what} is {found:g}; expected {least:g} to {most:g}')
        return None
    return found


def word(node: Node, words: Sequence[str], what: str, mistakes: Mistakes) -> str | None:
    """Return one of ``words``."""
    if isinstance(node.value, str) and node.value in words:
        return node.value
    near = suggest(node.value, words)
    mistakes.add(node, f'{what} is {shown(node.value)}; expected {"one of " * (len(words) > 1)}{listed(words)}{near}')
    return None
