"""Paddle sources: graph and weights are what they say, or the message says why not. No Paddle is needed for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stages.contract.port import Port
from stages.errors import IntegrityError, StepError
from stages.sources import paddle as source
from tests.sources.sources_helpers import job

WEIGHTS = bytes(16) + b'\x04\0\0\0\x08\x05\x10\x01' + b'\0\0\x80\x3f'


def operator(kind: str, name: str, shape: list[int], dtype: str, col: int = 0) -> dict[str, Any]:
    """Return an input or output as Paddle 3 writes it."""
    held = {'#': '0.t_dtensor', 'D': [{'#': f'0.t_{dtype}'}, shape, 'NCHW', [], 0]}
    return {
        '#': f'1.{kind}', 'I': [], 'O': [{'%': 1, 'TT': held}],
        'A': [{'AT': {'#': '0.a_str', 'D': name}, 'N': 'name'}, {'AT': {'#': '0.a_i32', 'D': col}, 'N': 'col'}],
    }  # fmt: skip


def program(*operators: dict[str, Any]) -> bytes:
    blocks = [{'blocks': [{'ops': list(operators)}]}]
    return json.dumps({'base_code': {'magic': 'pir', 'version': 4}, 'program': {'regions': blocks}}).encode()


def message(*fields: tuple[int, int | bytes | str]) -> bytes:
    """Return a message of Protobuf: numbers below 128, and parts of fewer bytes than that."""
    made = b''
    for number, value in fields:
        part = value.encode() if isinstance(value, str) else value
        made += bytes([number << 3, part]) if isinstance(part, int) else bytes([number << 3 | 2, len(part)]) + part
    return made


def variable(name: str, dtype: int, *dims: int) -> tuple[int, bytes]:
    sizes = b''.join(b'\x10' + (bytes([d]) if d >= 0 else b'\xff' * 9 + b'\x01') for d in dims)
    return 3, message((1, name), (2, message((1, 7), (3, message((1, message((1, dtype)) + sizes))))))


def feed(kind: str, name: str, col: int) -> tuple[int, bytes]:
    place = message((1, 'col'), (2, 0), (3, col))
    part = message((1, 'X'), (2, name))
    return 4, message((2 if kind == 'feed' else 1, part), (3, kind), (4, place))


GRAPH = program(
    operator('data', 'mask', [-1, 7], 'bool'),
    operator('data', 'ids', [-1, 7], 'i64'),
    operator('fetch', 'fetch_name_1', [-1], 'f32', 1),
    operator('fetch', 'fetch_name_0', [-1, 3], 'f16', 0),
)
# feeds and fetches stand backwards, as Paddle writes them
BLOCK = message(
    variable('mask', 0, -1, 7), variable('ids', 3, -1, 7), variable('sum', 5, -1), variable('rows', 4, -1, 3),
    feed('feed', 'ids', 1), feed('feed', 'mask', 0), feed('fetch', 'sum', 1), feed('fetch', 'rows', 0),
)  # fmt: skip
PROGRAM = b'\x0a' + bytes([len(BLOCK) & 127 | 128, len(BLOCK) >> 7]) + BLOCK + b'\x22\x02\x08\x00'


def fetched(tmp_path: Path, **files: bytes) -> dict[str, Path]:
    """Put each file into a fetch's folder; ``model_json`` becomes model.json."""
    folders = {}
    for number, (name, content) in enumerate(files.items(), start=1):
        role = 'file' if number == 1 else f'file{number}'
        folders[role] = tmp_path / role
        folders[role].mkdir()
        (folders[role] / name.replace('_', '.')).write_bytes(content)
    return folders


@pytest.mark.parametrize(
    ('graph', 'returned'), [('a_json', ('fetch_name_0', 'fetch_name_1')), ('a_pdmodel', ('rows', 'sum'))]
)
def test_the_graph_says_its_ports_in_the_order_in_which_it_was_saved(tmp_path: Path, graph: str, returned: Any) -> None:
    content = GRAPH if graph == 'a_json' else PROGRAM
    done = job(tmp_path / 'out', **fetched(tmp_path, **{graph: content, 'a_pdiparams': WEIGHTS}))

    contract = source.run(source.Params(), done)

    assert [(p.name, p.shape, p.dtype) for p in contract.inputs] == [
        ('mask', ('mask_0', 7), 'bool'),
        ('ids', ('ids_0', 7), 'int64'),
    ]
    rows, total = returned
    assert [(p.name, p.shape, p.dtype) for p in contract.outputs] == [
        (rows, (f'{rows}_0', 3), 'float16'),
        (total, (f'{total}_0',), 'float32'),
    ]


