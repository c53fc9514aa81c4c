"""Write a project from a model file, or add to one: a recipe, a kind of your own. Never overwrites.

  modelkiln new PROJECT [--from MODEL] [--data PATH]     a project, in a folder of that name
  modelkiln new recipe NAME --from MODEL [--data PATH]   a recipe in the project around you
  modelkiln new kind NAME                                a kind of its own, in kinds/

Nothing is asked that the file tells: its format (by content, not by name), what it takes and returns, its sizes and
digest. The model is read in a process that can reach nothing else. A project called recipe or kind: `./recipe`.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from stages.begin import kind, project
from stages.begin.ask import declared, options
from stages.errors import RecipeError
from stages.terminal import plain

HELD: Final = 4
"""Parts of the path of a folder that files from outside are put in: ``recipes/files/NAME/samples``."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('what', nargs='+', metavar='PROJECT | recipe NAME | kind NAME', help='what to write')
    parser.add_argument(
        '--from', dest='model', type=Path, metavar='MODEL', help='a model: a file, a folder, or Python: net.py:build'
    )
    parser.add_argument('--data', type=Path, metavar='PATH', help='samples: images in folders, .npz, .csv …')
    asking(parser)


def asking(parser: argparse.ArgumentParser) -> None:
    """Add what says of a model what its file does not tell."""
    parser.add_argument(
        '--inputs', default='', metavar='YAML',
        help="what it takes, where the file does not tell, as a recipe says it: 'x: {shape: [batch, 3], dtype: int64}'",
    )  # fmt: skip
    parser.add_argument(
        '--weights', type=Path, metavar='FILE', help='the weights of a model that Python builds: --from net.py:build'
    )
    parser.add_argument(
        '--option', action='append', default=[], metavar='KEY=VALUE', help='what its source is told: signature=encode'
    )


def run(asked: argparse.Namespace) -> int:
    what = asked.what
    if what[0] == 'kind':
        _say(kind.new_kind(_name(what), Path.cwd()))
        return 0
    source = None
    if asked.model is not None:
        told = options(asked.option)
        ports = declared(asked.inputs) if asked.inputs else None
        source = project.Asked(asked.model, asked.data, told, ports, asked.weights)
    elif asked.data is not None or asked.option or asked.inputs or asked.weights:
        raise RecipeError('--data, --option, --inputs and --weights go with --from MODEL')
    if what[0] == 'recipe':
        if source is None:
            raise RecipeError(f'a recipe is made from a model: modelkiln new recipe {_name(what)} --from MODEL')
        made = project.new_recipe(_name(what), source, Path.cwd())
    elif len(what) > 1:
        raise RecipeError(f'{" ".join(what)}: expected one folder for a project, or `recipe NAME`, or `kind NAME`')
    else:
        made = project.new_project(Path(what[0]), source)
    _say(made)
    return 0


def _name(what: list[str]) -> str:
    if len(what) != 2:
        raise RecipeError(f'modelkiln new {what[0]} takes one name')
    name: str = what[1]
    return name


def _say(made: project.Made) -> None:
    for words in _folded(made.names):
        print(f'  wrote   {plain(words)}')
    if made.model and made.model.weights_alone:
        print(f'Weights say neither how their module is built nor what it takes: write both in {_places(made)}.')
    elif made.recipe:
        built = [one.name for one in made.variants if not one.against]
        print(f'{made.recipe}: {len(built)} variants: {", ".join(built)}; the recipe names those left out, and why.')
    here = made.root == Path.cwd()
    if 'dodo.py' in made.names or made.recipe:
        then = f'doit {made.recipe}' if made.recipe else 'modelkiln new recipe NAME --from MODEL'
        print(f'Next: {then}' if here else f'Next: cd {made.root.name} && {then}')


def _places(made: project.Made) -> str:
    return ' and '.join(name for name in made.names if name.endswith(('.yaml', '.py')) and name.startswith('recipes/'))


def _folded(names: Sequence[str]) -> list[str]:
    """Return the names as they are told: files of samples, which may be thousands, by the folder that holds them."""
    folders = ['/'.join(name.split('/')[:HELD]) for name in names]
    counts = Counter(folders)
    told = (
        f'{folder}/ ({counts[folder]} files)' if folder != name and counts[folder] > 1 else name
        for name, folder in zip(names, folders, strict=True)
    )
    return [*dict.fromkeys(told)]
