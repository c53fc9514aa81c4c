"""A disk that fails when it is told to: every open, write, fsync and rename below a folder is counted, and one fails.

Python's own files are swapped for those written in Python (``_pyio``), whose every byte goes through ``os.write``; so
what is tried is the code as it is, and an error comes where the kernel would give it.
"""

from __future__ import annotations

import _pyio
import builtins
import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ERRORS = {'ENOSPC': errno.ENOSPC, 'EIO': errno.EIO, 'EACCES': errno.EACCES}
BY_NAME = ('open', 'mkdir', 'replace', 'rename', 'link', 'chmod')
BY_HANDLE = ('write', 'fsync')
DENIED = ('open', 'mkdir', 'replace', 'rename', 'link', 'chmod')
"""What a lacking permission can stop; a file that is open may be written."""


@dataclass
class FaultFS:
    """What was asked of the disk below ``root``, and which of it fails."""

    root: Path
    fail_at: int = -1
    """The number of the operation that fails; none when negative."""

    error: str = 'EIO'
    seen: list[tuple[str, str]] = field(default_factory=list)
    """Every operation so far: what, and on which path below the root."""

    hit: str = ''

    def ask(self, what: str, path: str) -> None:
        """Count one operation; fail it when its turn has come. A full disk stays full."""
        if not path.startswith(f'{self.root}/'):
            return
        number = len(self.seen)
        self.seen.append((what, path.removeprefix(f'{self.root}/')))
        stays = self.error == 'ENOSPC' and what in ('write', 'mkdir', 'open')
        if 0 <= self.fail_at == number or (0 <= self.fail_at < number and stays):
            self.hit = self.hit or path
            raise OSError(ERRORS[self.error], os.strerror(ERRORS[self.error]), path)


@contextmanager
def failing(fs: FaultFS) -> Iterator[FaultFS]:
    """Let everything in this process use ``fs``."""
    kept: dict[str, Any] = {name: getattr(os, name) for name in (*BY_NAME, *BY_HANDLE)}
    opened = builtins.open, io.open

    def by_name(what: str) -> Any:
        def call(path: Any, *rest: Any, **named: Any) -> Any:
            writes = what != 'open' or (rest[0] if rest else named.get('flags', 0)) & (os.O_WRONLY | os.O_RDWR)
            if writes and not isinstance(path, int):
                target = rest[0] if what in ('replace', 'rename', 'link') else path
                fs.ask(what, os.path.abspath(os.fsdecode(target)))
            return kept[what](path, *rest, **named)

        return call

    def by_handle(what: str) -> Any:
        def call(handle: int, *rest: Any) -> Any:
            fs.ask(what, os.readlink(f'/proc/self/fd/{handle}'))
            return kept[what](handle, *rest)

        return call

    for name in BY_NAME:
        setattr(os, name, by_name(name))
    for name in BY_HANDLE:
        setattr(os, name, by_handle(name))
    builtins.open = io.open = _pyio.open  # type: ignore[assignment]
    try:
        yield fs
    finally:
        builtins.open, io.open = opened  # type: ignore[assignment]
        for name, function in kept.items():
            setattr(os, name, function)
