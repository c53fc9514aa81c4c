"""An imported module in operators that survive a change of layout: TVM's inference stumbles where axes disappear."""

from __future__ import annotations

from typing import Any, Final

REDUCTIONS: Final = frozenset({'max', 'mean', 'min', 'prod', 'std', 'sum', 'variance'})
PAIRWISE: Final = {'max': 'maximum', 'mean': 'add', 'min': 'minimum', 'sum': 'add'}
"""What reduces a stack of tensors, to what does the same to two of them."""

NARROW: Final = frozenset({'acos', 'acosh', 'asin', 'asinh', 'atan', 'cosh', 'sinh'})
"""What TVM has no code for in numbers of 16 bits."""


def plain(module: Any) -> Any:
    """
    Return ``module`` with axes dropped by ``reshape`` alone, and the larger or the sum of tensors computed as such.

    The layout of what ``squeeze``, or a reduction that drops its axes, returns is inferred wrongly: the compiler fails.
    ONNX's ``Max``, ``Mean``, ``Min`` and ``Sum`` come as a reduction of a stack of all operands, copied for it, which
    has an axis that no layout knows.
    """
    from tvm import relax

    @relax.expr_functor.mutator
    class Plain(relax.PyExprMutator):  # type: ignore[misc]
        """Rewrites one call at a time."""

        def visit_call_(self, call: Any) -> Any:
            call = self.visit_expr_post_order(call)
            name = getattr(call.op, 'name', '').removeprefix('relax.')
            if name == 'squeeze':
                return relax.op.reshape(call.args[0], call.ty.shape)
            if name in NARROW and str(call.args[0].ty.dtype) == 'float16':
                wide = self.builder_.emit(getattr(relax.op, name)(relax.op.astype(call.args[0], 'float32')))
                return relax.op.astype(wide, 'float16')
            if name not in REDUCTIONS or call.attrs.keepdims:
                return call
            if name in PAIRWISE and (operands := self.stacked(call)):
                return self.folded(name, operands)
            kept = self.builder_.emit(getattr(relax.op, name)(call.args[0], call.attrs.axis, keepdims=True))
            return relax.op.reshape(kept, call.ty.shape)

        def stacked(self, call: Any) -> list[Any]:
            """Return the tensors whose stack ``call`` reduces, before they were made equal in shape; or none."""
            stack = self.behind(call.args[0])
            if not called(stack, 'stack') or numbers(stack.attrs.axis) != [0] or numbers(call.attrs.axis) != [0]:
                return []
            operands = [(field, self.behind(field)) for field in self.behind(stack.args[0]).fields]
            return [bound.args[0] if called(bound, 'broadcast_to') else field for field, bound in operands]

        def folded(self, name: str, operands: list[Any]) -> Any:
            """Return one operator of two tensors after the other; a mean is their sum, divided."""
            first, *rest = operands
            for operand in rest:
                first = self.builder_.emit(getattr(relax.op, PAIRWISE[name])(first, operand))
            if name == 'mean':
                return relax.op.divide(first, relax.const(len(operands), str(first.ty.dtype)))
            return first

        def behind(self, value: Any) -> Any:
            """Return what a variable stands for; anything else as it is."""
            bound = self.lookup_binding(value) if isinstance(value, relax.Var) else None
            return value if bound is None else bound

    def numbers(axes: Any) -> list[int]:
        return [int(axis) for axis in (axes if hasattr(axes, '__iter__') else [axes]) if axis is not None]

    def called(value: Any, name: str) -> bool:
        return isinstance(value, relax.Call) and getattr(value.op, 'name', '') == f'relax.{name}'

    rewriter = Plain(module)
    for variable, function in module.functions_items():
        if isinstance(function, relax.Function):
            rewriter.builder_.update_func(variable, rewriter.visit_expr(function))
    return relax.transform.DeadCodeElimination()(rewriter.builder_.get())
