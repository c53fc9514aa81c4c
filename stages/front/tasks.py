"""The plan as doit's tasks: the whole meeting point with doit.

doit gives order, selection and parallelism. What is current is decided by our own stamps and keys: every task has one
``uptodate`` callable and one action, no ``file_dep`` and no shell. A step that fails is recorded and shown but does not
stop what else can be built; the variant that needed it fails, so the run ends non-zero.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from stages import others, spawn, terminal
from stages.errors import PromiseError, RecipeError, StepError, ToolError
from stages.execute import environment
from stages.execute.ensure import ensure, is_current
from stages.execute.lineage import remember
from stages.execute.project import Project, open_right
from stages.execute.tools import remedy
from stages.front.ahead import took_before
from stages.front.failed import code_of, failed
from stages.front.forgetful import NO_DATABASE
from stages.front.guarded import answered, guarded
from stages.front.leavings import clear_leavings
from stages.front.reporter import NOTHING_DONE, Reporter
from stages.layout import benchmark
from stages.layout.artifact import deliver, is_delivered
from stages.layout.comparison import groups, write_comparison
from stages.layout.index import mend_index, write_index
from stages.layout.outcome import Outcome, outcome_of
from stages.layout.pages import is_reported, report
from stages.layout.stale import Stale, stale, take_away
from stages.plan.step import Build, Step
from stages.recipe.mistakes import suggest
from stages.recipe.setting import SINGLE, sizes_of
from stages.store.modes import decide_modes
from stages.terminal import indented

REPORT = 'measure the variants and write the report'
STEPS_AT_ONCE = 2
"""Unless ``-n`` says otherwise. Converters take gigabytes, and half of their time they use one core."""


def opened(root: Path) -> Project:
    """Return the project at ``root``, without wrong recipes and without variants whose tools are not installed.

    Where no recipe is right the run ends here, with exit code 2 and nothing on disk.
    """
    if _wants_processes(sys.argv):
        words = 'doit -P process is not supported: it hangs when a worker dies. Use -n N alone.'
        terminal.complain(f'modelkiln: {words}')
        raise SystemExit(3)
    try:
        project = open_right(root)
    except RecipeError as error:
        terminal.complain('\n'.join(indented(problem) for problem in error.problems))
        raise SystemExit(error.exit_code) from None
    if project.wrong:
        terminal.complain('\n'.join(indented(problem) for problem in project.wrong))
        terminal.complain('modelkiln: the recipes above are left out; the others go on')
    project.leave_out()
    return project


def refuse_unknown(project: Project, names: Iterable[str]) -> None:
    """End the run, with exit code 2, where a name is that of nothing; say which is nearly so."""
    variants = [f'{recipe}:{name}' for recipe in project.plan.builds for name in _variants(project, recipe)]
    known = {*project.plan.builds, *variants, *(f'{recipe}:report' for recipe in project.plan.builds), *_tags(project)}
    known |= {*groups(project)}
    unknown = [name for name in names if name not in known and not fnmatch.filter(known, name)]
    if unknown and not any(name.startswith('_') for name in unknown):
        near = suggest(unknown[0], known)
        wrong = '; recipes that are wrong are named above' if project.wrong else ''
        terminal.complain(f'modelkiln: there is no recipe, variant or tag {unknown[0]!r}{near}{wrong}')
        raise SystemExit(RecipeError.exit_code)


def _variants(project: Project, recipe: str) -> Iterator[str]:
    yield from (build.variant.name for build in project.plan.builds[recipe])
    yield from project.left_out.get(recipe, ())


def _tags(project: Project) -> dict[str, list[str]]:
    """Return the tasks that are tags, `@nightly`, and the recipes that each means."""
    found: dict[str, list[str]] = {}
    for name, recipe in project.plan.recipes.items():
        for tag in recipe.tags:
            found.setdefault(f'@{tag}', []).append(name)
    return found


def settings(project: Project) -> dict[str, Any]:
    """Return doit's settings for ``project``."""
    decide_modes(project.root)
    return {
        **NO_DATABASE,
        'continue': True,
        'par_type': 'thread',
        'num_process': min(os.cpu_count() or 1, STEPS_AT_ONCE),
        'reporter': Reporter(
            sys.stdout,
            wrong=bool(project.wrong),
            done=project.done,
            reports=project.reports,
            took=took_before(project),
        ),
        'verbosity': 0,
    }


