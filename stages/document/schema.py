"""The JSON Schema of a document, made from the dataclasses that ``stages.document.typed`` reads it into.

The string under a field is its description. A field without a default must be there; one that a class does not know is
let be, since a later version of ours may write it. Nothing here is on the way of loading a model or of an idle build.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from stages.document.typed import LATER, UNIONS, fields_of

Schema = dict[str, Any]

DRAFT: Final = 'https://json-schema.org/draft/2020-12/schema'
TYPES: Final[dict[Any, Schema]] = {
    int: {'type': 'integer'},
    float: {'type': 'number'},
    bool: {'type': 'boolean'},
    str: {'type': 'string'},
    type(None): {'type': 'null'},
}


def document_schema(cls: type[Any], title: str, *, format: int, required: typing.Iterable[str] = ()) -> Schema:
    """Return the schema of a document whose whole is ``cls``; ``format`` is the version that it has in the document.

    ``required`` are fields that must be there although the class has defaults for them.
    """
    found: dict[str, Schema] = {}
    whole = _object(cls, found)
    needed = [*whole.get('required', ()), *(name for name in required if name not in whole.get('required', ()))]
    head: Schema = {
        '$schema': DRAFT,
        '$id': f'urn:modelkiln:{title.replace(" ", "-").lower()}:{format}',
        'title': title,
    }
    return head | whole | ({'required': needed} if needed else {}) | ({'$defs': found} if found else {})


def _object(cls: type[Any], found: dict[str, Schema]) -> Schema:
    about, properties = described(cls), {}
    for name, (hint, _) in fields_of(cls).items():
        text = about.get(name)
        properties[name] = _of(hint, found) | ({'description': text} if text else {})
    schema: Schema = {'type': 'object', 'description': _sentence(cls), 'properties': properties}
    late = {field.name for field in dataclasses.fields(cls) if field.metadata == LATER}
    required = [name for name, (_, needed) in fields_of(cls).items() if needed and name not in late]
    return schema | ({'required': required} if required else {})


def _of(hint: Any, found: dict[str, Schema]) -> Schema:
    """Return the schema of a type; classes that it names go to ``found``."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return {}
    if dataclasses.is_dataclass(hint):
        name = typing.cast('type[Any]', hint).__name__
        if name not in found:
            found[name] = {}  # it may hold others of its kind
            found[name] = _object(typing.cast('type[Any]', hint), found)
        return {'$ref': f'#/$defs/{name}'}
    if origin in UNIONS:
        return {'anyOf': [_of(arg, found) for arg in args]}
    if origin is Literal:
        return {'enum': [*args]}
    if origin is tuple and args[-1] is Ellipsis:
        return {'type': 'array', 'items': _of(args[0], found)}
    if origin is tuple:
        items = [_of(arg, found) for arg in args]
        return {'type': 'array', 'prefixItems': items, 'minItems': len(args), 'maxItems': len(args)}
    if origin in (dict, Mapping):
        return {'type': 'object', 'additionalProperties': _of(args[1], found)}
    return dict(TYPES[hint])


def _sentence(cls: type[Any]) -> str:
    return (inspect.getdoc(cls) or '').partition('\n')[0]


def described(cls: Callable[..., Any]) -> dict[str, str]:
    """Return the description of each field: the string under it, on one line; empty when there is none."""
    parts = [part for part in reversed(typing.cast('type', cls).__mro__) if dataclasses.is_dataclass(part)]
    return {name: text for part in parts for name, text in _described(part).items()}


def _described(cls: type[Any]) -> dict[str, str]:
    """Return the descriptions of the fields that the class itself adds."""
    source = Path(str(sys.modules[cls.__module__].__file__)).read_text(encoding='utf-8')
    body = next(
        node.body
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__
    )
    about = {}
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            text = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ''
            about[node.target.id] = ' '.join(str(text).split())
    return about
