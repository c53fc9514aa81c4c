"""What of the machine any process needs to run at all; nothing of it is anybody's secret."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

HOUSE: Final = Path(__file__).resolve().parents[1]

PROGRAMS: Final = ('/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/nix/store', '/opt')
SETTINGS: Final = (
    'alternatives', 'ld.so.cache', 'ld.so.conf', 'ld.so.conf.d', 'localtime', 'mime.types', 'nsswitch.conf', 'passwd',
    'group', 'os-release', 'timezone', 'debian_version', 'fonts',
)  # fmt: skip
HOSTS: Final = '/etc/hosts'
"""Names of machines, for a process that has to find itself."""

SYSTEM: Final = ('/sys/devices', '/sys/bus', '/sys/class', '/sys/fs/cgroup', '/sys/kernel/mm')
SHARED_MEMORY: Final = '/dev/shm'  # noqa: S108  # a place that is mounted anew, no file in it
DEVICES: Final = ('/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom')


def readable(*, own_processes: bool) -> Iterator[str]:
    """Give the programs and libraries of the system, what it says of itself, this Python, and us.

    ``own_processes``: /proc shows none of others.
    """
    yield from PROGRAMS
    yield from (f'/etc/{name}' for name in SETTINGS)
    yield from SYSTEM
    yield from ['/proc'] if own_processes else _proc()
    yield from own()
    around = {str(folder) for folder in Path(os.environ.get('HOME', '/')).parents}  # a step's home lies in its project
    yield from (path for path in sys.path if path and path not in around | {'/', str(HOUSE.parent)})


def own() -> set[str]:
    """Return where this Python and our package lie."""
    return {str(HOUSE), sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}


def _proc() -> Iterator[str]:
    """Give what the kernel says of the machine and of this process; nothing of other processes."""
    yield '/proc/self'
    with os.scandir('/proc') as entries:
        yield from (entry.path for entry in entries if not entry.name.isdecimal() and not entry.is_symlink())
