"""Trained weights as training leaves them: state dicts, checkpoints around them, shards; read as tensors only.

What fits is decided by the module's own names and shapes. A recipe says ``key``, ``prefix`` and ``drop`` where a file
leaves open which of its tensors are meant; without them a file counts only when there is one way in which it fits.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.errors import StepError
from stages.sources.checkpoint import (
    as_mappings,
    at_path,
    globs_below,
    inside,
    is_state_dict,
    is_tensor,
    mappings,
    prefixes,
    some,
    tensors_below,
    wrapper,
)  # fmt: skip

if TYPE_CHECKING:
    import torch

_SHOWN = 5
Tensors = Mapping[str, 'torch.Tensor']


@dataclass(frozen=True)
class Pick:
    """Which tensors of a file are meant."""

    key: str = ''
    """Dotted path of the mapping in the file."""

    prefix: str = ''
    """What the names begin with there, and not in the module."""

    drop: tuple[str, ...] = ()
    """Globs of names that are not the module's."""

    @property
    def written(self) -> str:
        """As it stands in a recipe."""
        parts = [f'{name}: {value}' for name, value in (('key', self.key), ('prefix', self.prefix)) if value]
        return ', '.join([*parts, *([f'drop: [{", ".join(self.drop)}]'] if self.drop else [])])


def read(files: Sequence[Path]) -> Any:
    """Return what the file holds; of several, which are shards of one, all they hold. Nothing in it is run."""
    shards = [file for file in files if file.suffix != '.json']  # the index of shards says nothing that they do not
    if not shards:
        raise StepError('`weights`: no file of tensors was fetched')
    if len(shards) == 1:
        return _read(shards[0])
    joined: dict[Any, Any] = {}
    for file in shards:
        held = _read(file)
        if not isinstance(held, Mapping):
            raise StepError(
                f'{file.name}: holds {type(held).__name__}; each of several files must hold tensors by name'
            )
        if twice := sorted(map(str, joined.keys() & held.keys())):
            raise StepError(f"{file.name}: {some(twice)} stands in another of the files too; name one model's files")
        joined |= held
    return joined


def _read(file: Path) -> Any:
    import torch

    try:
        if file.suffix == '.safetensors':
            from safetensors.torch import load_file

            return load_file(file)
        _check_packed(file)
        return as_mappings(torch.load(file, map_location='cpu', weights_only=True))
    except Exception as error:
        raise StepError(
            f'{file.name}: cannot be read as plain weights: {str(error)[:500]}\n'
            'It is damaged, or it holds Python objects, whose loading runs code. Ask for a .safetensors file, or, '
            'where you trust the file, save its state_dict() to one.'
        ) from error


def _check_packed(file: Path) -> None:
    """Refuse a file that unpacks to more than it is, which none of torch does; one of an old torch is no archive."""
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > file.stat().st_size:
            raise ValueError(f'it unpacks to {unpacked:,} bytes; torch packs nothing')


def fitted(what: str, file: str, module: torch.nn.Module, held: Any, pick: Pick) -> tuple[dict[str, torch.Tensor], str]:
    """Return the state of ``module`` with the weights of ``held``, and how they were chosen where the recipe leaves it.

    Raises StepError with all that is missing, unexpected or of another shape, and with what the file holds.
    """
    state = module.state_dict()
    _check_pick(file, held, pick)
    fits: dict[Any, tuple[Pick, Tensors]] = {}
    for way, tensors in _ways(held, pick):
        if not _misfits(state, tensors):
            fits.setdefault(tuple(sorted((name, id(tensor)) for name, tensor in tensors.items())), (way, tensors))
    if len(fits) == 1:
        [(way, tensors)] = fits.values()
        return _filled(file, state, tensors), '' if way == pick else f'{file}: `{way.written}` is what fits'
    if fits:
        outermost = Pick(drop=(*pick.drop, *globs_below(held))).written
        each = ''.join(f'\n  {way.written or outermost}' for way, _ in fits.values())
        raise StepError(f'{file} holds {len(fits)} sets of weights that fit the module of {what}; write one of{each}')
    if pick == Pick() and not is_state_dict(held):
        raise StepError(
            '\n'.join([f'{file} is no state_dict (tensors by name) of the module of {what}', *inside(held)])
        )
    _, tensors = next(_ways(held, pick))
    if (by_hooks := _by_hooks(module, tensors)) is not None:
        return by_hooks, ''
    said = f' ({pick.written})' if pick.written else ''
    wrong = [*_misfits(state, tensors), *_hint(tensors)]
    raise StepError('\n'.join([f'{file}{said} does not fit the module of {what}', *wrong]))


