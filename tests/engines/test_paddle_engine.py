"""The Paddle engine. Each test loads and runs in a process of its own: Paddle is never imported into this one."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.paddle
if importlib.util.find_spec('paddle') is None:
    pytest.skip('needs modelkiln[paddle]: pip install "modelkiln[paddle]"', allow_module_level=True)
np = pytest.importorskip('numpy')

CHILD = Path(__file__).parents[1] / 'paddle_child.py'
SIGNATURE = [['image', ['batch', 3, 16, 16], 'float32'], ['scale', ['batch', 1], 'float32']]


def child(word: str, path: Path, **extra: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, CHILD, word, path],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | extra,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


@pytest.fixture(scope='module', params=['json', 'pdmodel'])
def models(request, tmp_path_factory) -> Path:
    """The helper's models in the form of Paddle 3, and in that before it."""
    folder = tmp_path_factory.mktemp(request.param)
    child('models', folder, FLAGS_enable_pir_api='1' if request.param == 'json' else '0')
    assert (folder / f'net/model.{request.param}').exists()
    return folder


@pytest.fixture
def answer(models, tmp_path):
    """Load a model and run feeds; return what the session says of itself, and the outputs of each feed."""

    def run(name: str, feeds: list[dict[str, Any]], signature=SIGNATURE, **options: Any):
        arrays = {f'{n}.{key}': array for n, feed in enumerate(feeds) for key, array in feed.items()}
        np.savez(tmp_path / 'feeds.npz', **arrays)
        (tmp_path / 'request.json').write_text(
            json.dumps(
                {
                    'folder': str(models / name),
                    'signature': signature,
                    'options': options,
                    'threads': 1,
                    'count': len(feeds),
                    'feeds': str(tmp_path / 'feeds.npz'),
                    'results': str(tmp_path / 'results.npz'),
                }
            )
        )
        found = child('engine', tmp_path / 'request.json')
        if 'error' in found:
            return found, []
        with np.load(tmp_path / 'results.npz') as stored:
            return found, [[stored[f'{n}.{i}'] for i in range(len(found['outputs']))] for n in range(len(feeds))]

    return run


def feed(rows: int, scale: float) -> dict[str, Any]:
    image = np.random.default_rng(7).standard_normal((rows, 3, 16, 16)).astype('float32')
    return {'scale': np.full((rows, 1), scale, 'float32'), 'image': image}  # not in the model's order


def test_outputs_come_in_order_for_any_batch_and_are_not_overwritten(answer):
    found, ((scores, features), (tripled, same), (more, _)) = answer('net', [feed(2, 1), feed(2, 3), feed(5, 1)])

    assert len(found['outputs']) == 2
    assert (scores.shape, features.shape, more.shape) == ((2, 5), (2, 8), (5, 5))
    assert np.allclose(tripled, 3 * scores, rtol=1e-5) and np.array_equal(features, same)
    assert np.abs(scores).max() > 0


def test_onednn_changes_digits_only_and_bf16_more(models, answer):
    (_, (with_it,)), (_, (without,)) = (answer('net', [feed(4, 1)], onednn=chosen) for chosen in (True, False))

    for one, two in zip(with_it, without, strict=True):
        assert np.linalg.norm(one - two) / np.linalg.norm(two) < 1e-5
    if (models / 'net/model.json').exists():  # a .pdmodel with a broadcast Add fails in bf16 (Paddle 3.3)
        _, (short,) = answer('net', [feed(4, 1)], precision='bf16')
        for one, two in zip(short, without, strict=True):
            assert np.linalg.norm(one - two) / np.linalg.norm(two) < 3e-2


def test_a_single_input_may_bear_any_name(answer):
    found, ((y,),) = answer('one', [{'row': np.zeros((3, 4), 'float32')}], [['row', ['batch', 4], 'float32']])

    assert 'error' not in found and y.shape == (3, 2)


@pytest.mark.parametrize('signature', [SIGNATURE[:1], [['photo', *SIGNATURE[0][1:]], SIGNATURE[1]]], ids=str)
def test_several_inputs_are_not_guessed_by_position(answer, signature):
    found, _ = answer('net', [], signature)

    assert found['error'] == 'UnsupportedError'
    assert 'takes image, scale; the recipe declares' in found['message']


def test_a_folder_without_a_graph_is_named(models, answer):
    (models / 'empty').mkdir(exist_ok=True)

    found, _ = answer('empty', [])

    assert found == {'error': 'StepError', 'message': 'empty: holds neither model.json nor model.pdmodel'}
