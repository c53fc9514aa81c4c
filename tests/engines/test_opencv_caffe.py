"""Every layer of Caffe that is read computes in ONNX what OpenCV's own importer makes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stages.contract.port import Contract
from stages.engines import opencv as engine
from stages.frameworks.caffe import read
from stages.frameworks.caffe.layers import LAYERS
from tests.sources.legacy_files import caffemodel, seeded

pytestmark = [pytest.mark.onnx, pytest.mark.opencv]

SHAPE = (2, 4, 9, 7)


def layer(kind: str, params: str = '', bottoms: str = 'data', tops: str = 'out', name: str = 'one') -> str:
    wires = ' '.join(f'bottom: "{b}"' for b in bottoms.split()) + ' ' + ' '.join(f'top: "{t}"' for t in tops.split())
    return f'layer {{ name: "{name}" type: "{kind}" {wires} {params} }}\n'


def conv(params: str) -> str:
    return layer('Convolution', f'convolution_param {{ {params} }}')


def pool(params: str) -> str:
    return layer('Pooling', f'pooling_param {{ {params} }}')


DOWN = layer('Pooling', 'pooling_param { kernel_size: 3 stride: 2 }', tops='small', name='down')
GROUPED = 'num_output: 4 kernel_size: 3 stride: 2 group: 4 bias_term: false'

CASES = {
    'Convolution': (conv('num_output: 6 kernel_size: 3 pad: 1 stride: 2'), [(6, 4, 3, 3), (6,)]),
    'Convolution sides': (conv('num_output: 6 kernel_h: 3 kernel_w: 1 pad_h: 1 pad_w: 0 stride_h: 2 stride_w: 1'),
                          [(6, 4, 3, 1), (6,)]),
    'Convolution groups': (conv('num_output: 8 kernel_size: 3 group: 2 dilation: 2 bias_term: false'), [(8, 2, 3, 3)]),
    'DepthwiseConvolution': None,
    'ConvolutionDepthwise': None,  # OpenCV does not know that word for it
    'Deconvolution': (layer('Deconvolution', 'convolution_param { num_output: 6 kernel_size: 4 stride: 2 pad: 1 }'),
                      [(4, 6, 4, 4), (6,)]),
    'Deconvolution groups': (
        layer('Deconvolution', f'convolution_param {{ {GROUPED} }}'), [(4, 1, 3, 3)]),
    'Pooling': (pool('pool: MAX kernel_size: 3 stride: 2'), []),
    'Pooling padded': (pool('pool: 0 kernel_size: 3 stride: 2 pad: 1'), []),
    'Pooling average': (pool('pool: AVE kernel_size: 3 stride: 2 pad: 1'), []),
    'Pooling average ceil': (pool('pool: AVE kernel_size: 2 stride: 2'), []),
    'Pooling average unpadded': (pool('pool: 1 kernel_size: 4 stride: 3'), []),
    'Pooling global': (pool('pool: AVE global_pooling: true'), []),
    'InnerProduct': (layer('InnerProduct', 'inner_product_param { num_output: 5 }'), [(5, 252), (5,)]),
    'InnerProduct last': (layer('InnerProduct', 'inner_product_param { num_output: 5 axis: 3 }'), [(5, 7), (5,)]),
    'Embed': None,
    'Scale': (layer('Scale', 'scale_param { bias_term: true }'), [(4,), (4,)]),
    'Scale by a blob': (
        layer('Pooling', 'pooling_param { pool: AVE global_pooling: true }', tops='mean', name='mean')
        + layer('Flatten', bottoms='mean', tops='flat', name='flat')
        + layer('Scale', 'scale_param { axis: 0 }', bottoms='data flat'), []),
    'Bias': None,
    'Eltwise': (conv('num_output: 4 kernel_size: 1 bias_term: false').replace('"out"', '"b"')
                + layer('Eltwise', 'eltwise_param { coeff: 1 coeff: -0.5 }', bottoms='data b', name='two'),
                [(4, 4, 1, 1)]),
    'Eltwise product': (layer('Eltwise', 'eltwise_param { operation: PROD }', bottoms='data data'), []),
    'Eltwise largest': (layer('TanH', tops='t', name='t')
                        + layer('Eltwise', 'eltwise_param { operation: MAX }', bottoms='data t'), []),
    'ReLU': (layer('ReLU'), []),
    'ReLU leaky': (layer('ReLU', 'relu_param { negative_slope: 0.2 }'), []),
    'ReLU6': (layer('ReLU6'), []),
    'PReLU': (layer('PReLU'), [(4,)]),
    'PReLU shared': (layer('PReLU', 'prelu_param { channel_shared: true }'), [(1,)]),
    'ELU': (layer('ELU'), []),
    'Sigmoid': (layer('Sigmoid'), []),
    'TanH': (layer('TanH'), []),
    'AbsVal': (layer('AbsVal'), []),
    'BNLL': (layer('BNLL'), []),
    'Power': (layer('Power', 'power_param { power: 2 scale: 0.5 shift: 1 }'), []),
    'Power scale': (layer('Power', 'power_param { scale: 0.5 }'), []),
    'Exp': (layer('Exp', 'exp_param { scale: 0.1 shift: 1 }'), []),
    'Log': None,
    'Threshold': None,
    'Clip': None,
    'Swish': None,
    'Axpy': None,
    'BatchNorm': (layer('BatchNorm', 'batch_norm_param { eps: 0.001 }'), [(4,), ('+', 4), ('+', 1)]),
    'LRN': (layer('LRN', 'lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 }'), []),
    'LRN within': (layer('LRN', 'lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 norm_region: WITHIN_CHANNEL }'), []),
    'MVN': (layer('MVN'), []),
    'MVN across': (layer('MVN', 'mvn_param { across_channels: true normalize_variance: false }'), []),
    'Normalize': (layer('Normalize', 'norm_param { across_spatial: false channel_shared: false }'), [(4,)]),
    'Normalize all': (layer('Normalize', 'norm_param { across_spatial: true channel_shared: true }'), [(1,)]),
    'Softmax': (layer('Softmax'), []),
    'Softmax last': (layer('Softmax', 'softmax_param { axis: -1 }'), []),
    'Dropout': (layer('Dropout'), []),
    'Split': (layer('Split', tops='a b') + layer('Eltwise', bottoms='a b', name='two'), []),
    'Silence': None,
    'Flatten': (layer('Flatten', 'flatten_param { axis: 2 }'), []),
    'Reshape': (layer('Reshape', 'reshape_param { shape { dim: 0 dim: 2 dim: -1 dim: 7 } }'), []),
    'Concat': (layer('ReLU', tops='r', name='r') + layer('Concat', bottoms='data r'), []),
    'Slice': (layer('Slice', 'slice_param { slice_point: 1 }', tops='a b'), []),
    'Crop': (DOWN + layer('Crop', 'crop_param { offset: 2 offset: 1 }', bottoms='data small'), []),
    'Permute': (layer('Permute', 'permute_param { order: 0 order: 2 order: 3 order: 1 }'), []),
    'Tile': None,
    'Reduction': None,
    'ArgMax': None,
    'ShuffleChannel': (layer('ShuffleChannel', 'shuffle_channel_param { group: 2 }'), []),
    'Interp': (layer('Interp', 'interp_param { height: 13 width: 20 }'), []),
    'Interp zoom': (layer('Interp', 'interp_param { zoom_factor: 3 }'), []),
    'PriorBox': (
        DOWN + layer('PriorBox', 'prior_box_param { min_size: 3 max_size: 5 aspect_ratio: 2 flip: true clip: false '
                     'variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2 step: 2 }', bottoms='small data'), []),
}  # fmt: skip
"""A net and the shapes of the blobs of its layer ``one``, by the type it shows; None: OpenCV is no judge of it."""


def test_every_layer_of_the_table_is_shown() -> None:
    assert {case.partition(' ')[0] for case in CASES} == set(LAYERS) - {'DetectionOutput'}


@pytest.mark.parametrize('case', [name for name, shown in CASES.items() if shown])
def test_a_layer_in_onnx_gives_what_opencv_gives(case: str, tmp_path: Path) -> None:
    import onnx
    import onnxruntime

    layers, shapes = CASES[case]
    dims = ' '.join(f'dim: {size}' for size in SHAPE)
    text = f'layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ {dims} }} }} }}\n{layers}'
    blobs = [abs(seeded(*s[1:])) + 0.5 if s[0] == '+' else seeded(*s, seed=n) for n, s in enumerate(shapes)]
    (tmp_path / 'model.prototxt').write_text(text)
    (tmp_path / 'model.caffemodel').write_bytes(caffemodel({'one': blobs, 'none': []}))
    found = read.read(tmp_path / 'model.prototxt', tmp_path / 'model.caffemodel')
    contract = found.contract
    model = read.model_of(found, contract)
    onnx.checker.check_model(model, full_check=True)
    feed = {'data': seeded(*SHAPE, seed=9)}

    given = onnxruntime.InferenceSession(model.SerializeToString()).run(None, feed)
    wanted = engine.load(tmp_path, contract, engine.Options(fuse=False), 1).run(feed)

    assert {port.name: given[n].shape for n, port in enumerate(contract.outputs)} == {
        port.name: tuple(SHAPE[0] if d == 'batch' else d for d in port.shape) for port in contract.outputs
    }
    for port, one in zip(contract.outputs, given, strict=True):
        np.testing.assert_allclose(one, wanted[port.name].reshape(one.shape), rtol=1e-4, atol=1e-5)


def _runs(layers: str, weights: list[np.ndarray], tmp_path: Path, data: np.ndarray) -> np.ndarray:
    import onnxruntime

    dims = ' '.join(f'dim: {size}' for size in data.shape)
    (tmp_path / 'n.prototxt').write_text(f'input: "data" input_shape {{ {dims} }}\n{layers}')
    (tmp_path / 'n.caffemodel').write_bytes(caffemodel({'one': weights, 'none': []}))
    found = read.read(tmp_path / 'n.prototxt', tmp_path / 'n.caffemodel')
    session = onnxruntime.InferenceSession(read.model_of(found, found.contract).SerializeToString())
    answer: np.ndarray = session.run(None, {'data': data})[0]
    return answer


def around(data: np.ndarray) -> np.ndarray:
    """Return, for each channel, the sum of the five around it."""
    return np.stack([data[:, max(0, c - 2) : c + 3].sum(1) for c in range(data.shape[1])], 1)


def test_layers_that_opencv_does_not_know_give_what_caffe_says_of_them(tmp_path: Path) -> None:
    data, positive = seeded(*SHAPE), abs(seeded(*SHAPE)) + 0.1
    table, bias = seeded(5, 3), seeded(3, seed=1)
    four, matrix, flat = seeded(4), seeded(252, 5), data.reshape(2, -1)
    words = np.array([[0.0, 4.0], [2.0, 2.0]], np.float32)

    shown = {
        'Log': (layer('Log', 'log_param { base: 2 shift: 1 }'), [], positive, np.log2(1 + positive)),
        'Threshold': (layer('Threshold', 'threshold_param { threshold: 0.5 }'), [], data, data > 0.5),
        'Swish': (layer('Swish', 'swish_param { beta: 2 }'), [], data, data / (1 + np.exp(-2 * data))),
        'Embed': (layer('Embed', 'embed_param { input_dim: 5 num_output: 3 }'), [table, bias], words,
                  table[words.astype(int)] + bias),
        'Axpy': (layer('Pooling', 'pooling_param { pool: AVE global_pooling: true }', tops='m', name='m')
                 + layer('Axpy', bottoms='m data data'), [], data,
                 data.mean((2, 3), keepdims=True) * data + data),
        'Bias': (layer('Bias'), [four], data, data + four[:, None, None]),
        'Clip': (layer('Clip', 'clip_param { min: -0.5 max: 0.7 }'), [], data, data.clip(-0.5, 0.7)),
        'Tile': (layer('Tile', 'tile_param { tiles: 3 }'), [], data, np.tile(data, (1, 3, 1, 1))),
        'Reduction': (layer('Reduction', 'reduction_param { operation: ASUM axis: 1 coeff: 2 }'), [], data,
                      2 * abs(data).sum((1, 2, 3))),
        'ArgMax': (layer('ArgMax', 'argmax_param { axis: 1 }'), [], data, data.argmax(1)[:, None]),
        'ArgMax of all': (layer('ArgMax', 'argmax_param { out_max_val: true }'), [], data,
                          np.stack([flat.argmax(1), flat.max(1)], 1)[:, :, None]),
        'InnerProduct turned': (layer('InnerProduct', 'inner_product_param { num_output: 5 transpose: true '
                                      'bias_term: false }'), [matrix], data, flat @ matrix),
        'LRN': (layer('LRN', 'lrn_param { local_size: 5 alpha: 0.5 beta: 1 k: 2 }'), [], data,
                data / (2 + 0.1 * around(data**2))),
        'Slice evenly': (layer('Slice', tops='out b'), [], data, data[:, :2]),
        'Silence': (layer('Split', tops='a out') + layer('Silence', bottoms='a', tops='', name='q'), [], data, data),
    }  # fmt: skip

    for name, (layers, weights, given, wanted) in shown.items():
        folder = tmp_path / name
        folder.mkdir()
        np.testing.assert_allclose(_runs(layers, weights, folder, given), wanted, rtol=1e-5, atol=1e-6, err_msg=name)
    words_for_convolution = {'ConvolutionDepthwise', 'DepthwiseConvolution'}
    left = {case for case, each in CASES.items() if each is None} - words_for_convolution
    assert left <= {name.partition(' ')[0] for name in shown}


def test_a_layer_that_mixes_samples_keeps_the_batch_of_the_file(tmp_path: Path) -> None:
    text = 'input: "data" input_dim: 2 input_dim: 4 input_dim: 9 input_dim: 7\n'
    text += layer('Reshape', 'reshape_param { shape { dim: 2 dim: -1 } }')
    (tmp_path / 'n.prototxt').write_text(text)
    (tmp_path / 'n.caffemodel').write_bytes(caffemodel({'none': []}))

    contract = read.read(tmp_path / 'n.prototxt', tmp_path / 'n.caffemodel').contract

    assert isinstance(contract, Contract)
    assert contract.inputs[0].shape == SHAPE


DECODE = (
    'detection_output_param { num_classes: 3 share_location: true background_label_id: 0 code_type: CODE '
    'keep_top_k: 20 confidence_threshold: 0.4 nms_param { nms_threshold: 0.45 top_k: 30 } }'
)


@pytest.mark.parametrize('code', ['CENTER_SIZE', 'CORNER'])
def test_the_boxes_of_a_detector_are_those_of_opencv(code: str, tmp_path: Path) -> None:
    import onnxruntime

    head = 'convolution_param { num_output: 8 kernel_size: 1 }'
    prior = 'prior_box_param { min_size: 3 aspect_ratio: 2 flip: false clip: false variance: [0.1, 0.1, 0.2, 0.2] }'
    text = 'input: "data" input_shape { dim: 1 dim: 4 dim: 9 dim: 7 }\n' + ''.join((
        layer('Convolution', head, tops='l', name='loc'),
        layer('Convolution', head.replace('8', '6'), tops='c', name='conf'),
        layer('Permute', 'permute_param { order: [0, 2, 3, 1] }', 'l', 'lp', 'lp'),
        layer('Flatten', '', 'lp', 'lf', 'lf'),
        layer('Permute', 'permute_param { order: [0, 2, 3, 1] }', 'c', 'cp', 'cp'),
        layer('Reshape', 'reshape_param { shape { dim: [0, -1, 3] } }', 'cp', 'cr', 'cr'),
        layer('Softmax', 'softmax_param { axis: 2 }', 'cr', 'cs', 'cs'),
        layer('Flatten', '', 'cs', 'cf', 'cf'),
        layer('PriorBox', prior, 'l data', 'p', 'p'),
        layer('DetectionOutput', DECODE.replace('CODE', code), 'lf cf p', 'boxes', 'boxes'),
    ))  # fmt: skip
    (tmp_path / 'model.prototxt').write_text(text)
    weights = {'loc': [seeded(8, 4, 1, 1), seeded(8, seed=1)], 'conf': [seeded(6, 4, 1, 1, seed=2), seeded(6, seed=3)]}
    (tmp_path / 'model.caffemodel').write_bytes(caffemodel(weights))
    found = read.read(tmp_path / 'model.prototxt', tmp_path / 'model.caffemodel', decode=True)
    contract, feed = found.contract, {'data': seeded(1, 4, 9, 7, seed=9)}

    model = read.model_of(found, contract)
    [given] = onnxruntime.InferenceSession(model.SerializeToString()).run(None, feed)
    wanted = engine.load(tmp_path, contract, engine.Options(fuse=False), 1).run(feed)['boxes']

    assert contract.outputs[0].shape == (1, 1, 'boxes_2', 7)
    assert read.decodes(tmp_path / 'model.prototxt', contract)
    assert given.shape[2] == 20
    np.testing.assert_allclose(given, wanted, rtol=1e-4, atol=1e-5)
