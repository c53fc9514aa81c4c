"""OpenVINO: int8 that keeps a bound, compressed weights."""

from __future__ import annotations

import pytest

from stages.errors import UnsupportedError
from stages.kinds import openvino_quantize, openvino_weights

pytestmark = pytest.mark.openvino
for name in ('openvino', 'nncf', 'onnx', 'onnxscript'):
    pytest.importorskip(name, reason='needs modelkiln[openvino]: pip install "modelkiln[openvino]"')

WIDE = """
import torch
from torch import nn

def build():
    torch.manual_seed(1)
    hidden = nn.Linear(256, 256)
    return nn.Sequential(nn.Flatten(), nn.Linear(768, 256), nn.ReLU(), hidden, nn.ReLU(), nn.Linear(256, 8))
"""


@pytest.fixture(scope='session')
def wide_net(tmp_path_factory):
    """Linear layers, wide enough for groups."""
    from tests.kinds.conftest import IMAGE, Model, _folder

    return Model(_folder(tmp_path_factory.mktemp('wide'), {'net.py': WIDE}, state=False), IMAGE, ('logits',))


def size(model):
    return (model.folder / 'model.bin').stat().st_size


def fake_quantize(model):
    return (model.folder / 'model.xml').read_text().count('type="FakeQuantize"')


def test_accuracy_mode_takes_operators_back_until_the_bound_holds(chain, conv_net, tmp_path, calibrate, error_of):
    from tests.kinds.conftest import run_kind

    float_model = chain(conv_net, ('openvino', {}))
    plain = run_kind('openvino-quantize', float_model, tmp_path / 'plain', calibrate)
    loose = run_kind('openvino-quantize', float_model, tmp_path / 'loose', calibrate, mode='accuracy', max_drop=0.5)
    tight = run_kind('openvino-quantize', float_model, tmp_path / 'tight', calibrate, mode='accuracy', max_drop=2e-4)

    assert fake_quantize(tight) < fake_quantize(loose) == fake_quantize(plain)
    errors = [error_of(conv_net, made, 'openvino', {'batch': 3}) for made in (tight, plain)]
    assert errors[0] < errors[1]


def test_a_bound_that_nothing_keeps_is_explained(chain, conv_net):
    with pytest.raises(UnsupportedError, match='within max_drop 1e-09'):
        chain(conv_net, ('openvino', {}), ('openvino-quantize', {'mode': 'accuracy', 'max_drop': 1e-9}))


def test_likeness_is_that_of_the_worst_output_of_each_feed(chain, conv_net):
    import numpy as np
    import openvino as ov

    from stages.frameworks.openvino import likeness as openvino_likeness

    model = ov.Core().read_model(chain(conv_net, ('openvino', {})).folder / 'model.xml')
    feeds = [{'image': np.random.default_rng(i).standard_normal((1, 3, 16, 16)).astype('float32')} for i in range(3)]
    compiled = ov.Core().compile_model(model, 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})
    mean, each = openvino_likeness.judge(model, feeds)(compiled, feeds[:2])

    assert len(each) == 2 and mean == pytest.approx(1)
    assert openvino_likeness.cosine(np.array([1, 0]), np.array([0, 1])) == 0
    assert openvino_likeness.cosine(np.zeros(2), np.zeros(2)) == 1


@pytest.mark.parametrize(
    ('params', 'smaller', 'most'),
    [
        ({}, 3.5, 0.02),
        ({'mode': 'int8_sym'}, 3.5, 0.02),
        ({'mode': 'int4_sym'}, 5.5, 0.3),
        ({'mode': 'int4_asym', 'group': 32, 'ratio': 0.5}, 3.5, 0.3),
        ({'mode': 'int4_sym', 'group': -1, 'all_layers': True}, 6, 0.4),
    ],
    ids=str,
)
def test_compressed_weights_are_small_and_close(chain, wide_net, tmp_path, error_of, params, smaller, most):
    from tests.kinds.conftest import run_kind

    whole = chain(wide_net, ('openvino', {}))
    made = run_kind('openvino-weights', whole, tmp_path / 'made', **params)

    assert size(whole) / size(made) > smaller
    assert 0 < error_of(wide_net, made, 'openvino', {'batch': 3}) < most


@pytest.mark.parametrize('mode', ['int8_asym', 'int4_sym'])
def test_compressed_weights_give_the_same_bytes_elsewhere(chain, same_twice, wide_net, mode):
    same_twice('openvino-weights', chain(wide_net, ('openvino', {})), mode=mode)


def test_weights_are_compressed_once(chain, wide_net):
    with pytest.raises(UnsupportedError, match='nothing to compress'):
        chain(wide_net, ('openvino', {}), ('openvino-weights', {}), ('openvino-weights', {}))


def test_a_group_that_does_not_fit_is_explained(chain, wide_net):
    with pytest.raises(UnsupportedError, match='another group'):
        chain(wide_net, ('openvino', {}), ('openvino-weights', {'mode': 'int4_sym', 'group': 100, 'all_layers': True}))


@pytest.mark.parametrize(
    ('kind', 'params', 'precision'),
    [
        (openvino_weights, {'mode': 'int4_sym'}, 'int4'),
        (openvino_weights, {}, 'int8'),
        (openvino_quantize, {}, 'int8'),
    ],
    ids=str,
)
def test_a_pruned_model_stays_one(kind, params, precision):
    assert kind.precision(kind.Params(**params), 'f32') == precision
    assert kind.precision(kind.Params(**params), 'pruned') == 'pruned'


def test_operators_that_are_kept_stay_float(chain, conv_net, tmp_path, calibrate):
    import openvino as ov

    from tests.kinds.conftest import run_kind

    float_model = chain(conv_net, ('onnx', {}), ('openvino', {}))
    model = ov.Core().read_model(float_model.folder / 'model.xml')
    name = next(op.get_friendly_name() for op in model.get_ordered_ops() if op.get_type_name() == 'Convolution')
    every = run_kind('openvino-quantize', float_model, tmp_path / 'every', calibrate)
    spared = run_kind('openvino-quantize', float_model, tmp_path / 'spared', calibrate, keep=(name,))

    assert 0 < fake_quantize(spared) < fake_quantize(every)
