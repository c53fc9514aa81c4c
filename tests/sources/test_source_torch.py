"""PyTorch sources: weights fit or the message says where not; never a loading that runs code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sources_helpers import job

from stages.contract.kind import Job
from stages.errors import StepError
from stages.sources import torch as source

torch = pytest.importorskip('torch')

CODE = 'import torch\ndef build():\n    return torch.nn.Linear(2, 3)\n'
PARAMS = source.Params('models/linear.py', 'build')


def prepared(tmp_path: Path, weights: Any = None) -> Job:
    (tmp_path / 'recipes/models').mkdir(parents=True)
    (tmp_path / 'recipes/models/linear.py').write_text(CODE)
    inputs = {'python': tmp_path / 'recipes'}
    if weights is not None:
        (tmp_path / 'weights').mkdir()
        torch.save(weights, tmp_path / 'weights/x.pt')
        inputs['weights'] = tmp_path / 'weights'
    return job(tmp_path / 'out', **inputs)


def test_weights_arrive(tmp_path: Path) -> None:
    from stages.frameworks.torch.module import load

    weights = {'weight': torch.ones(3, 2), 'bias': torch.full((3,), 7.0)}
    done = prepared(tmp_path, weights)
    source.run(PARAMS, done)
    assert all((done.output / name).is_file() for name in source.outputs(PARAMS))
    assert load(done.output)(torch.ones(1, 2)).tolist() == [[9.0, 9.0, 9.0]]


def test_without_weights_equal_bytes(tmp_path: Path) -> None:
    files = []
    for name in ('one', 'two'):
        done = prepared(tmp_path / name)
        source.run(PARAMS, done)
        files.append((done.output / 'weights.safetensors').read_bytes())
    assert files[0] == files[1]


def test_all_that_does_not_fit_is_said(tmp_path: Path) -> None:
    done = prepared(tmp_path, {'weight': torch.ones(2, 2), 'scale': torch.ones(1)})
    with pytest.raises(StepError) as caught:
        source.run(PARAMS, done)
    assert '1 missing: bias' in str(caught.value)
    assert '1 unexpected: scale' in str(caught.value)
    assert 'weight [2, 2], the module has [3, 2]' in str(caught.value)


class Trap:
    """Would make a file, were the pickle to run."""

    marker = ''

    def __reduce__(self) -> Any:
        return (open, (self.marker, 'w'))


def test_a_pickle_never_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trap, 'marker', str(tmp_path / 'marker'))
    done = prepared(tmp_path, {'weight': Trap()})
    with pytest.raises(StepError, match='safetensors'):
        source.run(PARAMS, done)
    assert not (tmp_path / 'marker').exists()
    assert not list(done.output.iterdir())
