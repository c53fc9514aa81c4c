"""The store: blobs by their sha256, results by their key.

A blob is written under a temporary name, synced, made read-only and renamed; a result is written after its blobs. So
a result that can be read was whole when it was written, and a reader checks every byte it takes out all the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from stages.atomic import sync_folder
from stages.contract.port import CONTRACT
from stages.digest import digest_of
from stages.errors import IntegrityError, StepError
from stages.paths import is_text
from stages.store.disk import naming
from stages.store.locks import locked
from stages.store.records import Kinds, is_digest, read_record, write_record
from stages.store.runs import remove, run_folder

CHUNK = 1 << 20
REFUSAL = 'refusal.json'
"""What a step leaves whose tool cannot do it, where that is expected."""


@dataclass(frozen=True)
class Stored:
    """One file of a result."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Result:
    """What a step left, and what it cost."""

    key: str
    files: Mapping[str, Stored]
    seconds: float
    peak_memory_bytes: int
    action: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """The identity of the content: names and bytes, nothing of how it was made."""
        return digest_of({name: [file.sha256, file.size] for name, file in self.files.items()})

    @property
    def refused(self) -> bool:
        """Whether it is a tool's refusal, on which nothing can be built."""
        return [*self.files] == [REFUSAL]

    @property
    def size(self) -> int:
        """Bytes of what was made; what is noted of it beside does not count."""
        return sum(file.size for name, file in self.files.items() if name != CONTRACT)


FIELDS: Final[Kinds] = {'files': dict, 'seconds': (int, float), 'peak_memory_bytes': int, 'action': dict}
"""What a result's record has."""


class Lost(IntegrityError):
    """A blob is missing or damaged; ``sha256`` names it."""

    def __init__(self, sha256: str, why: str) -> None:
        super().__init__(f'stored content {sha256[:12]} {why}')
        self.sha256 = sha256


class Store:
    """Content-addressed results below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def blob(self, sha256: str) -> Path:
        return self.folder / 'blobs' / sha256[:2] / sha256

    def lock(self, key: str) -> Path:
        return self.folder / 'locks' / key

    def temporary(self, name: str) -> Path:
        """Return a new private folder of this run on the store's own disk, so that renames work."""
        return Path(tempfile.mkdtemp(dir=run_folder(self.tmp), prefix=name + '.'))

    @property
    def tmp(self) -> Path:
        """Temporary folders, one of each run."""
        return self.folder / 'tmp'

    def _result_path(self, key: str) -> Path:
        return self.folder / 'results' / key[:2] / f'{key}.json'

    def find(self, key: str) -> Result | None:
        """Return the result of ``key`` when every blob of it is there with its size; else None."""
        result = self.recorded(key)
        try:
            if result and all(self.blob(f.sha256).stat().st_size == f.size for f in result.files.values()):
                return result
        except OSError:
            pass
        return None

    def use(self, key: str) -> Result | None:
        """Return what ``find`` does, and note that it is used now: a collection beside this run then spares it."""
        run_folder(self.tmp)  # this run is one that lives
        with self.together():
            result = self.find(key)
            if result:
                with contextlib.suppress(OSError):  # another user's
                    os.utime(self._result_path(key))
            return result

    def together(self) -> AbstractContextManager[None]:
        """Hold the store with others that add to it or use it: nothing is collected meanwhile."""
        return locked(self.folder / 'lock', shared=True)

    def alone(self) -> AbstractContextManager[None]:
        """Hold the store for collecting."""
        return locked(self.folder / 'lock')

    def recorded(self, key: str) -> Result | None:
        """Return the result of ``key`` as it was noted, whatever became of its blobs; None when the note is broken."""
        read = read_record(self._result_path(key), FIELDS)
        if read is None:
            return None
        files = {}
        for name, file in read['files'].items():
            if not (_is_inside(name) and isinstance(file, dict) and is_digest(file.get('sha256'))):
                return None
            if not isinstance(file.get('size'), int):
                return None
            files[name] = Stored(file['sha256'], file['size'])
        return Result(key, files, read['seconds'], read['peak_memory_bytes'], read['action']) if files else None

    def action(self, key: str) -> Mapping[str, Any] | None:
        """Return the action behind ``key``, for explanations; None when it is not known."""
        result = self.recorded(key)
        return result.action if result else None

    def publish(
        self, key: str, action: Mapping[str, Any], folder: Path, names: list[str], seconds: float, peak: int
    ) -> Result:
        """Take the files out of ``folder`` into the store and record them under ``key``.

        Raises StepError for a name that no record can hold.
        """
        for name in names:
            if not is_text(name):
                words = os.fsencode(name).decode('ascii', 'backslashreplace')
                raise StepError(f'left a file whose name is not UTF-8: {words}')
        with self.together():
            files = {name: self._take(folder / name) for name in sorted(names)}
            content = {
                'files': {name: asdict(file) for name, file in files.items()},
                'seconds': seconds, 'peak_memory_bytes': peak, 'action': action,
            }  # fmt: skip
            write_record(self._result_path(key), content, durable=True)
        return Result(key, files, seconds, peak, action)

    def _take(self, path: Path) -> Stored:
        with naming(path), path.open('rb') as stream:
            sha256 = hashlib.file_digest(stream, 'sha256').hexdigest()
            os.fsync(stream.fileno())
        size = path.stat().st_size
        blob = self.blob(sha256)
        if not (blob.is_file() and blob.stat().st_size == size and self._sound(sha256)):
            path.chmod(0o444)
            blob.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, blob)
            sync_folder(blob.parent)
        return Stored(sha256, size)

    def _sound(self, sha256: str) -> bool:
        with self.blob(sha256).open('rb') as stream:
            return hashlib.file_digest(stream, 'sha256').hexdigest() == sha256

    def copy_out(self, file: Stored, to: Path) -> None:
        """Copy a blob, hashing it on the way. Raises Lost (and removes the copy) when a byte differs or it is gone."""
        to.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        try:
            with naming(to), self.blob(file.sha256).open('rb') as source, to.open('xb') as target:
                while chunk := source.read(CHUNK):
                    digest.update(chunk)
                    target.write(chunk)
        except FileNotFoundError:
            raise Lost(file.sha256, 'is missing') from None
        if digest.hexdigest() != file.sha256:
            to.unlink()
            self.quarantine(file.sha256)
            raise Lost(file.sha256, 'is damaged; it was set aside and will be built again')

    def read(self, file: Stored) -> bytes:
        """Return a blob's bytes, checked. Raises Lost."""
        try:
            content = self.blob(file.sha256).read_bytes()
        except OSError:
            raise Lost(file.sha256, 'is missing') from None
        if hashlib.sha256(content).hexdigest() != file.sha256:
            self.quarantine(file.sha256)
            raise Lost(file.sha256, 'is damaged; it was set aside and will be built again')
        return content

    def quarantine(self, sha256: str) -> None:
        """Move a damaged blob aside, so that nothing takes it again."""
        aside = self.folder / 'damaged' / sha256
        aside.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.replace(self.blob(sha256), aside)

    def forget(self, key: str) -> None:
        """Drop the result of ``key``; its blobs stay until they are collected."""
        self._result_path(key).unlink(missing_ok=True)

    def discard(self, folder: Path) -> None:
        """Remove a temporary folder, also when what is in it is read-only."""
        remove(folder)


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and '..' not in path.parts and is_text(name)
