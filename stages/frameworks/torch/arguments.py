"""What a module's forward takes, and which argument, or which place in one, each input of a recipe is.

An input is called as forward calls it. What lies inside a dict, list, tuple or dataclass is called by a path:
``features.left`` is ``features['left']``, ``states.0`` is ``states[0]``. Names that are none of forward's go by its
order.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from stages.errors import StepError
from stages.frameworks.torch import paths


@dataclass(frozen=True)
class Argument:
    """One argument of forward."""

    name: str
    required: bool = True
    by: Literal['place', 'keyword', 'places', 'keywords'] = 'place'
    """How it is given: ``places`` is ``*args``, ``keywords`` is ``**kwargs``."""

    type: Any = None
    """Its annotation, without Optional; None where it has none."""

    default: Any = None

    @property
    def number(self) -> bool:
        """Whether it is a switch or a number: nothing that tensors are given to by place."""
        return self.type in (bool, int, float, str) or isinstance(self.default, (bool, int, float, str))


def arguments(module: Any) -> tuple[Argument, ...]:
    """Return what the forward of ``module`` takes, without the module itself."""
    import torch

    if isinstance(module, torch.jit.ScriptModule):
        forward: Any = module.forward
        return tuple(
            Argument(a.name, not a.has_default_value(), 'keyword' if a.kwarg_only else 'place', _of_jit(a.type))
            for a in forward.schema.arguments[1:]
        )
    return of_signature(module.forward)


def of_signature(function: Any) -> tuple[Argument, ...]:
    """Return what a function, or a bound method, takes."""
    known = inspect.signature(function).parameters.values()
    hints = _hints(function)
    ways: dict[Any, Literal['place', 'keyword', 'places', 'keywords']] = {
        inspect.Parameter.KEYWORD_ONLY: 'keyword',
        inspect.Parameter.VAR_POSITIONAL: 'places',
        inspect.Parameter.VAR_KEYWORD: 'keywords',
    }
    found = []
    for parameter in known:
        none = parameter.default is inspect.Parameter.empty
        by = ways.get(parameter.kind, 'place')
        default = None if none else parameter.default
        kind = _without_none(hints.get(parameter.name))
        found.append(Argument(parameter.name, none and by in ('place', 'keyword'), by, kind, default))
    return tuple(found)


def bound(where: str, taken: Sequence[Argument], names: Sequence[str]) -> list[str]:
    """Return the path in forward of each of the recipe's ``names``.

    Raises StepError with both lists where the names are half forward's and half not, where something that forward needs
    is missing, or where the order alone cannot tell.
    """
    by_name = {a.name: a for a in taken}
    rest = next((a.name for a in taken if a.by == 'keywords'), '')
    known = [name for name in names if _is_of(by_name, name)]
    order = _by_order(taken, names)
    if len(known) == len(names):
        found = list(names)
    elif rest and (known or order is None):
        found = [name if name in known else f'{rest}.{name}' for name in names]
    elif order is not None and (
        not known
        or (len(names) - len(known) == 1 and all(n not in known or n == p for n, p in zip(names, order, strict=True)))
    ):
        found = order
    else:
        raise StepError(_refused(where, taken, names, known))
    given = {path.partition('.')[0] for path in found}
    if missing := [a.name for a in taken if a.required and a.name not in given]:
        raise StepError(f'{_refused(where, taken, names, known)}\nmissing: {", ".join(missing)}')
    return found


def called(module: Any, taken: Sequence[Argument], values: Mapping[str, Any]) -> Any:
    """Call ``module`` with values by their paths; arguments that none of them names are left out."""
    placed, by_name = arranged(taken, values)
    return module(*placed, **by_name)


def arranged(taken: Sequence[Argument], values: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return values by their paths as positional arguments and keywords."""
    given = paths.tree(values)
    placed: list[Any] = []
    by_name: dict[str, Any] = {}
    gap = False
    for argument in taken:
        if argument.name not in given:
            gap = gap or argument.by == 'place'
            continue
        value = given[argument.name]
        if argument.by == 'places':
            placed += [value[key] for key in sorted(value, key=int)]
        elif argument.by == 'keywords':
            by_name |= value
        elif argument.by == 'keyword' or gap:
            by_name[argument.name] = _nested(argument.type, value, argument.default)
        else:
            placed.append(_nested(argument.type, value, argument.default))
    return placed, by_name


def listed(taken: Iterable[Argument]) -> str:
    """Return arguments in words: ``ids, mask (optional), *rest``."""
    stars = {'places': '*', 'keywords': '**'}
    return ', '.join(
        f'{stars.get(a.by, "")}{a.name}{"" if a.required or a.by in stars else " (optional)"}' for a in taken
    )


