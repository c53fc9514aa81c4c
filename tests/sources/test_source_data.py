"""Data: equal arrays give equal bytes; what does not fit the recipe is said, all of it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pytest

from stages.contract.port import Port
from stages.errors import StepError
from stages.feed.npz import read_npz, write_npz
from stages.sources import data
from tests.sources.sources_helpers import job

IMAGE = (Port('image', ('batch', 2), 'float32'),)


def python(folder: Path, body: str) -> Path:
    (folder / 'recipes/models').mkdir(parents=True)
    (folder / 'recipes/models/some_data.py').write_text(f'import numpy as np\ndef make(folder):\n    {body}\n')
    return folder / 'recipes'


def make(tmp_path: Path, body: str) -> Path:
    done = job(tmp_path / 'out', IMAGE, python=python(tmp_path, body))
    data.run(data.Params('models/some_data.py', 'make'), done)
    return done.output / 'data.npz'


def test_prepare(tmp_path: Path) -> None:
    file = make(tmp_path, 'return {"image": np.ones((3, 2), np.float32), "labels": np.arange(3)}')
    arrays = read_npz(file)
    assert arrays['image'].shape == (3, 2)
    assert arrays['labels'].tolist() == [0, 1, 2]
    assert not list(tmp_path.rglob('__pycache__'))


@pytest.mark.parametrize(
    ('body', 'words'),
    [
        ('return 1', 'must give a dict'),
        ('return {"image": np.ones((0, 2), np.float32)}', "'image' is empty"),
        (
            'return {"image": np.ones((3, 2)), "labels": np.full(3, np.nan)}',
            "'labels' is float64; expected whole numbers",
        ),
        ('return {"image": np.ones((3, 2)), "labels": np.int64(1) + np.zeros((), int)}', "'labels' is"),
        ('return {"image": np.ones((3, 2), np.float32), "labels": np.arange(2)}', 'different numbers of samples'),
        ('return {"image": np.array([[None, 1]])}', 'expected numbers'),
        ('return 1 / 0', r'some_data\.py:make failed: models/some_data\.py:3: ZeroDivisionError(.|\n)*return 1 / 0'),
    ],
)
def test_what_does_not_fit(tmp_path: Path, body: str, words: str) -> None:
    with pytest.raises(StepError, match=words):
        make(tmp_path, body)
    assert not list((tmp_path / 'out').iterdir())


def test_gaps_masks_and_inputs_that_are_one_for_all_samples_are_data(tmp_path: Path) -> None:
    body = (
        'return {"image": np.array([[np.nan, 1], [-np.inf, 2], [3, 4]]), "scale": np.full(1, 2.0), '
        '"table": np.ones((7, 5)), "whole": np.ones((3, 1, 4)), "labels": np.zeros((3, 6), np.uint8)}'
    )
    arrays = read_npz(make(tmp_path, body))
    assert np.isnan(arrays['image'][0, 0]) and arrays['image'][1, 0] == -np.inf
    assert (arrays['scale'].shape, arrays['table'].shape, arrays['whole'].shape) == ((1,), (7, 5), (3, 1, 4))
    assert (arrays['labels'].shape, arrays['labels'].dtype) == ((3, 6), np.int64)


@pytest.mark.parametrize('file', ['../x.py', '/x.py', 'models/none.py'])
def test_python_stays_below_recipes(tmp_path: Path, file: str) -> None:
    with pytest.raises(StepError, match='below recipes/'):
        data.run(data.Params(file, 'make'), job(tmp_path / 'out', python=tmp_path))


def test_npz_without_prepare_is_rewritten(tmp_path: Path) -> None:
    folder = tmp_path / 'in'
    folder.mkdir()
    np.savez_compressed(folder / 'x.npz', image=np.ones((3, 2), np.float32))
    done = job(tmp_path / 'out', IMAGE, file=folder)
    data.run(data.Params('', ''), done)
    assert read_npz(done.output / 'data.npz')['image'].sum() == 6


def test_pickles_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / 'in'
    folder.mkdir()
    np.savez(folder / 'x.npz', image=np.array([{'a': 1}], object))
    with pytest.raises(StepError, match='plain arrays'):
        data.run(data.Params('', ''), job(tmp_path / 'out', file=folder))


def test_equal_arrays_give_equal_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = {'b': np.arange(6).reshape(2, 3), 'a': np.ones(2, np.float32)}
    write_npz(tmp_path / '1.npz', arrays)
    monkeypatch.setattr(time, 'time', lambda: 2e9)
    write_npz(tmp_path / '2.npz', {'a': arrays['a'], 'b': np.asfortranarray(arrays['b'])})
    assert (tmp_path / '1.npz').read_bytes() == (tmp_path / '2.npz').read_bytes()


def test_shipped_data_needs_no_framework_and_never_shares_a_sample(tmp_path: Path) -> None:
    import subprocess

    recipes = Path(__file__).parents[2] / 'recipes'
    code = (
        f'import sys; sys.path.insert(0, {str(recipes)!r}); sys.dont_write_bytecode = True\n'
        'import numpy as np, pathlib\n'
        'from models import noise, photos, rnet_data\n'
        f'folder = pathlib.Path({str(tmp_path)!r})\n'
        'np.save(folder / "lfw_subset.npy", np.random.default_rng(0).random((200, 25, 25)))\n'
        'for c, e in ((rnet_data.calibrate(folder), rnet_data.evaluate(folder)),\n'
        '             (noise.calibrate(None), noise.evaluate(None))):\n'
        '    one = {x.tobytes() for x in c["image"]}; two = {x.tobytes() for x in e["image"]}\n'
        '    assert len(one) == len(c["image"]) and len(two) == len(e["image"]) and not one & two\n'
        'assert "torch" not in sys.modules\n'
    )
    subprocess.run([sys.executable, '-c', code], check=True)


def test_samples_are_known_again_in_other_data_whatever_else_there_is(tmp_path: Path) -> None:
    import json

    def rows(name: str, body: str) -> list[str]:
        (tmp_path / name).mkdir()
        return json.loads(make(tmp_path / name, body).with_name('rows.json').read_text())

    one = rows('one', 'return {"image": np.eye(4, dtype=np.float32), "labels": np.arange(4)}')
    two = rows('two', 'return {"image": np.eye(4, dtype=np.float32)[[2, 0]], "labels": np.zeros(2, int)}')

    assert two == [one[2], one[0]] and len({*one}) == 4
    assert rows('shared', 'return {"image": np.eye(4), "scale": np.ones(1)}') == []
