"""One check for every name of a file: hostile names are refused on every system."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.errors import RecipeError
from stages.paths import inside

HOSTILE = [
    '', '.', '..', '../x', 'a/../x', 'a/..', '/etc/passwd', 'C:x', 'C:\\x', '\\\\host\\share', '//host/share', '\\x',
    'a\\..\\x',    'a\\b', 'x:stream', 'nul', 'con.txt', 'a/COM1', 'a\x00b', 'a\nb', 'x.', 'x ', '?', '*', 'x' * 5000,
]  # fmt: skip


@pytest.mark.parametrize('name', HOSTILE)
def test_a_hostile_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError):
        path = inside(tmp_path, name)
        path.lstat()  # a name too long is for the system to refuse
        raise AssertionError(path)


@pytest.mark.parametrize('name', ['x', 'models/net.py', 'a/b/c.npz', './x', 'ünder.npz', '..x'])
def test_a_plain_name_is_below_the_root(name: str, tmp_path: Path) -> None:
    assert inside(tmp_path, name) == tmp_path / name


def test_a_link_is_refused_wherever_it_stands(tmp_path: Path) -> None:
    (tmp_path / 'link').symlink_to('/etc')
    for name in ('link', 'link/passwd'):
        with pytest.raises(RecipeError, match='link'):
            inside(tmp_path, name)


def test_a_root_behind_a_link_is_fine(tmp_path: Path) -> None:
    (tmp_path / 'real').mkdir()
    (tmp_path / 'root').symlink_to(tmp_path / 'real')
    assert inside(tmp_path / 'root', 'x') == tmp_path / 'root' / 'x'
