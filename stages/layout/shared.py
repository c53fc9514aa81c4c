"""Samples that both calibrate and evaluate: what was tuned by them is judged too well."""

from __future__ import annotations

import json

from stages.execute.ensure import result_of
from stages.execute.project import Project
from stages.plan.step import Step
from stages.sources.data import ROWS
from stages.store.store import Lost


def shared_samples(project: Project, recipe: str) -> str:
    """Return a sentence where evaluation data holds samples that also calibrate; nothing where it does not."""
    plan = project.plan
    evaluate = plan.steps[plan.probes[recipe]]
    tuning = {
        plan.steps[id].inputs['calibrate'] for id in plan.steps_of(recipe) if 'calibrate' in plan.steps[id].inputs
    }
    if evaluate.kind != 'data' or 'evaluate' not in plan.recipes[recipe].data:
        return ''
    one = {row for id in tuning for row in _rows(project, plan.steps[id])}
    two = _rows(project, evaluate)
    both = sum(row in one for row in two)
    if not both:
        return ''
    return (
        f'{both} of the {len(two)} samples that evaluate also calibrate: what they tuned is judged too well; '
        '`samples:` splits one set so that they cannot'
    )


def _rows(project: Project, step: Step) -> list[str]:
    try:
        result = result_of(project, step.id)
        read = json.loads(project.store.read(result.files[ROWS])) if ROWS in result.files else []
    except (Lost, ValueError):
        return []
    return [str(row) for row in read]
