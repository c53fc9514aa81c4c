"""The schedule rule: every kernel that nothing else scheduled gets vectors, registers and threads, without a search.

TVM's own CPU schedules are gone; what it leaves is scalar, serial code. The rule is deterministic and takes seconds:
the same kernel and target give the same code. A kernel that it has no good schedule for stays as it is: slow, correct.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from stages.frameworks.tvm.graph.winograd import PRODUCT
from stages.frameworks.tvm.said import said
from stages.frameworks.tvm.schedule.rule.block import children, nest
from stages.frameworks.tvm.schedule.rule.constants import Constants, constants_for
from stages.frameworks.tvm.schedule.rule.elementwise import elementwise
from stages.frameworks.tvm.schedule.rule.fused import fused
from stages.frameworks.tvm.schedule.rule.product import heaviest, product
from stages.frameworks.tvm.schedule.rule.reduction import reduction
from stages.frameworks.tvm.schedule.rule.winograd import winograd
from stages.frameworks.tvm.target import Target

SCHEDULED: Final = 'tirx.is_scheduled'


def scheduled(module: Any, target: Target, constants: Constants | None = None) -> tuple[Any, Mapping[str, str]]:
    """Return ``module`` with every function scheduled that was not yet; and why the others are not, by their names.

    No kernel stops a model: one that a schedule fails on, whatever the reason, stays as TVM left it.
    """
    from tvm.tirx import PrimFunc

    constants = constants or constants_for(target)
    result, why = module.clone(), {}
    for variable, function in module.functions.items():
        if isinstance(function, PrimFunc) and not (function.attrs and function.attrs.get(SCHEDULED)):
            try:
                done = kernel(function, target, constants)
            except Exception as error:
                why[variable.name_hint] = f'the rule: {said(error)}'
                continue
            if done is None:
                why[variable.name_hint] = 'it is not made of blocks with fixed sizes'
            else:
                result[variable] = done
    return result, why


def kernel(function: Any, target: Target, constants: Constants | None = None) -> Any:
    """Return ``function`` scheduled for ``target``; None when it is not made of blocks with fixed sizes."""
    import tvm
    from tvm import s_tir

    constants = constants or constants_for(target)
    schedule = fused(s_tir.Schedule(tvm.IRModule({'main': function})))
    blocks = children(schedule)
    if not blocks:
        return None

    heavy = heaviest(schedule, blocks)
    if heavy is not None:
        attempt = schedule.copy()
        with suppress(Exception):  # a shape that it does not fit, which may show as anything: the plain schedules do
            winograd(attempt, constants) if heavy == PRODUCT else product(attempt, heavy, constants)
            schedule = attempt
    for name in children(schedule):
        schedule = plain(schedule, name, constants)
    return schedule.mod['main'].with_attr(SCHEDULED, True)


def plain(schedule: Any, name: str, constants: Constants) -> Any:
    """Return the schedule with block ``name`` done by itself, if its loops are still as they were and it can be."""
    found = nest(schedule, name)
    if found is None or not found.loops:
        return schedule
    attempt = schedule.copy()
    same = nest(attempt, name)
    assert same is not None
    try:
        (reduction if any(same.sums) else elementwise)(attempt, same, constants)
    except Exception:  # serial code is slow, not wrong
        return schedule
    return attempt
