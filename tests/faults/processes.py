"""Who of a project's processes is alive."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path


def alive_below(root: Path) -> list[int]:
    """Return every process but ours that works below ``root``: by its command line, its folder or its open files."""
    return [pid for pid in _others() if any(str(root) in text for text in _traces(pid))]


def gone(root: Path, seconds: float = 1.0) -> bool:
    """Whether nobody works below ``root`` any more, within ``seconds``."""
    deadline = time.monotonic() + seconds
    while alive_below(root):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def children(parent: int) -> list[int]:
    """Return every process that ``parent`` started, and those started, at any depth."""
    above = {pid: _parent(pid) for pid in _others()}
    found, waiting = [], [parent]
    while waiting:
        one = waiting.pop()
        new = [pid for pid, up in above.items() if up == one]
        found += new
        waiting += new
    return found


def _others() -> list[int]:
    return [int(name) for name in os.listdir('/proc') if name.isdigit() and int(name) != os.getpid()]


def _parent(pid: int) -> int:
    try:
        return int(Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def _traces(pid: int) -> Iterator[str]:
    try:
        if Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] == 'Z':
            return  # dead; nobody has asked for its exit code yet
        yield Path(f'/proc/{pid}/cmdline').read_text().replace('\0', ' ')
        yield os.readlink(f'/proc/{pid}/cwd')
        for name in os.listdir(f'/proc/{pid}/fd'):
            yield os.readlink(f'/proc/{pid}/fd/{name}')
    except (OSError, IndexError):
        return
