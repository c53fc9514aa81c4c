"""An artifact's way to a machine that has one engine and nothing that builds: see deployments.py."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stages.contract.port import MANIFEST
from stages.deliver.pulled import Pulled
from stages.deliver.push import push
from stages.deliver.registry.address import address
from stages.deliver.registry.contract import Net
from stages.document.manifest import Manifest, read_manifest
from stages.engines import ENGINES
from stages.errors import ModelkilnError, PromiseError
from stages.execute.ensure import result_of
from stages.execute.project import Project
from stages.layout.artifact import folder_of
from stages.plan.step import Build
from tests.deliver import servers as tests

BUCKET = 's3://releases'
COMMAND = ('-c', 'from stages.command.entry import run; run()')
SCRIPT = Path(__file__).with_name('answered.py')
SECONDS = 900
CLOSE = 1e-4
"""Of an output's largest number: how far an answer may be from the check's, which ran on another number of threads."""


@dataclass(frozen=True)
class Both:
    """The two servers, and the environment of processes that know their logins."""

    registry: str
    env: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True)
class Trip:
    """What became of one artifact."""

    name: str
    engine: str
    released: bool = False
    megabytes: float = 0.0
    arrived: tuple[str, str] = ('no', 'no')
    load_seconds: float | None = None
    first_seconds: float | None = None
    answers: str = 'none'
    problem: str = ''

    @property
    def cells(self) -> list[str]:
        """The row of a table."""
        load = '–' if self.load_seconds is None else f'{self.load_seconds:.2f}'
        first = '–' if self.first_seconds is None else f'{self.first_seconds * 1e3:.1f}'
        return [f'`{self.name}`', self.engine, f'{self.megabytes:.1f}', *self.arrived, load, first, self.answers]


@contextlib.contextmanager
def servers(home: Path) -> Iterator[Both]:
    """Run a docker-registry that wants a login, and an S3 server."""
    import s3fs

    with tests.registry(home / 'registry') as registry, tests.s3(home / 's3') as endpoint:
        login = registry.login(home / 'docker')
        keys = {'AWS_ACCESS_KEY_ID': 'any', 'AWS_SECRET_ACCESS_KEY': 'any', 'AWS_ENDPOINT_URL': endpoint}
        told = {'DOCKER_CONFIG': str(login), 'FSSPEC_S3_ENDPOINT_URL': endpoint, **keys}
        os.environ.update(told)  # pushing is done by this process
        s3fs.S3FileSystem(endpoint_url=endpoint).mkdir(BUCKET.partition('://')[2])
        kept = {name: value for name, value in os.environ.items() if name not in ('PYTHONPATH', 'VIRTUAL_ENV')}
        yield Both(f'oci://{registry.host}', kept)


def variants(project: Project, names: list[str]) -> tuple[dict[str, list[Build]], list[str]]:
    """Return what is delivered, by engine, and a sentence for each variant that is not."""
    found: dict[str, list[Build]] = {}
    silent = []
    for recipe, builds in project.plan.builds.items():
        for build in builds:
            if names and recipe not in names and build.name not in names:
                continue
            if (folder_of(project, build) / MANIFEST).is_file():
                found.setdefault(read_manifest(folder_of(project, build)).engine, []).append(build)
            else:
                silent.append(f'{build.name}: is not built')
    return found, silent


def trips(
    project: Project, builds: Iterable[Build], both: Both, python: Path, bucket: Path, scratch: Path, *, force: bool
) -> Iterator[Trip]:
    """Take artifacts of one engine to the machine whose Python is ``python``; each is gone before the next one goes."""
    for number, build in enumerate(builds):
        manifest = read_manifest(folder_of(project, build))
        try:
            digests = [_pushed(project, build, place, force=force) for place in (both.registry, BUCKET)]
        except (ModelkilnError, OSError) as error:
            refused = isinstance(error, PromiseError)
            yield Trip(build.name, manifest.engine, released=not refused, problem=str(error))
            continue
        yield _taken(project, build, manifest, digests, both, python, bucket, scratch / str(number))
        shutil.rmtree(scratch / str(number), ignore_errors=True)


def _place(build: Build, registry: str) -> str:
    return f'{registry}/{build.recipe.lower()}:{build.variant.name}'


def _pushed(project: Project, build: Build, registry: str, *, force: bool) -> str:
    done = push(project, build.name, address(_place(build, registry)), (), Net(), key=None, force=force)
    return done.release.sha256


def _taken(
    project: Project, build: Build, manifest: Manifest, digests: list[str], both: Both, python: Path, bucket: Path,
    home: Path,
) -> Trip:  # fmt: skip
    """Pull a release from both places, run it, and compare."""
    foreign = str(manifest.check.get('foreign') or '')
    apart = ENGINES[manifest.engine].ENVIRONMENT  # a locked environment has no portalocker, and pulls nothing
    puller = bucket if apart else python
    arrived, wrong = [], []
    for registry, by in ((both.registry, puller), (BUCKET, bucket)):
        to = home / registry.partition(':')[0]
        asked = ['pull', _place(build, registry), '--to', str(to), *(['--any-cpu'] if foreign else [])]
        said = _run([by, *COMMAND, *asked], both.env, home)
        if not said and Pulled(to).current != digests[0]:
            said = f'{Pulled(to).current} is current, and {digests[0]} was pushed'
        arrived.append('no' if said else 'yes')
        wrong += [f'{registry.partition(":")[0]}: {said}'] if said else []
    size = sum(file.size for file in manifest.files.values()) / 1e6
    trip = Trip(build.name, manifest.engine, released=True, megabytes=size, arrived=(arrived[0], arrived[1]))
    if len({*digests}) > 1:
        wrong.append(f'the two places have different digests: {digests}')
    if wrong or foreign:
        answers = f'not run: for {foreign}' if foreign else 'none'
        return Trip(**{**vars(trip), 'answers': answers, 'problem': '; '.join(wrong)})
    found = _answered(project, build, both, python, home)
    return Trip(**{**vars(trip), **found})


def _answered(project: Project, build: Build, both: Both, python: Path, home: Path) -> dict[str, object]:
    """Run what was pulled by its manifest alone, and hold its answers against those that the check kept."""
    check = build.chain[-1].check
    if check is None:
        return {'answers': 'not checked: its format only leads to others'}
    probe = result_of(project, project.plan.steps[check].inputs['probe']).files['data.npz']
    kept = result_of(project, check).files['outputs.npz']
    for name, file in (('probe.npz', probe), ('kept.npz', kept)):
        (home / name).write_bytes(project.store.read(file))
    said = _run([python, SCRIPT, 'oci', 'probe.npz', 'kept.npz', 'answered.json'], both.env, home)
    if said:
        return {'problem': said}
    found = json.loads((home / 'answered.json').read_text('utf-8'))
    answers = f'equal, {found["count"]} samples' if found['equal'] else f'{found["worst"]:.1e} of the largest'
    far = '' if found['worst'] <= CLOSE else f"its answers are {found['worst']:.3g} of the largest from the check's"
    return {
        'load_seconds': found['load'], 'first_seconds': found['first'], 'answers': answers,
        'problem': far or '; '.join(found['problems']),
    }  # fmt: skip


def _run(command: list[object], env: Mapping[str, str], where: Path) -> str:
    """Run a command; return the end of what it complains of, nothing where it was content."""
    where.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [*map(str, command)], cwd=where, env=dict(env), capture_output=True, text=True, timeout=SECONDS
    )
    if done.returncode == 0:
        return ''
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return f'exit {done.returncode}: {" / ".join(lines[-3:])}'
