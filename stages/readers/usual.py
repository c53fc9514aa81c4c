"""What readers share: the input that is meant, and the words for what is left of a part."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stages.contract.port import Contract, Port, listed
from stages.contract.reader import Part
from stages.errors import StepError

if TYPE_CHECKING:
    import numpy

LARGEST: Final = 8 << 30
"""Bytes of arrays that a reader makes; more is a mistake, or wants `limit`."""


def the_input(contract: Contract, name: str, what: str) -> Port:
    """Return the input ``name``, or the only one that does not carry state where the recipe names none."""
    open_ones = [port for port in contract.inputs if not port.carries]
    if name:
        found = [port for port in open_ones if port.name == name]
        if not found:
            raise StepError(f'`{what}`: there is no input {name!r}; the model takes {listed(open_ones)}')
        return found[0]
    if len(open_ones) != 1:
        raise StepError(f'`{what}` must say which input is meant, `input: NAME`; the model takes {listed(open_ones)}')
    return open_ones[0]


def chosen(part: Part, digests: list[str], what: str) -> list[int]:
    """Return the places that ``part`` chooses; raise StepError where it leaves nothing."""
    places = part.chosen(digests)
    if not digests:
        raise StepError(f'{what}: there are no samples')
    if not places:
        raise StepError(
            f'{what}: of {len(digests)} samples none falls into this part (hashes from {part.low:g} to {part.high:g}); '
            'bring more samples, or another `share`'
        )
    return places


def hold(count: int, row: int, what: str) -> None:
    """Raise StepError when ``count`` samples of ``row`` bytes are more than a reader makes."""
    if count * row > LARGEST:
        raise StepError(
            f'`{what}`: {count:,} samples of {row:,} bytes are more than {LARGEST >> 30} GiB; '
            f'write `limit: {LARGEST // max(1, row)}` or less beside it'
        )


def digest_of_file(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    with path.open('rb') as stream:
        return hashlib.file_digest(stream, 'sha256').hexdigest()


def digests_of_rows(arrays: list[numpy.ndarray], count: int) -> list[str]:
    """Return a sha256 over each row of ``arrays``, all of them together."""
    found = []
    for place in range(count):
        digest = hashlib.sha256()
        for array in arrays:
            digest.update(array[place].tobytes())
        found.append(digest.hexdigest())
    return found


def stored(values: numpy.ndarray, port: Port) -> numpy.ndarray:
    """Return real numbers as the input stores them: in its type, by its scale and zero point where it has some."""
    import numpy as np

    wanted = np.dtype(port.dtype)
    if port.quantization is not None:
        if len(port.quantization.scale) != 1:
            raise StepError(f'{port.name}: one scale for each slice of an input is not understood here')
        scaled = np.rint(values / port.quantization.scale[0]) + port.quantization.zero_point[0]
    elif wanted.kind == 'f':
        return values.astype(wanted)
    else:
        scaled = values
    limits = np.iinfo(wanted)
    made: numpy.ndarray = np.clip(scaled, limits.min, limits.max).astype(wanted)
    return made
