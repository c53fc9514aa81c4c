"""Our own edits of ONNX graphs: what the graph computes stays, whatever is inside it."""

from __future__ import annotations

import pytest

from stages.errors import ModelkilnError, StepError
from stages.frameworks.onnx import checked, edit, gemm, names, opset, walk, weights, write
from tests.frameworks.onnx import graphs

pytestmark = pytest.mark.onnx
REASON = 'needs modelkiln[onnx]: pip install "modelkiln[onnx]"'
np = pytest.importorskip('numpy', reason=REASON)
onnx = pytest.importorskip('onnx', reason=REASON)
pytest.importorskip('onnxruntime', reason=REASON)

SEEDS = range(12)
EDITS = [
    weights.inputs_without_weights,
    weights.constants_as_weights,
    gemm.as_products,
    edit.join_scalars,
    names.name_nodes,
    names.name_by_position,
]


def close(got, wanted):
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('seed', SEEDS)
@pytest.mark.parametrize('change', EDITS, ids=lambda f: f.__name__)
def test_an_edit_keeps_what_a_graph_with_graphs_inside_computes(change, seed):
    model, feed = graphs.nested(seed, ir=3 if seed % 2 else 8), graphs.feed(seed)
    wanted = graphs.referred(model, feed)

    change(model)

    close(graphs.ran(model, feed), wanted)
    onnx.checker.check_model(model, full_check=True)


@pytest.mark.parametrize('seed', SEEDS)
def test_ports_get_their_names_by_place_and_nothing_else_changes(seed):
    model, feed = graphs.nested(seed), graphs.feed(seed)
    wanted = graphs.referred(model, feed)

    names.name_ports(model, ['v_1', 'on', 'x'], ['a', 'v_0', 'x_out', 'weight', 'turns'])

    assert [v.name for v in model.graph.input] == ['v_1', 'on', 'x']
    assert [v.name for v in model.graph.output] == ['a', 'v_0', 'x_out', 'weight', 'turns']
    close(graphs.ran(model, dict(zip(['v_1', 'on', 'x'], feed.values(), strict=True))), wanted)


def test_an_output_that_is_an_input_keeps_its_name_when_the_input_gets_another():
    model = graphs.made("""<ir_version: 8, opset_import: ["": 17]>
        g (float[n, 2] rows, bool[n] keep) => (float[n, 2] y, bool[n] keep) { y = Neg(rows) }""")

    names.name_ports(model, ['rows', 'kept'], None)

    assert [v.name for v in (*model.graph.input, *model.graph.output)] == ['rows', 'kept', 'y', 'keep']
    assert graphs.ran(model, {'rows': np.ones((1, 2), 'float32'), 'kept': np.array([True])})[1].tolist() == [True]


def test_two_values_cannot_get_one_name():
    model = graphs.made('<ir_version: 8, opset_import: ["": 17]> g (float[2] a) => (float[2] b) { b = Neg(a) }')

    with pytest.raises(StepError, match='cannot both be called'):
        names.name_ports(model, ['same'], ['same'])


def test_a_value_of_an_inner_graph_makes_way_for_a_new_name():
    model = graphs.made("""<ir_version: 8, opset_import: ["": 17]>
        g (float[2] x, bool up) => (float[2] y) {
            y = If (up) <
                then_branch = t () => (float[2] score) { score = Exp(x) },
                else_branch = e () => (float[2] z) { other = Neg(x) z = Mul(other, x) }>
        }""")
    feed = {'x': np.float32([1, 2]), 'up': np.array(False)}
    wanted = graphs.referred(model, feed)

    names.name_ports(model, ['other', 'score'], None)

    close(graphs.ran(model, {'other': feed['x'], 'score': feed['up']}), wanted)


FORMS = {
    'value_float': ('value_float = 1.5', 'float'),
    'value_floats': ('value_floats = [1.5, 2.5]', 'float'),
    'value_int': ('value_int = 3', 'int64'),
    'value_ints': ('value_ints = [3, 4]', 'int64'),
    'value': ('value = float[2] {5.5, 6.5}', 'float'),
}