def tasks_of(project: Project) -> Iterator[dict[str, Any]]:
    """Yield a task for every step, variant and report of ``project``."""
    spawn.stop_on_signals(first=terminal.still)
    project.verbose = _wants_logs(sys.argv[1:])
    clear_leavings(project)
    for name in sorted({step.environment for step in project.plan.steps.values()} - {''}):
        yield _environment_task(project, name)
    missing = {recipe: project.unable(recipe) for recipe in project.plan.builds}
    able = {id for recipe, tools in missing.items() if not tools for id in project.plan.steps_of(recipe)}
    project.settled.update(settled(project))
    apart = {recipe for recipes in _not_asked(project).values() for recipe in recipes}
    able -= {id for recipe in apart for id in project.plan.steps_of(recipe)} - {
        id for recipe in project.plan.builds.keys() - apart for id in project.plan.steps_of(recipe)
    }
    for step in project.plan.steps.values():
        if step.id in able and step.id not in project.settled:
            yield _step_task(project, step)
    gone: dict[str, list[Stale]] = {}
    for one in stale(project):
        gone.setdefault(one.recipe, []).append(one)
    with contextlib.suppress(OSError):
        mend_index(project)
    for recipe, taken in gone.items():
        yield _stale_task(project, recipe, taken)
    for recipe, builds in project.plan.builds.items():
        if recipe in apart:
            continue
        yield {'basename': recipe, 'name': None, 'doc': f'build, measure and report {recipe}'}
        if missing[recipe]:
            yield _unable_task(recipe, missing[recipe])
            continue
        finished = (
            project.settled.issuperset(project.plan.steps_of(recipe))
            and answered(partial(is_reported, project, recipe))()
        )
        if not finished:
            yield _measure_task(project, recipe)
        for build in builds:
            yield _variant_task(project, build)
        for variant, tools in project.left_out.get(recipe, {}).items():
            yield _unable_task(recipe, tools, variant, optional=project.plan.recipes[recipe].may_lack(variant))
        before = [*([] if finished else [_measure_name(recipe)]), *([_stale_name(recipe)] if recipe in gone else [])]
        yield _report_task(project, recipe, before, finished=finished)
    for tag, tagged in _tags(project).items():
        recipes = [recipe for recipe in tagged if recipe not in apart]
        yield {
            'basename': tag,
            'actions': None,
            'task_dep': recipes,
            'doc': f'{len(recipes)} recipe{"s" * (len(recipes) != 1)}',
        }
    for group, recipes in groups(project).items():
        if group in sys.argv or 'list' in sys.argv:
            yield _group_task(project, group, recipes)


def _not_asked(project: Project) -> dict[str, list[str]]:
    """Return the groups of recipes that this run leaves alone, as it names neither them nor a recipe of theirs."""
    asked = {argument.partition(':')[0] for argument in sys.argv[1:]}
    if 'list' in asked:
        return {}
    tags = _tags(project)
    named = {recipe for word in asked for recipe in tags.get(word, ())}

    def meant(name: str) -> bool:
        return name in named or any(fnmatch.fnmatch(name, word) for word in asked)

    return {group: names for group, names in groups(project).items() if not any(map(meant, (group, *names)))}


def _group_task(project: Project, group: str, recipes: list[str]) -> dict[str, Any]:
    """All recipes of a group, and the page that holds them side by side."""

    def act() -> None:
        write_comparison(project, group, recipes)

    return _task(
        basename=group, doc=f'build, measure and compare {", ".join(recipes)}', actions=[act], task_dep=recipes
    )


