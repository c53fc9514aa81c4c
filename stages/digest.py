"""sha256 everywhere, over bytes or over canonical JSON."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from stages.paths import files_below


def canonical(value: Any) -> bytes:
    """Return the one JSON text of ``value``: sorted keys, no spaces, UTF-8; NaN and non-JSON types are refused.

    Framed by construction, so no two different values share a text.
    """
    return json.dumps(value, sort_keys=True, separators=(',', ':'), ensure_ascii=False, allow_nan=False).encode()


def digest_of(value: Any) -> str:
    """Return the sha256 of the canonical JSON of ``value``."""
    return hashlib.sha256(canonical(value)).hexdigest()


def file_digest(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    with path.open('rb') as stream:
        return hashlib.file_digest(stream, 'sha256').hexdigest()


def tree_digest(folder: Path) -> str:
    """Return the sha256 of a folder: of one line for each file below it, sorted by name: digest, size, relative name.

    Links are refused; empty folders, times and permissions do not count.
    """
    lines = [
        f'{file_digest(path)} {path.stat().st_size} {path.relative_to(folder).as_posix()}\n'
        for path in files_below(folder)
    ]
    return hashlib.sha256(''.join(lines).encode()).hexdigest()


def path_digest(path: Path) -> str:
    """Return the sha256 that a recipe gives of a file or a folder."""
    return tree_digest(path) if path.is_dir() else file_digest(path)
