"""An artifact of each format, loaded in a process of its own by its manifest alone, answers as its source does.

The source runs in its own framework, without anything of ours. The lines that a manifest gives for the engine alone
are run as they stand.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stages.contract.job import Job
from stages.contract.port import ANY, Contract, Port
from stages.document.manifest import File, Made, Manifest, manifest_json
from stages.engines import ENGINES, engine_for, use
from tests.tensorflow_models import Model, made, taken
from tests.with_paddle import lacking

pytestmark = pytest.mark.slow
np = pytest.importorskip('numpy')

ROOT = Path(__file__).resolve().parents[2]
NEEDS = {
    'torch': 'torch', 'torchscript': 'torch', 'aotinductor': 'torch', 'onnxruntime': 'onnxruntime',
    'openvino': 'openvino', 'tensorflow': 'tensorflow', 'litert': 'ai_edge_litert', 'paddle': 'paddle', 'tvm': 'tvm',
}  # fmt: skip
NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(4)
        self.one, self.table = nn.Linear(6, 5), nn.Embedding(7, 5)

    def forward(self, rows, word):
        found = torch.relu(self.one(rows)) + self.table(word)
        return found, found.sum(1)

def build():
    return Net().eval()
"""
ROWS = Port('rows', ('batch', 6), 'float32')
WORD = Port('word', ('batch',), 'int64')
# the recipe has an order and output names of its own
DECLARED = Contract((WORD, ROWS), (Port('total', ANY, '', '1'), Port('found', ANY, '', '0')))
FEED = {'rows': np.linspace(-1, 1, 18, dtype='float32').reshape(3, 6), 'word': np.array([0, 6, 3])}
CHAINS = {
    'torch': (), 'exported': ('exported',), 'torchscript': ('torchscript',), 'aoti': ('aoti',), 'onnx': ('onnx',),
    'ort': ('onnx', 'ort'), 'openvino': ('openvino',), 'tvm': ('onnx', 'tvm'),
}  # fmt: skip


def run(code: str, where: Path) -> None:
    """Run Python in a process of its own."""
    env = os.environ | {'PYTHONPATH': str(ROOT), 'TF_CPP_MIN_LOG_LEVEL': '3'}
    done = subprocess.run([sys.executable, '-c', code], cwd=where, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]


def delivered(model: Model) -> Path:
    """Leave a manifest beside the model's files, as a delivery does."""
    engine = engine_for(model.format)
    assert engine is not None
    files = {
        p.relative_to(model.folder).as_posix(): File('', p.stat().st_size)
        for p in model.folder.rglob('*')
        if p.is_file()
    }
    said = model.contract
    stage = Made('torch-source', '', {'file': 'net.py', 'function': 'build'})
    manifest = Manifest(
        'net', model.format, files, '', '', model.format, engine.ENGINE, said.inputs, said.outputs, said.precision,
        sizes=said.sizes, state=said.state, stages=(stage,),
    )  # fmt: skip
    whole = replace(manifest, use=use(manifest))
    (model.folder / 'manifest.json').write_text(json.dumps(manifest_json(whole)))
    return model.folder


