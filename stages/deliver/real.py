"""Floats in and out of a quantized model: ``real = scale * (stored - zero_point)``, by the scales in its contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stages.contract.port import Contract, Port, Quantization
from stages.errors import FeedError

if TYPE_CHECKING:
    import numpy


def of_floats(contract: Contract) -> Contract:
    """Return ``contract`` as its caller sees it: what is quantized is float32."""
    return replace(contract, inputs=_floats(contract.inputs), outputs=_floats(contract.outputs))


def stored(feed: Mapping[str, numpy.ndarray], ports: Sequence[Port]) -> dict[str, numpy.ndarray]:
    """Return a feed of real numbers as the model stores them: rounded to the nearest (ties to even), and clipped.

    Raises FeedError for numbers that are not finite: whole numbers have none.
    """
    import numpy as np

    made = dict(feed)
    for port in ports:
        if port.quantization and port.name in feed:
            real = feed[port.name]
            if not bool(np.isfinite(real).all()):
                raise FeedError(f'{port.name}: holds NaN or an infinity; {port.dtype} has neither')
            scale, zero = _along(port.quantization, real.ndim)
            limits = np.iinfo(port.dtype)
            whole = np.rint(real.astype(np.float64) / scale) + zero
            made[port.name] = np.clip(whole, limits.min, limits.max).astype(port.dtype)
    return made


def real(answers: Mapping[str, numpy.ndarray], ports: Sequence[Port]) -> dict[str, numpy.ndarray]:
    """Return answers with what is quantized as float32."""
    import numpy as np

    made = dict(answers)
    for port in ports:
        if port.quantization and made[port.name].dtype.kind in 'iu':
            scale, zero = _along(port.quantization, made[port.name].ndim)
            made[port.name] = ((made[port.name].astype(np.float64) - zero) * scale).astype(np.float32)
    return made


def _floats(ports: Sequence[Port]) -> tuple[Port, ...]:
    return tuple(replace(port, dtype='float32', quantization=None) if port.quantization else port for port in ports)


def _along(held: Quantization, rank: int) -> tuple[Any, Any]:
    """Return scale and zero point, to be broadcast against an array of ``rank`` axes."""
    import numpy as np

    def laid(values: Sequence[float]) -> Any:
        shape = [1] * rank
        if held.axis is not None and len(values) > 1:
            shape[held.axis] = -1
        return np.array(values, np.float64).reshape(shape if len(values) > 1 else ())

    return laid(held.scale), laid(held.zero_point)
