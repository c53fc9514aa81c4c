"""What TVM gets wrong without a word is written otherwise, or refused: never delivered."""

from __future__ import annotations

import pytest

for name in ('tvm', 'ziglang', 'onnx', 'onnxruntime'):
    pytest.importorskip(name, reason='needs modelkiln[tvm]: pip install "modelkiln[tvm]"')

import numpy as np  # noqa: E402
from onnx import TensorProto  # noqa: E402

from stages.errors import UnsupportedError  # noqa: E402
from tests.frameworks.tvm.onnx_nets import assert_same, built, model, node, numbers, ran  # noqa: E402

pytestmark = pytest.mark.tvm
IMAGE = {'image': numbers(1, 4, 10, 12)}
ROWS = {'rows': numbers(3, 6)}


@pytest.mark.parametrize(
    ('scales', 'attributes'),
    [
        ([1, 1, 0.63, 0.63], {'mode': 'linear'}),
        ([1, 1, 0.63, 1.7], {'mode': 'nearest'}),
        ([1, 1, 0.5, 0.5], {'mode': 'linear', 'antialias': 1}),
        ([1, 1, 2, 2], {'mode': 'cubic', 'exclude_outside': 1}),
        ([2, 1.5], {'mode': 'linear', 'axes': [3, 2]}),
        ([1, 2, 1, 1], {'mode': 'nearest'}),
    ],
    ids=str,
)
def test_an_image_is_resized_as_its_scales_say(scales, attributes, tmp_path):
    resize = node('Resize', ['image', '', 'scales'], ['out'], **attributes)

    assert_same(model([resize], IMAGE, ['out'], {'scales': np.float32(scales)}, opset=19, ir=9), IMAGE, tmp_path)


@pytest.mark.parametrize(('sizes', 'policy'), [([6, 6], 'not_larger'), ([21, 21], 'not_smaller'), ([7, 5], 'stretch')])
def test_an_image_is_resized_as_its_sizes_say(sizes, policy, tmp_path):
    resize = node(
        'Resize', ['image', '', '', 'sizes'], ['out'], mode='linear', axes=[2, 3], keep_aspect_ratio_policy=policy
    )

    assert_same(model([resize], IMAGE, ['out'], {'sizes': np.array(sizes)}, opset=19, ir=9), IMAGE, tmp_path)


@pytest.mark.parametrize(
    'attributes',
    [
        {'output_shape': [19, 24], 'strides': [2, 2]},
        {'output_shape': [20, 24], 'strides': [2, 2], 'auto_pad': 'SAME_UPPER'},
        {'output_shape': [22, 26], 'strides': [2, 2]},
    ],
    ids=str,
)
def test_a_transposed_convolution_has_the_shape_that_it_is_told(attributes, tmp_path):
    conv = node('ConvTranspose', ['image', 'w'], ['out'], **attributes)

    assert_same(model([conv], IMAGE, ['out'], {'w': numbers(4, 3, 3, 3)}), IMAGE, tmp_path)


def test_a_normalization_in_training_takes_its_own_mean(tmp_path):
    names = ['scale', 'bias', 'mean', 'variance']
    weights = {name: np.abs(numbers(4)) + number for number, name in enumerate(names)}
    outputs = ['out', 'new_mean', 'new_variance']
    norm = node('BatchNormalization', ['image', *names], outputs, training_mode=1, momentum=0.7)

    assert_same(model([norm], IMAGE, outputs, weights), IMAGE, tmp_path)


@pytest.mark.parametrize(('negative', 'positive'), [(0, 1), (1, 0), (0, 0), (1, 1)])
def test_infinities_of_the_sign_asked_for_are_found(negative, positive, tmp_path):
    feed = {'x': np.float32([1, np.inf, -np.inf, np.nan])}
    found = node('IsInf', ['x'], ['out'], detect_negative=negative, detect_positive=positive)

    assert_same(model([found], feed, {'out': TensorProto.BOOL}), feed, tmp_path)


def test_a_layer_normalization_gives_its_statistics(tmp_path):
    outputs = ['out', 'mean', 'inverse']
    norm = node('LayerNormalization', ['image', 'scale'], outputs, axis=2)

    assert_same(model([norm], IMAGE, outputs, {'scale': numbers(10, 12)}), IMAGE, tmp_path)


