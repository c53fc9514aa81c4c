"""Every engine gives complete arrays that stay as they are."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

np = pytest.importorskip('numpy')
onnx = pytest.importorskip('onnx', reason='needs modelkiln[onnx]: pip install "modelkiln[onnx]"')

from stages.contract.port import Port  # noqa: E402
from stages.engines import ENGINES, engine_for  # noqa: E402

SIGNATURE = (Port('a', ('batch', 4), 'float32'), Port('b', ('batch', 4), 'float32'))
MODULE = """
from torch import nn

class Net(nn.Module):
    def forward(self, a, b):
        return a + b, a - b

def build():
    return Net()
"""


@pytest.fixture(params=['torch', 'torchscript', 'onnxruntime', 'openvino'])
def session(request, tmp_path):
    """The same two-input, two-output model in each engine."""
    needed = 'torch' if request.param == 'torchscript' else request.param
    pytest.importorskip('torch', reason='needs modelkiln[torch]: pip install "modelkiln[torch]"')
    pytest.importorskip(needed, reason=f'needs modelkiln[{needed}]: pip install "modelkiln[{needed}]"')
    from stages.contract.job import Job
    from stages.contract.port import Contract
    from stages.kinds import kind_for
    from stages.sources import torch as source

    (tmp_path / 'recipes').mkdir()
    (tmp_path / 'recipes/net.py').write_text(MODULE)
    folder, declared = tmp_path / 'model', Contract(SIGNATURE, (Port('sum', (), ''), Port('difference', (), '')))
    folder.mkdir()
    job = Job({'python': tmp_path / 'recipes'}, folder, declared, lambda fraction, words: None)
    contract = source.run(source.Params('net.py', 'build'), job)
    engine = ENGINES[request.param]
    if request.param != 'torch':
        kind = kind_for({'onnxruntime': 'onnx'}.get(request.param, request.param), 'torch')
        out = tmp_path / 'out'
        out.mkdir()
        contract = kind.run(kind.Params(), Job({'model': folder}, out, contract, lambda fraction, words: None))
        folder = out
    engine.prepare()
    return engine.load(folder, contract, engine.Options(), 1)


@pytest.mark.torch
@pytest.mark.onnx
@pytest.mark.openvino
def test_outputs_come_by_name_and_are_not_overwritten(session):
    one, two = np.ones((2, 4), 'float32'), np.full((2, 4), 2, 'float32')
    two.setflags(write=False)

    first = session.run({'b': one, 'a': two})
    session.run({'b': one * 7, 'a': two})

    assert {name: array.tolist()[0][0] for name, array in first.items()} == {'sum': 3, 'difference': 1}


def test_modules_named_after_frameworks_do_not_hide_them():
    assert ENGINES  # importing the table loads stages.engines.torch and its neighbours
    for name in ('torch', 'onnx', 'onnxruntime', 'openvino'):
        module = pytest.importorskip(name)
        assert Path(module.__file__).parent.parent.name == 'site-packages'
        assert sys.modules[name] is not sys.modules.get(f'stages.engines.{name}')


@pytest.mark.parametrize('format', ['torch', 'torchscript', 'onnx', 'openvino'])
def test_every_format_has_an_engine(format):
    assert format in engine_for(format).RUNS
