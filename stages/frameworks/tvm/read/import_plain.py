"""An imported module in operators that survive a change of layout: TVM's inference stumbles where axes disappear."""

from __future__ import annotations

from typing import Any, Final

REDUCTIONS: Final = frozenset({'max', 'mean', 'min', 'prod', 'std', 'sum', 'variance'})
LARGEST: Final = {'max': 'maximum', 'min': 'minimum'}


def plain(module: Any) -> Any:
    """
    Return ``module`` with axes dropped by ``reshape`` alone, and the larger of two tensors computed as such.

    The layout of what ``squeeze``, or a reduction that drops its axes, returns is inferred wrongly: the compiler fails.
    ONNX's ``Max`` and ``Min`` come as a reduction of a stack of all operands, which is copied for it.
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
            if name not in REDUCTIONS or call.attrs.keepdims:
                return call
            if name in LARGEST and (operands := self.stacked(call)):
                return self.folded(LARGEST[name], operands)
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
            """Return one operator of two tensors after the other."""
            first, *rest = operands
            for operand in rest:
                first = self.builder_.emit(getattr(relax.op, name)(first, operand))
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
