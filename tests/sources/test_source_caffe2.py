"""Caffe2 sources: what they compute is what Caffe2 itself answered when it could still be run."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.contract.port import ANY, Port
from stages.errors import IntegrityError, ModelkilnError, PromiseError, StepError, UnsupportedError
from stages.frameworks.caffe2 import read
from stages.frameworks.caffe2.operators import OPERATORS
from stages.sources import caffe2 as source
from tests.sources.legacy_files import message, pair
from tests.sources.sources_helpers import job

pytestmark = pytest.mark.onnx

STORED = np.load(Path(__file__).with_name('caffe2_answers.npz'))
CASES = sorted({key.partition('/')[0] for key in STORED} - {'data'})
DATA = (Port('data', ('batch', 4, 6, 7), 'float32'),)


def answers(case: str) -> dict[str, np.ndarray]:
    names = [key.partition('/')[2] for key in STORED if key.startswith(f'{case}/')]
    own = {name: STORED[f'{case}/{name}'] for name in names if name not in ('init', 'predict')}
    return {'data': STORED['data'], **own}


def laid_out(folder: Path, case: str, **more: bytes) -> dict[str, Path]:
    return pair(folder, init_pb=STORED[f'{case}/init'].tobytes(), net_pb=STORED[f'{case}/predict'].tobytes(), **more)


def test_every_operator_of_the_table_is_shown() -> None:
    assert set(OPERATORS) <= {case.partition(' ')[0] for case in CASES}


@pytest.mark.parametrize('case', CASES)
def test_an_operator_gives_what_caffe2_gave(case: str, tmp_path: Path) -> None:
    folder = tmp_path / 'answers'
    folder.mkdir()
    np.savez(folder / 'answers.npz', **answers(case))
    done = job(tmp_path / 'out', DATA, **laid_out(tmp_path, case), file3=folder)

    contract = source.run(source.Params(), done)  # holds the reading to the stored answers

    assert ANY not in [port.shape for port in contract.outputs]
    assert 'Caffe2 itself was not run' in contract.notes[-1]
    assert 'answers.npz' in contract.notes[-1]


def test_answers_that_the_reading_does_not_give_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / 'answers'
    folder.mkdir()
    wrong = answers('Conv')
    wrong['y'] = wrong['y'] * np.float32(1.01)
    np.savez(folder / 'answers.npz', **wrong)
    done = job(tmp_path / 'out', DATA, **laid_out(tmp_path, 'Conv'), file3=folder)

    with pytest.raises(PromiseError, match=r'answers.npz: y is .* from what is stored there'):
        source.run(source.Params(), done)
    assert [*done.output.iterdir()] == []


def test_a_recipe_must_say_the_shape_that_the_files_do_not(tmp_path: Path) -> None:
    with pytest.raises(StepError, match='does not say what shape data has'):
        source.run(source.Params(), job(tmp_path / 'out', **laid_out(tmp_path, 'Conv')))


def test_the_two_nets_are_told_apart_by_what_they_do(tmp_path: Path) -> None:
    turned = pair(tmp_path, net_pb=STORED['FC/predict'].tobytes(), a_pb=STORED['FC/init'].tobytes())
    done = job(tmp_path / 'out', DATA, **turned)

    contract = source.run(source.Params(), done)

    assert contract.outputs[0].shape == ('batch', 3)
    assert source.operators(done.output) == {'FC': 1}


def operator(kind: str, *inputs: str, gives: str = 'y', arguments: tuple[bytes, ...] = ()) -> tuple[int, bytes]:
    parts = [*((1, name) for name in inputs), (2, gives), (4, kind), *((5, each) for each in arguments)]
    return 2, message(*parts)


def net(*operators: tuple[int, bytes]) -> bytes:
    return message((1, 'n'), *operators, (7, 'data'), (7, 'w'), (8, 'y'))


TWO = (message((1, 'shape'), (6, 2)), message((1, 'values'), (5, 1.0), (5, 2.0)))
FILL = operator('GivenTensorFill', gives='w', arguments=TWO)
ODD = message((1, 'odd'), (3, 1))
LAST = message((1, 'order'), (4, 'NHWC'))
HOSTILE = {
    'nothing': (b'', b'', 'it has 0 operators'),
    'a page': (b'<html>not here</html>', net(operator('Relu', 'data')), 'not a net of Caffe2'),
    'zeros': (net(FILL), b'\0' * 100, 'not a net of Caffe2'),
    'cut short': (net(FILL)[:-9], net(operator('Relu', 'data')), 'not a net of Caffe2'),
    'two that compute': (net(operator('Relu', 'data')), net(operator('Relu', 'data')), 'one net that fills'),
    'code': (net(FILL), net(operator('Python', 'data')), 'is code from elsewhere'),
    'an operator that reads files': (net(FILL), net(operator('Load', 'data')), 'reads or writes files'),
    'of nobody': (net(FILL), net(operator('Made', 'data'), operator('Up', 'y')), 'Up (operator 1) is not known'),
    'an argument of nobody': (net(FILL), net(operator('Relu', 'data', arguments=(ODD,))), '`odd`'),
    'channels last': (net(FILL), net(operator('MaxPool', 'data', arguments=(LAST,))), 'last'),
    'a value from nowhere': (net(FILL), net(operator('Add', 'data', 'date')), "takes 'date'"),
    'random weights': (net(operator('XavierFill', gives='w')), net(operator('Relu', 'data')), 'how training begins'),
    'too few values': (net(operator('GivenTensorFill', gives='w', arguments=(message((1, 'shape'), (6, 9)),))),
                       net(operator('Relu', 'data')), 'has 0 values for the shape [9]'),
    'a shape without end': (net(operator('ConstantFill', gives='w', arguments=(message((1, 'shape'), (6, 1 << 40)),))),
                            net(operator('Relu', 'data')), 'has the shape'),
    'a shape below zero': (net(operator('ConstantFill', gives='w', arguments=(message((1, 'shape'), (6, -4)),))),
                           net(operator('Relu', 'data')), 'has the shape [-4]'),
    'a window of nothing': (net(FILL), net(operator('MaxPool', 'data')), 'has kernel [0, 0]'),
    'no output': (net(FILL), message(operator('Relu', 'data'), (7, 'data')), 'names no external_output'),
    'an output of nobody': (net(FILL), message(operator('Relu', 'data'), (7, 'data'), (8, 'z')), "the output 'z'"),
}  # fmt: skip


@pytest.mark.parametrize('case', HOSTILE)
def test_a_damaged_or_hostile_file_gets_one_message_and_leaves_nothing(case: str, tmp_path: Path) -> None:
    init, predict, words = HOSTILE[case]
    done = job(tmp_path / 'out', DATA, **pair(tmp_path, init_pb=init, net_pb=predict))

    with pytest.raises((IntegrityError, StepError)) as refused:
        source.run(source.Params(), done)

    assert words in str(refused.value)
    assert len(str(refused.value)) < 600
    assert [*done.output.iterdir()] == []


def test_every_operator_that_is_lacking_is_named_at_once(tmp_path: Path) -> None:
    told = net(operator('RoIAlign', 'data'), operator('Made', 'y'), operator('If', 'y'))

    with pytest.raises(UnsupportedError) as refused:
        source.run(source.Params(), job(tmp_path / 'out', DATA, **pair(tmp_path, init_pb=net(FILL), net_pb=told)))

    assert all(word in str(refused.value) for word in ('RoIAlign', 'Made', 'If (operator 2) runs a net inside'))


@settings(max_examples=60, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_the_bytes_are_the_reader_ends_with_a_message_of_ours(tmp_path: Path, data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(['Conv', 'FC', 'Split', 'Add']))
    init, predict = (bytearray(STORED[f'{case}/{name}'].tobytes()) for name in ('init', 'predict'))
    for net_bytes in (init, predict):
        for place in data.draw(st.lists(st.integers(0, len(net_bytes) - 1), max_size=4)):
            net_bytes[place] = data.draw(st.integers(0, 255))
    folder = tmp_path / 'drawn'
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / 'i.pb').write_bytes(init)
    (folder / 'p.pb').write_bytes(predict)

    try:
        found = read.files(folder / 'i.pb', folder / 'p.pb')
        contract = found.contract
        if [port.name for port in contract.inputs] == ['data']:
            read.read(folder / 'i.pb', folder / 'p.pb', type(contract)(DATA, contract.outputs))
    except ModelkilnError as error:
        assert error.exit_code in (4, 6)


def test_the_two_files_are_recognised_beside_each_other(tmp_path: Path) -> None:
    (tmp_path / 'a.pb').write_bytes(STORED['FC/init'].tobytes())
    (tmp_path / 'b.pb').write_bytes(STORED['FC/predict'].tobytes())
    (tmp_path / 'c.pb').write_bytes(b'something else')

    assert source.recognise(tmp_path / 'a.pb') == {'a.pb': 'a.pb', 'b.pb': 'b.pb'}
    assert source.recognise(tmp_path / 'c.pb') == {}
