"""Find where a variant goes wrong: its first step that leaves the tolerance, and the first node inside it.

Builds RECIPE:VARIANT with its checks. Where a step's answers are too far from the source, its model is run beside the
model before it, both with every value between their nodes shown, on the first sample; the first node that is wrong
though all that it reads is right is named. ONNX, OpenVINO IR, TFLite and libraries of TVM can be looked into; as the
model before also torch, SavedModel and Keras.

An int8 model is wrong a little everywhere. Its layers are ranked by the noise that each adds, with the line to paste
that keeps the costliest in float; --try N builds the model with the first N kept and says what that gains.

  modelkiln bisect resnet18:openvino-int8
  modelkiln bisect resnet18:onnx-int8-static --try 3
  modelkiln bisect resnet18:tvm --step tvm           look inside this step, whatever its check says
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

from stages.command.usual import print_json
from stages.errors import RecipeError, StepError
from stages.execute.ensure import ensure, result_of
from stages.execute.project import Project, find_root, open_project
from stages.kinds import kind_for
from stages.layout.outcome import check_of_step
from stages.measure import bisect
from stages.measure.bisect import Found
from stages.measure.blame import Blame
from stages.measure.figures import Check, Difference
from stages.measure.tolerance import judge
from stages.plan.bisect import checking, escaped, joined, keeping, looking
from stages.plan.step import Build, Step
from stages.taps import TAPS, tap_for

SHOWN = 12
"""Layers of a ranking that are printed."""


@dataclass(frozen=True)
class Bisected(Found):
    """What ``modelkiln bisect --json`` prints: where a variant goes wrong."""

    step: str | None
    """The one that was looked into; null: none leaves its tolerance."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('variant', metavar='RECIPE:VARIANT', help='as `doit list --all` shows them')
    parser.add_argument('--step', metavar='KIND', help='look inside this step of the variant, whatever its check says')
    parser.add_argument('--try', dest='tried', type=int, default=0, metavar='N', help='keep the N costliest in float')
    parser.add_argument('--json', action='store_true', help='print what was found as JSON')


def run(asked: argparse.Namespace) -> int:
    project = open_project(find_root(Path.cwd()))
    build = _build(project, asked.variant)
    checks = _checked(project, build)
    place = _place(build, project, checks, asked.step)
    if not asked.json:
        for n, (link, check) in enumerate(zip(build.chain, checks, strict=True)):
            mark = '>' if n == place else ' '
            print(f'{mark} {project.plan.steps[link.step].name:<32} {_words(project, build, check)}')
    if place is None:
        if asked.json:
            print_json(Bisected(None, (), 0, None))
        else:
            print('no step leaves its tolerance; --step KIND looks inside one all the same')
        return 0
    found = _look(project, build, checks, place)
    if asked.json:
        print_json(Bisected(**vars(found), step=project.plan.steps[build.chain[place].step].name))
        return 0
    _tell(project, build, place, found)
    if asked.tried and found.costs:
        _try(project, build, place, [cost.name for cost in found.costs[: asked.tried]], checks[place])
    return 0


def _build(project: Project, name: str) -> Build:
    builds = {build.name: build for several in project.plan.builds.values() for build in several}
    if name not in builds:
        raise RecipeError(f'{name} is no variant here; `doit list --all` shows them')
    return builds[name]


def _checked(project: Project, build: Build) -> list[Check | None]:
    """Build all of a variant; return the check of each link, None where nothing runs that format."""
    for id in build.steps:
        if failure := ensure(project, project.plan.steps[id]):
            raise StepError(str(failure))
    return [check_of_step(project, link.check) if link.check else None for link in build.chain]


def _place(build: Build, project: Project, checks: list[Check | None], wanted: str | None) -> int | None:
    """Return the place of the link to look inside: the one asked for, or the first too far from the source."""
    if wanted:
        kinds = [project.plan.steps[link.step].kind for link in build.chain]
        if wanted not in kinds[1:]:
            raise RecipeError(f'{build.name} has no step {wanted}; it has {", ".join(kinds[1:]) or "none"}')
        return kinds.index(wanted, 1)
    return next((n for n, check in enumerate(checks) if n and check and _too_far(project, build, check)), None)


