"""Go over a Relax function and put integer kernels where bytes are turned into numbers and back.

Every quantized tensor gets a twin: unsigned bytes, channels last. Kernels read and write twins; what is not known here
reads the tensor itself, which is made of its twin where it is needed, and is float as it was.
"""

from __future__ import annotations

from typing import Any

from stages.frameworks.tvm.graph.int8 import dynamic, emit, match, steps
from stages.frameworks.tvm.graph.int8.graph import Graph, shape
from stages.frameworks.tvm.graph.int8.images import FIRST, LAST, Images
from stages.frameworks.tvm.graph.int8.steps import Bytes


def rewritten(module: Any) -> Any:
    """Return ``module`` with integer kernels in ``main``; what they replace is still there, unused."""
    from tvm import relax

    graph = Graph.of(module['main'])

    @relax.expr_functor.mutator
    class Mutator(relax.PyExprMutator):  # type: ignore[misc]
        """Replaces a binding where a replacement is known."""

        def visit_var_binding_(self, binding: Any) -> None:
            value = rewriter.replacement(binding.var)
            if value is None:
                super().visit_var_binding_(binding)
                return
            inner = isinstance(binding.var, relax.DataflowVar)
            self.set_var_remap(binding.var, (self.builder_.emit if inner else self.builder_.emit_output)(value))

    mutator = Mutator(module)
    rewriter = Rewriter(graph, mutator.builder_, mutator.visit_expr)
    mutator.builder_.update_func(module.get_global_var('main'), mutator.visit_expr(module['main']))
    return mutator.builder_.get()


class Rewriter:
    """Knows the twins of what was passed already."""

    def __init__(self, graph: Graph, builder: Any, mapped: Any) -> None:
        self.graph = graph
        self.builder = builder
        self.mapped = mapped
        """Turns what the old function calls a value into what the new one calls it."""
        self.twins: dict[Any, Bytes] = {}
        self.images = Images(graph, builder, mapped, self.twin)

    def replacement(self, variable: Any) -> Any | None:
        """Return what ``variable`` is in the new function, in its old shape and order; None if it stays as it was."""
        call = self.graph.call(variable, 'quantize')
        if call is None:
            sums = dynamic.find(self.graph, variable)
            return self.float_end(variable) if sums is None else dynamic.emitted(self.builder, sums, self.mapped)
        parameters = self.parameters(call)
        if parameters is None or not shape(call):
            return None
        twin = self.twins[variable] = self.to_bytes(call.args[0], *parameters)
        return self.as_it_was(twin.value, shape(call), call.attrs.out_dtype)

    def parameters(self, call: Any) -> tuple[float, int] | None:
        """Return the scale, and the zero as an unsigned byte, of a quantization of a whole tensor; or None."""
        dtype = str((call if call.op.name == 'relax.quantize' else call.args[0]).ty.dtype)
        scale, zero = (self.graph.constant(argument) for argument in call.args[1:])
        if dtype not in ('uint8', 'int8') or scale is None or zero is None or scale.size > 1 or zero.size > 1:
            return None
        return float(scale.reshape(())), int(zero.reshape(())) + (128 if dtype == 'int8' else 0)

    def to_bytes(self, value: Any, scale: float, zero: int) -> Bytes:
        """Emit ``value`` as bytes: those it was made of, a product, the greatest of bytes, or quantized numbers."""
        if (found := self.found(value)) is not None:
            product, source = found
            twin = emit.to_bytes(self.builder, product, source, scale, zero)
            return Bytes(self.shaped(twin.value, product.shape), scale, zero)
        call = self.graph.call(value, 'dequantize')
        same = call is not None and self.parameters(call) == (scale, zero)
        if same and (known := self.twin(call)) is not None:
            return known
        pool = self.graph.call(value, 'nn.max_pool2d')
        if pool is not None and pool.attrs.layout == 'NCHW':
            return self.images.greatest(self.to_bytes(pool.args[0], scale, zero), pool)
        return steps.quantized(self.builder, self.images.last(value), scale, zero)

    def float_end(self, variable: Any) -> Any | None:
        """Return the product that ends in ``variable`` and is not quantized after it, as numbers; or None."""
        users = self.graph.users.get(variable, ())
        if users and all(match.continued(self.graph, user) for user in users):
            return None
        if (found := self.found(variable)) is None:
            return None
        product, source = found
        value = emit.to_floats(self.builder, product, source)
        return self.as_it_was(self.shaped(value, product.shape), product.shape, 'float32')

    def found(self, value: Any) -> tuple[match.Found, Bytes] | None:
        """Return the product that ends in ``value`` and the bytes it reads, if the kernel can do it; or None."""
        found = match.find(self.graph, value)
        source = self.twin(found.source) if found is not None and match.fits(found.product) else None
        return None if found is None or source is None else (found, source)

    def twin(self, call: Any) -> Bytes | None:
        """Return the bytes that ``call``, a ``dequantize``, reads, channels last; None if it has many scales."""
        parameters = self.parameters(call)
        if parameters is None or self.graph.constant(call.args[0]) is not None:
            return None
        known = self.twins.get(call.args[0])
        if known is None:
            value = self.mapped(call.args[0])
            if str(value.ty.dtype) == 'int8':
                value = steps.flipped(self.builder, value, 'uint8')
            known = Bytes(self.images.permuted(value, LAST) if len(shape(value)) == 4 else value, *parameters)
            self.twins[call.args[0]] = known
        return Bytes(known.value, *parameters)

    def shaped(self, value: Any, sizes: tuple[int, ...]) -> Any:
        """Emit the result of a product, which is an image always, with as many axes as the graph has."""
        from tvm import relax

        return value if len(sizes) == 4 else self.builder.emit(relax.op.reshape(value, sizes))

    def as_it_was(self, value: Any, sizes: tuple[int, ...], dtype: str) -> Any:
        """Return a twin in the order and the type that the graph has."""
        if dtype == 'int8':
            value = steps.flipped(self.builder, value, dtype)
        return self.images.permuted(value, FIRST) if len(sizes) == 4 else value
