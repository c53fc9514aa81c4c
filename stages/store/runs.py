"""Temporary folders belong to a run: below a folder of its own, which it holds a lock on as long as it lives.

So whoever comes next can tell what a killed run left from what a living one needs. The lock file is made and locked
before the folder, and goes after it: a folder without a lock file belongs to nobody.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import shutil
import threading
import time
from pathlib import Path
from typing import BinaryIO

LOCK = '.lock'
TRIES = 50
"""How often a run tries to take its own folder away at its end: threads may still be writing to it."""

_guard = threading.Lock()
_own: dict[tuple[int, Path], tuple[Path, BinaryIO]] = {}
"""By process and place; a forked child is another run."""


def run_folder(tmp: Path) -> Path:
    """Return this run's folder below ``tmp``: made when first asked for, gone when the run ends."""
    with _guard:
        known = _own.get((os.getpid(), tmp))
        if known is not None and not _lock_of(known[0]).exists():  # the store was taken away under the run
            known[1].close()
            known = None
        if known is None:
            known = _own[os.getpid(), tmp] = _begin(tmp)
            atexit.register(_end, os.getpid(), tmp)
        known[0].mkdir(exist_ok=True)
        return known[0]


def clear_dead(tmp: Path) -> list[str]:
    """Remove what runs that are gone left in ``tmp``, and return their names. Living runs keep theirs."""
    try:
        names = os.listdir(tmp)
    except OSError:
        return []
    cleared = []
    for name in sorted({name.removesuffix(LOCK) for name in names}):
        lock = _lock_of(tmp / name)
        held = None
        if lock.exists():
            held = _locked(lock)
            if held is None:
                continue
        if remove(tmp / name):
            _drop(lock)
            cleared.append(name)
        if held is not None:
            held.close()
    return cleared


def alive(tmp: Path, name: str) -> bool:
    """Whether the run ``name`` still lives."""
    lock = _lock_of(tmp / name)
    held = _locked(lock) if lock.exists() else None
    if held is not None:
        held.close()
    return held is None and lock.exists()


def living_since(tmp: Path, now: float) -> float:
    """Return when the oldest living run began that uses ``tmp``; ``now`` when there is none."""
    began = [now]
    for lock in tmp.glob(f'*{LOCK}'):
        if alive(tmp, lock.name.removesuffix(LOCK)):
            with contextlib.suppress(OSError):
                began.append(lock.stat().st_mtime)
    return min(began)


def remove(path: Path) -> bool:
    """Remove a file or a folder with all below it, also where the right to write was taken away; say if it is gone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        if path.exists():
            for base, _, _ in os.walk(path):
                with contextlib.suppress(OSError):
                    Path(base).chmod(0o700)
            shutil.rmtree(path, ignore_errors=True)
    else:
        _drop(path)
    return not os.path.lexists(path)


def _begin(tmp: Path) -> tuple[Path, BinaryIO]:
    tmp.mkdir(parents=True, exist_ok=True)
    while True:
        folder = tmp / f'{os.getpid()}-{secrets.token_hex(4)}'
        held = _locked(_lock_of(folder), make=True)
        if held is not None:
            return folder, held


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name + LOCK)


def _locked(path: Path, *, make: bool = False) -> BinaryIO | None:
    """Return ``path`` open and locked; None when another run holds it, or took it away meanwhile."""
    import portalocker  # here: a run with nothing to do takes no lock

    try:
        stream = path.open('xb' if make else 'rb')
    except OSError:
        if make and not path.exists():
            raise
        return None
    try:
        portalocker.lock(stream, portalocker.LOCK_EX | portalocker.LOCK_NB)
        if os.path.samestat(os.fstat(stream.fileno()), path.stat()):
            return stream
    except (portalocker.LockException, OSError):
        pass
    stream.close()
    return None


def _end(pid: int, tmp: Path) -> None:
    if os.getpid() != pid or (pid, tmp) not in _own:
        return
    folder, held = _own.pop((pid, tmp))
    for _ in range(TRIES):
        if remove(folder):
            if threading.active_count() == 1:  # else one may be in the middle of a write: the next run looks after it
                _drop(_lock_of(folder))
            break
        time.sleep(0.02)
    held.close()


def _drop(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
