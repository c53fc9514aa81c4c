"""Tensors inside what a module returns or takes, by a path: ``hidden.0`` is ``result.hidden[0]``.

A part of a path is a key of a dict, a field of a dataclass or named tuple, or a place in a tuple or list.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from stages.errors import StepError

WHOLE: Final = '.'
"""The path of a value by itself."""


def leaves(value: Any, where: str, path: str = '') -> list[tuple[str, Any]]:
    """Return every tensor in ``value`` with its path, in order; a tensor by itself is at ``WHOLE``. None falls out.

    Raises StepError, which begins with ``where``, for what is neither a tensor nor holds any by name or place.
    """
    import torch

    if isinstance(value, torch.Tensor):
        return [(path or WHOLE, value)]
    if value is None:
        return []
    return [leaf for key, part in parts(value, where, path) for leaf in leaves(part, where, joined(path, key))]


def parts(value: Any, where: str, path: str = '') -> list[tuple[str, Any]]:
    """Return what ``value`` holds directly, by key, field or place."""
    if isinstance(value, Mapping) and all(isinstance(key, (str, int)) for key in value):
        return [(str(key), part) for key, part in value.items()]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    if isinstance(value, tuple) and hasattr(value, '_fields'):
        return list(zip(value._fields, value, strict=True))
    if isinstance(value, (tuple, list)):
        return [(str(place), part) for place, part in enumerate(value)]
    kind = type(value)
    name = kind.__name__ if kind.__module__ == 'builtins' else f'{kind.__module__}.{kind.__qualname__}'
    raise StepError(
        f'{where}: forward returns {f"as {path} " if path else ""}an object of the type {name}, in which no tensor '
        'can be found by name\nwhat to try: return tensors, in a tuple, a dict or a dataclass'
    )


def joined(path: str, key: str) -> str:
    """Return the path of ``key`` below ``path``."""
    return f'{path}.{key}' if path else key


def picked(value: Any, path: str) -> Any:
    """Return what is at ``path`` in ``value``; a tensor by itself is what it is, whatever the path.

    Works on the proxies of a symbolic trace too, whose structure nobody knows: there the path alone decides.
    """
    import torch

    while path not in ('', WHOLE) and not isinstance(value, torch.Tensor):
        key, _, rest = path.partition('.')
        if isinstance(value, Mapping):
            whole = path in value or (path.isdigit() and int(path) in value)  # a key may hold dots
            key, path = (path, '') if whole else (key, rest)
            value = value[key] if key in value else value[int(key)]
        elif isinstance(value, (torch.fx.Proxy, tuple, list)) and key not in getattr(value, '_fields', ()):
            held: Any = value
            value, path = held[int(key) if key.isdigit() else key], rest
        else:
            value, path = getattr(value, key), rest
    return value


def tree(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by path as nested dicts: ``{'a.x': 1, 'b': 2}`` as ``{'a': {'x': 1}, 'b': 2}``."""
    made: dict[str, Any] = {}
    for path, value in found.items():
        *above, last = path.split('.')
        place = made
        for key in above:
            place = place.setdefault(key, {})
        place[last] = value
    return made


def spellings(paths: Sequence[str], what: str) -> list[list[str]]:
    """Return what each path may be called in a recipe; the first is the name where the recipe gives none.

    A path itself, with ``_`` for ``.``, or its last part where that tells it from the others. Places are called
    after ``what``: ``output_0``, and ``output`` where there is only one.
    """
    lasts = [path.rpartition('.')[2] for path in paths]
    found = []
    for path, last in zip(paths, lasts, strict=True):
        if path == WHOLE:
            found.append([what])
            continue
        plain = ''.join(c if (c.isalnum() and c.isascii()) or c in '_-.' else '_' for c in path)
        under = plain.replace('.', '_')
        numbered = what if len(paths) == 1 else f'{what}_{under}'
        if last and not last.isdigit() and lasts.count(last) == 1:
            names = [plain.rpartition('.')[2]]
        else:
            names = [numbered if plain[0].isdigit() else under]
        found.append(list(dict.fromkeys([*names, path, plain, under, numbered])))
    return found


def called(names: Iterable[str], paths: Sequence[str], what: str) -> list[str]:
    """Return for each path the name that is among ``names``, if any is, else the one it has without a recipe."""
    wanted = set(names)
    choices = spellings(paths, what)
    taken = [name for options in choices for name in options]
    return [
        next((name for name in options if name in wanted and taken.count(name) == 1), options[0]) for options in choices
    ]
