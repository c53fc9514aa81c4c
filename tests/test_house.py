"""The house keeps its order: who may import whom, what stays unloaded, and what the README must name."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from stages.command.main import COMMANDS
from stages.engines import ENGINES
from stages.kinds import KINDS

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / 'stages').rglob('*.py'))
TREES = {path: ast.parse(path.read_bytes()) for path in FILES}
PROJECT = tomllib.loads((ROOT / 'pyproject.toml').read_text('utf-8'))
UNTYPED: list[str] = PROJECT['tool']['mypy']['overrides'][0]['module']
README = (ROOT / 'README.md').read_text('utf-8')

# Lowest first: a room may import those of the lines before its own, and nothing else. A root file is a room of its own;
# rooms of one line do not know each other.
ROOMS: tuple[tuple[str, ...], ...] = (
    ('errors',),
    ('atomic', 'confine', 'contract', 'copies', 'cpu', 'environments', 'intervals', 'paths', 'spawn', 'terminal'),
    ('archive', 'digest', 'document', 'feed', 'launch'),
    ('others', 'store'),
    ('frameworks', 'judges', 'readers'),
    ('engines', 'kinds', 'sources'),
    ('taps',),
    ('recipe',),
    ('measure',),
    ('plan', 'report'),
    ('execute',),
    ('begin', 'layout'),
    ('deliver',),
    ('front',),
    ('command',),
)
FRAMEWORKS: tuple[tuple[str, ...], ...] = (
    ('message', 'refusal'),
    ('onnx', 'tflite', 'torch'),
    ('caffe', 'caffe2', 'coreml', 'darknet', 'jax', 'mxnet', 'oneflow'),
    ('sklearn', 'trees', 'openvino', 'paddle', 'tensorflow', 'transformers'),
    ('tvm',),
)
# a model is read into a graph, its kernels get schedules, the library is emitted, and run on other machines
TVM: tuple[tuple[str, ...], ...] = (
    ('said', 'target'),
    ('graph', 'options'),
    ('read', 'schedule'),
    ('emit',),
    ('lower',),
    ('built', 'foreign'),
)
ACROSS = {'docs', 'faults', 'security'}
"""Folders of tests that go through all rooms."""

HEAVY = {'numpy', 'jinja2', 'jsonschema', 'rich'} | {name.removesuffix('.*') for name in UNTYPED} - {'doit'}
"""Packages too slow to load before they are needed: those that pyproject.toml lists as having no types, and these."""


def name_of(path: Path) -> str:
    return '.'.join(path.relative_to(ROOT).with_suffix('').parts).removesuffix('.__init__')


MODULES = {name_of(path) for path in FILES}


def imports(tree: ast.AST) -> Iterator[str]:
    """Give every module that is imported anywhere, in functions and for types too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f'{node.module}.{alias.name}' for alias in node.names)


def asked_for(path: Path) -> set[str]:
    """Give the files of ours that a file imports; a table is asked for only where something of its own is taken."""
    found = set()
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            full = {alias.name: f'{node.module}.{alias.name}' for alias in node.names}
            found |= {name if name in MODULES else node.module for name in full.values()}
    return found & MODULES - {name_of(path)}


GRAPH = {name_of(path): asked_for(path) for path in FILES}


