"""Paddle for tests, in processes of its own: it must never be imported into one that has TensorFlow."""

from __future__ import annotations

import contextlib
import ctypes.util
import importlib.util
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

CHILD = Path(__file__).with_name('paddle_child.py')


def lacking() -> str:
    """Say what Paddle lacks here, and how to get it; empty: nothing. It is not imported for that."""
    if importlib.util.find_spec('paddle') is None:
        return 'needs modelkiln[paddle]: pip install "modelkiln[paddle]"'
    if ctypes.util.find_library('gomp') is None:  # not by loading it: torch may have brought its own into this process
        return 'Paddle needs the library libgomp.so.1 of the system: apt-get install libgomp1'
    return ''


def asked(word: str, path: Path, python: str = sys.executable, *, fresh: bool = False, **flags: str) -> dict[str, Any]:
    """Return what ``paddle_child.py`` answers to a request; ``flags`` are Paddle's, in its environment.

    One process answers all requests of a Python and its flags, as its imports take seconds; ``fresh``: a new one.
    """
    process = _started(python, flags) if fresh else _kept(python, tuple(sorted(flags.items())))
    assert process.stdin and process.stdout
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(json.dumps([word, str(path)]) + '\n')
        process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        _kept.cache_clear()
    assert line, f'{CHILD.name} ended with {process.wait()} as it was asked for {word} {path}'
    if fresh:
        process.communicate()  # its input is closed: it ends
    return json.loads(line)  # type: ignore[no-any-return]


@cache
def _kept(python: str, flags: tuple[tuple[str, str], ...]) -> subprocess.Popen[str]:
    return _started(python, dict(flags))


def _started(python: str, flags: dict[str, str]) -> subprocess.Popen[str]:
    """Start one; it ends when its input does, that is with us."""
    return subprocess.Popen(
        [python, CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | flags
    )


def request(path: Path, **words: Any) -> Path:
    """Write a request; return where it lies."""
    path.write_text(json.dumps(words, default=str))
    return path
