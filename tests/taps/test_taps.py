"""A loss that was planted in one layer is found at that node, in every format that can be looked into."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stages.contract.port import Contract, Port, write_contract
from stages.contract.tap import Tapped
from stages.errors import StepError
from stages.measure.blame import blamed
from stages.measure.costs import costs

RNG = np.random.default_rng(11)
WEIGHTS = [RNG.standard_normal(shape).astype('f4') * 0.3 for shape in ((6, 2, 3, 3), (6, 6, 3, 3), (4, 6, 1, 1))]
FEED = {'photo': RNG.standard_normal((1, 2, 9, 7)).astype('f4')}
CONTRACT = Contract((Port('photo', (1, 2, 9, 7), 'float32'),), (Port('map', (1, 4, 5, 3), 'float32'),))


def onnx_model(folder: Path, planted: int | None = None) -> Path:
    """Write three convolutions with an activation between; the weights of one are 1.5 times too large."""
    pytest.importorskip('onnxruntime', reason='needs modelkiln[onnx]: pip install "modelkiln[onnx]"')
    from onnx import TensorProto, helper, numpy_helper, save

    folder.mkdir()
    weights = [w * (1.5 if n == planted else 1) for n, w in enumerate(WEIGHTS)]
    held = [numpy_helper.from_array(w.astype('f4'), f'w{n}') for n, w in enumerate(weights)]
    nodes = [
        helper.make_node('Conv', ['photo', 'w0'], ['c0'], 'early'), helper.make_node('Elu', ['c0'], ['e0'], 'bend'),
        helper.make_node('Conv', ['e0', 'w1'], ['c1'], 'middle'), helper.make_node('Relu', ['c1'], ['e1'], 'cut'),
        helper.make_node('Conv', ['e1', 'w2'], ['map'], 'late'),
    ]  # fmt: skip
    ports = [
        helper.make_tensor_value_info(p.name, TensorProto.FLOAT, p.shape) for p in (*CONTRACT.inputs, *CONTRACT.outputs)
    ]
    graph = helper.make_graph(nodes, 'net', ports[:1], ports[1:], held)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8), folder / 'model.onnx')
    write_contract(CONTRACT, folder)
    return folder


def looked(format: str, folder: Path) -> Tapped:
    from stages.taps import tap_for

    return tap_for(format).tapped(folder, CONTRACT, FEED)


def made(kind: str, model: Path, out: Path, **params) -> Path:
    from stages.contract.job import Job
    from stages.kinds import kind_for

    out.mkdir()
    module = kind_for(kind, 'onnx')
    job = Job({'model': model}, out, CONTRACT, lambda fraction, words: None)
    write_contract(module.run(module.Params(**params), job), out)
    return out


@pytest.mark.onnx
@pytest.mark.parametrize(('planted', 'name'), [*enumerate(['early', 'middle', 'late'])])
def test_a_loss_in_an_onnx_layer_is_found_there(planted, name, tmp_path):
    right, wrong = onnx_model(tmp_path / 'right'), onnx_model(tmp_path / 'wrong', planted)

    assert blamed(looked('onnx', wrong), looked('onnx', right), 'f32').name == name
    assert blamed(looked('onnx', right), looked('onnx', right), 'f32') is None


@pytest.mark.onnx
@pytest.mark.openvino
@pytest.mark.parametrize(('planted', 'name'), [*enumerate(['early', 'middle', 'late'])])
def test_a_loss_in_a_layer_of_openvino_is_found_there(planted, name, tmp_path):
    pytest.importorskip('openvino', reason='needs modelkiln[openvino]: pip install "modelkiln[openvino]"')
    right, wrong = onnx_model(tmp_path / 'right'), onnx_model(tmp_path / 'wrong', planted)

    blame = blamed(looked('openvino', made('openvino', wrong, tmp_path / 'ir')), looked('onnx', right), 'f32')
    same = blamed(looked('openvino', made('openvino', right, tmp_path / 'good')), looked('onnx', right), 'f32')

    assert blame.operator == 'Convolution' and blame.name in (name, 'map')  # it calls the last after what it gives
    assert same is None


@pytest.mark.onnx
@pytest.mark.tvm
@pytest.mark.parametrize('planted', range(3))
def test_a_loss_in_a_kernel_of_tvm_is_found_there(planted, tmp_path):
    pytest.importorskip('tvm', reason='needs modelkiln[tvm]: pip install "modelkiln[tvm]"')
    right, wrong = onnx_model(tmp_path / 'right'), onnx_model(tmp_path / 'wrong', planted)

    model = looked('tvm', made('tvm', wrong, tmp_path / 'library'))
    blame = blamed(model, looked('onnx', right), 'f32')

    assert 'conv2d' in blame.name
    assert blame.name == [node.name for node in model.nodes if 'conv2d' in node.name][planted]
    assert blamed(looked('tvm', made('tvm', right, tmp_path / 'good')), looked('onnx', right), 'f32') is None


@pytest.mark.onnx
def test_the_layer_that_int8_costs_most_is_first(tmp_path):
    right = onnx_model(tmp_path / 'right')
    np.savez(tmp_path / 'data.npz', **FEED)
    from stages.contract.job import Job
    from stages.kinds import onnx_quantize

    (tmp_path / 'int8').mkdir()
    inputs = {'model': right, 'calibrate': tmp_path / 'data.npz'}
    onnx_quantize.run(onnx_quantize.Params(mode='static'), Job(inputs, tmp_path / 'int8', CONTRACT, lambda f, w: None))
    found = costs(looked('onnx', tmp_path / 'int8'), looked('onnx', right))

    assert {cost.name for cost in found} <= {'early', 'bend', 'middle', 'cut', 'late'}
    assert [cost.added for cost in found] == sorted((cost.added for cost in found), reverse=True)
    assert 1e-7 < found[0].added < 0.1


@pytest.mark.tensorflow
@pytest.mark.litert
@pytest.mark.parametrize('planted', range(2))
def test_a_loss_in_a_layer_of_tflite_is_found_there(planted, tmp_path):
    pytest.importorskip('tensorflow', reason='needs modelkiln[tensorflow]: pip install "modelkiln[tensorflow]"')
    right, wrong = (saved_model(tmp_path / name, scale) for name, scale in (('right', None), ('wrong', planted)))

    before = looked('savedmodel', right)
    model = looked('tflite', tflite(wrong, tmp_path / 'lite'))
    blame = blamed(model, before, 'f32')

    assert blame.operator in ('CONV_2D', 'FULLY_CONNECTED')
    assert blame.name == [node.name for node in model.nodes if node.operator in ('CONV_2D', 'FULLY_CONNECTED')][planted]
    assert blamed(looked('tflite', tflite(right, tmp_path / 'good')), before, 'f32') is None


def saved_model(folder: Path, planted: int | None) -> Path:
    """Write a convolution and a dense layer, with activations; the weights of one are 1.5 times too large."""
    import tensorflow as tf

    kernels = [RNG_KERNELS[n] * (1.5 if n == planted else 1) for n in range(2)]

    class Net(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([1, 2, 9, 7], tf.float32, 'photo')])
        def call(self, photo):
            seen = tf.nn.elu(tf.nn.conv2d(tf.transpose(photo, [0, 2, 3, 1]), kernels[0], 1, 'VALID'))
            return {'map': tf.nn.tanh(tf.matmul(tf.reshape(seen, [1, -1]), kernels[1]))}

    net = Net()
    tf.saved_model.save(net, str(folder), signatures=net.call)
    write_contract(LITE, folder)
    return folder


def tflite(model: Path, out: Path, **params) -> Path:
    from stages.contract.job import Job
    from stages.kinds import tflite as kind

    out.mkdir()
    np.savez(out.parent / 'data.npz', **FEED)
    job = Job({'model': model, 'calibrate': out.parent / 'data.npz'}, out, LITE, lambda fraction, words: None)
    write_contract(kind.run(kind.Params(**params), job), out)
    return out


RNG_KERNELS = [RNG.standard_normal(shape).astype('f4') * 0.3 for shape in ((3, 3, 2, 5), (175, 4))]
LITE = Contract(CONTRACT.inputs, (Port('map', (1, 4), 'float32'),))


@pytest.mark.tensorflow
@pytest.mark.litert
def test_the_layer_of_tflite_that_int8_costs_most_is_kept_by_its_name(tmp_path):
    pytest.importorskip('tensorflow', reason='needs modelkiln[tensorflow]: pip install "modelkiln[tensorflow]"')
    model = saved_model(tmp_path / 'model', None)
    before = looked('savedmodel', model)
    whole = looked('tflite', tflite(model, tmp_path / 'int8', quantize='int8'))
    layers = [cost for cost in costs(whole, before, own_names=True) if cost.operator in ('CONV_2D', 'FULLY_CONNECTED')]

    kept = looked('tflite', tflite(model, tmp_path / 'kept', quantize='int8', keep=(layers[0].name,)))

    after = {cost.name: cost.added for cost in costs(kept, before, own_names=True)}
    assert after.get(layers[0].name, 0) < layers[0].added / 2
    with pytest.raises(StepError, match=r'no operator gives .nowhere.; there are'):
        tflite(model, tmp_path / 'wrong', quantize='int8', keep=('nowhere',))
    with pytest.raises(StepError, match='`quantize` is none'):
        tflite(model, tmp_path / 'float', keep=('nowhere',))
