"""Other versions of CPython on this machine: for locked environments whose packages have no wheels for ours."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

ASK = 'import sys; print(sys.implementation.name, *sys.version_info[:2], sys.executable)'


def find(version: str) -> str | None:
    """Return a CPython of ``version`` (``3.10``), from PATH or of pyenv; None where there is none.

    Each is asked: a shim of pyenv is on PATH also for a version that is not chosen, and does nothing.
    """
    return next(filter(None, (_asked(place, version) for place in _places(version))), None)


def remedy(version: str) -> str:
    """Return how to get that version, in words."""
    return f'put python{version} on PATH, or install it with: pyenv install {version}'


def _places(version: str) -> Iterator[str]:
    if on_path := shutil.which(f'python{version}'):
        yield on_path
    root = Path(os.environ.get('PYENV_ROOT') or Path.home() / '.pyenv')
    newest = sorted(root.glob(f'versions/{version}.*/bin/python'), key=lambda path: _patch(path), reverse=True)
    yield from map(str, newest)


def _patch(python: Path) -> int:
    last = python.parts[-3].rpartition('.')[2]
    return int(last) if last.isdecimal() else -1


def _asked(python: str, version: str) -> str | None:
    """Return where the interpreter itself lies, if it is a CPython of ``version`` and runs at all."""
    try:
        done = subprocess.run([python, '-I', '-c', ASK], capture_output=True, text=True, timeout=20, check=False)
        implementation, major, minor, place = done.stdout.rstrip().split(' ', 3)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return place if (implementation, f'{major}.{minor}') == ('cpython', version) else None
