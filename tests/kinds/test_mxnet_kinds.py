"""MXNet's own answers beside those of its export, both made in the locked environment."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from stages.contract.port import Contract, Port, contract_json, contract_of
from tests.locked import python_of
from tests.locked_cases import answer, gone_through

MODELS = Path(__file__).parents[1] / 'mxnet_models.py'
DECLARED = Contract(
    (Port('data', ('batch', 3, 8, 8), 'float32'),), (Port('prob', ('batch', 5), 'float32', 'softmax_output'),)
)


@pytest.mark.environments
@pytest.mark.network
@pytest.mark.onnx
@pytest.mark.slow
def test_a_classifier_of_mxnet_answers_the_same_in_onnx_runtime(tmp_path: Path) -> None:
    import numpy as np
    import onnxruntime

    (tmp_path / 'net').mkdir()
    subprocess.run([python_of('mxnet'), MODELS, 'cnn', tmp_path / 'net'], check=True)
    given = {'inputs': {'file': str(tmp_path / 'net')}, 'declared': contract_json(DECLARED)}

    done = gone_through(tmp_path, 'mxnet', {'cnn': given})

    assert 'error' not in answer(done, 'cnn'), answer(done, 'cnn')
    assert [port.shape for port in contract_of(answer(done, 'cnn')['made']).inputs] == [('batch', 3, 8, 8)]
    session = onnxruntime.InferenceSession(done / 'cnn/made/model.onnx')
    [prob] = session.run(None, dict(np.load(done / 'cnn/feed.npz')))
    np.testing.assert_allclose(prob, np.load(done / 'cnn/answers.npz')['prob'], rtol=1e-4, atol=1e-5)
