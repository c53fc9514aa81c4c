"""Ten slips in a first recipe: each gets the sentence that docs/how-to/slips.md shows for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stages.contract.port import Contract, Port
from stages.errors import ModelkilnError
from stages.feed.calibration import calibration
from stages.feed.npz import write_npz
from stages.feed.samples import samples
from stages.measure.metrics import off_by_one, score
from stages.recipe.model import Metric
from stages.recipe.read import read_recipe
from tests.sources.sources_helpers import job

PAGE = (Path(__file__).parents[2] / 'docs/how-to/slips.md').read_text('utf-8')
IMAGE = Contract((Port('image', ('batch', 3, 8, 8), 'float32'),))
RECIPE = """
recipe: 1
model: net
source: {torch: models/net.py:build}
inputs: {image: {shape: [batch, 3, 8, 8], dtype: float32}}
data:
  calibrate: {path: photos.npz, sha256: SHA}
  evaluate: {path: photos.npz, sha256: SHA, metric: top1}
variants: {torch: []}
"""


def said(slip: Callable[[], object]) -> list[str]:
    with pytest.raises(ModelkilnError) as caught:
        slip()
    return [line.strip() for line in str(caught.value).splitlines()]


def shown(line: str) -> bool:
    return line.replace('|', '\\|') in PAGE


def test_a_wrong_name(tmp_path: Path) -> None:
    write_npz(tmp_path / 'x.npz', {'images': np.zeros((4, 3, 8, 8), np.float32)})

    assert all(map(shown, said(lambda: calibration(tmp_path / 'x.npz', IMAGE, 4))))


def test_a_transposed_layout() -> None:
    assert all(map(shown, said(lambda: samples({'image': np.zeros((4, 8, 8, 3), np.float32)}, IMAGE, {}))))


def test_labels_off_by_one() -> None:
    told = off_by_one(Metric('top1'), [*np.eye(6, dtype=np.float32)[:5]], np.arange(5) + 1)

    assert told and shown(told)


def test_labels_that_count_from_one() -> None:
    told = said(lambda: score(Metric('top1'), [*np.eye(4, dtype=np.float32)], np.arange(4) + 1, None))

    assert all(map(shown, told)), told


def project(root: Path, sha256: str) -> Path:
    (root / 'recipes/models').mkdir(parents=True)
    (root / 'recipes/models/net.py').write_text('')
    (root / 'recipes/photos.npz').write_bytes(b'photos')
    (root / 'recipes/net.yaml').write_text(RECIPE.replace('SHA', sha256))
    return root / 'recipes/net.yaml'


def test_a_wrong_digest_and_the_same_data_twice(tmp_path: Path) -> None:
    wrong, right = (hashlib.sha256(body).hexdigest() for body in (b'other photos', b'photos'))
    told = said(lambda: read_recipe(project(tmp_path / 'one', wrong), tmp_path / 'one', verify=True))
    twice = said(lambda: read_recipe(project(tmp_path / 'two', right), tmp_path / 'two', verify=True))

    sentences = [line.split(': ', 1)[1].replace(right, '5e6d…').replace(wrong, '0b7a…') for line in (*told, *twice)]
    assert len(sentences) == 3 and all(map(shown, sentences)), sentences


@pytest.mark.onnx
@pytest.mark.parametrize(
    'port',
    [Port('image', (3, 8, 8), 'float32'), Port('image', ('batch', 3, 8, 8), 'float16')],
    ids=['a missing dimension', 'a wrong dtype'],
)
def test_what_the_recipe_says_otherwise_than_the_file(tmp_path: Path, port: Port) -> None:
    onnx = pytest.importorskip('onnx', reason="pip install 'modelkiln[onnx]'")
    from stages.sources import onnx as source

    one, two = (onnx.helper.make_tensor_value_info(n, 1, ['batch', 3, 8, 8]) for n in ('image', 'scores'))
    graph = onnx.helper.make_graph([onnx.helper.make_node('Relu', ['image'], ['scores'])], 'net', [one], [two])
    (tmp_path / 'in').mkdir()
    onnx.save(onnx.helper.make_model(graph, ir_version=9), tmp_path / 'in/net.onnx')

    told = said(lambda: source.run(source.Params(), job(tmp_path / 'out', (port,), file=tmp_path / 'in')))

    assert all(map(shown, told))


@pytest.mark.onnx
def test_a_wrong_tokenizer(tmp_path: Path) -> None:
    onnx = pytest.importorskip('onnx', reason="pip install 'modelkiln[onnx]'")
    ort = pytest.importorskip('onnxruntime', reason="pip install 'modelkiln[onnx]'")
    table = onnx.numpy_helper.from_array(np.zeros((100, 2), np.float32), 'table')
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node('Gather', ['table', 'ids'], ['out'])], 'net',
        [onnx.helper.make_tensor_value_info('ids', 7, ['n'])], [onnx.helper.make_tensor_value_info('out', 1, ['n', 2])],
        [table],
    )  # fmt: skip
    session = ort.InferenceSession(onnx.helper.make_model(graph, ir_version=9).SerializeToString())

    with pytest.raises(Exception, match='indices element out of data bounds') as caught:
        session.run(None, {'ids': np.asarray([30521])})

    assert shown(str(caught.value).partition('indices')[1] + str(caught.value).partition('indices')[2])


@pytest.mark.torch
def test_a_nested_checkpoint(tmp_path: Path) -> None:
    torch = pytest.importorskip('torch', reason="pip install 'modelkiln[torch]'")
    from stages.sources import torch as source

    (tmp_path / 'in').mkdir()
    torch.save({'epoch': 3, 'net': {'fc': torch.nn.Linear(3, 2).state_dict()}}, tmp_path / 'in/net.pth')
    (tmp_path / 'recipes/models').mkdir(parents=True)
    (tmp_path / 'recipes/models/net.py').write_text(
        'import torch\ndef build():\n    return torch.nn.Linear(2, 2).eval()\n'
    )
    inputs = {'weights': tmp_path / 'in', 'python': tmp_path / 'recipes'}
    row = Port('row', ('batch', 2), 'float32')

    told = said(lambda: source.run(source.Params('models/net.py', 'build'), job(tmp_path / 'out', (row,), **inputs)))

    assert all(map(shown, told)), told
