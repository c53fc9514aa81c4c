"""What refers to a release without being part of it: its signatures, its provenance, its SBOM.

Each is an image manifest of its own whose ``subject`` is the release, so that other tools find it. Registries of OCI
1.1 keep the list themselves; for the others, and in buckets and folders, it is an index under the tag ``sha256-…``.
Source: OCI distribution specification 1.1, referrers API and its fallback tag.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any, Final

from stages.deliver.registry.contract import Reading, Writing
from stages.deliver.registry.tags import entries_in, referrers_tag
from stages.deliver.release import INDEX_TYPE, MANIFEST_TYPE, PROVENANCE, SBOM, Layer, Release

EMPTY: Final = 'application/vnd.oci.empty.v1+json'
EMPTY_CONTENT: Final = b'{}'
IN_TOTO: Final = 'application/vnd.in-toto+json'
CYCLONEDX: Final = 'application/vnd.cyclonedx+json'
DOCUMENTS: Final = {PROVENANCE: IN_TOTO, SBOM: CYCLONEDX}
"""Files of a release that are found from it without pulling it, and their media types."""


def referrer(release: Release, content: bytes, type: str) -> bytes:
    """Return the manifest that says that ``content`` belongs to ``release``: equal ones are equal bytes."""
    document = {
        'schemaVersion': 2,
        'mediaType': MANIFEST_TYPE,
        'artifactType': type,
        'config': _said(_layer(EMPTY_CONTENT, EMPTY)),
        'layers': [_said(_layer(content, type))],
        'subject': {'mediaType': MANIFEST_TYPE, 'digest': release.digest, 'size': len(release.content)},
    }
    return json.dumps(document, sort_keys=True, separators=(',', ':')).encode()


def refer(registry: Writing, release: Release, content: bytes, type: str) -> bool:
    """Let ``content`` refer to ``release``, which is there; False when it does so already."""
    manifest = referrer(release, content, type)
    digest = f'sha256:{hashlib.sha256(manifest).hexdigest()}'
    if any(entry.get('digest') == digest for entry in registry.referrers(release.sha256)):
        return False
    with tempfile.TemporaryDirectory() as folder:
        for number, blob in enumerate((content, EMPTY_CONTENT)):
            path = Path(folder, f'blob{number}')
            path.write_bytes(blob)
            registry.upload(hashlib.sha256(blob).hexdigest(), len(blob), path)
    if registry.put(manifest, MANIFEST_TYPE):
        return True
    tag = referrers_tag(release.sha256)
    before = registry.resolve(tag) if registry.has_tag(tag) else ''
    others = entries_in(registry.manifest(before), tag) if before else []
    registry.put(_index([*others, _entry(manifest, type)]), INDEX_TYPE, tag, before)
    return True


def add_documents(registry: Writing, release: Release, files: Path) -> int:
    """Let the provenance and the SBOM of a release refer to it; return how many did not yet."""
    return sum(refer(registry, release, (files / name).read_bytes(), type) for name, type in DOCUMENTS.items())


def of_type(registry: Reading, sha256: str, type: str) -> list[dict[str, Any]]:
    """Return the entries of what refers to a release and is of ``type``; nothing of them is checked."""
    return [entry for entry in registry.referrers(sha256) if entry.get('artifactType') == type]


def _entry(manifest: bytes, type: str) -> dict[str, Any]:
    digest = f'sha256:{hashlib.sha256(manifest).hexdigest()}'
    return {'mediaType': MANIFEST_TYPE, 'artifactType': type, 'size': len(manifest), 'digest': digest}


def _index(entries: list[dict[str, Any]]) -> bytes:
    index = {'schemaVersion': 2, 'mediaType': INDEX_TYPE, 'manifests': entries}
    return json.dumps(index, sort_keys=True, separators=(',', ':')).encode()


def _layer(content: bytes, type: str) -> Layer:
    return Layer('.', hashlib.sha256(content).hexdigest(), len(content), type)


def _said(layer: Layer) -> dict[str, object]:
    return {'mediaType': layer.type, 'digest': layer.digest, 'size': layer.size}
