"""Paddle graphs that write, read or run something: refused as data, in either form, whatever block they stand in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stages.contract.job import Job
from stages.contract.port import Contract
from stages.errors import IntegrityError, UnsupportedError
from stages.frameworks.paddle import allowed
from stages.frameworks.paddle import weights as weights_file
from stages.frameworks.paddle.operators import OPERATORS
from stages.sources import paddle as source
from tests.with_paddle import lacking

WEIGHTS = bytes(16) + b'\x04\0\0\0\x08\x05\x10\x01' + b'\0\0\x80\x3f'
HOSTILE = [
    'save', 'save_combine', 'load', 'load_combine', 'py_func', 'print', 'read_file', 'run_program', 'pylayer',
    'tensorrt_engine', 'openvino_engine', 'fusion_group', 'send_v2', 'c_comm_init', 'check_numerics', 'made_up',
]  # fmt: skip


def message(*fields: tuple[int, bytes | str | int]) -> bytes:
    """Return a message of Protobuf."""
    made = b''
    for number, value in fields:
        if isinstance(value, int):
            made += bytes([number << 3, value])
            continue
        part = value.encode() if isinstance(value, str) else value
        size = bytes([len(part) & 127 | 128, len(part) >> 7]) if len(part) > 127 else bytes([len(part)])
        made += bytes([number << 3 | 2]) + size + part
    return made


def variable(name: str) -> tuple[int, bytes]:
    return 3, message((1, name), (2, message((1, 7), (3, message((1, message((1, 5), (2, 4))))))))


def operator(kind: str, *attributes: bytes) -> tuple[int, bytes]:
    part = message((1, 'X'), (2, 'x'))
    return 4, message((2 if kind == 'feed' else 1, part), (3, kind), *((4, a) for a in attributes))


def column() -> bytes:
    return message((1, 'col'), (2, 0), (3, 0))


def program(kind: str, *attributes: bytes, where: int = 0) -> bytes:
    """Return a .pdmodel whose block ``where`` has an operator of this kind."""
    odd = operator(kind, *attributes)
    first = [variable('x'), operator('feed', column()), *([odd] if where == 0 else []), operator('fetch', column())]
    return message((1, message(*first)), *([(1, message(odd))] if where else []), (4, b'\x08\x00'))


def pir(kind: str, where: int = 0, dialect: str = '1') -> bytes:
    """Return the graph of Paddle 3 with an operator of this kind, in a branch where ``where`` is set."""
    held = {'#': '0.t_dtensor', 'D': [{'#': '0.t_f32'}, [4], 'NCHW', [], 0]}

    def plain(name: str) -> dict[str, Any]:
        attributes = [{'N': 'name', 'AT': {'#': '0.a_str', 'D': 'x'}}, {'N': 'col', 'AT': {'#': '0.a_i32', 'D': 0}}]
        return {'#': f'1.{name}', 'I': [], 'O': [{'%': 1, 'TT': held}], 'A': attributes}

    odd: dict[str, Any] = {'#': f'{dialect}.{kind}', 'I': [{'%': 1}], 'O': [], 'A': []}
    if where:
        odd = {'#': '1.if', 'I': [], 'O': [], 'A': [], 'regions': [{'blocks': [{'ops': [odd]}]}]}
    blocks = [{'blocks': [{'#': 'block_0', 'ops': [plain('data'), odd, plain('fetch')]}]}]
    return json.dumps({'base_code': {'magic': 'pir', 'version': 4}, 'program': {'regions': blocks}}).encode()


def take(tmp_path: Path, name: str, graph: bytes) -> Contract:
    (tmp_path / 'theirs').mkdir()
    (tmp_path / 'theirs' / name).write_bytes(graph)
    (tmp_path / 'theirs/net.pdiparams').write_bytes(WEIGHTS)
    (tmp_path / 'out').mkdir()
    inputs = {'file': tmp_path / 'theirs'}
    return source.run(source.Params(), Job(inputs, tmp_path / 'out', Contract(()), lambda fraction, words: None))


@pytest.mark.parametrize('where', [0, 1])
@pytest.mark.parametrize('kind', HOSTILE)
def test_an_operator_that_does_more_than_compute_is_refused_by_its_name(tmp_path: Path, kind: str, where: int) -> None:
    path = message((1, 'file_path'), (2, 2), (5, str(tmp_path / 'canary')))

    with pytest.raises(UnsupportedError, match=rf'net.pdmodel: .*{kind} \(block {where}\)(.|\n)*what to try'):
        take(tmp_path, 'net.pdmodel', program(kind, path, where=where))

    assert not (tmp_path / 'canary').exists()
    assert not list((tmp_path / 'out').iterdir())


@pytest.mark.parametrize('where', [0, 1])
@pytest.mark.parametrize('kind', [*HOSTILE, 'save_', 'py_func_'])
def test_so_it_is_in_a_graph_of_paddle_3(tmp_path: Path, kind: str, where: int) -> None:
    with pytest.raises(UnsupportedError, match=f'net.json: .*{kind} '):
        take(tmp_path, 'net.json', pir(kind, where))

    assert not list((tmp_path / 'out').iterdir())


def test_operators_of_another_dialect_are_code_from_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r'3\.relu'):
        take(tmp_path, 'net.json', pir('relu', dialect='3'))


@pytest.mark.parametrize(('name', 'graph'), [('net.pdmodel', program('relu')), ('net.json', pir('relu_', 1))])
def test_one_that_computes_comes_through(tmp_path: Path, name: str, graph: bytes) -> None:
    assert take(tmp_path, name, graph).inputs[0].name == 'x'


def test_weights_that_lie_on_another_machine_are_refused(tmp_path: Path) -> None:
    away = message((1, 'epmap'), (2, 5), (8, '10.0.0.1:80'))

    with pytest.raises(UnsupportedError, match='lookup_table of another machine'):
        take(tmp_path, 'net.pdmodel', program('lookup_table', away))


@pytest.mark.parametrize(
    'hidden',
    [
        bytes([15 << 3 | 3]),  # a group, whose first byte would be read as a size
        b'\xa2\x80\x80\x80\x80\x80\x04',  # operators (field 4) under a number that wraps around
    ],
)
def test_a_message_that_others_read_in_another_way_is_refused(tmp_path: Path, hidden: bytes) -> None:
    size = bytes([len(operator('save')[1])])
    block = message(variable('x'), operator('feed', column()), operator('fetch', column()))

    graph = message((1, block + hidden + size + operator('save')[1]), (4, b'\x08\x00'))

    with pytest.raises(IntegrityError, match=r'net.pdmodel: a damaged graph: ValueError: field \d+ of the kind'):
        take(tmp_path, 'net.pdmodel', graph)


def tensor(*sizes: bytes, held: int = 4) -> bytes:
    described = b'\x08\x05' + b''.join(b'\x10' + size for size in sizes)
    return bytes(16) + len(described).to_bytes(4, 'little') + described + bytes(held)


@pytest.mark.parametrize(
    ('weights', 'words'),
    [
        (tensor(b'\x80\x80\x80\x80\x80\x20'), 'tensor 1 ends at byte 4,398,046,511,1'),
        (tensor(b'\x01') + tensor(b'\x80\x80\x40', b'\x80\x80\x40'), 'tensor 2 ends at byte 4,398,046,511,1'),
        (tensor(b'\xff' * 9 + b'\x01'), 'tensor 1: of the type 5 and the sizes'),
        (tensor(b'\x01', held=3), 'tensor 1 ends at byte 28; the file has 27'),
        (tensor(b'\x01', held=5), 'tensor 2: the file is cut short'),
    ],
)
def test_weights_that_are_not_of_the_size_they_say_are_refused(tmp_path: Path, weights: bytes, words: str) -> None:
    (tmp_path / 'net.pdiparams').write_bytes(weights)

    with pytest.raises(IntegrityError, match=rf'net.pdiparams: {words}'):
        weights_file.check(tmp_path / 'net.pdiparams')


MODELS = """
import sys, paddle
from paddle.static import InputSpec

