"""OpenVINO's names of inputs and outputs, and what it is known to answer wrongly: models that others write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stages.contract.job import Job
from stages.contract.port import Contract
from stages.errors import UnsupportedError

pytestmark = [pytest.mark.onnx, pytest.mark.openvino]
REASON = 'needs modelkiln[onnx,openvino]: pip install "modelkiln[onnx,openvino]"'
np = pytest.importorskip('numpy', reason=REASON)
onnx = pytest.importorskip('onnx', reason=REASON)
ort = pytest.importorskip('onnxruntime', reason=REASON)
pytest.importorskip('openvino', reason=REASON)

node = onnx.helper.make_node
FLOAT, DOUBLE = onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE


def graph(nodes: list[Any], inputs: dict[str, Any], outputs: list[str], opset: int = 17, kind: int = FLOAT) -> Any:
    """Return a model of ``nodes``; its inputs have these shapes, or are weights where they are arrays."""
    value = onnx.helper.make_tensor_value_info
    taken = [value(name, kind, shape) for name, shape in inputs.items() if isinstance(shape, list)]
    held = [onnx.numpy_helper.from_array(a, name) for name, a in inputs.items() if not isinstance(a, list)]
    made = onnx.helper.make_graph(nodes, 'g', taken, [value(name, FLOAT, None) for name in outputs], held)
    return onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid('', opset)], ir_version=9)


def answers(folder: Path, model: Any, feed: dict[str, Any], **params: Any) -> dict[str, Any]:
    """Return what the IR of ``model`` answers, by the contract that its step leaves."""
    from stages.engines import openvino
    from stages.frameworks.onnx import ports
    from stages.kinds import openvino_from_onnx as kind

    given, made = folder / 'given', folder / 'made'
    given.mkdir()
    made.mkdir()
    onnx.save(model, given / 'model.onnx')
    job = Job({'model': given}, made, ports.read(model), lambda *_: None)
    contract: Contract = kind.run(kind.Params(**params), job)
    assert [port.name for port in contract.inputs] == [value.name for value in model.graph.input]
    return openvino.load(made, contract, openvino.Options(), 1).run(feed)


NOTHING = {
    'an output that is an input': ([node('Neg', ['left'], ['minus'])], ['minus', 'left']),
    'only that': ([node('Neg', ['left'], ['unused'])], ['left']),
    'dropped out': ([node('Dropout', ['left'], ['same'])], ['same']),
    'used and returned': ([node('Dropout', ['left'], ['same']), node('Neg', ['same'], ['minus'])], ['minus', 'same']),
    'two in a row': (
        [node('Dropout', ['left'], ['a']), node('Identity', ['a'], ['b']), node('Neg', ['b'], ['c'])], ['c']
    ),
    'both sides': (
        [node('Dropout', ['right'], ['r']), node('Dropout', ['left'], ['l']), node('Sub', ['l', 'r'], ['apart'])],
        ['apart'],
    ),
    'a sum of one': (
        [node('Sum', ['left'], ['a']), node('Max', ['right'], ['b']), node('Sub', ['a', 'b'], ['c'])], ['c']
    ),
    'one value twice': ([node('Neg', ['left'], ['minus']), node('Dropout', ['minus'], ['again'])], ['again', 'minus']),
}  # fmt: skip


@pytest.mark.parametrize('which', NOTHING)
def test_operators_that_do_nothing_take_no_name_away(tmp_path: Path, which: str) -> None:
    nodes, outputs = NOTHING[which]
    model = graph(nodes, {'left': [2, 5], 'right': [2, 5]}, outputs)
    feed = {'left': np.arange(10, dtype='f4').reshape(2, 5), 'right': np.full((2, 5), 7, 'f4')}
    wanted = dict(zip(outputs, ort.InferenceSession(model.SerializeToString()).run(outputs, feed), strict=True))
    got = answers(tmp_path, model, feed)
    assert list(got) == outputs
    for name, want in wanted.items():
        np.testing.assert_array_equal(got[name], want)


def test_a_scalar_that_may_not_be_written_is_fed(tmp_path: Path) -> None:
    model = graph([node('Mul', ['row', 'by'], ['more'])], {'row': [3], 'by': []}, ['more'])
    by = np.array(2, 'f4')
    by.flags.writeable = False
    assert answers(tmp_path, model, {'row': np.ones(3, 'f4'), 'by': by})['more'].tolist() == [2, 2, 2]


@pytest.mark.parametrize('engine', ['openvino', 'onnxruntime'])
@pytest.mark.parametrize('fed', ['bfloat16', 'float32'])
def test_bfloat16_goes_in_and_comes_out(tmp_path: Path, engine: str, fed: str) -> None:
    brain = pytest.importorskip('ml_dtypes').bfloat16
    model = graph([node('Identity', ['x'], ['y'])], {'x': [2, 3]}, ['y'], kind=onnx.TensorProto.BFLOAT16)
    model.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.BFLOAT16
    given = np.array([[1, 1.0000001, 1.00390625], [-3e38, np.inf, np.nan]], 'f4')  # the third is a tie
    feed = {'x': given.astype(fed if fed == 'float32' else brain)}
    if engine == 'openvino':
        got = answers(tmp_path, model, feed)['y']
    else:
        from stages.engines import onnxruntime
        from stages.frameworks.onnx import ports

        onnx.save(model, tmp_path / 'model.onnx')
        got = onnxruntime.load(tmp_path, ports.read(model), onnxruntime.Options(), 1).run(feed)['y']
    assert got.dtype == brain
    np.testing.assert_array_equal(got.astype('f4'), given.astype(brain).astype('f4'))


def rnn(**attributes: Any) -> Any:
    held = {'w': np.ones((1, 4, 3), 'f4'), 'r': np.ones((1, 4, 4), 'f4')}
    return graph(
        [node('RNN', ['x', 'w', 'r'], ['', 'h'], hidden_size=4, **attributes)], {'x': [2, 5, 3], **held}, ['h']
    )


def pool(size: int, **attributes: Any) -> Any:
    return graph([node('MaxPool', ['x'], ['y'], **attributes)], {'x': [1, 1, size, size]}, ['y'], opset=22)


def resize(scale: float, **attributes: Any) -> Any:
    scales = np.array([1, 1, scale, scale], 'f4')
    return graph(
        [node('Resize', ['x', '', 'by'], ['y'], **attributes)], {'x': [1, 1, 4, 4], 'by': scales}, ['y'], opset=19
    )


def dft(axis: int) -> Any:
    return graph([node('DFT', ['x', '', 'axis'], ['y'])], {'x': [1, 4, 4, 1], 'axis': np.array(axis)}, ['y'], opset=20)


def reduced(opset: int) -> Any:
    return graph([node('ReduceL1', ['x'], ['y'], axes=[1])], {'x': [3, 4]}, ['y'], opset=opset)


CORNERS = {'mode': 'linear', 'coordinate_transformation_mode': 'align_corners'}
WRONG = {
    'RNN with layout=1': (rnn(layout=1), rnn()),
    'MaxPool with ceil_mode=1': (
        pool(4, kernel_shape=[1, 1], strides=[2, 2], ceil_mode=1),
        pool(5, kernel_shape=[1, 1], strides=[2, 2], ceil_mode=1),
    ),
    'Resize with antialias=1': (resize(0.5, mode='linear', antialias=1), resize(0.5, mode='linear')),
    'Resize with align_corners': (resize(0.6, **CORNERS), resize(2.0, **CORNERS)),
    'Cast with to or from double': (
        graph([node('Cast', ['x'], ['y'], to=FLOAT)], {'x': [3]}, ['y'], kind=DOUBLE),
        graph([node('Cast', ['x'], ['y'], to=FLOAT)], {'x': [3]}, ['y'], kind=onnx.TensorProto.INT64),
    ),
    'DFT with axis': (dft(2), dft(1)),
    'ReduceL1 with axes': (reduced(17), reduced(12)),
}  # fmt: skip


@pytest.mark.parametrize('says', WRONG)
def test_what_openvino_answers_wrongly_without_a_word_is_refused_by_name(says: str) -> None:
    from stages.frameworks.openvino import known_wrong

    wrong, right = WRONG[says]
    with pytest.raises(UnsupportedError, match=f'^operator {says}'):
        known_wrong.refuse(wrong, insist=False)
    known_wrong.refuse(wrong, insist=True)
    known_wrong.refuse(right, insist=False)


def test_a_recipe_that_insists_gets_what_openvino_makes_of_it(tmp_path: Path) -> None:
    model = graph([node('Resize', ['x', '', 'by'], ['y'], mode='cubic', exclude_outside=1)],
                  {'x': [1, 1, 4, 4], 'by': np.array([1, 1, 2, 2], 'f4')}, ['y'], opset=18)  # fmt: skip
    feed = {'x': np.arange(16, dtype='f4').reshape(1, 1, 4, 4)}
    [want] = ort.InferenceSession(model.SerializeToString()).run(None, feed)
    got = answers(tmp_path, model, feed, insist=True)['y']
    assert got.shape == want.shape and np.abs(got - want).max() > 0.01  # when this fails, the row can go


def test_openvino_still_reduces_all_axes_where_the_set_tells_them_as_an_attribute(tmp_path: Path) -> None:
    feed = {'x': np.arange(12, dtype='f4').reshape(3, 4)}
    got = answers(tmp_path, reduced(17), feed, insist=True)['y']
    assert got.size == 1  # when this fails, the row can go
