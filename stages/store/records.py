"""The one reader of what we note on disk: broken, of another version or not as expected is as if it were not there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from stages.atomic import write_text

FORMAT = 'format'
HEX = frozenset('0123456789abcdef')
Kinds = Mapping[str, type | tuple[type, ...]]


def read_record(path: Path | str, fields: Kinds, *, format: int | None = 1) -> dict[str, Any] | None:
    """Return the record at ``path`` when it has every one of ``fields``, each of its type; else None. Never raises.

    ``format`` None takes any version.
    """
    try:
        with open(path, 'rb') as stream:  # noqa: PTH123  # twice as fast, 1,000 times
            found = json.loads(stream.read())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or (format is not None and found.get(FORMAT, 1) != format):
        return None
    for name, kind in fields.items():
        if not isinstance(found.get(name), kind):
            return None
    return found


def write_record(path: Path, content: Mapping[str, Any], *, format: int = 1, durable: bool = False) -> None:
    """Replace the record at ``path``, whole: a field a line."""
    fields = {FORMAT: format, **content}
    text = '{\n' + ',\n'.join(f'"{name}": {json.dumps(fields[name], sort_keys=True)}' for name in fields) + '\n}'
    write_text(path, text + '\n', durable=durable)


def is_digest(value: object) -> TypeGuard[str]:
    """Whether ``value`` is a sha256 as we write it."""
    return isinstance(value, str) and len(value) == 64 and HEX.issuperset(value)


def is_seen(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether ``value`` says of each file what it was when we wrote it: its ``stat`` and its ``sha256``."""
    return isinstance(value, dict) and all(
        isinstance(file, dict)
        and is_digest(file.get('sha256'))
        and isinstance(stat := file.get('stat'), list)
        and all(isinstance(number, int) for number in stat)
        for file in value.values()
    )
