"""A folder held against its own manifest, byte by byte. It loads nothing of recipes: a deployment asks it, too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.contract.port import MANIFEST
from stages.digest import file_digest
from stages.store.records import is_digest, read_record


@dataclass(frozen=True)
class Problem:
    """One thing that is not as it was noted."""

    path: Path
    words: str
    note: Path | None = None
    """What to remove, so that it is made again: a record that is broken, or that promises what is not there."""

    damaged: str = ''
    """The digest of a stored file to set aside."""

    def __str__(self) -> str:
        return f'{self.path}: {self.words}'


def manifest_problems(folder: Path) -> list[Problem]:
    """Return what differs between an artifact's folder and its manifest."""
    read = read_record(folder / MANIFEST, {'files': dict}, format=None)
    if read is None or not all(isinstance(f, dict) and is_digest(f.get('sha256')) for f in read['files'].values()):
        return [Problem(folder, f'no readable {MANIFEST}')]
    return [*files_problems(folder, read['files'], but=MANIFEST)]


def files_problems(folder: Path, files: Mapping[str, Any], *, alone: bool = True, but: str = '') -> Iterator[Problem]:
    """Yield what below ``folder`` is not as in ``files``; other files count only where it is ours ``alone``."""
    there = {p.relative_to(folder).as_posix() for p in folder.rglob('*') if p.is_symlink() or not p.is_dir()} - {but}
    for name in sorted(files.keys() - there):
        yield Problem(folder / name, 'is missing')
    for name in sorted(there - files.keys()) if alone else ():
        yield Problem(folder / name, 'does not belong here')
    for name in sorted(there & files.keys()):
        path, expected = folder / name, files[name]['sha256']
        if path.is_symlink() or not path.is_file():
            yield Problem(path, 'is no plain file')
        elif (found := file_digest(path)) != expected:
            yield Problem(path, f'has other bytes; expected {expected}, got {found}')
