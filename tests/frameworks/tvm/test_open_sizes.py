"""Sizes that show only in a run: as many as a model finds, or is told, each time anew."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

for name in ('tvm', 'ziglang', 'onnx', 'onnxruntime'):
    pytest.importorskip(name, reason='needs modelkiln[tvm]: pip install "modelkiln[tvm]"')

import numpy as np  # noqa: E402
import onnx  # noqa: E402
from onnx import TensorProto  # noqa: E402

from stages.frameworks.tvm.target import TARGETS  # noqa: E402
from tests.frameworks.tvm.onnx_nets import assert_same, built, model, node, numbers, ran, wanted  # noqa: E402

pytestmark = pytest.mark.tvm
ROOT = Path(__file__).parents[3]
INT, FLOAT = TensorProto.INT64, TensorProto.FLOAT


def detector():
    """Return a net that keeps the rows whose score is above zero, and counts on with them."""
    nodes = [
        node('MatMul', ['rows', 'w'], ['scores']),
        node('Greater', ['scores', 'zero'], ['good']),
        node('Squeeze', ['good', 'last'], ['which']),
        node('NonZero', ['which'], ['found']),
        node('Transpose', ['found'], ['places']),
        node('GatherND', ['rows', 'places'], ['kept']),
        node('Softmax', ['kept'], ['soft'], axis=1),
        node('ReduceMean', ['soft'], ['means'], axes=[1], keepdims=0),
    ]
    weights = {'w': numbers(6, 1), 'zero': np.float32(0), 'last': np.array([1])}
    return model(nodes, {'rows': numbers(12, 6)}, {'kept': FLOAT, 'means': FLOAT, 'found': INT}, weights)


def test_one_library_finds_more_or_fewer_of_them_and_none_at_all(tmp_path):
    net, rows = detector(), numbers(12, 6)
    built(net, {'rows': rows}, tmp_path)

    for feed in (rows, -rows, np.zeros_like(rows), rows * np.arange(12)[:, None].astype('float32')):
        for one, other in zip(ran(tmp_path, {'rows': feed}), wanted(net, {'rows': feed}), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_the_library_says_which_sizes_show_in_a_run(tmp_path):
    found = built(detector(), {'rows': numbers(12, 6)}, tmp_path)

    assert found.open
    assert [port.shape for port in found.outputs] == [('kept_0', 6), ('means_0',), (1, 'found_1')]


@pytest.fixture
def tasks(tmp_path):
    """Return what there is to tune in the detector."""
    from stages.contract.port import Port
    from stages.frameworks.tvm import lower
    from stages.frameworks.tvm.read import model as reader
    from stages.frameworks.tvm.schedule.tuning.tasks import tasks_of

    onnx.save(detector(), tmp_path / 'model.onnx')
    ports = (Port('rows', (12, 6), 'float32'),)
    kernels = lower.kernels(reader.imported(tmp_path, ports, ('kept', 'means', 'found'), {}), TARGETS['x86-64-v3'])
    return tasks_of(kernels, TARGETS['x86-64-v3'], tmp_path)


def test_a_kernel_that_the_search_stumbles_over_has_no_candidates_and_ends_nothing(tasks):
    pytest.importorskip('xgboost', reason='needs modelkiln[tvm]: pip install "modelkiln[tvm]"')
    from stages.frameworks.tvm.schedule.tuning.search import Search, cost_model

    found = {t.name: Search(t, TARGETS['x86-64-v3'], cost_model(0), 0).candidates() for t in tasks if 'scat' in t.name}

    assert found and not any(found.values())


def test_only_kernels_of_known_sizes_are_tuned(tasks):
    names = [task.name for task in tasks]

    assert any('matmul' in name for name in names)
    assert not any('softmax' in name or 'mean' in name for name in names)


def test_a_library_of_known_sizes_takes_its_memory_once(tmp_path):
    feed = {'x': numbers(2, 3)}

    assert not built(model([node('Relu', ['x'], ['out'])], feed, ['out']), feed, tmp_path).open


def one(number):
    return np.array(number, 'float32')


FED = {
    'Range': (node('Range', ['a', 'b', 'c'], ['out']), {'a': one(1), 'b': one(9), 'c': one(2)}),
    'Compress': (
        node('Compress', ['x', 'c'], ['out'], axis=1),
        {'x': numbers(2, 3), 'c': np.array([True, False, True])},
    ),
    'Compress of all': (
        node('Compress', ['x', 'c'], ['out']),
        {'x': numbers(2, 2), 'c': np.array([False, True, True])},
    ),
    'Slice': (
        node('Slice', ['x', 'a', 'b'], ['out']),
        {'x': numbers(7, 4), 'a': np.array([-5, 1]), 'b': np.array([99, 3])},
    ),
    'Tile': (node('Tile', ['x', 'n'], ['out']), {'x': numbers(2, 3), 'n': np.array([2, 1])}),
    'Expand': (node('Expand', ['x', 'n'], ['out']), {'x': numbers(3, 1), 'n': np.array([2, 1, 6])}),
    'Expand of more axes': (node('Expand', ['x', 'n'], ['out']), {'x': numbers(2, 3, 1), 'n': np.array([1, 4])}),
    'Trilu': (node('Trilu', ['x', 'k'], ['out'], upper=0), {'x': numbers(2, 4, 5), 'k': np.array(-1)}),
    'Squeeze': (node('Squeeze', ['x', 'a'], ['out']), {'x': numbers(1, 3, 2), 'a': np.array([-3])}),
}


@pytest.mark.parametrize('operator', FED)
def test_an_operator_whose_size_is_fed_gives_what_onnx_runtime_gives(operator, tmp_path):
    net, feed = FED[operator]

    assert_same(model([net], feed, ['out']), feed, tmp_path)


def test_what_stands_behind_a_suppression_sees_the_boxes_that_are_left_and_no_others(tmp_path):
    nodes = [
        node('NonMaxSuppression', ['boxes', 'scores', 'most', 'overlap', 'least'], ['found']),
        node('Gather', ['found', 'two'], ['column'], axis=1),
        node('Squeeze', ['column', 'one'], ['which']),
        node('Squeeze', ['boxes', 'zero'], ['all']),
        node('Gather', ['all', 'which'], ['left'], axis=0),
    ]
    places = {'most': [9], 'two': [2], 'one': [1], 'zero': [0]}
    weights = {name: np.array(value) for name, value in places.items()} | {'overlap': one(0.5), 'least': one(0.4)}
    drawn = np.random.default_rng(1)
    feed = {'boxes': drawn.random((1, 40, 4), 'float32'), 'scores': drawn.random((1, 1, 40), 'float32')}
    net = model(nodes, feed, {'left': FLOAT, 'which': INT}, weights)
    built(net, feed, tmp_path)

    for few in (1, 0.5, 0.1):
        less = feed | {'scores': feed['scores'] * np.float32(few)}
        for got, right in zip(ran(tmp_path, less), wanted(net, less), strict=True):
            np.testing.assert_array_equal(got, right)


def test_a_slice_that_cuts_one_axis_keeps_the_sizes_of_the_others(tmp_path):
    nodes = [node('Slice', ['x', 'zero', 'count', 'axis'], ['cut']), node('MatMul', ['cut', 'w'], ['out'])]
    feed = {'x': numbers(1, 9, 6), 'count': np.array([4])}
    weights = {'zero': np.array([0]), 'axis': np.array([-2]), 'w': numbers(6, 5)}

    found = assert_same(model(nodes, feed, ['out'], weights), feed, tmp_path)

    assert found.outputs[0].shape == (1, 'out_1', 5)


def test_regions_of_images_whose_count_shows_in_a_run(tmp_path):
    nodes = [
        node('Compress', ['images', 'some'], ['left'], axis=0),
        node('RoiAlign', ['left', 'boxes', 'which'], ['out'], output_height=2, output_width=2, sampling_ratio=2),
    ]
    feed = {
        'images': numbers(4, 2, 8, 8), 'some': np.array([True, False, True, True]), 'which': np.array([2, 0]),
        'boxes': np.array([[1, 1, 6, 5], [0, 2, 7, 7]], 'float32'),
    }  # fmt: skip

    assert_same(model(nodes, feed, ['out'], opset=16), feed, tmp_path)


def test_an_index_into_what_has_been_found_ends_no_process(tmp_path):
    nodes = [
        node('Compress', ['x', 'c'], ['found'], axis=0),
        node('Gather', ['found', 'at'], ['one']),
        node('GatherElements', ['found', 'each'], ['two'], axis=0),
        node('ScatterND', ['found', 'places', 'new'], ['three']),
    ]
    far = np.array([900_000_000, -900_000_000, 1])
    feed = {
        'x': numbers(5, 3), 'c': np.array([True, True, False, True, False]), 'at': far, 'each': np.stack([far] * 3, 1),
        'places': far[:, None], 'new': numbers(3, 3),
    }  # fmt: skip
    built(model(nodes, feed, ['one', 'two', 'three'], opset=18), feed, tmp_path)
    np.savez(tmp_path / 'feed.npz', **feed)
    code = (
        f'import sys; sys.path.insert(0, {str(ROOT)!r}); from pathlib import Path; import numpy as np\n'
        'from tests.frameworks.tvm.onnx_nets import ran\n'
        'print([a.shape for a in ran(Path(sys.argv[1]), dict(np.load(sys.argv[1] + "/feed.npz")))])'
    )
    done = subprocess.run([sys.executable, '-c', code, str(tmp_path)], capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stdout) == (0, '[(3, 3), (3, 3), (3, 3)]\n'), done.stderr
