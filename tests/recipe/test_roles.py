"""Data without Python: read as strictly as the rest of a recipe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from stages.contract.reader import ALL, Part
from stages.errors import RecipeError
from stages.plan.make import make_plan
from stages.recipe.mistakes import Mistakes
from stages.recipe.read import read_recipe
from stages.recipe.schema import recipe_schema
from stages.recipe.strict_yaml import plain, read_yaml

SHA = 'a' * 64
HEAD = """
recipe: 1
model: net
source: {torch: models/net.py:build}
inputs:
  image: {shape: [batch, 3, 8, 8], dtype: float32}
variants:
  torch: []
data:
"""
PHOTOS = f'  samples: {{path: data/, sha256: {SHA}, images: {{mean: [0.5], std: [0.5]}}}}\n'


def test_both_roles_take_their_part_of_the_samples(project: Path, write: Callable[..., Path]) -> None:
    text = HEAD + PHOTOS + '  calibrate: {share: 0.25, limit: 100}\n  evaluate: {metric: top1}\n'
    recipe = read_recipe(write(text), project)

    assert recipe.data['calibrate'].part == Part(0.0, 0.25, 100)
    assert recipe.data['evaluate'].part == Part(0.25, 1.0)
    assert recipe.data['evaluate'].options.mean == (0.5,)
    jsonschema.validate(plain(read_yaml(text, Mistakes('x'))), recipe_schema())


def test_a_single_role_takes_all_the_samples(project: Path, write: Callable[..., Path]) -> None:
    assert read_recipe(write(HEAD + PHOTOS + '  evaluate:\n'), project).data['evaluate'].part == ALL


def test_what_reads_data_is_a_step_that_hangs_on_the_ports_and_not_on_the_weights(
    project: Path, write: Callable[..., Path]
) -> None:
    recipe = read_recipe(write(HEAD + PHOTOS + '  calibrate:\n  evaluate: {metric: top1}\n'), project)
    plan = make_plan([recipe])
    data = [step for step in plan.steps.values() if step.kind == 'data']

    assert [plan.steps[step.inputs['model']].kind for step in data] == ['ports', 'ports']
    assert all('pillow' in step.tools and 'stages.readers.images' in step.code for step in data)
    assert {step.params['part']['low'] for step in data} == {0.0, 0.2}


@pytest.mark.parametrize(
    ('data', 'words'),
    [
        (f'  evaluate: {{path: data/, sha256: {SHA}, images: {{men: [1]}}}}', 'no parameter .men.*did you mean `mean`'),
        (f'  evaluate: {{path: data/, sha256: {SHA}, images: {{crop: middle}}}}', 'expected one of `center`'),
        (f'  evaluate: {{path: data/, sha256: {SHA}, images: {{resize: 9, crop: pad}}}}', '`resize` goes with'),
        (f'  evaluate: {{path: data/, sha256: {SHA}, image: {{}}}}', 'did you mean `images`'),
        (f'  evaluate: {{path: data/, sha256: {SHA}, images: , npz: }}', 'has `images`, `npz`; expected one'),
        (PHOTOS, '`samples` are for nothing'),
        (PHOTOS + '  calibrate: {share: 1}\n  evaluate:\n', 'expected more than 0 and less than 1'),
        (PHOTOS + '  calibrate: {metric: top1}\n  evaluate:\n', "has no key 'metric'"),
        ('  evaluate:\n', '`evaluate` of `data` is empty; expected a mapping'),
        (
            f'  calibrate: {{path: data/, sha256: {SHA}, images: }}\n'
            f'  evaluate: {{path: data/photos.npz, sha256: {SHA}, images: }}\n',
            'is the same data as `calibrate`',
        ),
    ],
)
def test_a_slip_in_data_is_told(project: Path, write: Callable[..., Path], data: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        read_recipe(write(HEAD + data), project)
