"""A release in a folder, checked offline: every byte, its signature, its documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stages.contract.port import MANIFEST
from stages.deliver.release import PROVENANCE, RECORD, SBOM, SIGNATURE
from stages.deliver.release_files import SHOWN, check, release_in
from stages.deliver.signatures import check_signature
from stages.errors import IntegrityError
from stages.store.records import is_digest


def verify_release(folder: Path, keys: tuple[Path, ...], *, schemas: bool = False) -> str:
    """Return in words what was found of the release in ``folder``. Raises IntegrityError for whatever is wrong.

    The folder of a version is named by its digest, which then counts; elsewhere the record alone says what it is.
    """
    named = folder.name if is_digest(folder.name) else ''
    check(folder, named)
    release = release_in(folder)
    _check_subjects(folder)
    words = [f'{folder}: {len(release.layers)} files are those of {release.digest}']
    if keys:
        signed = check_signature(folder, folder / SIGNATURE, keys)
        words.append(f'signed by the key sha256:{signed[:12]}…')
    elif (folder / SIGNATURE).is_file():
        words.append('signed, but no --key was given to check that with')
    else:
        words.append('not signed')
    if schemas:
        check_documents(folder)
        words.append('its documents keep their schemas')
    return '; '.join(words)


def _check_subjects(folder: Path) -> None:
    """Hold the provenance against the files that it speaks of."""
    statement = _read(folder / PROVENANCE)
    files = {layer.name: layer.sha256 for layer in release_in(folder).layers}
    try:
        said = {one['name']: one['digest']['sha256'] for one in statement['subject']}
    except (KeyError, TypeError) as error:
        raise IntegrityError(f'{folder / PROVENANCE}: is no statement: {error!r}') from error
    wrong = [name for name, sha256 in said.items() if files.get(name, sha256) != sha256]
    if wrong:
        raise IntegrityError(f'{folder / PROVENANCE}: speaks of other bytes of {", ".join(wrong[:SHOWN])}')


def check_documents(folder: Path) -> None:
    """Hold the documents of a release against their schemas. Raises IntegrityError, ToolError without jsonschema."""
    from stages.deliver.sbom import check_sbom
    from stages.deliver.schemas import beside, problems

    named = {'manifest': MANIFEST, 'release': RECORD, 'provenance': PROVENANCE}
    wrong = [told for schema, name in named.items() for told in problems(schema, {name: _read(folder / name)})]
    wrong += beside(folder, _read(folder / MANIFEST).get('engine'))
    if wrong:
        raise IntegrityError('\n'.join(f'{folder}: {told}' for told in wrong))
    try:
        check_sbom((folder / SBOM).read_text('utf-8'))
    except OSError as error:
        raise IntegrityError(f'{folder / SBOM}: {error.strerror}') from error


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise IntegrityError(f'{path}: cannot be read: {error}') from error
    if not isinstance(found, dict):
        raise IntegrityError(f'{path}: is no object')
    return found
