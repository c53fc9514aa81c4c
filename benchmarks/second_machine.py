"""An artifact's way to a machine that has one engine and nothing that builds: see deployments.py."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.deployed import Trip
from stages.contract.port import MANIFEST
from stages.deliver.pulled import Pulled
from stages.deliver.push import push
from stages.deliver.registry.address import address
from stages.deliver.registry.contract import Net
from stages.digest import file_digest
from stages.document.manifest import Manifest, read_manifest
from stages.engines import ENGINES
from stages.errors import ModelkilnError, PromiseError
from stages.execute.ensure import result_of
from stages.execute.project import Project
from stages.layout.artifact import folder_of
from stages.plan.step import Build
from tests.deliver import servers as tests

BUCKET: Final = 's3://releases'
COMMAND: Final = ('-c', 'from stages.command.entry import run; run()')
SCRIPT: Final = Path(__file__).with_name('answered.py')
SECONDS: Final = 900
CLOSE: Final = 1e-4
"""Of an output's largest number: how far an answer may be from the check's, which ran on another number of threads."""

HELD: Final = 0.25e9
"""Bytes of artifacts that servers hold, each of the two; then others take their place."""


@dataclass(frozen=True)
class Both:
    """The two servers, and the environment of processes that know their logins."""

    registry: str
    env: Mapping[str, str] = field(hash=False)


@contextlib.contextmanager
def servers(home: Path) -> Iterator[Both]:
    """Run a docker-registry that wants a login, and an S3 server; what they hold is gone afterwards."""
    import s3fs

    with tests.registry(home / 'registry') as registry, tests.s3(home / 's3') as endpoint:
        login = registry.login(home / 'docker')
        keys = {'AWS_ACCESS_KEY_ID': 'any', 'AWS_SECRET_ACCESS_KEY': 'any', 'AWS_ENDPOINT_URL': endpoint}
        told = {'DOCKER_CONFIG': str(login), 'FSSPEC_S3_ENDPOINT_URL': endpoint, **keys}
        os.environ.update(told)  # pushing is done by this process
        s3fs.S3FileSystem.clear_instance_cache()  # those of servers before
        s3fs.S3FileSystem(endpoint_url=endpoint).mkdir(BUCKET.partition('://')[2])
        kept = {name: value for name, value in os.environ.items() if name not in ('PYTHONPATH', 'VIRTUAL_ENV')}
        yield Both(f'oci://{registry.host}', kept)
    shutil.rmtree(home)


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


def identity(project: Project, build: Build) -> str:
    """Return the digest of an artifact's manifest, which has that of every file."""
    return file_digest(folder_of(project, build) / MANIFEST)


def trips(
    project: Project, builds: Iterable[Build], python: Path, bucket: Path, scratch: Path, *, force: bool
) -> Iterator[Trip]:
    """Take artifacts of one engine to the machine whose Python is ``python``; each is gone before the next one goes."""
    for number, several in enumerate(_batches(project, builds)):
        with servers(scratch / f'servers{number}') as both:
            for build in several:
                yield _trip(project, build, both, python, bucket, scratch / 'home', force=force)
                shutil.rmtree(scratch / 'home', ignore_errors=True)


def _batches(project: Project, builds: Iterable[Build]) -> Iterator[list[Build]]:
    """Give artifacts of which two servers hold as many at once as the disk has room for."""
    held, several = 0, list[Build]()
    for build in builds:
        size = _size(read_manifest(folder_of(project, build)))
        if several and held + size > HELD:
            yield several
            held, several = 0, []
        held += size
        several.append(build)
    if several:
        yield several


def _size(manifest: Manifest) -> int:
    return sum(file.size for file in manifest.files.values())


def _trip(project: Project, build: Build, both: Both, python: Path, bucket: Path, home: Path, *, force: bool) -> Trip:
    manifest = read_manifest(folder_of(project, build))
    trip = Trip(build.name, manifest.engine, identity(project, build), megabytes=_size(manifest) / 1e6)
    try:
        digests = [_pushed(project, build, place, force=force) for place in (both.registry, BUCKET)]
        return _taken(project, build, manifest, replace(trip, released=True), digests, both, python, bucket, home)
    except PromiseError as error:
        return replace(trip, problem=str(error))
    except (ModelkilnError, OSError, subprocess.TimeoutExpired) as error:
        return replace(trip, released=True, problem=f'{type(error).__name__}: {error}')


def _place(build: Build, registry: str) -> str:
    return f'{registry}/{build.recipe.lower()}:{build.variant.name}'


def _pushed(project: Project, build: Build, registry: str, *, force: bool) -> str:
    done = push(project, build.name, address(_place(build, registry)), (), Net(), key=None, force=force)
    return done.release.sha256


def _taken(
    project: Project, build: Build, manifest: Manifest, trip: Trip, digests: list[str], both: Both, python: Path,
    bucket: Path, home: Path,
) -> Trip:  # fmt: skip
    """Pull a release from both places, run it, and compare."""
    foreign = str(manifest.check.get('foreign') or '')
    apart = ENGINES[manifest.engine].ENVIRONMENT  # a locked environment has no portalocker, and pulls nothing
    puller = bucket if apart else python
    arrived, wrong = {}, []
    for name, registry, by in (('registry', both.registry, puller), ('bucket', BUCKET, bucket)):
        to = home / name
        asked = ['pull', _place(build, registry), '--to', str(to), *(['--any-cpu'] if foreign else [])]
        said = _run([by, *COMMAND, *asked], both.env, home)
        if not said and Pulled(to).current != digests[0]:
            said = f'{Pulled(to).current} is current, and {digests[0]} was pushed'
        arrived[name] = not said
        wrong += [f'{name}: {said}'] if said else []
    if len({*digests}) > 1:
        wrong.append(f'the two places have different digests: {digests}')
    trip = replace(trip, **arrived, problem='; '.join(wrong), silent=f'not run: for {foreign}' if foreign else '')
    return trip if wrong or foreign else replace(trip, **_answered(project, build, both, python, home))


def _answered(project: Project, build: Build, both: Both, python: Path, home: Path) -> dict[str, Any]:
    """Run what was pulled by its manifest alone, and hold its answers against those that the check kept."""
    check = build.chain[-1].check
    if check is None:
        return {'silent': 'not checked: its format only leads to others'}
    probe = result_of(project, project.plan.steps[check].inputs['probe']).files['data.npz']
    kept = result_of(project, check).files['outputs.npz']
    for name, file in (('probe.npz', probe), ('kept.npz', kept)):
        (home / name).write_bytes(project.store.read(file))
    said = _run([python, SCRIPT, 'registry', 'probe.npz', 'kept.npz', 'answered.json'], both.env, home)
    if said:
        return {'problem': said}
    found = json.loads((home / 'answered.json').read_text('utf-8'))
    far = '' if found['worst'] <= CLOSE else f"its answers are {found['worst']:.3g} of the largest from the check's"
    return {
        'load_seconds': found['load'], 'first_seconds': found['first'], 'samples': found['count'],
        'worst': found['worst'], 'problem': '; '.join(filter(None, [far, *found['problems']])),
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
