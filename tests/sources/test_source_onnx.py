"""ONNX sources: names and shapes as the recipe says them; nothing hostile gets through."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stages.contract.job import Job
from stages.contract.port import Port
from stages.errors import IntegrityError, StepError, UnsupportedError
from stages.sources import onnx as source
from tests.sources.sources_helpers import job

onnx = pytest.importorskip('onnx', reason='needs modelkiln[onnx]: pip install "modelkiln[onnx]"')
np = pytest.importorskip('numpy')

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

pytestmark = pytest.mark.onnx
WEIGHT = np.arange(512, dtype='float32').reshape(4, 128)


def net(op: str = 'MatMul', domain: str = '') -> Any:
    """Return y = x @ w, written by an exporter that says where it lives."""
    node = helper.make_node(op, ['x', 'w'], ['y:0'], domain=domain, doc_string='made in /home/somebody')
    graph = helper.make_graph(
        [node],
        'g',
        [helper.make_tensor_value_info('x', TensorProto.FLOAT, ['N', 4])],
        [helper.make_tensor_value_info('y:0', TensorProto.FLOAT, ['N', 128])],
        [numpy_helper.from_array(WEIGHT, 'w')],
    )
    opsets = [helper.make_opsetid('', 17)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def outside(model: Any, *more: tuple[str, str], **said: str | None) -> Any:
    """Return ``model`` with its weight in ``w.bin``, said in the way that a test wants."""
    tensor = model.graph.initializer[0]
    tensor.ClearField('raw_data')
    tensor.data_location = TensorProto.EXTERNAL
    entries = {'location': 'w.bin', 'offset': '0', 'length': str(WEIGHT.nbytes)} | said
    for key, value in (*((k, v) for k, v in entries.items() if v is not None), *more):
        tensor.external_data.add(key=key, value=value)
    return model


def fetched(tmp_path: Path, model: Any, signature: tuple[Port, ...] = (), outputs: tuple[str, ...] = ()) -> Job:
    """Return the job of a source whose files are ``model`` and ``w.bin``."""
    (tmp_path / 'file').mkdir(parents=True)
    (tmp_path / 'file/net.onnx').write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    (tmp_path / 'file/w.bin').write_bytes(WEIGHT.tobytes())
    return job(tmp_path / 'out', signature, outputs, file=tmp_path / 'file')


def weight_in(folder: Path) -> Any:
    """Return the weight as ONNX itself reads it from the folder."""
    return numpy_helper.to_array(onnx.load(folder / 'model.onnx').graph.initializer[0])


@pytest.mark.parametrize('model', [net(), outside(net())], ids=['inside', 'outside'])
def test_a_model_arrives_whole_and_without_traces(tmp_path: Path, model: Any) -> None:
    done = fetched(tmp_path, model)
    source.run(source.Params(), done)
    assert [p.name for p in done.output.iterdir()] == list(source.outputs(source.Params()))
    assert (weight_in(done.output) == WEIGHT).all()
    assert b'somebody' not in (done.output / 'model.onnx').read_bytes()


def test_weights_inside_or_outside_make_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for name, model in (('in', net()), ('out', outside(net()))):
        done = fetched(tmp_path / name, model)
        source.run(source.Params(), done)
        made.append((done.output / 'model.onnx').read_bytes())
    assert made[0] == made[1]


def test_weights_may_come_as_a_second_fetch(tmp_path: Path) -> None:
    first = fetched(tmp_path, outside(net()))
    (tmp_path / 'more').mkdir()
    os.rename(tmp_path / 'file/w.bin', tmp_path / 'more/w.bin')
    done = replace(first, inputs={**first.inputs, 'file2': tmp_path / 'more'})
    source.run(source.Params(), done)
    assert (weight_in(done.output) == WEIGHT).all()


def test_inputs_outputs_and_dimensions_get_the_names_of_the_recipe(tmp_path: Path) -> None:
    done = fetched(tmp_path, net(), (Port('sound', ('batch', 4), 'float32'),), ('score',))
    source.run(source.Params(), done)
    graph = onnx.load(done.output / 'model.onnx').graph
    assert (graph.input[0].name, graph.output[0].name) == ('sound', 'score')
    assert graph.input[0].type.tensor_type.shape.dim[0].dim_param == 'batch'
    assert graph.output[0].type.tensor_type.shape.dim[0].dim_param == 'batch'


def test_a_weight_that_is_listed_as_an_input_is_none(tmp_path: Path) -> None:
    model = net()
    model.ir_version = 3
    model.graph.input.append(helper.make_tensor_value_info('w', TensorProto.FLOAT, WEIGHT.shape))
    done = fetched(tmp_path, model, (Port('x', ('batch', 4), 'float32'),))
    source.run(source.Params(), done)
    assert [v.name for v in onnx.load(done.output / 'model.onnx').graph.input] == ['x']


@pytest.mark.parametrize(
    ('signature', 'outputs', 'words'),
    [
        (
            (Port('x', ('batch', 5), 'float32'),),
            (),
            r'takes x float32 \[N, 4\]; the recipe declares x float32 \[batch, 5\]',
        ),
        ((Port('x', ('batch', 4), 'int64'),), (), r'takes x float32 \[N, 4\]; the recipe declares x int64'),
        ((Port('x', ('batch', 4), 'float32'), Port('z', (1,), 'float32')), (), r'1 inputs \(x\); the recipe names 2'),
        ((), ('a', 'b'), r'1 outputs \(y:0\); the recipe names 2'),
    ],
    ids=['shape', 'dtype', 'inputs', 'outputs'],
)
def test_what_does_not_fit_the_recipe_is_said(tmp_path: Path, signature: Any, outputs: Any, words: str) -> None:
    with pytest.raises(StepError, match=words):
        source.run(source.Params(), fetched(tmp_path, net(), signature, outputs))


def test_a_weight_makes_way_for_the_name_of_an_input(tmp_path: Path) -> None:
    done = fetched(tmp_path, net(), (Port('w', ('batch', 4), 'float32'),))
    source.run(source.Params(), done)
    graph = onnx.load(done.output / 'model.onnx').graph
    assert [v.name for v in graph.input] == ['w']
    assert [w.name for w in graph.initializer] == ['w_inner_0']


@pytest.mark.parametrize(
    ('model', 'words'),
    [
        (outside(net(), location='../w.bin'), 'plain relative path'),
        (outside(net(), location='a/../../w.bin'), 'plain relative path'),
        (outside(net(), location='/etc/passwd'), 'plain relative path'),
        (outside(net(), location='C:w.bin'), 'plain relative path'),
        (outside(net(), location='..\\w.bin'), 'plain relative path'),
        (outside(net(), location='a/w.bin'), 'plain name'),
        (outside(net(), location=''), 'plain relative path'),
        (outside(net(), location='other.bin'), 'was not fetched; fetched: net.onnx, w.bin'),
        (outside(net(), location=None), 'expected location'),
        (outside(net(), ('location', 'w.bin')), 'at most once'),
        (outside(net(), ('__class__', 'w.bin')), 'expected location'),
        (outside(net(), offset='-4'), "'-4' is no number"),
        (outside(net(), offset='9' * 30), 'is no number'),
        (outside(net(), offset='4'), 'ends at byte 2,052'),
        (outside(net(), length='4096'), 'is 4,096 bytes'),
        (outside(net(), length='4'), 'is 4 bytes'),
        (net().SerializeToString()[:300], 'damaged'),
        (b'PK not a model', 'damaged'),
    ],
)
def test_hostile_files_are_refused(tmp_path: Path, model: Any, words: str) -> None:
    with pytest.raises(IntegrityError, match=words):
        source.run(source.Params(), fetched(tmp_path, model))
    assert list((tmp_path / 'out').iterdir()) == []


def test_a_tensor_must_hold_what_its_shape_says(tmp_path: Path) -> None:
    model = net()
    model.graph.initializer[0].dims[0] = 1 << 40
    with pytest.raises(IntegrityError, match='holds 2,048 bytes'):
        source.run(source.Params(), fetched(tmp_path, model))


def test_a_small_file_does_not_become_a_mountain(tmp_path: Path) -> None:
    model = outside(net())
    for number in range(1000):
        model.graph.initializer.add().CopyFrom(model.graph.initializer[0])
        model.graph.initializer[-1].name = f'again{number}'
    with pytest.raises(IntegrityError, match='together take more than its 2,048 bytes'):
        source.run(source.Params(), fetched(tmp_path, model))


def test_external_data_in_constants_of_inner_graphs_are_seen(tmp_path: Path) -> None:
    inner = helper.make_graph(
        [helper.make_node('Constant', [], ['k'], value=outside(net(), location='../w.bin').graph.initializer[0])],
        'then',
        [],
        [helper.make_tensor_value_info('k', TensorProto.FLOAT, WEIGHT.shape)],
    )
    model = net()
    model.graph.node.append(helper.make_node('If', ['x'], ['z'], then_branch=inner, else_branch=inner))
    with pytest.raises(IntegrityError, match='plain relative path'):
        source.run(source.Params(), fetched(tmp_path, model))


@pytest.mark.parametrize('link', [os.symlink, os.link])
def test_weights_behind_a_link_are_refused(tmp_path: Path, link: Callable[..., None]) -> None:
    done = fetched(tmp_path, outside(net()))
    os.rename(tmp_path / 'file/w.bin', tmp_path / 'secret')
    link(tmp_path / 'secret', tmp_path / 'file/w.bin')
    with pytest.raises(IntegrityError, match='is a link'):
        source.run(source.Params(), done)


@pytest.mark.parametrize(('op', 'domain'), [('Run', 'evil.ops'), ('EPContext', 'com.microsoft')])
def test_operators_from_elsewhere_are_refused(tmp_path: Path, op: str, domain: str) -> None:
    with pytest.raises(UnsupportedError, match=f'{domain}.{op}'):
        source.run(source.Params(), fetched(tmp_path, net(op, domain)))


def test_an_operator_that_onnx_does_not_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StepError, match='not a valid ONNX model'):
        source.run(source.Params(), fetched(tmp_path, net('MatMal')))


def test_an_output_of_a_type_that_nobody_can_hold_is_refused_by_name(tmp_path: Path) -> None:
    eighth = TensorProto.FLOAT8E4M3FN
    made = [helper.make_node('Cast', ['x'], ['small'], to=eighth)]
    ports = [helper.make_tensor_value_info(*each, [3]) for each in (('x', TensorProto.FLOAT), ('small', eighth))]
    model = helper.make_model(helper.make_graph(made, 'g', ports[:1], ports[1:]), ir_version=10)
    with pytest.raises(UnsupportedError, match=r"^net\.onnx: the output 'small' is float8_e4m3fn"):
        source.run(source.Params(), fetched(tmp_path, model))


@pytest.mark.parametrize('count', [0, 2])
def test_exactly_one_model_is_needed(tmp_path: Path, count: int) -> None:
    done = fetched(tmp_path, net())
    (tmp_path / 'file/net.onnx').unlink()
    for number in range(count):
        (tmp_path / f'file/{number}.onnx').write_bytes(net().SerializeToString())
    with pytest.raises(StepError, match=r'one \.onnx file'):
        source.run(source.Params(), done)


def test_many_weights_go_into_a_file_of_one_layout(tmp_path: Path) -> None:
    from stages.frameworks.onnx import external as onnx_external
    from stages.frameworks.onnx.write import write_stripped

    write_stripped(net(), tmp_path / 'model.onnx', most=100)
    assert (tmp_path / 'model.onnx.data').read_bytes() == WEIGHT.tobytes()
    assert (weight_in(tmp_path) == WEIGHT).all()
    again = onnx.load(tmp_path / 'model.onnx', load_external_data=False)
    onnx_external.take_in(again, {'model.onnx.data': tmp_path / 'model.onnx.data'})
    assert again.graph.initializer[0].raw_data == WEIGHT.tobytes()


def test_constants_become_weights_where_quantizers_look_for_them(tmp_path: Path) -> None:
    model = net()
    weight = model.graph.initializer.pop()
    model.graph.node.insert(0, helper.make_node('Constant', [], ['w'], value=weight))
    done = fetched(tmp_path, model)
    source.run(source.Params(), done)
    assert (weight_in(done.output) == WEIGHT).all()
    assert [n.op_type for n in onnx.load(done.output / 'model.onnx').graph.node] == ['MatMul']
