"""Indices that a model computes, or is given, stay within what they index: a wrong one must not end the process.

ONNX leaves open what an index out of range gives; TVM's look-ups read, and its scatters write, wherever it points. Here
the nearest place that there is counts. A lower and an upper limit per index cost nothing beside the look-up. A size
that shows only in a run is read there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

REGIONS: Final = frozenset({'vision.roi_align', 'vision.roi_pool'})


def bounded(module: Any) -> Any:
    """Return ``module`` with the indices of every look-up and every scatter within range, unless they are known."""
    from tvm import relax

    @relax.expr_functor.mutator
    class Bounder(relax.PyExprMutator):  # type: ignore[misc]
        """Rewrites one call at a time."""

        def visit_call_(self, call: Any) -> Any:
            call = self.visit_expr_post_order(call)
            name = getattr(call.op, 'name', '').removeprefix('relax.')
            if name == 'take':
                return self.take(call)
            if name in ('gather_elements', 'scatter_elements'):
                data, indices, *rest = call.args
                size = sizes(data)[int(call.attrs.axis)]
                return self.again(call, data, self.inside(indices, [size], signed=name[0] == 's'), *rest)
            if name in ('gather_nd', 'scatter_nd'):
                data, indices, *rest = call.args
                first = int(call.attrs.batch_dims) if name == 'gather_nd' else 0
                limits = sizes(data)[first : first + int(sizes(indices)[-1])]
                return self.again(call, data, self.inside(indices, limits, signed=False), *rest)
            if name in ('index_tensor', 'index_put'):
                data, indices, *rest = call.args
                return self.again(call, data, self.each_inside(indices, sizes(data)), *rest)
            if name in REGIONS:
                data, regions, *rest = call.args
                return self.again(call, data, self.of_images(regions, sizes(data)[0]), *rest)
            return call

        def take(self, call: Any) -> Any:
            data, indices = call.args
            axis = call.attrs.axis
            size = sizes(data)[int(axis)] if axis is not None else total(sizes(data))
            known = isinstance(size, int) and within(self.known(indices), [size], signed=False)
            if call.attrs.mode != 'fast' or known:
                return call
            return relax.op.take(data, indices, axis, mode='clip')

        def inside(self, indices: Any, limits: Sequence[Any], signed: bool) -> Any:
            """Return ``indices`` so that each, along the last axis, is below its limit; a negative one counts back."""
            if not all(isinstance(limit, int) for limit in limits):
                return self.inside_open(indices, limits, signed)
            if within(self.known(indices), limits, signed):
                return indices
            dtype = str(indices.ty.dtype)
            least, most = ([-n * signed for n in limits], [max(n - 1, 0) for n in limits])
            if len(limits) == 1:
                least, most = least[0], most[0]
            if not dtype.startswith('u'):
                indices = self.builder_.emit(relax.op.maximum(indices, relax.const(least, dtype)))
            return self.builder_.emit(relax.op.minimum(indices, relax.const(most, dtype)))

        def inside_open(self, indices: Any, limits: Sequence[Any], signed: bool) -> Any:
            """Do the same with limits of which some show only in a run."""
            dtype = str(indices.ty.dtype)
            most, counts = self.number([limit - 1 for limit in limits], dtype), self.number(limits, dtype)
            if signed and not dtype.startswith('u'):
                indices = self.builder_.emit(relax.op.maximum(indices, self.builder_.emit(relax.op.negative(counts))))
            indices = self.builder_.emit(relax.op.minimum(indices, most))
            # last, for what has no place at all: there the first one stands
            return indices if signed else self.builder_.emit(relax.op.maximum(indices, relax.const(0, dtype)))

        def number(self, sizes: Sequence[Any], dtype: str) -> Any:
            """Return sizes as a tensor of one axis."""
            told = self.builder_.emit(relax.op.shape_to_tensor(self.builder_.emit(relax.ShapeExpr(list(sizes)))))
            return self.builder_.emit(relax.op.astype(told, dtype))

        def each_inside(self, indices: Any, limits: Sequence[Any]) -> Any:
            """Return a tuple of indices, one tensor for each of the first axes, counted from the front."""
            bound = self.lookup_binding(indices) if isinstance(indices, relax.Var) else indices
            found = []
            for each, size in zip(bound.fields, limits, strict=False):
                if str(each.ty.dtype).startswith(('int', 'uint')):
                    negative = relax.op.less(each, relax.const(0, str(each.ty.dtype)))
                    dtype = str(each.ty.dtype)
                    count = relax.const(size, dtype) if isinstance(size, int) else self.number([size], dtype)
                    back = relax.op.add(each, count)
                    each = self.inside(self.builder_.emit(relax.op.where(negative, back, each)), [size], signed=False)
                found.append(each)
            return relax.Tuple(found)

        def of_images(self, regions: Any, images: Any) -> Any:
            """Return regions, the first of their numbers an image, of images that there are."""
            import numpy as np

            rest, dtype = [np.inf] * (sizes(regions)[-1] - 1), str(regions.ty.dtype)
            least = self.builder_.emit(relax.op.maximum(regions, relax.const([0, *(-n for n in rest)], dtype)))
            if isinstance(images, int):
                most = relax.const([images - 1, *rest], dtype)
            else:
                last = self.number([images - 1], dtype)
                most = self.builder_.emit(relax.op.concat([last, relax.const(rest, dtype)], axis=0))
            return self.builder_.emit(relax.op.minimum(least, most))

        def again(self, call: Any, *arguments: Any) -> Any:
            if all(one.same_as(two) for one, two in zip(arguments, call.args, strict=True)):
                return call
            return relax.Call(call.op, list(arguments), call.attrs)

        def known(self, value: Any) -> Any:
            """Return the numbers that a value always has; None where they show in a run."""
            bound = self.lookup_binding(value) if isinstance(value, relax.Var) else value
            return bound.value.numpy() if hasattr(getattr(bound, 'value', None), 'numpy') else None

    rewriter = Bounder(module)
    for variable, function in module.functions_items():
        if isinstance(function, relax.Function):
            rewriter.builder_.update_func(variable, rewriter.visit_expr(function))
    return rewriter.builder_.get()


def sizes(value: Any) -> tuple[Any, ...]:
    """Return the sizes of a tensor: numbers, and expressions of what shows only in a run."""
    return tuple(size if getattr(size, 'value', None) is None else int(size) for size in value.ty.shape)


def total(found: Sequence[Any]) -> Any:
    """Return how many numbers a tensor of these sizes has."""
    result: Any = 1
    for size in found:
        result *= size
    return result


def within(indices: Any, limits: Sequence[int], signed: bool) -> bool:
    """Say whether indices are known, and all in range."""
    import numpy as np

    if indices is None:
        return False
    most = np.array(limits if len(limits) > 1 else limits[0])
    return bool((indices < most).all() and (indices >= -most * signed).all())
