"""Explain a step, a variant or a recipe: whether it is current, and if not, why, back to what changed.

What is current takes one line; --long adds what a step is keyed by.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from stages.command.plan import Planned, foretold, line
from stages.command.usual import json_too, print_json, right_project
from stages.errors import RecipeError
from stages.execute.predict import Prediction
from stages.execute.project import Project
from stages.layout.foresee import foresee
from stages.plan.step import Step
from stages.recipe.mistakes import suggest

SETTLED = ('current', 'refused')


@dataclass(frozen=True)
class Explained(Planned):
    """What ``modelkiln why --json`` prints: the steps that are meant, of a variant or a recipe those not current."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('step', help='a step (onnx-1a2b3c4d, or the beginning of it), RECIPE:VARIANT or RECIPE')
    parser.add_argument('--long', action='store_true', help='also show parameters, inputs and keys')
    json_too(parser)


def run(asked: argparse.Namespace) -> int:
    project, code = right_project()
    plan = project.plan
    names = {build.name for builds in plan.builds.values() for build in builds}
    if asked.json:
        named = asked.step in names or asked.step in plan.builds
        found = [] if named else find_steps(project, asked.step)
        users = sorted({name for step in found for name in project.users.get(step.id, [])})
        steps, deeds = foresee(project, [asked.step] if named else users)
        only = {step.id for step in found}
        shown = [one for one in steps if (one.step.id in only if only else one.what not in SETTLED)]
        print_json(Explained(foretold(project, shown), tuple(deeds) if named else ()))
        return code
    if asked.step in names or asked.step in plan.builds:
        steps, deeds = foresee(project, [asked.step])
        told = [line(project, step) for step in steps if step.what not in SETTLED] + [
            line(project, deed) for deed in deeds
        ]
        print('\n'.join(told) or f'{asked.step} is current: {len(steps)} steps, and what they left is in place')
        chosen = [prediction.step for prediction in steps]
    else:
        chosen = find_steps(project, asked.step)
        users = sorted({name for step in chosen for name in project.users.get(step.id, [])})
        predicted = {prediction.step.id: prediction for prediction in foresee(project, users)[0]}
        for step in chosen:
            print('\n'.join(_told(project, predicted, step)))
    if asked.long:
        for step in chosen:
            print('\n'.join(_long(project, step)))
    return code


def _told(project: Project, predicted: dict[str, Prediction], step: Step) -> Iterator[str]:
    """Yield a line for a step, and for what before it is not current."""
    if step.id not in predicted:
        yield f'{step.name} is not built: its recipe needs what is not installed; `modelkiln doctor` says what'
        return
    if predicted[step.id].what in SETTLED:
        yield ' '.join([f'{step.name} is {predicted[step.id].what}', *predicted[step.id].reasons])
        return
    yield line(project, predicted[step.id])
    waiting, seen = list(step.inputs.values()), set[str]()
    while waiting:
        id = waiting.pop(0)
        if id not in seen and predicted[id].what not in SETTLED:
            yield f'  {line(project, predicted[id])}'
            waiting += project.plan.steps[id].inputs.values()
        seen.add(id)


def _long(project: Project, step: Step) -> Iterator[str]:
    yield f'{step.name}\n    used by  {", ".join(project.users.get(step.id, []))}'
    for role, id in step.inputs.items():
        yield f'    {role:<8} {project.plan.steps[id].name}'
    for name, value in step.params.items():
        yield f'    {name} = {value!r}'
    if stamp := project.stamp(step.id):
        yield f'    key      {stamp.key}\n    content  {stamp.digest}'


def find_steps(project: Project, name: str) -> list[Step]:
    """Return the steps ``name`` means: a variant's chain, or the step whose name begins so."""
    plan = project.plan
    for builds in plan.builds.values():
        for build in builds:
            if build.name == name:
                return [plan.steps[id] for id in build.steps]
    found = [step for step in plan.steps.values() if step.name.startswith(name.removeprefix('_'))]
    if not found:
        known = [*plan.builds, *(build.name for builds in plan.builds.values() for build in builds)]
        near = suggest(name, known)
        raise RecipeError(f'{name} is no step and no variant here; `modelkiln plan --all` shows them{near}')
    return found
