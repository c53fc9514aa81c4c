"""A small project with a real module of torch, seeded weights and the real doit: for tests that need all of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RECIPE = """
recipe: 1
model: tiny
source: {torch: models/tiny.py:build}
inputs:
  row: {shape: [batch, 16], dtype: float32}
outputs: [scores]
variants:
  torch: []
  torchscript: [torchscript]
  onnx: [onnx: {exporter: legacy, opset: 17}]
  onnx-int8: [onnx: {exporter: legacy, opset: 17}, onnx-quantize]
benchmark: {cycles: 2, repetitions: 3, threads: 1, warmup_seconds: 0}
"""
MODEL = """
import torch
from torch import nn


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.one, self.two = nn.Linear(16, 32), nn.Linear(32, 4)

    def forward(self, row):
        positive = lambda x: torch.relu(x)   # torch.jit.script knows no lambda, tracing does not mind
        return self.two(positive(self.one(row)))


def build():
    return Tiny().eval()
"""


@dataclass(frozen=True)
class Ran:
    """One run of doit."""

    code: int
    text: str

    @property
    def built(self) -> list[str]:
        """Return the kinds of the steps that ran, in order."""
        return re.findall(r'^ *built +(\S+)-[0-9a-f]{8} ', self.text, re.MULTILINE)


@dataclass(frozen=True)
class Small:
    """The project's folder, and what people do in it."""

    root: Path

    @property
    def recipe(self) -> Path:
        return self.root / 'recipes' / 'tiny.yaml'

    def artifact(self, variant: str) -> Path:
        return self.root / 'artifacts' / 'tiny' / variant

    def edit(self, old: str, new: str) -> None:
        text = self.recipe.read_text()
        assert old in text
        self.recipe.write_text(text.replace(old, new))

    def doit(self, *arguments: str) -> Ran:
        done = subprocess.run(
            [sys.executable, '-m', 'doit', *arguments], cwd=self.root, text=True, check=False, timeout=300,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=os.environ | {'PYTHONPATH': str(ROOT)},
        )  # fmt: skip
        return Ran(done.returncode, done.stdout)


def small_project(root: Path, recipe: str = RECIPE, model: str = MODEL) -> Small:
    """Lay the project out in ``root``; nothing is built."""
    (root / 'recipes' / 'models').mkdir(parents=True, exist_ok=True)
    (root / 'recipes' / 'models' / 'tiny.py').write_text(model)
    (root / 'recipes' / 'tiny.yaml').write_text(recipe)
    (root / 'dodo.py').write_text((ROOT / 'dodo.py').read_text())
    return Small(root)
