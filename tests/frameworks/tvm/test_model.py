"""Models of three formats become Relax modules that compute what the model computes."""

from __future__ import annotations

from pathlib import Path

import pytest

np = pytest.importorskip('numpy')
for name in ('tvm', 'onnx', 'onnxruntime'):
    pytest.importorskip(name, reason='needs modelkiln[tvm,onnx]: pip install "modelkiln[tvm,onnx]"')

from onnx import TensorProto, helper, numpy_helper, save  # noqa: E402

from stages.contract.port import Contract, Port  # noqa: E402
from stages.errors import StepError, UnsupportedError  # noqa: E402
from stages.frameworks.tvm.read import model, onnx_ready  # noqa: E402

pytestmark = pytest.mark.tvm

ROW = (Port('row', ('batch', 4), 'float32'),)


def written(folder: Path, nodes, inputs, outputs, weights=(), opset=17, domains=()) -> Path:
    """Write an ONNX file of ``nodes``; inputs and outputs are names with shapes."""

    def values(shapes):
        return [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in shapes.items()]

    held = [numpy_helper.from_array(np.asarray(array), n) for n, array in dict(weights).items()]
    graph = helper.make_graph(nodes, 'graph', values(inputs), values(outputs), held)
    sets = [helper.make_opsetid('', opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    folder.mkdir(parents=True, exist_ok=True)
    save(helper.make_model(graph, opset_imports=sets, ir_version=8), folder / 'model.onnx')
    return folder


def ran(module, *arrays):
    """Compile ``module`` without our schedules and run it; return its outputs."""
    import tvm
    from tvm import relax

    target = tvm.target.Target({'kind': 'llvm', 'mcpu': 'x86-64-v2', 'num-cores': 1})
    with target:
        built = tvm.compile(relax.get_pipeline('zero')(module), target=target)
    found = relax.VirtualMachine(built, tvm.cpu())['main'](*map(tvm.runtime.tensor, arrays))
    return [t.numpy() for t in ([found] if hasattr(found, 'numpy') else found)]


def reference(folder: Path, **feed):
    import onnxruntime

    return onnxruntime.InferenceSession(folder / 'model.onnx').run(None, feed)


def parameters(module):
    return [(v.name, tuple(int(size) for size in v.ty.shape)) for v in module['main'].params]


def numbers(*shape):
    return np.random.default_rng(5).standard_normal(shape).astype('float32')


def test_named_dimensions_get_the_sizes_given_and_one_where_none_is(tmp_path):
    folder = written(tmp_path, [helper.make_node('Relu', ['row'], ['out'])], {'row': ['n', 4]}, {'out': ['n', 4]})

    assert parameters(model.imported(folder, ROW, ('out',), {})) == [('row', (1, 4))]
    assert parameters(model.imported(folder, ROW, ('out',), {'batch': 3})) == [('row', (3, 4))]


def test_inputs_and_outputs_come_in_the_order_of_the_recipe(tmp_path):
    nodes = [helper.make_node('Sub', ['a', 'b'], ['less']), helper.make_node('Add', ['a', 'b'], ['more'])]
    folder = written(tmp_path, nodes, {'a': [2], 'b': [2]}, {'less': [2], 'more': [2]})
    signature = (Port('b', (2,), 'float32'), Port('a', (2,), 'float32'))
    one, two = np.float32([1, 2]), np.float32([10, 20])

    less, more = ran(model.imported(folder, signature, ('less', 'more'), {}), one, two)

    assert less.tolist() == [9, 18]
    assert more.tolist() == [11, 22]


def test_arithmetic_on_shapes_and_a_constant_condition_are_gone_before_tvm_sees_them(tmp_path):
    branch = {
        word: helper.make_graph(
            [helper.make_node(op, ['flat'], [word])],
            word,
            [],
            [helper.make_tensor_value_info(word, TensorProto.FLOAT, None)],
        )
        for word, op in (('yes', 'Relu'), ('no', 'Neg'))
    }
    nodes = [
        helper.make_node('Shape', ['row'], ['shape']),
        helper.make_node('ReduceProd', ['shape'], ['size'], keepdims=1),
        helper.make_node('Reshape', ['row', 'size'], ['flat']),
        helper.make_node('If', ['always'], ['out'], then_branch=branch['yes'], else_branch=branch['no']),
    ]
    folder = written(tmp_path, nodes, {'row': ['n', 4]}, {'out': ['m']}, {'always': np.array(True)})

    left = onnx_ready.ready(folder / 'model.onnx', ROW, ('out',), {'batch': 2})

    assert {node.op_type for node in left.graph.node} == {'Reshape', 'Relu'}
    feed = numbers(2, 4)
    assert np.array_equal(ran(model.imported(folder, ROW, ('out',), {'batch': 2}), feed)[0], feed.clip(0).ravel())


def test_old_operator_sets_and_weights_among_the_inputs_are_read(tmp_path):
    nodes = [
        helper.make_node('Unsqueeze', ['row'], ['wide'], axes=[2]),
        helper.make_node('Squeeze', ['wide'], ['thin'], axes=[2]),
        helper.make_node('Dropout', ['thin'], ['kept'], ratio=0.5),
        helper.make_node('Gemm', ['kept', 'w', 'b'], ['out']),
    ]
    inputs = {'row': ['n', 4], 'w': [4, 3], 'b': [3]}
    folder = written(tmp_path, nodes, inputs, {'out': ['n', 3]}, {'w': numbers(4, 3), 'b': numbers(3)}, opset=11)
    feed = numbers(2, 4)

    [found] = ran(model.imported(folder, ROW, ('out',), {'batch': 2}), feed)

    assert np.allclose(found, reference(folder, row=feed, w=numbers(4, 3), b=numbers(3))[0], atol=1e-6)


def test_every_operator_that_tvm_lacks_is_named(tmp_path):
    nodes = [
        helper.make_node('Det', ['cube'], ['one']),
        helper.make_node('RandomNormalLike', ['cube'], ['two']),
    ]
    folder = written(tmp_path, nodes, {'cube': [1, 2, 2]}, {'one': [1], 'two': [1, 2, 2]})

    with pytest.raises(UnsupportedError, match=r'it has none of the operators Det, RandomNormalLike\nwhat to try: '):
        model.imported(folder, (Port('cube', (1, 2, 2), 'float32'),), ('one', 'two'), {})


@pytest.mark.parametrize(
    ('domain', 'name', 'lacks'),
    [
        ('', 'Attention', True),
        ('com.microsoft', 'Attention', False),
        ('com.microsoft', 'Gelu', False),
        ('', 'Gelu', False),
        ('com.microsoft', 'Conv', True),
        ('my.own', 'Relu', True),
    ],
)
def test_an_operator_is_known_by_its_domain_too(domain, name, lacks):
    graph = helper.make_graph([helper.make_node(name, ['a'], ['b'], domain=domain)], 'graph', [], [])

    found = onnx_ready.missing(helper.make_model(graph), frozenset({'Attention', 'Gelu', 'Conv', 'Relu'}))

    assert bool(found) == lacks


def test_what_tvm_computes_in_python_is_refused_by_name(tmp_path):
    nodes = [helper.make_node('Unique', ['row'], ['out'], axis=0)]
    folder = written(tmp_path, nodes, {'row': ['n', 4]}, {'out': ['found', 4]})

    with pytest.raises(UnsupportedError, match='computes Unique in Python'):
        model.imported(folder, ROW, ('out',), {})


def test_a_recipe_of_other_inputs_or_sizes_is_refused(tmp_path):
    folder = written(tmp_path, [helper.make_node('Relu', ['row'], ['out'])], {'row': [1, 4]}, {'out': [1, 4]})

    with pytest.raises(StepError, match='the graph has no more; it has row'):
        model.imported(folder, (*ROW, Port('more', (1,), 'float32')), ('out',), {})
    with pytest.raises(UnsupportedError, match='made for 1, not for 2'):
        model.imported(folder, ROW, ('out',), {'batch': 2})


def test_an_exported_program_of_any_batch_is_imported_for_one(tmp_path):
    torch = pytest.importorskip('torch', reason='needs modelkiln[torch]: pip install "modelkiln[torch]"')
    from stages.frameworks.torch import exported as exported_file

    module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.GELU(), torch.nn.Linear(8, 2)).eval()
    torch.export.save(
        exported_file.program_of(module, Contract(ROW), (torch.zeros(2, 4),), dynamic=True), tmp_path / 'raw.pt2'
    )
    exported_file.write_clean(tmp_path / 'raw.pt2', tmp_path / 'model.pt2')
    feed = numbers(1, 4)

    made = model.imported(tmp_path, ROW, ('out',), {})

    assert parameters(made) == [('row', (1, 4))]
    assert np.allclose(ran(made, feed)[0], module(torch.from_numpy(feed)).detach().numpy(), atol=1e-6)


def test_the_larger_of_two_is_one_operator_and_no_axis_disappears_but_by_reshape(tmp_path):
    nodes = [
        helper.make_node('Max', ['row', 'floor'], ['top']),
        helper.make_node('ReduceMean', ['top'], ['mean'], axes=[1], keepdims=0),
        helper.make_node('Unsqueeze', ['mean', 'one'], ['wide']),
        helper.make_node('Squeeze', ['wide', 'one'], ['out']),
    ]
    weights = {'floor': np.float32(0.1), 'one': np.array([1])}
    folder = written(tmp_path, nodes, {'row': ['n', 4]}, {'out': ['n']}, weights, opset=17)
    feed = numbers(3, 4)

    made = model.imported(folder, ROW, ('out',), {'batch': 3})

    values = [binding.value for block in made['main'].body.blocks for binding in block.bindings]
    used = {value.op.name for value in values if hasattr(value, 'op')}
    assert used == {'relax.maximum', 'relax.mean', 'relax.reshape', 'relax.expand_dims'}
    assert np.allclose(ran(made, feed)[0], reference(folder, row=feed)[0], atol=1e-6)
