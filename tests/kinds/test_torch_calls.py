"""What a module takes and returns, whatever its forward looks like: by name, nested, optional, with state inside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.contract.port import Port
from stages.errors import StepError, UnsupportedError
from tests.kinds.conftest import Model, answers, run_kind, torch_source

pytestmark = pytest.mark.torch
torch = pytest.importorskip('torch', reason='needs modelkiln[torch]: pip install "modelkiln[torch]"')

KINDS = ('torchscript', 'exported', 'onnx', 'openvino')


def ports(*names: str, shape: tuple[int | str, ...] = ('batch', 4), dtype: str = 'float32') -> tuple[Port, ...]:
    return tuple(Port(name, shape, dtype) for name in names)


def feed_of(model: Model, batch: int = 3, **sizes: int) -> dict[str, Any]:
    """Return random numbers for a model, other than those that a kind makes up."""
    random = np.random.default_rng(5)
    return {
        port.name: random.standard_normal(port.sized(batch=batch, **sizes)).astype(port.dtype)
        for port in model.told.inputs
    }


def module_of(model: Model) -> Any:
    from stages.frameworks.torch.module import load

    return load(model.folder)


def agree(got: dict[str, Any], wanted: Sequence[Any], close: float = 1e-4) -> None:
    for (name, one), other in zip(got.items(), wanted, strict=True):
        expected = other.detach().numpy()
        assert one.shape == expected.shape, name
        assert np.allclose(one, expected, close, close), name


def everywhere(model: Model, tmp_path: Path, feed: dict[str, Any], wanted: Sequence[Any]) -> None:
    """Check the model, and what each kind makes of it."""
    agree(answers(model, feed), wanted)
    for kind in KINDS:
        agree(answers(run_kind(kind, model, tmp_path / kind), feed), wanted)


MIXED = """
class Net(nn.Module):
    def forward(self, first, scale: float = 3.0, second=None, *, third=None):
        assert third is None
        return first * scale - second

def build():
    return Net()
"""


@pytest.mark.onnx
@pytest.mark.openvino
def test_names_of_forward_go_by_name_past_what_is_left_out(tmp_path):
    model = torch_source(tmp_path, MIXED, ports('second', 'first'))
    feed = feed_of(model)

    everywhere(model, tmp_path, feed, [torch.from_numpy(feed['first'] * 3 - feed['second'])])


def test_names_of_the_recipes_own_go_by_order(tmp_path):
    code = 'def build():\n    return nn.Bilinear(4, 4, 2)\n'
    model = torch_source(tmp_path, code, ports('image', 'question'), ('answer',))
    feed = feed_of(model)
    wanted = module_of(model)(torch.from_numpy(feed['image']), torch.from_numpy(feed['question']))

    assert [port.in_file for port in model.told.inputs] == ['input1', 'input2']
    agree(answers(model, feed), [wanted])


@pytest.mark.parametrize(
    ('names', 'said'),
    [
        (('second', 'frist'), 'did you mean first'),
        (('second',), 'missing: first'),
        (('a', 'b', 'c'), r'takes first, scale \(optional\), second \(optional\), third \(optional\)'),
    ],
)
def test_names_that_match_by_half_are_refused_with_those_there_are(tmp_path, names, said):
    with pytest.raises(StepError, match=said):
        torch_source(tmp_path, MIXED, ports(*names))


NESTED = """
from dataclasses import dataclass
from typing import NamedTuple, Optional

class Last(NamedTuple):
    hidden: torch.Tensor
    cell: torch.Tensor

@dataclass
class Pair:
    left: torch.Tensor
    right: torch.Tensor

@dataclass
class Answer:
    loss: Optional[torch.Tensor] = None
    scores: Optional[torch.Tensor] = None
    more: tuple = ()

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.cells = nn.LSTM(4, 3, batch_first=True)

    def forward(self, pair: Pair, mask=None, start=None, extra: Optional[dict[str, list[torch.Tensor]]] = None):
        found, (hidden, cell) = self.cells(pair.left - pair.right, start)
        return Answer(scores=found + extra['gain'][0], more=(None, Last(hidden, cell), {'sum': found.sum(-1)}))

def build():
    return Net()
