"""Releases as an OCI image layout: a folder, a bucket or a web server that holds ``index.json`` and blobs by digest.

The index is the one file that changes, so two pushes at once meet there: a folder is locked, S3 writes on a condition,
and elsewhere the index is read again, and written again where it lost what was written.
Source: OCI image specification 1.1, image-layout.md.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from stages.deliver.registry.address import Address
from stages.deliver.registry.contract import NotThere, Stream
from stages.deliver.registry.files import Changed, Files, Shown
from stages.deliver.registry.oci import SHOWN, checked
from stages.deliver.registry.tags import tagged_referrers
from stages.deliver.release import INDEX_TYPE, MAX_BYTES, sha256_of
from stages.errors import DeliveryError, IntegrityError

INDEX: Final = 'index.json'
MARK: Final = 'oci-layout'
MARKED: Final = b'{"imageLayoutVersion":"1.0.0"}'
REF: Final = 'org.opencontainers.image.ref.name'
MAX_INDEX: Final = 64 << 20
ATTEMPTS: Final = 8
PAUSE_SECONDS: Final = 0.1


class ImageLayout:
    """One repository that is read. It implements ``Reading``."""

    def __init__(self, place: Address, files: Shown) -> None:
        self.place = place
        self._shown = files

    def resolve(self, tag: str) -> str:
        entries, _ = self._index()
        found = _tagged(entries, tag)
        if not found:
            tags = sorted(name for entry in entries if (name := _ref(entry)) and not name.startswith('sha256-'))
            others = f'; there are {", ".join(tags[-SHOWN:])}' if tags else ''
            raise NotThere(f'{self.place.repository}: there is no tag {tag!r}{others}')
        return found

    def has_tag(self, tag: str) -> bool:
        return bool(_tagged(self._index()[0], tag))

    def manifest(self, sha256: str) -> bytes:
        content, _ = self._shown.get(_blob(sha256), MAX_BYTES)
        return checked(content, sha256, self.place)

    def referrers(self, sha256: str) -> list[dict[str, Any]]:
        return tagged_referrers(self, sha256)

    def blob(self, sha256: str, size: int, start: int) -> Stream:
        return self._shown.stream(_blob(sha256), start, size)

    def _index(self) -> tuple[list[dict[str, Any]], str]:
        """Return the entries of the index, and its mark."""
        try:
            content, mark = self._shown.get(INDEX, MAX_INDEX)
        except NotThere as error:
            raise NotThere(f'{self.place.repository}: holds no releases (it has no {INDEX})') from error
        try:
            entries = json.loads(content)['manifests']
            if not all(isinstance(entry, dict) for entry in entries):
                raise ValueError('an entry is no object')
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise IntegrityError(f'{self.place.repository}: its {INDEX} is broken: {error!r}') from error
        return entries, mark


class WritableLayout(ImageLayout):
    """One repository that is written, too. It implements ``Writing``."""

    def __init__(self, place: Address, files: Files) -> None:
        super().__init__(place, files)
        self._files = files

    def has_tag(self, tag: str) -> bool:
        return self._files.size(INDEX) is not None and super().has_tag(tag)

    def upload(self, sha256: str, size: int, path: Path) -> bool:
        if self._files.size(_blob(sha256)) == size:
            return False
        self._files.add(_blob(sha256), path)
        return True

    def put(self, content: bytes, type: str, tag: str = '', before: str = '') -> bool:
        sha256 = hashlib.sha256(content).hexdigest()
        self._add(_blob(sha256), content)
        if not tag:
            return False
        if self._files.size(MARK) is None:
            self._add(MARK, MARKED)
        entry = {
            'mediaType': type, 'digest': f'sha256:{sha256}', 'size': len(content), 'annotations': {REF: tag},
        }  # fmt: skip
        for attempt in range(ATTEMPTS):
            try:
                with self._files.alone():
                    if self._point(tag, entry, before):
                        return False
            except Changed:
                pass
            time.sleep(PAUSE_SECONDS * 2**attempt)
        raise DeliveryError(f'{self.place.repository}: others write its {INDEX} all the time; push again')

    def _point(self, tag: str, entry: dict[str, Any], before: str) -> bool:
        """Let ``tag`` name ``entry``; False when somebody else's write took it away again."""
        entries, mark = self._index() if self._files.size(INDEX) is not None else ([], '')
        now = _tagged(entries, tag)
        if now not in (before, entry['digest'].removeprefix('sha256:')):
            named = f'sha256:{now}' if now else 'nothing'
            raise DeliveryError(
                f'{self.place.repository}: {tag!r} names {named} by now; somebody else pushed; look first'
            )
        kept = [one for one in entries if _ref(one) != tag]
        index = {'schemaVersion': 2, 'mediaType': INDEX_TYPE, 'manifests': [*kept, entry]}
        self._files.replace(INDEX, json.dumps(index, indent=1).encode() + b'\n', mark)
        return bool(_tagged(self._index()[0], tag) == sha256_of(entry['digest'], INDEX))

    def _add(self, name: str, content: bytes) -> None:
        if self._files.size(name) == len(content):
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, 'content')
            path.write_bytes(content)
            self._files.add(name, path)


def _blob(sha256: str) -> str:
    return f'blobs/sha256/{sha256}'


def _ref(entry: dict[str, Any]) -> str:
    said = entry.get('annotations')
    name = said.get(REF) if isinstance(said, dict) else None
    return name if isinstance(name, str) else ''


def _tagged(entries: list[dict[str, Any]], tag: str) -> str:
    """Return the sha256 that ``tag`` names; empty for none."""
    found = next((entry for entry in entries if _ref(entry) == tag), None)
    return sha256_of(found.get('digest'), f'{INDEX}: {tag}') if found else ''