def _is_of(by_name: Mapping[str, Argument], name: str) -> bool:
    head, _, below = name.partition('.')
    return head in by_name and (bool(below) or by_name[head].by in ('place', 'keyword'))


def _by_order(taken: Sequence[Argument], names: Sequence[str]) -> list[str] | None:
    """Return the paths that names of the recipe's own have by their order; None where that leaves it open."""
    placed = [a for a in taken if a.by == 'place']
    needed = [a for a in placed if a.required]
    more = next((a.name for a in taken if a.by == 'places'), '')
    if any(a.required and a.by == 'keyword' for a in taken):
        return None
    if len(needed) == 1 and (inside := _inside(needed[0], names)) is not None:
        return inside
    if len(needed) <= len(names) <= len(placed):
        chosen = placed[: len(names)]
        return None if any(a.number for a in chosen) else [a.name for a in chosen]
    if more and len(names) > len(placed) and not any(a.number for a in placed):
        return [a.name for a in placed] + [f'{more}.{i}' for i in range(len(names) - len(placed))]
    return None


def _inside(argument: Argument, names: Sequence[str]) -> list[str] | None:
    """Return the paths of ``names`` in the one argument that holds them all, where its annotation says that it does."""
    origin = typing.get_origin(argument.type) or argument.type
    if not isinstance(origin, type):
        return None
    fields = _fields(origin)
    if fields or issubclass(origin, Mapping):
        fits = not fields or set(names) <= set(fields)
        return [f'{argument.name}.{name}' for name in names] if fits and not any('.' in n for n in names) else None
    if issubclass(origin, Sequence) and origin is not str:
        return [f'{argument.name}.{i}' for i in range(len(names))]
    return None


def _nested(kind: Any, value: Any, default: Any = None) -> Any:
    """Return nested dicts as the containers that an annotation, or else a default, asks for; else tuples and dicts."""
    if not isinstance(value, dict):
        return value
    kind = _without_none(kind)
    inner = typing.get_args(kind)
    origin = typing.get_origin(kind) or kind
    if isinstance(origin, type) and (fields := _fields(origin)):
        hints = _hints(origin)
        return origin(**{key: _nested(hints.get(key), part) for key, part in value.items() if key in fields})
    if isinstance(origin, type) and issubclass(origin, Mapping):
        key_of = int if inner and inner[0] is int else str
        return {key_of(key): _nested(inner[1] if len(inner) == 2 else None, part) for key, part in value.items()}
    if all(key.isdigit() for key in value):
        ordered = [value[key] for key in sorted(value, key=int)]
        held = [
            inner[i] if i < len(inner) and inner[i] is not ... else inner[0] if inner else None
            for i in range(len(ordered))
        ]
        made = [_nested(h, part) for h, part in zip(held, ordered, strict=True)]
        as_list = origin is not tuple and (
            isinstance(default, list) or (isinstance(origin, type) and issubclass(origin, Sequence))
        )
        return made if as_list else tuple(made)
    return {key: _nested(None, part) for key, part in value.items()}


def _fields(kind: Any) -> tuple[str, ...]:
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind))
    return tuple(getattr(kind, '_fields', ()))


def _hints(where: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(where)
    except Exception:  # names that exist for a type checker only
        return dict(getattr(where, '__annotations__', {}))


def _without_none(kind: Any) -> Any:
    """Return what an Optional is without None; of a union of several, the first."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return next((_without_none(part) for part in typing.get_args(kind) if part is not type(None)), None)
    return kind


def _of_jit(kind: Any) -> Any:
    """Return a type of TorchScript as the annotation it came from."""
    word = kind.kind()
    if word == 'OptionalType':
        return _of_jit(kind.getElementType())
    if word == 'ListType':
        return list[_of_jit(kind.getElementType())]  # type: ignore[misc]
    if word == 'DictType':
        return dict[_of_jit(kind.getKeyType()), _of_jit(kind.getValueType())]  # type: ignore[misc]
    if word == 'TupleType':
        return tuple[tuple(_of_jit(part) for part in kind.elements())]  # type: ignore[misc]
    return {'IntType': int, 'FloatType': float, 'BoolType': bool, 'StringType': str}.get(word)


def _refused(where: str, taken: Sequence[Argument], names: Sequence[str], known: Sequence[str]) -> str:
    import difflib

    said = f'{where}: takes {listed(taken)}; the recipe declares {len(names)} inputs ({", ".join(names)})'
    if known and (unknown := [name for name in names if name not in known]):
        near = difflib.get_close_matches(unknown[0], [a.name for a in taken if a.name not in known], 1)
        said += f': {", ".join(unknown)} is not among them' + (f'; did you mean {near[0]}?' if near else '')
    if any(a.number for a in taken):
        said += '\nwhat is a number or a switch keeps its default'
    return said + '\nwrite the names that forward has, in any order (`features.left` for what is inside of `features`)'