def finished(project: Project) -> dict[str, list[list[str]]]:
    """Return the name and words of every task of each recipe that is wholly current; none while anything is stale."""
    if project.wrong or stale(project):
        return {}
    found = {}
    for recipe, builds in project.plan.builds.items():
        if (
            recipe not in project.left_out
            and project.settled.issuperset(project.plan.steps_of(recipe))
            and not project.unable(recipe)
            and is_reported(project, recipe)
            and all(is_delivered(project, build) for build in builds)
        ):
            found[recipe] = [*([build.variant.name, _words(build)] for build in builds), ['report', REPORT]]
    return found


def others_code(project: Project) -> set[str]:
    """Return where the code of other packages lies that steps of the plan run."""
    modules = {module for step in project.plan.steps.values() for module in step.code}
    return {str(place) for module in modules if (place := others.place_of(module))}


def settled(project: Project) -> set[str]:
    """Return the steps that are current, and so is all that they hang on: nothing in this run can change them.

    doit gets no task for them: a task costs it more than a look at a stamp costs us.
    """
    found: set[str] = set()
    for step in project.plan.steps.values():  # inputs first
        if found.issuperset(step.inputs.values()) and answered(partial(is_current, project, step))():
            found.add(step.id)
    return found


def _waits_for(project: Project, ids: Iterable[str]) -> list[str]:
    return [_step_name(project.plan.steps[id]) for id in ids if id not in project.settled]


def _unable_task(recipe: str, missing: list[str], variant: str = '', *, optional: bool = False) -> dict[str, Any]:
    """A recipe, or one of its variants, whose tools are missing fails before anything of it is built.

    A variant that is ``optional`` is only said to be left out.
    """

    def act() -> object:
        what = 'left out' if variant else 'nothing was built'
        words = f'{what}, because {", ".join(missing)} is not installed; run: {remedy(missing)}'
        if optional:
            terminal.note(f'  {recipe}:{variant} {words}')
            return None
        return failed(words, ToolError.exit_code)

    meta = NOTHING_DONE if optional else None
    return _task(basename=recipe, name=variant or 'tools', doc=f'needs {", ".join(missing)}', actions=[act], meta=meta)


def _wants_processes(arguments: list[str]) -> bool:
    joined = ' '.join(arguments[1:])
    return any(f'{flag}process' in joined for flag in ('-P', '-P ', '--parallel-type=', '--parallel-type '))


def _wants_logs(arguments: list[str]) -> bool:
    """Whether logs are to be told: with any level of ``-v`` but 0."""
    return bool(re.search(r'(^| )(-v|--verbosity)(?![ =]?0)', ' '.join(arguments)))


def _step_name(step: Step) -> str:
    return f'_{step.name}'


def _measure_name(recipe: str) -> str:
    return f'_measure:{recipe}'


def _task(**fields: Any) -> dict[str, Any]:
    fields['actions'] = [guarded(act) for act in fields['actions']]
    fields['uptodate'] = [answered(current) for current in fields.get('uptodate', ())]
    return {'io': {'capture': False}, 'verbosity': 0, **fields}


def _environment_name(name: str) -> str:
    return f'_environment:{name}'


def _environment_task(project: Project, name: str) -> dict[str, Any]:
    users = [step for step in project.plan.steps.values() if step.environment == name]

    def current() -> bool:
        return environment.is_made(project, name) or all(is_current(project, step) for step in users)

    def act() -> None:
        with contextlib.suppress(ToolError):  # each step that needs it fails with these words
            environment.make(project, name)

    return _task(basename='_environment', name=name, actions=[act], uptodate=[current])


def _step_task(project: Project, step: Step) -> dict[str, Any]:
    def current() -> bool:
        return is_current(project, step)

    def act() -> None:
        ensure(project, step)
        project.remembered.save()

    return _task(
        basename=_step_name(step),
        doc=f'{step.kind} for {", ".join(project.users.get(step.id, []))}',
        actions=[act],
        uptodate=[current],
        task_dep=[
            *_waits_for(project, step.inputs.values()),
            *([_environment_name(step.environment)] if step.environment else []),
        ],
    )


def _outcomes(project: Project, recipe: str) -> list[Outcome]:
    return [outcome_of(project, build) for build in project.plan.builds[recipe]]


