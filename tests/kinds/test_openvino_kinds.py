"""OpenVINO: conversion by every way in, int8."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.openvino
for name in ('openvino', 'nncf', 'onnx', 'onnxscript'):
    pytest.importorskip(name, reason='needs modelkiln[openvino]: pip install "modelkiln[openvino]"')

WAYS = {
    'torch': (),
    'torchscript': (('torchscript', {}),),
    'onnx': (('onnx', {}),),
}


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('params', [{}, {'compress': 'f16'}, {'shape': 'static', 'batch': 3}], ids=str)
def test_openvino_keeps_outputs_and_names(chain, conv_net, error_of, way, params):
    import openvino

    made = chain(conv_net, *WAYS[way], ('openvino', params))
    model = openvino.Core().read_model(made.folder / 'model.xml')

    assert ([p.any_name for p in model.inputs], [p.any_name for p in model.outputs]) == (['image'], ['logits'])
    assert model.inputs[0].partial_shape[0].is_static == ('shape' in params)
    assert error_of(conv_net, made, 'openvino', {'batch': 3}) < (2e-3 if 'compress' in params else 1e-5)


@pytest.mark.parametrize('way', ['torch', 'onnx'])
def test_a_recurrent_net_of_any_length_is_converted(chain, lstm_net, error_of, way):
    made = chain(lstm_net, *WAYS[way], ('openvino', {}))

    for time in (5, 50):
        assert error_of(lstm_net, made, 'openvino', {'batch': 3, 'time': time}) < 1e-5


def test_openvino_gives_the_same_bytes_elsewhere(same_twice, conv_net):
    same_twice('openvino', conv_net)


def test_openvino_from_onnx_gives_the_same_bytes_elsewhere(chain, same_twice, conv_net):
    same_twice('openvino', chain(conv_net, ('onnx', {})))


@pytest.mark.parametrize(
    'params',
    [
        {},
        {'preset': 'mixed'},
        {'fast_bias_correction': False},
        {'model_type': 'transformer'},
    ],
    ids=str,
)
def test_openvino_quantize_stays_close(chain, conv_net, error_of, params):
    made = chain(conv_net, ('onnx', {}), ('openvino', {}), ('openvino-quantize', params))

    assert 0 < error_of(conv_net, made, 'openvino', {'batch': 3}) < 0.15


def test_openvino_quantize_gives_the_same_bytes_elsewhere(chain, same_twice, conv_net):
    same_twice('openvino-quantize', chain(conv_net, ('openvino', {})))
