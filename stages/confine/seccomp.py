"""Calls: what a converter never makes is refused by the kernel, whoever makes it (a filter of seccomp).

UDP is beyond Landlock, and so are sockets with a name in the file system: a process that cannot make a socket needs
neither. A pair of sockets between a process and its own child is another call, and stays.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from typing import Final

from stages.confine import kernel

AUDIT: Final = {'x86_64': 0xC000003E, 'aarch64': 0xC00000B7}
SOCKET: Final = {'x86_64': 41, 'aarch64': 198}
LOCAL: Final = (1,)
INTERNET: Final = (2, 10)
INTERFACES: Final = (16,)
"""Numbers of families of sockets: those of the file system, IPv4 with IPv6, and the kernel's list of interfaces."""

# number on x86-64, number on aarch64
REFUSED: Final = {
    'ptrace': (101, 117), 'process_vm_readv': (310, 270), 'process_vm_writev': (311, 271), 'mount': (165, 40),
    'umount2': (166, 39), 'pivot_root': (155, 41), 'setns': (308, 268), 'move_mount': (429, 429), 'fsopen': (430, 430),
    'open_tree': (428, 428), 'mount_setattr': (442, 442), 'open_by_handle_at': (304, 265), 'bpf': (321, 280),
    'perf_event_open': (298, 241), 'userfaultfd': (323, 282), 'io_uring_setup': (425, 425), 'keyctl': (250, 219),
    'add_key': (248, 217), 'request_key': (249, 218), 'kexec_load': (246, 104), 'init_module': (175, 105),
    'finit_module': (313, 273), 'delete_module': (176, 106), 'reboot': (169, 142), 'swapon': (167, 224),
    'pidfd_getfd': (438, 438),
}  # fmt: skip
"""io_uring makes sockets by a way of its own; the rest reaches other processes, the kernel or its mounts."""

SET_MODE_FILTER: Final = 1
ALLOW: Final = 0x7FFF0000
REFUSE: Final = 0x00050000 | errno.EPERM
NO_PROCESS: Final = 0x80000000
"""The kernel ends a process that makes calls of another architecture: numbers mean something else there."""

X32: Final = 0x40000000
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06


class _Program(ctypes.Structure):
    _fields_ = (('length', ctypes.c_ushort), ('filter', ctypes.c_char_p))


def known() -> bool:
    """Whether there are numbers for this architecture here, and the kernel takes filters."""
    try:
        with open('/proc/sys/kernel/seccomp/actions_avail', encoding='ascii') as stream:  # noqa: PTH123
            return kernel.machine() in AUDIT and 'errno' in stream.read()
    except OSError:
        return False


def restrict(families: tuple[int, ...] | None) -> None:
    """Take the refused calls from this process and all it will start, and sockets but of ``families``; None: of any."""
    code = program(kernel.machine(), families)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    asked = _Program(len(code) // 8, code)
    kernel.call(kernel.SECCOMP[kernel.machine()], ctypes.c_uint(SET_MODE_FILTER), ctypes.c_uint(0), ctypes.byref(asked))


def program(machine: str, families: tuple[int, ...] | None) -> bytes:
    """Return the filter: instructions of classic BPF over ``struct seccomp_data`` (number, architecture, arguments)."""
    column = 0 if machine == 'x86_64' else 1
    lines = [_line(LOAD, 4), _line(EQUAL, AUDIT[machine], 1, 0), _line(RETURN, NO_PROCESS), _line(LOAD, 0)]
    if machine == 'x86_64':
        lines += [_line(AT_LEAST, X32, 0, 1), _line(RETURN, NO_PROCESS)]
    for numbers in REFUSED.values():
        lines += [_line(EQUAL, numbers[column], 0, 1), _line(RETURN, REFUSE)]
    if families is not None:
        left = len(families)
        allowed = [_line(LOAD, 16)] if families else []
        allowed += [_line(EQUAL, family, left - n, 0) for n, family in enumerate(families)]
        lines += [_line(EQUAL, SOCKET[machine], 0, 1 + len(allowed)), *allowed, _line(RETURN, REFUSE)]
    lines.append(_line(RETURN, ALLOW))
    return b''.join(lines)


def _line(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack('=HBBI', code, yes, no, value)
