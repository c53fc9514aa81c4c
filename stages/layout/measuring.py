"""Measure what a recipe's tables lack: a session for each, beside the baseline, never beside a build."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stages import terminal
from stages.engines import ENGINES
from stages.environments import listens
from stages.execute import environment
from stages.execute.ensure import copy_result
from stages.execute.project import Failure, Project
from stages.layout import sessions
from stages.layout.benchmark import Wanted, has_around, key_of, options_of, to_measure
from stages.layout.weaker import Kept, kept
from stages.measure.machine import load_now, machine
from stages.measure.protocol import Subject, run_session
from stages.measure.spawn import spawn_cycle
from stages.plan.step import Build
from stages.recipe.setting import Setting
from stages.store.locks import locked, measuring

CYCLE_TIMEOUT = 900.0
"""Seconds one cycle may take."""


def measure(project: Project, recipe: str, rows: list[Wanted]) -> None:
    """Take the samples that are missing, one session for each table."""
    baseline = project.plan.baseline(recipe)
    with locked(project.state / 'locks' / f'measure.{recipe}'):
        for group in to_measure(project, rows):
            if all(row.outcome.build != baseline for row in rows):
                terminal.note(f'  {recipe}: not measured, because the baseline {baseline.name} was not built')
                return
            _session(project, recipe, group, _is_for(project, rows, group))


def _is_for(project: Project, rows: list[Wanted], group: list[Wanted]) -> set[str]:
    """Return the keys of what a session is for, where all others have one together; else nothing.

    What failed to be measured is tried again in each run; when it fails again, the others need no new session.
    """
    held = sessions.held(project, (row.key for row in group))
    missing = {row.key for row in group if not any(s.is_paired(row.key) for s in held[row.key])}
    rest = [row for row in rows if row.setting.table == group[0].setting.table and row.key not in missing]
    return set() if to_measure(project, rest) else missing


def _session(project: Project, recipe: str, group: list[Wanted], new: set[str]) -> None:
    plan = project.plan
    folder = project.store.temporary(f'measure.{recipe}')
    try:
        members = _members(project, recipe, group)
        subjects = [_subject(project, build, setting, folder, members) for build, setting in members.values()]
        for step in dict.fromkeys(build.chain[-1].step for build, _ in members.values()):
            copy_result(project, step, folder / 'models' / step)  # once, in however many ways it is run
        copy_result(project, plan.probes[recipe], folder / 'inputs')
        table, benchmark = group[0].setting, plan.recipes[recipe].benchmark
        common = {
            'inputs': str(folder / 'inputs' / 'data.npz'),
            'scenario': table.scenario,
            'sizes': dict(table.sizes),
            'latency_bound': benchmark.latency_bound,
        }
        if has_around(project, recipe, table):
            copy_result(project, plan.around[recipe], folder / 'around')
            common['around'] = str(folder / 'around')
        work = folder / 'cycle'
        work.mkdir()

        names = {key: subject.name for key, subject in zip(members, subjects, strict=True)}
        held = _held(project, table.isa, subjects, common, work)
        untimed = {name for name, one in held.items() if not one.measured}
        subjects = [
            replace(subject, against='') if subject.against in untimed else subject
            for subject in subjects
            if subject.name not in untimed
        ]

        def run_cycle(request: dict[str, Any]) -> dict[str, Any]:
            one = held.get(request['name'], Kept())
            python = _python(project, request['engine'])
            alone = listens(ENGINES[request['engine']].ENVIRONMENT)
            return spawn_cycle(request, work, project.launcher, CYCLE_TIMEOUT, one.environment, python, loopback=alone)

        with measuring():
            taken, facts = datetime.now(UTC).isoformat(timespec='seconds'), machine()
            measured = run_session(
                subjects, common, benchmark, run_cycle,
                lambda words: terminal.progress(words, f'measure {recipe}'),
                {names[key] for key in new} - untimed,
            )  # fmt: skip
            facts['load_after'] = load_now()
        told = {name: {'kept': asdict(one)} for name, one in held.items()}
        found = {key: {**told.get(name, {}), **measured.get(name, {})} for key, name in names.items()}
        _left(project, recipe, found, members, taken, facts)
    finally:
        terminal.working(f'measure {recipe}', None)
        project.store.discard(folder)


def _held(
    project: Project, isa: str, subjects: list[Subject], common: Mapping[str, Any], work: Path
) -> dict[str, Kept]:
    """Return how each subject is kept to an instruction set; nothing where there is none to be kept to."""
    if not isa:
        return {}

    def prove(
        request: Mapping[str, Any], variables: Mapping[str, str], under: tuple[str, ...], seconds: float
    ) -> dict[str, Any]:
        python = _python(project, request['engine'])
        alone = listens(ENGINES[request['engine']].ENVIRONMENT)
        return spawn_cycle(request, work, project.launcher, seconds, variables, python, under, alone)

    found = {}
    for subject in subjects:
        terminal.progress(f'keeping it to {isa}', f'measure {subject.name}')
        request = {**common, **asdict(subject), 'seed': 0, 'round': 0, 'proof': True}
        try:
            found[subject.name] = kept(isa, request, prove, work / 'home')
        finally:
            terminal.working(f'measure {subject.name}', None)
    return found


def _python(project: Project, engine: str) -> str:
    """Return the Python that an engine runs in."""
    apart = ENGINES[engine].ENVIRONMENT
    if apart:
        environment.make(project, apart)  # its checks may have come from the store
    return environment.python_of(project, apart)


Members = dict[str, tuple[Build, Setting]]
"""Who takes part in a session, by the key of its row."""


def _members(project: Project, recipe: str, group: list[Wanted]) -> Members:
    """Return the rows of a session, the baseline first in every setting, whether it is asked for in it or not."""
    baseline = project.plan.baseline(recipe)
    settings = dict.fromkeys(row.setting for row in group)
    members = {key_of(project, baseline, setting): (baseline, setting) for setting in settings}
    return members | {row.key: (row.outcome.build, row.setting) for row in group}


def _subject(project: Project, build: Build, setting: Setting, folder: Path, members: Members) -> Subject:
    several = len({setting for _, setting in members.values()}) > 1
    baseline = project.plan.baseline(build.recipe)

    def called(one: Build) -> str:
        return f'{one.variant.name} ({setting.words()})' if several else one.variant.name

    return Subject(
        called(build),
        build.variant.engine,
        options_of(project, build),
        setting.threads,
        str(folder / 'models' / build.chain[-1].step),
        setting.batch,
        '' if build == baseline else called(baseline),
    )


def _left(
    project: Project,
    recipe: str,
    measured: Mapping[str, Mapping[str, Any]],
    members: Members,
    taken: str,
    facts: Mapping[str, Any],
) -> None:
    """Keep what was measured; note what failed, of this run only: the next one tries again."""
    baseline = project.plan.baseline(recipe)
    for key, found in measured.items():
        if 'failed' in found:
            name = members[key][0].name
            if key not in project.failures:
                terminal.note(f'  FAILED  measure {name}: {terminal.indented(found["failed"])}')
            project.failures[key] = Failure(name, found['failed'], '', f'doit {recipe}')
    rows = {
        key: {
            **asdict(setting),
            'variant': build.variant.name,
            'against': key_of(project, baseline, setting),
            'cycles': measured[key].get('cycles', []),
            **({'kept': measured[key]['kept']} if 'kept' in measured[key] else {}),
        }
        for key, (build, setting) in members.items()
        if measured[key].get('cycles') or ('kept' in measured[key] and 'failed' not in measured[key])
    }
    if rows:
        sessions.keep(project, taken, facts, rows)
        table = next(iter(members.values()))[1]
        words = table.words() if len({setting for _, setting in members.values()}) == 1 else table.scenario
        terminal.note(f'  measured {recipe}: {len(rows)} variants, {words}, in one session')
