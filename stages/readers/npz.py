"""Arrays of an ``.npz``, under other names where the file has its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from stages.contract.port import Contract
from stages.contract.reader import Files, Part
from stages.errors import StepError
from stages.feed.npz import read_npz
from stages.readers.rows import parted

if TYPE_CHECKING:
    import numpy

READER: Final = 'npz'
TOOLS = ('numpy',)


@dataclass(frozen=True)
class Params:
    names: dict[str, str] = field(default_factory=dict)
    """By the model's input (or `labels`, `truth`): the file's name for the array. Absent: they are the same."""


def read(params: Params, files: Files, contract: Contract, part: Part) -> dict[str, Any]:
    """Return the arrays of the one ``.npz``, renamed; those that ``names`` leaves out are left out."""
    found = [place for place in files if PurePosixPath(place).suffix == '.npz']
    if len(found) != 1 or len(files) != 1:
        raise StepError(f'`npz` reads one .npz file; fetched: {", ".join(files) or "nothing"}')
    try:
        arrays = dict(read_npz(files[found[0]]))
    except Exception as error:  # NumPy raises many kinds for a damaged file
        raise StepError(f'{found[0]} cannot be read as plain arrays: {error}') from error
    return parted(renamed(arrays, params.names, found[0]), part, f'`{READER}`')


def renamed(arrays: dict[str, numpy.ndarray], names: Mapping[str, str], what: str) -> dict[str, numpy.ndarray]:
    """Return the arrays by the names that the model has for them."""
    if missing := [name for name in names.values() if name not in arrays]:
        raise StepError(f'{what} has no array {", ".join(missing)}; it holds {", ".join(sorted(arrays))}')
    return {name: arrays[theirs] for name, theirs in names.items()} if names else arrays
