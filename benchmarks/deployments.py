"""What a deployment costs, and whether what was built still answers the same on another machine.

    python benchmarks/deployments.py [ENGINE …]                            each engine's run-extra alone
    python benchmarks/deployments.py --project PROJECT [RECIPE[:VARIANT] …]  and every artifact of a project through it

For each engine a fresh virtual environment, a second machine, gets this project with the engine's run-extra alone. An
engine that lives apart is taken from its locked environment, as recipes use it, with this project beside. Measured
there: megabytes on disk (pip and setuptools aside); seconds from the start of a Python to ``import
stages.deliver.load``, and to the engine's import besides; and that none of the packages that only build is loaded.

Of a project, each delivered variant is pushed as ``modelkiln push`` does to a docker-registry and to an S3 server on
this machine, pulled from the registry by the second machine and from the bucket by one that has ``modelkiln[s3]``
alone, held against each other, and run by its manifest alone on the samples that its check ran on. The answers are
compared with those that the check kept. What may not be released is listed with why; ``--force`` takes it all the same.

``--write`` keeps what was found in docs/deployed.json, a row as soon as it is known, and makes docs/deployed.md of it;
what arrived before and has the same manifest is not taken again, so that a run that was stopped goes on.

Needs the package index, the registry (apt install docker-registry), and the extras release, s3 and test. Every
environment and server is removed afterwards, and servers hold half a GB at once; a project's files are only read, but
for what a push puts below its .modelkiln/ and takes away again.
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
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import deployed  # noqa: E402
from benchmarks.deployed import Cost  # noqa: E402
from benchmarks.second_machine import identity, trips, variants  # noqa: E402
from stages.engines import ENGINES  # noqa: E402
from stages.execute.environment import folder_of, interpreter, is_made  # noqa: E402
from stages.execute.project import Project, open_project  # noqa: E402

STARTS = 5
BUILDING = ('doit', 'yaml', 'jsonschema')
LOADER = 'import stages.deliver.load'
ENGINE = f'{LOADER}; from stages.engines import ENGINES; ENGINES[{{0!r}}].prepare()'
CLEAN = f'import sys; assert not {{*sys.modules}} & {{*{BUILDING!r}}}'


def main(asked: argparse.Namespace) -> int:
    """Print the tables, a row as soon as it is known; 1 where an artifact did not arrive or answers otherwise."""
    if asked.project:
        return delivered(asked)
    print('| engine | installed, MB | loader, s | loader and engine, s |\n|---|---|---|---|')
    for name in asked.names or [name for name, engine in ENGINES.items() if not engine.ENVIRONMENT]:
        with tempfile.TemporaryDirectory(dir=asked.scratch) as scratch:
            cost = costs(name, *machine(name, wheel(Path(scratch)), Path(scratch)))
            print(f'| `{name}` | {" | ".join(cost.cells)} |', flush=True)
    return 0


def delivered(asked: argparse.Namespace) -> int:
    """Take every artifact of a project to a second machine, or to a Python that is there already."""
    sys.__stdout__ = sys.stderr  # what a push tells of its progress is no part of the table
    project = open_project(asked.project.absolute())
    by_engine, silent = variants(project, asked.names)
    found = deployed.read(ROOT) if asked.write else deployed.Deployed({}, {})
    by_engine = {name: [b for b in builds if not found.has(b.name, identity(project, b))]
                 for name, builds in by_engine.items()}  # fmt: skip
    taken: list[str] = []
    print('| artifact | engine | files, MB | registry | bucket | load, s | first answer, ms | answers |')
    print('|---|---|---|---|---|---|---|---|')
    with tempfile.TemporaryDirectory(dir=asked.scratch) as home:
        made = wheel(Path(home)) if asked.python is None else Path(home)
        bucket = asked.python or machine('', made, Path(home, 'bucket'))[0]
        for engine, builds in by_engine.items():
            if not builds:
                continue
            with tempfile.TemporaryDirectory(dir=asked.scratch) as scratch:
                try:
                    python, megabytes = (asked.python, 0.0) if asked.python else second(project, engine, made, scratch)
                    if not asked.python:
                        found.costs[engine] = costs(engine, python, megabytes)
                except (subprocess.CalledProcessError, FileNotFoundError) as error:
                    silent += [f'{build.name}: the second machine cannot be made: {error}' for build in builds]
                    continue
                for trip in trips(project, builds, python, bucket, Path(scratch), force=asked.force):
                    found.rows[trip.name] = trip
                    taken.append(trip.name)
                    print(f'| {" | ".join(trip.cells)} |{"" if trip.released else " not released"}', flush=True)
                    if asked.write:
                        deployed.write(ROOT, found)
    print(deployed.told(found, silent))
    return 1 if any(found.rows[name].broken for name in taken) else 0


def wheel(scratch: Path) -> Path:
    """Return this project as what is installed elsewhere."""
    subprocess.run(
        [sys.executable, '-m', 'pip', 'wheel', '-qq', '--no-deps', '-w', scratch / 'wheel', ROOT],
        check=True, stdout=sys.stderr,
    )  # fmt: skip
    [made] = (scratch / 'wheel').glob('*.whl')
    return made


def second(project: Project, engine: str, made: Path, scratch: str) -> tuple[Path, float]:
    """Return the Python of the second machine for one engine, and the megabytes that it took."""
    name = ENGINES[engine].ENVIRONMENT
    return beside(project, name, made, Path(scratch)) if name else machine(engine, made, Path(scratch))


def machine(engine: str, made: Path, scratch: Path) -> tuple[Path, float]:
    """Return the Python of a fresh environment for one engine, and the megabytes that it took; without one, for S3."""
    python = fresh(sys.executable, scratch)
    empty = size(scratch / 'env')
    pip(python, f'{made}[{f"run-{engine}" if engine else "s3"}]')
    return python, (size(scratch / 'env') - empty) / 1e6


def beside(project: Project, name: str, made: Path, scratch: Path) -> tuple[Path, float]:
    """Return the Python of an environment with this project alone, that finds the packages of a locked one besides."""
    if not is_made(project, name):
        raise FileNotFoundError(f'the environment {name} is not made: modelkiln doctor --make {name}')
    python = fresh(interpreter(name), scratch)
    empty = size(scratch / 'env')
    pip(python, '--no-deps', '--ignore-requires-python', str(made))
    [packages] = (scratch / 'env').glob('lib/python*/site-packages')
    locked = folder_of(project, name) / packages.relative_to(scratch / 'env')
    (packages / 'locked.pth').write_text(f'{locked}\n')
    return python, (size(scratch / 'env') - empty + size(locked)) / 1e6


def fresh(python: str, scratch: Path) -> Path:
    """Return the Python of a new environment."""
    subprocess.run([python, '-m', 'venv', scratch / 'env'], check=True, env=clean())
    return scratch / 'env/bin/python'


def pip(python: Path, *asked: str) -> None:
    subprocess.run(
        [python, '-m', 'pip', 'install', '-qq', '--disable-pip-version-check', *asked], check=True, env=clean()
    )


def clean() -> dict[str, str]:
    """Return the environment of a process that finds nothing of this clone."""
    return {name: value for name, value in os.environ.items() if name not in ('PYTHONPATH', 'VIRTUAL_ENV')}


def costs(engine: str, python: Path, megabytes: float) -> Cost:
    """Return what one engine costs."""
    return Cost(megabytes, started(python, LOADER), started(python, ENGINE.format(engine)))


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
    parser.add_argument('--write', action='store_true', help=f'keep it in {deployed.JSON} and {deployed.PAGE}; go on')
    if shutil.which('docker-registry') is None:
        parser.error('needs a registry: apt install docker-registry')
    raise SystemExit(main(parser.parse_args()))
