"""A .params file of MXNet: arrays behind each other, each with its type and sizes, and their names behind them."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

from stages.errors import IntegrityError, UnsupportedError

LIST: Final = 0x112
V1, V2, V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
WIDTHS: Final = {0: 4, 1: 8, 2: 2, 3: 1, 4: 4, 5: 1, 6: 8, 7: 1, 12: 2}
"""Bytes of an element, by the number of its type."""
TYPES: Final = {0: 'f32', 1: 'f32', 2: 'f16', 12: 'bf16'}
MOST_AXES: Final = 32


class _Bytes:
    """The bytes of a file, taken in order."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = memoryview(data), 0

    def take(self, form: str) -> tuple[int, ...]:
        """Return the next numbers of the form."""
        found: tuple[int, ...] = struct.unpack_from(f'<{form}', self.data, self.place)
        self.place += struct.calcsize(f'<{form}')
        return found

    def skip(self, count: int) -> None:
        """Pass over ``count`` bytes, which must be there."""
        self.place += count
        if count < 0 or self.place > len(self.data):
            raise ValueError('it is cut short')


def read(path: Path) -> dict[str, str]:
    """Return the precision of every array by its name (``arg:conv0_weight``); the file must be filled exactly."""
    data = _Bytes(path.read_bytes())
    try:
        head, _, count = data.take('3Q')
        if head != LIST or count > len(data.data) // 4:
            raise ValueError('it does not begin as one')
        kinds = [_array(path.name, data) for _ in range(count)]
        names = [_name(data) for _ in range(data.take('Q')[0])] if count <= len(data.data) else []
        if len(names) != count or len({*names}) != count or data.place != len(data.data):
            raise ValueError(f'{count} arrays, {len(names)} names, {len(data.data) - data.place} bytes left over')
    except (struct.error, ValueError, OverflowError, MemoryError) as error:
        raise IntegrityError(f'{path.name}: not a .params file of MXNet, or a damaged one: {error}') from error
    return dict(zip(names, kinds, strict=True))


def _array(file: str, data: _Bytes) -> str:
    [magic] = data.take('I')
    if magic in (V2, V3):
        if data.take('i')[0] != 0:
            raise UnsupportedError(f'{file}: holds a sparse array; only dense ones are read')
        axes, form = data.take('I' if magic == V2 else 'i')[0], 'q'
    elif magic == V1:
        axes, form = data.take('I')[0], 'q'
    else:
        axes, form = magic, 'I'  # before versions were written, the number of axes stood first
    if not 0 <= axes <= MOST_AXES:
        raise ValueError(f'an array of {axes} axes')
    size = 1
    for dim in data.take(f'{axes}{form}') if axes else ():
        if dim < 0 or dim > 1 << 40:
            raise ValueError(f'an array with {dim} on a side')
        size *= dim
    if axes == 0 and magic != V3:
        return 'f32'
    data.take('2i')
    [kind] = data.take('i')
    if kind not in WIDTHS:
        raise ValueError(f'numbers of the type {kind}')
    data.skip(size * WIDTHS[kind])
    return TYPES.get(kind, '')


def _name(data: _Bytes) -> str:
    [length] = data.take('Q')
    start = data.place
    data.skip(length)
    return bytes(data.data[start : data.place]).decode('utf-8')
