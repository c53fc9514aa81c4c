"""A step that looks into a model, and a step with layers kept in float: what ``modelkiln bisect`` adds to a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from stages.digest import digest_of
from stages.measure import bisect
from stages.plan.step import Plan, Step
from stages.taps import tap_for


def looking(before: Step, model: Step, probe: str, formats: tuple[str, str], precision: str) -> Step:
    """Return the step that holds ``model`` against ``before``, both of formats that can be looked into."""
    params = {'before': formats[0], 'format': formats[1], 'precision': precision}
    inputs = {'before': before.id, 'model': model.id, 'probe': probe}
    taps = [tap for tap in map(tap_for, formats) if tap is not None]
    tools = tuple(sorted({tool for tap in taps for tool in tap.TOOLS}))
    return Step(
        id=_id(bisect.KIND, params, inputs), kind=bisect.KIND, module=bisect.__name__, params=params, inputs=inputs,
        python='', path='', declared=None, outputs=bisect.outputs(bisect.Params(*formats, precision)),
        tools=tools, code=(bisect.__name__,), host=True, timeout=model.timeout, memory=model.memory,
    )  # fmt: skip


def keeping(step: Step, names: Sequence[str]) -> Step:
    """Return a quantizing step that leaves the layers ``names`` in float, beside those that it leaves already."""
    params = {**step.params, 'keep': [*step.params['keep'], *map(escaped, names)]}
    return replace(step, id=_id(step.kind, params, step.inputs), params=params)


def checking(check: Step, model: Step) -> Step:
    """Return the check of another model, all else as it was."""
    inputs = {**check.inputs, 'model': model.id}
    return replace(check, id=_id(check.kind, check.params, inputs), inputs=inputs)


def joined(plan: Plan, *steps: Step) -> Plan:
    """Return the plan with these steps, which no variant needs."""
    return replace(plan, steps={**plan.steps, **{step.id: step for step in steps}})


def escaped(name: str) -> str:
    """Return a glob that means this name alone."""
    return ''.join(f'[{letter}]' if letter in '*?[' else letter for letter in name)


def _id(kind: str, params: Any, inputs: Any) -> str:
    return digest_of({'kind': kind, 'params': params, 'inputs': inputs, 'for': bisect.KIND})[:16]
