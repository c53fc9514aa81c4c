"""A wheel is hostile until proven: what is taken from it, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.archive import Caps, take
from stages.errors import IntegrityError, StepError
from tests.sources.sources_helpers import wheel


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / 'out'
    folder.mkdir()
    return folder


def test_takes_one_file(tmp_path: Path, out: Path) -> None:
    archive = wheel(tmp_path / 'a.whl', ('p/data/x.bin', b'x'), ('p/y.bin', b'y'))
    assert take(archive, 'p/data/x.bin', out) == [out / 'x.bin']
    assert [p.name for p in out.iterdir()] == ['x.bin']
    assert (out / 'x.bin').read_bytes() == b'x'


def test_takes_all_matches_within_one_folder(tmp_path: Path, out: Path) -> None:
    names = ('p/b_2.jpg', 'p/b_1.jpg', 'p/c.png', 'p/deeper/b_3.jpg')
    archive = wheel(tmp_path / 'a.whl', *((name, b'x') for name in names))
    assert take(archive, 'p/b_*.jpg', out) == [out / 'b_1.jpg', out / 'b_2.jpg']


@pytest.mark.parametrize('name', ['../x', '/x', 'p/../../x', 'C:x', 'C:/x', 'p\\x', '//host/share/x', 'p/\x1bx'])
def test_one_bad_name_condemns_the_archive(tmp_path: Path, out: Path, name: str) -> None:
    archive = wheel(tmp_path / 'a.whl', ('good.bin', b'x'), (name, b'y'))
    with pytest.raises(IntegrityError, match='nothing was read'):
        take(archive, 'good.bin', out)
    assert not list(out.iterdir())


def test_duplicate_name(tmp_path: Path, out: Path) -> None:
    with pytest.raises(IntegrityError, match='two members'):
        take(wheel(tmp_path / 'a.whl', ('x', b'1'), ('x', b'2')), 'x', out)


@pytest.mark.parametrize('mode', [0o120777, 0o020666, 0o010666])
def test_link_device_pipe(tmp_path: Path, out: Path, mode: int) -> None:
    archive = wheel(tmp_path / 'a.whl', ('x', b'/etc/passwd'), mode=mode)
    with pytest.raises(IntegrityError, match='not a plain file'):
        take(archive, 'x', out)
    assert not list(out.iterdir())


def test_bomb(tmp_path: Path, out: Path) -> None:
    archive = wheel(tmp_path / 'a.whl', ('x', bytes(8 << 20)))
    with pytest.raises(IntegrityError, match='200 times'):
        take(archive, 'x', out)
    assert not list(out.iterdir())


@pytest.mark.parametrize('caps', [Caps(archive=10), Caps(member=2), Caps(total=5), Caps(count=1)])
def test_caps(tmp_path: Path, out: Path, caps: Caps) -> None:
    with pytest.raises(IntegrityError):
        take(wheel(tmp_path / 'a.whl', ('x1', b'abc'), ('x2', b'abc')), 'x*', out, caps)
    assert not list(out.iterdir())


def test_damaged(tmp_path: Path, out: Path) -> None:
    archive = wheel(tmp_path / 'a.whl', ('x', b'content' * 99))
    archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(IntegrityError, match='damaged'):
        take(archive, 'x', out)


def test_nothing_matches_suggests_a_name(tmp_path: Path, out: Path) -> None:
    with pytest.raises(StepError, match=r'did you mean p/rnet\.pt'):
        take(wheel(tmp_path / 'a.whl', ('p/rnet.pt', b'x')), 'p/rnet.pth', out)


def test_two_matches_of_one_base_name(tmp_path: Path, out: Path) -> None:
    archive = wheel(tmp_path / 'a.whl', ('p/x', b'1'), ('q/x', b'2'))
    with pytest.raises(StepError, match="called 'x'"):
        take(archive, '?/x', out)
    assert not list(out.iterdir())
