"""Files at a place, whatever keeps them: a folder, a web server, or a store that fsspec knows."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Protocol

from stages.atomic import PART, sync_folder, write_bytes
from stages.deliver.registry.contract import NotThere, Stream
from stages.deliver.registry.web import CHUNK, Web
from stages.errors import DeliveryError, ToolError
from stages.store.locks import locked

LOCK: Final = '.index.lock'

CLASHES: Final = ('PreconditionFailed', 'ConditionalRequestConflict', 'At least one of the pre-conditions')
"""What S3 says when a condition does not hold."""


class Changed(DeliveryError):
    """Somebody else wrote the file meanwhile."""


class Shown(Protocol):
    """Files below a place, by plain relative names."""

    def get(self, name: str, limit: int) -> tuple[bytes, str]:
        """Return a file's bytes, and a mark that changes when it does (empty where there is none). NotThere."""
        ...

    def stream(self, name: str, start: int, limit: int) -> Stream:
        """Return a file's bytes from ``start`` on; more than ``limit`` in all is refused."""
        ...


class Files(Shown, Protocol):
    """Files that can be written, too."""

    def size(self, name: str) -> int | None:
        """Return the size of a file; None when it is not there."""
        ...

    def add(self, name: str, path: Path) -> None:
        """Put a copy of ``path`` there, whole or not at all where the place can."""
        ...

    def alone(self) -> AbstractContextManager[None]:
        """Keep others of this kind out, where the place can."""
        ...

    def replace(self, name: str, content: bytes, mark: str) -> None:
        """Replace a file that has ``mark`` (empty: that is not there). Raises Changed where the place can tell."""
        ...


class WebFiles:
    """What a web server shows; it cannot be written."""

    def __init__(self, base: str, web: Web) -> None:
        self._base, self._web = base.rstrip('/'), web

    def get(self, name: str, limit: int) -> tuple[bytes, str]:
        content, headers = self._web.get(f'{self._base}/{name}', limit)
        return content, headers.get('ETag', '')

    def stream(self, name: str, start: int, limit: int) -> Stream:
        return self._web.stream(f'{self._base}/{name}', start, limit)


class LocalFiles:
    """A folder; whoever writes its index holds a lock."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str, limit: int) -> tuple[bytes, str]:
        try:
            with (self._folder / name).open('rb') as stream:
                content = stream.read(limit + 1)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotThere(f'{self._folder / name}: is not there') from error
        if len(content) > limit:
            raise DeliveryError(f'{self._folder / name}: is more than {limit:,} bytes')
        return content, 'there'

    def stream(self, name: str, start: int, limit: int) -> Stream:
        path = self._folder / name
        if not path.is_file():
            raise NotThere(f'{path}: is not there')
        return Stream(start, _read(path, start, limit - start))

    def size(self, name: str) -> int | None:
        path = self._folder / name
        return path.stat().st_size if path.is_file() else None

    def add(self, name: str, path: Path) -> None:
        target = self._folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=target.parent, prefix='.', suffix=PART)
        try:
            with os.fdopen(handle, 'wb') as out, path.open('rb') as source:
                shutil.copyfileobj(source, out, CHUNK)
                out.flush()
                os.fsync(out.fileno())
            Path(part).chmod(0o644)
            os.replace(part, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(part)
            raise
        sync_folder(target.parent)

    def alone(self) -> AbstractContextManager[None]:
        return locked(self._folder / LOCK, waiting=f'another push to {self._folder} is at work')

    def replace(self, name: str, content: bytes, mark: str) -> None:
        write_bytes(self._folder / name, content, durable=True)


class StoreFiles:
    """A store that fsspec knows. S3 writes its index only when nobody else did; of others that is not known."""

    def __init__(self, url: str) -> None:
        try:
            import fsspec
        except ModuleNotFoundError as error:
            extra = 's3' if url.startswith('s3:') else 'release'
            raise ToolError(f"{url}: needs fsspec; run: pip install 'modelkiln[{extra}]'") from error
        try:
            self._store, self._base = fsspec.core.url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise ToolError(f'{url}: {error}') from error
        self._url = url

    def get(self, name: str, limit: int) -> tuple[bytes, str]:
        with self._told(name):
            info = self._info(name)
            if info is None:
                raise NotThere(f'{self._url}/{name}: is not there')
            if (info.get('size') or 0) > limit:
                raise DeliveryError(f'{self._url}/{name}: is more than {limit:,} bytes')
            content = self._store.cat_file(self._path(name))
            return bytes(content), str(info.get('ETag') or '')

    def stream(self, name: str, start: int, limit: int) -> Stream:
        return Stream(start, self._chunks(name, start, limit))

    def _chunks(self, name: str, start: int, limit: int) -> Iterator[bytes]:
        step = 16 * CHUNK
        with self._told(name):
            size = self.size(name)
            if size is None:
                raise NotThere(f'{self._url}/{name}: is not there')
            if size > limit:
                raise DeliveryError(f'{self._url}/{name}: has {size:,} bytes; {limit:,} were expected')
            for begin in range(start, size, step):
                yield self._store.cat_file(self._path(name), start=begin, end=min(begin + step, size))

    def size(self, name: str) -> int | None:
        with self._told(name):
            info = self._info(name)
        return None if info is None else int(info['size'])

    def add(self, name: str, path: Path) -> None:
        with self._told(name):
            self._make_folder(name)
            self._store.put_file(str(path), self._path(name))

    def alone(self) -> AbstractContextManager[None]:
        return contextlib.nullcontext()

    def replace(self, name: str, content: bytes, mark: str) -> None:
        condition = {}
        if 's3' in getattr(self._store, 'protocol', ()):
            condition = {'IfMatch': mark} if mark else {'IfNoneMatch': '*'}
        try:
            with self._told(name):
                self._make_folder(name)
                self._store.pipe_file(self._path(name), content, **condition)
        except DeliveryError as error:
            if any(word in str(error) for word in CLASHES):
                raise Changed(f'{self._url}/{name}: somebody else wrote it meanwhile') from error
            raise

    def _path(self, name: str) -> str:
        return f'{self._base.rstrip("/")}/{name}'

    def _info(self, name: str) -> dict[str, Any] | None:
        self._store.invalidate_cache()
        try:
            found: dict[str, Any] = self._store.info(self._path(name))
        except FileNotFoundError:
            return None
        return found if found.get('type') == 'file' else None

    def _make_folder(self, name: str) -> None:
        """Make what a store with folders needs; object stores have none."""
        if 's3' not in getattr(self._store, 'protocol', ()):
            self._store.makedirs(self._path(name).rpartition('/')[0], exist_ok=True)

    @contextlib.contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """Say which file it was, whatever the store's driver raises."""
        try:
            yield
        except (DeliveryError, GeneratorExit):
            raise
        except Exception as error:
            words = f'{type(error).__name__}: {error}'
            raise DeliveryError(f'{self._url}/{name}: {words}') from error


def _read(path: Path, start: int, limit: int) -> Iterator[bytes]:
    left = limit
    with path.open('rb') as stream:
        stream.seek(start)
        while chunk := stream.read(CHUNK):
            left -= len(chunk)
            if left < 0:
                raise DeliveryError(f'{path}: is longer than was expected')
            yield chunk
