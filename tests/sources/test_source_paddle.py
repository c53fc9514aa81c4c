"""Paddle sources: graph and weights are what they say, or the message says why not. No Paddle is needed for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sources_helpers import job

from stages.errors import IntegrityError, StepError
from stages.sources import paddle as source

WEIGHTS = bytes(16) + b'\x04\0\0\0\x08\x05\x10\x01' + b'\0\0\x80\x3f'
GRAPH = json.dumps({'base_code': {'magic': 'pir', 'version': 4}, 'program': {'regions': []}}).encode()
PROGRAM = b'\x0a\x03\x08\x00\x10' + b'\x22\x02\x08\x00'  # a block of three bytes, a version of two


def fetched(tmp_path: Path, **files: bytes) -> dict[str, Path]:
    """Put each file into a fetch's folder; ``model_json`` becomes model.json."""
    folders = {}
    for number, (name, content) in enumerate(files.items(), start=1):
        role = 'file' if number == 1 else f'file{number}'
        folders[role] = tmp_path / role
        folders[role].mkdir()
        (folders[role] / name.replace('_', '.')).write_bytes(content)
    return folders


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
