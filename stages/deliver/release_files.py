"""The files of a release in a folder, held against its manifest: every byte, and nothing but them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from stages.contract.port import MANIFEST
from stages.deliver.release import (
    RECORD,
    SIGNATURE,
    WEIGHTS,
    Layer,
    Release,
    clashing,
    file_name,
    read_release,
    sha256_of,
)
from stages.digest import file_digest
from stages.document.manifest import read_manifest
from stages.errors import IntegrityError, StepError

MAX_MANIFEST: Final = 64 << 20
SHOWN: Final = 5


def release_in(folder: Path) -> Release:
    """Return the release that ``folder`` holds, by its record."""
    try:
        content = (folder / RECORD).read_bytes()
    except OSError as error:
        raise IntegrityError(f'{folder}: holds no release: {error.strerror}: {RECORD}') from error
    return read_release(content, str(folder / RECORD))


def files_of(release: Release, folder: Path) -> dict[str, Layer]:
    """Return every file of the release in ``folder`` by its name; of a tar those that the artifact's manifest names.

    Raises IntegrityError when the manifest names files that the release has not, or has otherwise.
    """
    files = {layer.name: layer for layer in release.layers if layer.type != WEIGHTS}
    path = folder / MANIFEST
    noted = files.get(MANIFEST)
    if noted is None:
        raise IntegrityError(f'{folder}: the release has no {MANIFEST}')
    if noted.size > MAX_MANIFEST or not path.is_file() or path.is_symlink() or path.stat().st_size != noted.size:
        raise IntegrityError(f'{path}: is missing, or not the one of the release')
    named = _named(folder)
    if any(layer.type == WEIGHTS for layer in release.layers):
        files |= named
        clashing(list(files), str(path))
    for name, file in named.items():
        found = files.get(name)
        if found is None or (found.sha256, found.size) != (file.sha256, file.size):
            words = 'has it otherwise' if found else 'has it not'
            raise IntegrityError(f'{path}: names {name!r}, and the release {words}')
    return files


def problems_of(folder: Path, sha256: str = '') -> list[str]:
    """Return what is wrong with the release in ``folder``, a line each; ``sha256`` is its digest, if known."""
    try:
        release = release_in(folder)
        if sha256 and release.sha256 != sha256:
            return [f'{folder / RECORD}: has other bytes; expected {sha256}, got {release.sha256}']
        files = files_of(release, folder)
    except IntegrityError as error:
        return [str(error)]
    there = {p.relative_to(folder).as_posix() for p in folder.rglob('*') if p.is_symlink() or not p.is_dir()}
    there -= {RECORD, SIGNATURE}
    wrong = [f'{folder / name}: is missing' for name in sorted(files.keys() - there)]
    wrong += [f'{folder / name}: does not belong here' for name in sorted(there - files.keys())]
    for name in sorted(there & files.keys()):
        path, file = folder / name, files[name]
        if path.is_symlink() or not path.is_file():
            wrong.append(f'{path}: is no plain file')
        elif path.stat().st_size != file.size:
            wrong.append(f'{path}: has {path.stat().st_size:,} bytes; expected {file.size:,}')
        elif (found := file_digest(path)) != file.sha256:
            wrong.append(f'{path}: has other bytes; expected {file.sha256}, got {found}')
    return wrong


def check(folder: Path, sha256: str = '') -> None:
    """Raise IntegrityError with what is wrong with the release in ``folder``."""
    wrong = problems_of(folder, sha256)
    if wrong:
        more = f'\n… and {len(wrong) - SHOWN} more' if len(wrong) > SHOWN else ''
        raise IntegrityError('\n'.join(wrong[:SHOWN]) + more)


def _named(folder: Path) -> dict[str, Layer]:
    """Return the files that the artifact's manifest in ``folder`` names."""
    try:
        files = read_manifest(folder).files
    except StepError as error:
        raise IntegrityError(f'{folder.parent}: {error}') from error
    named = {}
    for name, file in files.items():
        where = f'{folder / MANIFEST}: {name[:80]!r}'
        sha256 = sha256_of(f'sha256:{file.sha256}', where)
        named[file_name(name, where)] = Layer(name, sha256, file.size, WEIGHTS)
    return named
