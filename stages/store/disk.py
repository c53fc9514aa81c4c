"""What the system says of a disk, in words: which file, which disk, how full, whose, and what to do."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stages.errors import StepError, UnsupportedError
from stages.terminal import size_words

FULL = {errno.ENOSPC, errno.EDQUOT}
DENIED = {errno.EACCES, errno.EPERM}
NOTHING_LEFT = 64 << 10
"""Bytes; a disk with less is full: no log and no answer fits any more."""


def told(error: OSError, near: Path) -> str:
    """Return an error of the system as a sentence; ``near`` is where it happened when the system does not say."""
    path = _path(error, near)
    words = error.strerror or str(error) or type(error).__name__
    if error.errno in FULL:
        return f'{path}: {words}: {_room(path)}; make room (`modelkiln gc` removes what nothing needs) and run again'
    if error.errno in DENIED:
        return f'{path}: {words}: {_owned(path)}'
    if error.errno == errno.EROFS:
        return f'{path}: {words}: the disk at {_mount(path)} cannot be written'
    return f'{path}: {words}: the disk at {_mount(path)} refused it; nothing half written was kept, run again'


@contextmanager
def in_words(near: Path) -> Iterator[None]:
    """Make a StepError of what the system says of the disk; add to other failures that the disk is full, if it is."""
    try:
        yield
    except OSError as error:
        raise StepError(told(error, near)) from error
    except UnsupportedError:
        raise
    except StepError as error:
        if 'disk at' not in str(error) and is_full(near):
            raise StepError(f'{error}\n{near}: No space left on device: {_room(near)}') from error
        raise


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name ``path`` in errors of the system that name no file: those of writing to an open one."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def is_full(path: Path) -> bool:
    """Whether nothing more can be written beside ``path``."""
    try:
        return shutil.disk_usage(_existing(path)).free < NOTHING_LEFT
    except OSError:
        return False


def owner_of(path: Path) -> str:
    """Return whose ``path`` is, by name where it has one."""
    try:
        uid = path.lstat().st_uid
    except OSError:
        return 'nobody known'
    return user_words(uid)


def user_words(uid: int) -> str:
    try:
        import pwd

        return f'{pwd.getpwuid(uid).pw_name} (uid {uid})'
    except (ImportError, KeyError):
        return f'uid {uid}'


def _path(error: OSError, near: Path) -> Path:
    # a rename names two, and it is the second that could not be made
    name = getattr(error, 'filename2', None) or error.filename
    return Path(os.fsdecode(name)) if isinstance(name, (str, bytes)) and name else near


def _room(path: Path) -> str:
    try:
        usage = shutil.disk_usage(_existing(path))
    except OSError:
        return f'the disk at {_mount(path)} is full'
    return f'the disk at {_mount(path)} is full, {size_words(usage.free)} of {size_words(usage.total)} are free'


def _owned(path: Path) -> str:
    there = _existing(path)
    me = user_words(os.geteuid()) if hasattr(os, 'geteuid') else 'this user'
    try:
        mode = stat.filemode(there.stat().st_mode)
    except OSError:
        mode = 'not readable'
    return f'{there} belongs to {owner_of(there)}, its mode is {mode}, and this run is {me}'


def _existing(path: Path) -> Path:
    for place in (path, *path.parents):
        if os.path.lexists(place):
            return place
    return Path(path.anchor or '.')


def _mount(path: Path) -> Path:
    place = _existing(path.absolute())
    while not os.path.ismount(place) and place != place.parent:
        place = place.parent
    return place
