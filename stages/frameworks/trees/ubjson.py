"""Universal Binary JSON as XGBoost writes it: read whole, within the file's own size, or refused.

The format: https://ubjson.org (draft 12). Of it XGBoost uses objects, lists, typed lists, numbers, texts and booleans.
"""

from __future__ import annotations

import struct
from typing import Any, Final

NUMBERS: Final = {b'i': 'b', b'U': 'B', b'I': 'h', b'l': 'i', b'L': 'q', b'd': 'f', b'D': 'd'}
"""By the format's mark: Python's for the same number, in the order of the network."""

WORDS: Final = {b'T': True, b'F': False, b'Z': None}
DEPTH: Final = 32
"""Objects inside objects; a model of XGBoost has 6."""


def read(data: bytes) -> Any:
    """Return what ``data`` holds. Raises ValueError, with the place, for what is cut short, too deep or unknown."""
    reader = _Reader(data)
    value = reader.value(reader.mark(), 0)
    if reader.place != len(data):
        raise ValueError(f'{len(data) - reader.place} bytes more than the document, from byte {reader.place}')
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        if size < 0 or self.place + size > len(self.data):
            raise ValueError(f'byte {self.place}: cut short, {size} bytes are to follow')
        self.place += size
        return self.data[self.place - size : self.place]

    def mark(self) -> bytes:
        mark = self.take(1)
        while mark == b'N':  # filling
            mark = self.take(1)
        return mark

    def number(self, mark: bytes) -> Any:
        if mark not in NUMBERS:
            raise ValueError(f'byte {self.place - 1}: {mark!r} marks no number')
        form = f'>{NUMBERS[mark]}'
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def length(self, mark: bytes = b'') -> int:
        """Return a number of things to come, whose mark is ``mark`` where that was read already."""
        size = self.number(mark or self.mark())
        if not isinstance(size, int) or size < 0:
            raise ValueError(f'byte {self.place}: a length of {size}')
        return size

    def value(self, mark: bytes, depth: int) -> Any:
        """Return a value of the type that ``mark`` says."""
        if depth > DEPTH:
            raise ValueError(f'byte {self.place}: more than {DEPTH} objects in each other')
        if mark in WORDS:
            return WORDS[mark]
        if mark == b'S':
            return self.take(self.length()).decode()
        if mark == b'{':
            return self.object(depth)
        return self.list(depth) if mark == b'[' else self.number(mark)

    def header(self) -> tuple[bytes, int | None]:
        """Return the type of all members and their number, where they are told beforehand."""
        kind, count = b'', None
        if self.data[self.place : self.place + 1] == b'$':
            self.take(1)
            kind = self.take(1)
        if self.data[self.place : self.place + 1] == b'#':
            self.take(1)
            count = self.length()
        elif kind:
            raise ValueError(f'byte {self.place}: a type without a number')
        return kind, count

    def list(self, depth: int) -> list[Any]:
        kind, count = self.header()
        if kind in NUMBERS and count is not None:
            form = NUMBERS[kind]
            data = self.take(count * struct.calcsize(f'>{form}'))
            return list(struct.unpack(f'>{count}{form}', data))
        if kind or (count is not None and count > len(self.data) - self.place):
            raise ValueError(f'byte {self.place}: a list of {count} of the type {kind!r}')
        if count is not None:
            return [self.value(self.mark(), depth + 1) for _ in range(count)]
        found = []
        while (mark := self.mark()) != b']':
            found.append(self.value(mark, depth + 1))
        return found

    def object(self, depth: int) -> dict[str, Any]:
        kind, count = self.header()
        if kind:
            raise ValueError(f'byte {self.place}: an object of one type')
        found: dict[str, Any] = {}
        while count is None or len(found) < count:
            mark = self.mark()
            if mark == b'}' and count is None:
                break
            name = self.take(self.length(mark)).decode()
            if name in found:
                raise ValueError(f'byte {self.place}: {name!r} stands twice')
            found[name] = self.value(self.mark(), depth + 1)
        return found
