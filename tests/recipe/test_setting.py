"""In what settings a recipe has its variants measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from stages.errors import RecipeError
from stages.recipe.model import settings
from stages.recipe.read import read_recipe
from stages.recipe.setting import Setting, setting_of

RECIPE = """
recipe: 1
model: net
source: {torch: models/net.py:build}
inputs:
  ids: {shape: [batch, length], dtype: int64}
variants:
  torch: []
  "ov-{hint}-{length}":
    matrix: {hint: [latency, throughput], length: [8, 384]}
    stages: [onnx, openvino]
    run: {hint: "{hint}", sizes: {length: "{length}"}, scenario: [single-stream, offline], threads: 2}
  no-avx512: {stages: [onnx, openvino], run: {isa: avx2}}
benchmark: {threads: [1, 2], sizes: {length: 64}, scenarios: single-stream}
choose: {fastest: offline}
"""


def test_one_line_of_a_matrix_makes_a_table_of_settings(project: Path, write: Callable[..., Path]) -> None:
    recipe = read_recipe(write(RECIPE, name='net.yaml'), project)
    asked = {variant.name: settings(recipe, variant) for variant in recipe.variants}

    assert asked['torch'] == tuple(Setting(threads=n, sizes=(('length', 64),)) for n in (1, 2))
    assert asked['ov-throughput-384'] == tuple(
        Setting(scenario, 2, sizes=(('length', 384),)) for scenario in ('single-stream', 'offline')
    )
    assert {one.isa for one in asked['no-avx512']} == {'avx2'}
    assert [len(rows) for rows in asked.values()] == [2, 2, 2, 2, 2, 2]
    assert recipe.choose.fastest == 'offline'


def test_one_variant_is_measured_at_each_of_several_sizes(project: Path, write: Callable[..., Path]) -> None:
    several = RECIPE.replace('run: {isa: avx2}', 'run: {sizes: {length: [8, 384]}, threads: 1}')
    recipe = read_recipe(write(several, name='net.yaml'), project)

    assert [one.sizes for one in settings(recipe, recipe.variants[-1])] == [(('length', 8),), (('length', 384),)]


@pytest.mark.parametrize(
    ('sizes', 'words'),
    [
        ('{length: []}', 'is an empty list'),
        ('{length: [8, 8]}', 'has a size twice; keep one'),
        ('{length: [8, x]}', "is 'x'; expected a whole number"),
        ('{width: [8, 9]}', "no input has the dimension 'width'"),
    ],
)
def test_sizes_that_are_wrong_are_told_once(sizes: str, words: str, project: Path, write: Callable[..., Path]) -> None:
    with pytest.raises(RecipeError) as caught:
        read_recipe(write(RECIPE.replace('run: {isa: avx2}', f'run: {{sizes: {sizes}}}'), name='net.yaml'), project)

    assert len(caught.value.problems) == 1 and words in caught.value.problems[0]


def test_a_setting_is_said_in_words_and_read_as_it_was_written() -> None:
    whole = Setting('offline', 2, 8, (('length', 384),), 'avx2')

    assert whole.words() == 'offline, 2 threads, batch 8, length 384, avx2'
    assert Setting().words() == '1 thread'
    assert setting_of(json.loads(json.dumps(asdict(whole)))) == whole
