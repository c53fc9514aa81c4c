"""A module as its author wrote it, through the real doit: names in another order, outputs within outputs, no batch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stages.contract.port import contract_of
from tests.small import Small, small_project

pytestmark = [pytest.mark.torch, pytest.mark.onnx, pytest.mark.openvino, pytest.mark.slow]
np = pytest.importorskip('numpy')

MODULE = """
from dataclasses import dataclass
from typing import Optional

import torch
from torch import nn


@dataclass
class Found:
    score: torch.Tensor
    loss: Optional[torch.Tensor] = None
    inner: Optional[tuple] = None


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(2)
        self.cells, self.head = nn.GRU(5, 6, batch_first=True), nn.Linear(6, 3)
        self.register_buffer('table', torch.rand(4, 2))

    def forward(self, steps, weights: Optional[torch.Tensor] = None, bias=None):
        seen, last = self.cells(steps)
        return Found(self.head(seen[:, -1]) * bias, inner=(last, self.table * 1.0))


def build():
    return Net().eval()
"""
RECIPE = """
recipe: 1
model: tiny
source: {torch: models/tiny.py:build}
inputs:
  bias: {shape: [3], dtype: float32}
  steps: {shape: [batch, time, 5], dtype: float32}
outputs: [inner.1, score, inner.0]
variants:
  torch: []
  torchscript: [torchscript]
  onnx: [onnx]
  ort: [onnx, ort]
  openvino: [openvino]
  openvino-static: [onnx, openvino: {shape: static}]
  tvm: [onnx, tvm]
benchmark: {cycles: 1, repetitions: 2, warmup_runs: 1, warmup_seconds: 0, sizes: {time: 7}}
"""


@pytest.fixture(scope='module')
def built(tmp_path_factory: pytest.TempPathFactory) -> Small:
    for name in ('torch', 'onnxruntime', 'openvino', 'tvm'):
        pytest.importorskip(name, reason='needs modelkiln[all]: pip install "modelkiln[all]"')
    project = small_project(tmp_path_factory.mktemp('other') / 'project', RECIPE, MODULE)
    ran = project.doit()
    assert ran.code == 0, ran.text
    return project


def answers(folder: Path, feed: dict) -> dict:
    import stages

    with stages.load(folder) as model:
        return model.run(feed)


@pytest.mark.parametrize('variant', ['torchscript', 'onnx', 'ort', 'openvino', 'openvino-static', 'tvm'])
def test_an_artifact_is_run_by_its_manifest_alone_and_answers_as_the_module_does(built: Small, variant: str) -> None:
    import sys

    import torch

    sys.path.insert(0, str(built.root / 'recipes/models'))
    try:
        import tiny
    finally:
        sys.path.pop(0)
    rng = np.random.default_rng(1)
    feed = {'steps': rng.standard_normal((1, 7, 5)), 'bias': rng.standard_normal(3)}
    feed = {name: array.astype('float32') for name, array in feed.items()}
    with torch.no_grad():
        found = tiny.build()(torch.from_numpy(feed['steps']), bias=torch.from_numpy(feed['bias']))

    got = answers(built.artifact(variant), feed)

    assert list(got) == ['inner.1', 'score', 'inner.0']
    for name, wanted in (('score', found.score), ('inner.0', found.inner[0]), ('inner.1', found.inner[1])):
        assert np.allclose(got[name], wanted.numpy(), atol=1e-5), name


def test_manifests_say_what_each_artifact_takes_and_returns(built: Small) -> None:
    def told(variant: str) -> dict:
        contract = contract_of(json.loads((built.artifact(variant) / 'manifest.json').read_text()))
        return {port.name: list(port.shape) for port in (*contract.inputs, *contract.outputs)}

    taken = {'bias': [3], 'steps': ['batch', 'time', 5]}
    free = taken | {'score': ['batch', 3], 'inner.0': [1, 'batch', 6], 'inner.1': [4, 2]}
    assert told('onnx') == free
    assert told('openvino-static') == free | {'steps': [1, 7, 5], 'score': [1, 3], 'inner.0': [1, 1, 6]}
