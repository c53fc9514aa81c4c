"""Everything the report says, gathered: the recipe, the outcomes, the samples, the machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime

from stages.document.manifest import Use
from stages.engines import ENGINES, use
from stages.execute import tools
from stages.execute.ensure import result_of
from stages.execute.project import Failure, Project
from stages.kinds import KINDS
from stages.layout import artifact, benchmark
from stages.layout.advice import here
from stages.layout.benchmark import Wanted
from stages.layout.outcome import Outcome
from stages.layout.shared import shared_samples
from stages.measure.machine import machine
from stages.measure.noise import flags
from stages.measure.samples import Samples
from stages.measure.tolerance import tolerance_of
from stages.plan.step import Build, Step
from stages.recipe.model import Stage, settings
from stages.recipe.setting import Setting
from stages.report import findings
from stages.report.findings import Asked, Bound, Failed, Findings, Protocol, Unmeasured, Variant
from stages.store.store import Result


def findings_of(project: Project, recipe_name: str, outcomes: list[Outcome], rows: list[Wanted]) -> Findings:
    """Return what ``stages.report`` draws its pages from."""
    plan = project.plan
    recipe = plan.recipes[recipe_name]
    known = benchmark.samples(project, rows)
    taken = {(row.outcome.build.variant.name, row.setting): known.get(row.key) for row in rows}
    measured = {f'{name} ({setting.words()})': found for (name, setting), found in taken.items() if found}
    facts = next((found.machine for found in measured.values()), None) or machine()
    evaluate = recipe.data.get('evaluate')
    told = next((o.check.contract for o in outcomes if o.check and o.check.contract), {})
    return Findings(
        model=recipe.model,
        recipe=recipe.file,
        created=datetime.now(UTC).isoformat(timespec='seconds'),
        command=f'doit {recipe.model}',
        source={'format': recipe.source.format, 'step': plan.baseline(recipe_name).chain[0].step},
        inputs=tuple(told.get('inputs') or ()),
        outputs=tuple(port['name'] for port in told.get('outputs') or ()) or recipe.outputs,
        preprocessing=recipe.preprocessing,
        baseline=plan.baseline(recipe_name).variant.name,
        protocol=Protocol(
            **asdict(recipe.benchmark) | {'cycles': _rounds(measured.values()) or recipe.benchmark.cycles}
        ),
        asked=Asked(recipe.choose.fastest, recipe.choose.within, recipe.check.max_drop, recipe.choose.budget),
        machine=facts,
        versions=_versions(project, outcomes),
        runs_python=tuple(sorted({plan.steps[id].python for id in plan.steps_of(recipe_name)} - {''})),
        advice=tuple(here(recipe)),
        flags=tuple(flags(measured, facts)),
        regression=recipe.regression,
        metric=evaluate.metric.of if evaluate and evaluate.metric else '',
        variants=_with_note(
            shared_samples(project, recipe_name), tuple(_variant(project, outcome, taken) for outcome in outcomes)
        ),
    )


def _with_note(note: str, variants: tuple[Variant, ...]) -> tuple[Variant, ...]:
    """Return ``variants``, the first of which says what concerns them all."""
    if not note or not variants:
        return variants
    return (replace(variants[0], notes=(note, *variants[0].notes)), *variants[1:])


def _rounds(measured: Iterable[Samples]) -> int | None:
    """Return how many rounds were taken: more than were planned where a process ran slower than its others."""
    return max((len(one.cycles) for one in measured), default=None)


def _versions(project: Project, outcomes: list[Outcome]) -> dict[str, str]:
    used = {o.build.variant.engine for o in outcomes}
    named = {tool for engine in used if not ENGINES[engine].ENVIRONMENT for tool in ENGINES[engine].TOOLS}
    apart: dict[str, str] = {}
    for engine in (each for each in used if ENGINES[each].ENVIRONMENT):
        apart |= project.tools_of(engine)
    for outcome in outcomes:
        for step in (project.plan.steps[link.step] for link in outcome.build.chain):
            if step.environment:
                found = tools.versions(step.tools, project.packages(step))
                apart |= {f'{tool} ({step.environment})': version for tool, version in found.items()}
            else:
                named.update(step.tools)
    return tools.versions(sorted(named | {'modelkiln', 'numpy'}), project.installed) | dict(sorted(apart.items()))


def _makes(stage: Stage, module: str) -> str:
    """The precision that a stage gives a float model: what it is compressed to, whatever was done before it."""
    kind = next(kind for kind in KINDS[stage.kind] if kind.__name__ == module)  # type: ignore[attr-defined]
    return kind.precision(stage.params, 'f32')


def _variant(project: Project, outcome: Outcome, taken: Mapping[tuple[str, Setting], Samples | None]) -> Variant:
    build, plan = outcome.build, project.plan
    built = outcome.failure is None
    results = [result_of(project, link.step) for link in build.chain] if built else []
    precision = outcome.check.precision if outcome.check else ''
    bound = tolerance_of(precision, plan.recipes[build.recipe].check.tolerance)
    last = build.chain[-1].check
    return Variant(
        name=build.variant.name,
        stages=tuple(
            _stage(stage, plan.steps[link.step], results[place] if built else None)
            for place, (stage, link) in enumerate(zip(build.variant.stages, build.chain[1:], strict=True), start=1)
        ),
        engine=build.variant.engine,
        format=build.variant.format,
        precision=precision,
        options=dict(plan.steps[last].params['options']) if last else {},
        batch=build.variant.batch,
        line=build.variant.line,
        status='built' if built else 'unsupported' if outcome.expected else 'failed',
        failure=_failed(outcome.failure),
        too_far=_failed(outcome.too_far),
        accuracy_failed=outcome.accuracy_failed or '',
        foreign=outcome.foreign,
        sha256=results[-1].digest if built else '',
        size_bytes=results[-1].size if built else None,
        check=outcome.check,
        bound=Bound(bound.relative, bound.cosine),
        notes=(*outcome.notes, *_told(build, outcome)),
        measured=tuple(found for (name, _), found in taken.items() if name == build.variant.name and found),
        unmeasured=tuple(Unmeasured(setting, why) for setting, why in outcome.unmeasured),
        use=_use(project, outcome) if outcome.deliverable else {},
    )


def _use(project: Project, outcome: Outcome) -> dict[str, Use]:
    build = outcome.build
    place = artifact.folder_of(project, build).relative_to(project.root).as_posix()
    manifest = artifact.manifest_of(project, outcome, None)
    asked = {setting.threads for setting in settings(project.plan.recipes[build.recipe], build.variant)}
    return {str(threads): use(manifest, place, threads) for threads in sorted(asked)}


def _stage(stage: Stage, step: Step, result: Result | None) -> findings.Stage:
    return findings.Stage(
        kind=stage.kind,
        params=dict(step.params),
        seconds=result.seconds if result else None,
        peak_memory_bytes=result.peak_memory_bytes if result else None,
        key=result.key if result else '',
        step=step.id,
        makes=_makes(stage, step.module),
    )


def _told(build: Build, outcome: Outcome) -> list[str]:
    """Return what the kinds of a variant say of how it was made."""
    said = outcome.check.contract.get('notes') or () if outcome.check else ()
    return [f'{build.variant.name}: {note}' for note in said]


def _failed(failure: Failure | None) -> Failed | None:
    """Take a failure's lines apart: whoever prints it in a line must not lose where one ends."""
    return Failed(failure.step, tuple(failure.reason.splitlines()), failure.log, failure.repeat) if failure else None
