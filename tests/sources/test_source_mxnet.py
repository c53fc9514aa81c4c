"""MXNet sources: symbol and weights are what they say, read as data, or the message says why not; without MXNet."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.contract.job import Job
from stages.contract.port import Contract, Port
from stages.errors import IntegrityError, ModelkilnError, StepError, UnsupportedError
from stages.frameworks.mxnet import params, symbol
from stages.kinds import onnx_from_mxnet
from stages.sources import mxnet as source
from tests.sources.legacy_files import pair
from tests.sources.sources_helpers import job

DATA = (Port('data', ('batch', 4), 'float32'),)


def node(op: str, name: str, *inputs: int, **attrs: str) -> dict[str, Any]:
    return {'op': op, 'name': name, 'inputs': [[each, 0, 0] for each in inputs], **({'attrs': attrs} if attrs else {})}


NODES = [
    node('null', 'data'),
    node('null', 'fc_weight'),
    node('FullyConnected', 'fc', 0, 1, num_hidden='3', no_bias='True'),
    node('null', 'label'),
    node('SoftmaxOutput', 'prob', 2, 3),
]


def net(*nodes: dict[str, Any], head: int = -1, **more: Any) -> str:
    listed = list(nodes or NODES)
    head = head % len(listed) if head < 0 else head
    return json.dumps({'nodes': listed, 'arg_nodes': [0], 'heads': [[head, 0, 0]], **more})


def array(*shape: int, kind: int = 0, width: int = 4, stype: int = 0) -> bytes:
    size = width
    for dim in shape:
        size *= dim
    head = struct.pack('<IiI', 0xF993FAC9, stype, len(shape)) + struct.pack(f'<{len(shape)}q', *shape)
    return head + struct.pack('<2ii', 1, 0, kind) + bytes(max(size, 0))


def weights(*arrays: bytes, names: tuple[str, ...] = ('arg:fc_weight',)) -> bytes:
    told = b''.join(struct.pack('<Q', len(name)) + name.encode() for name in names)
    return struct.pack('<3Q', 0x112, 0, len(arrays)) + b''.join(arrays) + struct.pack('<Q', len(names)) + told


GOOD = weights(array(3, 4))


def test_a_classifier_is_taken_without_the_label_that_it_was_trained_with(tmp_path: Path) -> None:
    done = job(tmp_path / 'out', DATA, **pair(tmp_path, **{'net-symbol_json': net(), 'net-0000_params': GOOD}))

    contract = source.run(source.Params(), done)

    assert [port.name for port in contract.inputs] == ['data']
    assert [port.name for port in contract.outputs] == ['prob_output']
    assert source.operators(done.output) == {'FullyConnected': 1, 'Flatten': 1, 'softmax': 1}
    assert (done.output / 'model-0000.params').read_bytes() == GOOD


def test_a_model_may_end_at_an_inner_output(tmp_path: Path) -> None:
    files = pair(tmp_path, **{'net-symbol_json': net(*NODES[:4], node('MakeLoss', 'loss', 2)), 'net-0000_params': GOOD})
    done = job(tmp_path / 'out', DATA, **files)

    contract = source.run(source.Params(output=('fc_output',)), done)

    assert [port.name for port in contract.outputs] == ['fc_output']
    assert source.operators(done.output) == {'FullyConnected': 1}


@pytest.mark.parametrize(('kind', 'width', 'precision'), [(0, 4, 'f32'), (2, 2, 'f16')])
def test_the_weights_say_the_precision(kind: int, width: int, precision: str, tmp_path: Path) -> None:
    held = weights(array(3, 4, kind=kind, width=width))
    files = pair(tmp_path, **{'net-symbol_json': net(), 'net-0000_params': held})

    assert source.run(source.Params(), job(tmp_path / 'out', DATA, **files)).precision == precision


LOSS = net(*NODES[:4], node('CTCLoss', 'loss', 2))
HOSTILE = {
    'nothing': ('', GOOD, 'not a symbol of MXNet'),
    'a page': ('<html>not here</html>', GOOD, 'not a symbol of MXNet'),
    'other JSON': ('{"base_code": {}}', GOOD, 'not a symbol of MXNet'),
    'brackets in brackets': ('[' * 100_000, GOOD, 'not a symbol of MXNet'),
    'code': (net(NODES[0], node('Custom', 'own', 0, op_type='evil')), GOOD, 'not known here: Custom'),
    'a loss': (LOSS, GOOD, 'CTCLoss is of training\nname an output before it'),
    'a graph inside': (net(NODES[0], {**node('relu', 'r', 0), 'subgraphs': [{}]}), GOOD, 'has graphs inside'),
    'a loop': (net(node('relu', 'r', 0)), GOOD, 'takes what is not before it'),
    'a head from nowhere': (net(head=99), GOOD, 'make no symbol'),
    'two of a name': (net(NODES[0], node('relu', 'a', 0), node('relu', 'a', 1)), GOOD, "two nodes are called 'a'"),
    'nothing to feed': (net(NODES[1], node('relu', 'r', 0)), GOOD, 'takes nothing'),
    'no weights': (net(), b'', 'net-0000.params: not a .params file'),
    'weights of zip': (net(), b'PK\x03\x04' * 20, 'does not begin as one'),
    'weights cut short': (net(), GOOD[:-20], 'not a .params file'),
    'bytes left over': (net(), GOOD + b'\0', '1 bytes left over'),
    'a shape without end': (net(), weights(array(1).replace(b'\1' + bytes(7), b'\0\0\0\0\1' + bytes(3))), 'cut short'),
    'a shape below zero': (net(), weights(array(-4)), 'with -4 on a side'),
    'a million axes': (net(), weights(struct.pack('<IiI', 0xF993FAC9, 0, 1_000_000)), 'an array of 1000000 axes'),
    'as many arrays as there are numbers': (net(), struct.pack('<3Q', 0x112, 0, 1 << 60), 'does not begin as one'),
    'a sparse array': (net(), weights(array(3, 4, stype=1)), 'holds a sparse array'),
    'a type of nobody': (net(), weights(array(3, 4, kind=99)), 'numbers of the type 99'),
}  # fmt: skip


@pytest.mark.parametrize('case', HOSTILE)
def test_a_damaged_or_hostile_file_gets_one_message_and_leaves_nothing(case: str, tmp_path: Path) -> None:
    text, held, words = HOSTILE[case]
    done = job(tmp_path / 'out', DATA, **pair(tmp_path, **{'net-symbol_json': text, 'net-0000_params': held}))

    with pytest.raises((IntegrityError, StepError)) as refused:
        source.run(source.Params(), done)

    assert words in str(refused.value)
    assert len(str(refused.value)) < 600
    assert [*done.output.iterdir()] == []


@settings(max_examples=60, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_the_bytes_are_the_reader_ends_with_a_message_of_ours(tmp_path: Path, data: st.DataObject) -> None:
    text, held = bytearray(net().encode()), bytearray(GOOD)
    for content in (text, held):
        for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
            content[place] = data.draw(st.integers(0, 255))
    (tmp_path / 'a.json').write_bytes(text)
    (tmp_path / 'a.params').write_bytes(held)

    for read in (
        lambda: symbol.check(symbol.cut(symbol.read(tmp_path / 'a.json'), ())),
        lambda: params.read(tmp_path / 'a.params'),
    ):
        try:
            read()
        except ModelkilnError as error:
            assert error.exit_code in (4, 6)


def test_a_net_that_is_recurrent_in_both_directions_is_refused_by_name(tmp_path: Path) -> None:
    told = net(NODES[0], node('RNN', 'lstm0', 0, mode='lstm', bidirectional='True'))
    (tmp_path / 'model-symbol.json').write_text(told)
    done = Job({'model': tmp_path}, tmp_path, Contract(DATA), lambda fraction, words: None)
    pytest.importorskip('onnx')

    with pytest.raises(UnsupportedError, match='lstm0 is recurrent in both directions'):
        onnx_from_mxnet.run(onnx_from_mxnet.Params(), done)


def test_a_symbol_is_recognised_with_the_weights_beside_it(tmp_path: Path) -> None:
    (tmp_path / 'net-symbol.json').write_text(net())
    (tmp_path / 'net-0042.params').write_bytes(GOOD)

    there = {'net-symbol.json': 'net-symbol.json', 'net-0042.params': 'net-0042.params'}
    assert source.recognise(tmp_path / 'net-symbol.json') == there