@pytest.mark.parametrize('ir', [3, 8])
@pytest.mark.parametrize('form', FORMS)
def test_every_form_of_constant_becomes_a_weight_in_old_files_too(form, ir):
    said, kind = FORMS[form]
    model = graphs.made(f"""<ir_version: {ir}, opset_import: ["": 13]>
        g ({kind}[2] x, bool up) => ({kind}[2] y) {{
            c = Constant <{said}> ()
            s = Add(x, c)
            y = If (up) <
                then_branch = t () => ({kind}[2] a) {{ k = Constant <{said}> () a = Mul(s, k) }},
                else_branch = e () => ({kind}[2] b) {{ b = Identity(s) }}>
        }}""")
    feed = {'x': np.array([1, 2], 'float32' if kind == 'float' else kind), 'up': np.array(True)}
    wanted = graphs.referred(model, feed)

    weights.constants_as_weights(model)

    assert 'Constant' not in {node.op_type for node in walk.nodes(model.graph)}
    close(graphs.ran(model, feed), wanted)


def test_a_sparse_constant_is_written_out_unless_it_would_be_a_mountain():
    held = onnx.helper.make_sparse_tensor(
        onnx.numpy_helper.from_array(np.float32([7, 8]), ''),
        onnx.numpy_helper.from_array(np.array([[0, 1], [1, 0]])),
        [2, 2],
    )
    node = onnx.helper.make_node('Constant', [], ['c'], sparse_value=held)

    assert onnx.numpy_helper.to_array(weights.value_of(node)).tolist() == [[0, 7], [8, 0]]
    node.attribute[0].sparse_tensor.dims[:] = [1 << 20, 1 << 20]
    assert weights.value_of(node) is None


def test_weights_that_only_inner_graphs_use_stay():
    model = graphs.made("""<ir_version: 8, opset_import: ["": 17]>
        g (float[n, 2] x, bool up) => (float[n, 2] y) <float[2, 2] w = {1, 2, 3, 4}, float[2] b = {1, -1}> {
            h = Gemm <transB = 1> (x, w, b)
            y = If (up) <
                then_branch = t () => (float[n, 2] a) { a = MatMul(h, w) },
                else_branch = e () => (float[n, 2] c) { c = Gemm(h, w, b) }>
        }""")
    feed = {'x': np.float32([[1, 2], [3, 4]]), 'up': np.array(True)}
    wanted = graphs.referred(model, feed)

    gemm.as_products(model)

    assert 'Gemm' not in {node.op_type for node in walk.nodes(model.graph)}
    close(graphs.ran(model, feed), wanted)


def test_layers_that_share_a_matrix_share_it_afterwards():
    model = graphs.made("""<ir_version: 8, opset_import: ["": 17]>
        g (float[n, 2] x) => (float[n, 2] y) <float[2, 2] w = {1, 2, 3, 4}> {
            a = Gemm <transB = 1> (x, w)
            b = Gemm <transB = 1> (a, w)
            y = Gemm (b, w)
        }""")
    feed = {'x': np.float32([[1, 2]])}
    wanted = graphs.referred(model, feed)

    gemm.as_products(model)

    assert len(model.graph.initializer) == 2
    close(graphs.ran(model, feed), wanted)


def test_a_matrix_that_a_caller_may_change_is_left_alone():
    model = graphs.made("""<ir_version: 8, opset_import: ["": 17]>
        g (float[n, 2] x, float[2, 2] w) => (float[n, 2] y) <float[2, 2] w = {1, 2, 3, 4}> { y = Gemm(x, w) }""")

    gemm.as_products(model)

    assert [node.op_type for node in model.graph.node] == ['Gemm']