def _check_pick(file: str, held: Any, pick: Pick) -> None:
    """Refuse a key, a prefix or a glob that means nothing in this file: it is a slip of the pen."""
    found = at_path(held, pick.key) if pick.key else held
    if pick.key and not isinstance(found, Mapping):
        has = 'is not there' if found is None else f'is {type(found).__name__}, no mapping'
        raise StepError('\n'.join([f'{file}: `key: {pick.key}` {has}', *inside(held)]))
    names = {path for path, _ in tensors_below(found)} if isinstance(found, Mapping) else set()
    short = {name for key, mapping in mappings(found) for name in map(str, mapping)}
    all_names = names | short
    if pick.prefix and not any(name.startswith(pick.prefix) for name in all_names):
        raise StepError(f'{file}: no name begins with the prefix {pick.prefix!r}; there are {some(sorted(names))}')
    known = all_names | {name.removeprefix(pick.prefix) for name in all_names}
    unused = [glob for glob in pick.drop if not any(fnmatchcase(name, glob) for name in known)]
    if unused:
        raise StepError(
            f'{file}: `drop` has {", ".join(unused)}, which matches nothing; there are {some(sorted(names))}'
        )


def _ways(held: Any, pick: Pick) -> Iterator[tuple[Pick, Tensors]]:
    """Give every set of tensors that the recipe's words can mean, with all the words that mean it.

    A set is a mapping's own tensors, or all below it by dotted names; its prefix, where the recipe says none, is one
    that all its names share.
    """
    for key, mapping in [(pick.key, at_path(held, pick.key))] if pick.key else mappings(held):
        everything = dict(tensors_below(mapping))
        own = {str(name): value for name, value in mapping.items() if is_tensor(value)}
        for found in [everything] if pick.key or everything.keys() == own.keys() else [everything, own]:
            kept = {name: value for name, value in found.items() if not _dropped(key, name, pick)}
            for prefix in (pick.prefix,) if pick.prefix else ('', *prefixes(kept)):
                short = {name.removeprefix(prefix): value for name, value in kept.items()}
                if short and len(short) == len(kept):
                    yield Pick(key, prefix, pick.drop), short


def _dropped(key: str, name: str, pick: Pick) -> bool:
    names = (name, name.removeprefix(pick.prefix), f'{key}.{name}')
    return any(fnmatchcase(each, glob) for glob in pick.drop for each in names)


def _misfits(state: Tensors, weights: Tensors) -> list[str]:
    """Return every name that is missing, unexpected, or of another shape or kind of number."""
    given = {name for names in _tied(state) if not weights.keys().isdisjoint(names) for name in names}
    # Old checkpoints lack the counters of normalization layers, which do nothing in eval mode.
    missing = [n for n in state if n not in weights and n not in given and not n.endswith('num_batches_tracked')]
    unexpected = [n for n in weights if n not in state]
    both = [n for n in weights if n in state]
    shapes = [
        f'{n} {list(weights[n].shape)}, the module has {list(state[n].shape)}'
        for n in both
        if weights[n].shape != state[n].shape
    ]
    kinds = [
        f'{n} {weights[n].dtype}, the module has {state[n].dtype}'
        for n in both
        if weights[n].is_floating_point() != state[n].is_floating_point() and not n.endswith('num_batches_tracked')
    ]
    found = (
        ('missing', missing), ('unexpected', unexpected), ('of another shape', shapes),
        ('of another kind of number', kinds),
    )  # fmt: skip
    return [f'  {len(names)} {word}: {some(names)}' for word, names in found if names]


def _filled(file: str, state: Tensors, weights: Tensors) -> dict[str, torch.Tensor]:
    """Return ``state`` with ``weights`` in the module's own types: a checkpoint in half precision is still float32."""
    given = dict(weights)
    for names in _tied(state):
        first, *others = [name for name in names if name in weights] or names
        for other in others:
            if other in weights and not _equal(weights[first], weights[other]):
                raise StepError(
                    f'{file}: {first} and {other} are one tensor in the module, but differ in the file\n'
                    'build a module that does not share them, or `drop` the one that does not count'
                )
        if first in weights:
            given |= dict.fromkeys(names, weights[first])
    return {name: given.get(name, own).to(own.dtype) for name, own in state.items()}


def _by_hooks(module: torch.nn.Module, held: Tensors) -> dict[str, torch.Tensor] | None:
    """Return the state where the module itself knows older names for its tensors (weight norm, attention)."""
    if held.keys() <= module.state_dict().keys():
        return None  # no older names
    try:
        module.load_state_dict(dict(held), strict=True)
    except RuntimeError:
        return None
    return module.state_dict()


def _tied(state: Tensors) -> list[list[str]]:
    """Return the groups of names that are one tensor."""
    groups: dict[Any, list[str]] = {}
    for name, tensor in state.items():
        if tensor.numel():
            groups.setdefault((tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype), []).append(name)
    return [names for names in groups.values() if len(names) > 1]


def _equal(one: torch.Tensor, two: torch.Tensor) -> bool:
    """Say whether the bytes are equal, NaN and all."""
    import torch

    same = one.shape == two.shape and one.dtype == two.dtype
    return same and torch.equal(*(t.contiguous().reshape(-1).view(torch.uint8) for t in (one, two)))


def _hint(held: Tensors) -> list[str]:
    prefix = wrapper([*held])
    others = [name for name in held if not name.startswith(prefix)]
    if not prefix:
        return []
    drop = f', drop: [{", ".join(others[:_SHOWN])}]' if others else ''
    return [f'most names begin with `{prefix}`: try `weights: {{…, prefix: {prefix}{drop}}}`']
