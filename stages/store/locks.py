"""Locks between threads, processes and runs; a killed owner's locks are free at once."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from stages import terminal
from stages.store.machine import common_file, machine_folder

BUSY = 'another step or run measures on this machine, and nothing may disturb it'
ANOTHER = 'another user of this machine measures'
PATIENCE_SECONDS = 900.0
"""How long to wait for another user: unlike our own runs, he may hold what he likes for as long as he likes."""

POLL_SECONDS = 0.2


@contextmanager
def locked(path: Path, *, shared: bool = False, waiting: str = '') -> Iterator[None]:
    """Hold ``path`` alone, or with others that ask for it ``shared``; waits, and says ``waiting`` when it has to."""
    import portalocker  # here: a run with nothing to do takes no lock

    how = portalocker.LOCK_SH if shared else portalocker.LOCK_EX
    while True:
        with _opened(path) as stream:
            if not _taken(stream, how):
                if waiting:
                    terminal.note(f'  ...     {waiting}')
                portalocker.lock(stream, how)
            if not _is(stream, path):  # collected meanwhile: what is held is nobody's lock any more
                continue
            try:
                yield
            finally:
                portalocker.unlock(stream)
            return


@contextmanager
def unless_locked(path: Path, *, shared: bool = False) -> Iterator[bool]:
    """Hold ``path`` and say True, or say False when somebody else holds it. Never waits."""
    import portalocker

    with _opened(path) as stream:
        taken = _taken(stream, portalocker.LOCK_SH if shared else portalocker.LOCK_EX) and _is(stream, path)
        try:
            yield taken
        finally:
            if taken:
                portalocker.unlock(stream)


def _opened(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return path.open('a+b')
    except PermissionError:
        with contextlib.suppress(OSError):
            return path.open('rb')  # another user's, which can be locked all the same
        raise


def _is(stream: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _taken(stream: IO[bytes], how: int) -> bool:
    import portalocker

    try:
        portalocker.lock(stream, how | portalocker.LOCK_NB)
    except portalocker.LockException:
        return False
    return True


@contextmanager
def building() -> Iterator[None]:
    """Hold while a step works: any number at once, none while something of this user is measured."""
    folder = machine_folder()
    # a measurement that waits holds the gate, so no new step begins
    with locked(folder / 'gate', waiting=f'waiting: {BUSY}'):
        pass
    with locked(folder / 'busy', shared=True):
        yield


@contextmanager
def measuring() -> Iterator[None]:
    """Hold while measuring: waits for the steps under way, keeps new ones out, also of other runs.

    Measurements of several users take turns, where they share a folder for temporary files; their steps do not wait.
    """
    folder = machine_folder()
    with locked(folder / 'gate', waiting=f'waiting: {BUSY}'), locked(folder / 'busy'), _alone_among_users():
        yield


@contextmanager
def _alone_among_users() -> Iterator[None]:
    import portalocker

    stream = common_file()
    if stream is None:
        yield
        return
    with stream:
        until = time.monotonic() + PATIENCE_SECONDS
        told = False
        while not _taken(stream, portalocker.LOCK_EX):
            if not told:
                terminal.note(f'  ...     waiting: {ANOTHER}')
                told = True
            if time.monotonic() > until:
                terminal.note(f'  ...     {ANOTHER} for {PATIENCE_SECONDS / 60:g} minutes now; measured beside him')
                break
            time.sleep(POLL_SECONDS)
        yield
