"""Fetch a release, verify it, and put it among the versions of a folder. Killed anywhere, the next pull goes on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from stages.atomic import sync_folder
from stages.deliver import release_files
from stages.deliver.fetch import copy_checked, fetch
from stages.deliver.progress import Progress
from stages.deliver.pulled import Pulled, Version, seen
from stages.deliver.registry.contract import Reading
from stages.deliver.release import RECORD, SIGNATURE, WEIGHTS, Layer, Release, read_release
from stages.deliver.signatures import check_signature, signatures_of
from stages.deliver.wanted import Wanted
from stages.errors import ForeignError, IntegrityError, StepError
from stages.terminal import size_words

ROOM: Final = 16 << 20
"""Bytes that stay free beside a release."""

SYNCS: Final = 16


def bring(pulled: Pulled, sha256: str, registry: Reading, wanted: Wanted) -> Version:
    """Fetch a version, verify it and put it among the others."""
    where = f'{wanted.place.repository}@sha256:{sha256}'
    release = read_release(registry.manifest(sha256), where)
    home, target = pulled.incoming(sha256), pulled.version(sha256)
    files = home / 'files'
    files.mkdir(parents=True, exist_ok=True)
    _check_room(pulled, release)
    with Progress(wanted.place.name or wanted.place.place, release.size) as progress:
        for layer in release.layers:
            _take(layer, release, home, pulled, partial(_bring, registry, layer, where, progress))
    (files / RECORD).write_bytes(release.content)
    for name in _strangers(files, release):
        (files / name).unlink()
    release_files.check(files, sha256)
    signed = _signed(registry, sha256, home, wanted)
    if not wanted.anywhere:
        _check_fit(files, where)
    _settle(files, target)
    shutil.rmtree(home.parent, ignore_errors=True)  # nobody else is at work here: what others began was given up
    return Version(sha256, wanted.place.repository, wanted.place.tag, signed, seen(target))


def _bring(registry: Reading, layer: Layer, where: str, progress: Progress, part: Path) -> None:
    fetch(registry, layer, part, where, progress.add)


def _take(layer: Layer, release: Release, home: Path, pulled: Pulled, bring: Callable[[Path], None]) -> None:
    """Put one layer in place: what is right stays, what another version has is copied, the rest is brought."""
    part = home / 'parts' / layer.sha256
    if layer.type == WEIGHTS:
        from stages.deliver.pack import unpack

        bring(part)
        unpack(part, home / 'files', {one.name for one in release.layers})
        return
    target = home / 'files' / layer.name
    for source in (target, *_sources(layer, release, home, pulled)):
        if (
            source == target
            and target.is_file()
            and copy_checked(source, layer, home / 'parts' / f'{layer.sha256}.same')
        ):
            (home / 'parts' / f'{layer.sha256}.same').unlink()
            return
        if source != target and copy_checked(source, layer, target):
            return
    bring(part)
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(part, target)


def _sources(layer: Layer, release: Release, home: Path, pulled: Pulled) -> list[Path]:
    """Return files that may have the bytes of ``layer``: of versions that are kept, and of this one."""
    found = [home / 'files' / one.name for one in release.layers if one.sha256 == layer.sha256 and one != layer]
    for version in pulled.history():
        folder = pulled.version(version.sha256)
        if (folder / RECORD).is_file():
            try:
                layers = release_files.release_in(folder).layers
            except IntegrityError:
                continue
            found += [folder / one.name for one in layers if one.sha256 == layer.sha256 and one.type != WEIGHTS]
    return found


def _strangers(files: Path, release: Release) -> list[str]:
    """Return what lies in ``files`` from a pull that was killed, and belongs to nothing."""
    if any(layer.type == WEIGHTS for layer in release.layers):
        return []
    wanted = {RECORD} | {layer.name for layer in release.layers}
    there = [path.relative_to(files).as_posix() for path in files.rglob('*') if path.is_symlink() or not path.is_dir()]
    return [name for name in there if name not in wanted]


def _signed(registry: Reading, sha256: str, home: Path, wanted: Wanted) -> tuple[str, ...]:
    """Keep a signature beside the files; where one is demanded, the first that a trusted key made."""
    files = home / 'files'
    problem = f'{wanted.place.repository}@sha256:{sha256}: is not signed, and a signature is demanded'
    for content in signatures_of(registry, sha256):
        found = home / SIGNATURE
        found.write_bytes(content)
        try:
            signed = (check_signature(files, found, wanted.trusted),) if wanted.trusted else ()
        except IntegrityError as error:
            problem = str(error)
            continue
        os.replace(found, files / SIGNATURE)
        return signed
    if wanted.trusted:
        raise IntegrityError(f'{problem}; what was current stays')
    return ()


def _check_fit(files: Path, where: str) -> None:
    from stages.deliver.fits import misfit  # here: a pull of what is there loads no engines
    from stages.document.manifest import read_manifest

    if why := misfit(read_manifest(files), files):
        raise ForeignError(f'{where}: {why}; what was current stays')


def _settle(files: Path, target: Path) -> None:
    """Make a version of complete ``files``; one that is there and damaged is mended file by file."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(SYNCS) as threads:  # many at once: a disk takes them together
        list(threads.map(_sync, files.rglob('*')))
    sync_folder(files)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        os.replace(files, target)
        sync_folder(target.parent)
        return
    wanted = {path.relative_to(files).as_posix() for path in files.rglob('*') if path.is_file()}
    for name in sorted(wanted):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(files / name, target / name)
    for path in target.rglob('*'):
        if not path.is_dir() and path.relative_to(target).as_posix() not in wanted:
            path.unlink()


def _sync(path: Path) -> None:
    """Make a file, or the names in a folder, survive a power cut."""
    if path.is_dir():
        sync_folder(path)
    else:
        with path.open('rb') as stream:
            os.fsync(stream.fileno())


def _check_room(pulled: Pulled, release: Release) -> None:
    free = shutil.disk_usage(pulled.folder).free
    begun = sum(path.stat().st_size for path in pulled.incoming(release.sha256).rglob('*') if path.is_file())
    packed = sum(layer.size for layer in release.layers if layer.type == WEIGHTS)
    if (needed := release.size + packed - begun + ROOM) > free:
        raise StepError(
            f'{pulled.folder}: the release needs {size_words(needed)}, {size_words(free)} are free; nothing was changed'
        )