def answered(folder: Path, feed: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """Run an artifact as a user does."""
    np.savez(scratch / 'feed.npz', **feed)
    words = ['run', str(folder), '--input', str(scratch / 'feed.npz'), '--output', str(scratch / 'out.npz')]
    run(f'import sys; from stages.command.main import main; sys.exit(main({words}))', scratch)
    with np.load(scratch / 'out.npz') as found:
        return {name: found[name] for name in found.files}


PLAIN = """
import os; os.chdir({folder!r})
{lines}
found = answers.values() if isinstance(answers, dict) else answers if isinstance(answers, (list, tuple)) else [answers]
if not isinstance(answers, (dict, list, tuple)) and type(answers).__module__.startswith(('tvm', 'tvm_ffi')):
    found = list(answers) if not hasattr(answers, 'numpy') else [answers]
np.savez({out!r}, *[np.asarray(one.numpy() if hasattr(one, 'numpy') else one) for one in found])
"""


def plainly(folder: Path, scratch: Path) -> list[Any]:
    """Run the lines that the manifest gives for the engine alone; return what they leave."""
    lines = json.loads((folder / 'manifest.json').read_text())['use']['plain']
    assert lines, 'there are no lines'
    run(PLAIN.format(folder=str(folder), lines='\n'.join(lines), out=str(scratch / 'plain.npz')), scratch)
    with np.load(scratch / 'plain.npz') as found:
        return [found[name] for name in found.files]


def zeros(model: Model) -> dict[str, Any]:
    return {port.name: np.zeros(port.sized(**model.contract.sizes), port.dtype) for port in model.contract.inputs}


def needed(format: str) -> str:
    engine = engine_for(format)
    assert engine is not None
    if importlib.util.find_spec(NEEDS[engine.ENGINE]) is None:
        pytest.skip(f'needs modelkiln[run-{engine.ENGINE}]: pip install "modelkiln[run-{engine.ENGINE}]"')
    return engine.ENGINE


def held(model: Model, wanted: Callable[[dict[str, Any]], dict[str, Any]], feed: dict[str, Any], scratch: Path) -> None:
    """Hold an artifact, loaded both ways, against what its source answers."""
    folder = delivered(model)

    found = answered(folder, feed, scratch)

    right = wanted(feed)
    assert {*found} == {*right}
    for name, array in right.items():
        assert np.allclose(found[name], array, rtol=1e-4, atol=1e-5), name
    blank = wanted(zeros(model))
    for left in plainly(folder, scratch):
        assert any(left.shape == array.shape and np.allclose(left, array, atol=1e-5) for array in blank.values())


@pytest.mark.torch
@pytest.mark.onnx
@pytest.mark.openvino
@pytest.mark.tvm
@pytest.mark.parametrize('format', [*CHAINS])
def test_a_module_of_torch_in_every_form(format: str, tmp_path: Path) -> None:
    torch = pytest.importorskip('torch', reason='needs modelkiln[torch]: pip install "modelkiln[torch]"')
    needed(format)
    if format == 'aoti' and not shutil.which('g++'):
        pytest.skip('needs a C++ compiler: apt-get install g++')
    from stages.frameworks.torch import module
    from stages.sources import torch as source

    (tmp_path / 'recipes').mkdir()
    (tmp_path / 'recipes/net.py').write_text(NET)
    (tmp_path / 'torch').mkdir()
    job = Job({'python': tmp_path / 'recipes'}, tmp_path / 'torch', DECLARED, lambda fraction, words: None)
    model = Model(tmp_path / 'torch', source.run(source.Params('net.py', 'build'), job), 'torch')
    for kind in CHAINS[format]:
        model = made(kind, model, tmp_path / f'{kind}-made')
    net = module.load(tmp_path / 'torch')

    def wanted(feed: dict[str, Any]) -> dict[str, Any]:
        with torch.no_grad():
            found, total = net(torch.from_numpy(feed['rows']), torch.from_numpy(feed['word']))
        return {'found': found.numpy(), 'total': total.numpy()}

    held(model, wanted, FEED, tmp_path)
    not_ended_by(model.folder, FEED | {'word': np.array([0, 99, 3])}, tmp_path)


def not_ended_by(folder: Path, feed: dict[str, Any], scratch: Path) -> None:
    """Feed an index that the table has not: it is answered, or refused in one line; the process goes on either way."""
    np.savez(scratch / 'wrong.npz', **feed)
    words = ['run', str(folder), '--input', str(scratch / 'wrong.npz')]
    code = (
        f'import sys; from stages.command.main import main; code = main({words}); print("ended", code); sys.exit(code)'
    )
    env = os.environ | {'PYTHONPATH': str(ROOT), 'TF_CPP_MIN_LOG_LEVEL': '3'}
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=scratch, env=env, capture_output=True, text=True, timeout=300
    )
    assert done.stdout.endswith(f'ended {done.returncode}\n'), done.stderr[-3000:]
    assert done.returncode == 0 or 'cannot answer what it was given: ' in done.stderr.splitlines()[-1]


@pytest.mark.tensorflow
@pytest.mark.litert
@pytest.mark.parametrize('format', ['keras', 'savedmodel', 'tflite'])
def test_a_keras_model_in_every_form(format: str, tmp_path: Path) -> None:
    pytest.importorskip('tensorflow', reason='needs modelkiln[tensorflow]: pip install "modelkiln[tensorflow]"')
    needed(format)
    from stages.frameworks.tensorflow import model as tensorflow_model

    tf = tensorflow_model.framework()
    import keras

    keras.utils.set_random_seed(3)
    given = keras.Input((6,), name='rows')
    net = keras.Model(given, keras.layers.Dense(4, activation='softmax', name='scores')(given))
    (tmp_path / 'files').mkdir()
    if format == 'keras':
        net.save(tmp_path / 'files/net.keras')
    else:
        net.export(tmp_path / 'saved', verbose=False)
    if format == 'tflite':
        converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / 'saved'))
        (tmp_path / 'files/net.tflite').write_bytes(converter.convert())
    fetched = tmp_path / 'saved' if format == 'savedmodel' else tmp_path / 'files'
    declared = Contract((ROWS,), (Port('scores', ANY, ''),)) if format == 'keras' else Contract((ROWS,))
    model = taken(format, fetched, tmp_path / 'taken', declared)
    [output] = [port.name for port in model.contract.outputs]

    held(model, lambda feed: {output: net(feed['rows']).numpy()}, {'rows': FEED['rows']}, tmp_path)


@pytest.mark.paddle
def test_a_paddle_model(tmp_path: Path) -> None:
    if said := lacking():
        pytest.skip(said)
    save = (
        'import numpy as np, paddle; from paddle.static import InputSpec; paddle.seed(1); '
        'net = paddle.nn.Linear(6, 4); '
        "paddle.jit.save(net, 'files/model', input_spec=[InputSpec([None, 6], 'float32', 'rows')]); "
        "np.savez('weights.npz', weight=net.weight.numpy(), bias=net.bias.numpy())"
    )
    run(save, tmp_path)
    model = taken('paddle', tmp_path / 'files', tmp_path / 'taken', Contract((ROWS,), (Port('scores', ANY, ''),)))
    weights = np.load(tmp_path / 'weights.npz')

    def wanted(feed: dict[str, Any]) -> dict[str, Any]:
        return {'scores': feed['rows'] @ weights['weight'] + weights['bias']}

    held(model, wanted, {'rows': FEED['rows']}, tmp_path)


def test_none_of_these_engines_is_left_out() -> None:
    formats = {*CHAINS, 'keras', 'savedmodel', 'tflite', 'paddle'}

    assert [name for name in NEEDS if not {*ENGINES[name].RUNS} & formats] == []
