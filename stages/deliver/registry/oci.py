"""Releases in an OCI registry, read. Source: OCI distribution specification 1.1."""

from __future__ import annotations

import hashlib
import json
import re
import urllib.parse
from typing import Any, Final

from stages.deliver.registry.address import Address, is_loopback
from stages.deliver.registry.contract import Net, NotThere, Stream
from stages.deliver.registry.tags import entries_in, is_index, tagged_referrers
from stages.deliver.registry.web import Web
from stages.deliver.release import INDEX_TYPE, MANIFEST_TYPE, MAX_BYTES
from stages.errors import DeliveryError, IntegrityError

ACCEPT: Final = f'{MANIFEST_TYPE}, {INDEX_TYPE}'
HUB: Final = {'docker.io': 'registry-1.docker.io'}
SHOWN: Final = 10
PAGES: Final = 64
NEXT: Final = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')


def base_of(place: Address, net: Net) -> str:
    """Return the URL of a repository."""
    own = is_loopback(place.host) and net.ca is None  # whoever names authorities wants them asked
    scheme = 'http' if own or place.host in net.plain else 'https'
    return f'{scheme}://{HUB.get(place.host, place.host)}/v2/{place.name}'


class OciRegistry:
    """One repository of a registry. It implements ``Reading``."""

    def __init__(self, place: Address, net: Net) -> None:
        self.place = place
        self._web = Web(net)
        self._base = base_of(place, net)

    def resolve(self, tag: str) -> str:
        try:
            content, _ = self._web.get(f'{self._base}/manifests/{tag}', MAX_BYTES, ACCEPT)
        except NotThere as error:
            raise NotThere(f'{self.place.repository}: there is no tag {tag!r}{self._others()}') from error
        return hashlib.sha256(content).hexdigest()

    def has_tag(self, tag: str) -> bool:
        try:
            self._web.get(f'{self._base}/manifests/{tag}', MAX_BYTES, ACCEPT)
        except NotThere:
            return False
        return True

    def manifest(self, sha256: str) -> bytes:
        content, _ = self._web.get(f'{self._base}/manifests/sha256:{sha256}', MAX_BYTES, ACCEPT)
        return checked(content, sha256, self.place)

    def referrers(self, sha256: str) -> list[dict[str, Any]]:
        """As ``Reading`` says: by the registry's own list, page by page; where it keeps none, by the tag."""
        url, found = f'{self._base}/referrers/sha256:{sha256}', []
        for page in range(PAGES):
            try:
                content, headers = self._web.get(url, MAX_BYTES, INDEX_TYPE)
            except NotThere:
                if page:
                    raise
                return tagged_referrers(self, sha256)
            if not page and not is_index(content):  # a registry without the list that answers whatever is asked
                return tagged_referrers(self, sha256)
            found += entries_in(content, url)
            more = NEXT.search(headers.get('Link') or '')
            if more is None:
                return found
            url = self._beside(more[1])
        raise DeliveryError(f'{self.place.repository}: more than {PAGES} pages refer to sha256:{sha256}')

    def _beside(self, link: str) -> str:
        """Return the address of a next page, which has to be the registry's own."""
        url = urllib.parse.urljoin(self._base, link)
        if urllib.parse.urlsplit(url)[:2] != urllib.parse.urlsplit(self._base)[:2]:
            raise DeliveryError(f'{self.place.repository}: the next page of its list is elsewhere: {link[:80]}')
        return url

    def blob(self, sha256: str, size: int, start: int) -> Stream:
        return self._web.stream(f'{self._base}/blobs/sha256:{sha256}', start, size)

    def _others(self) -> str:
        try:
            content, _ = self._web.get(f'{self._base}/tags/list', MAX_BYTES)
            tags = [str(tag) for tag in json.loads(content)['tags'] or () if not str(tag).startswith('sha256-')]
        except (DeliveryError, ValueError, KeyError, TypeError):
            return ''
        return f'; there are {", ".join(tags[-SHOWN:])}' if tags else ''


def checked(content: bytes, sha256: str, place: Address) -> bytes:
    """Return ``content`` when its digest is what it was asked for by."""
    if (found := hashlib.sha256(content).hexdigest()) != sha256:
        raise IntegrityError(f'{place.repository}: the manifest sha256:{sha256} has other bytes: sha256:{found}')
    return content
