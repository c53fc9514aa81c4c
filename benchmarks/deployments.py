"""How large a deployment of each engine is and how long it takes to start: python benchmarks/deployments.py [ENGINE …]

For each, a fresh virtual environment gets this project with the engine's run-extra alone. Measured there: megabytes on
disk (pip and setuptools aside); seconds from the start of a Python to ``import stages.deliver.load``, and to the
engine's import besides; and that none of the packages that only build is loaded. Needs the package index; each
environment is removed afterwards.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

from stages.engines import ENGINES

ROOT = Path(__file__).resolve().parents[1]
STARTS = 5
BUILDING = ('doit', 'yaml', 'jsonschema')
LOADER = 'import stages.deliver.load'
ENGINE = f'{LOADER}; from stages.engines import ENGINES; ENGINES[{{0!r}}].prepare()'
CLEAN = f'import sys; assert not {{*sys.modules}} & {{*{BUILDING!r}}}'


def main(names: list[str]) -> int:
    """Print a table, a row as soon as it is known."""
    print('| engine | installed, MB | loader, s | loader and engine, s |\n|---|---|---|---|')
    for name in names or [name for name, engine in ENGINES.items() if not engine.ENVIRONMENT]:
        with tempfile.TemporaryDirectory() as scratch:
            print(f'| `{name}` | {" | ".join(row(name, Path(scratch)))} |', flush=True)
    return 0


def row(name: str, scratch: Path) -> list[str]:
    """Return the cells of one engine."""
    venv.create(scratch / 'env', with_pip=True)
    python = scratch / 'env/bin/python'
    empty = size(scratch / 'env')
    subprocess.run([python, '-m', 'pip', 'install', '-q', f'{ROOT}[run-{name}]'], check=True, stdout=sys.stderr)
    installed = size(scratch / 'env') - empty
    return [f'{installed / 1e6:.0f}', f'{started(python, LOADER):.2f}', f'{started(python, ENGINE.format(name)):.2f}']


def started(python: Path, code: str) -> float:
    """Return the median seconds of a Python that runs ``code`` and ends, without the first start, which compiles."""
    taken = []
    for _ in range(STARTS + 1):
        begun = time.perf_counter()
        subprocess.run([python, '-c', f'{code}; {CLEAN}'], check=True, cwd=python.parent)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken[1:])


def size(folder: Path) -> int:
    """Return the bytes of all files below ``folder``, without compiled Python."""
    files = (path for path in folder.rglob('*') if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files if path.suffix != '.pyc')


if __name__ == '__main__':
    raise SystemExit(main(sys.argv[1:]))
