"""What a TFLite file says of itself: names, sizes, quantization, precision and state."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from stages.contract.port import Contract, Port, Quantization
from stages.frameworks.tflite import ports

np = pytest.importorskip('numpy')
pytest.importorskip('ai_edge_litert', reason='needs modelkiln[litert]: pip install "modelkiln[litert]"')
pytestmark = pytest.mark.litert


def written(
    path: Path, tensors: Sequence[dict[str, Any]], operators: Sequence[tuple[int, list[int], list[int]]]
) -> Path:
    """Write a graph by hand: the first tensor goes in, the last comes out."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.subgraphs, model.buffers, model.operatorCodes = 3, [graph], [schema.BufferT()], []
    graph.tensors, graph.operators, graph.inputs, graph.outputs = [], [], [0], [len(tensors) - 1]
    for about in tensors:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = about['name'], about['shape'], about['type']
        tensor.isVariable, tensor.buffer = about.get('variable', False), 0
        if 'data' in about:
            buffer = schema.BufferT()
            buffer.data, tensor.buffer = np.frombuffer(about['data'].tobytes(), np.uint8), len(model.buffers)
            model.buffers.append(buffer)
        if 'scale' in about:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = np.array(about['scale'], 'float32')
            tensor.quantization.zeroPoint = np.array(about['zero'], 'int64')
            tensor.quantization.quantizedDimension = about.get('axis', 0)
        graph.tensors.append(tensor)
    for code, taken, given in operators:
        kind, operator = schema.OperatorCodeT(), schema.OperatorT()
        kind.builtinCode = kind.deprecatedBuiltinCode = code
        operator.opcodeIndex, operator.inputs, operator.outputs = len(model.operatorCodes), taken, given
        model.operatorCodes.append(kind)
        graph.operators.append(operator)
    builder = flatbuffers.Builder(256)
    builder.Finish(model.Pack(builder), b'TFL3')
    path.write_bytes(bytes(builder.Output()))
    return path


def kind(name: str) -> int:
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    return int(getattr(BuiltinOperator, name))


FLOAT, HALF, UINT8, INT8 = 0, 1, 3, 9
X = {'name': 'x', 'shape': [1, 4], 'type': FLOAT}
Y = {'name': 'y', 'shape': [1, 4], 'type': FLOAT}


def test_what_whole_numbers_mean_is_said(tmp_path: Path) -> None:
    taken = {'name': 'x', 'shape': [1, 4], 'type': UINT8, 'scale': [0.5], 'zero': [128]}
    given = {'name': 'y', 'shape': [1, 4], 'type': INT8, 'scale': [0.5, 0.25, 1, 2], 'zero': [0] * 4, 'axis': 1}

    found = ports.read(written(tmp_path / 'm', [taken, given], [(kind('RELU'), [0], [1])]))

    assert (found.inputs[0].dtype, found.inputs[0].quantization) == ('uint8', Quantization((0.5,), (128,)))
    assert found.outputs[0].quantization == Quantization((0.5, 0.25, 1.0, 2.0), (0, 0, 0, 0), 1)
    assert found.precision == 'int8'


def test_whole_numbers_at_the_ports_alone_do_not_make_a_model_of_int8(tmp_path: Path) -> None:
    taken = {'name': 'x', 'shape': [1, 4], 'type': UINT8, 'scale': [0.5], 'zero': [128]}
    steps = [(kind('DEQUANTIZE'), [0], [1]), (kind('RELU'), [1], [2])]

    assert ports.read(written(tmp_path / 'm', [taken, X, Y], steps)).precision == 'f32'


@pytest.mark.parametrize(('type', 'precision'), [(HALF, 'f16'), (FLOAT, 'f32')])
def test_the_type_of_the_weights_is_the_precision(tmp_path: Path, type: int, precision: str) -> None:
    data = np.zeros(4, 'float16' if type == HALF else 'float32')
    weight = {'name': 'w', 'shape': [4], 'type': type, 'data': data}

    assert ports.read(written(tmp_path / 'm', [X, weight, Y], [(kind('ADD'), [0, 1], [2])])).precision == precision


def test_names_that_stand_twice_are_told_apart_and_an_empty_one_is_replaced(tmp_path: Path) -> None:
    path = written(tmp_path / 'm', [X | {'name': ''}, Y], [(kind('RELU'), [0], [1])])

    assert ports.names(path) == (['input'], ['y'])


def test_a_converters_own_names_stay_known_beside_the_models(tmp_path: Path) -> None:
    path = written(tmp_path / 'm', [X | {'name': 'args_0'}, Y], [(kind('RELU'), [0], [1])])
    before = Contract((Port('image', ('batch', 4), 'float32'),), (Port('y', ('batch', 4), 'float32'),))

    made = ports.made(path, before)

    assert [port.in_file for port in (*made.inputs, *made.outputs)] == ['args_0', 'y']
    assert (made.inputs[0].name, made.outputs[0].file) == ('image', '')


def test_a_variable_is_state(tmp_path: Path) -> None:
    kept = {'name': 'kept', 'shape': [1, 4], 'type': FLOAT, 'variable': True}
    path = written(tmp_path / 'm', [X, kept, Y], [(kind('ADD'), [0, 1], [2])])

    assert ports.read(path).state == ('kept',)
    assert ports.state(path) == ports.State(('kept',), ())
