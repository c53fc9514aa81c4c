"""What a module keeps inside from call to call: buffers that forward writes to, and attributes that it sets.

A call is a call of its own here, so what is kept is put back before each. What forward only stores for speed (a table
made once) is told from it by asking twice.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

ABSENT: Final = object()
"""The value of an attribute that forward itself makes."""

PLAIN: Final = (bool, int, float, str, type(None))

_OF_TORCH: Final = frozenset(
    {
        '_parameters', '_buffers', '_modules', '_backward_hooks', '_backward_pre_hooks', '_forward_hooks',
        '_forward_hooks_with_kwargs', '_forward_hooks_always_called', '_forward_pre_hooks',
        '_forward_pre_hooks_with_kwargs', '_state_dict_hooks', '_state_dict_pre_hooks', '_load_state_dict_pre_hooks',
        '_load_state_dict_post_hooks', '_non_persistent_buffers_set', '_is_full_backward_hook', '_flat_weights',
        '_flat_weight_refs', '_flat_weights_names', '_all_weights', '_compiled_call_impl', 'training',
    }
)  # fmt: skip


@dataclass(frozen=True)
class Kept:
    """One value inside a module at one time."""

    held: Any
    """The object itself: another one in its place is a change, unless it is equal."""

    version: int
    copy: Any


def snapshot(module: Any) -> dict[str, Kept]:
    """Return what ``module`` and its parts hold; of a parameter that is written to, only that is noticed."""
    import torch

    found = {}
    for place, part in module.named_modules():
        for name, value in _values(part).items():
            copy = None if isinstance(value, torch.nn.Parameter) else _copied(value)
            found[f'{place}.{name}' if place else name] = Kept(value, _version(value), copy)
    return found


def changed(before: Mapping[str, Kept], module: Any) -> list[str]:
    """Return the names of what is another value than in ``before``; ``ABSENT`` before counts as well."""
    import torch

    found = []
    for place, part in module.named_modules():
        for name, value in _values(part).items():
            path = f'{place}.{name}' if place else name
            was = before.get(path)
            if was is None or not (
                was.held is value and was.version == _version(value)
                if isinstance(value, torch.nn.Parameter)
                else same(was.copy, value)
            ):
                found.append(path)
    return sorted(found)


def values(module: Any, names: Sequence[str]) -> dict[str, Any]:
    """Return copies of what ``module`` holds at ``names`` before its first call."""
    return {name: _copied(_get(*_owner(module, name))) for name in names}


@contextlib.contextmanager
def fresh(module: Any, initial: Mapping[str, Any]) -> Iterator[None]:
    """Let ``module`` begin with ``initial`` inside, and hold afterwards what it held before."""
    if not initial:
        yield
        return
    owners = {name: _owner(module, name) for name in initial}
    before = {name: _get(*owner) for name, owner in owners.items()}
    for name, value in initial.items():
        _set(*owners[name], _copied(value))
    try:
        yield
    finally:
        for name, value in before.items():
            _set(*owners[name], value)


def restore(module: Any, before: Mapping[str, Kept], names: Sequence[str]) -> None:
    """Put back what ``names`` were in ``before``."""
    import torch

    for name in names:
        was = before.get(name)
        if was is None:
            _set(*_owner(module, name), ABSENT)
        elif not isinstance(was.held, torch.nn.Parameter):
            _set(*_owner(module, name), _copied(was.copy))


def _owner(module: Any, name: str) -> tuple[Any, str]:
    path, _, last = name.rpartition('.')
    return (module.get_submodule(path) if path else module), last


def _get(owner: Any, name: str) -> Any:
    return getattr(owner, name, ABSENT)


def _set(owner: Any, name: str, value: Any) -> None:
    import torch

    if value is ABSENT:
        if hasattr(owner, name):
            delattr(owner, name)
    elif isinstance(owner, torch.jit.ScriptModule):
        setattr(owner, name, value)
    elif name in owner._buffers:
        owner._buffers[name] = value
    elif name in owner._parameters:
        owner._parameters[name] = value
    else:
        owner.__dict__[name] = value


def _values(part: Any) -> dict[str, Any]:
    """Return the values that a module itself holds, by name; of a TorchScript module its tensors."""
    import torch

    if isinstance(part, torch.jit.ScriptModule):
        return dict(part.named_buffers(recurse=False)) | _scripted(part)
    found = {**part._parameters, **part._buffers}
    for name, value in vars(part).items():
        if name not in _OF_TORCH and _plain(value):
            found[name] = value
    return {name: value for name, value in found.items() if name not in part._parameters or value is not None}


def _scripted(part: Any) -> dict[str, Any]:
    """Return the attributes of a TorchScript module that are no tensors: its dump alone lists them."""
    import re

    text = part._c.dump_to_str(code=False, attrs=True, params=False)
    own = text.partition('submodules {')[0].partition('attributes {')[2]
    names = [name for name in re.findall(r'(?m)^\s*(\w+) = ', own) if name != 'training' and part._c.hasattr(name)]
    return {name: value for name in names if _plain(value := part._c.getattr(name))}


def _plain(value: Any) -> bool:
    import torch

    if isinstance(value, (list, tuple, set)):
        return all(_plain(part) for part in value)
    if isinstance(value, dict):
        return all(isinstance(key, (str, int)) and _plain(part) for key, part in value.items())
    return isinstance(value, (*PLAIN, torch.Tensor))


def _version(value: Any) -> int:
    import torch

    return int(value._version) if isinstance(value, torch.Tensor) and not value.is_inference() else 0


def _copied(value: Any) -> Any:
    import torch

    if isinstance(value, torch.Tensor):
        made = value.detach().clone()
        return torch.nn.Parameter(made, value.requires_grad) if isinstance(value, torch.nn.Parameter) else made
    if isinstance(value, dict):
        return {key: _copied(part) for key, part in value.items()}
    if isinstance(value, (list, set)):
        return type(value)(_copied(part) for part in value)
    if isinstance(value, tuple):
        parts = [_copied(part) for part in value]
        return type(value)(*parts) if hasattr(value, '_fields') else tuple(parts)
    return value


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, number by number."""
    import torch

    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        if one.shape != other.shape or one.dtype != other.dtype:
            return False
        return torch.equal(one, other) or (one.is_floating_point() and torch.allclose(one, other, 0, 0, equal_nan=True))
    if isinstance(one, (list, tuple)):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(same(v, other[k]) for k, v in one.items())
    return type(one) is type(other) and bool(one == other)
