"""Digests of files that are read again and again, remembered by their stat."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stages.atomic import write_text

TOO_NEW_SECONDS = 0.1
"""A file changed this recently may change once more within the clock's step; it is not remembered (as git does)."""

Signature = tuple[int, int, int, int]


def signature(path: Path) -> Signature:
    """Return what changes when a file does: size, mtime, ctime and inode. A restored mtime leaves the ctime."""
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


class Remembered:
    """Values computed from files, kept in one JSON file and valid while the files' stat stays the same."""

    def __init__(self, kept_in: Path) -> None:
        self._path = kept_in
        self._changed = False
        self._seen: dict[str, str] = {}
        try:
            found = json.loads(kept_in.read_bytes())
        except (OSError, ValueError, RecursionError):
            found = None
        self._kept: dict[str, Any] = found if isinstance(found, dict) else {}

    def of(self, what: str, path: Path, compute: Callable[[Path], str]) -> str:
        """Return ``compute(path)``, or what it returned when the file last had this stat. Once per run."""
        name = f'{what}:{path}'
        if name in self._seen:
            return self._seen[name]
        now = list(signature(path))
        kept = self._kept.get(name)
        if isinstance(kept, list) and len(kept) == 2 and kept[0] == now and isinstance(kept[1], str):
            value: str = kept[1]
        else:
            value = compute(path)
            if time.time_ns() - max(now[1], now[2]) > TOO_NEW_SECONDS * 1e9 and list(signature(path)) == now:
                self._kept[name] = [now, value]
                self._changed = True
        self._seen[name] = value
        return value

    def save(self) -> None:
        """Keep what was learnt; losing it costs time only."""
        if self._changed:
            with contextlib.suppress(OSError):
                write_text(self._path, json.dumps(dict(self._kept)))  # a copy: other threads go on learning
                self._changed = False

    def forget_run(self) -> None:
        """Look at every file again."""
        self._seen.clear()


def same_file(path: Path, recorded: list[int] | tuple[int, ...]) -> bool:
    """Whether ``path`` is there with the recorded stat."""
    try:
        return list(signature(path)) == list(recorded) and not path.is_symlink()
    except OSError:
        return False
