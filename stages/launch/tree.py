"""A process and all that it started, as the kernel lists them."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable
from pathlib import Path


def children(pid: int) -> set[int]:
    """Return the children of a process, of all its threads; none where it is gone."""
    found: set[int] = set()
    with contextlib.suppress(OSError):
        for task in os.listdir(f'/proc/{pid}/task'):
            with contextlib.suppress(OSError):
                found.update(map(int, Path(f'/proc/{pid}/task/{task}/children').read_text().split()))
    return found


def below(pid: int) -> list[int]:
    """Return all that ``pid`` started, directly or not, and that is still under it; parents first."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        new = sorted(children(waiting.pop()) - set(found))
        found += new
        waiting += new
    return found


def kill(pids: Iterable[int]) -> None:
    """Kill processes at once; those that are gone are no matter."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def kill_below(pid: int) -> None:
    """Kill all that ``pid`` started; looked at again, since a process may start another while it is being killed."""
    for _ in range(100):
        found = [each for each in below(pid) if not _is_dead(each)]
        if not found:
            return
        kill(found)


def memory(pid: int) -> int:
    """Return the bytes that ``pid`` and all it started keep in memory for themselves; open files do not count."""
    pages = 0
    for each in (pid, *below(pid)):
        with contextlib.suppress(OSError, IndexError, ValueError):
            fields = Path(f'/proc/{each}/statm').read_text().split()
            pages += int(fields[1]) - int(fields[2])
    return pages * os.sysconf('SC_PAGE_SIZE')


def _is_dead(pid: int) -> bool:
    try:
        return Path(f'/proc/{pid}/stat').read_text(errors='replace').rpartition(')')[2].split()[0] in 'ZX'
    except (OSError, IndexError):
        return True
