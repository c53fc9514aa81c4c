"""What a deployment costs, and whether what was built still answers the same on another machine.

    python benchmarks/deployments.py [ENGINE …]                            each engine's run-extra alone
    python benchmarks/deployments.py --project PROJECT [RECIPE[:VARIANT] …]  and every artifact of a project through it

For each engine a fresh virtual environment, a second machine, gets this project with the engine's run-extra alone, or
what its lock file names where it lives apart. Measured there: megabytes on disk (pip and setuptools aside); seconds
from the start of a Python to ``import stages.deliver.load``, and to the engine's import besides; and that none of the
packages that only build is loaded.

Of a project, each delivered variant is pushed as ``modelkiln push`` does to a docker-registry and to an S3 server on
this machine, pulled from the registry by the second machine and from the bucket by one that has ``modelkiln[s3]``
alone, held against each other, and run by its manifest alone on the samples that its check ran on. The answers are
compared with those that the check kept. What may not be released is listed with why; ``--force`` takes it all the same.

Needs the package index, the registry (apt install docker-registry), and the extras release, s3 and test. Every
environment and server is removed afterwards, and the servers hold twice what is pushed meanwhile; a project's files are
only read, but for what a push puts below its .modelkiln/ and takes away again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.second_machine import Trip, servers, trips, variants  # noqa: E402
from stages.engines import ENGINES  # noqa: E402
from stages.environments import lock_file  # noqa: E402
from stages.execute.environment import interpreter  # noqa: E402
from stages.execute.project import open_project  # noqa: E402

STARTS = 5
BUILDING = ('doit', 'yaml', 'jsonschema')
LOADER = 'import stages.deliver.load'
ENGINE = f'{LOADER}; from stages.engines import ENGINES; ENGINES[{{0!r}}].prepare()'
CLEAN = f'import sys; assert not {{*sys.modules}} & {{*{BUILDING!r}}}'
EMPTY = 'import sys; print(sys.prefix)'


def main(asked: argparse.Namespace) -> int:
    """Print the tables, a row as soon as it is known; 1 where an artifact did not arrive or answers otherwise."""
    if not asked.project:
        print('| engine | installed, MB | loader, s | loader and engine, s |\n|---|---|---|---|')
        for name in asked.names or [name for name, engine in ENGINES.items() if not engine.ENVIRONMENT]:
            with tempfile.TemporaryDirectory() as scratch:
                python, megabytes = machine(name, wheel(Path(scratch)), Path(scratch))
                print(f'| `{name}` | {" | ".join(costs(name, python, megabytes))} |', flush=True)
        return 0
    return delivered(asked.project.absolute(), asked.names, force=asked.force, store=asked.scratch, there=asked.python)


def delivered(root: Path, names: list[str], *, force: bool, store: Path | None, there: Path | None) -> int:
    """Take every artifact of a project to a second machine, or to a Python that is ``there`` already."""
    sys.__stdout__ = sys.stderr  # what a push tells of its progress is no part of the table
    project = open_project(root)
    by_engine, silent = variants(project, names)
    done: list[Trip] = []
    engines: list[list[str]] = []
    print('| artifact | engine | files, MB | registry | bucket | load, s | first answer, ms | answers |')
    print('|---|---|---|---|---|---|---|---|')
    with tempfile.TemporaryDirectory(dir=store) as home, servers(Path(home)) as both:
        made = wheel(Path(home)) if there is None else Path(home)
        bucket = there or machine('', made, Path(home, 'bucket'))[0]
        for engine, builds in by_engine.items():
            with tempfile.TemporaryDirectory(dir=store) as scratch:
                try:
                    python, megabytes = (there, 0.0) if there else machine(engine, made, Path(scratch))
                    engines += [] if there else [[f'`{engine}`', *costs(engine, python, megabytes)]]
                except subprocess.CalledProcessError as error:
                    why = f'the second machine of {engine} cannot be made: {error}'
                    silent += [f'{build.name}: {why}' for build in builds]
                    continue
                for trip in trips(project, builds, both, python, bucket, Path(scratch), force=force):
                    done.append(trip)
                    if trip.released:
                        print(f'| {" | ".join(trip.cells)} |', flush=True)
    if engines:
        print('\n| engine | installed, MB | loader, s | loader and engine, s |\n|---|---|---|---|')
    for row in engines:
        print(f'| {" | ".join(row)} |')
    told('Not released:', [f'{trip.name}: {trip.problem}' for trip in done if not trip.released])
    told('Not taken along:', silent)
    broken = [trip for trip in done if trip.released and trip.problem]
    told('Wrong:', [f'{trip.name}: {trip.problem}' for trip in broken])
    arrived = sum(trip.released and not trip.problem for trip in done)
    print(f'\n{arrived} of {sum(trip.released for trip in done)} released artifacts arrived and answer as checked')
    return 1 if broken else 0


def told(head: str, lines: Iterable[str]) -> None:
    """Print a list, where there is one."""
    if found := list(lines):
        print(f'\n{head}')
        for line in found:
            print(f'- {" ".join(line.split())[:400]}')


def wheel(scratch: Path) -> Path:
    """Return this project as what is installed elsewhere."""
    subprocess.run(
        [sys.executable, '-m', 'pip', 'wheel', '-qq', '--no-deps', '-w', scratch / 'wheel', ROOT],
        check=True, stdout=sys.stderr,
    )  # fmt: skip
    [made] = (scratch / 'wheel').glob('*.whl')
    return made


def machine(engine: str, made: Path, scratch: Path) -> tuple[Path, float]:
    """Return the Python of a fresh environment for one engine, and the megabytes that it took; without one, for S3."""
    apart = ENGINES[engine].ENVIRONMENT if engine else ''
    env = scratch / 'env'
    subprocess.run([interpreter(apart) if apart else sys.executable, '-m', 'venv', env], check=True, env=clean())
    python = env / 'bin/python'
    empty = size(env)
    pip = [python, '-m', 'pip', 'install', '-qq', '--disable-pip-version-check']
    if apart:
        subprocess.run([*pip, '--no-deps', '--require-hashes', '-r', lock_file(apart)], check=True, env=clean())
        subprocess.run([*pip, '--no-deps', '--ignore-requires-python', made], check=True, env=clean())
    else:
        subprocess.run([*pip, f'{made}[{f"run-{engine}" if engine else "s3"}]'], check=True, env=clean())
    return python, (size(env) - empty) / 1e6


def clean() -> dict[str, str]:
    """Return the environment of a process that finds nothing of this clone."""
    return {name: value for name, value in os.environ.items() if name not in ('PYTHONPATH', 'VIRTUAL_ENV')}


def costs(engine: str, python: Path, megabytes: float) -> list[str]:
    """Return the cells of one engine."""
    return [f'{megabytes:.0f}', f'{started(python, LOADER):.2f}', f'{started(python, ENGINE.format(engine)):.2f}']


def started(python: Path, code: str) -> float:
    """Return the median seconds of a Python that runs ``code`` and ends, without the first start, which compiles."""
    taken = []
    for _ in range(STARTS + 1):
        begun = time.perf_counter()
        subprocess.run([python, '-c', f'{code}; {CLEAN}'], check=True, cwd=python.parent, env=clean())
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken[1:])


def size(folder: Path) -> int:
    """Return the bytes of all files below ``folder``, without compiled Python."""
    files = (path for path in folder.rglob('*') if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files if path.suffix != '.pyc')


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('names', nargs='*', help='engines; with --project recipes or RECIPE:VARIANT; default: all')
    parser.add_argument('--project', type=Path, help='a project that is built')
    parser.add_argument('--python', type=Path, help='a Python that has it all, in the place of fresh environments')
    parser.add_argument('--force', action='store_true', help='also what may not be released')
    parser.add_argument('--scratch', type=Path, help='where environments and servers lie meanwhile')
    if shutil.which('docker-registry') is None:
        parser.error('needs a registry: apt install docker-registry')
    raise SystemExit(main(parser.parse_args()))
