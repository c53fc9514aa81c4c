"""Read files out of a wheel (a zip) that nobody has vouched for yet.

Members are read one by one, never "all of it": a plain relative name, a regular file, within the caps below.
"""

from __future__ import annotations

import stat
import zipfile
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath, PureWindowsPath

from stages.errors import IntegrityError, StepError
from stages.paths import is_several

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Caps:
    """The most that an archive may be."""

    archive: int = 2 << 30
    """Bytes of the archive itself."""

    member: int = 4 << 30
    """Bytes of one file read from it."""

    total: int = 8 << 30
    """Bytes of all files read from it."""

    count: int = 100_000
    """Members, read or not."""

    ratio: int = 200
    """Unpacked over packed bytes of one file; what people publish stays below 50."""


CAPS = Caps()


def take(archive: Path, file: str, output: Path, caps: Caps = CAPS) -> list[Path]:
    """Copy the member ``file`` (for a glob all matches, flat; for a folder all below it, as they lie) into ``output``.

    Returns the new files, sorted.
    Raises StepError when nothing matches, or two matches have the same base name, and IntegrityError when the archive
    is damaged, breaks a cap, or names something that is not a plain file inside it. Nothing half-read is left.
    """
    size = archive.stat().st_size
    if size > caps.archive:
        raise IntegrityError(f'{archive.name}: {size:,} bytes; the most that is read is {caps.archive:,}')
    written: list[Path] = []
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            _check_names(archive.name, members, caps)
            chosen = sorted((m for m in members if not m.is_dir() and _matches(m.filename, file)), key=_name)
            if not chosen:
                raise StepError(f'{archive.name} holds no file {file!r}{_near(file, members)}')
            total = 0
            for member in chosen:
                name = member.filename
                below = name.removeprefix(file) if file.endswith('/') else PurePosixPath(name).name
                target = output / below
                target.parent.mkdir(parents=True, exist_ok=True)
                if target in written:
                    raise StepError(f'{archive.name}: two files that match {file!r} are called {target.name!r}')
                written.append(target)
                total += _copy(opened, member, target, caps)
                if total > caps.total:
                    raise IntegrityError(f'{archive.name}: {file!r} unpacks to more than {caps.total:,} bytes')
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError) as error:
        _remove(written)
        raise IntegrityError(f'{archive.name}: a damaged or unusual archive: {error}') from error
    except BaseException:
        _remove(written)
        raise
    return written


def _check_names(archive: str, members: list[zipfile.ZipInfo], caps: Caps) -> None:
    """Refuse the whole archive for one bad name: whoever wrote that is not to be trusted with the rest."""
    if len(members) > caps.count:
        raise IntegrityError(f'{archive}: {len(members):,} members; the most that is read is {caps.count:,}')
    seen: set[str] = set()
    for member in members:
        name = member.filename
        for flavour in (PurePosixPath(name), PureWindowsPath(name)):
            # zipfile turns backslashes into slashes on Windows only; orig_filename has the name as it was written.
            odd = '\\' in member.orig_filename or any(ord(c) < 32 for c in member.orig_filename)
            if not name or odd or flavour.is_absolute() or flavour.drive or flavour.root or '..' in flavour.parts:
                raise IntegrityError(f'{archive}: the member {name!r} could mean a place outside; nothing was read')
        if name in seen:
            raise IntegrityError(f'{archive}: two members are called {name!r}; nothing was read')
        seen.add(name)


def _copy(opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, caps: Caps) -> int:
    """Copy one member; count what really comes out, since the size in the header may lie."""
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise IntegrityError(f'{member.filename!r} is a link or a device, not a plain file')
    if member.flag_bits & 1:
        raise IntegrityError(f'{member.filename!r} is encrypted')
    most = min(caps.member, max(member.compress_size, 1) * caps.ratio)
    read = 0
    with opened.open(member) as source, target.open('xb') as copy:
        while chunk := source.read(_CHUNK):
            read += len(chunk)
            if read > most:
                raise IntegrityError(
                    f'{member.filename!r} unpacks to more than {most:,} bytes from {member.compress_size:,} '
                    f'(at most {caps.ratio} times as much, and {caps.member:,} bytes, is read)'
                )
            copy.write(chunk)
    return read


def _matches(name: str, file: str) -> bool:
    """Match name by name, so that ``*`` stays within one folder."""
    if file.endswith('/'):
        return name.startswith(file)
    if not is_several(file):
        return name == file
    names, patterns = name.split('/'), file.split('/')
    return len(names) == len(patterns) and all(map(fnmatchcase, names, patterns))


def _near(file: str, members: list[zipfile.ZipInfo]) -> str:
    import difflib

    near = difflib.get_close_matches(file, [m.filename for m in members], n=3, cutoff=0.5)
    return f'; did you mean {" or ".join(near)}?' if near else ''


def _name(member: zipfile.ZipInfo) -> str:
    return member.filename


def _remove(written: list[Path]) -> None:
    for path in written:
        path.unlink(missing_ok=True)
