"""Files of a project, put in their places all at once: none is overwritten, and none is left when one cannot be."""

from __future__ import annotations

import contextlib
import importlib.resources
import shutil
import string
from collections.abc import Iterable, Mapping
from pathlib import Path

from stages.errors import RecipeError


def template(name: str, **words: str) -> str:
    """Return a template of ours, filled."""
    text = importlib.resources.files('stages.begin').joinpath('templates', name).read_text('utf-8')
    return string.Template(text).substitute(words)


def write_all(staged: Path, texts: Mapping[str, str]) -> None:
    """Write texts by their names below the folder ``staged``."""
    for name, text in texts.items():
        path = staged / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, 'utf-8')


def refuse_taken(root: Path, names: Iterable[str]) -> None:
    """Raise RecipeError where any of ``names`` is there already below ``root``."""
    taken = [name for name in names if (root / name).is_symlink() or (root / name).exists()]
    if taken:
        there = ', '.join(sorted(taken)[:6])
        raise RecipeError(f'{root}: {there} is there already; nothing is overwritten, choose another name')


def place_all(staged: Path, root: Path) -> list[str]:
    """Move every file below ``staged`` to its place below ``root``; return their names.

    All of them or none: what was moved, and the folders that were made for it, go when one cannot be.
    """
    names = sorted(path.relative_to(staged).as_posix() for path in staged.rglob('*') if path.is_file())
    refuse_taken(root, names)
    done: list[Path] = []
    made: list[Path] = []
    try:
        for name in names:
            target = root / name
            for folder in reversed([f for f in (target.parent, *target.parent.parents) if not f.exists()]):
                folder.mkdir()
                made.append(folder)
            if target.exists():  # came meanwhile
                refuse_taken(root, [name])
            shutil.move(staged / name, target)
            done.append(target)
    except BaseException:
        for path in done:
            path.unlink(missing_ok=True)
        for folder in reversed(made):
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise
    return names
