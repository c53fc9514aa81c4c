"""The index of what refers to a manifest, where the registry keeps none: under a tag made of the digest."""

from __future__ import annotations

import json
from typing import Any, Protocol

from stages.errors import IntegrityError


class Tagged(Protocol):
    """A place that has tags and manifests."""

    def has_tag(self, tag: str) -> bool: ...

    def resolve(self, tag: str) -> str: ...

    def manifest(self, sha256: str) -> bytes: ...


def referrers_tag(sha256: str) -> str:
    """Return the tag by which what refers to a manifest is found."""
    return f'sha256-{sha256}'


def tagged_referrers(place: Tagged, sha256: str) -> list[dict[str, Any]]:
    """Return the entries of the index under the tag of a digest; none where there is no such tag."""
    tag = referrers_tag(sha256)
    return entries_in(place.manifest(place.resolve(tag)), tag) if place.has_tag(tag) else []


def is_index(content: bytes) -> bool:
    """Say whether a document is an index, right or broken: nothing else that is JSON has ``manifests``."""
    try:
        read = json.loads(content)
    except (ValueError, RecursionError):
        return True  # broken
    return not isinstance(read, dict) or 'manifests' in read


def entries_in(content: bytes, where: str) -> list[dict[str, Any]]:
    """Return the entries of an index. Raises IntegrityError for what is none."""
    try:
        entries = json.loads(content)['manifests']
        if not all(isinstance(entry, dict) for entry in entries):
            raise ValueError('an entry is no object')
        return list(entries)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise IntegrityError(f'{where}: is no index of referrers: {error!r}') from error
