"""Bring one blob: what was begun is gone on with, and nothing counts before its size and its sha256 are right."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from stages.deliver.registry.contract import Passing, Reading
from stages.deliver.release import Layer
from stages.errors import DeliveryError, IntegrityError

CHUNK: Final = 1 << 20
ATTEMPTS: Final = 5
PAUSE_SECONDS: Final = 0.2


def fetch(registry: Reading, layer: Layer, part: Path, where: str, tell: Callable[[int], None]) -> None:
    """Bring ``layer`` into the file ``part``. ``tell`` is called with every number of bytes that are there.

    Raises IntegrityError when other bytes come (the part is removed), DeliveryError when they do not come (it is kept).
    """
    part.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(ATTEMPTS):
        begun = part.stat().st_size if part.exists() else 0
        try:
            found = _bring(registry, layer, part, tell)
        except Passing as error:
            if attempt + 1 == ATTEMPTS:
                raise DeliveryError(f'{error}; what came is kept, and the next pull goes on with it') from error
            time.sleep(PAUSE_SECONDS * 2**attempt)
            continue
        if found == layer.sha256:
            return
        part.unlink()
        if not begun:  # else what was begun may have been damaged: once more, from the start
            raise IntegrityError(
                f'{where}: {layer.name}: has other bytes; expected {layer.sha256}, got {found}; they were removed'
            )
    raise DeliveryError(f'{where}: {layer.name}: could not be brought in {ATTEMPTS} attempts')


def _bring(registry: Reading, layer: Layer, part: Path, tell: Callable[[int], None]) -> str:
    """Go on with ``part`` to its end; return its sha256. A Passing says that it broke off."""
    digest, have = _begun(part, layer.size)
    tell(have)
    with part.open('r+b' if part.exists() else 'w+b') as out:
        out.truncate(have)
        if have < layer.size or not layer.size:
            stream = registry.blob(layer.sha256, layer.size, have)
            if stream.start != have:  # the server knows no ranges: all over again
                tell(stream.start - have)
                digest, have = hashlib.sha256(), stream.start
            out.seek(have)
            out.truncate(have)
            for chunk in stream.chunks:
                out.write(chunk)
                digest.update(chunk)
                have += len(chunk)
                tell(len(chunk))
        out.flush()
        os.fsync(out.fileno())
    if have < layer.size:
        raise Passing(f'{layer.name}: broke off after {have:,} of {layer.size:,} bytes')
    return digest.hexdigest()


def _begun(part: Path, size: int) -> tuple[hashlib._Hash, int]:
    """Return the digest of what is there of a part, and its bytes; more than there can be is nothing."""
    digest = hashlib.sha256()
    if not part.exists() or part.stat().st_size > size:
        return digest, 0
    have = 0
    with part.open('rb') as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            have += len(chunk)
    return digest, have


def copy_checked(source: Path, layer: Layer, target: Path) -> bool:
    """Copy a file that may be ``layer`` to ``target``; False, and nothing is left, when it has other bytes."""
    digest = hashlib.sha256()
    try:
        if source.is_symlink() or source.stat().st_size != layer.size:
            return False
        with source.open('rb') as stream:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open('wb') as out:
                while chunk := stream.read(CHUNK):
                    digest.update(chunk)
                    out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
    except FileNotFoundError:
        return False
    if digest.hexdigest() == layer.sha256:
        return True
    target.unlink()
    return False
