"""Turn fetched files into named arrays: ``data.npz``, equal bytes for equal arrays."""

from __future__ import annotations

import inspect
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.contract.job import Job
from stages.contract.reader import Part
from stages.errors import StepError
from stages.feed.npz import read_npz, write_npz
from stages.readers.rows import fed, parted
from stages.readers.usual import digests_of_rows
from stages.sources.fetched import fetched
from stages.sources.python import call, load_function

if TYPE_CHECKING:
    import numpy as np

KIND = 'data'
TOOLS = ('numpy',)
ROWS = 'rows.json'
"""The digests of the samples, in order; none where arrays hold different numbers of them."""


@dataclass(frozen=True)
class Params:
    file: str
    """The Python file, relative to recipes/; empty: a reader reads, or the fetched file is an ``.npz`` already."""

    function: str
    """The function in it: takes the folder of fetched files (or None), returns named arrays."""

    reader: str = ''
    """The word of the reader that reads the files."""

    options: Mapping[str, Any] = field(default_factory=dict)
    """Its ``Params``, as JSON values."""

    part: Mapping[str, Any] = field(default_factory=dict)
    """Which of the samples are meant: the fields of ``Part``; absent: all."""


def outputs(params: Params) -> tuple[str, ...]:
    """Return the one file it leaves."""
    return ('data.npz', ROWS)


def run(params: Params, job: Job) -> None:
    """Leave ``data.npz``: the model's inputs by name, and ``labels`` if any; NaN and infinities are data too."""
    part = Part(**params.part)
    if params.reader:
        from stages.readers import READERS

        reader = READERS[params.reader]
        options = reader.Params(**{name: _tuples(value) for name, value in params.options.items()})
        arrays = reader.read(options, fetched(job.inputs), job.contract, part)
        _leave(job, _checked(f'`{params.reader}`', arrays))
        return
    folder = _together(job)
    if params.file:
        what = f'{params.file}:{params.function}'
        function = load_function(job.inputs['python'], params.file, params.function)
        given = (folder,) if inspect.signature(function).parameters else ()
        arrays = call(function, job.inputs['python'], what, *given)
    else:
        what, arrays = _fetched(folder)
    _leave(job, parted(_checked(what, arrays), part, what))


def _leave(job: Job, arrays: dict[str, Any]) -> None:
    """Write the arrays, and a digest of each sample by which it is known again in other data."""
    write_npz(job.output / 'data.npz', arrays)
    counts = {len(array) if array.ndim else 0 for array in fed(arrays)}
    rows = digests_of_rows(fed(arrays), counts.pop()) if len(counts) == 1 else []
    (job.output / ROWS).write_text(json.dumps([row[:16] for row in rows]) + '\n', 'utf-8')


def _tuples(value: Any) -> Any:
    """Return what JSON made a list of as the tuple that it was."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _together(job: Job) -> Path | None:
    """Return one folder with the files of every fetch: that of the only one, else a new one."""
    folders = [path for role, path in sorted(job.inputs.items()) if role.startswith('file')]
    if len(folders) < 2:
        return folders[0] if folders else None
    together = Path(tempfile.mkdtemp())
    for name, path in fetched(job.inputs).items():
        target = together / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return together


def _fetched(folder: Path | None) -> tuple[str, dict[str, Any]]:
    files = sorted(path for path in folder.rglob('*') if path.is_file()) if folder else []
    if len(files) != 1 or files[0].suffix != '.npz':
        names = ', '.join(f.name for f in files) or 'nothing'
        raise StepError(f'data without `prepare` must be one .npz file; fetched: {names}')
    try:
        return files[0].name, dict(read_npz(files[0]))
    except Exception as error:  # NumPy raises many kinds for a damaged file
        raise StepError(f'{files[0].name} cannot be read as plain arrays: {error}') from error


def _checked(what: str, arrays: Any) -> dict[str, np.ndarray[Any, Any]]:
    """Return the arrays; say all that is wrong with them at once.

    What an array means to an input (rows, whole inputs, one for all) is the model's affair, and is seen where both are.
    """
    import numpy as np

    if not isinstance(arrays, Mapping) or not arrays:
        raise StepError(f'{what} must give a dict of NumPy arrays by name, not {type(arrays).__name__}')
    wrong = [f'{n!r} is {type(a).__name__}, not an array' for n, a in arrays.items() if not isinstance(a, np.ndarray)]
    good = {str(n): a for n, a in arrays.items() if isinstance(a, np.ndarray)}
    for name, array in good.items():
        if array.dtype.kind not in 'biuf':
            wrong.append(f'{name!r} holds {array.dtype}; expected numbers')
        elif array.ndim and not len(array):
            wrong.append(f'{name!r} is empty')
    wrong += _labels(good)
    if wrong:
        raise StepError(f'{what}: ' + '; '.join(wrong))
    return good


def _labels(arrays: dict[str, np.ndarray[Any, Any]]) -> list[str]:
    """Make labels int64; return what is wrong with them."""
    if 'labels' not in arrays:
        return []
    labels = arrays['labels']
    if labels.dtype.kind not in 'biu':
        return [f"'labels' is {labels.dtype}; expected whole numbers"]
    if not labels.ndim:
        return ["'labels' is one number; expected one for each sample, or several"]
    arrays['labels'] = labels.astype('int64')
    counts = {
        name: len(a) for name, a in arrays.items() if a.ndim and name != 'labels' and not name.startswith('truth')
    }
    if counts and len(labels) not in counts.values():  # an input that is one for all samples counts none
        listed = ', '.join(f'{name} {count}' for name, count in counts.items())
        return [f'the arrays hold different numbers of samples: labels {len(labels)}, {listed}']
    return []
