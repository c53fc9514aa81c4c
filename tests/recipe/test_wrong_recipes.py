"""Every folder of tests/recipes/ is one way to be wrong, and the message for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stages.errors import RecipeError
from stages.recipe.read import read_recipe

FOLDER = Path(__file__).parent.parent / 'recipes'
CASES = sorted(path.parent.name for path in FOLDER.glob('*/recipe.yaml'))


@pytest.mark.parametrize('case', CASES)
def test_a_wrong_recipe_gets_its_message(case: str, project: Path, write: Callable[..., Path]) -> None:
    path = write((FOLDER / case / 'recipe.yaml').read_text(encoding='utf-8'), name='x.yaml')
    before = sorted(project.rglob('*'))
    with pytest.raises(RecipeError) as caught:
        read_recipe(path, project, verify=True)
    assert str(caught.value) + '\n' == (FOLDER / case / 'expected.txt').read_text(encoding='utf-8')
    assert caught.value.exit_code == 2
    assert sorted(project.rglob('*')) == before