"""


@pytest.mark.onnx
@pytest.mark.openvino
def test_what_lies_inside_dataclasses_dicts_and_tuples_goes_by_its_path(tmp_path):
    steps, state = ('batch', 6, 4), (1, 'batch', 3)
    given = (*ports('extra.gain.0', shape=('batch', 6, 3)), *ports('start.0', 'start.1', shape=state))
    model = torch_source(tmp_path, NESTED, (*given, *ports('pair.right', 'pair.left', shape=steps)))
    feed = feed_of(model)
    cells = module_of(model).cells
    left, right, one, two, gain = (
        torch.from_numpy(feed[n]) for n in ('pair.left', 'pair.right', 'start.0', 'start.1', 'extra.gain.0')
    )
    found, (hidden, cell) = cells(left - right, (one, two))

    assert [(port.name, port.in_file, port.batch) for port in model.told.outputs] == [
        ('scores', 'scores', 0),
        ('hidden', 'more.1.hidden', 1),
        ('cell', 'more.1.cell', 1),
        ('sum', 'more.2.sum', 0),
    ]
    everywhere(model, tmp_path, feed, [found + gain, hidden, cell, found.sum(-1)])


DICT = """
class Net(nn.Module):
    def forward(self, batch: dict[str, torch.Tensor]):
        return {'boxes': batch['a'] - batch['b'], 'scores': batch['b'] * 2}

def build():
    return Net()
"""


@pytest.mark.onnx
@pytest.mark.openvino
def test_outputs_of_a_dict_go_by_its_keys_and_a_single_dict_by_those_of_its_inputs(tmp_path):
    model = torch_source(tmp_path, DICT, ports('b', 'a'), ('scores', 'boxes'))
    feed = feed_of(model)

    everywhere(model, tmp_path, feed, [torch.from_numpy(feed['b'] * 2), torch.from_numpy(feed['a'] - feed['b'])])


def test_outputs_that_match_by_half_are_refused_with_those_there_are(tmp_path):
    with pytest.raises(StepError, match='the file calls them boxes, scores: score is not among them'):
        torch_source(tmp_path, DICT, ports('b', 'a'), ('score', 'boxes'))


@pytest.mark.parametrize(
    ('returned', 'said'),
    [
        ('Holder()', 'an object of the type modelkiln_model_net.Holder'),
        ('(x, 3)', 'as 1 an object of the type int'),
        ("(x, 'done')", 'as 1 an object of the type str'),
        ('None', 'returns no tensor'),
    ],
)
def test_what_is_no_tensor_is_refused_in_one_sentence(tmp_path, returned, said):
    code = f"""
        class Holder:
            pass

        class Net(nn.Module):
            def forward(self, x):
                return {returned}

        def build():
            return Net()
    """
    with pytest.raises(StepError, match=said):
        torch_source(tmp_path, code, ports('x'))


def test_outputs_that_come_and_go_are_refused(tmp_path):
    code = """
        class Net(nn.Module):
            def forward(self, x):
                return (x, x.sum(1)) if len(x) == 3 else (x, None)

        def build():
            return Net()
    """
    with pytest.raises(StepError, match='return the same outputs every time'):
        torch_source(tmp_path, code, ports('x'))


def test_axes_of_outputs_have_the_names_of_what_they_follow(tmp_path):
    code = """
        class Net(nn.Module):
            def forward(self, x, gain):
                return x * gain, x.transpose(0, 1)[:1], x.flatten(), x[x[:, 0, 0] > 0], torch.ones(5, 2), x.sum()

        def build():
            return Net()
    """
    given = (*ports('gain', shape=()), *ports('x', shape=('time', 'batch', 4)))
    outputs = torch_source(tmp_path, code, given, tuple('abcdef'), {'time': 7}).told.outputs

    assert [(port.shape, port.batch) for port in outputs] == [
        (('time', 'batch', 4), 1),
        ((1, 'time', 4), None),
        (('c_0',), None),
        (('d_0', 'batch', 4), 1),
        ((5, 2), None),
        ((), None),
    ]


STATE = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.layer = nn.Linear(4, 4)
        self.register_buffer('memory', torch.zeros(4))
        self.hidden, self.calls, self.table = None, 0, None

    def forward(self, x):
        if self.table is None:
            self.table = torch.arange(4.0)
        self.hidden = self.layer(x) + (0 if self.hidden is None else self.hidden)
        self.memory += x.mean(0)
        self.calls += 1
        return self.hidden + self.memory * self.calls + self.table

def build():
    return Net()
"""


@pytest.mark.onnx
@pytest.mark.openvino
def test_state_starts_fresh_in_each_call_wherever_a_module_keeps_it(tmp_path):
    model = torch_source(tmp_path, STATE, ports('x'))
    feed = feed_of(model)
    wanted = module_of(model)(torch.from_numpy(feed['x']))

    assert {'memory', 'hidden', 'calls'} <= {*model.told.state}
    for kind in (None, *KINDS):
        made = run_kind(kind, model, tmp_path / kind) if kind else model
        agree(answers(made, feed), [wanted])
        session = session_of(made)
        session.run({'x': feed['x'] + 1})
        agree(session.run(feed), [wanted])


def session_of(model: Model) -> Any:
    from stages.engines import engine_for

    engine = engine_for(model.format)
    return engine.load(model.folder, model.told, engine.Options(), 1)


