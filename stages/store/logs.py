"""Logs of steps: of a step that never stops talking its first and last words are kept, and nothing a terminal obeys."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from stages.confine import kernel
from stages.terminal import plain

KEEP = 1 << 20
"""Bytes kept of the beginning of a log, and of its end."""

BLOCK = 512
"""What ``st_blocks`` counts in, whatever the disk's own are."""

LEFT_OUT = b'\n[... left out: a log keeps its first and its last MiB ...]\n'


def cap(log: Path, keep: int = KEEP) -> None:
    """Give back what the middle of a log takes on the disk, while a step appends to it: nothing it says is lost.

    The file keeps its size, with a hole in it. Where the system makes none (outside Linux), the log grows till its end.
    """
    with contextlib.suppress(OSError, AttributeError):
        about = log.stat()
        if about.st_blocks * BLOCK <= 3 * keep or about.st_size <= 2 * keep:
            return
        handle = os.open(log, os.O_RDWR)
        try:
            kernel.punch(handle, keep, about.st_size - 2 * keep)
        finally:
            os.close(handle)


def settle(log: Path, keep: int = KEEP) -> None:
    """Cut the middle out of the log of a step that has ended, and what a terminal obeys, so that it can be shown."""
    with contextlib.suppress(OSError):
        with log.open('rb') as stream:
            size = os.fstat(stream.fileno()).st_size
            said = stream.read(keep if size > 3 * keep else -1)
            if size > 3 * keep:
                stream.seek(size - keep)
                said += LEFT_OUT + stream.read()
        text = plain(said.decode('utf-8', 'replace').replace('\r\n', '\n').replace('\r', '\n')).encode()
        if text != said or size > 3 * keep:
            log.write_bytes(text)


def tail(log: Path, lines: int, most: int = 64 << 10) -> list[str]:
    """Return the last lines of a log, of which at most ``most`` bytes are read; nothing when there is none."""
    try:
        with log.open('rb') as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - most))
            said = stream.read().decode('utf-8', 'replace')
    except OSError:
        return []
    return [line for line in plain(said.replace('\r', '\n')).splitlines() if line.strip()][-lines:]


def follower(log: Path, say: Callable[[str], None]) -> Callable[[], None]:
    """Return a function that says what was added to ``log`` since it was last called, whole lines at a time."""
    log.write_bytes(b'')
    place, begun = 0, b''

    def follow() -> None:
        nonlocal place, begun
        with log.open('rb') as stream:
            stream.seek(place)
            new = stream.read()
        place += len(new)
        *lines, begun = (begun + new).replace(b'\r', b'\n').split(b'\n')
        for line in lines:
            say(line.decode('utf-8', 'replace'))

    return follow
