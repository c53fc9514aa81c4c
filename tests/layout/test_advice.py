"""What is said of a recipe before anybody waits: only what this machine does not bear out."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stages.layout.advice import advice, wait
from stages.recipe.model import Recipe
from stages.recipe.read import read_recipe

RECIPE = """
recipe: 1
model: net
source: {onnx: {path: net.onnx, sha256: %s}}
variants:
  onnx: []
  int8: [onnx-quantize]
  bf16: {stages: [openvino], run: {precision: bf16, threads: 4}}
benchmark: {cycles: 4, repetitions: 10, warmup_runs: 2, warmup_seconds: 0.5}
"""
STRONG = ('avx2', 'avx512_vnni', 'avx512_bf16')


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    (tmp_path / 'recipes').mkdir()
    (tmp_path / 'recipes/net.onnx').write_bytes(b'')
    (tmp_path / 'recipes/net.yaml').write_text(RECIPE % ('0' * 64))
    return read_recipe(tmp_path / 'recipes/net.yaml', tmp_path)


def test_a_cpu_without_vnni_and_bf16_is_told_before_the_wait(recipe: Recipe) -> None:
    weak, strong = ('\n'.join(advice(recipe, flags, 8, 8)) for flags in (('avx2',), STRONG))

    assert 'int8: int8 on a CPU without VNNI and AMX' in weak and 'bf16: this CPU has no bf16' in weak
    assert 'VNNI' not in strong and 'has no bf16' not in strong
    assert 'int8 without `data: {calibrate: …}`' in strong and 'nothing shows what int8 costs' in strong


@pytest.mark.parametrize(
    ('cores', 'cpus', 'words'), [(8, 8, ''), (2, 4, '4 threads on 2 cores'), (2, 2, '4 threads on 2 CPUs')]
)
def test_threads_that_have_no_core_of_their_own_are_told(recipe: Recipe, cores: int, cpus: int, words: str) -> None:
    said = [sentence for sentence in advice(recipe, STRONG, cores, cpus) if 'threads on' in sentence]

    assert [sentence.startswith(words) for sentence in said] == [True] * bool(words)


def test_a_cpu_that_does_not_tell_gets_no_advice_about_instructions(recipe: Recipe) -> None:
    assert not [words for words in advice(recipe, (), None, None) if 'CPU' in words]


def test_how_long_measuring_takes_follows_from_the_last_report(recipe: Recipe, tmp_path: Path) -> None:
    project: Any = SimpleNamespace(plan=SimpleNamespace(recipes={'net': recipe}), root=tmp_path)
    before = wait(project, 'net', {'onnx'})
    (tmp_path / 'artifacts/net').mkdir(parents=True)
    row = {'variant': 'onnx', 'threads': 1, 'latency_ns': {'mean': 2e9, 'half': 1e7}}
    (tmp_path / 'artifacts/net/report.json').write_text(json.dumps({'model': 'net', 'rows': [row]}))

    assert before.startswith('1 row, at least 12 s: 4 processes of each')  # 5 processes of 2.5 s
    assert wait(project, 'net', {'onnx'}).startswith('1 row, about 4 min')  # (2 + 2·2 + 27·2) s, four times
