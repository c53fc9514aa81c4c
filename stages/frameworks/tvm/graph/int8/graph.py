"""What the pass reads off a Relax function: what defines a variable, constants, and quantized tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Graph:
    """The bindings of a function, as they were before the pass."""

    bindings: Mapping[Any, Any]
    """Variables to what defines them."""

    users: Mapping[Any, tuple[Any, ...]]
    """Variables to the calls that read them."""

    @staticmethod
    def of(function: Any) -> Graph:
        """Return the graph of ``function``."""
        bindings = {binding.var: binding.value for block in function.body.blocks for binding in block.bindings}
        users: dict[Any, list[Any]] = {}
        for value in bindings.values():
            for argument in getattr(value, 'args', ()):
                users.setdefault(argument, []).append(value)
        return Graph(bindings, {variable: tuple(calls) for variable, calls in users.items()})

    def call(self, value: Any, *names: str) -> Any | None:
        """Return the call of one of the operators ``names`` (without ``relax.``) that ``value`` is; or None."""
        value = self.bindings.get(value, value)
        return value if operator(value) in names else None

    def constant(self, value: Any) -> Any | None:
        """Return the numbers that ``value`` always has, also through another shape or type; or None."""
        import numpy as np

        value = self.bindings.get(value, value)
        if hasattr(value, 'value') and hasattr(value.value, 'numpy'):
            return value.value.numpy()
        if (call := self.call(value, 'reshape', 'expand_dims', 'permute_dims')) is not None:
            inner = self.constant(call.args[0])
            if inner is None or call.op.name == 'relax.permute_dims':
                return None if inner is None else inner.transpose(axes_of(call, inner.ndim))
            return inner.reshape(shape(call))
        if (call := self.call(value, 'astype')) is not None:
            inner = self.constant(call.args[0])
            return None if inner is None else inner.astype(str(call.ty.dtype))
        if (call := self.call(value, 'subtract')) is not None:
            left, right = (self.constant(argument) for argument in call.args)
            return None if left is None or right is None else left - right
        if (call := self.call(value, 'dequantize')) is not None:
            stored = self.stored(call)
            return None if stored is None else (stored[0] * along(stored[1], stored[0].ndim, call)).astype(np.float32)
        return None

    def stored(self, call: Any) -> tuple[Any, Any] | None:
        """Return integers (less their zero) and scale of a constant that ``call``, a ``dequantize``, reads; or None."""
        import numpy as np

        values, scale, zero = (self.constant(argument) for argument in call.args)
        if values is None or scale is None or zero is None:
            return None
        return values.astype(np.int64) - along(zero.astype(np.int64), values.ndim, call), scale

    def weights(self, value: Any) -> tuple[Any, Any, int] | None:
        """Return signed bytes, their scales, and the axis that has one scale each; or None."""
        import numpy as np

        axes: list[int] | None = None
        if (call := self.call(value, 'permute_dims')) is not None:
            value, axes = call.args[0], axes_of(call, len(shape(call)))
        call = self.call(value, 'dequantize')
        stored = self.stored(call) if call is not None else None
        if call is None or stored is None or stored[0].min(initial=0) < -128 or stored[0].max(initial=0) > 127:
            return None
        values, scale = stored
        axis = int(call.attrs.axis) % values.ndim
        if axes is not None:
            values, axis = values.transpose(axes), axes.index(axis)
        return values.astype(np.int8), scale.reshape(-1), axis


def operator(value: Any) -> str:
    """Return the name of the operator that ``value`` calls, without ``relax.``; nothing for what is no such call."""
    return str(getattr(getattr(value, 'op', None), 'name', '')).removeprefix('relax.')


def shape(value: Any) -> tuple[int, ...]:
    """Return the sizes of a tensor; nothing where they are not fixed."""
    dims = getattr(getattr(value.ty, 'shape', None), 'values', ())
    return tuple(int(d) for d in dims) if all(hasattr(d, 'value') for d in dims) else ()


def axes_of(call: Any, rank: int) -> list[int]:
    """Return the axes of a ``permute_dims``; without any they are reversed."""
    given = call.attrs.axes
    return [int(axis) % rank for axis in given] if given is not None else list(range(rank))[::-1]


def along(values: Any, rank: int, call: Any) -> Any:
    """Return ``values`` so that they meet the axis of a quantization; one value meets all."""
    if values.size == 1:
        return values.reshape(())
    return values.reshape([-1 if axis == int(call.attrs.axis) % rank else 1 for axis in range(rank)])
