"""MXNet's own answers beside those of its export, both made in the locked environment."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from stages.execute import environment
from stages.execute.project import Project
from stages.frameworks.mxnet import symbol
from stages.plan.step import Plan

ROOT = Path(__file__).parents[2]
CODE = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import numpy as np
from stages.contract.job import Job
from stages.contract.port import Contract, Port
from stages.engines import mxnet as engine
from stages.kinds import onnx_from_mxnet as kind
folder = Path(sys.argv[2])
contract = Contract((Port('data', ('batch', 3, 8, 8), 'float32'),),
                    (Port('prob', ('batch', 5), 'float32', 'softmax_output'),))
made = kind.run(kind.Params(), Job({'model': folder}, folder, contract, lambda fraction, words: None))
assert [port.shape for port in made.inputs] == [('batch', 3, 8, 8)], made
data = np.random.default_rng(0).standard_normal((3, 3, 8, 8)).astype(np.float32)
np.savez(folder / 'answers.npz', data=data, **engine.load(folder, contract, engine.Options(), 1).run({'data': data}))
"""


@pytest.mark.environments
@pytest.mark.network
@pytest.mark.onnx
@pytest.mark.slow
def test_a_classifier_of_mxnet_answers_the_same_in_onnx_runtime(tmp_path: Path) -> None:
    import numpy as np
    import onnxruntime

    project = Project(tmp_path, Plan({}, {}, {}, {}))
    environment.make(project, 'mxnet')
    python = environment.python_of(project, 'mxnet')
    folder = tmp_path / 'net'
    folder.mkdir()
    subprocess.run([python, ROOT / 'tests/mxnet_child.py', 'cnn', folder], check=True)
    kept_net = symbol.cut(symbol.read(folder / 'net-symbol.json'), ())
    (folder / 'model-symbol.json').write_text(symbol.text(kept_net))
    (folder / 'net-0000.params').rename(folder / 'model-0000.params')

    subprocess.run([python, '-c', CODE, ROOT, folder], check=True)

    kept = np.load(folder / 'answers.npz')
    session = onnxruntime.InferenceSession(folder / 'model.onnx')
    [given] = session.run(None, {'data': kept['data']})
    np.testing.assert_allclose(given, kept['prob'], rtol=1e-4, atol=1e-5)
