"""Measure what a recipe built: only what has no samples yet, always beside the baseline, never beside a build."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from stages import terminal
from stages.digest import digest_of
from stages.engines import ENGINES
from stages.execute import environment
from stages.execute.ensure import copy_result
from stages.execute.project import Failure, Project
from stages.layout.outcome import Outcome
from stages.measure.machine import fingerprint, machine
from stages.measure.samples import Samples, samples_of
from stages.recipe.model import Benchmark, settings
from stages.recipe.setting import SERVER, Setting
from stages.store.locks import locked, measuring
from stages.store.records import read_record, write_record

if TYPE_CHECKING:
    from stages.measure.protocol import Subject

CYCLE_TIMEOUT = 900.0
"""Seconds one cycle may take."""


@dataclass(frozen=True)
class Wanted:
    """One row of the table: a variant in a setting, and the key of its samples."""

    outcome: Outcome
    setting: Setting
    key: str


def wanted(project: Project, outcomes: list[Outcome]) -> list[Wanted]:
    """Return what the recipe's table needs: every variant built for this machine, in every setting it asks for.

    Also what is too far from its source: the report says what it would have gained.
    """
    return [
        Wanted(outcome, setting, _key(project, outcome, setting))
        for outcome in outcomes
        if outcome.failure is None and outcome.build.chain[-1].check is not None and not outcome.foreign
        for setting in settings(project.plan.recipes[outcome.build.recipe], outcome.build.variant)
    ]


def keys(project: Project) -> set[str]:
    """Return the key of every row that the recipes of today may ask for, as far as their steps have stamps."""
    return {
        _key(project, Outcome(build, None, None), setting)
        for recipe, builds in project.plan.builds.items()
        for build in builds
        if build.chain[-1].check is not None
        for setting in settings(project.plan.recipes[recipe], build.variant)
    }


def samples(project: Project, row: Wanted) -> Samples | None:
    """Return the samples of a row when they were taken before, on this machine, of these bytes."""
    read = recorded(project, row)
    return None if read is None else samples_of(read)


def recorded(project: Project, row: Wanted) -> dict[str, Any] | None:
    """Return the samples of a row as they were written, with all that was noted beside them."""
    for paired in (True, False):
        if read := read_samples(_path(project, row.key, paired=paired)):
            return read
    return None


def read_samples(path: Path) -> dict[str, Any] | None:
    """Return samples as they were written; None where a figure would come of something else."""
    read = read_record(path, {'cycles': list, 'baseline_cycles': list, 'machine': dict})
    try:
        taken = samples_of(read) if read else Samples()
        right = all(c.time_ns and all(isinstance(n, int) for n in c.time_ns + c.peak_rss_bytes) for c in taken.cycles)
    except (AttributeError, TypeError, ValueError):
        return None
    return read if taken.cycles and right else None


def has_samples(project: Project, row: Wanted) -> bool:
    """Whether nothing is left to measure: those taken without the baseline, which failed, are taken again."""
    return read_samples(_path(project, row.key)) is not None


def with_failures(project: Project, outcomes: list[Outcome], rows: list[Wanted]) -> list[Outcome]:
    """Return the outcomes with the measurements that failed in this run."""
    failed: dict[str, list[tuple[Setting, str]]] = {}
    for row in rows:
        if (failure := project.failures.get(row.key)) and not has_samples(project, row):
            failed.setdefault(row.outcome.build.name, []).append((row.setting, _cause(failure.reason)))
    return [replace(outcome, unmeasured=tuple(failed.get(outcome.build.name, ()))) for outcome in outcomes]


def _cause(reason: str) -> str:
    """Return a failed cycle in a line: how it ended, and the last line of its log, which is the cause."""
    lines = [line for line in reason.partition(': ')[2].splitlines() if line.strip()] or [reason]
    return lines[0] if len(lines) == 1 else f'{lines[0]}: {lines[-1]}'


def measure(project: Project, recipe: str, rows: list[Wanted]) -> None:
    """Take the samples that are missing, one session for each setting."""
    with locked(project.state / 'locks' / f'measure.{recipe}'):
        missing = [row for row in rows if not has_samples(project, row)]
        groups: dict[Setting, list[Wanted]] = {}
        for row in missing:
            groups.setdefault(row.setting, []).append(row)
        for setting, group in groups.items():
            _session(project, recipe, setting, group, rows)


def _session(project: Project, recipe: str, setting: Setting, group: list[Wanted], rows: list[Wanted]) -> None:
    from stages.measure.protocol import run_session
    from stages.measure.spawn import spawn_cycle

    plan = project.plan
    baseline = plan.baseline(recipe)
    folder = project.store.temporary(f'measure.{recipe}')
    try:
        subjects: dict[str, Subject] = {}
        # one that is not asked for in this setting takes part in it all the same: the others are held against it
        for row in [*[r for r in rows if r.outcome.build == baseline][:1], *group]:
            build = row.outcome.build
            if build.variant.name in subjects:
                continue
            to = folder / 'models' / build.variant.name
            copy_result(project, build.chain[-1].step, to)
            subjects[build.variant.name] = _subject(project, row, setting, to)
        if baseline.variant.name not in subjects:
            terminal.note(f'  {recipe}: not measured, because the baseline {baseline.name} was not built')
            return
        copy_result(project, plan.probes[recipe], folder / 'inputs')
        benchmark = plan.recipes[recipe].benchmark
        common = {
            'inputs': str(folder / 'inputs' / 'data.npz'),
            'scenario': setting.scenario,
            'sizes': dict(setting.sizes),
            'latency_bound': benchmark.latency_bound,
        }
        first = subjects.pop(baseline.variant.name)
        work = folder / 'cycle'
        work.mkdir()

        def run_cycle(request: dict[str, Any]) -> dict[str, Any]:
            apart = ENGINES[request['engine']].ENVIRONMENT
            if apart:
                environment.make(project, apart)  # its checks may have come from the store
            python = environment.python_of(project, apart)
            return spawn_cycle(request, work, project.launcher, CYCLE_TIMEOUT, python=python)

        with measuring():
            measured = run_session(
                first, list(subjects.values()), common, benchmark, run_cycle,
                lambda words: terminal.progress(f'measure {recipe}: {words}'),
            )  # fmt: skip
        facts = machine()
        for row in [*group, *(r for r in rows if r.outcome.build == baseline and r.setting == setting)]:
            taken = measured[row.outcome.build.variant.name]
            if 'failed' in taken:
                if row.key not in project.failures:
                    terminal.note(f'  FAILED  measure {row.outcome.build.name}: {terminal.indented(taken["failed"])}')
                # of this run only: the next one tries again
                project.failures[row.key] = Failure(row.outcome.build.name, taken['failed'], '', f'doit {recipe}')
            elif row in group:
                paired = row.outcome.build == baseline or bool(taken['baseline_cycles'])
                content = {**taken, **asdict(setting), 'machine': facts}
                write_record(_path(project, row.key, paired=paired), content)
        terminal.note(f'  measured {recipe}: {len(measured)} variants, {setting.words()}')
    finally:
        project.store.discard(folder)


def _subject(project: Project, row: Wanted, setting: Setting, folder: Path) -> Subject:
    from stages.measure.protocol import Subject

    build = row.outcome.build
    variant = build.variant
    return Subject(
        variant.name, variant.engine, _options(project, row.outcome), setting.threads, str(folder), setting.batch
    )


def _options(project: Project, outcome: Outcome) -> dict[str, Any]:
    check = outcome.build.chain[-1].check
    assert check is not None, 'a variant that ends in a format no engine runs is refused when the recipe is read'
    return dict(project.plan.steps[check].params['options'])


def _key(project: Project, outcome: Outcome, setting: Setting) -> str:
    build, plan = outcome.build, project.plan
    recipe = plan.recipes[build.recipe]
    engine = ENGINES[build.variant.engine]
    baseline = plan.baseline(build.recipe)
    ids = {'model': build.chain[-1].step, 'baseline': baseline.chain[-1].step, 'inputs': plan.probes[build.recipe]}
    stamps = {role: project.stamp(id) for role, id in ids.items()}
    module = {engine.__name__, ENGINES[baseline.variant.engine].__name__}  # type: ignore[attr-defined]
    protocol: Benchmark = recipe.benchmark
    bound = protocol.latency_bound if setting.scenario == SERVER else None
    return digest_of(
        {
            'content': {role: stamp.digest if stamp else None for role, stamp in stamps.items()},
            'engine': build.variant.engine,
            'options': _options(project, outcome),
            'setting': asdict(setting),
            'protocol': [
                protocol.cycles, protocol.repetitions, protocol.warmup_runs, protocol.warmup_seconds, bound,
                [name for name, _ in recipe.carries],
            ],
            'tools': project.tools_of(baseline.variant.engine) | project.tools_of(build.variant.engine),
            'code': project.code(('stages.measure.cycle', *sorted(module))),
            'machine': fingerprint_of_this_machine(project),
        }
    )  # fmt: skip


def fingerprint_of_this_machine(project: Project) -> str:
    """Return what the samples are keyed by: two machines never share a table."""
    known = project.facts.get('fingerprint')
    if known is None:
        known = project.facts['fingerprint'] = fingerprint(machine())
    return known


def _path(project: Project, key: str, *, paired: bool = True) -> Path:
    return project.store.folder / 'samples' / key[:2] / f'{key}{"" if paired else ".unpaired"}.json'


def figures(measured: Samples | None) -> Mapping[str, Any] | None:
    """Return samples as a manifest keeps them: means in seconds and bytes."""
    if measured is None:
        return None
    cycles = measured.cycles
    return {
        'threads': measured.threads,
        'batch': measured.batch,
        'latency_seconds': fmean(t / c.inner / 1e9 for c in cycles for t in c.time_ns),
        'peak_memory_bytes': round(fmean(peak for c in cycles for peak in c.peak_rss_bytes)),
        'load_seconds': fmean((c.load_ns or 0) / 1e9 for c in cycles),
        'first_seconds': fmean((c.first_ns or 0) / 1e9 for c in cycles),
        'cycles': len(cycles),
        'machine': {name: measured.machine.get(name) for name in ('cpu', 'os', 'memory')},
    }
