"""What commands share: the project, the names that are meant, and answers for programs."""

from __future__ import annotations

import argparse
import fnmatch
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from stages.errors import RecipeError
from stages.execute.project import Project, find_root, open_right
from stages.recipe.mistakes import suggest
from stages.terminal import complain, indented

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def json_too(parser: argparse.ArgumentParser) -> None:
    """Let a command answer in JSON."""
    parser.add_argument('--json', action='store_true', help='one JSON document, for programs')


def print_json(answer: DataclassInstance) -> None:
    """Print one JSON document: one of the classes in ``stages.command.answers``."""
    print(json.dumps(asdict(answer), indent=2, ensure_ascii=False))


def right_project() -> tuple[Project, int]:
    """Return the project here as doit takes it, and the exit code of what it leaves out: 2 for wrong recipes, else 0.

    What is wrong is said where errors go.
    """
    project = open_right(find_root(Path.cwd()))
    project.leave_out()
    for problem in project.wrong:
        complain(indented(problem))
    return project, RecipeError.exit_code if project.wrong else 0


def meant(project: Project, asked: Iterable[str], tags: Iterable[str] = ()) -> list[str]:
    """Return the recipes and variants that names, patterns (`resnet*`) and tags (`@nightly`) mean, in the plan's order.

    All recipes where nothing is asked. Raises RecipeError for what means nothing, with what is nearly so.
    """
    plan = project.plan
    variants = [build.name for builds in plan.builds.values() for build in builds]
    by_tag: dict[str, set[str]] = {}
    for name, recipe in plan.recipes.items():
        for tag in recipe.tags:
            by_tag.setdefault(f'@{tag}', set()).add(name)
        if recipe.group:
            by_tag.setdefault(recipe.group, set()).add(name)
    wanted = [*asked, *(f'@{tag}' for tag in tags)]
    found: set[str] = set()
    for word in wanted:
        hits = by_tag.get(word) or {*fnmatch.filter(plan.builds, word)} or {*fnmatch.filter(variants, word)}
        if not hits:
            known = [*plan.builds, *variants, *by_tag]
            raise RecipeError(f'there is no recipe, variant or tag {word!r} here{suggest(word, known)}')
        found |= hits
    return [name for name in (*plan.builds, *variants) if name in found] if wanted else [*plan.builds]
