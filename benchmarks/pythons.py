"""Which CPython takes which extra: resolved by pip for each, the core also tested; printed as a table.

    python benchmarks/pythons.py WHEEL [--pythons 3.11 3.12 3.13] [--tests]

WHEEL is what `python -m build` made. For each interpreter that is found (on the PATH, or as pyenv has them) the wheel
is installed into an environment of its own, a project is made and read with it, and pip resolves the extras without
installing them (`pip install --dry-run`): all at once, for what can be had together can be had alone; where that fails,
each by itself. `--tests` also runs the tests that need no framework, from this clone.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

CORE = (
    'tests/recipe', 'tests/plan', 'tests/contract', 'tests/store', 'tests/test_others.py',
    'tests/begin/test_variants.py',
)  # fmt: skip
SKIPPED = ('test', 'docs', 'all')
SECONDS = 1500
"""How long one command may take."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('wheel', type=Path)
    parser.add_argument('--pythons', nargs='+', default=['3.11', '3.12', '3.13'])
    parser.add_argument('--tests', action='store_true')
    asked = parser.parse_args()
    wheel = asked.wheel.resolve()
    names = [name for name in extras(wheel) if name not in SKIPPED]
    rows: dict[str, dict[str, str]] = {version: {} for version in asked.pythons}
    for version in asked.pythons:
        for what, answer in row(version, wheel, names, tests=asked.tests):
            print(f'{version}: {what}: {answer}', file=sys.stderr, flush=True)  # it takes minutes
            rows[version][what] = answer
    columns = list(dict.fromkeys(name for found in rows.values() for name in found))
    print(f'| | {" | ".join(rows)} |')
    print(f'|---|{"---|" * len(rows)}')
    for column in columns:
        print(f'| {column} | {" | ".join(found.get(column, "") for found in rows.values())} |')
    return 0 if all(word in ('yes', 'no such Python') for found in rows.values() for word in found.values()) else 1


def extras(wheel: Path) -> list[str]:
    """Return the extras that a wheel says it has."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith('.dist-info/METADATA'))
        return re.findall(r'^Provides-Extra: (\S+)$', archive.read(name).decode(), re.MULTILINE)


def row(version: str, wheel: Path, names: Sequence[str], *, tests: bool) -> Iterator[tuple[str, str]]:
    """Give what is asked and the answer, for one interpreter."""
    python = found(version)
    if not python:
        yield 'core', 'no such Python'
        return
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder, 'venv/bin/python')
        said(python, '-m', 'venv', str(own.parents[1]))
        yield 'core', said(str(own), '-m', 'pip', 'install', '-q', str(wheel))
        command = [str(own), '-m', 'stages.command.main']
        made = Path(folder, 'project')
        new = said(*command, 'new', str(made))
        yield '`modelkiln new`, `check`', said(*command, 'check', folder=made) if new == 'yes' else new
        said(str(own), '-m', 'pip', 'install', '-q', '--upgrade', 'pip')  # that reads metadata without the wheel
        pip = (str(own), '-m', 'pip', 'install', '-q', '--dry-run')
        together = said(*pip, f'{wheel}[{",".join(names)}]')
        for name in names:
            yield f'`{name}`', together if together == 'yes' else said(*pip, f'{wheel}[{name}]')
        if tests:
            said(str(own), '-m', 'pip', 'install', '-q', 'pytest', 'pytest-xdist', 'hypothesis', 'jsonschema')
            root = Path(__file__).resolve().parents[1]
            yield 'tests of the core', said(str(own), '-m', 'pytest', '-q', '-x', '-n', 'auto', *CORE, folder=root)


def found(version: str) -> str:
    """Return an interpreter of this version; empty where there is none."""
    pyenv = sorted(Path(os.environ.get('PYENV_ROOT', Path.home() / '.pyenv')).glob(f'versions/{version}.*/bin/python'))
    return str(pyenv[-1]) if pyenv else shutil.which(f'python{version}') or ''


def said(*command: str, folder: Path | None = None) -> str:
    """Return ``yes``, or the last line of what a command said as it failed, which is also printed whole."""
    try:
        done = subprocess.run(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return f'not within {SECONDS} s'
    if done.returncode == 0:
        return 'yes'
    print(done.stdout, file=sys.stderr)
    errors = [line for line in done.stdout.splitlines() if line.startswith('ERROR')] or done.stdout.splitlines()[-1:]
    return (errors or ['failed'])[0].replace('|', '/')[:120]


if __name__ == '__main__':
    raise SystemExit(main())
