"""Hash every delivered file and every stored one, and compare; exit 6 when one differs.

`doit` heals artifacts by itself; a damaged file of the store is set aside with --repair, and made again when next
needed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from stages.contract.port import MANIFEST
from stages.digest import file_digest
from stages.errors import IntegrityError
from stages.execute.project import STATE, find_root
from stages.store.store import Store


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('folder', nargs='*', type=Path, help='artifact folders; default: all, and the store')
    parser.add_argument('--repair', action='store_true', help='set damaged content of the store aside')


def run(asked: argparse.Namespace) -> int:
    if asked.folder:
        folders = [folder.resolve() for folder in asked.folder]
        problems = [] if all((f / MANIFEST).is_file() for f in folders) else ['a folder without a manifest.json']
        blobs = 0
    else:
        root = find_root(Path.cwd())
        folders = sorted(path.parent for path in (root / 'artifacts').glob(f'*/*/{MANIFEST}'))
        problems, blobs = _store(Store(root / STATE / 'store'), asked.repair)
    for folder in folders:
        problems += artifact_problems(folder)
    if problems:
        raise IntegrityError('\n'.join(problems))
    print(f'{len(folders)} artifacts and {blobs} stored files are as recorded')
    return 0


def artifact_problems(folder: Path) -> list[str]:
    """Return what differs between an artifact's folder and its manifest."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError) as error:
        return [f'{folder}: no readable {MANIFEST}: {error}']
    there = {p.relative_to(folder).as_posix() for p in folder.rglob('*') if not p.is_dir()} - {MANIFEST}
    problems = [f'{folder / name}: is missing' for name in sorted(manifest['files'].keys() - there)]
    problems += [f'{folder / name}: does not belong here' for name in sorted(there - manifest['files'].keys())]
    for name in sorted(there & manifest['files'].keys()):
        found, expected = file_digest(folder / name), manifest['files'][name]['sha256']
        if found != expected:
            problems.append(f'{folder / name}: has other bytes; expected {expected}, got {found}')
    return problems


def _store(store: Store, repair: bool) -> tuple[list[str], int]:
    problems, count = [], 0
    for blob in sorted(store.folder.glob('blobs/*/*')):
        count += 1
        if file_digest(blob) != blob.name:
            problems.append(f'{blob}: has other bytes than its name says' + (', set aside' if repair else ''))
            if repair:
                store.quarantine(blob.name)
    return problems, count
