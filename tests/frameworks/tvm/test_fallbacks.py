"""No schedule and no layout stops a model: it is built without, and library.json says what is missing, and why."""

from __future__ import annotations

import pytest

for name in ('tvm', 'ziglang', 'onnx', 'onnxruntime'):
    pytest.importorskip(name, reason='needs modelkiln[tvm]: pip install "modelkiln[tvm]"')

from stages.errors import UnsupportedError  # noqa: E402
from stages.frameworks.tvm.emit import code, library  # noqa: E402
from stages.frameworks.tvm.graph import levels  # noqa: E402
from stages.frameworks.tvm.schedule import rule  # noqa: E402
from stages.frameworks.tvm.schedule.rule import block  # noqa: E402
from tests.frameworks.tvm.onnx_nets import assert_same, built, model, node, numbers  # noqa: E402

pytestmark = pytest.mark.tvm
IMAGE = {'image': numbers(1, 8, 9, 9)}
WEIGHTS = {'w': numbers(8, 8, 3, 3) / 5, 'm': numbers(9, 50)}


@pytest.fixture
def net():
    """A convolution, a product, and something element by element that TVM has no vectors for."""
    nodes = [
        node('Cosh', ['image'], ['wide']),
        node('Conv', ['wide', 'w'], ['c'], pads=[1] * 4),
        node('MatMul', ['c', 'm'], ['out']),
    ]
    return model(nodes, IMAGE, ['out'], WEIGHTS)


def test_a_kernel_that_cannot_be_compiled_stays_unscheduled_alone(net, tmp_path, monkeypatch):
    monkeypatch.setattr(block, 'SCALAR', ())  # as if nobody knew that cosh has no vectors

    found = assert_same(net, IMAGE, tmp_path)

    assert len(found.unscheduled) == found.kernels['unscheduled'] == 1
    assert 'cosh' in found.unscheduled[0].operator and 'tirx.cosh' in found.unscheduled[0].why
    assert found.kernels['rule'] == found.kernels['all'] - 1 > 1
    (said,) = library.notes(found.unscheduled, found.fell_back)
    assert said.startswith('1 kernel of TVM runs unscheduled') and 'cosh' in said


@pytest.mark.parametrize('mistake', [TypeError, KeyError, AssertionError])
def test_a_mistake_of_our_rule_leaves_the_kernels_it_meets_unscheduled(mistake, net, tmp_path, monkeypatch):
    right = rule.fused

    def wrong(schedule):
        if 'cosh' in schedule.mod.script():
            raise mistake('a mistake of ours')
        return right(schedule)

    monkeypatch.setattr(rule, 'fused', wrong)

    found = assert_same(net, IMAGE, tmp_path)

    assert [each.why for each in found.unscheduled] == [f'the rule: {wrong_words(mistake)}']


def wrong_words(mistake):
    """Return what library.json says of a mistake."""
    return f'{mistake.__name__}: {mistake("a mistake of ours")}'


@pytest.mark.parametrize(
    ('function', 'part'),
    [('channels_last', 'channels last'), ('winograd', 'tiles'), ('canonicalized', 'canonical operators')],
)
def test_a_part_of_a_level_that_fails_is_left_out(function, part, net, tmp_path, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError('no such layout')

    monkeypatch.setattr(levels, function, fails)

    found = assert_same(net, IMAGE, tmp_path)

    assert [(each.what, each.why) for each in found.fell_back] == [(part, 'RuntimeError: no such layout')]
    assert library.notes((), found.fell_back) == (f'TVM built it without {part}: RuntimeError: no such layout',)


def test_packing_that_fails_falls_back_to_weights_as_they_are(net, tmp_path, monkeypatch):
    right = code.packed

    def wrong(module):
        if any(code.PACKED in each.script() for each in code.functions(module).values()):
            raise UnsupportedError('cannot be packed')
        return right(module)

    monkeypatch.setattr(code, 'packed', wrong)

    found = assert_same(net, IMAGE, tmp_path)

    assert found.unscheduled and all('cannot be packed' in each.why for each in found.unscheduled)
    assert found.kernels['rule'] > 0


def test_a_model_without_convolutions_keeps_its_layout(tmp_path, monkeypatch):
    from tvm.relax import transform

    monkeypatch.setattr(transform, 'ConvertLayout', lambda *_: pytest.fail('ran'))
    feed = {'rows': numbers(3, 50)}

    assert not built(model([node('Softmax', ['rows'], ['out'])], feed, ['out']), feed, tmp_path).fell_back


def test_a_mistake_of_ours_is_no_refusal_of_tvm(net, tmp_path, monkeypatch):
    from stages.frameworks.tvm.read import import_plain

    def wrong(_):
        raise TypeError('a mistake of ours')

    monkeypatch.setattr(import_plain, 'plain', wrong)

    with pytest.raises(TypeError, match='a mistake of ours'):
        built(net, IMAGE, tmp_path)
