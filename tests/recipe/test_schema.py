"""The schema for editors: generated, committed, and true of what we ship."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from stages.kinds import KINDS
from stages.recipe.mistakes import Mistakes
from stages.recipe.schema import recipe_schema, schema_text
from stages.recipe.strict_yaml import plain, read_yaml

RECIPES = Path(__file__).parents[2] / 'recipes'
SHIPPED = sorted(path.name for path in RECIPES.glob('*.yaml'))


@pytest.mark.usefixtures('our_kinds')
def test_the_committed_schema_is_the_generated_one() -> None:
    assert (RECIPES / 'recipe.schema.json').read_text(encoding='utf-8') == schema_text()


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(recipe_schema())


@pytest.mark.usefixtures('our_kinds')
@pytest.mark.parametrize('name', SHIPPED)
def test_a_shipped_recipe_fits_the_schema(name: str) -> None:
    node = read_yaml((RECIPES / name).read_text(encoding='utf-8'), Mistakes(name))
    assert node is not None
    jsonschema.Draft202012Validator(json.loads(schema_text())).validate(plain(node))


@pytest.mark.parametrize('kind', [*KINDS])
def test_every_parameter_has_a_description(kind: str) -> None:
    fields = recipe_schema()['$defs'][f'kind-{kind}']['properties']
    assert [name for name, schema in fields.items() if not schema.get('description')] == []


def test_a_misspelt_key_does_not_fit_the_schema() -> None:
    errors = jsonschema.Draft202012Validator(recipe_schema()).iter_errors({'recipe': 1, 'modl': 'net'})
    assert any('modl' in error.message for error in errors)
