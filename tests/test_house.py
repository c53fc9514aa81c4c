"""The house keeps its order: who may import whom, what stays unloaded, and what the README must name."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.command.main import COMMANDS
from stages.engines import ENGINES
from stages.kinds import KINDS

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / 'stages').rglob('*.py'))
TREES = {path: ast.parse(path.read_bytes()) for path in FILES}
README = (ROOT / 'README.md').read_text('utf-8')

# recipe -> plan -> tasks -> worker -> store -> artifact -> samples -> report: nothing looks back
BELOW = {'recipe', 'plan', 'build', 'measure', 'report', 'command'}
NEVER = {
    'formats': BELOW | {'engines', 'sources'},
    'kinds': BELOW | {'engines', 'sources'},
    'engines': BELOW | {'kinds', 'sources'},
    'sources': BELOW | {'engines'},
    'recipe': BELOW - {'recipe'},
    'plan': {'build', 'report', 'command'},
    'measure': {'plan', 'build', 'report', 'command'},
    'report': BELOW - {'report', 'measure'} | {'kinds', 'engines', 'sources', 'formats'},
    'build': {'command'},
}
HEAVY = {
    'numpy',
    'torch',
    'onnx',
    'onnxruntime',
    'onnxscript',
    'openvino',
    'nncf',
    'tensorflow',
    'keras',
    'tf2onnx',
    'paddle',
    'ai_edge_litert',
    'litert_torch',
    'onnx2tf',
    'safetensors',
    'h5py',
    'matplotlib',
    'jinja2',
    'jsonschema',
    'PIL',
    'tvm',
    'tvm_ffi',
    'tflite',
    'ziglang',
}


def name_of(path: Path) -> str:
    return '.'.join(path.relative_to(ROOT).with_suffix('').parts)


def imports(tree: ast.AST) -> Iterator[str]:
    """Give every module that is imported anywhere, in functions and for types too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f'{node.module}.{alias.name}' for alias in node.names)


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


def test_data_flows_one_way():
    backwards = []
    for path in FILES:
        never = NEVER.get(path.relative_to(ROOT).parts[1], set())
        names = {name for name in imports(TREES[path]) if name.startswith('stages.') and name.split('.')[1] in never}
        backwards += [f'{name_of(path)} imports {name}' for name in sorted(names)]

    assert backwards == []


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


@pytest.mark.parametrize('kind', sorted(KINDS))
def test_every_kind_is_in_the_readme(kind):
    assert f'| `{kind}` |' in README


@pytest.mark.parametrize('engine', sorted(ENGINES))
def test_every_engine_is_in_the_readme(engine):
    assert f'`{engine}`' in README


@pytest.mark.parametrize('command', sorted(COMMANDS))
def test_every_command_is_in_the_readme(command):
    assert f'`modelkiln {command}' in README


@pytest.mark.parametrize('recipe', sorted((ROOT / 'recipes').glob('*.yaml')), ids=lambda p: p.stem)
def test_every_shipped_recipe_is_right_and_in_the_table_of_recipes(recipe):
    from stages.recipe.read import read_recipe

    read_recipe(recipe, ROOT, verify=False)

    assert f'| `{recipe.stem}` |' in (ROOT / 'recipes/README.md').read_text('utf-8')
