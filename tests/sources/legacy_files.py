"""Files of old frameworks, written byte by byte: no reader of ours and no schema package helps."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np


def varint(number: int) -> bytes:
    """Return a number as Protobuf writes it; a negative one in ten bytes."""
    number &= (1 << 64) - 1
    made = b''
    while number > 127:
        made, number = made + bytes([number & 127 | 128]), number >> 7
    return made + bytes([number])


def message(*fields: tuple[int, int | float | bytes | str]) -> bytes:
    """Return a message of Protobuf."""
    made = b''
    for number, value in fields:
        if isinstance(value, float):
            made += varint(number << 3 | 5) + struct.pack('<f', value)
        elif isinstance(value, int):
            made += varint(number << 3) + varint(value)
        else:
            part = value.encode() if isinstance(value, str) else value
            made += varint(number << 3 | 2) + varint(len(part)) + part
    return made


def caffemodel(weights: Mapping[str, Sequence[np.ndarray]]) -> bytes:
    """Return a .caffemodel of today's form."""
    return message((1, 'net'), *((100, _layer(name, blobs)) for name, blobs in weights.items()))


def _layer(name: str, blobs: Sequence[np.ndarray]) -> bytes:
    return message((1, name), *((7, _blob(blob)) for blob in blobs))


def _blob(array: np.ndarray) -> bytes:
    dims = b''.join(varint(size) for size in array.shape)
    return message((7, message((1, dims))), (5, array.astype('<f4').tobytes()))


def old_caffemodel(name: str, array: np.ndarray) -> bytes:
    """Return a .caffemodel of the form before 2014, its numbers one by one."""
    sizes = zip((1, 2, 3, 4), (1,) * (4 - array.ndim) + array.shape, strict=True)
    blob = message(*sizes, *((5, float(number)) for number in array.ravel()))
    return message((2, message((4, name), (6, blob))))


def seeded(*shape: int, seed: int = 0) -> np.ndarray:
    """Return random numbers around 0."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def pair(folder: Path, **files: bytes | str) -> dict[str, Path]:
    """Put each file into a fetch's folder of its own: ``net_prototxt`` becomes net.prototxt."""
    made = {}
    for number, (name, content) in enumerate(files.items(), start=1):
        role = 'file' if number == 1 else f'file{number}'
        made[role] = folder / role
        made[role].mkdir(parents=True)
        data = content.encode() if isinstance(content, str) else content
        (made[role] / name.replace('_', '.')).write_bytes(data)
    return made
