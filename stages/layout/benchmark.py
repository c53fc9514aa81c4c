"""What a recipe's table needs to be measured, and the samples that it is made of: those of one session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from statistics import fmean
from typing import Any

from stages.digest import digest_of
from stages.engines import ENGINES
from stages.execute.project import Project
from stages.layout import sessions
from stages.layout.outcome import Outcome
from stages.layout.sessions import Session
from stages.measure.machine import fingerprint, machine
from stages.measure.samples import Samples, samples_of
from stages.plan.step import Build
from stages.recipe.model import Benchmark, settings
from stages.recipe.setting import SERVER, SINGLE, Setting, Table, sizes_of


@dataclass(frozen=True)
class Wanted:
    """One row of the table: a variant in a setting, and the key of its samples."""

    outcome: Outcome
    setting: Setting
    key: str

    @property
    def competes(self) -> bool:
        """Whether the variant may be chosen, as far as its build and its checks tell."""
        return self.outcome.deliverable and not self.outcome.accuracy_failed


def wanted(project: Project, outcomes: list[Outcome]) -> list[Wanted]:
    """Return what the recipe's table needs: every variant built for this machine, in every setting it asks for.

    Also what is too far from its source: the report says what it would have gained.
    """
    return [
        Wanted(outcome, setting, key_of(project, outcome.build, setting))
        for outcome in outcomes
        if outcome.failure is None and outcome.build.chain[-1].check is not None and not outcome.foreign
        for setting in settings(project.plan.recipes[outcome.build.recipe], outcome.build.variant)
    ]


def keys(project: Project) -> set[str]:
    """Return the key of every row that the recipes of today may ask for, and the names of their sessions."""
    rows = {
        key_of(project, build, setting)
        for recipe, builds in project.plan.builds.items()
        for build in builds
        if build.chain[-1].check is not None
        for setting in settings(project.plan.recipes[recipe], build.variant)
    }
    return rows | {name for key in rows for name in sessions.named(project, key)}


def to_measure(project: Project, rows: list[Wanted]) -> list[list[Wanted]]:
    """Return what is to be measured, a list for each session; nothing when each table has one.

    A row without samples is measured together with all that it competes with: of two sessions, no winner is taken. Rows
    that may not be chosen keep their own.
    """
    held = sessions.held(project, (row.key for row in rows))
    asked: list[list[Wanted]] = []
    for group in tables(rows).values():
        missing = {row.key for row in group if not any(s.is_paired(row.key) for s in held[row.key])}
        if missing or not _common(group, held):
            asked.append([row for row in group if row.competes or row.key in missing])
    return asked


def tables(rows: list[Wanted]) -> dict[Table, list[Wanted]]:
    """Return the rows by what they must have in common to be chosen among."""
    found: dict[Table, list[Wanted]] = {}
    for row in rows:
        found.setdefault(row.setting.table, []).append(row)
    return found


def _common(group: list[Wanted], held: Mapping[str, list[Session]]) -> set[str]:
    """Return the sessions that every row which may be chosen took part in."""
    each = [{s.name for s in held[row.key] if s.is_paired(row.key)} for row in group if row.competes]
    return set.intersection(*each) if each else {''}


def recorded(project: Project, rows: list[Wanted]) -> dict[str, dict[str, Any]]:
    """Return the samples of each row as they were written, by its key: of the session that has most of its table.

    What did not take part in that one is of the newest other, and says which.
    """
    held = sessions.held(project, (row.key for row in rows))
    found: dict[str, dict[str, Any]] = {}
    for group in tables(rows).values():
        all_of = {s.name: s for row in group for s in held[row.key]}
        counts = {
            name: (sum(row.competes and s.is_paired(row.key) for row in group), s.taken) for name, s in all_of.items()
        }
        best = max(counts, key=lambda name: counts[name], default='')
        for row in group:
            ranked = sorted(held[row.key], key=lambda s: (s.name == best, s.is_paired(row.key), s.taken))
            if ranked and (record := ranked[-1].record(row.key)):
                found[row.key] = record
    return found


def samples(project: Project, rows: list[Wanted]) -> dict[str, Samples]:
    """Return the samples of each row that has some, by its key."""
    return {key: samples_of(read) for key, read in recorded(project, rows).items()}


def with_failures(project: Project, outcomes: list[Outcome], rows: list[Wanted]) -> list[Outcome]:
    """Return the outcomes with the measurements that failed in this run."""
    failed: dict[str, list[tuple[Setting, str]]] = {}
    known = recorded(project, rows)
    for row in rows:
        if (failure := project.failures.get(row.key)) and not known.get(row.key, {}).get('baseline_cycles'):
            failed.setdefault(row.outcome.build.name, []).append((row.setting, _cause(failure.reason)))
    return [replace(outcome, unmeasured=tuple(failed.get(outcome.build.name, ()))) for outcome in outcomes]


def _cause(reason: str) -> str:
    """Return a failed cycle in a line: how it ended, and the last line of its log, which is the cause."""
    lines = [line for line in reason.partition(': ')[2].splitlines() if line.strip()] or [reason]
    return lines[0] if len(lines) == 1 else f'{lines[0]}: {lines[-1]}'


def options_of(project: Project, build: Build) -> dict[str, Any]:
    """Return the engine's options that a variant is run with."""
    check = build.chain[-1].check
    assert check is not None, 'a variant that ends in a format no engine runs is refused when the recipe is read'
    return dict(project.plan.steps[check].params['options'])


