"""Numbers between two quantizations, computed channels last, because their bytes are: TVM makes one kernel of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from stages.frameworks.tvm.graph.int8 import steps
from stages.frameworks.tvm.graph.int8.graph import Graph, shape
from stages.frameworks.tvm.graph.int8.steps import Bytes

LAST: Final = [0, 2, 3, 1]
"""Channels first to channels last."""

FIRST: Final = [0, 3, 1, 2]
"""And back."""

ALONE: Final = ('nn.relu', 'nn.leakyrelu', 'nn.silu', 'nn.gelu', 'sigmoid', 'tanh', 'exp', 'erf', 'sqrt', 'abs', 'clip')
"""Operators on every number by itself."""

TOGETHER: Final = ('add', 'subtract', 'multiply', 'divide', 'maximum', 'minimum')
"""Operators on two numbers at the same place."""

POOLS: Final = ('nn.max_pool2d', 'nn.avg_pool2d')


class Images:
    """Emits values channels last; each only once."""

    def __init__(self, graph: Graph, builder: Any, mapped: Callable[[Any], Any], twin: Callable[[Any], Any]) -> None:
        self.graph = graph
        self.builder = builder
        self.mapped = mapped
        """Turns what the old function calls a value into what the new one calls it."""
        self.twin = twin
        """Turns a ``dequantize`` into the bytes it reads; None where it cannot."""
        self.known: dict[Any, bool] = {}
        self.done: dict[Any, Any] = {}

    def last(self, value: Any) -> Any:
        """Return ``value`` in the new function: channels last if it is an image, in its own order otherwise."""
        if value not in self.done:
            if self.made_of_bytes(value):
                self.done[value] = self.again(self.graph.bindings.get(value, value))
            elif len(shape(value)) == 4:
                self.done[value] = self.permuted(self.mapped(value), LAST)
            else:
                self.done[value] = self.mapped(value)
        return self.done[value]

    def made_of_bytes(self, value: Any) -> bool:
        """Return whether all that ``value`` is computed from is dequantized or constant, by operators known here."""
        if value not in self.known:
            self.known[value] = self._made_of_bytes(value)
        return self.known[value]

    def _made_of_bytes(self, value: Any) -> bool:
        graph = self.graph
        if (call := graph.call(value, 'dequantize')) is not None:
            return self.twin(call) is not None
        if (call := graph.call(value, *ALONE, 'nn.prelu')) is not None:
            return self.made_of_bytes(call.args[0]) and int(getattr(call.attrs, 'axis', 1)) == 1
        if (call := graph.call(value, *TOGETHER)) is not None:
            return all(self.is_operand(argument, len(shape(call))) for argument in call.args)
        if (call := graph.call(value, *POOLS)) is not None:
            return call.attrs.layout == 'NCHW' and self.made_of_bytes(call.args[0])
        if (call := graph.call(value, 'mean')) is not None:
            return bool(call.attrs.keepdims) and call.attrs.axis is not None and self.made_of_bytes(call.args[0])
        if (call := graph.call(value, 'reshape')) is not None:
            return is_flattening(shape(call.args[0]), shape(call)) and self.made_of_bytes(call.args[0])
        return False

    def is_operand(self, value: Any, rank: int) -> bool:
        """Return whether ``value`` can stand beside a result of ``rank`` axes."""
        if self.graph.constant(value) is not None:
            return True
        return len(shape(value)) == rank and self.made_of_bytes(value)

    def again(self, call: Any) -> Any:
        """Emit ``call`` once more, of values channels last."""
        from tvm import relax

        name, rank = call.op.name.removeprefix('relax.'), len(shape(call))
        if name == 'dequantize':
            return steps.dequantized(self.builder, self.twin(call))
        if name in TOGETHER:
            return self.builder.emit(relax.Call(call.op, [self.operand(a, rank) for a in call.args], call.attrs))
        value = self.last(call.args[0])
        if name == 'nn.prelu':
            return self.builder.emit(relax.op.nn.prelu(value, self.mapped(call.args[1]), axis=rank - 1))
        if name in POOLS:
            return self.builder.emit(pooled(value, call))
        if name == 'mean':
            moved = [LAST.index(int(axis) % 4) if rank == 4 else int(axis) for axis in call.attrs.axis]
            return self.builder.emit(relax.op.mean(value, moved, keepdims=True))
        if name == 'reshape':
            return self.builder.emit(relax.op.reshape(value, shape(call)))
        return self.builder.emit(relax.Call(call.op, [value, *call.args[1:]], call.attrs))

    def operand(self, value: Any, rank: int) -> Any:
        """Return a value, or a constant with its axes moved as those of an image of ``rank`` axes are."""
        import numpy as np
        from tvm import relax

        constant = self.graph.constant(value)
        if constant is None:
            return self.last(value)
        if constant.size == 1:
            constant = constant.reshape(())  # a number in the kernel, not an argument of it
        elif rank == 4:
            constant = constant.reshape((1,) * (4 - constant.ndim) + constant.shape).transpose(LAST)
        return relax.const(np.ascontiguousarray(constant))

    def greatest(self, value: Bytes, call: Any) -> Bytes:
        """Emit a ``max_pool2d`` of bytes: quantization keeps their order, so that it may come before."""
        return Bytes(self.builder.emit(pooled(value.value, call)), value.scale, value.zero)

    def permuted(self, value: Any, axes: list[int]) -> Any:
        """Emit ``value`` with its axes in another order."""
        from tvm import relax

        return self.builder.emit(relax.op.permute_dims(value, axes))


def pooled(value: Any, call: Any) -> Any:
    """Return ``call``, a pool of images channels first, of ``value``, channels last."""
    from tvm import relax

    attrs = call.attrs
    pool = relax.op.nn.max_pool2d if call.op.name == 'relax.nn.max_pool2d' else relax.op.nn.avg_pool2d
    return pool(
        value,
        list(attrs.pool_size),
        list(attrs.strides),
        list(attrs.padding),
        list(attrs.dilation),
        bool(attrs.ceil_mode),
        bool(attrs.count_include_pad),
        layout='NHWC',
    )


def is_flattening(old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    """Return whether a reshape means the same channels last: an image of one pixel becomes a row."""
    return len(old) == 4 and old[2:] == (1, 1) and new == old[:2]
