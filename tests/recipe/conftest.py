"""A project folder to read recipes in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stages import others

RECIPE = Path(__file__).with_name('net.yaml').read_text(encoding='utf-8')


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A root with recipes/, the Python that recipes name (which must never run), and a file of data."""
    models = tmp_path / 'recipes' / 'models'
    models.mkdir(parents=True)
    (models / 'net.py').write_text('raise SystemExit("reading must not run this")\n')
    (tmp_path / 'recipes' / 'data').mkdir()
    (tmp_path / 'recipes' / 'data' / 'photos.npz').write_bytes(b'photos')
    return tmp_path


@pytest.fixture
def write(project: Path) -> Callable[..., Path]:
    """Write a recipe into the project: the small one above, or another text, with replacements."""

    def write(text: str = RECIPE, *replace: tuple[str, str], name: str = 'net.yaml') -> Path:
        for old, new in replace:
            assert old in text, f'{old!r} is not in the recipe'
            text = text.replace(old, new, 1)
        path = project / 'recipes' / name
        path.write_text(text, encoding='utf-8')
        return path

    return write


@pytest.fixture
def our_kinds(tmp_path: Path) -> Iterator[None]:
    """The kinds of this project, kinds/, at hand as they are where its recipes are read."""
    others.open_folder(Path(__file__).parents[2])
    yield
    others.open_folder(tmp_path / 'nowhere')
