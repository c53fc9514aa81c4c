"""A Protobuf message as numbered fields, read as strictly as whoever runs the model: nothing of it is skipped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def fields(data: Any) -> dict[int, list[Any]]:
    """Return the values of every field by its number."""
    found: dict[int, list[Any]] = {}
    for number, value in parts(data):
        found.setdefault(number, []).append(value)
    return found


def parts(data: Any) -> Iterator[tuple[int, Any]]:
    """
    Give the fields of a message: whole numbers as such, everything else as bytes.

    Raises ValueError for what no writer of models writes and other readers skip in ways of their own: groups, and
    numbers of fields that do not fit.
    """
    view, place = memoryview(data), 0
    while place < len(view):
        tag, place = varint(view, place)
        kind, number = tag & 7, tag >> 3
        if kind in (3, 4, 6, 7) or not 0 < number < 1 << 29:
            raise ValueError(f'field {number} of the kind {kind}')
        if kind == 0:
            value, place = varint(view, place)
            yield number, value
            continue
        size, place = (8, place) if kind == 1 else (4, place) if kind == 5 else varint(view, place)
        if place + size > len(view):
            raise ValueError('a field is cut short')
        yield number, view[place : place + size]
        place += size


def varint(data: memoryview, place: int) -> tuple[int, int]:
    """Return the number at ``place`` of a message, and the place behind it."""
    value = shift = 0
    while data[place] & 128:
        value |= (data[place] & 127) << shift
        place, shift = place + 1, shift + 7
        if shift > 63:
            raise ValueError('a number of more than 64 bits')
    return value | data[place] << shift, place + 1


def packed(data: memoryview) -> list[int]:
    """Return whole numbers that lie behind each other."""
    found, place = [], 0
    while place < len(data):
        value, place = varint(data, place)
        found.append(value)
    return found


def text(data: Any) -> str:
    """Return bytes as text."""
    return bytes(data).decode('utf-8', 'replace')
