"""Where a release lies, in one line: ``oci://host/name:tag``, ``s3://bucket/name@sha256:…``, ``file:///folder/name``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from stages.errors import RecipeError

# patterns are compiled where they are asked for: a pull of what is there asks for one of them
TAG: Final = r'[A-Za-z0-9_][A-Za-z0-9._-]{0,127}'
DIGEST: Final = r'sha256:[0-9a-f]{64}'
HOST: Final = r'(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?'
REPOSITORY: Final = r'[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*'
SCHEME: Final = r'[a-z][a-z0-9+.-]*'
BARE: Final = r'[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*'
LOOPBACK: Final = r'(?i:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?'
LATEST: Final = 'latest'


@dataclass(frozen=True)
class Address:
    """A place, and which release there."""

    scheme: str
    """``oci``, ``file``, ``http``, ``https``, or what fsspec calls a store; empty of a bare name."""

    place: str
    """What stands behind ``://``: host and name."""

    tag: str = ''
    sha256: str = ''

    @property
    def repository(self) -> str:
        """The place without tag and digest, as it is written."""
        return f'{self.scheme}://{self.place}' if self.scheme else self.place

    @property
    def host(self) -> str:
        return self.place.partition('/')[0]

    @property
    def name(self) -> str:
        """What an OCI registry calls it."""
        return self.place.partition('/')[2]

    def __str__(self) -> str:
        if self.sha256:
            return f'{self.repository}@sha256:{self.sha256}'
        return f'{self.repository}:{self.tag}' if self.tag else self.repository

    def below(self, registry: Address) -> Address:
        """Return this bare name as a place in ``registry``."""
        return replace(self, scheme=registry.scheme, place=f'{registry.place.rstrip("/")}/{self.place}')


def address(text: str) -> Address:
    """Return what ``text`` names. Raises RecipeError for what is no address, or could mean two things."""
    scheme, separator, rest = text.partition('://')
    if not separator:
        scheme, rest = '', text
    rest, at, digest = rest.rpartition('@') if re.search(r'@sha256:[^/]*$', rest) else (rest, '', '')
    folder, slash, last = rest.rpartition('/')
    tag = ''
    if ':' in last and (slash or not scheme):
        last, _, tag = last.partition(':')
        rest = folder + slash + last
        if not is_tag(tag):
            raise RecipeError(f'{text}: {tag!r} is no tag; expected letters, digits, `.`, `_`, `-`, at most 128')
    if at and not re.fullmatch(DIGEST, digest):
        raise RecipeError(f'{text}: {digest!r} is no digest; expected sha256: and 64 of 0-9a-f')
    if tag and digest:
        raise RecipeError(f'{text}: has a tag and a digest, which may differ; give one of them')
    found = Address(scheme, rest, tag, digest.removeprefix('sha256:'))
    if wrong := _wrong(found, separator):
        raise RecipeError(f'{text}: {wrong}')
    return found


def is_tag(text: str) -> bool:
    """Whether ``text`` can be a tag in a registry."""
    return re.fullmatch(TAG, text) is not None


def is_loopback(host: str) -> bool:
    """Whether ``host`` (with its port or without) is this machine: nobody listens on the way."""
    return re.fullmatch(LOOPBACK, host) is not None


def _wrong(found: Address, separator: str) -> str:
    """Return what is wrong with an address; nothing when it is right."""
    if not separator:
        return (
            ''
            if re.fullmatch(BARE, found.place)
            else 'is no name; expected `name`, or a place such as `oci://host/name`'
        )
    if not re.fullmatch(SCHEME, found.scheme):
        return f'{found.scheme!r} is no kind of place; expected `oci://`, `s3://`, `https://`, `file://` …'
    if not found.place or any(ord(c) <= 32 for c in found.place):
        return 'names no place'
    if found.scheme in ('oci', 'http', 'https'):
        if '@' in found.host:
            return 'a login has no place in an address; `docker login` keeps it'
        if not re.fullmatch(HOST, found.host):
            return f'{found.host!r} is no host'
    if found.scheme == 'oci' and not re.fullmatch(REPOSITORY, found.name):
        return f'{found.name!r} is no name in a registry; expected small letters, digits, `.`, `_`, `-` and `/`'
    if found.scheme == 'file' and not found.place.startswith('/'):
        return 'expected a whole path: `file:///folder/name`'
    return 'has a place with `..`' if '..' in found.place.split('/') else ''
