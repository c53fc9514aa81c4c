"""What a Protobuf file is made of at its outermost: its fields by number, none of them opened, whatever its size."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Final

NUMBER, BYTES = 0, 2
"""How a field is written: a whole number, or a length and as many bytes."""

_FIXED: Final = {1: 8, 5: 4}
_MOST: Final = 10_000
"""Fields that are looked at; a model has a dozen, and a few more for its functions and metadata."""


def fields(path: Path) -> set[tuple[int, int]]:
    """Return (number, way of writing) of every outermost field of the file; none where it is no Protobuf message.

    A message that ends in the middle of a field is none: its size tells, as every field but a number says its length.
    """
    size = path.stat().st_size
    found: set[tuple[int, int]] = set()
    with path.open('rb') as file:
        for _ in range(_MOST):
            if file.tell() == size:
                return found
            tag = _number(file)
            kind, number = tag & 7, tag >> 3
            if tag < 8 or (kind not in _FIXED and kind not in (NUMBER, BYTES)):
                return set()
            if kind == NUMBER:
                if _number(file) < 0:
                    return set()
            else:
                length = _FIXED.get(kind) or _number(file)
                if length < 0 or file.tell() + length > size:
                    return set()
                file.seek(length, 1)
            found.add((number, kind))
    return set()


def _number(file: BinaryIO) -> int:
    """Return the whole number at this place of the file; -1 where there is none."""
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            return -1
        value |= (byte[0] & 127) << shift
        if byte[0] < 128:
            return value
    return -1
