"""What may be released: a variant that is built of today's recipe, passed its checks, and has a report of today."""

from __future__ import annotations

from pathlib import Path

from stages.contract.port import MANIFEST
from stages.errors import IntegrityError, PromiseError, RecipeError
from stages.execute.ensure import is_current
from stages.execute.project import Project
from stages.layout.artifact import folder_of, undelivered
from stages.layout.outcome import outcome_of
from stages.layout.pages import BEST, unreported
from stages.layout.problems import manifest_problems
from stages.plan.step import Build
from stages.recipe.mistakes import suggest


def build_of(project: Project, name: str) -> Build:
    """Return the variant that ``RECIPE``, ``RECIPE:best`` or ``RECIPE:VARIANT`` names."""
    recipe, _, variant = name.partition(':')
    builds = project.plan.builds.get(recipe)
    if builds is None:
        raise RecipeError(f'{name}: there is no recipe {recipe!r}{suggest(recipe, list(project.plan.builds))}')
    if variant in ('', BEST):
        variant = _best(project, recipe)
    named = {build.variant.name: build for build in builds}
    if variant not in named:
        raise RecipeError(
            f'{recipe} has no variant {variant!r}; it has {", ".join(named)}{suggest(variant, list(named))}'
        )
    return named[variant]


def refusals(project: Project, build: Build) -> list[str]:
    """Return why a variant may not be released, in words; none when it may."""
    stale = [project.plan.steps[id].name for id in build.steps if not is_current(project, project.plan.steps[id])]
    if stale:
        return [f'it is not built of what is there today: {", ".join(stale[:3])}; run: doit {build.name}']
    why = [words] if (words := undelivered(project, build)) else []
    if broken := outcome_of(project, build).broken:
        why.append(broken)
    if words := unreported(project, build.recipe):
        why.append(f'its report is not of today: {words}; run: doit {build.recipe}')
    return why


def check_folder(project: Project, build: Build) -> Path:
    """Return the artifact's folder, every byte as its manifest says. What is not so cannot be forced."""
    folder = folder_of(project, build)
    if not (folder / MANIFEST).is_file():
        raise PromiseError(f'{build.name}: nothing is built; run: doit {build.name}')
    if wrong := manifest_problems(folder):
        raise IntegrityError('\n'.join(map(str, wrong[:5])))
    return folder


def _best(project: Project, recipe: str) -> str:
    path = project.root / 'artifacts' / recipe / BEST
    try:
        return path.read_text('utf-8').strip()
    except OSError as error:
        raise PromiseError(f'{recipe}: no variant is the best one; run: doit {recipe}, or name one') from error