def test_scalars_are_joined_inside_a_branch():
    model = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["": 17]>
        g (int64 n, bool up) => (int64[2] y) {
            y = If (up) <
                then_branch = t () => (int64[2] a) { a = Concat <axis = 0> (n, n) },
                else_branch = e () => (int64[2] b) { b = Constant <value_ints = [5, 6]> () }>
        }""")

    edit.join_scalars(model)

    assert graphs.ran(model, {'n': np.array(4), 'up': np.array(True)})[0].tolist() == [4, 4]


@pytest.mark.parametrize('ir', [3, 8])
def test_an_old_operator_set_is_lifted_in_inner_graphs_too_and_weights_are_no_inputs(tmp_path, ir):
    model = graphs.made(f"""<ir_version: {ir}, opset_import: ["": 11]>
        g (float[2, 3] x, bool up, float[3] w) => (float[1, 2, 3] y) <float[3] w = {{1, 2, 3}}> {{
            h = Mul(x, w)
            y = If (up) <
                then_branch = t () => (float[1, 2, 3] a) {{ a = Unsqueeze <axes = [0]> (h) }},
                else_branch = e () => (float[1, 2, 3] b) {{ c = Neg(h) b = Unsqueeze <axes = [0]> (c) }}>
        }}""")
    onnx.save(model, tmp_path / 'model.onnx')
    feed = {'x': np.ones((2, 3), 'float32'), 'up': np.array(True)}

    made = opset.at_least_opset(tmp_path / 'model.onnx', 13)

    assert ([v.name for v in made.graph.input], made.ir_version >= 4) == (['x', 'up'], True)
    assert graphs.ran(made, feed)[0].tolist() == [[[1, 2, 3], [1, 2, 3]]]


def test_nodes_of_one_name_or_none_get_names_of_their_own():
    model = graphs.nested(3)
    for node in walk.nodes(model.graph):
        node.name = '' if node.op_type == 'Add' else 'same'

    names.name_nodes(model)

    called = [node.name for node in walk.nodes(model.graph)]
    assert len(set(called)) == len(called) and 'same' in called


def test_an_edit_that_breaks_a_sound_model_is_a_bug_of_ours_and_no_refusal():
    def drop_a_weight(model):
        del model.graph.initializer[0]

    model = graphs.made("""<ir_version: 8, opset_import: ["": 17]>
        g (float[2] x) => (float[2] y) <float[2] w = {1, 2}> { y = Mul(x, w) }""")

    with pytest.raises(ModelkilnError, match="our edit 'drop_a_weight' broke an ONNX model that was sound") as caught:
        checked.edited(model, drop_a_weight)
    assert type(caught.value) is ModelkilnError


def test_a_large_weight_is_not_copied_to_check_a_model():
    model = graphs.nested(1)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros((300, 300), 'float32'), 'large'))

    light = checked.skeleton(model)

    assert len(light.SerializeToString()) < 20_000
    onnx.checker.check_model(light, full_check=True)


def test_sizes_of_one_name_that_are_not_equal_are_not_called_so():
    from stages.contract.port import Port

    model = graphs.made("""<ir_version: 8, opset_import: ["": 17]>
        g (float[N, 3] x, float[batch] z) => (float[N, 3] y, float[batch] t) { y = Neg(x) t = Neg(z) }""")

    names.name_dimensions(model, (Port('x', ('batch', 3), 'float32'), Port('z', ('points',), 'float32')))

    dims = [v.type.tensor_type.shape.dim[0].dim_param for v in (*model.graph.input, *model.graph.output)]
    assert dims == ['batch', 'points', 'batch', 'points']


def test_no_words_of_an_exporter_are_left_in_inner_graphs_and_functions(tmp_path):
    model = graphs.made("""<ir_version: 8, opset_import: ["": 17, "own": 1]>
        g (float[2] x, bool up) => (float[2] y) {
            y = If (up) <
                then_branch = t () => (float[2] a) { k = Constant <value = float[2] {1, 2}> () a = Mul(x, k) },
                else_branch = e () => (float[2] b) { b = own.twice(x) }>
        }
        <domain: "own", opset_import: ["": 17]> twice (p) => (q) { q = Add(p, p) }""")
    for graph in walk.every_graph(model.graph):
        graph.doc_string = '/home/me'
        for part in (*graph.node, *graph.output, *(a for n in graph.node for a in n.attribute)):
            part.doc_string = '/home/me'
            if part.DESCRIPTOR.name == 'AttributeProto' and part.HasField('t'):
                part.t.doc_string = '/home/me'
    model.functions[0].doc_string = model.functions[0].node[0].doc_string = '/home/me'

    write.write_stripped(model, tmp_path / 'model.onnx')

    assert b'/home/me' not in (tmp_path / 'model.onnx').read_bytes()
