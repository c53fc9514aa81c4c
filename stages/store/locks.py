"""Locks between threads, processes and runs; a killed owner's locks are free at once."""

from __future__ import annotations

import getpass
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stages import terminal

BUSY = 'another step or run measures on this machine, and nothing may disturb it'


@contextmanager
def locked(path: Path, *, shared: bool = False, waiting: str = '') -> Iterator[None]:
    """Hold ``path`` alone, or with others that ask for it ``shared``; waits, and says ``waiting`` when it has to."""
    import portalocker  # here: a run with nothing to do takes no lock

    path.parent.mkdir(parents=True, exist_ok=True)
    how = portalocker.LOCK_SH if shared else portalocker.LOCK_EX
    with path.open('a+b') as stream:
        try:
            portalocker.lock(stream, how | portalocker.LOCK_NB)
        except portalocker.LockException:
            if waiting:
                terminal.note(f'  ...     {waiting}')
            portalocker.lock(stream, how)
        try:
            yield
        finally:
            portalocker.unlock(stream)


def machine_folder() -> Path:
    """Return the folder of locks that every project of this user on this machine shares."""
    base = os.environ.get('XDG_RUNTIME_DIR') or tempfile.gettempdir()
    return Path(base) / f'modelkiln-{getpass.getuser()}'


@contextmanager
def building() -> Iterator[None]:
    """Hold while a step works: any number at once, none while something is measured."""
    folder = machine_folder()
    # a measurement that waits holds the gate, so no new step begins
    with locked(folder / 'gate', waiting=f'waiting: {BUSY}'):
        pass
    with locked(folder / 'busy', shared=True):
        yield


@contextmanager
def measuring() -> Iterator[None]:
    """Hold while measuring: waits for the steps under way, keeps new ones out, also of other runs."""
    folder = machine_folder()
    with locked(folder / 'gate', waiting=f'waiting: {BUSY}'), locked(folder / 'busy'):
        yield
