"""A model in the words that TVM's later passes know: otherwise they leave transposes, or scalar code, in its middle."""

from __future__ import annotations

from math import sqrt
from typing import Any

BINARY = ('add', 'subtract', 'multiply', 'divide', 'maximum', 'minimum', 'power')


def canonicalized(module: Any, approximate: bool) -> Any:
    """Return ``module`` with constants of their partner's rank and, to be approximated, activations as exp and erf.

    TVM changes the layout of an operator only when its operands have equally many axes, and knows fast versions of
    exp and erf but not of what is made of them.
    """
    from tvm import relax
    from tvm.ir.expr import GenericConst

    @relax.expr_functor.mutator
    class Canonicalizer(relax.PyExprMutator):  # type: ignore[misc]
        """Rewrites one call at a time."""

        def visit_call_(self, call: Any) -> Any:
            call = self.visit_expr_post_order(call)
            call = limit(call)
            name = getattr(call.op, 'name', '').removeprefix('relax.')
            if name in BINARY:
                return relax.Call(call.op, ranked(*(self.known(operand) for operand in call.args)), call.attrs)
            if approximate and name.removeprefix('nn.') in ACTIVATIONS:
                x = self.builder_.emit(call.args[0])
                return self.builder_.normalize(ACTIVATIONS[name.removeprefix('nn.')](self.builder_, x))
            return call

        def known(self, operand: Any) -> Any:
            """Return the constant that a variable stands for; anything else as it is."""
            bound = self.lookup_binding(operand) if isinstance(operand, relax.Var) else None
            return bound if isinstance(bound, GenericConst) else operand

    rewriter = Canonicalizer(module)
    for variable, function in module.functions_items():
        if isinstance(function, relax.Function):
            rewriter.builder_.update_func(variable, rewriter.visit_expr(function))
    return rewriter.builder_.get()


def limit(call: Any) -> Any:
    """Return an operator where the importer of ONNX wrote ``Clip`` as two kernels, ``maximum`` and ``minimum``."""
    from tvm.relax import op

    if getattr(call.op, 'name', '') != 'relax.call_tir' or len(call.args[1].fields) != 2:
        return call
    name = call.args[0].name_hint.rstrip('0123456789_')
    known = {'maximum': op.maximum, 'minimum': op.minimum}
    return known[name](*call.args[1].fields) if name in known else call


def ranked(left: Any, right: Any) -> list[Any]:
    """Return both operands, a constant one with as many axes as the other."""
    most = max(left.ty.ndim, right.ty.ndim)
    return [filled(left, most), filled(right, most)]


def filled(operand: Any, axes: int) -> Any:
    """Return a constant with axes of length one in front, ``axes`` in all; anything else as it is."""
    from tvm import relax
    from tvm.ir.expr import GenericConst

    if not isinstance(operand, GenericConst) or operand.ty.ndim >= axes:
        return operand
    value = operand.value.numpy()
    return relax.const(value.reshape((1,) * (axes - value.ndim) + value.shape), str(operand.ty.dtype))


def gelu(builder: Any, x: Any) -> Any:
    """Return ``x`` times the normal distribution's share below it."""
    from tvm.relax import op

    half = op.multiply(x, number(x, 0.5))
    share = builder.emit(op.erf(builder.emit(op.multiply(x, number(x, 1 / sqrt(2))))))
    return op.multiply(builder.emit(half), builder.emit(op.add(share, number(x, 1.0))))


def sigmoid(builder: Any, x: Any) -> Any:
    """Return the logistic function of ``x``."""
    from tvm.relax import op

    power = builder.emit(op.exp(builder.emit(op.negative(x))))
    return op.divide(number(x, 1.0), builder.emit(op.add(power, number(x, 1.0))))


def silu(builder: Any, x: Any) -> Any:
    """Return ``x`` times its logistic function."""
    from tvm.relax import op

    return op.multiply(x, builder.emit(sigmoid(builder, x)))


ACTIVATIONS = {'gelu': gelu, 'sigmoid': sigmoid, 'silu': silu}


def number(like: Any, value: float) -> Any:
    """Return a constant of the type and rank of ``like``."""
    import numpy as np
    from tvm import relax

    return relax.const(np.full((1,) * like.ty.ndim, value, str(like.ty.dtype)))
