"""A pulled folder: complete versions by their digest, and ``current``, which names one of them.

    DIR/current             a link to versions/…; a file with that path where there are no links
    DIR/versions/<sha256>/  a release: the artifact's files, its manifest, card, provenance, SBOM and release.json
    DIR/incoming/<sha256>/  what a pull has so far
    DIR/pulled.json         what became current, in order, and what each file was when it was verified

A version comes into being by one rename and becomes current by another; nothing in it is ever written again.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from stages.atomic import sync_folder, write_bytes
from stages.errors import DeliveryError, IntegrityError
from stages.store.files import same_file, signature
from stages.store.records import is_digest, read_record, write_record

CURRENT: Final = 'current'
VERSIONS: Final = 'versions'
INCOMING: Final = 'incoming'
RECORD: Final = 'pulled.json'
LOCK: Final = '.pull.lock'
POINTS: Final = re.compile(r'versions/([0-9a-f]{64})\n?')


@dataclass(frozen=True)
class Version:
    """A release that was pulled."""

    sha256: str
    """Of its manifest."""

    place: str
    """Where it came from, without tag and digest."""

    tag: str = ''
    """By which it was asked for."""

    signed: tuple[str, ...] = ()
    """The sha256 of each public key that its signature was checked with."""

    files: Mapping[str, Any] | None = None
    """Of each file its size and times (``stat``), as they were when every byte was verified."""


@dataclass(frozen=True)
class Pulled:
    """The folder."""

    folder: Path

    @property
    def current(self) -> str:
        """The sha256 of the version that is current; empty before the first pull."""
        path = self.folder / CURRENT
        try:
            said = str(path.readlink()) if path.is_symlink() else path.read_text('utf-8')
        except FileNotFoundError:
            return ''
        except (OSError, ValueError) as error:
            raise IntegrityError(f'{path}: is not as a pull leaves it: {error}') from error
        found = POINTS.fullmatch(said.replace(os.sep, '/'))
        if found is None:
            raise IntegrityError(f'{path}: names {said[:80]!r}; expected versions/ and a sha256')
        return found[1]

    def version(self, sha256: str) -> Path:
        return self.folder / VERSIONS / sha256

    def incoming(self, sha256: str) -> Path:
        return self.folder / INCOMING / sha256

    def history(self) -> list[Version]:
        """Return what became current, in order; a broken record counts as none."""
        read = read_record(self.folder / RECORD, {'versions': list})
        found = [_version(one) for one in read['versions']] if read else []
        return [one for one in found if one is not None]

    def kept(self, sha256: str) -> Version | None:
        """Return what is noted of a version that is there, all its files as they were when they were verified."""
        noted = next((one for one in self.history() if one.sha256 == sha256), None)
        if noted is None or noted.files is None or altered(self.version(sha256), noted.files):
            return None
        return noted

    def alone(self) -> AbstractContextManager[None]:
        """Keep other pulls to this folder waiting."""
        from stages.store.locks import locked

        return locked(self.folder / LOCK, waiting=f'waiting: another pull to {self.folder} is at work')

    def activate(self, version: Version, keep: int) -> None:
        """Make a complete version current, in one step; forget those before the last ``keep``."""
        now = self.current
        others = [one for one in self.history() if one.sha256 != version.sha256]
        before = [one for one in others if one.sha256 == now]
        history = [*(one for one in others if one.sha256 != now), *before, version][-keep:]
        self._note(history)
        if now != version.sha256:
            point(self.folder, version.sha256)
        self.prune(history)

    def before(self) -> Version:
        """Return what was current before the version that is. Raises DeliveryError when nothing is kept."""
        now, history = self.current, self.history()
        places = [number for number, one in enumerate(history) if one.sha256 == now]
        earlier = history[: places[0]] if places else []
        if not earlier:
            raise DeliveryError(f'{self.folder}: nothing was current before, or it is not kept any more')
        return earlier[-1]

    def back(self, version: Version) -> None:
        """Make ``version`` current, which was so before; what came after it is not gone back to later."""
        history = self.history()
        point(self.folder, version.sha256)
        self._note(history[: [one.sha256 for one in history].index(version.sha256) + 1])

    def prune(self, history: list[Version]) -> None:
        """Remove the versions that are not in ``history``; one that a process holds stays until the next time."""
        wanted = {one.sha256 for one in history} | {self.current}
        for path in (self.folder / VERSIONS).iterdir():
            if path.name not in wanted and not path.is_symlink() and is_digest(path.name):
                shutil.rmtree(path, ignore_errors=True)

    def _note(self, history: list[Version]) -> None:
        write_record(self.folder / RECORD, {'versions': [asdict(one) for one in history]}, durable=True)


def current_folder(folder: Path) -> Path:
    """Return the version that is current in a pulled folder, or ``folder`` itself when nothing was pulled into it.

    The answer is a whole path: whoever opens several files of it gets them of one version.
    """
    if not os.path.lexists(folder / CURRENT):
        return folder
    pulled = Pulled(folder.absolute())
    return pulled.version(pulled.current)


def point(folder: Path, sha256: str) -> None:
    """Let ``current`` name a version: whoever looks sees the old one or the new one."""
    target = f'{VERSIONS}/{sha256}'
    new = folder / f'.{CURRENT}.new'
    with contextlib.suppress(FileNotFoundError):
        new.unlink()
    try:
        if os.name == 'nt':
            raise NotImplementedError('links need a privilege there')
        new.symlink_to(target, target_is_directory=True)
    except (OSError, NotImplementedError):
        write_bytes(new, f'{target}\n'.encode(), durable=True)
    os.replace(new, folder / CURRENT)
    sync_folder(folder)


def seen(folder: Path) -> dict[str, Any]:
    """Return what every file below ``folder`` is now."""
    return {
        path.relative_to(folder).as_posix(): signature(path) for path in sorted(folder.rglob('*')) if path.is_file()
    }


def altered(folder: Path, files: Mapping[str, Any]) -> list[str]:
    """Return the names below ``folder`` that are not as they were seen: changed, missing or extra."""
    there = {
        f'{base}{os.sep}{name}'[len(str(folder)) + 1 :].replace(os.sep, '/')
        for base, _, names in os.walk(folder)
        for name in names
    }
    wrong = sorted(there ^ files.keys())
    return wrong + [name for name in sorted(there & files.keys()) if not same_file(folder / name, files[name])]


def _version(read: object) -> Version | None:
    if not isinstance(read, dict) or not is_digest(read.get('sha256')) or not isinstance(read.get('files'), dict):
        return None
    texts = [read.get('place'), read.get('tag'), *(read.get('signed') or ())]
    if not all(isinstance(text, str) for text in texts):
        return None
    return Version(read['sha256'], read['place'], read['tag'], tuple(read.get('signed') or ()), read['files'])
