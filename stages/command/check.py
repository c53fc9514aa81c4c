"""Read every recipe and say all that is wrong; builds and runs nothing.

Also compares each data file that a recipe names by path with its sha256.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from stages.execute.project import find_root
from stages.plan.make import make_plan
from stages.recipe.read import read_recipe, read_recipes


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('recipe', nargs='*', type=Path, help='recipe files; default: all of recipes/')


def run(asked: argparse.Namespace) -> int:
    if asked.recipe:
        root = find_root(asked.recipe[0].resolve().parent)
        recipes = tuple(read_recipe(path.resolve(), root, verify=True) for path in asked.recipe)
    else:
        recipes = read_recipes(find_root(Path.cwd()), verify=True)
    plan = make_plan(recipes)
    variants = sum(len(builds) for builds in plan.builds.values())
    print(f'{len(recipes)} recipes, {variants} variants, {len(plan.steps)} steps: nothing wrong')
    return 0
