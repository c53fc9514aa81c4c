"""System calls that Python has no function for, by ctypes."""

from __future__ import annotations

import ctypes
import os
import platform
from functools import cache
from typing import Any, Final

KEEP_SIZE, PUNCH_HOLE = 1, 2
PR_SET_NO_NEW_PRIVS: Final = 38
PR_SET_PDEATHSIG: Final = 1
PR_SET_CHILD_SUBREAPER: Final = 36

# the same on every architecture that Linux has gained since 2011, and on x86-64
LANDLOCK_CREATE_RULESET: Final = 444
LANDLOCK_ADD_RULE: Final = 445
LANDLOCK_RESTRICT_SELF: Final = 446
SECCOMP: Final = {'x86_64': 317, 'aarch64': 277}


@cache
def libc() -> Any:
    """Return the C library of this process."""
    return ctypes.CDLL(None, use_errno=True)


def call(number: int, *arguments: Any) -> int:
    """Make a system call. Raises OSError with the kernel's reason."""
    done: int = libc().syscall(ctypes.c_long(number), *arguments)
    return _checked(done)


def prctl(what: int, *values: int) -> int:
    """Call prctl. Raises OSError with the kernel's reason."""
    longs = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    done: int = libc().prctl(ctypes.c_int(what), *longs)
    return _checked(done)


def unshare(flags: int) -> int:
    """Call unshare. Raises OSError with the kernel's reason."""
    done: int = libc().unshare(ctypes.c_int(flags))
    return _checked(done)


def mount(what: str, where: str, kind: str, flags: int) -> None:
    """Mount ``what`` at ``where``. Raises OSError with the kernel's reason."""
    texts = [text.encode() for text in (what, where, kind)]
    _checked(libc().mount(*texts, ctypes.c_ulong(flags), None))


def punch(handle: int, start: int, length: int) -> None:
    """Give the blocks of a part of a file back to the disk; its size, and who appends to it, stay as they are."""
    asked = [ctypes.c_long(start), ctypes.c_long(length)]
    _checked(libc().fallocate(ctypes.c_int(handle), ctypes.c_int(KEEP_SIZE | PUNCH_HOLE), *asked))


def machine() -> str:
    """Return the architecture as the kernel calls it."""
    return platform.machine()


def _checked(done: int) -> int:
    if done < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return done
