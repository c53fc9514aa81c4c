"""Read every recipe and say all that is wrong; builds and runs nothing.

Also compares each data file that a recipe names by path with its sha256, and, where jsonschema is installed, holds
recipes and the manifests, reports and samples below artifacts/ against their schemas (`modelkiln schema`).

With --rounds N, build the steps of variants (RECIPE:VARIANT, or a recipe's all) N times in scratch folders and compare
the bytes: exit 5 when a step leaves others whose kind says that they are the same each time.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from stages.command.usual import json_too, print_json
from stages.deliver.schemas import in_project
from stages.errors import IntegrityError, PromiseError, RecipeError, ToolError
from stages.execute.project import Project, find_root, open_project
from stages.execute.rounds import Made, made
from stages.plan.make import make_plan
from stages.recipe.read import read_recipe, read_recipes


@dataclass(frozen=True)
class Checked:
    """What ``modelkiln check --json`` prints: all that is wrong with recipes."""

    problems: tuple[str, ...]
    """Each with file and line."""

    recipes: int | None = None
    """How many were read; null: some are wrong."""

    variants: int | None = None
    steps: int | None = None


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('recipe', nargs='*', help='recipe files; default: all of recipes/. With --rounds: variants')
    parser.add_argument('--rounds', type=_several, metavar='N', help='build each step N times (2 or more) and compare')
    json_too(parser)


def run(asked: argparse.Namespace) -> int:
    if asked.rounds:
        return _rounds(asked.recipe, asked.rounds)
    if asked.json:
        try:
            return _checked(asked)
        except RecipeError as error:
            print_json(Checked(tuple(error.problems)))
            return error.exit_code
    return _checked(asked)


def _checked(asked: argparse.Namespace) -> int:
    if asked.recipe:
        paths = [Path(name).resolve() for name in asked.recipe]
        root = find_root(paths[0].parent)
        recipes = tuple(read_recipe(path, root, verify=True) for path in paths)
    else:
        root = find_root(Path.cwd())
        recipes = read_recipes(root, verify=True)
    plan = make_plan(recipes)
    variants = sum(len(builds) for builds in plan.builds.values())
    if asked.json:
        print_json(Checked((), len(recipes), variants, len(plan.steps)))
        return 0
    counts = {'recipe': len(recipes), 'variant': variants, 'step': len(plan.steps)}
    print(', '.join(f'{count} {word}{"s" * (count != 1)}' for word, count in counts.items()) + ': nothing wrong')
    if not asked.recipe:
        _documents(root)
    return 0


def _documents(root: Path) -> None:
    """Hold the project's documents against their schemas. Raises IntegrityError for what does not keep its own."""
    try:
        wrong = in_project(root)
    except ToolError as error:
        print(error)
        return
    if wrong:
        raise IntegrityError('\n'.join(wrong))


def _several(text: str) -> int:
    rounds = int(text)
    if rounds < 2:
        raise ValueError
    return rounds


def _rounds(names: list[str], rounds: int) -> int:
    project = open_project(find_root(Path.cwd()))
    broken = []
    for step in made(project, _steps(project, names), rounds):
        print(f'{"differs" if step.differ else "same":<8} {step.step.name:<28} {_words(step, rounds)}', flush=True)
        if step.differ and step.promised:
            broken.append(f'{step.step.name}: made {rounds} times from the same inputs, {_differing(step)}')
    if broken:
        raise PromiseError('\n'.join(broken))
    return 0


def _words(step: Made, rounds: int) -> str:
    if not step.differ:
        return f'{step.files} file{"s" * (step.files != 1)}, {rounds} times'
    return _differing(step) + ('' if step.promised else ', as its kind says it may')


def _differing(step: Made) -> str:
    return f'{", ".join(step.differ)} had other bytes'


def _steps(project: Project, names: list[str]) -> tuple[str, ...]:
    """Return the steps of the variants that ``names`` mean, inputs first."""
    if not names:
        raise RecipeError('--rounds builds: say which variants, as RECIPE:VARIANT, or which recipes')
    builds = [build for builds in project.plan.builds.values() for build in builds]
    known = {build.name for build in builds} | {*project.plan.builds}
    if unknown := [name for name in names if name not in known]:
        raise RecipeError(f'{unknown[0]} is no recipe and no variant here; `doit list --all` shows them')
    wanted = [build for build in builds if build.name in names or build.recipe in names]
    return tuple(dict.fromkeys(id for build in wanted for id in build.steps))
