"""From Python that builds a model, and from what only a locked environment reads, to a project."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import pytest

from stages.begin.builder import builder
from stages.command.main import main
from stages.errors import RecipeError, ToolError
from stages.recipe.read import read_recipes

NET = """
import torch

class Net(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.last = torch.nn.Linear(3, width)

    def forward(self, x):
        return self.last(x)

def sized(width):
    return Net(width)

def build(width=2):
    return Net(width).eval()
"""
ROW = 'x: {shape: [batch, 3], dtype: float32}'


def written(folder: Path, text: str) -> Path:
    (folder / 'net.py').write_text(textwrap.dedent(text))
    return folder / 'net.py'


def test_the_framework_is_the_one_that_it_imports_and_the_function_the_only_one_that_takes_nothing(tmp_path: Path):
    made = builder(written(tmp_path, NET))

    assert made and (made.format, made.function) == ('torch', 'build')


def test_a_function_may_be_named_and_flax_is_jax(tmp_path: Path):
    file = written(tmp_path, 'from flax import nnx\ndef one(): ...\ndef two(): ...\n')
    made = builder(file.with_name('net.py:two'))

    assert made and (made.file, made.format, made.function) == (file, 'jax', 'two')


@pytest.mark.parametrize('name', ['net.onnx', 'net.python', 'net.pyc', '.py', 'py'])
def test_what_is_no_python_by_its_name_is_looked_into_as_any_file(name: str):
    assert builder(Path(name)) is None


WRONG = {
    'two frameworks': ('import torch, jax\ndef build(): ...\n', 'imports `jax`, `torch`: what it builds could be of'),
    'no framework': ('import numpy\ndef build(): ...\n', 'imports none of'),
    'two functions': ('import torch\ndef a(): ...\ndef b(): ...\n', '2 functions that take nothing; say which: '),
    'none to call': ('import torch\ndef a(x): ...\ndef _b(): ...\n', 'no function that takes nothing'),
    'no Python': ('import torch\ndef a(:\n', 'net.py:2: is no Python'),
    'bytes': ('\0', 'is no Python'),
}


@pytest.mark.parametrize('case', WRONG)
def test_what_cannot_be_told_from_the_text_is_refused_with_what_to_write(case: str, tmp_path: Path):
    with pytest.raises(RecipeError) as refused:
        builder(written(tmp_path, WRONG[case][0]))

    assert WRONG[case][1] in str(refused.value)


def test_a_misspelt_function_and_a_missing_file_are_named(tmp_path: Path):
    file = written(tmp_path, NET)

    with pytest.raises(RecipeError, match='has no function biuld; it has `build`; did you mean `build`'):
        builder(file.with_name('net.py:biuld'))
    with pytest.raises(RecipeError, match=r'other\.py: there is no such file'):
        builder(file.with_name('other.py:build'))


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """An empty folder, the current one."""
    (tmp_path / 'work').mkdir()
    monkeypatch.chdir(tmp_path / 'work')
    return tmp_path / 'work'


def test_python_without_its_inputs_is_asked_for_them_in_one_message(here, tmp_path, capsys):
    assert main(['new', 'p', '--from', str(written(tmp_path, NET))]) == 2

    assert 'Python does not say what its model takes; say it: --inputs' in capsys.readouterr().err
    assert os.listdir(here) == []


@pytest.mark.torch
def test_a_module_and_its_weights_become_a_recipe_that_names_both(here, tmp_path, capsys):
    torch = pytest.importorskip('torch', reason='needs modelkiln[torch]: pip install "modelkiln[torch]"')
    file = written(tmp_path, NET)
    torch.save({'ema': {'last.weight': torch.ones(2, 3), 'last.bias': torch.zeros(2)}}, tmp_path / 'net.pth')

    told = ['--inputs', ROW, '--weights', str(tmp_path / 'net.pth'), '--option', 'key=ema']
    assert main(['new', 'own', '--from', f'{file}:build', *told]) == 0, capsys.readouterr().err

    [recipe] = read_recipes(here / 'own', verify=True)
    assert (recipe.source.python.file, recipe.source.python.function) == ('models/own.py', 'build')
    assert recipe.source.options == {'key': 'ema'}
    assert (here / 'own/recipes/models/own.py').read_text() == NET
    assert [port.shape for port in recipe.inputs] == [('batch', 3)]
    assert len(recipe.variants) > 1


@pytest.mark.torch
def test_weights_that_do_not_fit_the_module_are_refused_and_nothing_is_written(here, tmp_path, capsys):
    torch = pytest.importorskip('torch', reason='needs modelkiln[torch]: pip install "modelkiln[torch]"')
    torch.save({'first.weight': torch.ones(2, 3)}, tmp_path / 'net.pth')

    told = ['--inputs', ROW, '--weights', str(tmp_path / 'net.pth')]
    assert main(['new', 'own', '--from', str(written(tmp_path, NET)), *told]) == 4

    assert 'first.weight' in capsys.readouterr().err
    assert os.listdir(here) == []


def test_an_environment_that_cannot_be_made_is_one_message_and_nothing_is_written(here, tmp_path, capsys, monkeypatch):
    def fails(project, name):
        raise ToolError(f'the environment {name} cannot be made: pip ended with 1\n    no network\n  log: gone.log; x')

    monkeypatch.setattr('stages.execute.environment.make', fails)
    (tmp_path / 'bert').mkdir()
    (tmp_path / 'bert/config.json').write_text('{"model_type": "bert"}')
    (tmp_path / 'bert/model.safetensors').write_bytes(b'x')

    assert main(['new', 'p', '--from', str(tmp_path / 'bert')]) == 3

    said = capsys.readouterr().err
    assert 'the environment transformers cannot be made' in said and 'no network' in said and 'gone.log' not in said
    assert os.listdir(here) == []


@pytest.mark.environments
@pytest.mark.network
@pytest.mark.onnx
@pytest.mark.slow
def test_a_model_that_a_locked_environment_reads_gets_what_can_be_made_of_it_there(here, capfd):
    pytest.importorskip('onnxruntime', reason='needs modelkiln[onnx]: pip install "modelkiln[onnx]"')
    model = Path(__file__).parents[2] / 'recipes/today/recipes/trained/wine.skops'

    assert main(['new', 'wine', '--from', str(model)]) == 0, capfd.readouterr().err

    [recipe] = read_recipes(here / 'wine', verify=True)
    assert (recipe.source.format, recipe.inputs[0].shape) == ('sklearn', ('batch', 13))
    assert {'sklearn', 'onnx'} <= {variant.name for variant in recipe.variants}
