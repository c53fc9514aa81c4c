"""Weights of OneFlow are safetensors: a damaged or hostile file gets one message, and OneFlow sees nothing of it."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

pytest.importorskip('safetensors')
pytest.importorskip('numpy')

from stages.errors import StepError
from stages.sources import oneflow as source


def tensors(size: int | None = None, **shapes: list[int]) -> bytes:
    """Return a safetensors file of zeros; ``size``: what its head says that it has instead."""
    head, end = {}, 0
    for name, shape in shapes.items():
        start, end = end, end + 4 * (shape[0] if shape else 1)
        head[name] = {'dtype': 'F32', 'shape': shape, 'data_offsets': [start, end]}
    text = json.dumps(head).encode()
    return struct.pack('<Q', len(text) if size is None else size) + text + bytes(end)


def headed(**told: object) -> bytes:
    """Return a file of one array, its head changed."""
    text = json.dumps({'a': {'dtype': 'F32', 'shape': [4], 'data_offsets': [0, 16]} | told}).encode()
    return struct.pack('<Q', len(text)) + text + bytes(16)


DAMAGED = 'cannot be read as weights, it is damaged'
HOSTILE = {
    'nothing': ('w.safetensors', b''),
    'a page': ('w.safetensors', b'<html>not found</html>'),
    'a head longer than the file': ('w.safetensors', tensors(1 << 60, a=[4])),
    'a head that ends early': ('w.safetensors', tensors(5, a=[4])),
    'cut short': ('w.safetensors', tensors(a=[4])[:-4]),
    'more than its arrays': ('w.safetensors', tensors(a=[4]) + bytes(8)),
    'an array behind the end': ('w.safetensors', headed(data_offsets=[0, 1 << 40])),
    'an array that ends before it begins': ('w.safetensors', headed(data_offsets=[16, 0])),
    'a shape of other sizes': ('w.safetensors', headed(shape=[1 << 40])),
    'a size below nothing': ('w.safetensors', headed(shape=[-4])),
    'a type that is none': ('w.safetensors', headed(dtype='OBJECT')),
}


@pytest.mark.parametrize('name', HOSTILE)
def test_a_damaged_or_hostile_file_is_one_message(name: str, tmp_path: Path) -> None:
    file, content = HOSTILE[name]
    (tmp_path / file).write_bytes(content)

    with pytest.raises(StepError, match=DAMAGED) as refused:
        source._read([tmp_path / file])

    assert len(str(refused.value)) < 500 and str(refused.value).startswith('w.safetensors: ')


@pytest.mark.parametrize('name', ['net.pt', 'net.pkl', 'net', 'variables.of'])
def test_what_runs_code_as_it_is_opened_is_not_opened(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b'\x80\x04cposix\nsystem\n.')

    with pytest.raises(StepError, match=r'no file of weights that is read here; expected \.safetensors'):
        source._read([tmp_path / name])


def test_one_array_in_two_files_is_refused(tmp_path: Path) -> None:
    for name in ('1.safetensors', '2.safetensors'):
        (tmp_path / name).write_bytes(tensors(a=[4]))

    with pytest.raises(StepError, match=r'2\.safetensors: a stands in another of the files too'):
        source._read([tmp_path / '1.safetensors', tmp_path / '2.safetensors'])
