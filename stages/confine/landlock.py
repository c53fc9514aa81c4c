"""Files: a process keeps only those it is given, by Landlock (Linux 5.13 and later), which needs no privilege.

https://docs.kernel.org/userspace-api/landlock.html has the rights and since when each is there. The binding on the
package index is a development version that knows four of the seven versions of the interface; so these are ours.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
from collections.abc import Iterable
from typing import Final

from stages.confine import kernel

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = (1 << bit for bit in range(4))
IOCTL_DEV: Final = 1 << 15
RIGHTS: Final = {1: 13, 2: 14, 3: 15, 5: 16}
"""Of files: how many of the rights each version of the interface knows."""

OF_FILES: Final = EXECUTE | WRITE_FILE | READ_FILE | 1 << 14 | IOCTL_DEV
"""What may be said of a file that is no folder."""

READ: Final = EXECUTE | READ_FILE | READ_DIR
NET: Final = 0b11
"""Binding and connecting TCP sockets, since version 4."""

SCOPED: Final = 0b11
"""Abstract sockets of others and signals to others, since version 6."""

VERSION: Final = 1
PATH_BENEATH: Final = 1


class _Ruleset(ctypes.Structure):
    _fields_ = (('files', ctypes.c_uint64), ('net', ctypes.c_uint64), ('scoped', ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (('allowed', ctypes.c_uint64), ('parent', ctypes.c_int32))


def version() -> int:
    """Return the version of the kernel's interface; 0 where there is none."""
    try:
        return kernel.call(kernel.LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(VERSION))
    except OSError:
        return 0


def restrict(read: Iterable[str], write: Iterable[str], devices: Iterable[str], *, network: bool) -> None:
    """Leave this process, and all it will start, these paths with all below them, and TCP only with ``network``.

    Paths that are not there are passed over. Raises OSError where the kernel refuses; then nothing has changed.
    """
    known = version()
    every = (1 << max(count for since, count in RIGHTS.items() if since <= known)) - 1
    asked = _Ruleset(every, 0 if network or known < 4 else NET, 0 if known < 6 else SCOPED)
    size = 8 if known < 4 else 16 if known < 6 else 24
    rules = kernel.call(kernel.LANDLOCK_CREATE_RULESET, ctypes.byref(asked), ctypes.c_size_t(size), ctypes.c_uint32(0))
    try:
        for paths, rights in ((read, READ), (write, every & ~IOCTL_DEV), (devices, READ_FILE | WRITE_FILE | IOCTL_DEV)):
            for path in paths:
                with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                    _allow(rules, path, rights & every)
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        kernel.call(kernel.LANDLOCK_RESTRICT_SELF, ctypes.c_int(rules), ctypes.c_uint32(0))
    finally:
        os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(handle).st_mode):
            rights &= OF_FILES
        rule = _Beneath(rights, handle)
        kernel.call(
            kernel.LANDLOCK_ADD_RULE, ctypes.c_int(rules), ctypes.c_int(PATH_BENEATH), ctypes.byref(rule),
            ctypes.c_uint32(0),
        )  # fmt: skip
    finally:
        os.close(handle)
