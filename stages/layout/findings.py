"""Everything the report says, gathered: the recipe, the outcomes, the samples, the machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from stages.engines import ENGINES
from stages.execute import tools
from stages.execute.ensure import result_of
from stages.execute.project import Project
from stages.kinds import KINDS
from stages.layout import benchmark
from stages.layout.benchmark import Wanted
from stages.layout.outcome import Outcome, tolerance_of
from stages.measure.machine import machine
from stages.measure.noise import flags
from stages.recipe.model import Stage


def findings_of(project: Project, recipe_name: str, outcomes: list[Outcome], rows: list[Wanted]) -> dict[str, Any]:
    """Return what ``stages.report`` draws its pages from."""
    plan = project.plan
    recipe = plan.recipes[recipe_name]
    taken = {(row.outcome.build.variant.name, row.threads): benchmark.samples(project, row) for row in rows}
    measured = {f'{name} ({threads})': found for (name, threads), found in taken.items() if found}
    facts = next((found['machine'] for found in measured.values()), None) or machine()
    evaluate = recipe.data.get('evaluate')
    return {
        'format': 1,
        'model': recipe.model,
        'recipe': recipe.file,
        'created': datetime.now(UTC).isoformat(timespec='seconds'),
        'command': f'doit {recipe.model}',
        'source': {'format': recipe.source.format, 'step': plan.baseline(recipe_name).chain[0].step},
        'inputs': [{'name': t.name, 'shape': list(t.shape), 'dtype': t.dtype} for t in recipe.inputs],
        'outputs': list(recipe.outputs),
        'preprocessing': recipe.preprocessing,
        'baseline': plan.baseline(recipe_name).variant.name,
        'protocol': {**asdict(recipe.benchmark), 'threads': list(recipe.benchmark.threads)},
        'choose': asdict(recipe.choose),
        'check': {'max_drop': recipe.check.max_drop},
        'machine': facts,
        'versions': _versions(project, outcomes),
        'runs_python': sorted({plan.steps[id].python for id in plan.steps_of(recipe_name)} - {''}),
        'flags': flags(measured, facts),
        'metric': evaluate.metric.of if evaluate and evaluate.metric else None,
        'variants': [_variant(project, outcome, taken) for outcome in outcomes],
    }


def _versions(project: Project, outcomes: list[Outcome]) -> dict[str, str]:
    named = {tool for o in outcomes for tool in ENGINES[o.build.variant.engine].TOOLS}
    apart: dict[str, str] = {}
    for outcome in outcomes:
        for step in (project.plan.steps[link.step] for link in outcome.build.chain):
            if step.environment:
                found = tools.versions(step.tools, project.packages(step))
                apart |= {f'{tool} ({step.environment})': version for tool, version in found.items()}
            else:
                named.update(step.tools)
    return tools.versions(sorted(named | {'modelkiln', 'numpy'}), project.installed) | dict(sorted(apart.items()))


def _makes(stage: Stage, module: str) -> str:
    """The precision that a stage gives a float model: what it is lighter by, whatever was done before it."""
    kind = next(kind for kind in KINDS[stage.kind] if kind.__name__ == module)  # type: ignore[attr-defined]
    return kind.precision(stage.params, 'f32')


def _variant(
    project: Project, outcome: Outcome, taken: Mapping[tuple[str, int], dict[str, Any] | None]
) -> dict[str, Any]:
    build, plan = outcome.build, project.plan
    recipe = plan.recipes[build.recipe]
    built = outcome.failure is None
    results = [result_of(project, link.step) for link in build.chain] if built else []
    links = build.chain[1:]
    check = outcome.check
    tolerance = tolerance_of(recipe, build.chain[-1].precision)
    last = build.chain[-1].check
    failure = None
    if outcome.failure is not None:
        kind = outcome.failure.step.rsplit('-', 1)[0]
        failure = {**asdict(outcome.failure), 'kind': kind, 'lines': outcome.failure.reason.splitlines()}
    return {
        'name': build.variant.name,
        'stages': [
            {
                'kind': stage.kind, 'params': dict(plan.steps[link.step].params),
                'seconds': results[place].seconds if built else None,
                'peak_memory_bytes': results[place].peak_memory_bytes if built else None,
                'key': results[place].key if built else None,
                'step': link.step,
                'makes': _makes(stage, plan.steps[link.step].module),
            }
            for place, (stage, link) in enumerate(zip(build.variant.stages, links, strict=True), start=1)
        ],
        'engine': build.variant.engine,
        'format': build.variant.format,
        'precision': build.chain[-1].precision,
        'options': dict(plan.steps[last].params['options']) if last else {},
        'batch': build.variant.batch,
        'status': 'built' if built else 'unsupported' if outcome.expected else 'failed',
        'failure': failure,
        'sha256': results[-1].digest if built else None,
        'size_bytes': results[-1].size if built else None,
        'files': [
            {'name': name, 'size': file.size, 'sha256': file.sha256} for name, file in results[-1].files.items()
        ] if built else [],
        'elsewhere': outcome.elsewhere,
        'check': {
            'difference': check['difference'],
            'tolerance': {name: value for name, value in asdict(tolerance).items() if value is not None},
            'metric': check['metric'],
            'agreement': check['agreement'],
        } if check else None,
        'accuracy_failed': outcome.accuracy_failed,
        'measured': [found for (name, _), found in taken.items() if name == build.variant.name and found],
    }  # fmt: skip
