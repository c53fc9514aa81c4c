"""Trained weights of JAX as training leaves them, a safetensors or a msgpack file; both are data, and nothing is run.

What fits is decided by the model's own paths and shapes. ``key``, ``prefix`` and ``drop`` say which of a file's arrays
are meant; a word that all names of the model begin with, or all of the file's, need not be written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from stages.errors import StepError
from stages.sources.checkpoint import prefixes, some

Arrays = Mapping[str, Any]
ENDS: Final = ('.safetensors', '.msgpack')
ORBAX: Final = ('_METADATA', '_CHECKPOINT_METADATA', 'manifest.ocdbt', '.zarray')
"""Files that Orbax writes beside the arrays."""

WRITE: Final = (
    'write one where it was trained: safetensors.flax.save_file(arrays by name, file), '
    'or flax.serialization.to_bytes(variables)'
)


def read(files: Sequence[Path]) -> dict[str, Any]:
    """Return every array by its dotted path; of several files, which are shards of one, all they hold."""
    found: dict[str, Any] = {}
    if parts := [file.name for file in files if file.name in ORBAX]:
        raise StepError(f'{parts[0]}: a part of a checkpoint of Orbax, which is not read here\n{WRITE}')
    for file in files:
        held = _read(file)
        if twice := sorted(found.keys() & held.keys()):
            raise StepError(f"{file.name}: {some(twice)} stands in another of the files too; name one model's files")
        found |= held
    return found


def fitted(what: str, file: str, own: Arrays, held: Arrays, key: str, prefix: str, drop: Sequence[str]) -> Arrays:
    """Return an array of the file for each path of ``own``, in the model's type.

    Raises StepError with all that is missing, unexpected or of another shape.
    """
    if key and not any(name.startswith(f'{key}.') for name in held):
        raise StepError(f'{file}: `key: {key}` is not there; there are {some(sorted(held))}')
    below = {name[len(key) + 1 :]: array for name, array in held.items() if name.startswith(f'{key}.')} if key else held
    if prefix and not any(name.startswith(prefix) for name in below):
        raise StepError(f'{file}: no name begins with the prefix {prefix!r}; there are {some(sorted(below))}')
    short = {name.removeprefix(prefix): array for name, array in below.items()}
    if unused := [glob for glob in drop if not any(fnmatchcase(name, glob) for name in short)]:
        raise StepError(
            f'{file}: `drop` has {", ".join(unused)}, which matches nothing; there are {some(sorted(short))}'
        )
    kept = {name: array for name, array in short.items() if not any(fnmatchcase(name, glob) for glob in drop)}
    for way in _ways(own, kept, bool(prefix)):
        if not (wrong := _misfits(own, way)):
            return {name: way[name].astype(array.dtype) for name, array in own.items()}
    raise StepError('\n'.join([f'{file} does not fit the model of {what}', *(wrong or _misfits(own, kept))]))


def _ways(own: Arrays, kept: Arrays, told: bool) -> Iterator[Arrays]:
    """Give the names that the file's may mean, the most likely last: its complaints are the ones that are told."""
    if not told:
        for start in prefixes(dict(kept)):
            yield {name.removeprefix(start): array for name, array in kept.items()}
    for start in prefixes(dict(own)):
        yield {f'{start}{name}': array for name, array in kept.items()}
    yield kept


def _read(file: Path) -> dict[str, Any]:
    if file.suffix not in ENDS:
        raise StepError(f'{file.name}: no file of weights that is read here; expected {" or ".join(ENDS)}\n{WRITE}')
    try:
        if file.suffix == '.safetensors':
            from safetensors.flax import load_file

            held: Any = load_file(file)
        else:
            from flax.serialization import msgpack_restore

            held = msgpack_restore(file.read_bytes())
        return _named(held)
    except Exception as error:  # each library has errors of its own for a damaged file
        raise StepError(f'{file.name}: cannot be read as weights, it is damaged: {str(error)[:300]}') from error


def _named(held: Any) -> dict[str, Any]:
    """Return the arrays by their paths. Raises ValueError where two have one path: ``a.b``, and ``b`` in ``a``."""
    found: dict[str, Any] = {}
    for name, array in _flat(held):
        if name in found:
            raise ValueError(f'two of its arrays are {name[:80]!r}')
        found[name] = array
    return found


def _flat(held: Any, at: str = '') -> Iterator[tuple[str, Any]]:
    import numpy as np

    if isinstance(held, Mapping):
        for name, value in held.items():
            yield from _flat(value, f'{at}.{name}' if at else str(name))
    elif hasattr(held, 'shape') and hasattr(held, 'dtype'):
        yield at, held
    elif isinstance(held, (bool, int, float)):
        yield at, np.asarray(held)  # a counter of steps
    elif held is not None:
        raise ValueError(f'{at or "it"} is {type(held).__name__}, no array')


def _misfits(own: Arrays, given: Arrays) -> list[str]:
    missing = [name for name in own if name not in given]
    unexpected = [name for name in given if name not in own]
    shapes = [
        f'{name} {[*given[name].shape]}, the model has {[*own[name].shape]}'
        for name in own
        if name in given and given[name].shape != own[name].shape
    ]
    kinds = [
        f'{name} {given[name].dtype}, the model has {own[name].dtype}'
        for name in own
        if name in given and _whole(given[name]) != _whole(own[name])
    ]
    found = (
        ('missing', missing), ('unexpected', unexpected), ('of another shape', shapes),
        ('of another kind of number', kinds),
    )  # fmt: skip
    return [f'  {len(names)} {word}: {some(names)}' for word, names in found if names]


def _whole(array: Any) -> bool:
    return array.dtype.kind in 'iub'
