"""The numbers of a Core ML neural network: single, half, or so many bits with a scale or a table, always as float32."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy


def array(told: Any, shape: Sequence[int], axis: int = 0) -> numpy.ndarray:
    """Return a WeightParams message as float32 of ``shape``; scales of its own has each place of ``axis``.

    Raises ValueError where it holds no numbers, or others than so many.
    """
    import numpy as np

    count = math.prod(shape)
    forms = [name for name in ('floatValue', 'float16Value', 'rawValue', 'int8RawValue') if len(getattr(told, name))]
    if len(forms) != 1:
        raise ValueError(f'its weights are told as {" and ".join(forms) or "nothing"}')
    if forms == ['floatValue']:
        found = np.array(told.floatValue, np.float32)
    elif forms == ['float16Value']:
        found = np.frombuffer(told.float16Value, '<f2').astype(np.float32)
    elif forms == ['rawValue']:
        found = _unpacked(told, count)
    else:
        raise ValueError('its weights are for inputs that are quantized as they come (int8DynamicQuantize)')
    if found.size != count:
        raise ValueError(f'it has {found.size} weights; {" × ".join(map(str, shape))} are expected')
    found = found.reshape(tuple(shape))
    return _scaled(told.quantization, found, axis) if forms == ['rawValue'] else found


def _unpacked(told: Any, count: int) -> numpy.ndarray:
    """Return whole numbers of so many bits, packed with the highest bit first."""
    import numpy as np

    bits = int(told.quantization.numberOfBits)
    if not 1 <= bits <= 8:
        raise ValueError(f'its weights have {bits} bits; expected 1 to 8')
    data = np.frombuffer(told.rawValue, np.uint8)
    if bits == 8:
        return data
    if data.size != -(-count * bits // 8):
        raise ValueError(f'{data.size} bytes hold its weights; {count} of {bits} bits are expected')
    each = np.unpackbits(data)[: count * bits].reshape(count, bits)
    return each @ (1 << np.arange(bits)[::-1])


def _scaled(told: Any, found: numpy.ndarray, axis: int) -> numpy.ndarray:
    import numpy as np

    kind = told.WhichOneof('QuantizationType')
    if kind == 'lookupTableQuantization':
        table = np.array(told.lookupTableQuantization.floatValue, np.float32)
        if len(table) != 1 << int(told.numberOfBits):
            raise ValueError(f'its table has {len(table)} numbers for {told.numberOfBits} bits')
        looked: numpy.ndarray = table[found]
        return looked
    if kind != 'linearQuantization':
        raise ValueError('its weights have neither a scale nor a table')
    scale, bias = (np.array(getattr(told.linearQuantization, name), np.float64) for name in ('scale', 'bias'))
    bias = bias if len(bias) else np.zeros(1)
    places = [-1 if place == axis else 1 for place in range(found.ndim)]
    if any(len(each) not in (1, found.shape[axis]) for each in (scale, bias)):
        raise ValueError(f'{len(scale)} scales and {len(bias)} offsets for {found.shape[axis]} outputs')
    made: numpy.ndarray = (found * scale.reshape(places) + bias.reshape(places)).astype(np.float32)
    return made