def _has_stamps(project: Project, recipe: str) -> bool:
    return all(project.stamp(id) is not None for id in project.plan.steps_of(recipe))


def _measure_task(project: Project, recipe: str) -> dict[str, Any]:
    def current() -> bool:
        if is_reported(project, recipe):
            return True
        if not _has_stamps(project, recipe):
            return False
        return not benchmark.to_measure(project, benchmark.wanted(project, _outcomes(project, recipe)))

    def act() -> None:
        from stages.layout.measuring import measure

        measure(project, recipe, benchmark.wanted(project, _outcomes(project, recipe)))

    return _task(
        basename='_measure',
        name=recipe,
        actions=[act],
        uptodate=[current],
        task_dep=_waits_for(project, project.plan.steps_of(recipe)),
    )


def _variant_task(project: Project, build: Build) -> dict[str, Any]:
    def current() -> bool:
        return is_delivered(project, build)

    def act() -> object:
        outcome = outcome_of(project, build)
        deliver(project, outcome, _figures(project, outcome))
        remember(project, build)
        if build.variant.unsupported and outcome.deliverable:
            terminal.note(f'  {build.name} works, though the recipe says `expect: unsupported`; take that out')
        return failed(outcome.broken, code_of(outcome)) if outcome.broken else None

    def clean() -> None:
        shutil.rmtree(project.root / 'artifacts' / build.recipe / build.variant.name, ignore_errors=True)

    return _task(
        basename=build.recipe,
        name=build.variant.name,
        doc=_words(build),
        actions=[act],
        uptodate=[current],
        clean=[clean],
        task_dep=_waits_for(project, build.steps),
    )


def _words(build: Build) -> str:
    return ' -> '.join(stage.kind for stage in build.variant.stages) or 'the source itself'


def _figures(project: Project, outcome: Outcome) -> Any:
    """Return what was measured of a variant, call by call, at the recipe's own sizes where it was measured at them, on
    as many threads as it is to be served with."""
    rows = [row for row in benchmark.wanted(project, [outcome]) if row.setting.scenario == SINGLE]
    own = sizes_of(project.plan.recipes[outcome.build.recipe].benchmark.sizes)
    rows = [row for row in rows if row.setting.sizes == own] or rows
    known = benchmark.samples(project, rows)
    found = [figures for row in rows if (figures := benchmark.figures(known.get(row.key)))]
    fastest = project.plan.recipes[outcome.build.recipe].choose.fastest == 'latency'
    return min(found, key=lambda figures: figures['latency_seconds']) if found and fastest else next(iter(found), None)


def _stale_name(recipe: str) -> str:
    return f'_stale:{recipe}'


def _stale_task(project: Project, recipe: str, gone: list[Stale]) -> dict[str, Any]:
    """Plain ``doit`` takes all that is gone away; ``doit RECIPE``, through the report, what is gone of that recipe."""

    def act() -> None:
        for one in gone:
            take_away(project, one)
        write_index(project)

    return _task(basename='_stale', name=recipe, actions=[act])


def _report_task(project: Project, recipe: str, before: list[str], *, finished: bool) -> dict[str, Any]:
    def current() -> bool:
        return finished or is_reported(project, recipe)

    def act() -> object:
        outcomes = _outcomes(project, recipe)
        for outcome in outcomes:
            deliver(project, outcome, _figures(project, outcome))
            remember(project, outcome.build)
        lost = report(project, recipe, outcomes)
        if group := project.plan.recipes[recipe].group:
            write_comparison(project, group, groups(project)[group])  # also where some variants failed
        stuck = any(id in project.failures for id in project.plan.around_of(recipe))
        return failed('\n- '.join(lost), (StepError if stuck else PromiseError).exit_code) if lost else None

    def clean() -> None:
        shutil.rmtree(project.root / 'artifacts' / recipe, ignore_errors=True)
        write_index(project)

    return _task(
        basename=recipe,
        name='report',
        doc=REPORT,
        actions=[act],
        uptodate=[current],
        clean=[clean],
        task_dep=before,
    )
