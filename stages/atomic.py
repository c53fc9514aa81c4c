"""Files written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path

if sys.platform != 'win32':
    import fcntl

PART = '.part'
YOUNG_SECONDS = 1.0
"""A part this young that is empty may not be locked yet by whoever made it."""


def write_bytes(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Replace ``path`` in one step; a reader sees the old content or the new. ``durable`` survives a power cut."""
    import tempfile  # here: a run that has nothing to do writes nothing

    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix='.' + path.name[:200], suffix=PART)
    try:
        with os.fdopen(handle, 'wb') as stream:
            _hold(stream.fileno())
            stream.write(content)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        Path(name).chmod(0o644)
        os.replace(name, path)
    except BaseException as error:
        if isinstance(error, OSError) and error.filename is None:  # writing to an open file names none
            error.filename = str(path)
        with contextlib.suppress(OSError):  # what is to be told is why it failed
            os.unlink(name)
        raise
    if durable:
        sync_folder(path.parent)


def write_text(path: Path, content: str, *, durable: bool = False) -> None:
    """As ``write_bytes``, in UTF-8."""
    write_bytes(path, content.encode(), durable=durable)


def clear_parts(folders: Iterable[Path]) -> list[Path]:
    """Remove what writers that were killed left in ``folders`` (not below them), and return it."""
    cleared = []
    for folder in folders:
        for path in folder.glob(f'.*{PART}'):
            if _abandoned(path):
                with contextlib.suppress(OSError):
                    path.unlink()
                    cleared.append(path)
    return cleared


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` survive a power cut, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError as error:
        error.filename = str(folder)
        raise
    finally:
        os.close(handle)


def _hold(handle: int) -> bool:
    """Lock an open file until it is closed; False when another process holds it."""
    if sys.platform == 'win32':
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _abandoned(path: Path) -> bool:
    import time

    try:
        with path.open('rb') as stream:
            stat = os.fstat(stream.fileno())
            return _hold(stream.fileno()) and bool(stat.st_size or time.time() - stat.st_mtime > YOUNG_SECONDS)
    except OSError:
        return False
