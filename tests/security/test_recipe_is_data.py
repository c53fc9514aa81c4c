"""A recipe is data: reading one never runs or imports anything."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from stages.errors import RecipeError
from stages.recipe.read import read_recipe

START = 'recipe: 1\nmodel: net\ninputs: {x: {shape: [1], dtype: float32}}\n'
HOSTILE = [
    START + 'source: !!python/object/apply:os.system ["touch ran"]\nvariants: {a: []}\n',
    START + 'source: {torch: !!python/name:os.system }\nvariants: {a: []}\n',
    START + '? !!python/object/new:os.system ["touch ran"]\n: x\n',
    START + 'source: {torch: models/net.py:build}\nvariants: {a: [], b: [os.system]}\n',
    START + 'source: {torch: models/net.py:build}\nvariants: {a: [], b: [{_target_: os.system}]}\n',
    START + 'source: {torch: os:system}\nvariants: {a: []}\n',
    START + 'source: {torch: "models/net.py:build()"}\nvariants: {a: []}\n',
    START + 'source: {torch: "models/net.py:os.system"}\nvariants: {a: []}\n',
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    models = tmp_path / 'recipes' / 'models'
    models.mkdir(parents=True)
    (models / 'net.py').write_text('open("ran", "w")\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize('text', HOSTILE)
def test_a_recipe_with_code_is_refused_and_nothing_runs(text: str, project: Path) -> None:
    path = project / 'recipes' / 'x.yaml'
    path.write_text(text)
    before = {*sys.modules}
    with pytest.raises(RecipeError) as caught:
        read_recipe(path, project)
    assert caught.value.exit_code == 2
    loaded = {name.partition('.')[0] for name in {*sys.modules} - before}
    assert loaded <= sys.stdlib_module_names  # what the reader itself needs, on first use
    assert not (project / 'ran').exists()


def test_python_is_named_but_not_imported(project: Path) -> None:
    path = project / 'recipes' / 'x.yaml'
    path.write_text(START + 'source: {torch: models/net.py:build}\nvariants: {a: []}\n')
    assert read_recipe(path, project).variants[0].name == 'a'
    assert not (project / 'ran').exists()


def test_python_behind_a_link_is_refused(project: Path) -> None:
    (project / 'recipes' / 'models' / 'link.py').symlink_to('net.py')
    path = project / 'recipes' / 'x.yaml'
    path.write_text(START + 'source: {torch: models/link.py:build}\nvariants: {a: []}\n')
    with pytest.raises(RecipeError, match='passes through a link'):
        read_recipe(path, project)
