"""What a build would do, whole: its steps, and what it would deliver, measure, write and take away. Writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from stages.execute import environment
from stages.execute.predict import Foreseen, Prediction, foreseen, needed
from stages.execute.project import Project
from stages.layout import benchmark
from stages.layout.artifact import folder_of, is_in_place, undelivered
from stages.layout.outcome import Outcome, outcome_of
from stages.layout.pages import unreported
from stages.layout.stale import Stale, stale
from stages.plan.step import Build
from stages.store.store import REFUSAL


@dataclass(frozen=True)
class Deed:
    """One thing that would be done beside the steps."""

    what: str
    """``make``, ``deliver``, ``withdraw``, ``fail``, ``measure``, ``report`` or ``remove``."""

    name: str
    reasons: tuple[str, ...]
    sure: bool = True
    """False: only when bytes that are not known before they are made differ from those before."""


def foresee(project: Project, asked: Collection[str] = ()) -> tuple[list[Prediction], list[Deed]]:
    """Return what ``doit`` with the names ``asked``, of recipes and variants, would do to each step, and what else."""
    builds = [
        build
        for recipe, builds in project.plan.builds.items()
        for build in builds
        if _is_asked(project, recipe, asked) or build.name in asked
    ]
    missing = {recipe: project.unable(recipe) for recipe in dict.fromkeys(build.recipe for build in builds)}
    deeds = [
        Deed('fail', recipe, (f'nothing is built, because {", ".join(tools)} is not installed',))
        for recipe, tools in missing.items()
        if tools
    ]
    deeds += [
        Deed('fail', f'{recipe}:{variant}', (f'left out, because {", ".join(tools)} is not installed',))
        for recipe, gone in project.left_out.items()
        for variant, tools in gone.items()
        if not project.plan.recipes[recipe].may_lack(variant)  # of which doit only says that it is left out
        if not asked or recipe in asked or f'{recipe}:{variant}' in asked
    ]
    builds = [build for build in builds if not missing[build.recipe]]
    with foreseen(project, {id for build in builds for id in build.steps}) as seen:
        deeds += _environments(seen)
        for build in builds:
            deeds += _delivery(seen, build)
        for recipe in dict.fromkeys(build.recipe for build in builds):
            if _is_asked(project, recipe, asked):
                deeds += _report(seen, recipe)
        deeds += [_removal(one) for one in stale(project) if not asked or one.recipe in asked]
        return list(seen.steps.values()), deeds


def _is_asked(project: Project, recipe: str, asked: Collection[str]) -> bool:
    """Whether a run with these names builds a whole recipe: one of a group is built only where it is named."""
    group = project.plan.recipes[recipe].group
    return recipe in asked or (group in asked if group else not asked)


def _environments(seen: Foreseen) -> Iterator[Deed]:
    names: dict[str, list[Prediction]] = {}
    for prediction in seen.steps.values():
        if prediction.step.environment and prediction.what in ('run', 'cached', 'maybe'):
            names.setdefault(prediction.step.environment, []).append(prediction)
    for name, users in names.items():
        if not environment.is_made(seen.project, name):
            sure = any(prediction.what != 'maybe' for prediction in users)
            yield Deed('make', f'environment {name}', (f'{users[0].step.name} runs in it',), sure)


def _delivery(seen: Foreseen, build: Build) -> Iterator[Deed]:
    why, doubt = undelivered(seen.project, build), seen.doubtful(_judged(seen, build))
    if not why and not doubt:
        return
    there = folder_of(seen.project, build).exists()
    if build.variant.unsupported and doubt and not there:
        yield Deed('deliver', build.name, ('unless its tool refuses it, as expected',), sure=False)
        return
    outcome = _outcome(seen, build, f'artifact {build.name}', sure=bool(why))
    if outcome is None:
        yield Deed('deliver', build.name, (why or _unless(doubt),), sure=bool(why))
        return
    broken = (outcome.broken or '').splitlines()[:1]
    if outcome.deliverable:
        yield Deed('deliver', build.name, (why, *broken))
    else:
        yield Deed('withdraw' if there else 'fail', build.name, (*broken,) or (why,))


def _report(seen: Foreseen, recipe: str) -> Iterator[Deed]:
    why, doubt = unreported(seen.project, recipe), seen.doubtful(seen.project.plan.steps_of(recipe))
    if not why and not doubt:
        return
    yield from _measurements(seen, recipe, sure=bool(why))
    yield Deed('report', recipe, (why or _unless(doubt),), sure=bool(why))


def _measurements(seen: Foreseen, recipe: str, *, sure: bool) -> Iterator[Deed]:
    """Yield what would be measured: what has no samples, and beside it all that it is to be chosen among."""
    project, plan = seen.project, seen.project.plan
    outcomes, unknown = [], []
    for build in plan.builds[recipe]:
        outcome = _outcome(seen, build, f'report {recipe}', sure=sure)
        if build.chain[-1].check is None:
            continue
        if outcome is None or seen.doubtful(_fed(seen, build)):
            unknown.append(build.name)
        else:
            outcomes.append(outcome)
    rows = benchmark.wanted(project, outcomes)
    asked = {row.key: row for group in benchmark.to_measure(project, rows) for row in group}
    known = benchmark.samples(project, rows)
    for outcome in outcomes:
        build = outcome.build
        own = [row for row in rows if row.outcome is outcome]
        if again := [row for row in own if row.key in asked]:
            for id in _fed(seen, build):
                needed(seen, id, f'measuring {build.name}', sure=sure)
            settings = '; '.join(row.setting.words() for row in again)
            why = 'no samples of it from this machine' if any(row.key not in known for row in again) else BESIDE
            yield Deed('measure', build.name, (f'{why} ({settings})',), sure)
        elif unknown and any(row.competes for row in own):
            yield Deed('measure', build.name, (f'unless {", ".join(unknown[:2])} needs no measuring',), sure=False)
    for name in unknown:
        yield Deed('measure', name, ('unless these bytes were measured before',), sure=False)


BESIDE = 'measured again beside what has no samples: a choice is of one session'


def _fed(seen: Foreseen, build: Build) -> tuple[str, ...]:
    """Return the steps whose files measuring a variant reads."""
    plan = seen.project.plan
    around = plan.around.get(build.recipe)
    fed = (build.chain[-1].step, plan.baseline(build.recipe).chain[-1].step, plan.probes[build.recipe])
    return (*fed, around) if around else fed


def _removal(gone: Stale) -> Deed:
    stays = (f'{", ".join(gone.theirs[:3])} is not as delivered and stays',) if gone.theirs else ()
    return Deed('remove', gone.name, ('no recipe asks for it any more', *stays))


def _outcome(seen: Foreseen, build: Build, by: str, *, sure: bool) -> Outcome | None:
    """Return how a variant came out, when all it hangs on is there to be read; else None. See to what is missing."""
    project, plan = seen.project, seen.project.plan
    for link in build.chain:
        stamp = project.stamp(link.step)
        needed(seen, link.step, by, sure=sure, names=(REFUSAL,) if stamp and stamp.refused else ())
    judged = [link.check for link in (*build.chain, plan.baseline(build.recipe).chain[-1]) if link.check]
    for id in judged:
        needed(seen, id, by, sure=sure, names=('check.json',))
    if not is_in_place(project, build):
        needed(seen, build.chain[-1].step, by, sure=sure)
    ids = _judged(seen, build)
    if seen.doubtful(ids) or any(seen.steps[id].what in ('run', 'maybe') for id in ids):
        return None
    return outcome_of(project, build)


def _judged(seen: Foreseen, build: Build) -> list[str]:
    """Return the steps that a variant's files and its verdict follow from."""
    baseline = seen.project.plan.baseline(build.recipe).chain[-1].check
    ids = [id for link in build.chain for id in (link.step, link.check) if id]
    return [id for id in dict.fromkeys([*ids, *([baseline] if baseline else [])]) if id in seen.steps]


def _unless(doubt: list[str]) -> str:
    return f'unless the bytes from {", ".join(doubt[:2])}{" …" * (len(doubt) > 2)} are as before'
