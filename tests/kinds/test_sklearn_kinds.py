"""Models of scikit-learn, converted in the locked environment, answer in every engine as scikit-learn does."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from stages.contract.job import Job
from stages.contract.port import Contract, read_contract
from stages.errors import UnsupportedError
from tests.locked import python_of

pytestmark = [pytest.mark.environments, pytest.mark.network, pytest.mark.slow, pytest.mark.onnx]

ROOT = Path(__file__).parents[2]
NAMES = (
    'logistic', 'columns', 'imputed', 'lengths', 'margins', 'vectors', 'layers', 'forest', 'boosted', 'tree', 'trees',
    'histograms', 'ridge', 'layers of numbers',
)  # fmt: skip
LAYERS = ('layers', 'layers of numbers')
"""Products alone, once what chooses a label is gone: no operator of machine learning is in them."""


@pytest.fixture(scope='module')
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what became of every model: one process, as most of its time goes to imports."""
    folder = tmp_path_factory.mktemp('sklearn')
    away = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
    child = [python_of('scikit-learn'), ROOT / 'tests/sklearn_child.py', folder]
    subprocess.run(child, check=True, env=away, timeout=900)
    return folder


def asked(folder: Path) -> tuple[Any, Any]:
    import numpy as np

    held = np.load(folder / 'rows.npz')
    return held['rows'], held['wanted']


def plain(folder: Path, out: Path) -> tuple[Path, Contract]:
    """Write a model's machine-learning operators in plain ones, where it has any."""
    from stages.kinds import onnx_plain

    contract = read_contract(folder / 'onnx')
    try:
        out.mkdir()
        return out, onnx_plain.run(onnx_plain.Params(), Job({'model': folder / 'onnx'}, out, contract, quiet))
    except UnsupportedError as error:
        assert 'leave this stage out' in str(error) and folder.name in LAYERS, error
        return folder / 'onnx', contract


def quiet(fraction: float, words: str) -> None:
    """Say nothing."""


@pytest.mark.parametrize('name', NAMES)
def test_onnx_runtime_answers_as_scikit_learn_does_with_either_operators(name: str, done: Path, tmp_path: Path) -> None:
    import numpy as np

    from stages.engines import onnxruntime as engine

    rows, wanted = asked(done / name)
    folders = [(done / name / 'onnx', read_contract(done / name / 'onnx')), plain(done / name, tmp_path / 'plain')]
    for folder, contract in folders:
        [got] = engine.load(folder, contract, engine.Options(), 1).run({'features': rows}).values()
        assert got.shape == wanted.shape
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.openvino
@pytest.mark.parametrize('name', NAMES)
def test_openvino_answers_as_scikit_learn_does(name: str, done: Path, tmp_path: Path) -> None:
    import numpy as np

    from stages.engines import openvino as engine
    from stages.kinds import openvino_from_onnx as kind

    folder, contract = plain(done / name, tmp_path / 'plain')
    (tmp_path / 'ir').mkdir()
    made = kind.run(kind.Params(), Job({'model': folder}, tmp_path / 'ir', contract, quiet))

    rows, wanted = asked(done / name)
    [got] = engine.load(tmp_path / 'ir', made, engine.Options(), 1).run({'features': rows}).values()
    np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.tvm
@pytest.mark.parametrize('name', ['columns', 'forest', 'layers'])
def test_tvm_answers_as_scikit_learn_does(name: str, done: Path, tmp_path: Path) -> None:
    import numpy as np

    from stages.engines import tvm as engine
    from stages.kinds import tvm as kind

    folder, contract = plain(done / name, tmp_path / 'plain')
    (tmp_path / 'tvm').mkdir()
    made = kind.run(kind.Params(), Job({'model': folder}, tmp_path / 'tvm', contract, quiet))

    rows, wanted = asked(done / name)
    session = engine.load(tmp_path / 'tvm', made, engine.Options(), 1)
    size = made.rows or len(rows)
    for start in range(0, 10 * size, size):
        [got] = session.run({'features': rows[start : start + size]}).values()
        np.testing.assert_allclose(got, wanted[start : start + size], rtol=1e-3, atol=1e-4)


@pytest.mark.openvino
def test_what_openvino_cannot_run_is_named_with_what_to_take_instead(done: Path, tmp_path: Path) -> None:
    from stages.kinds import onnx_plain
    from stages.kinds import openvino_from_onnx as kind

    contract = read_contract(done / 'kernel/onnx')
    task = Job({'model': done / 'kernel/onnx'}, tmp_path, contract, quiet)

    with pytest.raises(UnsupportedError, match=r'OpenVINO cannot .* \(operator SVMClassifier.*\n.*onnx-plain before'):
        kind.run(kind.Params(), task)
    with pytest.raises(
        UnsupportedError, match=r'SVMClassifier of ai\.onnx\.ml: no plain form is known\n.*ONNX Runtime'
    ):
        onnx_plain.run(onnx_plain.Params(), task)
    assert [*tmp_path.iterdir()] == []
