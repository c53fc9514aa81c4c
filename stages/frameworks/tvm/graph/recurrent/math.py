"""Sigmoid and tanh as arithmetic that vector registers do: within 1e-6 of the functions, and NaN where they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

FRACTION: Final = tuple(math.log(2) ** power / math.factorial(power) for power in range(8))
"""Taylor's series of 2**x: within 1e-8 of it for x from -0.5 to 0.5."""

LARGEST: Final = 40.0
"""The power of two from which on sigmoid and tanh are 0 or 1 in float32."""

MANTISSA, BIAS = 23, 127
"""Bits of a float32 below its exponent, and the exponent of one."""


def sigmoid(value: Any) -> Any:
    """Return 1 / (1 + exp(-value))."""
    return constant(1) / (power_of_two(value * constant(-1 / math.log(2))) + constant(1))


def tanh(value: Any) -> Any:
    """Return tanh(value), which is 2 * sigmoid(2 * value) - 1."""
    return constant(2) / (power_of_two(value * constant(-2 / math.log(2))) + constant(1)) - constant(1)


def power_of_two(value: Any) -> Any:
    """Return 2 to the power of ``value`` within ``LARGEST``: its whole part is the exponent, a series does the rest."""
    from tvm import tirx

    def product(clipped: Any) -> Any:
        return bound(tirx.floor(clipped + constant(0.5)), lambda whole: series(clipped - whole) * exponent(whole))

    return bound(value, lambda given: bound(clip(given), product))


def clip(value: Any) -> Any:
    """Return ``value`` within ``LARGEST``; the comparisons are such that NaN stays."""
    from tvm import tirx

    high, low = constant(LARGEST), constant(-LARGEST)
    return tirx.Select(value > high, high, tirx.Select(value < low, low, value))


def series(fraction: Any) -> Any:
    """Return 2 to the power of ``fraction``, which is between -0.5 and 0.5."""
    result = constant(FRACTION[-1])
    for factor in reversed(FRACTION[:-1]):
        result = result * fraction + constant(factor)
    return result


def exponent(whole: Any) -> Any:
    """Return 2 to the power of ``whole``, put together from the bits of a float32."""
    from tvm import tirx

    bits = (whole.astype('int32') + BIAS) << MANTISSA
    return tirx.reinterpret('float32', bits)


def bound(value: Any, use: Callable[[Any], Any]) -> Any:
    """Return ``use`` of ``value``, which is computed once."""
    from tvm import tirx

    name = tirx.Var('value', 'float32')
    return tirx.Let(name, value, use(name))


def constant(value: float) -> Any:
    """Return ``value`` as float32."""
    from tvm import tirx

    return tirx.const(value, 'float32')
