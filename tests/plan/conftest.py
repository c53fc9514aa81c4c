"""Recipes as text in, the real plan out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stages.plan.make import make_plan
from stages.plan.step import Plan
from stages.recipe.read import read_recipes

RECIPE = """
recipe: 1
model: net
source: {torch: models/net.py:build}
inputs:
  image: {shape: [batch, 3, 8, 8], dtype: float32}
outputs: [logits]
data:
  calibrate: {prepare: models/net.py:calibrate}
  evaluate: {prepare: models/net.py:evaluate, metric: top1}
variants:
  torch: []
  onnx: [onnx]
"""


@pytest.fixture
def plan(tmp_path: Path) -> Callable[..., Plan]:
    """``plan(text, …)``: put each text into recipes/ as a file of its own, and plan them."""
    (tmp_path / 'recipes' / 'models').mkdir(parents=True)
    (tmp_path / 'recipes' / 'models' / 'net.py').write_text('raise SystemExit("planning must not run this")\n')

    def plan(*texts: str) -> Plan:
        for old in (tmp_path / 'recipes').glob('*.yaml'):
            old.unlink()
        for number, text in enumerate(texts):
            (tmp_path / 'recipes' / f'recipe-{number}.yaml').write_text(text)
        return make_plan(read_recipes(tmp_path))

    return plan


def with_variants(**variants: str) -> str:
    """Return the recipe with these variants beside the baseline."""
    lines = ''.join(f'  {name}: {stages}\n' for name, stages in variants.items())
    return RECIPE.replace('  onnx: [onnx]\n', lines)


def ids(plan: Plan, variant: str, recipe: str = 'net') -> list[str]:
    """Return the step ids of a variant's chain."""
    build = next(build for build in plan.builds[recipe] if build.variant.name == variant)
    return [link.step for link in build.chain]
