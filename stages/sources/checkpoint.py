"""What a file of tensors holds: mappings within mappings, as training scripts leave them, told by dotted paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_SHOWN = 5
_LISTED = 12
_MOST = 1_000_000
WRAPPERS = ('_orig_mod.module.', 'module._orig_mod.', '_orig_mod.', 'module.', 'model.', 'ema_model.')
"""What compiling, parallel and averaged training put before the names."""


def as_mappings(held: Any) -> Any:
    """Return ``held`` with every list as a mapping by place, so that one kind of path leads everywhere.

    Raises ValueError for more entries than any training script leaves: lists that hold one list twice, and that again.
    """
    left = _MOST

    def mapping(held: Any) -> Any:
        nonlocal left
        if not isinstance(held, (Mapping, list, tuple)):
            return held
        left -= len(held)
        if left < 0:
            raise ValueError(f'it holds more than {_MOST:,} entries')
        pairs = held.items() if isinstance(held, Mapping) else ((str(n), value) for n, value in enumerate(held))
        return {name: mapping(value) for name, value in pairs}

    return mapping(held)


def at_path(held: Any, key: str) -> Any:
    """Return what lies at a dotted path; a name in the file may hold dots itself."""
    if not isinstance(held, Mapping):
        return None
    for name, value in held.items():
        if str(name) == key:
            return value
        if key.startswith(f'{name}.') and (found := at_path(value, key[len(str(name)) + 1 :])) is not None:
            return found
    return None


def mappings(held: Any, at: str = '') -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """Give every mapping by its dotted path, the outermost first, under an empty one."""
    if isinstance(held, Mapping):
        yield at, held
        for name, value in held.items():
            yield from mappings(value, f'{at}.{name}' if at else str(name))


def tensors_below(held: Any, at: str = '') -> Iterator[tuple[str, torch.Tensor]]:
    """Give every tensor below mappings, by its dotted path."""
    for name, value in held.items():
        path = f'{at}.{name}' if at else str(name)
        if is_tensor(value):
            yield path, value
        elif isinstance(value, Mapping):
            yield from tensors_below(value, path)


def is_tensor(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor)


def is_state_dict(held: Any) -> bool:
    """Say whether it is tensors by name and nothing else."""
    return isinstance(held, Mapping) and bool(held) and all(map(is_tensor, held.values()))


def prefixes(names: Mapping[str, Any]) -> list[str]:
    """Return what all names begin with, up to each dot: ``module.``, ``module.net.``."""
    first, last = min(names, default=''), max(names, default='')
    shared = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return [first[: i + 1] for i in range(shared) if first[i] == '.']


def globs_below(held: Any) -> list[str]:
    """Return globs for all mappings that lie in the outermost one."""
    return [f'{name}.*' for name, value in held.items() if isinstance(value, Mapping)]


def wrapper(names: list[str]) -> str:
    """Return the first part that most names share and wrappers of training are known to add; else nothing."""
    for known in WRAPPERS:
        if sum(name.startswith(known) for name in names) * 2 > len(names):
            return known
    return ''


def inside(held: Any) -> list[str]:
    """Return in lines what the file holds, and what to write."""
    if not isinstance(held, Mapping):
        return [f'it holds {type(held).__name__}; expected tensors by name, or a mapping that holds them']
    lines: list[str] = []
    ways: list[str] = []
    for key, mapping in mappings(held):
        tensors = [str(name) for name, value in mapping.items() if is_tensor(value)]
        if tensors and len(lines) < _LISTED:
            prefix = wrapper(tensors)
            lines.append(f'  {key or "(outermost)"}: {len(tensors)} tensors: {some(tensors)}')
            ways.append(', '.join([f'key: {key}'] * bool(key) + [f'prefix: {prefix}'] * bool(prefix)))
    plain = [str(name) for name, value in held.items() if not is_tensor(value) and not isinstance(value, Mapping)]
    lines += [f'  beside them: {some(plain)}'] * bool(plain)
    advice = next((way for way in ways if way), '') or 'key: NAME'
    return [
        'it holds',
        *lines,
        f'write into `weights` which are meant, like `{advice}`, and `drop: [globs]` for others',
    ]


def held(file: Any) -> list[dict[str, Any]]:
    """Return for each mapping of tensors its ``key`` and ``prefix``, as recipes write them, and its ``tensors``.

    Of each tensor its name, shape and dtype; the mapping with the most tensors comes first.
    """
    found = []
    for key, mapping in mappings(file):
        tensors = {str(name): value for name, value in mapping.items() if is_tensor(value)}
        if tensors:
            about = [[name, list(v.shape), str(v.dtype).removeprefix('torch.')] for name, v in tensors.items()]
            found.append({'key': key, 'prefix': wrapper([*tensors]), 'tensors': about})
    return sorted(found, key=lambda one: -len(one['tensors']))


def some(names: Sequence[str]) -> str:
    """Return the first few names, and how many there are beside."""
    more = f' and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''
    return ', '.join(names[:_SHOWN]) + more
