"""The Python of a locked environment, for tests: made once for each lock file, and kept in the system's folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import portalocker
import pytest

from stages.digest import file_digest
from stages.environments import cpython, lock_file
from stages.execute import pythons


def python_of(name: str) -> str:
    """Return the interpreter of the environment ``name``; two runs at once make it one after the other.

    The test is skipped where the CPython is not here that the environment names.
    """
    wanted = cpython(name)
    base = (pythons.find(wanted) or pytest.skip(f'no CPython {wanted} is here')) if wanted else sys.executable
    lock = lock_file(name)
    folder = Path(tempfile.gettempdir()) / 'modelkiln-test-environments' / f'{name}-{file_digest(lock)[:12]}'
    folder.parent.mkdir(exist_ok=True)
    done = folder / 'done'
    with portalocker.Lock(folder.with_suffix('.lock'), timeout=1800):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([base, '-m', 'venv', folder], check=True)
            install = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--require-hashes', '-r', lock]
            subprocess.run([folder / 'bin/python', *install], check=True)
            done.touch()
    return str(folder / 'bin/python')
