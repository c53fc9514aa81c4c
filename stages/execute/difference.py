"""Two actions compared: why a step is keyed otherwise than before, in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

DIGEST = re.compile('[0-9a-f]{64}')
ABSENT = 'nothing'
"""What stands for a value that is not there."""


def difference(
    old: Mapping[str, Any], new: Mapping[str, Any], *, steps: Mapping[str, str], modules: Iterable[str] = ()
) -> list[str]:
    """Return why two actions differ, a sentence for each reason.

    ``steps`` names, by role, the step that an input is from: of a role that is not in it nothing is said. ``modules``
    are those of our own that changed, where that is known.
    """
    reasons = []
    for name, words in (('format', 'form of the action'), ('salt', 'salt'), ('environment', 'lock file of the tool')):
        if old.get(name) != new.get(name):
            reasons.append(f'{words}: {_shown(old.get(name))} -> {_shown(new.get(name))}')
    if old.get('kind') != new.get('kind'):
        reasons.append(f'{new["kind"]} stands where {old.get("kind")} stood')
    else:
        reasons += _groups(old, new)
    reasons += _files(old.get('files', {}), new['files'])
    if old.get('code') != new.get('code'):
        named = ', '.join(modules)
        reasons.append(f'our code: {named} changed' if named else f'code of {new["kind"]} or a helper of it changed')
    for role in sorted(old.get('inputs', {}).keys() | new['inputs'].keys()):
        before, after = old.get('inputs', {}).get(role), new['inputs'].get(role)
        if before != after and after is None:
            reasons.append(f'{role} is not asked for any more')
        elif before != after and role in steps:
            reasons.append(f'{role} is other bytes, from {steps[role]}')
    return reasons


def _groups(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for group, words in (
        ('params', 'parameter'), ('declared', 'declared'), ('outputs', 'promised files'), ('tools', 'tool'),
        ('platform', 'platform'), ('settings', 'setting'),
    ):  # fmt: skip
        for place, before, after in changes(old.get(group), new.get(group)):
            yield f'{" ".join([words, *place])}: {_told(before, after)}'


def changes(old: Any, new: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Yield the places in which two JSON values differ, and both values there: as deep as both have the same shape."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted(old.keys() | new.keys()):
            inner = f'{place[0]}.{name}' if place else name
            yield from changes(old.get(name, ABSENT), new.get(name, ABSENT), (inner,))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new) and _nested(old) and _nested(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            inner = f'{place[0]}.{number}' if place else str(number)
            yield from changes(one, other, (inner,))
    elif old != new or type(old) is not type(new):
        yield place, old, new


def _nested(values: list[Any]) -> bool:
    return all(isinstance(value, Mapping) for value in values)


def _told(old: Any, new: Any) -> str:
    """Return both values; of long lists of words only what went and what came."""
    if isinstance(old, str) and isinstance(new, str) and len(old.split()) > 5 and len(new.split()) > 5:
        gone, come = (set(a.split()) - set(b.split()) for a, b in ((old, new), (new, old)))
        return ' '.join([*(f'-{word}' for word in sorted(gone)), *(f'+{word}' for word in sorted(come))])
    return f'{_shown(old)} -> {_shown(new)}'


def _shown(value: Any) -> str:
    if isinstance(value, str) and DIGEST.fullmatch(value):
        return f'{value[:12]}…'
    text = ABSENT if value in (None, '') else value if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f'{text[:57]}...'


def _files(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            how = 'changed' if name in old and name in new else 'is new' if name in new else 'is not read any more'
            yield f'recipes/{name} {how}'
