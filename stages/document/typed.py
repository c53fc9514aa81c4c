"""JSON values become frozen dataclasses, by their type hints: one reader for every document that we write or take.

What may stand in a field: ``int``, ``float``, ``bool``, ``str``, ``None``, ``Any``, ``Literal``, ``X | Y``,
``tuple[X, ...]``, ``Mapping[str, X]`` and other such dataclasses. A field more than a class has is let be: a later
version of ours wrote it. ``stages.document.schema`` makes the JSON Schema of the same classes.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeVar

WORDS: Final[dict[Any, str]] = {
    int: 'a whole number',
    float: 'a number',
    bool: 'true or false',
    str: 'text',
    type(None): 'null',
}
"""What people call the types of JSON."""

LATER: Final[Mapping[str, Any]] = {'later': True}
"""The metadata of a field that its format did not have from the start: we always write it, and older files lack it."""

UNIONS: Final = (typing.Union, types.UnionType)

T = TypeVar('T')


def read(cls: type[T], value: Any, place: str = '') -> T:
    """Return ``cls`` filled with ``value``. Raises ValueError that names the place: ``files.model.onnx.size: …``."""
    if not isinstance(value, dict):
        raise ValueError(f'{place or "the whole"}: {_shown(value)}; expected an object')
    given = {}
    for name, (hint, required) in fields_of(cls).items():
        if name in value:
            given[name] = _value(hint, value[name], f'{place}.{name}' if place else name)
        elif required:
            raise ValueError(f'{place + "." if place else ""}{name}: is missing')
    return cls(**given)


def fields_of(cls: Any) -> dict[str, tuple[Any, bool]]:
    """Return the type of each field of a dataclass, and whether it must be there."""
    return _fields(cls)


@functools.cache
def _fields(cls: Any) -> dict[str, tuple[Any, bool]]:
    hints = typing.get_type_hints(cls)
    missing = dataclasses.MISSING
    return {
        f.name: (hints[f.name], f.default is missing and f.default_factory is missing)
        for f in dataclasses.fields(cls)
        if f.init
    }


def _value(hint: Any, value: Any, place: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if dataclasses.is_dataclass(hint):
        return read(typing.cast('type[Any]', hint), value, place)
    if origin in UNIONS:
        return _either(args, value, place)
    if origin is Literal and any(value == one and type(value) is type(one) for one in args):
        return value
    if origin is tuple and isinstance(value, list):
        return tuple(_value(args[0], one, f'{place}[{i}]') for i, one in enumerate(value))
    if origin in (dict, Mapping) and isinstance(value, dict):
        return {name: _value(args[1], one, f'{place}.{name}') for name, one in value.items()}
    if hint in WORDS and is_a(hint, value):
        return value if hint in (str, bool, type(None)) else hint(value)
    raise ValueError(f'{place}: {_shown(value)}; expected {expected(hint)}')


def _either(args: tuple[Any, ...], value: Any, place: str) -> Any:
    """Return ``value`` as the first of several types that it fits; of one besides null, its own words are the error."""
    rest = [arg for arg in args if arg is not type(None)]
    if value is None and len(rest) < len(args):
        return None
    if len(rest) == 1:
        return _value(rest[0], value, place)
    for arg in rest:
        try:
            return _value(arg, value, place)
        except ValueError:
            continue
    raise ValueError(f'{place}: {_shown(value)}; expected {" or ".join(map(expected, args))}')


def is_a(hint: Any, value: Any) -> bool:
    """Whether a value of JSON is of a plain type; true is no number, a whole number is one too, and 2.0 is whole."""
    if isinstance(value, bool):
        return hint is bool
    if hint is int and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, (int, float) if hint is float else hint)


def expected(hint: Any) -> str:
    """Return in words what a type takes."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return f'one of {", ".join(map(str, args))}'
    if origin is tuple:
        return 'a list'
    return WORDS.get(hint, 'an object')


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return 'an object'
    return 'a list' if isinstance(value, list) else repr(value)[:60]
