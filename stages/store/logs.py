"""Logs of steps: of a step that never stops talking its first and last words are kept, and nothing a terminal obeys."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from stages.terminal import plain

KEEP = 1 << 20
"""Bytes kept of the beginning of a log, and of its end."""

LEFT_OUT = b'\n[... left out: a log keeps its first and its last MiB ...]\n'


def cap(log: Path, keep: int = KEEP) -> None:
    """Cut the middle out of a log that grew too long, also while a step appends to it."""
    with contextlib.suppress(OSError):
        if log.stat().st_size <= 3 * keep:
            return
        handle = os.open(log, os.O_RDWR | os.O_APPEND)  # as the step's: neither writes over the other
        try:
            last = os.pread(handle, keep, os.fstat(handle).st_size - keep)
            os.truncate(handle, keep)
            os.write(handle, LEFT_OUT + last)
        finally:
            os.close(handle)


def settle(log: Path, keep: int = KEEP) -> None:
    """Cap a log whose step has ended, and take out what a terminal obeys, so that it can be shown as it is."""
    cap(log, keep)
    with contextlib.suppress(OSError):
        said = log.read_bytes()
        text = plain(said.decode('utf-8', 'replace').replace('\r\n', '\n').replace('\r', '\n')).encode()
        if text != said:
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
