"""``modelkiln.lock``: the digest behind each name, to be committed; a pull with --locked takes exactly these."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Final

from stages.atomic import write_text
from stages.deliver.policy import Policy
from stages.deliver.registry.address import LATEST, Address
from stages.deliver.release import sha256_of
from stages.errors import IntegrityError, RecipeError
from stages.store.locks import locked

FILE: Final = 'modelkiln.lock'
FORMAT: Final = 1


def path_for(policy: Policy, folder: Path) -> Path:
    """Return where the lock file is: beside the policy, else in ``folder``."""
    return (policy.folder if policy.file else folder) / FILE


def pinned(path: Path, place: Address) -> str:
    """Return the sha256 that is pinned for ``place``. Raises RecipeError when none is, or another than it names."""
    name = _name(place)
    digests = _read(path)
    found = digests.get(name)
    if found is None and place.sha256 and place.sha256 in digests.values():
        return place.sha256
    if found is None:
        raise RecipeError(f'{path}: pins nothing for {name}; pull it with --lock first')
    if place.sha256 and place.sha256 != found:
        raise RecipeError(f'{path}: pins sha256:{found} for {name}, and sha256:{place.sha256} was asked for')
    return found


def pin(path: Path, place: Address, sha256: str) -> None:
    """Pin ``sha256`` for ``place``."""
    with locked(path.with_name(f'.{path.name}.lock')):
        digests = {**_read(path), _name(place): sha256}
        releases = {name: f'sha256:{digest}' for name, digest in sorted(digests.items())}
        write_text(path, json.dumps({'format': FORMAT, 'releases': releases}, indent=2) + '\n')


def _name(place: Address) -> str:
    return str(replace(place, tag=place.tag or LATEST, sha256=''))


def _read(path: Path) -> dict[str, str]:
    try:
        read = json.loads(path.read_bytes())
        if read['format'] != FORMAT:
            raise IntegrityError(f'{path}: format {read["format"]!r}; this version reads {FORMAT}')
        releases = dict(read['releases'])
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f'{path}: is broken: {error!r}') from error
    return {str(name): sha256_of(digest, f'{path}: {name}') for name, digest in releases.items()}
