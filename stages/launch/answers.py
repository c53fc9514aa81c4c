"""What a process that nobody vouches for left for us: read as a plain file of some size, or not at all.

It writes in folders of its own, and may leave there what is no file: a pipe, which whoever opens it waits at for ever,
a link to somewhere else, or more than fits into memory.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, Final

LONGEST: Final = 8000
"""Characters of a message: a file may have a word of many MB, and whoever refuses it says that word."""

LARGEST: Final = 64 << 20
"""Bytes of an answer; the largest of ours are the samples of a cycle, some MB."""


def content_of(path: Path, most: int = LARGEST) -> bytes | None:
    """Return the bytes at ``path``; None unless it is a plain file of at most ``most`` of them. Waits for nothing."""
    flags = os.O_RDONLY | getattr(os, 'O_NOFOLLOW', 0) | getattr(os, 'O_NONBLOCK', 0) | getattr(os, 'O_BINARY', 0)
    try:
        with os.fdopen(os.open(path, flags), 'rb') as stream:
            status = os.fstat(stream.fileno())
            return stream.read(most) if stat.S_ISREG(status.st_mode) and status.st_size <= most else None
    except OSError:
        return None


def answer_at(path: Path) -> Any:
    """Return the JSON value at ``path``; None where there is none that can be read."""
    content = content_of(path)
    try:
        return None if content is None else json.loads(content)
    except (ValueError, RecursionError):
        return None


def shortened(words: str) -> str:
    """Return a message with its middle left out, where it is longer than anybody reads."""
    half = LONGEST // 2
    return words if len(words) <= LONGEST else f'{words[:half]} … {len(words) - LONGEST:,} characters … {words[-half:]}'
