"""Turn a fetched file into named arrays: ``data.npz``, equal bytes for equal arrays."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.contract.kind import Job
from stages.contract.port import Tensor
from stages.errors import StepError
from stages.feed.npz import read_npz, write_npz
from stages.sources.fetched import fetched
from stages.sources.python import call, load_function

if TYPE_CHECKING:
    import numpy as np

KIND = 'data'
TOOLS = ('numpy',)


@dataclass(frozen=True)
class Params:
    file: str
    """The Python file, relative to recipes/; empty: the fetched file is an ``.npz`` already."""

    function: str
    """The function in it: takes the folder of fetched files (or None), returns named arrays."""


def outputs(params: Params) -> tuple[str, ...]:
    """Return the one file it leaves."""
    return ('data.npz',)


def run(params: Params, job: Job) -> None:
    """Leave ``data.npz``: the model's inputs by name, and ``labels`` if any; the first axis counts samples."""
    folder = _together(job)
    if params.file:
        what = f'{params.file}:{params.function}'
        function = load_function(job.inputs['python'], params.file, params.function)
        given = (folder,) if inspect.signature(function).parameters else ()
        arrays = call(function, job.inputs['python'], what, *given)
    else:
        what, arrays = _fetched(folder)
    write_npz(job.output / 'data.npz', _checked(what, arrays, job.signature))


def _together(job: Job) -> Path | None:
    """Return one folder with the files of every fetch."""
    folders = [path for role, path in sorted(job.inputs.items()) if role.startswith('file')]
    for name, path in fetched(job.inputs).items():
        target = folders[0] / name
        if path != target:
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)  # these folders are this step's own copies
    return folders[0] if folders else None


def _fetched(folder: Path | None) -> tuple[str, dict[str, Any]]:
    files = sorted(path for path in folder.rglob('*') if path.is_file()) if folder else []
    if len(files) != 1 or files[0].suffix != '.npz':
        names = ', '.join(f.name for f in files) or 'nothing'
        raise StepError(f'data without `prepare` must be one .npz file; fetched: {names}')
    try:
        return files[0].name, dict(read_npz(files[0]))
    except Exception as error:  # NumPy raises many kinds for a damaged file
        raise StepError(f'{files[0].name} cannot be read as plain arrays: {error}') from error


def _checked(what: str, arrays: Any, signature: tuple[Tensor, ...]) -> dict[str, np.ndarray[Any, Any]]:
    """Return the arrays; say all that is wrong with them at once."""
    import numpy as np

    if not isinstance(arrays, Mapping) or not arrays:
        raise StepError(f'{what} must give a dict of NumPy arrays by name, not {type(arrays).__name__}')
    wrong = [f'{n!r} is {type(a).__name__}, not an array' for n, a in arrays.items() if not isinstance(a, np.ndarray)]
    good = {str(n): a for n, a in arrays.items() if isinstance(a, np.ndarray)}
    for name, array in good.items():
        if array.dtype.kind not in 'biuf':
            wrong.append(f'{name!r} holds {array.dtype}; expected numbers')
        elif array.ndim == 0 or array.size == 0:
            wrong.append(f'{name!r} is empty')
        elif array.dtype.kind == 'f' and not np.isfinite(array).all():
            wrong.append(f'{name!r} holds NaN or infinity')
    if 'labels' in good and good['labels'].dtype != np.int64:
        wrong.append(f"'labels' is {good['labels'].dtype}; expected int64")
    counted = {n: a for n, a in good.items() if a.ndim and not n.startswith('truth')}  # a metric's own, of any shape
    if len({len(a) for a in counted.values()}) > 1:
        counts = ', '.join(f'{n} {len(a)}' for n, a in counted.items())
        wrong.append(f'the arrays hold different numbers of samples: {counts}')
    wrong += _fits(good, signature)
    if wrong:
        raise StepError(f'{what}: ' + '; '.join(wrong))
    return good


def _fits(arrays: Mapping[str, np.ndarray[Any, Any]], signature: tuple[Tensor, ...]) -> list[str]:
    """Return what differs from the inputs that the recipe declares; nothing is declared in an empty signature."""
    if not signature:
        return []
    wanted = {tensor.name: tensor for tensor in signature}
    wrong = [f'no array for the input {name!r}' for name in wanted if name not in arrays]
    wrong += [f'{name!r} is no input ({", ".join(wanted)})' for name in arrays if name not in (*wanted, 'labels')]
    for name, tensor in wanted.items():
        if name not in arrays:
            continue
        array = arrays[name]
        if array.dtype != tensor.dtype:
            wrong.append(f'{name!r} is {array.dtype}; the recipe says {tensor.dtype}')
        # The first axis counts samples, so it is free even where the model's batch is fixed.
        same = len(tensor.shape) == array.ndim and all(
            isinstance(size, str) or size == there
            for size, there in zip(tensor.shape[1:], array.shape[1:], strict=True)
        )
        if not same:
            wrong.append(f'{name!r} has the shape {list(array.shape)}; the recipe says {list(tensor.shape)}')
    return wrong
