"""Arrays of ``.npy`` files, one each."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from stages.contract.port import Contract
from stages.contract.reader import Files, Part
from stages.errors import StepError
from stages.readers.npz import renamed
from stages.readers.rows import parted
from stages.readers.usual import the_input

if TYPE_CHECKING:
    import numpy

READER: Final = 'npy'
TOOLS = ('numpy',)


@dataclass(frozen=True)
class Params:
    names: dict[str, str] = field(default_factory=dict)
    """By the model's input (or `labels`, `truth`): the file. Absent: a file is called as what it holds, `image.npy`."""


def read(params: Params, files: Files, contract: Contract, part: Part) -> dict[str, Any]:
    """Return the arrays; a single file of whatever name is the model's only input."""
    wrong = [place for place in files if PurePosixPath(place).suffix != '.npy']
    if wrong or not files:
        raise StepError(f'`npy` reads .npy files; fetched: {", ".join(wrong) or "nothing"}')
    arrays = {place: _read(place, path) for place, path in files.items()}
    if params.names:
        return parted(renamed(arrays, params.names, 'what was fetched'), part, f'`{READER}`')
    if len(arrays) == 1:
        [array] = arrays.values()
        return parted({the_input(contract, '', READER).name: array}, part, f'`{READER}`')
    return parted({PurePosixPath(place).stem: array for place, array in arrays.items()}, part, f'`{READER}`')


def _read(place: str, path: Path) -> numpy.ndarray:
    import numpy as np

    try:
        with path.open('rb') as stream:
            array: numpy.ndarray = np.lib.format.read_array(stream, allow_pickle=False, max_header_size=10_000)
            rest = stream.read(1)
    except Exception as error:  # NumPy raises many kinds for a damaged file
        raise StepError(f'{place} cannot be read as a plain array: {error}') from error
    if rest:
        raise StepError(f'{place} goes on behind its array')
    return array
