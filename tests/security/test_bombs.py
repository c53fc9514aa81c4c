"""Files of arrays that are not what they say, or unpack to a mountain: refused before their numbers are read."""

from __future__ import annotations

import io
import time
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from stages.contract.job import Job
from stages.contract.port import Contract
from stages.errors import StepError
from stages.feed.npz import read_npz
from stages.sources import data as source

np = pytest.importorskip('numpy')

MOST = 64 << 20
"""Bytes that refusing may take."""


@contextmanager
def small() -> Iterator[None]:
    """Fail where what is inside takes memory or time."""
    start = time.monotonic()
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MOST
    finally:
        tracemalloc.stop()
    assert time.monotonic() - start < 20


def array(shape: tuple[int, ...], held: bytes) -> bytes:
    """Return an array of bytes that says ``shape`` and holds what it likes."""
    memory = io.BytesIO()
    np.lib.format.write_array_header_1_0(memory, {'descr': '|u1', 'fortran_order': False, 'shape': shape})
    return memory.getvalue() + held


def archive(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(f'{name}.npy', content)
    return path


def take(theirs: Path, out: Path) -> None:
    out.mkdir()
    job = Job({'file': theirs}, out, Contract(()), lambda fraction, words: None)
    source.run(source.Params('', ''), job)


def test_arrays_packed_into_next_to_nothing_are_refused(tmp_path: Path) -> None:
    (tmp_path / 'theirs').mkdir()
    path = tmp_path / 'theirs/data.npz'
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as made, made.open('x.npy', 'w') as member:
        member.write(array((600 << 20,), b''))
        for _ in range(600):
            member.write(bytes(1 << 20))

    with small(), pytest.raises(StepError, match=r'data.npz cannot be read as plain arrays: [\d,]+ bytes packed'):
        take(tmp_path / 'theirs', tmp_path / 'out')


@pytest.mark.parametrize('shape', [(1 << 40,), (1 << 20, 1 << 20), (3,), ()])
def test_an_array_that_says_another_size_than_it_has_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = archive(tmp_path / 'data.npz', x=array(shape, bytes(4)))

    with small(), pytest.raises(ValueError, match=r'x.npy says that it has [\d,]+ bytes; there are 4'):
        read_npz(path)


def test_objects_are_refused_by_what_the_header_says(tmp_path: Path) -> None:
    np.savez(tmp_path / 'data.npz', x=np.array([object], dtype=object))

    with pytest.raises(ValueError, match=r'x.npy holds Python objects'):
        read_npz(tmp_path / 'data.npz')


def test_masks_that_pack_well_and_empty_arrays_come_through(tmp_path: Path) -> None:
    arrays = {'mask': np.zeros((64, 512, 512), 'u1'), 'none': np.zeros((0, 3)), 'one': np.float32(3)}
    np.savez_compressed(tmp_path / 'data.npz', **arrays)

    read = read_npz(tmp_path / 'data.npz')

    assert {name: value.shape for name, value in read.items()} == {name: np.shape(a) for name, a in arrays.items()}


def laughs(depth: int) -> Any:
    """Return lists that hold one list twice, and that again."""
    held: list[Any] = []
    for _ in range(depth):
        held = [held, held]
    return held


@pytest.mark.torch
def test_weights_that_unpack_or_unfold_to_a_mountain_are_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip('torch', reason='needs modelkiln[torch]: pip install "modelkiln[torch]"')
    from stages.sources import weights

    torch.save({'w': torch.zeros(40 << 20, dtype=torch.uint8)}, tmp_path / 'plain.pt')
    packed = zipfile.ZipFile(tmp_path / 'packed.pt', 'w', zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(tmp_path / 'plain.pt') as old, packed as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    torch.save({'w': laughs(40)}, tmp_path / 'laughs.pt')
    held = weights.read([tmp_path / 'plain.pt'])

    for name, words in (('packed.pt', 'torch packs nothing'), ('laughs.pt', 'more than 1,000,000 entries')):
        with pytest.raises(StepError, match=f'{name}: cannot be read as plain weights: it .*{words}'):
            weights.read([tmp_path / name])
    assert held['w'].numel() == 40 << 20
