"""Which folder is meant: an artifact, a recipe's folder that names its best one, or where releases are pulled to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from stages.contract.port import MANIFEST
from stages.errors import RecipeError, StepError
from stages.paths import inside

POINTERS: Final = ('current', 'best')
"""Names of what leads on: a link to a folder, or a file of one line with its place relative to here."""


def artifact_in(folder: str | os.PathLike[str]) -> Path:
    """Return the folder that holds the manifest: ``folder`` itself, or the one that its ``current`` or ``best`` names.

    Links are followed here, once: whoever loads from the answer sees one version, whatever is swapped meanwhile.
    Raises StepError where there is none.
    """
    found = Path(os.path.realpath(folder))
    if (found / MANIFEST).is_file():
        return found
    for name in POINTERS:
        pointer = found / name
        if pointer.is_dir():
            return artifact_in(pointer)
        if pointer.is_file():
            return _named(found, pointer)
    if not found.is_dir():
        raise StepError(f'{folder}: is no folder; expected one that holds {MANIFEST}')
    raise StepError(f'{folder}: holds no {MANIFEST}, and no {" or ".join(POINTERS)} that leads to one')


def _named(folder: Path, pointer: Path) -> Path:
    """Return the folder that a pointer file names; one that leads outside is refused."""
    try:
        name = pointer.read_text('utf-8').strip()
        found = inside(folder, name)
    except (RecipeError, ValueError) as error:
        raise StepError(f'{pointer}: names no folder beside it: {error}') from error
    if not (found / MANIFEST).is_file():
        raise StepError(f'{pointer}: names {name!r}, which holds no {MANIFEST}')
    return found
