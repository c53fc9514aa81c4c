"""A mapping becomes a frozen dataclass, by its type hints.

What may stand in a field: ``int``, ``float``, ``bool``, ``str``, ``Literal``, ``tuple[X, ...]``, ``dict[str, X]``
and ``X | None``.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Callable
from typing import Any, Final, Literal, TypeVar, cast

from stages.recipe.mistakes import Mistakes, Place, listed, nearest, shown, suggest
from stages.recipe.strict_yaml import Key, Node

WRONG: Final = object()
"""Stands for a value whose mistake is already noted."""

WORDS: Final[dict[Any, str]] = {
    int: 'a whole number',
    float: 'a number',
    bool: 'true or false',
    str: 'text',
    type(None): 'null',
}
UNIONS: Final = (typing.Union, types.UnionType)

T = TypeVar('T')


class Field(typing.NamedTuple):
    """A field of a dataclass as reading and the schema need it."""

    hint: Any
    required: bool
    default: Any


@functools.cache
def fields_of(cls: Callable[..., Any]) -> dict[str, Field]:
    """Return the fields that a recipe may write, by name."""
    hints = typing.get_type_hints(cls)
    return {f.name: _field(f, hints[f.name]) for f in dataclasses.fields(cls) if f.init}  # type: ignore[arg-type]


@functools.cache
def _default(cls: Callable[..., Any]) -> Any:
    """Return ``cls`` as it is when nothing is given; None when something must be. Frozen, so one serves all."""
    needed = any(field.required for field in fields_of(cls).values())
    try:
        return None if needed else cls()
    except ValueError:
        return None


def _field(field: dataclasses.Field[Any], hint: Any) -> Field:
    if field.default is not dataclasses.MISSING:
        return Field(hint, False, field.default)
    if field.default_factory is not dataclasses.MISSING:
        return Field(hint, False, field.default_factory())
    return Field(hint, True, None)


def read_params(
    cls: type[T],
    given: dict[Key, Node],
    at: Place,
    what: str,
    mistakes: Mistakes,
    also: tuple[str, ...] = (),
) -> T | None:
    """Return ``cls`` filled with ``given``; None when something is wrong, with every mistake noted.

    ``also`` names keys that somebody else reads from the same mapping: not accepted here, but offered in messages.
    """
    before, make = len(mistakes), cast('Callable[..., T]', cls)
    if not given and (default := _default(make)) is not None:
        return cast('T', default)
    fields = fields_of(make)
    known = [*fields, *also]
    values = {}
    meant = set()
    for key, node in given.items():
        if key not in fields:
            meant.add(nearest(key, known))
            has = f'it has {listed(known)}' if known else 'it has none'
            mistakes.add(key, f'{what} has no parameter {shown(str(key))}; {has}{suggest(key, known)}')
            continue
        values[str(key)] = read_value(node, fields[key].hint, f'`{key}` of {what}', mistakes)
    for name, field in fields.items():
        if field.required and name not in given and name not in meant:
            mistakes.add(at, f'{what} needs `{name}`: {expected(field.hint)}')
    if len(mistakes) > before or WRONG in values.values():
        return None
    try:
        return cls(**values)
    except ValueError as error:
        mistakes.add(at, f'{what}: {error}')
        return None


def read_value(node: Node, hint: Any, what: str, mistakes: Mistakes) -> Any:
    """Return the value as ``hint`` wants it, or ``WRONG`` with the mistake noted."""
    value, origin = node.value, typing.get_origin(hint)
    if origin in UNIONS:
        return _read_union(node, typing.get_args(hint), what, mistakes)
    if origin is tuple and isinstance(value, list):
        return _read_list(node, typing.get_args(hint), what, mistakes)
    if origin is dict and isinstance(value, dict):
        below = typing.get_args(hint)[1]
        values = {str(key): read_value(n, below, f'`{key}` in {what}', mistakes) for key, n in value.items()}
        return WRONG if WRONG in values.values() else values
    if origin is Literal:
        for choice in typing.get_args(hint):
            if type(choice) is type(value) and choice == value:
                return choice
    elif hint is float and type(value) in (int, float):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    elif hint is type(value):
        return value
    mistakes.add(node, f'{what} is {shown(value)}; expected {expected(hint)}{_advice(node, hint)}')
    return WRONG


def _read_list(node: Node, hints: tuple[Any, ...], what: str, mistakes: Mistakes) -> Any:
    if len(hints) == 2 and hints[1] is Ellipsis:
        hints = (hints[0],) * len(node.value)
    if len(hints) != len(node.value):
        mistakes.add(node, f'{what} has {len(node.value)} entries; expected {len(hints)}')
        return WRONG
    values = [
        read_value(below, hint, f'an entry of {what}', mistakes) for below, hint in zip(node.value, hints, strict=True)
    ]
    return WRONG if WRONG in values else tuple(values)


def _read_union(node: Node, hints: tuple[Any, ...], what: str, mistakes: Mistakes) -> Any:
    """Return the value by the first hint it fits; with one real choice, let that one say what is wrong."""
    for hint in hints:
        trial = Mistakes(mistakes.file)
        value = read_value(node, hint, what, trial)
        if value is not WRONG:
            return value
    real = [hint for hint in hints if hint is not type(None)]
    if len(real) == 1:
        return read_value(node, real[0], what, mistakes)
    mistakes.add(node, f'{what} is {shown(node.value)}; expected {" or ".join(map(expected, real))}')
    return WRONG


def expected(hint: Any) -> str:
    """Return in words what ``hint`` takes."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return f'one of {listed(args)}' if len(args) > 1 else f'`{args[0]}`'
    if origin in UNIONS:
        return ' or '.join(expected(arg) for arg in args if arg is not type(None))
    if origin is tuple:
        return f'a list, each entry {expected(args[0])}' if args else 'a list'
    if origin is dict:
        return f'a mapping, each value {expected(args[1])}'
    return WORDS.get(hint, str(hint))


def _advice(node: Node, hint: Any) -> str:
    if typing.get_origin(hint) is Literal:
        return suggest(node.value, [str(choice) for choice in typing.get_args(hint)])
    if hint is str and not isinstance(node.value, (list, dict)) and node.value is not None:
        return '; put it in quotes'
    if hint is bool and node.value in ('yes', 'no', 'on', 'off', 'Yes', 'No', 'On', 'Off'):
        return f'; did you mean `{"true" if node.value.lower() in ("yes", "on") else "false"}`?'
    return ''
