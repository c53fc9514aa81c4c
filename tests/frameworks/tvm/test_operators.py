"""ONNX operators that TVM, our schedules or our linking once stumbled over, through the whole kind."""

from __future__ import annotations

import pytest

for name in ('tvm', 'ziglang', 'onnx', 'onnxruntime'):
    pytest.importorskip(name, reason='needs modelkiln[tvm]: pip install "modelkiln[tvm]"')

import numpy as np  # noqa: E402
from onnx import TensorProto, numpy_helper  # noqa: E402

from stages.errors import UnsupportedError  # noqa: E402
from tests.frameworks.tvm.onnx_nets import assert_same, built, model, node, numbers, ran  # noqa: E402

pytestmark = pytest.mark.tvm
BOOL, FLOAT, HALF, INT = TensorProto.BOOL, TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT64

IMAGE = {'image': numbers(1, 8, 9, 9)}
ROWS = {'rows': numbers(3, 50)}
WORDS = {'words': np.array([[1, -2, 3]])}
KERNEL = {'w': numbers(8, 8, 3, 3) / 5}
CONV = node('Conv', ['image', 'w'], ['c'], pads=[1] * 4)


@pytest.mark.parametrize('width', [34, 50, 129, 300])
def test_a_look_up_of_any_width_is_scheduled(width, tmp_path):
    made = model([node('Gather', ['table', 'words'], ['out'])], WORDS, ['out'], {'table': numbers(40, width)})

    assert not assert_same(made, WORDS, tmp_path).unscheduled


@pytest.mark.parametrize('mode', ['nearest', 'linear', 'cubic'])
def test_an_image_becomes_wider_by_any_number(mode, tmp_path):
    feed = {'image': numbers(1, 2, 6, 19)}
    resize = node('Resize', ['image', '', '', 'sizes'], ['out'], mode=mode)

    assert not assert_same(
        model([resize], feed, ['out'], {'sizes': np.array([1, 2, 6, 38])}), feed, tmp_path
    ).unscheduled


@pytest.mark.parametrize('operator', ['Sum', 'Mean', 'Max'])
@pytest.mark.parametrize('count', [1, 2, 4])
def test_any_number_of_tensors_are_added_between_convolutions(operator, count, tmp_path):
    nodes = [CONV, node(operator, ['c', 'image', 'b', 'c'][:count], ['s'])]
    nodes += [node('Conv', ['s', 'w'], ['out'])]

    found = assert_same(model(nodes, IMAGE, ['out'], KERNEL | {'b': numbers(8, 1, 1)}), IMAGE, tmp_path)

    assert not found.fell_back


