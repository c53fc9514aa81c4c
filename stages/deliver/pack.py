"""Very many files as one tar: registries take manifests of 4 MiB, and a request for each file takes its time."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from stages.deliver.release import clashing, file_name
from stages.errors import IntegrityError

MOST: Final = 256
"""Files that are layers of their own; of more, one tar is made."""

MEMBERS: Final = 100_000
CHUNK: Final = 1 << 20


def pack(files: Mapping[str, Path], to: Path) -> None:
    """Write the files, by their names, into the tar ``to``. The same files are the same bytes: no times, no owners."""
    with tarfile.open(to, 'w', format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size = files[name].stat().st_size
            member.mode = 0o644
            with files[name].open('rb') as stream:
                tar.addfile(member, stream)


def unpack(archive: Path, to: Path, taken: set[str]) -> None:
    """Write the members of a tar below ``to``. Raises IntegrityError for one that is no plain file with a plain name.

    Names in ``taken`` are those of other layers. Whether the members are right is for the caller to say.
    """
    try:
        with tarfile.open(archive, 'r:') as tar:
            members = _checked(tar, archive, taken)
            for member in members:
                source = tar.extractfile(member)
                assert source is not None, 'a plain file has content'
                target = to / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                with source, target.open('wb') as out:
                    shutil.copyfileobj(source, out, CHUNK)
    except (tarfile.TarError, EOFError, OverflowError) as error:
        raise IntegrityError(f'{archive.name}: a damaged or unusual tar: {error}') from error


def _checked(tar: tarfile.TarFile, archive: Path, taken: set[str]) -> list[tarfile.TarInfo]:
    members: list[tarfile.TarInfo] = []
    room = archive.stat().st_size
    for member in tar:
        where = f'{archive.name}: member {len(members)}'
        file_name(member.name, where)
        if not member.isreg() or member.issparse():
            raise IntegrityError(f'{where}: {member.name!r} is no plain file; nothing of it was written')
        if member.name in taken:
            raise IntegrityError(f'{where}: {member.name!r} is another layer, too')
        members.append(member)
        room -= member.size
        if len(members) > MEMBERS or room < 0:
            raise IntegrityError(f'{archive.name}: holds more than it can')
    clashing([member.name for member in members], archive.name)
    return members
