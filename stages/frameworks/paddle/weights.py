"""A file of Paddle weights: tensors behind each other, each with its type and its sizes, which must fill it exactly."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import BinaryIO, Final

from stages.errors import IntegrityError, StepError
from stages.frameworks import message

START: Final = bytes(16)
"""How it begins: version 0 of the container, no level of detail, version 0 of the tensor."""

WIDTHS: Final = {
    0: 1, 1: 2, 2: 4, 3: 8, 4: 2, 5: 4, 6: 8, 19: 8, 20: 1, 21: 1, 22: 2, 23: 8, 24: 16, 32: 1, 33: 1, 36: 2, 37: 4,
    38: 8,
}  # fmt: skip
"""Bytes of an element, by the number of its type."""

DESCRIBED: Final = 1 << 20
"""The most that a tensor's type and sizes take."""


def check(path: Path) -> None:
    """Raise StepError for another kind of file, IntegrityError where a tensor is not of the size that it says."""
    with path.open('rb') as file:
        size = os.fstat(file.fileno()).st_size
        if (start := file.read(len(START))) != START:
            raise StepError(f'{path.name}: not a file of Paddle weights (it begins with {start!r})')
        file.seek(0)
        number = 0
        try:
            while file.tell() < size:
                number += 1
                file.seek(_bytes(file), os.SEEK_CUR)
        except (ValueError, LookupError, OverflowError, OSError) as error:
            raise IntegrityError(f'{path.name}: tensor {number}: {error}') from error
        if file.tell() != size:
            raise IntegrityError(f'{path.name}: tensor {number} ends at byte {file.tell():,}; the file has {size:,}')


def _bytes(file: BinaryIO) -> int:
    """Read what stands before a tensor; return the bytes that it takes."""
    if _number(file, 4):
        raise ValueError('of a version that is not known here')
    for _ in range(_number(file, 8)):
        file.seek(_number(file, 8), os.SEEK_CUR)
    if _number(file, 4) or (length := _number(file, 4)) > DESCRIBED:
        raise ValueError('of a version that is not known here')
    held = message.fields(file.read(length))
    sizes: list[int] = []
    for value in held.get(2, []):
        sizes += [value] if isinstance(value, int) else message.packed(value)
    kind = held[1][-1]
    if kind not in WIDTHS or any(one >> 62 for one in sizes):
        raise ValueError(f'of the type {kind} and the sizes {sizes}')
    return math.prod(sizes) * WIDTHS[kind]


def _number(file: BinaryIO, width: int) -> int:
    read = file.read(width)
    if len(read) < width:
        raise ValueError('the file is cut short')
    return int.from_bytes(read, 'little')