def circles(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Give every set of names that reach each other."""
    reached: dict[str, set[str]] = {}
    for start in graph:
        waiting, found = [start], set[str]()
        while waiting:
            new = set(graph[waiting.pop()]) - found
            found |= new
            waiting += new
        reached[start] = found
    rings = {frozenset(b for b in reached[a] if a in reached[b]) for a in graph if a in reached[a]}
    return sorted(sorted(ring) for ring in rings)


def holds_code(path: Path) -> bool:
    """Say whether a path is a room: a file of code, or a folder with some in it."""
    if path.is_dir():
        return any(path.rglob('*.py'))
    return path.suffix == '.py' and path.stem != '__init__'


def at_load(body: list[ast.stmt]) -> Iterator[str]:
    """Give every module that loading the file imports: not those in functions, nor those for types alone."""
    for node in body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from imports(node)
        elif isinstance(node, ast.If) and 'TYPE_CHECKING' in ast.dump(node.test):
            yield from at_load(node.orelse)
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for field in ('body', 'orelse', 'finalbody', 'handlers'):
                yield from at_load(getattr(node, field, None) or [])


def backwards(rooms: tuple[tuple[str, ...], ...], house: str) -> list[str]:
    """Name every import below ``house`` to a room of the same line or of a later one, or to or from an unknown one."""
    floor = {room: number for number, line in enumerate(rooms) for room in line}
    wrong = []
    for importer, imported in sorted(GRAPH.items()):
        for name in sorted(imported):
            one, two = (path.removeprefix(f'{house}.').partition('.')[0] for path in (importer, name))
            if not importer.startswith(f'{house}.') or not name.startswith(f'{house}.') or one == two:
                continue
            if floor.get(one, -1) <= floor.get(two, len(rooms)):
                wrong.append(f'{importer} imports {name}')
    return wrong


@pytest.mark.parametrize(
    ('house', 'rooms'), [('stages', ROOMS), ('stages.frameworks', FRAMEWORKS), ('stages.frameworks.tvm', TVM)]
)
def test_every_room_has_its_place_and_imports_only_rooms_before_it(house, rooms):
    there = {path.stem for path in ROOT.joinpath(*house.split('.')).iterdir() if holds_code(path)}

    assert there == {room for line in rooms for room in line}
    assert backwards(rooms, house) == []


def test_no_files_import_each_other_in_a_circle():
    assert circles(GRAPH) == []


def test_the_contract_imports_nobody_but_the_errors():
    asked = {name for importer, names in GRAPH.items() if importer.startswith('stages.contract') for name in names}

    assert {name for name in asked if not name.startswith('stages.contract.')} <= {'stages.errors'}


def test_a_circle_is_found_however_long_it_is():
    assert circles({'a': {'b'}, 'b': {'c'}, 'c': {'b', 'd'}, 'd': set()}) == [['b', 'c']]


def folders_of_tests() -> set[Path]:
    return {path.parent for path in (ROOT / 'tests').rglob('test_*.py')}


def test_every_folder_that_holds_tests_is_collected(request, tmp_path):
    def skipped(folder: Path) -> bool:
        return bool(request.config.hook.pytest_ignore_collect(collection_path=folder, config=request.config))

    (tmp_path / 'build').mkdir()
    ways = {folder for place in folders_of_tests() for folder in (place, *place.parents) if ROOT in folder.parents}

    assert skipped(tmp_path / 'build')
    assert {folder for folder in ways if skipped(folder)} == set()


def test_every_folder_that_holds_tests_is_a_package_so_that_two_files_may_have_one_name():
    assert {folder for folder in folders_of_tests() if not (folder / '__init__.py').is_file()} == set()


def test_tests_lie_as_the_code_does():
    places = {folder.relative_to(ROOT / 'tests').as_posix() for folder in folders_of_tests()}

    assert {place for place in places - ACROSS if not (ROOT / 'stages' / place).is_dir()} == set()


def test_a_kind_knows_no_other_kind():
    kinds = [path for path in FILES if path.parent.name == 'kinds' and path.stem != '__init__']
    known = {name_of(path): {*imports(TREES[path])} for path in kinds}
    wrong = [
        f'{kind} imports {name}'
        for kind, names in known.items()
        for name in sorted(names)
        if name.startswith('stages.kinds.') and not name.startswith(('stages.contract.kind', 'stages.kinds.usual'))
    ]

    assert len(kinds) > 5
    assert wrong == []


def test_rooms_above_see_kinds_and_engines_through_their_tables_and_frameworks_not_at_all():
    above = {room for line in ROOMS[place_of('recipe') :] for room in line}
    inner = ('stages.frameworks', 'stages.kinds.', 'stages.engines.')
    wrong = [
        f'{importer} imports {name}'
        for importer, names in GRAPH.items()
        for name in sorted(names)
        if importer.split('.')[1:2] and importer.split('.')[1] in above and name.startswith(inner)
    ]

    assert wrong == []


def place_of(room: str) -> int:
    return next(number for number, line in enumerate(ROOMS) if room in line)


def test_loading_a_file_of_ours_loads_no_framework():
    loaded = {name_of(path): {name.partition('.')[0] for name in at_load(TREES[path].body)} & HEAVY for path in FILES}

    assert {file: names for file, names in loaded.items() if names} == {}


def test_nothing_is_unpickled():
    doors = {'pickle', 'cPickle', 'dill', 'cloudpickle', 'joblib', 'marshal', 'shelve'}
    found = {name_of(path): {name.partition('.')[0] for name in imports(TREES[path])} & doors for path in FILES}

    assert {file: names for file, names in found.items() if names} == {}
    for words in ('weights_only=False', 'allow_pickle=True'):
        assert [name_of(path) for path in FILES if words in path.read_text('utf-8')] == []


@pytest.mark.parametrize(
    'module',
    [
        'stages.plan.make',
        'stages.front.tasks',
        'stages.execute.predict',
        'stages.kinds',
        'stages.engines',
        'stages.sources',
        'stages.command.main',
    ],
)
def test_what_a_run_that_does_nothing_loads_is_light(module):
    code = f'import sys, {module}; print(*sys.modules)'

    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert module in done.stdout.split()
    assert not {name.partition('.')[0] for name in done.stdout.split()} & HEAVY


def test_contributing_says_what_is_in_every_room_in_their_order():
    table = (ROOT / 'CONTRIBUTING.md').read_text('utf-8').splitlines()
    told = [line.split('`')[1] for line in table if line.startswith('| `')]

    assert told == [room for line in ROOMS for room in line]


@pytest.mark.parametrize('word', sorted(KINDS))
def test_every_kind_is_in_the_readme_with_what_it_takes_and_gives(word):
    kinds = KINDS[word]
    takes = dict.fromkeys(format for kind in kinds for format in kind.ACCEPTS)
    what = (kinds[0].__doc__ or '').strip().partition('\n')[0]
    table = README.partition('## Kinds')[2].splitlines()
    row = next((line for line in table if line.startswith(f'| `{word}` |')), '| | | |')

    told = [cell.strip() for cell in row.split('|')[2:4]]
    assert (set(told[0].split(', ')), told[1]) == (set(takes), kinds[0].GIVES), (
        f'write in README.md: | `{word}` | {", ".join(takes)} | {kinds[0].GIVES} | {what} |'
    )


@pytest.mark.parametrize('engine', sorted(ENGINES))
def test_every_engine_is_in_the_readme(engine):
    assert f'`{engine}`' in README


@pytest.mark.parametrize('command', sorted(COMMANDS))
def test_every_command_is_in_the_readme(command):
    assert f'`modelkiln {command}' in README


@pytest.mark.parametrize('recipe', sorted((ROOT / 'recipes').glob('*/recipes/*.yaml')), ids=lambda p: p.stem)
def test_every_recipe_of_a_project_of_its_own_is_right_with_its_files(recipe):
    from stages.recipe.read import read_recipe

    assert read_recipe(recipe, recipe.parents[1], verify=True).source.format == recipe.stem.partition('-')[0]


@pytest.mark.parametrize('recipe', sorted((ROOT / 'recipes').glob('*.yaml')), ids=lambda p: p.stem)
def test_every_shipped_recipe_is_right_and_in_the_table_of_recipes(recipe):
    from stages.recipe.read import read_recipe

    read_recipe(recipe, ROOT, verify=False)

    assert f'| `{recipe.stem}` |' in (ROOT / 'recipes/README.md').read_text('utf-8')
