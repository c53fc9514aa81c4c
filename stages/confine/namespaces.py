"""What there is to see: a process gets a network without interfaces, IPC and process numbers of its own.

A namespace of processes ends with its first one, and the kernel then ends all others in it, whatever they did to get
away: that is what makes a step die as a whole.
"""

from __future__ import annotations

import os
import socket
import struct
import warnings
from pathlib import Path
from typing import Final

from stages.confine import kernel

USER, PIDS, NETWORK, IPC, MOUNTS = 0x10000000, 0x20000000, 0x40000000, 0x08000000, 0x00020000
CLONE: Final = USER | PIDS | NETWORK | IPC | MOUNTS
NO_SUID, NO_DEVICES, NO_PROGRAMS = 2, 4, 8
RECURSIVE, PRIVATE = 0x4000, 0x40000
SET_INTERFACE_FLAGS, UP = 0x8914, 1


def enter() -> None:
    """Leave the namespaces of this process; its next child is the first process of new ones.

    It keeps its user and group, and gets no privilege outside. Only for a process of one thread. Raises OSError.
    """
    user, group = os.geteuid(), os.getegid()
    kernel.unshare(CLONE)
    Path('/proc/self/setgroups').write_text('deny')
    Path('/proc/self/uid_map').write_text(f'{user} {user} 1')
    Path('/proc/self/gid_map').write_text(f'{group} {group} 1')


def loopback() -> None:
    """Bring up the one interface that a new network has, by which its processes reach each other. Raises OSError."""
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SET_INTERFACE_FLAGS, struct.pack('16sH22x', b'lo', UP))


def own_processes() -> bool:
    """Show only the processes of this namespace below /proc; False where the system, a container, does not let us."""
    try:
        kernel.mount('none', '/', '', RECURSIVE | PRIVATE)
        kernel.mount('proc', '/proc', 'proc', NO_SUID | NO_DEVICES | NO_PROGRAMS)
    except OSError:
        return False
    return True


def own_shared_memory() -> bool:
    """Give this namespace shared memory of its own: names that processes agree on, for those inside alone."""
    try:
        kernel.mount('shm', '/dev/shm', 'tmpfs', NO_SUID | NO_DEVICES | NO_PROGRAMS)  # noqa: S108  # a place, no file
    except OSError:
        return False
    return True


def known() -> bool:
    """Whether the system lets us: tried in a process that ends at once."""
    kernel.libc()  # loaded before the fork: after it, a process of several threads must not
    with warnings.catch_warnings():
        # Python warns of forks beside threads; this one makes some calls of the system and ends
        warnings.simplefilter('ignore', DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            enter()
            loopback()
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0