def test_a_feed_stays_what_it_is_though_the_module_writes_to_it(tmp_path):
    code = """
        class Net(nn.Module):
            def forward(self, x):
                return x.add_(1)

        def build():
            return Net()
    """
    session = session_of(model := torch_source(tmp_path, code, ports('x')))
    feed = feed_of(model)
    before = feed['x'].copy()

    assert all((session.run(feed)['output'] == before + 1).all() for _ in range(3))


def test_state_is_not_frozen_into_an_int8_graph(tmp_path, calibrate):
    model = torch_source(tmp_path, STATE, ports('x'))

    with pytest.raises(UnsupportedError, match='keeps from call to call'):
        run_kind('torch-quantize', model, tmp_path / 'made', calibrate, mode='static')


NORMED = """
from torch.nn.utils import parametrizations, spectral_norm, weight_norm

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(2)
        self.one = weight_norm(nn.Linear(4, 16))
        self.two = spectral_norm(nn.Linear(16, 16))
        self.three = parametrizations.weight_norm(nn.Linear(16, 16))
        self.four = parametrizations.spectral_norm(nn.Linear(16, 3))

    def forward(self, x, gain=None):
        found = torch.relu(self.two(torch.relu(self.one(x))))
        return self.four(torch.relu(self.three(found))) * gain

def build():
    return Net()
"""


@pytest.fixture
def normed(tmp_path: Path) -> Model:
    return torch_source(tmp_path / 'normed', NORMED, (*ports('gain', shape=('batch', 1)), *ports('x')))


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    random = np.random.default_rng(6)
    path = tmp_path / 'rows.npz'
    np.savez(path, x=random.standard_normal((32, 4)).astype('float32'), gain=np.ones((32, 1), 'float32'))
    return path


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('mode', ['static', 'dynamic'])
def test_weights_that_a_hook_computes_are_quantized(normed, rows, tmp_path, mode):
    feed = feed_of(normed) | {'gain': np.ones((3, 1), 'float32')}
    made = run_kind('torch-quantize', normed, tmp_path / 'made', rows, mode=mode)
    wanted, got = answers(normed, feed)['output'], answers(made, feed)['output']

    assert np.corrcoef(got.ravel(), wanted.ravel())[0, 1] > 0.99
    assert 'QuantizedLinear' in str(module_of(made))


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('method', ['structured', 'unstructured'])
def test_weights_that_a_hook_computes_are_pruned(normed, tmp_path, method):
    pytest.importorskip('torch_pruning', reason='needs modelkiln[torch]: pip install "modelkiln[torch]"')
    made = module_of(run_kind('torch-prune', normed, tmp_path / 'made', method=method, ratio=0.5))

    weight = made.one.weight if method == 'structured' else made.three.weight
    assert weight.shape[0] == 8 if method == 'structured' else (weight == 0).any()


@pytest.mark.parametrize('kind', [None, 'torchscript', 'exported'])
@pytest.mark.parametrize(('type', 'given'), [('half', 'float16'), ('bfloat16', 'float32')])
def test_modules_in_half_precision_stay_in_it(tmp_path, kind, type, given):
    code = f'def build():\n    torch.manual_seed(0)\n    return nn.Linear(4, 3).{type}()\n'
    model = torch_source(tmp_path, code, ports('x', dtype=given), ('y',))
    made = run_kind(kind, model, tmp_path / 'made') if kind else model
    feed = feed_of(model)
    wanted = module_of(model)(torch.from_numpy(feed['x']).to(getattr(torch, type)))

    assert made.told.precision == {'half': 'f16', 'bfloat16': 'bf16'}[type]
    assert made.told.outputs[0].dtype == given  # NumPy has no bfloat16
    agree(answers(made, feed), [wanted.to(getattr(torch, given))], 1e-2)


def test_sizes_that_a_module_refuses_are_named_with_what_it_says(tmp_path):
    code = 'def build():\n    return nn.Linear(40, 3)\n'
    with pytest.raises(StepError, match=r'x float32 \[2, 32\](.|\n)*cannot be multiplied(.|\n)*sizes: \{width: …\}'):
        torch_source(tmp_path, code, ports('x', shape=('batch', 'width')))

    told = torch_source(tmp_path / 'sized', code, ports('x', shape=('batch', 'width')), sizes={'width': 40}).told

    assert told.outputs[0].shape == ('batch', 3)


def test_a_module_of_one_sample_says_so(tmp_path):
    code = """
        class Net(nn.Module):
            def forward(self, x):
                return x.reshape(1, 4)

        def build():
            return Net()
    """
    with pytest.raises(StepError, match='write 1 in place of `batch`'):
        torch_source(tmp_path, code, ports('x'))
