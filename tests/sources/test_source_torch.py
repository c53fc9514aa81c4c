"""PyTorch sources: weights fit or the message says where not; never a loading that runs code."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path
from typing import Any

import pytest

from stages.contract.job import Job
from stages.contract.port import Port
from stages.errors import StepError
from stages.sources import torch as source
from stages.sources import weights
from tests.sources.sources_helpers import job

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
    return job(tmp_path / 'out', (Port('input', ('batch', 2), 'float32'),), **inputs)


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


class Tied(torch.nn.Module):  # type: ignore[name-defined,misc]
    """A module whose two layers are one matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = torch.nn.Linear(2, 2, bias=False), torch.nn.Linear(2, 2, bias=False)
        self.outer.weight = self.inner.weight


def test_a_tensor_that_the_module_shares_is_given_by_either_of_its_names() -> None:
    for name in ('inner.weight', 'outer.weight'):
        state, _ = weights.fitted('x', 'x.pt', Tied(), {name: torch.ones(2, 2)}, weights.Pick())
        assert state['inner.weight'].tolist() == state['outer.weight'].tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_a_shared_tensor_with_two_values_is_refused_with_both_names() -> None:
    held = {'inner.weight': torch.ones(2, 2), 'outer.weight': torch.zeros(2, 2)}
    with pytest.raises(StepError, match=r'inner\.weight and outer\.weight are one tensor .* differ'):
        weights.fitted('x', 'x.pt', Tied(), held, weights.Pick())


GOOD = {'weight': torch.ones(3, 2), 'bias': torch.full((3,), 7.0)}
OTHER = {name: tensor + 1 for name, tensor in GOOD.items()}
WRAPPED = {f'_orig_mod.module.{name}': tensor for name, tensor in GOOD.items()}
MOMENTS = {'state': {0: {'exp_avg': torch.zeros(3, 2), 'step': torch.tensor(1.0)}}, 'param_groups': [{'lr': 0.1}]}


@pytest.mark.parametrize(('held', 'pick'), [
    ({'net': GOOD, 'optimizer': MOMENTS, 'epoch': 3}, {}),
    ({'net': WRAPPED, 'optimizer': MOMENTS, 'epoch': 3}, {}),
    (WRAPPED, {}),
    ([GOOD, MOMENTS], {}),
    ({'net': OTHER, 'average': GOOD}, {'key': 'average'}),
    ({'a.b': {'c': GOOD}, 'd': OTHER}, {'key': 'a.b.c'}),
    ({'net': WRAPPED}, {'prefix': '_orig_mod.module.'}),
    ({**GOOD, 'extra.0': torch.ones(1), 'moments': OTHER}, {'drop': ('extra.*', 'moments.*')}),
    ({**WRAPPED, 'n_averaged': torch.tensor(1)}, {'prefix': '_orig_mod.module.', 'drop': ('n_averaged',)}),
], ids=str)  # fmt: skip
def test_a_checkpoint_of_training_arrives(tmp_path: Path, held: Any, pick: dict[str, Any]) -> None:
    from stages.frameworks.torch.module import load

    done = prepared(tmp_path, held)
    source.run(dataclasses.replace(PARAMS, **pick), done)
    assert load(done.output)(torch.ones(1, 2)).tolist() == [[9.0, 9.0, 9.0]]


@pytest.mark.parametrize(('held', 'pick', 'said'), [
    ({'net': GOOD, 'average': OTHER}, {}, r'2 sets of weights that fit (.|\n)*key: net\n +key: average'),
    ({'net': {'body.weight': GOOD['weight']}, 'epoch': 3}, {}, r'net: 1 tensors: body.weight(.|\n)*beside them: epoch'),
    ({'net': WRAPPED | {'more': torch.ones(1)}}, {}, r'like `key: net, prefix: _orig_mod.module.`'),
    (WRAPPED | {'more': torch.ones(1)}, {}, r'prefix: _orig_mod.module., drop: \[more\]'),
    ({'net': GOOD}, {'key': 'nett'}, r'`key: nett` is not there(.|\n)*net: 2 tensors'),
    ({'net': GOOD}, {'prefix': 'module.'}, r"no name begins with the prefix 'module\.'"),
    ({'net': GOOD}, {'drop': ('haed.*',)}, r'haed\.\*, which matches nothing'),
    ({'weight': GOOD['weight'].int(), 'bias': GOOD['bias']}, {}, r'weight torch.int32, the module has torch.float32'),
    (7, {}, 'it holds int; expected tensors by name'),
], ids=str)  # fmt: skip
def test_a_file_that_leaves_it_open_says_what_it_holds_and_what_to_write(
    tmp_path: Path, held: Any, pick: dict[str, Any], said: str
) -> None:
    with pytest.raises(StepError, match=said):
        source.run(dataclasses.replace(PARAMS, **pick), prepared(tmp_path, held))


def test_shards_are_one_model_and_a_name_twice_is_refused(tmp_path: Path) -> None:
    done = prepared(tmp_path, {'weight': GOOD['weight']})
    torch.save({'bias': GOOD['bias']}, tmp_path / 'weights/y.bin')
    (tmp_path / 'weights/pytorch_model.bin.index.json').write_text('{}')
    source.run(PARAMS, done)
    assert (done.output / 'weights.safetensors').is_file()
    torch.save(GOOD, tmp_path / 'weights/z.bin')
    with pytest.raises(StepError, match=r'z\.bin: bias, weight stands in another'):
        source.run(PARAMS, job(tmp_path / 'again', **done.inputs))


def test_names_that_the_module_itself_translates_are_left_to_it() -> None:
    plain = torch.nn.utils.weight_norm
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        old = plain(torch.nn.Linear(2, 3)).state_dict()  # weight_g, weight_v
    new = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(2, 3))
    state, _ = weights.fitted('x', 'x.pt', new, old, weights.Pick())
    assert torch.equal(state['parametrizations.weight.original1'], old['weight_v'])


def test_a_build_that_fails_names_the_line_of_the_recipe_s_own_file(tmp_path: Path) -> None:
    done = prepared(tmp_path)
    (tmp_path / 'recipes/models/linear.py').write_text(
        'import torch\ndef build():\n    return torch.nn.Linear("2", 3)\n'
    )
    with pytest.raises(StepError, match=r'failed: models/linear\.py:3: TypeError(.|\n)*    return torch.nn.Linear'):
        source.run(PARAMS, done)
