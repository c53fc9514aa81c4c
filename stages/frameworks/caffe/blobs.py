"""The weights of a .caffemodel: Protobuf's wire form, of which layers, their names and their blobs are read."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stages.errors import IntegrityError
from stages.frameworks import message

if TYPE_CHECKING:
    import numpy

LAYER, LAYERS = 100, 2
"""Where a net has its layers: today, and before 2014."""

NAME_BLOBS: Final = {LAYER: (1, 7), LAYERS: (4, 6)}
SIZES: Final = (1, 2, 3, 4)
"""num, channels, height, width: the shape of old blobs."""
DATA, SHAPE, DOUBLE = 5, 7, 8
MOST_AXES: Final = 8


def read(path: Path) -> dict[str, list[numpy.ndarray]]:
    """Return the blobs of every layer that has some, by the layer's name. Raises IntegrityError."""
    try:
        return _read(path.read_bytes())
    except (ValueError, IndexError, TypeError, KeyError) as error:
        raise IntegrityError(f'{path.name}: not a .caffemodel, or a damaged one: {error or "cut short"}') from error


def _read(data: bytes) -> dict[str, list[numpy.ndarray]]:
    net = message.fields(data)
    if not net.get(LAYER) and not net.get(LAYERS):
        raise ValueError('it has no layers')
    if net.get(LAYER) and net.get(LAYERS):
        raise ValueError('it has layers in two forms')
    form = LAYER if net.get(LAYER) else LAYERS
    name_at, blobs_at = NAME_BLOBS[form]
    found: dict[str, list[numpy.ndarray]] = {}
    for part in net[form]:
        layer = message.fields(_bytes(part))
        name = bytes(_bytes(layer.get(name_at, [b''])[-1])).decode()
        if blobs := [_blob(name, _bytes(each)) for each in layer.get(blobs_at, [])]:
            if name in found:
                raise ValueError(f'two layers of the name {name!r} have weights')
            found[name] = blobs
    return found


def _bytes(value: Any) -> Any:
    if isinstance(value, int):
        raise ValueError('a number stands where a message is expected')
    return value


def _blob(name: str, data: Any) -> numpy.ndarray:
    import numpy as np

    held = message.fields(data)
    kind, at = (np.dtype('<f8'), DOUBLE) if held.get(DOUBLE) else (np.dtype('<f4'), DATA)
    # each part is the bytes of one number or of many behind each other
    raw = b''.join(bytes(_bytes(part)) for part in held.get(at, []))
    if len(raw) % kind.itemsize:
        raise ValueError(f'the numbers of a blob of {name!r} are cut short')
    if held.get(SHAPE):
        dims: list[int] = []
        for value in message.fields(_bytes(held[SHAPE][-1])).get(1, []):
            dims += [value] if isinstance(value, int) else message.packed(value)
    else:
        dims = [held.get(at, [1])[-1] for at in SIZES]
    count = len(raw) // kind.itemsize
    if len(dims) > MOST_AXES or math.prod(dims) != count:
        raise ValueError(f'a blob of {name!r} has {count} numbers and the shape {dims[:MOST_AXES]}')
    return np.frombuffer(raw, kind).astype(np.float32).reshape(dims)
