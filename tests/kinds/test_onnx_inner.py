"""The kinds of ONNX on graphs that others write: graphs inside, old files, shared weights, strange operators."""

from __future__ import annotations

import pytest

from stages.contract.port import ANY, Port
from stages.errors import UnsupportedError
from tests.frameworks.onnx import graphs
from tests.kinds.conftest import Model, run_kind

pytestmark = pytest.mark.onnx
REASON = 'needs modelkiln[onnx]: pip install "modelkiln[onnx]"'
np = pytest.importorskip('numpy', reason=REASON)
onnx = pytest.importorskip('onnx', reason=REASON)
pytest.importorskip('onnxruntime', reason=REASON)

CLOSE = {'onnx-optimize': 1e-4, 'ort': 1e-4, 'onnx-float16': 1e-2, 'onnx-weights': 0.15, 'onnx-quantize': 0.2}


def kept(folder, model):
    """Return ``model`` as the source step would leave it."""
    from stages.frameworks.onnx import weights, write

    weights.inputs_without_weights(model)
    weights.constants_as_weights(model)
    write.write_stripped(model, folder / 'model.onnx')
    inputs = [v.name for v in weights.free_inputs(model)]
    return Model(
        folder, tuple(Port(name, ANY, '') for name in inputs), tuple(v.name for v in model.graph.output), 'onnx'
    )


def ran(made, feed):
    import onnxruntime

    path = next(made.folder.glob('model.o*'))
    session = onnxruntime.InferenceSession(path)
    return session.run(None, {v.name: feed[v.name] for v in session.get_inputs()})


def far(got, wanted):
    return max(float(np.linalg.norm(g - w) / (np.linalg.norm(w) or 1)) for g, w in zip(got, wanted, strict=True))


def two_products():
    rng = np.random.default_rng(0)
    held = {'each': rng.standard_normal((2, 4, 4)), 'one': rng.standard_normal((4, 4))}
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node('MatMul', ['x', 'each'], ['h'], name='apart'),
            onnx.helper.make_node('MatMul', ['h', 'one'], ['y'], name='together'),
        ],
        'g',
        [value('x', 1, [2, 3, 4])],
        [value('y', 1, [2, 3, 4])],
        [onnx.numpy_helper.from_array(a.astype('float32'), name) for name, a in held.items()],
    )
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid('', 17)], ir_version=8)


@pytest.mark.parametrize('kind', CLOSE)
@pytest.mark.parametrize('seed', range(7))
def test_a_graph_with_graphs_inside_stays_what_it_is(tmp_path, kind, seed):
    model, feed = graphs.nested(seed, ir=3 if seed % 3 == 0 else 8), graphs.feed(seed)
    wanted = graphs.referred(model, feed)
    from stages.frameworks.onnx import names

    names.name_ports(model, None, ['a', 'b', 'x_out', 'w_out', 'e'])
    try:
        made = run_kind(kind, kept(tmp_path, model), tmp_path / 'out')
    except UnsupportedError as refused:
        assert str(refused).startswith('nothing to')  # its layers are all in inner graphs
        return

    assert far(ran(made, feed), wanted) < CLOSE[kind]


def test_onnxs_own_attention_stays_float_and_the_rest_is_quantized(tmp_path):
    value = onnx.helper.make_tensor_value_info
    matrix = np.random.default_rng(0).standard_normal((32, 32)).astype('float32')
    nodes = [
        onnx.helper.make_node('Attention', ['rows'] * 3, ['mixed'], q_num_heads=2, kv_num_heads=2),
        onnx.helper.make_node('MatMul', ['mixed', 'w'], ['z']),
    ]
    ports = [value('rows', 1, [1, 6, 32])], [value('z', 1, [1, 6, 32])]
    graph = onnx.helper.make_graph(nodes, 'g', *ports, [onnx.numpy_helper.from_array(matrix, 'w')])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid('', 23)], ir_version=11)
    feed = {'rows': np.random.default_rng(1).standard_normal((1, 6, 32)).astype('float32')}
    wanted = graphs.ran(model, feed)

    made = run_kind('onnx-quantize', kept(tmp_path, model), tmp_path / 'out')

    held = {node.op_type for node in onnx.load(made.folder / 'model.onnx').graph.node}
    assert 'Attention' in held and 'QAttention' not in held
    assert far(ran(made, feed), wanted) < 0.1


