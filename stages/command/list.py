"""List the recipes, their variants and tags, and what is wrong or left out. Builds nothing."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from stages.command.usual import json_too, meant, print_json, right_project
from stages.execute.project import Project
from stages.execute.tools import remedy


@dataclass(frozen=True)
class Variant:
    """A variant."""

    variant: str
    stages: tuple[str, ...]
    """Its kinds, in their order; none: the source itself."""

    format: str
    engine: str


@dataclass(frozen=True)
class LeftOut:
    """A variant that is not built here."""

    variant: str
    missing: tuple[str, ...]
    """Packages that are not installed."""


@dataclass(frozen=True)
class Recipe:
    """A recipe."""

    recipe: str
    file: str
    source: str
    """The format that its model comes in."""

    tags: tuple[str, ...]
    description: str
    missing: tuple[str, ...]
    """Packages without which nothing of it can be built."""

    variants: tuple[Variant, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True)
class Listed:
    """What ``modelkiln list --json`` prints: the recipes here."""

    recipes: tuple[Recipe, ...]
    wrong: tuple[str, ...]
    """What is wrong with others, each with file and line."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('name', nargs='*', help='recipes, patterns (`resnet*`) or tags (`@nightly`); default: all')
    parser.add_argument('--tag', action='append', default=[], help='only recipes with this tag')
    parser.add_argument('--all', action='store_true', help='with their variants')
    json_too(parser)


def run(asked: argparse.Namespace) -> int:
    project, code = right_project()
    recipes = list(dict.fromkeys(name.partition(':')[0] for name in meant(project, asked.name, asked.tag)))
    if asked.json:
        print_json(Listed(tuple(_told(project, name) for name in recipes), project.wrong))
        return code
    for name in recipes:
        print('\n'.join(_lines(project, name, variants=asked.all)))
    return code


def _told(project: Project, name: str) -> Recipe:
    recipe = project.plan.recipes[name]
    variants = [build.variant for build in project.plan.builds[name]]
    gone = project.left_out.get(name, {})
    return Recipe(
        name,
        recipe.file,
        recipe.source.format,
        recipe.tags,
        recipe.description,
        tuple(project.unable(name)),
        tuple(Variant(one.name, tuple(stage.kind for stage in one.stages), one.format, one.engine) for one in variants),
        tuple(LeftOut(one, tuple(tools)) for one, tools in gone.items()),
    )


def _lines(project: Project, name: str, *, variants: bool) -> Iterator[str]:
    recipe, builds = project.plan.recipes[name], project.plan.builds[name]
    gone = project.left_out.get(name, {})
    tags = ''.join(f' @{tag}' for tag in recipe.tags)
    count = f'{len(builds)} variant{"s" * (len(builds) != 1)}' + (f', {len(gone)} left out' if gone else '')
    yield f'{name:<28} {recipe.source.format:<12} {count}{tags}'
    if missing := project.unable(name):
        yield f'    cannot be built: {", ".join(missing)} is not installed; run: {remedy(missing)}'
    if variants:
        yield from (f'    {b.name:<40} {" -> ".join(s.kind for s in b.variant.stages) or "the source"}' for b in builds)
    for one, tools in gone.items():
        if variants:
            yield f'    {name}:{one}: left out, {", ".join(tools)} is not installed; run: {remedy(tools)}'
