"""A function of JAX as an ONNX graph, by jax2onnx."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

from stages.errors import UnsupportedError

How = Literal['auto', 'layers', 'primitives']
FOLDED: Final = 1 << 18
"""Numbers of a constant that is computed while converting; what makes larger ones is left to whoever runs the graph."""

STATIC: Final = 'onnx: {shape: static}'


def lowered(function: Callable[..., Any], specs: Sequence[Any], opset: int, how: How) -> Any:
    """
    Return the ONNX graph of ``function`` of arrays of these shapes and types; ``how`` is the kind's parameter.

    Raises UnsupportedError, which names the primitive and where the model's Python uses it.
    """
    import jax

    try:
        traced = jax.make_jaxpr(function)(*specs)
    except Exception as error:
        raise UnsupportedError(_untraced(error, specs)) from error
    if how == 'layers' or (how == 'auto' and not _draws(traced.jaxpr)):
        try:
            return _converted(function, specs, opset)
        except Exception as error:
            if how == 'layers':
                raise UnsupportedError(_refused(error, specs)) from error
    try:
        return _converted(_replayed(traced), specs, opset)
    except Exception as error:
        raise UnsupportedError(_refused(error, specs)) from error


def _converted(function: Callable[..., Any], specs: Sequence[Any], opset: int) -> Any:
    import jax
    import jax2onnx

    double = bool(jax.config.jax_enable_x64)
    return jax2onnx.to_onnx(
        function, [*specs], model_name='model', opset=opset, enable_double_precision=double
    )  # fmt: skip


def _draws(jaxpr: Any) -> bool:
    """Whether random numbers are drawn: by a key in the Python they are constants, which jax2onnx draws anew."""
    from jax.extend import core

    return any(
        equation.primitive.name.startswith('random_')
        or any(_draws(part) for value in equation.params.values() for part in _inner(value, core))
        for equation in jaxpr.eqns
    )


def _inner(value: Any, core: Any) -> list[Any]:
    held = value if isinstance(value, (tuple, list)) else [value]
    return [each.jaxpr if isinstance(each, core.ClosedJaxpr) else each for each in held
            if isinstance(each, (core.Jaxpr, core.ClosedJaxpr))]  # fmt: skip


def _replayed(traced: Any) -> Callable[..., Any]:
    """Return a function that does what was traced, primitive by primitive; what hangs on no input is computed first.

    jax2onnx replaces functions of jax.nn and Flax by forms of its own when it traces them. Here it finds none.
    """
    from jax.extend import core

    jaxpr = traced.jaxpr
    fixed = _fixed(jaxpr)
    rest = [equation for equation in jaxpr.eqns if equation not in fixed]
    wanted = {each for equation in rest for each in equation.invars if not isinstance(each, core.Literal)}
    wanted |= {each for each in jaxpr.outvars if not isinstance(each, core.Literal)}
    made = [out for equation in fixed for out in equation.outvars if out in wanted]
    known = jaxpr.replace(invars=[], outvars=made, eqns=fixed, debug_info=None)
    values = core.jaxpr_as_fun(core.ClosedJaxpr(known, traced.consts))()
    behind = jaxpr.replace(constvars=[*jaxpr.constvars, *made], eqns=rest)
    replayed: Callable[..., Any] = core.jaxpr_as_fun(core.ClosedJaxpr(behind, [*traced.consts, *values]))
    return replayed


def _fixed(jaxpr: Any) -> list[Any]:
    """Return the equations that hang on no input and make nothing large, in order."""
    from jax.extend import core

    known, found = set(jaxpr.constvars), []
    for equation in jaxpr.eqns:
        shapes = [out.aval.shape for out in equation.outvars if hasattr(out.aval, 'shape')]
        small = all(all(isinstance(d, int) for d in shape) and math.prod(shape) <= FOLDED for shape in shapes)
        given = all(isinstance(each, core.Literal) or each in known for each in equation.invars)
        if small and given and not equation.effects:
            known.update(equation.outvars)
            found.append(equation)
    return found


def _untraced(error: BaseException, specs: Sequence[Any]) -> str:
    words = str(error).partition('\n')[0][:300]
    advice = f'\nwhat to try: {STATIC}' if _free(specs) else ''
    return f'JAX cannot trace this model with its dimensions left free: {type(error).__name__}: {words}{advice}'


def _refused(error: BaseException, specs: Sequence[Any]) -> str:
    """Return what jax2onnx stopped at: the primitive, where the Python uses it, and its own words."""
    words = str(error).partition('\n')[0][:300]
    advice = f', or {STATIC}' if _free(specs) else ''
    equations = _equations(error)
    if not equations:
        said = f'jax2onnx cannot convert this model: {type(error).__name__}: {words}'
        return f'{said}\nwhat to try: onnx: {{lowering: primitives}}{advice}'
    place = next(filter(None, map(_place, reversed(equations))), '')
    return (
        f'jax2onnx has no ONNX form of the primitive {equations[-1].primitive.name} as it is used here{place}: '
        f'{words}\n'
        f'what to try: other functions in its place{advice}'
    )


def _free(specs: Sequence[Any]) -> bool:
    return any(not isinstance(d, int) for spec in specs for d in spec.shape)


def _equations(error: BaseException) -> list[Any]:
    """Return the equations that were being converted, the innermost last."""
    from jax.extend import core

    found, trace = [], error.__traceback__
    while trace is not None:
        held = trace.tb_frame.f_locals.get('eqn')
        if isinstance(held, core.JaxprEqn):
            found.append(held)
        trace = trace.tb_next
    return found


def _place(equation: Any) -> str:
    """Return the line of the recipe's Python that an equation comes from, in brackets; empty where it is not known."""
    traceback = equation.source_info.traceback
    frames = traceback.frames if traceback is not None else ()
    for frame in frames:
        _, models, below = frame.file_name.rpartition('/models/')
        if models and '/site-packages/' not in frame.file_name:
            return f' (models/{below}:{frame.line_num})'
    return ''
