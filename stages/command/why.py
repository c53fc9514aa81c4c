"""Explain one step or variant: what it is keyed by, and why it would run or not."""

from __future__ import annotations

import argparse
from pathlib import Path

from stages.errors import RecipeError
from stages.execute.predict import predictions
from stages.execute.project import Project, find_root, open_project
from stages.plan.step import Step


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('step', help='a step (onnx-1a2b3c4d, or the beginning of it) or RECIPE:VARIANT')


def run(asked: argparse.Namespace) -> int:
    project = open_project(find_root(Path.cwd()))
    chosen = {step.id for step in find_steps(project, asked.step)}
    for prediction in predictions(project):
        if prediction.step.id not in chosen:
            continue
        step = prediction.step
        because = f', because {"; ".join(prediction.reasons)}' if prediction.reasons else ''
        print(f'{step.name}: {prediction.what}{because}')
        print(f'    used by  {", ".join(project.users.get(step.id, []))}')
        for role, id in step.inputs.items():
            print(f'    {role:<8} {project.plan.steps[id].name}')
        for name, value in step.params.items():
            print(f'    {name} = {value!r}')
        stamp = project.stamp(step.id)
        if stamp:
            print(f'    key      {stamp.key}\n    content  {stamp.digest}')
    return 0


def find_steps(project: Project, name: str) -> list[Step]:
    """Return the steps ``name`` means: a variant's chain, or the step whose name begins so."""
    plan = project.plan
    for builds in plan.builds.values():
        for build in builds:
            if build.name == name:
                return [plan.steps[id] for id in build.steps]
    found = [step for step in plan.steps.values() if step.name.startswith(name.removeprefix('_'))]
    if not found:
        raise RecipeError(f'{name} is no step and no variant here; `modelkiln plan --all` shows them')
    return found
