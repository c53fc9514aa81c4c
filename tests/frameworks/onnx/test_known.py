"""A table of known wrong answers is held against a model, which stays as it is."""

from __future__ import annotations

import pytest

np = pytest.importorskip('numpy')
onnx = pytest.importorskip('onnx', reason='needs modelkiln[onnx]: pip install "modelkiln[onnx]"')

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from stages.errors import UnsupportedError  # noqa: E402
from stages.frameworks.onnx import known  # noqa: E402
from stages.frameworks.onnx.known import Case  # noqa: E402

pytestmark = pytest.mark.onnx


def net():
    weights = {'large': np.ones((90, 90), 'float32'), 'axes': np.array([1], 'int64')}
    nodes = [
        helper.make_node('MatMul', ['x', 'large'], ['y']),
        helper.make_node('ReduceSum', ['y', 'axes'], ['z'], name='sum', keepdims=0),
    ]
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (('x', ['n', 90]), ('z', ['n']))]
    graph = helper.make_graph(
        nodes, 'g', values[:1], values[1:], [numpy_helper.from_array(a, n) for n, a in weights.items()]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)


def test_a_row_sees_attributes_shapes_and_small_weights_and_its_node_is_named():
    seen = []

    def sums_away(node):
        seen.append(node)
        return node.attribute('keepdims', 1) == 0

    with pytest.raises(UnsupportedError, match=r"operator ReduceSum with keepdims=0 \(node 'sum'\): a tool answers"):
        known.refuse(net(), (Case(('ReduceSum',), 'keepdims=0', 'nothing', sums_away),), 'a tool', 'another')

    assert seen[0].takes(0).shape == (None, 90) and seen[0].takes(1).numbers() == [1.0]


def test_a_model_that_is_looked_at_keeps_all_its_weights():
    model = net()

    known.refuse(model, (Case(('ReduceSum',), 'any', 'nothing', lambda node: node.takes(2) is not None),), 'a tool', '')

    assert model == net()
