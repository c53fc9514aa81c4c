"""A command in a real pseudo-terminal, and its screen as somebody who sits before it sees it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROWS, COLUMNS = 24, 110


@dataclass
class Watched:
    """A command that runs in a terminal of its own."""

    process: subprocess.Popen[bytes]
    master: int
    raw: bytes = b''
    screens: list[list[str]] = field(default_factory=list)
    """Every screen that was seen, line by line, each when something had been written."""

    def __post_init__(self) -> None:
        pyte = pytest.importorskip('pyte', reason='needs modelkiln[test]: pip install "modelkiln[test]"')
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.ByteStream(self.screen)

    def until(self, seen: Callable[[list[str]], object], seconds: float = 100.0) -> list[str]:
        """Return the first screen for which ``seen`` is true."""
        deadline = time.monotonic() + seconds
        while not seen(shown := self.shown()):
            if time.monotonic() > deadline or not self._read():
                raise AssertionError('\n'.join(['this was never seen; at last there was:', *shown]))
        return shown

    def end(self, seconds: float = 100.0) -> list[str]:
        """Return the screen when the command is over."""
        deadline = time.monotonic() + seconds
        while self._read() and time.monotonic() < deadline:
            pass
        self.process.wait(10)
        os.close(self.master)
        return self.shown()

    def stop(self, number: int = signal.SIGINT) -> None:
        os.kill(self.process.pid, number)

    def shown(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display]

    def coloured(self, word: str) -> Any:
        """Return the colour in which the screen shows a word that stands on it."""
        row = next(number for number, line in enumerate(self.screen.display) if word in line)
        return self.screen.buffer[row][self.screen.display[row].index(word)].fg

    def _read(self) -> bool:
        if not select.select([self.master], [], [], 1.0)[0]:
            return True
        some = b''
        with contextlib.suppress(OSError):  # the other end is closed
            some = os.read(self.master, 1 << 16)
        self.raw += some
        self.stream.feed(some)
        self.screens.append(self.shown())
        return bool(some)


def watched(argv: list[str], folder: Path, env: dict[str, str]) -> Watched:
    """Start ``argv`` in a terminal of 24 lines."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', ROWS, COLUMNS, 0, 0))
    clean = {name: text for name, text in os.environ.items() if name not in ('NO_COLOR', 'FORCE_COLOR', 'COLUMNS')}
    process = subprocess.Popen(
        argv, cwd=folder, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        env={**clean, 'TERM': 'xterm-256color', **env},
    )  # fmt: skip
    os.close(slave)
    return Watched(process, master)