class Net(paddle.nn.Layer):
    def __init__(self):
        super().__init__()
        self.lstm, self.head = paddle.nn.LSTM(4, 4), paddle.nn.Linear(4, 4)

    def forward(self, x):
        y = self.head(self.lstm(x)[0])
        if paddle.mean(y) > 0:
            y = y * 2
        i = paddle.full([1], 0, 'int32')
        while i < 3:
            y, i = y + 1, i + 1
        return y, paddle.argmax(y, -1)

layer = paddle.nn.TransformerEncoderLayer(4, 2, 8)
for name, net in (('net', Net()), ('transformer', paddle.nn.TransformerEncoder(layer, 1))):
    net.eval()
    paddle.jit.save(net, f'{sys.argv[1]}/{name}/model', input_spec=[InputSpec([None, 3, 4], 'float32', 'x')])
print(*paddle.base.core.get_all_op_names(), *dir(paddle._C_ops))
"""


@pytest.fixture(scope='module')
def paddles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[str]]:
    """Models that Paddle saved, in a process of its own, and the names of all its operators."""
    if said := lacking():
        pytest.skip(said)
    folder = tmp_path_factory.mktemp('paddle')
    (folder / 'models.py').write_text(MODELS)
    command = [sys.executable, str(folder / 'models.py'), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return folder, {*done.stdout.split()}


@pytest.mark.paddle
@pytest.mark.parametrize('name', ['net', 'transformer'])
def test_recurrence_branches_loops_and_attention_come_through(paddles: tuple[Path, set[str]], name: str) -> None:
    allowed.check(paddles[0] / name / 'model.json')
    weights_file.check(paddles[0] / name / 'model.pdiparams')


@pytest.mark.paddle
def test_the_list_is_of_operators_that_paddle_has(paddles: tuple[Path, set[str]]) -> None:
    language = {'if', 'yield', 'combine', 'constant', 'has_elements', 'stack_create', 'tuple_pop', 'tuple_push'}

    assert paddles[1] | {name.rstrip('_') for name in paddles[1]} | language >= OPERATORS
    assert not set(HOSTILE) & OPERATORS
