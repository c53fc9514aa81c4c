"""Scheduled kernels in, machine code out. A schedule that TVM cannot make code of is given up, alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from stages.errors import UnsupportedError
from stages.frameworks.tvm.graph.levels import ADVICE
from stages.frameworks.tvm.said import said
from stages.frameworks.tvm.schedule.rule.product import PACKED
from stages.frameworks.tvm.target import Target, tvm_target

ROUNDS: Final = 3
"""How often kernels are given up: one that fails may hide another, and weights are packed for several at once."""


@dataclass(frozen=True)
class Code:
    """An executable, and the module that it was made of in the end."""

    executable: Any
    module: Any
    unscheduled: Mapping[str, str]
    """Kernels whose schedule had to be given up, and why."""


def loadable(module: Any) -> None:
    """Raise UnsupportedError for a constant of no numbers: TVM's runtime writes it, and cannot read it again."""
    from tvm.ir.expr import GenericConst
    from tvm.relax.analysis import post_order_visit

    empty: list[Any] = []

    def visit(part: Any) -> None:
        if isinstance(part, GenericConst) and 0 in part.value.shape:
            empty.append(part.value.shape)

    post_order_visit(module['main'], visit)
    if empty:
        msg = f'TVM cannot do this to this model: it holds a constant of no numbers, of shape {empty[0]}'
        raise UnsupportedError(f'{msg}\nwhat to try: this variant without tvm')


def machine_code(module: Any, target: Target) -> Any:
    """Return the executable of a scheduled module; constant weights are packed now, not per call."""
    import tvm

    from stages.frameworks.refusal import refusal

    with tvm_target(target) as where:
        ready = packed(module)
        with refusal('TVM', ADVICE):
            return tvm.compile(ready, target=where)


def code(scheduled: Any, plain: Any, target: Target) -> Code:
    """Return the machine code of ``scheduled``, the kernels that fail as they are in ``plain``: without a schedule.

    Raises UnsupportedError where a kernel fails in that form too.
    """
    module: Any = scheduled
    why: dict[str, str] = {}
    for _ in range(ROUNDS):
        try:
            return Code(machine_code(module, target), module, why)
        except UnsupportedError as error:
            given_up = failing(module, plain, target) or weights_packed(module, plain, said(error))
        if not given_up:
            break
        module = replaced(module, plain, given_up)
        why |= given_up
    rest = dict.fromkeys(changed(module, plain), 'another kernel fails')
    return Code(machine_code(plain, target), plain, rest | why)


def packed(module: Any) -> Any:
    """Return ``module`` with the packing of weights taken out of its functions, and done.

    TVM's pass looks into every function for packing and stumbles over those that are no blocks at all, as a scatter;
    meanwhile another function stands in for these.
    """
    import tvm
    from tvm.relax import transform

    from stages.frameworks.refusal import refusal

    hidden = {variable: each for variable, each in functions(module).items() if not blocks(each)}
    for_now = module.clone()
    for variable in hidden:
        for_now[variable] = stand_in()
    with refusal('TVM', ADVICE):
        split = transform.SplitLayoutRewritePreproc()(for_now)
    for variable, each in hidden.items():
        split[split.get_global_var(variable.name_hint)] = each
    with refusal('TVM', ADVICE):
        return tvm.transform.Sequential([transform.FoldConstant(), transform.DeadCodeElimination()])(split)


def stand_in() -> Any:
    """Return a function with nothing to pack."""
    from tvm import te

    given = te.placeholder((1,), name='given')
    return te.create_prim_func([given, te.compute((1,), lambda i: given[i], name='copied')])


def blocks(function: Any) -> bool:
    """Say whether a function is made of blocks below a root."""
    return getattr(getattr(function.body, 'block', None), 'name_hint', '') == 'root'


def functions(module: Any) -> dict[Any, Any]:
    """Return the TIR functions of ``module`` by their variables."""
    from tvm.tirx import PrimFunc

    return {variable: each for variable, each in module.functions.items() if isinstance(each, PrimFunc)}


def changed(module: Any, plain: Any) -> dict[str, Any]:
    """Return the kernels of ``module`` that have another form in ``plain``, by their names."""
    before = {variable.name_hint: each for variable, each in functions(plain).items()}
    return {
        variable.name_hint: each
        for variable, each in functions(module).items()
        if variable.name_hint in before and not before[variable.name_hint].same_as(each)
    }


def failing(module: Any, plain: Any, target: Target) -> dict[str, str]:
    """Return the kernels with another form in ``plain`` that cannot be compiled, each tried by itself, and why."""
    import tvm

    why = {}
    with tvm_target(target) as where:
        for name, function in changed(module, plain).items():
            try:
                tvm.compile(tvm.IRModule({name: function.with_attr('global_symbol', name)}), target=where)
            except Exception as error:
                why[name] = f'no code: {said(error)}'
    return why


def weights_packed(module: Any, plain: Any, error: str) -> dict[str, str]:
    """Return the kernels whose weights are packed, as what to give up where each compiles by itself."""
    return {name: f'packing: {error}' for name, each in changed(module, plain).items() if PACKED in each.script()}


def replaced(module: Any, plain: Any, names: Mapping[str, str]) -> Any:
    """Return ``module`` with the kernels ``names`` as they are in ``plain``."""
    result = module.clone()
    for name in names:
        result[result.get_global_var(name)] = plain[plain.get_global_var(name)]
    return result