def _too_far(project: Project, build: Build, check: Check) -> str | None:
    bounds = project.plan.recipes[build.recipe].check.tolerance
    return judge(check.difference, check.precision, bounds) if check.difference else None


def _words(project: Project, build: Build, check: Check | None) -> str:
    if check is None:
        return 'nothing runs it; what it leads to is checked'
    if check.difference is None:
        return 'the source' if not check.foreign else f'for {check.foreign}; nothing was run'
    far = _too_far(project, build, check)
    return far.partition(' (the recipe')[0] if far else f'within its tolerance: {_figures(check.difference)}'


def _figures(difference: Difference) -> str:
    cosine = '' if difference.cosine is None else f', cosine {difference.cosine:.6f}'
    relative = difference.relative
    return difference.failure or '' if relative is None else f'relative {relative:.2g}{cosine}'


def _formats(project: Project, build: Build) -> list[str]:
    """Return the format of each link of a variant."""
    formats = [project.plan.recipes[build.recipe].source.format]
    for stage in build.variant.stages:
        kind = kind_for(stage.kind, formats[-1])
        assert kind is not None, 'the plan has whole chains only'
        formats.append(kind.GIVES)
    return formats


def _look(project: Project, build: Build, checks: list[Check | None], place: int) -> Found:
    """Run both models and return what was found; raises StepError where one of them stays closed."""
    formats, steps = _formats(project, build), [project.plan.steps[link.step] for link in build.chain]
    before = next((n for n in range(place - 1, -1, -1) if tap_for(formats[n])), None)
    if tap_for(formats[place]) is None or before is None:
        closed = formats[place] if tap_for(formats[place]) is None else formats[0]
        known = ', '.join(format for tap in TAPS for format in tap.FORMATS)
        raise StepError(f'{steps[place].name}: no way to look into {closed}; there is one for {known}')
    check = checks[place]
    precision = check.precision if check else 'f32'
    step = looking(
        steps[before], steps[place], project.plan.probes[build.recipe], (formats[before], formats[place]), precision
    )
    _ensure(project, step)
    return bisect.read(project.store.read(result_of(project, step.id).files[bisect.FILE]))


def _ensure(project: Project, *steps: Step) -> None:
    project.plan = joined(project.plan, *steps)
    for step in steps:
        if failure := ensure(project, step):
            raise StepError(str(failure))


def _tell(project: Project, build: Build, place: int, found: Found) -> None:
    step = project.plan.steps[build.chain[place].step]
    if found.blame:
        print(_blame(step, found.blame))
    elif found.costs:
        print(f'\nlayers of {step.name} by the noise that each adds to what it gets (power, over that of its output):')
        for n, cost in enumerate(found.costs[:SHOWN], start=1):
            print(f'{n:>4}  {cost.added:<9.2g} {cost.operator:<20} {cost.name}')
        if 'keep' in step.params:
            names = ', '.join(json.dumps(escaped(cost.name), ensure_ascii=False) for cost in found.costs[:3])
            print(f'\nto keep the first three in float:\n  {step.kind}: {{keep: [{names}]}}')
    else:
        print(f'\nno node is wrong: each of the {found.nodes} follows from right values; a difference grows slowly')


def _blame(step: Step, blame: Blame) -> str:
    where = f'\nthe first node that is wrong though all it reads is right, {blame.place} of {blame.nodes}:\n'
    said = f'  {blame.operator} {blame.name}' if blame.operator != blame.name else f'  {blame.name}'
    near = f'its output is {blame.apart:.2g} away from the nearest like it in the model before, {blame.like}'
    return f'{where}{said}\n  {near if blame.like else "nothing of its size is in the model before"}'


def _try(project: Project, build: Build, place: int, names: list[str], check: Check | None) -> None:
    """Build the step with layers kept in float, check it, and say what that gains."""
    link = build.chain[place]
    step = project.plan.steps[link.step]
    if 'keep' not in step.params or link.check is None or check is None or check.difference is None:
        raise StepError(f'{step.name}: {step.kind} has no `keep`, or nothing that checks it; nothing was tried')
    kept = keeping(step, names)
    again = checking(project.plan.steps[link.check], kept)
    _ensure(project, kept, again)
    after = check_of_step(project, again.id).difference
    print(f'\nas it is:             {_figures(check.difference)}')
    print(f'with the first {len(names)} kept: {_figures(after) if after else "not compared"}')
