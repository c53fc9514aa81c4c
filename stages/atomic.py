"""Files written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_bytes(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Replace ``path`` in one step; a reader sees the old content or the new. ``durable`` survives a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix='.' + path.name, suffix='.part')
    try:
        with os.fdopen(handle, 'wb') as stream:
            stream.write(content)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        Path(name).chmod(0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    if durable:
        sync_folder(path.parent)


def write_text(path: Path, content: str, *, durable: bool = False) -> None:
    """As ``write_bytes``, in UTF-8."""
    write_bytes(path, content.encode(), durable=durable)


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` survive a power cut, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
