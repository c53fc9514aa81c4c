"""By which signs a file's content tells its format: for each source that says so, and cheap to look at."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

ZIP: Final = b'PK\x03\x04'
_MOST: Final = 200_000
"""Members of an archive that are looked at."""


def head(path: Path, size: int = 64) -> bytes:
    """Return the first bytes of a file; none of what is no plain file."""
    if not path.is_file():
        return b''
    with path.open('rb') as file:
        return file.read(size)


def members(path: Path) -> set[str]:
    """Return the names of an archive's members; none where it is no zip file. Nothing is unpacked."""
    if head(path, 4) != ZIP:
        return set()
    try:
        with zipfile.ZipFile(path) as archive:
            return {*archive.namelist()[:_MOST]}
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
        return set()


def below_the_first_folder(path: Path) -> set[str]:
    """Return the names of an archive's members without the folder that torch puts all of them in."""
    return {name.partition('/')[2] for name in members(path)}


def named(path: Path, *suffixes: str) -> str:
    """Return the name that a file gets among those of its model: its own, where it ends as its source expects it."""
    return path.name if path.suffix in suffixes else f'model{suffixes[0]}'
