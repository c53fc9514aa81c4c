"""Sizes that show only in a run: each gets a symbol, so that what is computed of it has a size in symbols too.

TVM leaves the size of such a value out, and its importer and its code for many an operator want one. A match of the
value against fresh symbols, read when it runs, says as much as is to be known: relax.match_cast in
https://tvm.apache.org/docs/deep_dive/relax/abstraction.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from stages.errors import UnsupportedError

PYTHON: Final = {'unique': 'Unique', 'nonzero': 'NonZero'}
"""What TVM computes in Python, by ONNX's word: no library of machine code can."""

SUPPRESSIONS: Final = ('NonMaxSuppression', 'AllClassNMS')
"""What TVM takes for as many boxes as there can be; when it runs, it returns those that are left."""


@contextmanager
def converters() -> Iterator[None]:
    """Let the ONNX importer give every node's output a size, inside: the converters of later nodes ask for it."""
    from tvm.relax.frontend.onnx import onnx_frontend

    original = onnx_frontend._get_convert_map  # no public way to look at what a converter returns
    onnx_frontend._get_convert_map = lambda: {name: Sizing(name, each) for name, each in original().items()}
    try:
        yield
    finally:
        onnx_frontend._get_convert_map = original


@dataclass(frozen=True)
class Sizing:
    """The converter of an operator, and a symbol for each size that it leaves out."""

    operator: str
    converter: Any

    def get_converter(self, opset: int) -> Any:
        """Return what converts, in the shape that the importer wants."""
        convert = self.converter.get_converter(opset)

        def sized(builder: Any, inputs: Any, attributes: Mapping[str, Any], rest: Any) -> Any:
            from tvm import relax

            made = convert(builder, inputs, attributes, rest)
            if not isinstance(made, relax.Expr):
                return made
            if self.operator in SUPPRESSIONS:
                made = counted(builder, made)
            made = matched(builder, made)
            return kept(builder, made, inputs, rest) if self.operator == 'Slice' else made

        return sized


def matched(builder: Any, value: Any) -> Any:
    """Return ``value`` with a size for each axis; as it is where it has them, or not even its axes are known."""
    from tvm import relax, tirx

    value = builder.normalize(value)
    if not _open(value.ty):
        return value
    if _name(value) == 'dynamic_strided_slice':  # in this form the folding of constants would break it off half way
        return builder.emit(value.op.get_attr('FLegalize')(builder, value))
    if value.ty.ndim < 0:
        return value
    symbols = [tirx.Var('size', 'int64') for _ in range(value.ty.ndim)]
    return builder.match_cast(builder.emit(value), relax.TensorType(symbols, value.ty.dtype))


def counted(builder: Any, made: Any) -> Any:
    """Return the boxes that a suppression left, [boxes, 3], as its code cuts them out of all."""
    from tvm import relax, tirx

    call = builder.lookup_binding(builder.lookup_binding(made).tuple_value)
    cut = call.op.get_attr('FLegalize')(builder, call).fields[0]
    cut = matched(builder, builder.lookup_binding(cut))
    return builder.match_cast(cut, relax.TensorType([tirx.Var('size', 'int64'), 3], cut.ty.dtype))


def kept(builder: Any, made: Any, inputs: Any, params: Any) -> Any:
    """Return what a Slice made with the sizes of those axes that it does not cut: the bounds alone are computed."""
    from tvm import relax, tirx
    from tvm.ir.expr import GenericConst
    from tvm.relax.frontend.onnx.onnx_frontend import get_constant

    axes = get_constant(inputs[3], params) if len(inputs) > 3 else None
    whole = getattr(inputs[0].ty, 'shape', None)
    if not (isinstance(axes, GenericConst) and isinstance(whole, relax.ShapeExpr) and not _numbers(made.ty)):
        return made
    cut = {int(axis) % len(whole) for axis in axes.value.numpy().reshape(-1)}
    shape = [tirx.Var('size', 'int64') if axis in cut else size for axis, size in enumerate(whole)]
    return builder.match_cast(builder.emit(made), relax.TensorType(shape, made.ty.dtype))


def named(module: Any, advice: str) -> Any:
    """
    Return ``module`` with a symbol for each size that is no number; one of known sizes stays as it is.

    Raises UnsupportedError for a value of which not even the number of axes is known, and for what TVM computes in
    Python.
    """
    if known(module):
        return module
    from tvm import relax

    @relax.expr_functor.mutator
    class Namer(relax.PyExprMutator):  # type: ignore[misc]
        """Rewrites one binding at a time; the types of those behind it are inferred anew."""

        def visit_var_binding_(self, binding: Any) -> None:
            variable = self.builder_.emit(matched(self.builder_, self.visit_expr(binding.value)))
            if not isinstance(binding.var, relax.DataflowVar) and self.builder_.current_block_is_dataflow():
                variable = self.builder_.emit_output(variable)
            self.set_var_remap(binding.var, variable)

    for each in _bindings(module):
        if _name(each.value) in PYTHON:
            msg = f'TVM cannot read this model: it computes {PYTHON[_name(each.value)]} in Python'
            raise UnsupportedError(f'{msg}\nwhat to try: {advice}')
    rewriter = Namer(module)
    for variable, function in module.functions_items():
        if isinstance(function, relax.Function):
            rewriter.builder_.update_func(variable, rewriter.visit_expr(function))
    module = rewriter.builder_.get()
    for each in _bindings(module):
        if _open(each.var.ty) and each.var.ty.ndim < 0:
            what = _name(each.value) or 'a branch'
            msg = f'TVM cannot do this to this model: how many axes {what} returns shows only when it runs'
            raise UnsupportedError(f'{msg}\nwhat to try: {advice}')
    return module


def known(module: Any) -> bool:
    """Say whether every size in ``main`` is a number."""
    return all(_numbers(each.var.ty) for each in _bindings(module))


def _bindings(module: Any) -> list[Any]:
    return [binding for block in module['main'].body.blocks for binding in block.bindings]


def _name(value: Any) -> str:
    """Return the operator that is called; empty where none is."""
    return str(getattr(getattr(value, 'op', None), 'name', '')).removeprefix('relax.')


def _open(kind: Any) -> bool:
    """Say whether a tensor's type has no sizes at all."""
    from tvm import relax

    return isinstance(kind, relax.TensorType) and not isinstance(kind.shape, relax.ShapeExpr)


def _numbers(kind: Any) -> bool:
    """Say whether all sizes in a value of this type are numbers."""
    from tvm import relax, tirx

    if isinstance(kind, relax.TupleType):
        return all(_numbers(field) for field in kind.fields)
    if isinstance(kind, relax.TensorType):
        return not _open(kind) and all(isinstance(size, tirx.IntImm) for size in kind.shape)
    return True