@pytest.mark.parametrize('axis', [-1, 0])
def test_one_of_many_is_of_the_type_of_its_values(axis, tmp_path):
    feed = {'words': np.array([1, -1, 7, 0])}
    hot = node('OneHot', ['words', 'depth', 'values'], ['out'], axis=axis)
    weights = {'depth': np.array(5), 'values': np.float32([0.5, 3])}

    assert_same(model([hot], feed, ['out'], weights), feed, tmp_path)


@pytest.mark.parametrize('operator', ['ReduceSum', 'ReduceMax', 'ReduceMin', 'ReduceProd', 'ReduceLogSum'])
def test_nothing_is_reduced_as_onnx_says(operator, tmp_path):
    feed = {'x': numbers(2, 0, 3)}

    assert_same(
        model([node(operator, ['x', 'axes'], ['out'])], feed, ['out'], {'axes': np.array([1])}, opset=20, ir=9),
        feed,
        tmp_path,
    )


def test_what_cannot_be_written_otherwise_is_refused_by_name_unless_one_insists(tmp_path):
    crop = {'coordinate_transformation_mode': 'tf_crop_and_resize', 'mode': 'linear'}
    resize = node('Resize', ['image', 'region', 'scales'], ['out'], name='crop', **crop)
    region = np.float32([0, 0, 0.1, 0.1, 1, 1, 0.9, 0.9])
    made = model([resize], IMAGE, ['out'], {'region': region, 'scales': np.float32([1, 1, 0.63, 0.63])})

    with pytest.raises(
        UnsupportedError, match=r'known to be wrong.* Resize with a scale.*\(node crop\)\n.*insist: true'
    ):
        built(made, IMAGE, tmp_path / 'refused')
    assert built(made, IMAGE, tmp_path / 'built', insist=True).kernels['all']


def test_a_dropout_that_drops_is_refused(tmp_path):
    drop = node('Dropout', ['rows', 'ratio', 'training'], ['out'])
    made = model([drop], ROWS, ['out'], {'ratio': np.float32(0.5), 'training': np.array(True)})

    with pytest.raises(UnsupportedError, match='Dropout with training_mode'):
        built(made, ROWS, tmp_path)


def test_a_suppression_with_limits_that_show_in_a_run_is_refused(tmp_path):
    feed = {'boxes': np.abs(numbers(1, 6, 4)), 'scores': numbers(1, 2, 6), 'most': np.array([3])}
    made = model([node('NonMaxSuppression', list(feed), ['out'])], feed, {'out': TensorProto.INT64})

    with pytest.raises(UnsupportedError, match='NonMaxSuppression with limits that show in a run'):
        built(made, feed, tmp_path)


@pytest.mark.parametrize('limits', [[3, 0.5, 0.0], [3], [2, 1 / 3]], ids=str)
def test_a_suppression_has_the_limits_that_onnx_means(limits, tmp_path):
    boxes = np.float32([[0, 0, 2, 1], [0, 0, 1, 1], [1, 0, 3, 1], [5, 5, 6, 6]])[None]
    feed = {'boxes': boxes, 'scores': np.float32([[[0.9, 0.8, 0.7, -0.5]]])}
    names = ['most', 'overlap', 'score'][: len(limits)]
    weights = {
        name: np.array([limit], 'int64' if name == 'most' else 'float32')
        for name, limit in zip(names, limits, strict=True)
    }
    suppress = node('NonMaxSuppression', [*feed, *names], ['out'])

    assert_same(model([suppress], feed, {'out': TensorProto.INT64}, weights), feed, tmp_path)


def test_the_largest_of_short_integers_are_found(tmp_path):
    feed = {'x': (numbers(3, 7) * 99).astype('int16')}
    top = node('TopK', ['x', 'k'], ['values', 'places'])
    kinds = {'values': TensorProto.INT16, 'places': TensorProto.INT64}

    built(model([top], feed, kinds, {'k': np.array([3])}, opset=24, ir=10), feed, tmp_path)

    assert (ran(tmp_path, feed)[0] == -np.sort(-feed['x'])[:, :3]).all()


def test_the_largest_of_a_region_is_refused(tmp_path):
    regions = {'regions': np.float32([[0, 0, 4, 4]]), 'of': np.array([0])}
    align = node('RoiAlign', ['image', *regions], ['out'], mode='max', output_height=2, output_width=2)

    with pytest.raises(UnsupportedError, match='RoiAlign with mode: max'):
        built(model([align], IMAGE, ['out'], regions), IMAGE, tmp_path)
