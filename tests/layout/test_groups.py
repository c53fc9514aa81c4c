"""Recipes of a group are built where the group or one of them is named, and by nothing else."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stages.errors import RecipeError
from stages.front.tasks import _not_asked
from stages.layout.foresee import _is_asked
from stages.recipe.read import read_recipes

RECIPE = 'recipe: 1\nmodel: {}\nsource: {{onnx: {{path: a.onnx, sha256: {}}}}}\nvariants: {{onnx: []}}\n{}'


@pytest.fixture
def project(tmp_path: Path) -> Any:
    (tmp_path / 'recipes').mkdir()
    (tmp_path / 'recipes/a.onnx').write_bytes(b'')
    for name, more in (('plain', ''), ('all-net', 'group: all\n'), ('all-other', 'group: all\n')):
        (tmp_path / f'recipes/{name}.yaml').write_text(RECIPE.format(name, '0' * 64, more))
    recipes = {recipe.model: recipe for recipe in read_recipes(tmp_path)}
    return SimpleNamespace(plan=SimpleNamespace(recipes=recipes), root=tmp_path)


@pytest.mark.parametrize(
    ('asked', 'built'),
    [([], ['plain']), (['all'], ['all-net', 'all-other']), (['all-net'], ['all-net']), (['plain'], ['plain'])],
)
def test_a_run_builds_a_group_only_where_it_is_named(
    project: Any, asked: list[str], built: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('sys.argv', ['doit', *asked])

    assert sorted(name for name in project.plan.recipes if _is_asked(project, name, asked)) == built
    assert bool(_not_asked(project)) == ('all-net' not in built)


def test_a_group_is_not_called_as_a_model_is(project: Any) -> None:
    (project.root / 'recipes/plain.yaml').write_text(RECIPE.format('all', '0' * 64, ''))

    with pytest.raises(RecipeError, match=r'the group `all` is a model in recipes/plain\.yaml; rename one'):
        read_recipes(project.root)
