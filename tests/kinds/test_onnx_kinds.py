"""ONNX: export, optimization, int8."""

from __future__ import annotations

import pytest

from stages.errors import UnsupportedError

pytestmark = pytest.mark.onnx
for name in ('onnx', 'onnxruntime', 'onnxscript'):
    pytest.importorskip(name, reason='needs modelkiln[onnx]: pip install "modelkiln[onnx]"')


@pytest.mark.parametrize('exporter', ['dynamo', 'legacy'])
def test_onnx_keeps_the_outputs_and_the_names(chain, conv_net, error_of, exporter):
    import onnx

    made = chain(conv_net, ('onnx', {'exporter': exporter}))
    graph = onnx.load(made.folder / 'model.onnx').graph

    assert [v.name for v in (*graph.input, *graph.output)] == ['image', 'logits']
    assert graph.input[0].type.tensor_type.shape.dim[0].dim_param == 'batch'
    assert graph.output[0].type.tensor_type.shape.dim[0].dim_param == 'batch'
    for batch in (1, 2, 7):
        assert error_of(conv_net, made, 'onnxruntime', {'batch': batch}) < 1e-5


def test_a_static_export_takes_one_sample(chain, conv_net):
    import onnxruntime

    made = chain(conv_net, ('onnx', {'shape': 'static'}))

    assert onnxruntime.InferenceSession(made.folder / 'model.onnx').get_inputs()[0].shape == [1, 3, 16, 16]


def test_a_recurrent_net_of_any_length_is_exported(chain, lstm_net, error_of):
    made = chain(lstm_net, ('onnx', {}))

    for time in (5, 50):
        assert error_of(lstm_net, made, 'onnxruntime', {'batch': 3, 'time': time}) < 1e-5


@pytest.mark.parametrize('exporter', ['dynamo', 'legacy'])
def test_onnx_gives_the_same_bytes_elsewhere(same_twice, conv_net, exporter):
    same_twice('onnx', conv_net, exporter=exporter)


def test_nothing_of_this_machine_is_in_the_file(chain, conv_net):
    path = chain(conv_net, ('onnx', {})).folder / 'model.onnx'

    assert b'site-packages' not in path.read_bytes()
    assert str(conv_net.folder.parent).encode() not in path.read_bytes()


def test_an_output_may_be_called_as_the_exporter_calls_an_inner_value(chain, word_net, error_of):
    import onnx

    made = chain(word_net, ('onnx', {}))

    assert [v.name for v in onnx.load(made.folder / 'model.onnx').graph.output] == ['embedding']
    assert error_of(word_net, made, 'onnxruntime', {'batch': 3}) < 1e-6


def test_a_module_that_torch_quantized_is_not_exported(chain, conv_net):
    with pytest.raises(UnsupportedError, match='onnx, onnx-quantize'):
        chain(conv_net, ('torch-quantize', {}), ('onnx', {}))


@pytest.mark.parametrize('level', ['basic', 'extended', 'all'])
def test_onnx_optimize_keeps_the_outputs(chain, conv_net, error_of, level):
    made = chain(conv_net, ('onnx', {}), ('onnx-optimize', {'level': level}))

    assert error_of(conv_net, made, 'onnxruntime', {'batch': 4}) < 1e-5


def test_onnx_optimize_gives_the_same_bytes_elsewhere(chain, same_twice, conv_net):
    same_twice('onnx-optimize', chain(conv_net, ('onnx', {})))


@pytest.mark.parametrize(
    'params',
    [
        {},
        {'conv': True},
        {'mode': 'static'},
        {'mode': 'static', 'method': 'entropy'},
        {'mode': 'static', 'method': 'percentile'},
    ],
    ids=str,
)
def test_onnx_quantize_stays_close(chain, conv_net, error_of, params):
    made = chain(conv_net, ('onnx', {}), ('onnx-quantize', params))

    assert 0 < error_of(conv_net, made, 'onnxruntime', {'batch': 3}) < 0.15


def test_static_quantization_takes_a_fixed_batch(chain, conv_net, error_of):
    made = chain(conv_net, ('onnx', {'shape': 'static'}), ('onnx-quantize', {'mode': 'static'}))

    assert 0 < error_of(conv_net, made, 'onnxruntime', {}) < 0.15


def test_cells_of_an_lstm_are_quantized(chain, lstm_net, error_of):
    import onnx

    made = chain(lstm_net, ('onnx', {}), ('onnx-quantize', {}))

    assert 'DynamicQuantizeLSTM' in {n.op_type for n in onnx.load(made.folder / 'model.onnx').graph.node}
    assert error_of(lstm_net, made, 'onnxruntime', {'batch': 2, 'time': 9}) < 0.1


@pytest.mark.parametrize('mode', ['dynamic', 'static'])
def test_onnx_quantize_gives_the_same_bytes_elsewhere(chain, same_twice, conv_net, mode):
    same_twice('onnx-quantize', chain(conv_net, ('onnx', {})), mode=mode)


def test_dynamic_mode_says_what_to_try_for_a_net_of_convolutions(chain, bare_conv_net):
    with pytest.raises(UnsupportedError, match=r'nothing to quantize(.|\n)*mode: static'):
        chain(bare_conv_net, ('onnx', {}), ('onnx-quantize', {}))
