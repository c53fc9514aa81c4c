"""Say what doit would do, step by step and with reasons; changes nothing.

A step is `current`, `cached` (the store has it), `run`, or `unknown` until a step before it has run: equal bytes there
would cut it off.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from stages.errors import RecipeError
from stages.execute.predict import predictions
from stages.execute.project import find_root, open_project


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('name', nargs='*', help='recipes or RECIPE:VARIANT; default: all')
    parser.add_argument('--all', action='store_true', help='also show what is current')


def run(asked: argparse.Namespace) -> int:
    project = open_project(find_root(Path.cwd()))
    names = {build.name for builds in project.plan.builds.values() for build in builds}
    for name in asked.name:
        if name not in names and name not in project.plan.builds:
            raise RecipeError(f'{name} is no recipe and no variant here; `doit list --all` shows them')
    wanted = {
        id
        for recipe, builds in project.plan.builds.items()
        for build in builds
        if not asked.name or recipe in asked.name or build.name in asked.name
        for id in build.steps
    }
    counts: dict[str, int] = {}
    for prediction in predictions(project):
        if prediction.step.id not in wanted:
            continue
        counts[prediction.what] = counts.get(prediction.what, 0) + 1
        if prediction.what != 'current' or asked.all:
            print(f'{prediction.what:<8} {prediction.step.name:<28} {"; ".join(prediction.reasons)}')
    print(', '.join(f'{count} {what}' for what, count in sorted(counts.items())) or 'no steps')
    return 0