def test_a_recipe_for_another_model_is_refused(tmp_path: Path) -> None:
    declared = (Port('mask', ('batch', 7), 'bool'), Port('words', ('batch', 7), 'int64'), Port('n', (1,), 'int64'))
    done = job(tmp_path / 'out', declared, **fetched(tmp_path, a_json=GRAPH, a_pdiparams=WEIGHTS))

    with pytest.raises(StepError, match=r'a.json: has 2 inputs \(mask, ids\); the recipe names 3'):
        source.run(source.Params(), done)


@pytest.mark.parametrize(('name', 'content'), [('model.json', GRAPH), ('model.pdmodel', PROGRAM)])
def test_a_model_arrives_under_the_names_of_the_format(tmp_path: Path, name: str, content: bytes) -> None:
    graph = name.replace('model.', 'inference_')
    done = job(tmp_path / 'out', **fetched(tmp_path, **{graph: content, 'inference_pdiparams': WEIGHTS}))

    source.run(source.Params(), done)

    assert {path.name: path.read_bytes() for path in done.output.iterdir()} == {
        name: content,
        'model.pdiparams': WEIGHTS,
    }
    assert all((done.output / promised).is_file() for promised in source.outputs(source.Params()))


def test_a_folder_may_hold_both_and_what_lies_beside(tmp_path: Path) -> None:
    folder = tmp_path / 'file/model'
    folder.mkdir(parents=True)
    for name, content in {'a.pdmodel': PROGRAM, 'a.pdiparams': WEIGHTS, 'a.pdiparams.info': b'', 'a.yml': b''}.items():
        (folder / name).write_bytes(content)
    done = job(tmp_path / 'out', file=tmp_path / 'file')

    source.run(source.Params(), done)

    assert sorted(path.name for path in done.output.iterdir()) == ['model.pdiparams', 'model.pdmodel']


@pytest.mark.parametrize(
    ('files', 'words'),
    [
        ({'a_pdmodel': PROGRAM}, 'fetched: a.pdmodel'),
        ({}, 'fetched: nothing'),
        ({'a_json': GRAPH, 'b_pdmodel': PROGRAM, 'c_pdiparams': WEIGHTS}, 'one graph'),
        ({'a_pdmodel': PROGRAM, 'b_pdiparams': WEIGHTS, 'c_exe': b''}, 'c.exe'),
        ({'a_pdmodel': WEIGHTS, 'a_pdiparams': PROGRAM}, 'not a .pdmodel file'),
        ({'a_pdmodel': PROGRAM, 'a_pdiparams': PROGRAM}, 'not a file of Paddle weights'),
        ({'a_pdmodel': PROGRAM, 'a_pdiparams': b''}, 'not a file of Paddle weights'),
        ({'a_pdmodel': PROGRAM[:-1], 'a_pdiparams': WEIGHTS}, 'cut short'),
        ({'a_pdmodel': b'', 'a_pdiparams': WEIGHTS}, 'cut short'),
        ({'a_pdmodel': b'\x80' * 1000, 'a_pdiparams': WEIGHTS}, 'more than 64 bits'),
        ({'a_pdmodel': b'<html>not here</html>', 'a_pdiparams': WEIGHTS}, 'not a .pdmodel file'),
        ({'a_json': b'<html>not here</html>', 'a_pdiparams': WEIGHTS}, 'not a graph of Paddle 3'),
        ({'a_json': b'[' * 100_000, 'a_pdiparams': WEIGHTS}, 'not a graph of Paddle 3'),
        ({'a_json': b'{"base_code": {"magic": "pir"}}', 'a_pdiparams': WEIGHTS}, 'no program'),
    ],
    ids=str,
)
def test_anything_else_is_refused(tmp_path: Path, files: dict[str, bytes], words: str) -> None:
    done = job(tmp_path / 'out', **fetched(tmp_path, **files))

    with pytest.raises(StepError, match=words):
        source.run(source.Params(), done)

    assert not list(done.output.iterdir())


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    folders = fetched(tmp_path, a_pdmodel=PROGRAM, a_pdiparams=WEIGHTS)
    (tmp_path / 'secret').write_bytes(PROGRAM)
    (folders['file'] / 'a.pdmodel').unlink()
    (folders['file'] / 'a.pdmodel').symlink_to(tmp_path / 'secret')

    with pytest.raises(IntegrityError, match='not a plain file'):
        source.run(source.Params(), job(tmp_path / 'out', **folders))
