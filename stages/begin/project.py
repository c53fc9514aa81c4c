"""A project, or a recipe of one, from a model file: everything is made beside the project and then moved in."""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from stages import __version__, cpu
from stages.begin import data, files
from stages.begin.confined import Scratch, scratch
from stages.begin.look import look
from stages.begin.model import Model
from stages.begin.taken import missing_module, take_in
from stages.begin.takers import refused
from stages.begin.text import recipe_text
from stages.begin.variants import Ground, Proposal, proposals
from stages.contract.port import Contract
from stages.engines import engine_for
from stages.errors import ModelkilnError, RecipeError
from stages.execute import tools
from stages.execute.project import find_root
from stages.kinds import KINDS
from stages.plan.make import make_plan
from stages.recipe import names
from stages.recipe.read import read_recipes
from stages.recipe.schema import schema_text
from stages.sources import SOURCES

SCHEMA: Final = 'recipes/recipe.schema.json'
ALWAYS: Final = 'report'
"""The extra that every project wants."""


@dataclass(frozen=True)
class Asked:
    """What a recipe is made from."""

    model: Path
    data: Path | None = None
    options: Mapping[str, Any] | None = None
    """What the source is told beside the files."""

    declared: Contract | None = None
    """Inputs that the file does not tell."""

    weights: Path | None = None
    """Of a model that Python builds."""


@dataclass(frozen=True)
class Made:
    """What was written."""

    root: Path
    names: tuple[str, ...]
    recipe: str
    model: Model | None
    variants: tuple[Proposal, ...] = ()


def new_project(root: Path, asked: Asked | None) -> Made:
    """Write a project at ``root``, which is not there yet or holds nothing that is written; with a recipe, or none.

    Raises RecipeError, ToolError or StepError with nothing written.
    """
    root = Path(root).absolute()
    if root.is_file():
        raise RecipeError(f'{root}: is a file')
    fixed = _project_files(root.name, ())
    files.refuse_taken(root, fixed)
    name = model_name(root.name)
    if asked is None:
        return _written(root, fixed, None, name)
    return _written(root, fixed, asked, name)


def new_recipe(name: str, asked: Asked, start: Path) -> Made:
    """Write the recipe ``name``, and its files, into the project that ``start`` lies in."""
    root = find_root(start)
    if wrong := names.wrong_model(name):
        raise RecipeError(f'the name {name!r}: {wrong}')
    files.refuse_taken(root, [f'recipes/{name}.yaml', f'recipes/files/{name}'])
    schema = {} if (root / SCHEMA).exists() else {SCHEMA: schema_text()}
    return _written(root, schema, asked, name)


def model_name(text: str) -> str:
    """Return a name that a recipe may have, as like ``text`` as can be."""
    word = re.sub(r'[^a-z0-9]+', '-', text.lower()).strip('-')[:60]
    word = word if word[:1].isalpha() else f'model-{word}'.strip('-')
    return word if not names.wrong_model(word) else f'{word}-model'


def _written(root: Path, texts: Mapping[str, str], asked: Asked | None, name: str) -> Made:
    near = next(folder for folder in (root, *root.parents) if folder.is_dir())
    with scratch(near) as place:
        staged = place.folder / 'staged'
        staged.mkdir()
        texts, model = dict(texts), None
        variants: tuple[Proposal, ...] = ()
        if asked:
            model = look(asked.model, place, asked.options, declared=asked.declared, weights=asked.weights)
            found = data.look(asked.data, model, place) if asked.data else data.NOTHING
            proposed = proposals(model.format, _ground(model, found.roles))
            variants = tuple(_foreseen(one, model, place) for one in proposed)
            source, there = take_in(model, root, staged, name)
            texts |= missing_module(model, name)
            how = f'{name}, as `modelkiln new` wrote it from {asked.model.name}. `doit {name}` builds and measures it.'
            lines = data.lines(found, staged, name)
            texts[f'recipes/{name}.yaml'] = recipe_text(name, model, source, lines, variants, how)
        if 'dodo.py' in texts:
            texts |= _project_files(root.name, variants)
        files.write_all(staged, texts)
        (staged / 'recipes').mkdir(exist_ok=True)
        if asked:
            make_plan(read_recipes(staged, verify=True))  # what we write is a whole recipe, or it is not written
            for path in there:
                path.unlink()
        written = files.place_all(staged, root)
    return Made(root, tuple(written), name if asked else '', model, variants)


def _foreseen(one: Proposal, model: Model, place: Scratch) -> Proposal:
    """Return a proposal with the reason against it where its kind says beforehand that it refuses this model."""
    if one.against or len(one.stages) != 1:
        return one
    [stage] = one.stages
    with contextlib.suppress(ModelkilnError):  # what cannot be foreseen is seen by building
        words = refused(stage.kind, stage.given, model, place)
        return replace(one, against=words.partition('\n')[0]) if words else one
    return one


def _ground(model: Model, roles: tuple[str, ...]) -> Ground:
    called = {name for kinds in KINDS.values() for kind in kinds for name in kind.PROGRAMS}
    precision = model.contract.precision if model.contract else 'f32'
    engine = engine_for(model.format)
    apart = {SOURCES[model.format].ENVIRONMENT, engine.ENVIRONMENT if engine else ''}
    programs = frozenset(filter(shutil.which, called))
    return Ground(roles, cpu.flags(), tools.installed(), programs, precision, apart - {''})


def _project_files(project: str, variants: Iterable[Proposal]) -> dict[str, str]:
    """Return the files that every project has, by name."""
    python = '.'.join(map(str, sys.version_info[:2]))
    needed = sorted({tool for one in variants if not one.against for tool in one.tools})
    return {
        'dodo.py': files.template('dodo.py.txt'),
        '.gitignore': files.template('gitignore.txt'),
        'README.md': files.template('README.md.txt', project=project),
        'requirements.txt': files.template('requirements.txt', requirement=requirement(needed)),
        '.github/workflows/models.yml': files.template('github.yml.txt', python=python),
        '.gitlab-ci.yml': files.template('gitlab-ci.yml.txt', python=python),
        SCHEMA: schema_text(),
    }


def requirement(needed: Sequence[str]) -> str:
    """Return what pip installs for these packages: this version of ours, with the extras that hold them."""
    known = tools.extras()
    found = {next((e for e in known.get(tools.normal(tool), ()) if e not in ('all', 'test')), '') for tool in needed}
    extras = sorted({*found, ALWAYS} - {''})
    return f'modelkiln[{",".join(extras)}]=={__version__}'