def test_a_node_whose_int8_form_cannot_be_run_stays_float(tmp_path):
    model = two_products()
    feed = {'x': np.random.default_rng(2).standard_normal((2, 3, 4)).astype('float32')}
    wanted = graphs.ran(model, feed)

    made = run_kind('onnx-quantize', kept(tmp_path, model), tmp_path / 'out')

    left = [node.name for node in onnx.load(made.folder / 'model.onnx').graph.node if node.op_type == 'MatMul']
    assert left == ['apart']  # a matrix for each sample has no int8 form with a scale per column
    assert far(ran(made, feed), wanted) < 0.1


def test_two_nodes_of_one_name_are_parted_since_the_runtime_refuses_them(tmp_path):
    model = two_products()
    model.graph.node[1].name = 'apart'

    made = run_kind('onnx-weights', kept(tmp_path, model), tmp_path / 'out', block=16)

    assert ran(made, {'x': np.ones((2, 3, 4), 'float32')})[0].shape == (2, 3, 4)


def test_layers_that_share_a_matrix_are_packed_once(tmp_path):
    model = two_products()
    model.graph.node[0].input[1] = 'one'
    feed = {'x': np.ones((2, 3, 4), 'float32')}
    wanted = graphs.ran(model, feed)

    made = run_kind('onnx-weights', kept(tmp_path, model), tmp_path / 'out', block=16)

    names = [w.name for w in onnx.load(made.folder / 'model.onnx').graph.initializer]
    assert len(set(names)) == len(names)
    assert far(ran(made, feed), wanted) < 0.05


@pytest.mark.parametrize('kind', ['ort', 'onnx-optimize'])
def test_other_ways_are_named_where_the_runtime_has_no_kernel(tmp_path, kind):
    model = graphs.made("""<ir_version: 10, opset_import: ["": 22]>
        g (float[1, 1, 8, 8] x, float[1, 4] box, int64[1] of) => (float[1, 1, 2, 2] y) {
            y = RoiAlign <output_height = 2, output_width = 2> (x, box, of)
        }""")

    with pytest.raises(UnsupportedError, match=r'operator RoiAlign(.|\n)*what to try: openvino or tvm from here'):
        run_kind(kind, kept(tmp_path, model), tmp_path / 'out')


UNPOOL = """<ir_version: 8, opset_import: ["": 17]>
    g (float[1, 1, 2, 2] p, int64[1, 1, 2, 2] i) => (float[1, 1, 5, 5] y) <int64[4] size = {1, 1, 5, 5}> {
        y = MaxUnpool <kernel_shape = [2, 2], strides = [2, 2]> (p, i, size)
    }"""


@pytest.mark.parametrize('kind', ['ort', 'onnx-optimize', 'onnx-quantize', 'onnx-weights', 'onnx-float16', 'onnx-fuse'])
def test_an_operator_that_the_runtime_gets_wrong_is_refused_by_name(tmp_path, kind):
    model = kept(tmp_path, graphs.made(UNPOOL))

    with pytest.raises(UnsupportedError, match=r'^operator MaxUnpool with output_shape .*wrongly(.|\n)*insist: true'):
        run_kind(kind, model, tmp_path / 'out')
    if kind in ('ort', 'onnx-optimize'):
        run_kind(kind, model, tmp_path / 'insists', insist=True)


def test_the_runtime_still_gets_it_wrong():
    """The row of the table can go when this fails."""
    model = graphs.made(UNPOOL)
    feed = {'p': np.float32([[[[5, 6], [7, 8]]]]), 'i': np.array([[[[5, 7], [13, 15]]]])}

    # of the example of ONNX's own documentation: the places count in a row of four
    right = np.zeros((1, 1, 5, 5), 'float32')
    for at, value in ((5, 5), (7, 6), (13, 7), (15, 8)):
        right[0, 0, at // 4, at % 4] = value
    assert far(graphs.ran(model, feed), [right]) > 0.1
