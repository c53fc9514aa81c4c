"""What many recipes share is said once, and a mistake in it names both files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stages.errors import RecipeError
from stages.recipe.read import read_recipe, read_recipes, read_right
from tests.recipe.conftest import RECIPE

Write = Callable[..., Path]
SHARED = """
recipe: 1
variants:
  torch: []
  ort: [onnx]
  ort-int8: [onnx, onnx-quantize: {mode: dynamic}]
benchmark: {cycles: 3, repetitions: 7}
"""
OWN = """
extends: _shared.yaml
model: net
source: {torch: models/net.py:build}
inputs:
  image: {shape: [batch, 3, 8, 8], dtype: float32}
"""


def names(recipe) -> list[str]:
    return [variant.name for variant in recipe.variants]


def test_a_recipe_takes_over_what_it_does_not_say(project: Path, write: Write) -> None:
    write(SHARED, name='_shared.yaml')
    recipe = read_recipe(write(OWN + 'benchmark: {cycles: 5}\n'), project)

    assert names(recipe) == ['torch', 'ort', 'ort-int8']
    assert (recipe.benchmark.cycles, recipe.benchmark.repetitions) == (5, 7)


def test_variants_are_added_changed_and_left_out_by_name(project: Path, write: Write) -> None:
    write(SHARED, name='_shared.yaml')
    more = 'variants:\n  ort-int8:\n  ort: [onnx: {opset: 18}]\n  ov: [onnx, openvino]\n'
    recipe = read_recipe(write(OWN + more), project)

    assert sorted(names(recipe)) == ['ort', 'ov', 'torch']
    assert next(v for v in recipe.variants if v.name == 'ort').stages[0].params.opset == 18


def test_later_files_win_and_files_extend_each_other(project: Path, write: Write) -> None:
    write(SHARED, name='_base.yaml')
    write('extends: _base.yaml\nbenchmark: {repetitions: 9}\n', name='_shared.yaml')
    write('benchmark: {cycles: 4}\n', name='_more.yaml')
    recipe = read_recipe(write(OWN, ('_shared.yaml', '[_shared.yaml, _more.yaml]')), project)

    assert (recipe.benchmark.cycles, recipe.benchmark.repetitions) == (4, 9)


def test_defaults_of_the_project_are_below_everything(project: Path, write: Write) -> None:
    write('benchmark: {cycles: 2, threads: [1, 2]}\ntimeout: 5 min\ntags: [nightly]\n', name='_defaults.yaml')
    recipe = read_recipe(write(RECIPE + 'benchmark: {cycles: 8}\n'), project)

    assert (recipe.benchmark.cycles, recipe.benchmark.threads) == (8, (1, 2))
    assert (recipe.timeout, recipe.tags) == (300, ('nightly',))
    write('source: {onnx: x}\n', name='_defaults.yaml')
    with pytest.raises(RecipeError, match=r"recipes/_defaults\.yaml:1:1: .*says 'source'; it may say `check`"):
        read_recipe(write(RECIPE), project)


def test_a_mistake_in_a_shared_file_is_said_once_with_all_who_extend_it(project: Path, write: Write) -> None:
    write(SHARED.replace('[onnx]', '[onxn]'), name='_shared.yaml')
    for n in range(5):
        write(OWN.replace('model: net', f'model: net{n}'), name=f'net{n}.yaml')

    with pytest.raises(RecipeError) as caught:
        read_recipes(project)

    assert len(caught.value.problems) == 1
    said, by = caught.value.problems[0].splitlines()
    assert said.startswith("recipes/_shared.yaml:5:9: no kind 'onxn'") and said.endswith('did you mean `onnx`?')
    assert by == '  extended by recipes/net0.yaml, recipes/net1.yaml, recipes/net2.yaml and 2 more'


@pytest.mark.parametrize(
    ('extends', 'shared', 'words'),
    [
        ('_shard.yaml', SHARED, r'net\.yaml:2:10: .*no file recipes/_shard\.yaml; did you mean `_shared\.yaml`'),
        ('../shared.yaml', SHARED, 'it must lie below recipes/'),
        ('_shared.txt', SHARED, 'expected a .yaml file'),
        ('[]', SHARED, 'names 0 files'),
        ('_shared.yaml', 'a: [', r'net\.yaml:2:10: .*cannot be read: recipes/_shared\.yaml:2:1: this is not'),
        ('_shared.yaml', '- a\n', 'holds a list; expected a mapping'),
        ('_shared.yaml', 'extends: _shared.yaml\n', 'comes back to itself: _shared.yaml → _shared.yaml'),
        ('_shared.yaml', SHARED + 'varants: {}\n', r"_shared\.yaml:8:1: the recipe has no key 'varants'"),
    ],
)  # fmt: skip
def test_what_cannot_be_extended_is_told(project: Path, write: Write, extends: str, shared: str, words: str) -> None:
    write(shared, name='_shared.yaml')
    with pytest.raises(RecipeError, match=words):
        read_recipe(write(OWN, ('_shared.yaml', extends)), project)


def test_a_variant_of_nothing_that_nobody_says_is_still_a_mistake(project: Path, write: Write) -> None:
    write(SHARED, name='_shared.yaml')
    with pytest.raises(RecipeError, match="the stages of the variant 'ov' are empty"):
        read_recipe(write(OWN + 'variants: {ov: }\n'), project)


def test_one_wrong_recipe_leaves_the_others_right(project: Path, write: Write) -> None:
    write(RECIPE)
    write(RECIPE.replace('model: net', 'model: other').replace('[onnx]', '[onxn]'), name='other.yaml')

    recipes, problems = read_right(project)

    assert [recipe.model for recipe in recipes] == ['net']
    assert len(problems) == 1 and problems[0].startswith('recipes/other.yaml:')


def test_of_two_recipes_of_one_model_neither_is_right(project: Path, write: Write) -> None:
    write(RECIPE)
    write(RECIPE, name='twin.yaml')

    assert read_right(project)[0] == ()