@pytest.mark.parametrize(('groups', 'filters'), [(2, 10), (4, 12), (8, 40), (2, 42)])
def test_groups_of_an_odd_number_of_filters_are_right(groups, filters, tmp_path):
    conv = node('Conv', ['image', 'w'], ['out'], group=groups, pads=[1] * 4)

    assert_same(model([conv], IMAGE, ['out'], {'w': numbers(filters, 8 // groups, 3, 3)}), IMAGE, tmp_path)


@pytest.mark.parametrize('operator', ['Cosh', 'Sinh'])
def test_what_has_no_form_for_vectors_is_scheduled_without(operator, tmp_path):
    assert not assert_same(model([node(operator, ['rows'], ['out'])], ROWS, ['out']), ROWS, tmp_path).unscheduled


def test_an_angle_of_sixteen_bits_is_computed(tmp_path):
    feed = {'rows': (numbers(3, 4) / 9).astype('float16')}
    built(model([node('Asin', ['rows'], ['out'])], feed, {'out': HALF}, opset=22, ir=10), feed, tmp_path)

    assert np.allclose(ran(tmp_path, feed)[0], np.arcsin(feed['rows']), atol=1e-3)


@pytest.mark.parametrize(('operator', 'kind'), [('Identity', FLOAT), ('Shape', INT), ('Size', INT), ('Clip', FLOAT)])
def test_a_model_that_computes_nothing_is_a_library_all_the_same(operator, kind, tmp_path):
    found = assert_same(model([node(operator, ['rows'], ['out'])], ROWS, {'out': kind}), ROWS, tmp_path)

    assert found.kernels['all'] == 0


def test_a_constant_is_a_library_for_another_system_too(tmp_path):
    made = model([node('Constant', [], ['out'], value=numpy_helper.from_array(numbers(3)))], ROWS, ['out'])

    assert built(made, ROWS, tmp_path, target='x86-64-v3', system='windows').kernels['all'] == 0


def test_dropout_may_end_a_model_and_give_its_mask(tmp_path):
    nodes = [CONV, node('Dropout', ['c'], ['out', 'mask'])]

    found = assert_same(model(nodes, IMAGE, {'out': FLOAT, 'mask': BOOL}, KERNEL), IMAGE, tmp_path)

    assert not found.fell_back


def test_a_file_of_the_third_version_without_weights_is_read(tmp_path):
    nodes = [node('Unsqueeze', ['rows'], ['wide'], axes=[1]), node('Relu', ['wide'], ['out'])]

    assert_same(model(nodes, ROWS, ['out'], opset=9, ir=3), ROWS, tmp_path)


@pytest.mark.parametrize('level', [1, 3])
def test_a_scatter_stays_unscheduled_and_the_weights_beside_it_are_packed(level, tmp_path):
    feed = ROWS | {'new': numbers(3, 2)}
    nodes = [
        node('ScatterElements', ['rows', 'at', 'new'], ['changed'], axis=1),
        node('MatMul', ['changed', 'w'], ['out']),
    ]
    weights = {'at': np.array([[1, 40]] * 3), 'w': numbers(50, 64)}

    found = assert_same(model(nodes, feed, ['out'], weights, opset=18), feed, tmp_path, level=level)

    assert [(each.operator, each.why) for each in found.unscheduled] == [
        ('scatter_elements', 'it is not made of blocks with fixed sizes')
    ]
    assert found.kernels['unscheduled'] == 1


@pytest.mark.parametrize(
    ('operator', 'attributes', 'opset'),
    [
        ('Celu', {'alpha': 2.0}, 17),
        ('GroupNormalization', {'num_groups': 4}, 21),
        ('Attention', {}, 23),
        ('Swish', {}, 24),
        ('MeanVarianceNormalization', {'axes': [0, 2]}, 13),
    ],
)
def test_a_function_of_onnx_is_written_out_where_tvm_lacks_it(operator, attributes, opset, tmp_path):
    feed = {'x': numbers(2, 8, 5, 6)}
    inputs = {'GroupNormalization': ['x', 'scale', 'bias'], 'Attention': ['x', 'x', 'x']}.get(operator, ['x'])
    weights = {'scale': numbers(8), 'bias': numbers(8)} if len(inputs) == 3 and operator[0] == 'G' else {}

    assert_same(
        model([node(operator, inputs, ['out'], **attributes)], feed, ['out'], weights, opset, ir=10), feed, tmp_path
    )


def test_an_output_of_brain_floats_is_returned(tmp_path):
    made = model([node('Cast', ['rows'], ['out'], to=TensorProto.BFLOAT16)], ROWS, {'out': TensorProto.BFLOAT16})
    built(made, ROWS, tmp_path)

    (found,) = ran(tmp_path, ROWS)

    assert found.shape == (3, 50)
    assert np.allclose(found.astype('float32'), ROWS['rows'], rtol=2**-8)


def test_an_input_of_no_rows_is_an_input(tmp_path):
    feed = {'rows': numbers(0, 4), 'more': numbers(2, 4)}

    assert_same(model([node('Concat', ['rows', 'more'], ['out'], axis=0)], feed, ['out']), feed, tmp_path)


def test_numbers_of_four_bits_are_refused_by_name(tmp_path):
    nodes = [node('Cast', ['rows'], ['narrow'], to=TensorProto.INT4), node('Cast', ['narrow'], ['out'], to=FLOAT)]

    with pytest.raises(UnsupportedError, match='narrow is of INT4'):
        built(model(nodes, ROWS, ['out'], opset=21, ir=10), ROWS, tmp_path)


@pytest.mark.parametrize(('batch', 'time'), [(0, 1), (1, 0)])
def test_sequences_are_reversed_to_lengths_that_show_in_a_run(batch, time, tmp_path):
    feed = {'x': numbers(4, 5, 3), 'lengths': np.array([1, 2, 4, 3, 1][: (4, 5)[batch]])}
    reverse = node('ReverseSequence', ['x', 'lengths'], ['out'], batch_axis=batch, time_axis=time)

    assert_same(model([reverse], feed, ['out']), feed, tmp_path)


@pytest.mark.parametrize('power', [1, 2])
def test_rows_are_divided_by_their_norm_and_nothing_by_nothing(power, tmp_path):
    feed = {'x': numbers(3, 4) * np.float32([[1], [0], [2]])}

    assert_same(model([node('LpNormalization', ['x'], ['out'], p=power)], feed, ['out']), feed, tmp_path)


def test_what_a_known_condition_keeps_is_of_a_known_size(tmp_path):
    keep = node('Compress', ['rows', 'which'], ['out'], axis=0)

    assert_same(model([keep], ROWS, ['out'], {'which': np.array([True, False, True])}), ROWS, tmp_path)


def test_a_function_is_written_out_with_the_attributes_that_are_left_to_their_defaults(tmp_path):
    feed = {'rows': numbers(1, 16)}
    nodes = [node('BlackmanWindow', ['size'], ['window']), node('Mul', ['rows', 'window'], ['out'])]

    assert_same(model(nodes, feed, ['out'], {'size': np.array(16)}), feed, tmp_path)


def test_a_shape_that_is_fed_is_as_large_as_that_says(tmp_path):
    feed = {'shape': np.array([2, 3])}
    fill = node('ConstantOfShape', ['shape'], ['out'])

    assert_same(model([fill], feed, ['out']), feed, tmp_path)
