"""Caffe sources: the two files are a whole net of layers that are read, or the message says what is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.contract.port import Port
from stages.errors import IntegrityError, ModelkilnError, StepError, UnsupportedError
from stages.frameworks.caffe import blobs, net, read
from stages.sources import caffe as source
from tests.sources.legacy_files import caffemodel, message, old_caffemodel, pair, seeded
from tests.sources.sources_helpers import job

pytestmark = pytest.mark.onnx

NET = """name: "tiny"  # a comment
layer { name: "data" type: "Input" top: "data" input_param: { shape: { dim: [1, 3, 8, 8] } } }
layer {
  name: "conv" type: 'Convolution' bottom: "data" top: "conv"
  convolution_param { num_output: 2 kernel_size: 3 weight_filler { type: "xavier" } }
}
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "conv" bottom: "conv" top: "loss" include { phase: TRAIN } }
layer { name: "prob" type: "Softmax" bottom: "conv" top: "prob" }
"""
KERNELS, BIAS = seeded(2, 3, 3, 3), seeded(2)
WEIGHTS = caffemodel({'conv': [KERNELS, BIAS], 'relu': []})
OLD = 'input: "data" input_dim: 1 input_dim: 1 input_dim: 1 input_dim: 4\nlayers { name: "ip" type: INNER_PRODUCT bottom: "data" top: "ip" inner_product_param { num_output: 2 bias_term: false } }'  # noqa: E501


def test_the_two_files_say_what_goes_in_and_what_comes_out(tmp_path: Path) -> None:
    done = job(tmp_path / 'out', **pair(tmp_path, net_prototxt=NET, net_caffemodel=WEIGHTS))

    contract = source.run(source.Params(), done)

    assert [(p.name, p.shape, p.dtype) for p in contract.inputs] == [('data', ('batch', 3, 8, 8), 'float32')]
    assert [(p.name, p.shape) for p in contract.outputs] == [('prob', ('batch', 2, 6, 6))]
    assert sorted(p.name for p in done.output.iterdir()) == sorted(source.outputs(source.Params()))
    assert source.operators(done.output) == {'Convolution': 1, 'ReLU': 1, 'Softmax': 1}


def test_the_form_before_2014_is_read_too(tmp_path: Path) -> None:
    matrix = seeded(2, 4)
    files = pair(tmp_path, net_prototxt=OLD, net_caffemodel=old_caffemodel('ip', matrix))
    contract = source.run(source.Params(), job(tmp_path / 'out', **files))

    assert contract.outputs[0].shape == ('batch', 2)
    [[read_back]] = blobs.read(tmp_path / 'out/model.caffemodel').values()
    np.testing.assert_array_equal(read_back.reshape(2, 4), matrix)


def test_the_heads_of_a_detector_are_its_outputs(tmp_path: Path) -> None:
    text = NET + 'layer { name: "d" type: "DetectionOutput" bottom: "prob" bottom: "conv" bottom: "conv" top: "d" }'
    files = pair(tmp_path, net_prototxt=text, net_caffemodel=WEIGHTS)

    contract = source.run(source.Params(), job(tmp_path / 'out', **files))

    assert [port.name for port in contract.outputs] == ['prob', 'conv']


def test_a_recipe_for_another_model_is_refused(tmp_path: Path) -> None:
    declared = (Port('data', ('batch', 3, 9, 9), 'float32'),)
    done = job(tmp_path / 'out', declared, **pair(tmp_path, net_prototxt=NET, net_caffemodel=WEIGHTS))

    with pytest.raises(StepError, match='the model takes'):
        source.run(source.Params(), done)


def test_every_layer_that_is_lacking_is_named_at_once(tmp_path: Path) -> None:
    text = NET + ''.join(
        f'layer {{ name: "{kind}" type: "{kind}" bottom: "prob" top: "{kind}" }}\n'
        for kind in ('LSTM', 'Python', 'Made')
    )
    text = text.replace('num_output: 2', 'num_output: 2 deform: true')
    files = pair(tmp_path, net_prototxt=text, net_caffemodel=WEIGHTS)

    with pytest.raises(UnsupportedError) as refused:
        source.run(source.Params(), job(tmp_path / 'out', **files))

    assert all(word in str(refused.value) for word in ('LSTM (line 10)', 'Python', 'is code', 'Made', '.deform'))


def one_number(dims: bytes) -> bytes:
    """Return a .caffemodel with one number in a blob of the shape ``dims``."""
    return message((100, message((1, 'conv'), (7, message((7, message((1, dims))), (5, b'\0\0\0\0'))))))


HOSTILE = {
    'nothing': ('', WEIGHTS, 'has no layers'),
    'a page': ('<html>not here</html>', WEIGHTS, r'net.prototxt:1: '),
    'bytes': (b'\xff\xfe\x00layer', WEIGHTS, 'not a .prototxt'),
    'an open bracket': (NET + 'layer {', WEIGHTS, r'net.prototxt:10: { is never closed'),
    'a value cut off': (NET + 'name:', WEIGHTS, "nothing stands behind 'name'"),
    'brackets in brackets': ('layer ' + '{ a ' * 100_000, WEIGHTS, 'inside each other'),
    'a number that is none': (NET.replace('kernel_size: 3', 'kernel_size: three'), WEIGHTS, r'net.prototxt:5: .*three'),
    'a picture too large': (NET.replace('8, 8', '99999, 99999'), WEIGHTS, 'has the shape'),
    'a picture of nothing': (NET.replace('8, 8', '0, 8'), WEIGHTS, 'has the shape'),
    'a window of nothing': (NET.replace('kernel_size: 3', 'kernel_size: 0'), WEIGHTS, 'has kernel_size'),
    'a window too large': (NET.replace('kernel_size: 3', 'kernel_size: 30'), WEIGHTS, 'needs 5400 numbers'),
    'two meanings': (NET.replace('kernel_size: 3', 'kernel_size: 3 kernel_h: 3 kernel_w: 1'), WEIGHTS, 'two meanings'),
    'a blob from nowhere': (NET.replace('bottom: "data"', 'bottom: "date"'), WEIGHTS, "takes 'date'"),
    'two of a name': (NET.replace('"relu"', '"conv"'), WEIGHTS, 'bears the name'),
    'weights of another net': (NET, caffemodel({'conv': [seeded(2, 3, 5, 5), BIAS]}), 'needs 54 numbers as weights'),
    'no weights': (NET, caffemodel({'other': [BIAS]}), 'has no weights for it'),
    'weights cut short': (NET, WEIGHTS[:-7], 'net.caffemodel: not a .caffemodel, or a damaged one'),
    'weights that are none': (NET, b'\x80' * 1000, 'net.caffemodel: not a .caffemodel'),
    'weights empty': (NET, b'', 'it has no layers'),
    'a shape that does not fit': (NET, one_number(b'\xff\xff\x7f'), 'and the shape'),
    'a shape of a million axes': (NET, one_number(b'\x01' * 1_000_000), 'and the shape'),
}  # fmt: skip


@pytest.mark.parametrize('case', HOSTILE)
def test_a_damaged_or_hostile_file_gets_one_message_and_leaves_nothing(case: str, tmp_path: Path) -> None:
    text, weights, words = HOSTILE[case]
    done = job(tmp_path / 'out', **pair(tmp_path, net_prototxt=text, net_caffemodel=weights))

    with pytest.raises((IntegrityError, StepError), match=words) as refused:
        source.run(source.Params(), done)

    assert len(str(refused.value)) < 600
    assert [*done.output.iterdir()] == []


@settings(max_examples=60, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_the_bytes_are_the_reader_ends_with_a_message_of_ours(tmp_path: Path, data: st.DataObject) -> None:
    texts, weights = NET.encode(), bytearray(WEIGHTS)
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(texts))] * 2)))
    cut = texts[:start] + data.draw(st.binary(max_size=8)) + texts[end:]
    for place in data.draw(st.lists(st.integers(0, len(weights) - 1), max_size=4)):
        weights[place] = data.draw(st.integers(0, 255))
    folder = tmp_path / 'drawn'
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / 'a.prototxt').write_bytes(data.draw(st.sampled_from([texts, cut])))
    (folder / 'a.caffemodel').write_bytes(weights)

    try:
        read.read(folder / 'a.prototxt', folder / 'a.caffemodel')
    except ModelkilnError as error:
        assert error.exit_code in (4, 6)


def test_a_file_of_many_layers_is_read_in_a_moment(tmp_path: Path) -> None:
    path = tmp_path / 'deep.prototxt'
    rows = (f'layer {{ name: "{n}" type: "ReLU" bottom: "b{n}" top: "b{n + 1}" }}\n' for n in range(3000))
    path.write_text('input: "b0" input_shape { dim: 1 dim: 3 }\n' + ''.join(rows))

    assert net.read(path).outputs == ('b3000',)


@pytest.mark.parametrize('there', ['deploy.caffemodel', 'other.caffemodel'])
def test_a_net_is_recognised_with_the_weights_beside_it(there: str, tmp_path: Path) -> None:
    (tmp_path / 'deploy.prototxt').write_text(NET)
    (tmp_path / there).write_bytes(WEIGHTS)
    (tmp_path / 'readme.txt').write_text('none')

    assert source.recognise(tmp_path / 'deploy.prototxt') == {'deploy.prototxt': 'deploy.prototxt', there: there}
    assert source.recognise(tmp_path / 'readme.txt') == {}
