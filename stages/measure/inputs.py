"""Arrays of samples in, feeds out: the same bytes for every variant.

An array of samples has the samples along its first axis. When it has as many axes as the input, a sample is one row
of a batch; when it has one axis more, a sample is a whole input with a batch of one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stages.contract.port import Tensor
from stages.errors import StepError

if TYPE_CHECKING:
    import numpy

ROTATION: Final = 8
"""Different inputs in rotation, so that a shortcut that depends on the data shows (MLPerf bans caching for this)."""

BATCH: Final = 'batch'


def signature_of(request: Sequence[Mapping[str, Any]]) -> tuple[Tensor, ...]:
    """Return the signature that a request holds as plain JSON."""
    return tuple(Tensor(t['name'], tuple(t['shape']), t['dtype']) for t in request)


def read_arrays(file: str | None) -> dict[str, numpy.ndarray]:
    """Return the arrays of an ``.npz`` by name; never unpickles."""
    import numpy as np

    if not file:
        return {}
    with np.load(Path(file), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def samples(
    arrays: Mapping[str, numpy.ndarray],
    signature: Sequence[Tensor],
    sizes: Mapping[str, int],
    seed: int,
    carried: Collection[str] = (),
) -> dict[str, numpy.ndarray]:
    """Return an array of samples for every input: the data where there is some, else 16 seeded random ones.

    Inputs that are ``carried`` (state) begin with zeros; the data needs no array for them.
    """
    given = {t.name: _fitted(arrays[t.name], t, sizes) for t in signature if t.name in arrays}
    total = count(given) if given else 2 * ROTATION
    return {
        t.name: given[t.name] if t.name in given
        else _zeros(t, sizes, total) if t.name in carried
        else _random(t, sizes, seed)
        for t in signature
    }  # fmt: skip


def count(arrays: Mapping[str, numpy.ndarray]) -> int:
    """Return how many samples every array has."""
    return min(len(array) for array in arrays.values())


def rows(arrays: Mapping[str, numpy.ndarray], signature: Sequence[Tensor], batch: int) -> int:
    """Return how many samples make a feed: ``batch``, or what the signature fixes."""
    if any(BATCH in t.shape for t in signature):
        return batch
    fixed = [t.shape[0] for t in signature if t.shape and arrays[t.name].ndim == len(t.shape)]
    return next((n for n in fixed if isinstance(n, int)), 1)


def feed(
    arrays: Mapping[str, numpy.ndarray], signature: Sequence[Tensor], chosen: Sequence[int]
) -> dict[str, numpy.ndarray]:
    """Return one feed of the chosen samples."""
    return {t.name: _join(arrays[t.name], t, chosen) for t in signature}


def rotation(
    arrays: Mapping[str, numpy.ndarray], signature: Sequence[Tensor], batch: int
) -> list[dict[str, numpy.ndarray]]:
    """Return the feeds a cycle takes in turn; few samples are used again, from another start."""
    width, total = rows(arrays, signature, batch), count(arrays)
    return [feed(arrays, signature, [(k * width + i) % total for i in range(width)]) for k in range(ROTATION)]


def digest(arrays: Sequence[Mapping[str, numpy.ndarray]]) -> str:
    """Return the sha256 over names, shapes, types and bytes, in order."""
    import numpy as np

    total = hashlib.sha256()
    for group in arrays:
        for name, array in group.items():
            total.update(f'{name} {array.shape} {array.dtype.str}\n'.encode())
            total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def _fitted(array: numpy.ndarray, tensor: Tensor, sizes: Mapping[str, int]) -> numpy.ndarray:
    """Bring the data to the sizes asked for: cut, or repeated, along a named dimension; else it must fit."""
    import numpy as np

    whole = array.ndim == len(tensor.shape) + 1
    if not len(array) or not (whole or (tensor.shape and array.ndim == len(tensor.shape))):
        raise StepError(f'{tensor.name}: the data has the shape {array.shape}, the input {tensor.shape}')
    named = [d for d in range(len(tensor.shape)) if tensor.shape[d] != BATCH]
    if not whole:
        # Rows come first in the data, whereas the input may have its batch elsewhere.
        axis = tensor.shape.index(BATCH) if BATCH in tensor.shape else 0
        named = [d for d in named if d != axis]
    for d in named:
        size = tensor.shape[d]
        at = d + 1 if whole else (d if d > axis else d + 1)
        if isinstance(size, str) and size in sizes:
            array = np.take(array, range(sizes[size]), axis=at, mode='wrap')
        elif isinstance(size, int) and array.shape[at] != size:
            raise StepError(f'{tensor.name}: the data has {array.shape[at]} along axis {at}, the input takes {size}')
    return np.ascontiguousarray(array.astype(tensor.dtype, copy=False))


def _random(tensor: Tensor, sizes: Mapping[str, int], seed: int) -> numpy.ndarray:
    """Seeded by the input's name too, so that two inputs of one shape differ. Integers are 0 or 1: valid indices."""
    import numpy as np

    noise = np.random.default_rng([seed, *tensor.name.encode()])
    shape = (2 * ROTATION, *tensor.sized(**sizes, **({} if BATCH in sizes else {BATCH: 1})))
    if np.dtype(tensor.dtype).kind == 'f':
        return noise.standard_normal(shape).astype(tensor.dtype)
    return noise.integers(0, 2, shape).astype(tensor.dtype)


def _zeros(tensor: Tensor, sizes: Mapping[str, int], total: int) -> numpy.ndarray:
    import numpy as np

    return np.zeros((total, *tensor.sized(**sizes)), tensor.dtype)


def _join(array: numpy.ndarray, tensor: Tensor, chosen: Sequence[int]) -> numpy.ndarray:
    import numpy as np

    axis = tensor.shape.index(BATCH) if BATCH in tensor.shape else None
    if array.ndim == len(tensor.shape) + 1:
        whole = array[chosen[0]] if axis is None else np.concatenate([array[i] for i in chosen], axis)
        # ``asarray``: one sample of a scalar input is a NumPy scalar, which engines refuse.
        return np.ascontiguousarray(whole) if tensor.shape else np.asarray(whole)
    return np.ascontiguousarray(np.moveaxis(array[list(chosen)], 0, axis or 0))
