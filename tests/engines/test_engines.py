"""Every engine gives complete arrays that stay as they are."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

np = pytest.importorskip('numpy')
onnx = pytest.importorskip('onnx', reason='needs modelkiln[onnx]: pip install "modelkiln[onnx]"')

from stages.contract.port import Tensor  # noqa: E402
from stages.engines import ENGINES, engine_for  # noqa: E402

SIGNATURE = (Tensor('a', ('batch', 4), 'float32'), Tensor('b', ('batch', 4), 'float32'))
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
    from stages.contract.kind import Job
    from stages.frameworks.torch import module as torch_module
    from stages.kinds import kind_for

    (tmp_path / 'from').mkdir()
    (tmp_path / 'from/net.py').write_text(MODULE)
    folder = tmp_path / 'model'
    torch_module.save_float(folder, tmp_path / 'from', 'net.py', 'build', None)
    engine = ENGINES[request.param]
    if request.param != 'torch':
        kind = kind_for({'onnxruntime': 'onnx'}.get(request.param, request.param), 'torch')
        out = tmp_path / 'out'
        out.mkdir()
        kind.run(kind.Params(), Job({'model': folder}, out, SIGNATURE, ('sum', 'difference'), lambda f, w: None))
        folder = out
    engine.prepare()
    return engine.load(folder, SIGNATURE, engine.Options(), 1)


@pytest.mark.torch
@pytest.mark.onnx
@pytest.mark.openvino
def test_outputs_come_in_order_and_are_not_overwritten(session):
    one, two = np.ones((2, 4), 'float32'), np.full((2, 4), 2, 'float32')
    two.setflags(write=False)

    first = session.run({'b': one, 'a': two})
    session.run({'b': one * 7, 'a': two})

    assert [f.tolist()[0][0] for f in first] == [3, 1]
    assert {t.name: t for t in session.inputs} == {t.name: t for t in SIGNATURE}
    assert session.outputs in ((), ('sum', 'difference'))


def test_modules_named_after_frameworks_do_not_hide_them():
    assert ENGINES  # importing the table loads stages.engines.torch and its neighbours
    for name in ('torch', 'onnx', 'onnxruntime', 'openvino'):
        module = pytest.importorskip(name)
        assert Path(module.__file__).parent.parent.name == 'site-packages'
        assert sys.modules[name] is not sys.modules.get(f'stages.engines.{name}')


@pytest.mark.parametrize('format', ['torch', 'torchscript', 'onnx', 'openvino'])
def test_every_format_has_an_engine(format):
    assert format in engine_for(format).RUNS
