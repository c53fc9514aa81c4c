"""Say what doit would do, with reasons; changes nothing.

A step would `run`, or is `cached` (the store has it). `maybe` says on what something hangs that cannot be known before:
the bytes that a step leaves which runs first. What is not shown is current.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from stages.errors import RecipeError
from stages.execute.predict import Prediction
from stages.execute.project import find_root, open_project
from stages.layout.foresee import Deed, foresee


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('name', nargs='*', help='recipes or RECIPE:VARIANT; default: all')
    parser.add_argument('--all', action='store_true', help='also show what is current')


def run(asked: argparse.Namespace) -> int:
    project = open_project(find_root(Path.cwd()))
    names = {build.name for builds in project.plan.builds.values() for build in builds}
    for name in asked.name:
        if name not in names and name not in project.plan.builds:
            raise RecipeError(f'{name} is no recipe and no variant here; `doit list --all` shows them')
    steps, deeds = foresee(project, asked.name)
    shown: list[Prediction | Deed] = [step for step in steps if asked.all or step.what not in ('current', 'refused')]
    for one in (*shown, *deeds):
        print(line(one))
    counts = Counter(step.what for step in steps) + Counter(deed.what if deed.sure else 'maybe' for deed in deeds)
    print(', '.join(f'{count} {what}' for what, count in sorted(counts.items())) or 'no steps')
    return 0


def line(one: Prediction | Deed) -> str:
    """Return what would become of a step, or what would be done, and why, in one line."""
    if isinstance(one, Prediction):
        what, name = one.what, one.step.name
    else:
        what, name = (one.what, one.name) if one.sure else ('maybe', f'{one.what} {one.name}')
    return f'{what:<8} {name:<28} {"; ".join(one.reasons)}'.rstrip()