def key_of(project: Project, build: Build, setting: Setting) -> str:
    """Return the key of a row's samples: all that the figures follow from, and its place among equals.

    Variants of equal bytes that are run alike have samples of their own, so that a table with two of them shows what
    this machine makes of no difference at all.
    """
    plan = project.plan
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
            'options': options_of(project, build),
            'setting': asdict(setting),
            'place': _place(project, build, setting),
            'protocol': [
                protocol.cycles, protocol.repetitions, protocol.warmup_runs, protocol.warmup_seconds, bound,
                [name for name, _ in recipe.carries],
            ],
            'tools': project.tools_of(baseline.variant.engine) | project.tools_of(build.variant.engine),
            'code': project.code(('stages.measure.cycle', *sorted(module))),
            'kept': project.code(('stages.layout.weaker',)) if setting.isa else '',
            **_around(project, build.recipe, setting),
            'machine': fingerprint_of_this_machine(project),
        }
    )  # fmt: skip


def has_around(project: Project, recipe: str, setting: Setting) -> bool:
    """Whether whole requests are measured beside calls: as the recipe itself asks for, with what was kept of it."""
    step, benchmark = project.plan.around.get(recipe), project.plan.recipes[recipe].benchmark
    fits = setting.table == (SINGLE, sizes_of(benchmark.sizes), '')
    return fits and step is not None and project.stamp(step) is not None


def _around(project: Project, recipe: str, setting: Setting) -> dict[str, Any]:
    if setting.batch > 1 or not has_around(project, recipe, setting):
        return {}
    stamp = project.stamp(project.plan.around[recipe])
    return {'around': stamp.digest if stamp else None}


def _place(project: Project, build: Build, setting: Setting) -> int:
    """Return how many variants before this one leave the same bytes, are run alike, and asked for in the setting."""

    def run(one: Build) -> tuple[object, ...]:
        stamp = project.stamp(one.chain[-1].step)
        return (stamp.digest if stamp else one.chain[-1].step, one.variant.engine, options_of(project, one))

    place, mine = 0, run(build)
    for other in project.plan.builds[build.recipe]:
        if other == build:
            break
        if other.chain[-1].check is not None and run(other) == mine:
            place += setting in settings(project.plan.recipes[build.recipe], other.variant)
    return place


def fingerprint_of_this_machine(project: Project) -> str:
    """Return what the samples are keyed by: two machines never share a table."""
    known = project.facts.get('fingerprint')
    if known is None:
        known = project.facts['fingerprint'] = fingerprint(machine())
    return known


def figures(measured: Samples | None) -> Mapping[str, Any] | None:
    """Return samples as a manifest keeps them: means in seconds and bytes."""
    if measured is None or not measured.cycles:
        return None
    cycles = measured.cycles
    return {
        'threads': measured.threads,
        'batch': measured.batch,
        'latency_seconds': fmean(t / c.inner / 1e9 for c in cycles for t in c.time_ns),
        'peak_memory_bytes': round(fmean(peak for c in cycles for peak in c.peak_rss_bytes)),
        'load_seconds': _seconds(c.load_ns for c in cycles),
        'first_seconds': _seconds(c.first_ns for c in cycles),
        'cycles': len(cycles),
        'machine': {name: measured.machine.get(name) for name in ('cpu', 'os', 'memory')},
    }


def _seconds(nanoseconds: Iterable[int | None]) -> float:
    """Return the mean of what was recorded; 0 where nothing was."""
    return fmean([one / 1e9 for one in nanoseconds if one is not None] or [0.0])
