"""A release: one artifact as an OCI image manifest in the form of a CNCF ModelPack. Pure: bytes in, bytes out.

The manifest names every file by its size and its sha256; its own sha256 is the release's digest, the same on every
destination. Times and owners are zero, so that the same artifact always has the same digest.
Source: ModelPack specification v0.0.7 (github.com/modelpack/model-spec), OCI image specification 1.1.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

from stages.errors import IntegrityError, RecipeError
from stages.paths import plain

MANIFEST_TYPE: Final = 'application/vnd.oci.image.manifest.v1+json'
INDEX_TYPE: Final = 'application/vnd.oci.image.index.v1+json'
ARTIFACT_TYPE: Final = 'application/vnd.cncf.model.manifest.v1+json'
CONFIG_TYPE: Final = 'application/vnd.cncf.model.config.v1+json'
WEIGHT: Final = 'application/vnd.cncf.model.weight.v1.raw'
WEIGHTS: Final = 'application/vnd.cncf.model.weight.v1.tar'
WEIGHT_CONFIG: Final = 'application/vnd.cncf.model.weight.config.v1.raw'
DOC: Final = 'application/vnd.cncf.model.doc.v1.raw'
TYPES: Final = (WEIGHT, WEIGHTS, WEIGHT_CONFIG, DOC)
"""The layers that we write, and read: raw files, and one tar where there are very many."""

FILEPATH: Final = 'org.cncf.model.filepath'
METADATA: Final = 'org.cncf.model.file.metadata+json'
TITLE: Final = 'org.opencontainers.image.title'
"""By this other tools name the file, as ``oras pull`` does."""

FORMAT: Final = 'org.modelkiln.release'
"""The annotation that holds the version of this format."""

VERSION: Final = '1'
READABLE: Final = ('1',)
FORCED: Final = 'org.modelkiln.forced'
"""The annotation that says why this should not have been released."""

MAX_BYTES: Final = 4 << 20
"""Of a manifest: what registries take at most."""

RECORD: Final = 'release.json'
"""In a pulled folder: the manifest, byte for byte."""

SIGNATURE: Final = 'model.sig'
CARD: Final = 'README.md'
PROVENANCE: Final = 'provenance.json'
SBOM: Final = 'sbom.cdx.json'
RESERVED: Final = (RECORD, SIGNATURE)


@dataclass(frozen=True)
class Layer:
    """One blob of a release, and the file that it is."""

    name: str
    """Its place in the folder; ``.`` of a tar."""

    sha256: str
    size: int
    """Bytes."""

    type: str

    @property
    def digest(self) -> str:
        return f'sha256:{self.sha256}'


@dataclass(frozen=True)
class Release:
    """What a manifest says."""

    config: Layer
    layers: tuple[Layer, ...]
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    content: bytes = b''
    """The manifest itself."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def digest(self) -> str:
        return f'sha256:{self.sha256}'

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(layer.size for layer in self.layers)


def release(config: Layer, layers: tuple[Layer, ...], annotations: Mapping[str, str]) -> Release:
    """Return the release of these blobs, with its manifest written. Raises IntegrityError for names that clash."""
    _check_names(layers, 'the release')
    said = {FORMAT: VERSION, **annotations}
    document = {
        'schemaVersion': 2,
        'mediaType': MANIFEST_TYPE,
        'artifactType': ARTIFACT_TYPE,
        'config': {'mediaType': config.type, 'digest': config.digest, 'size': config.size},
        'layers': [_layer_json(layer) for layer in layers],
        'annotations': said,
    }
    content = json.dumps(document, sort_keys=True, separators=(',', ':'), ensure_ascii=False).encode()
    if len(content) > MAX_BYTES:
        raise IntegrityError(f'the manifest would be {len(content):,} bytes; registries take {MAX_BYTES:,}')
    return Release(config, layers, said, content)


def read_release(content: bytes, where: str) -> Release:
    """Return what the manifest ``content`` says. It may come from anybody: everything in it is checked.

    Raises IntegrityError, which names ``where`` and the layer, for whatever is not a release of ours.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f'{where}: the manifest is no JSON: {error}') from error
    if not isinstance(document, dict) or document.get('mediaType', MANIFEST_TYPE) != MANIFEST_TYPE:
        raise IntegrityError(f'{where}: is no image manifest')
    if document.get('artifactType') != ARTIFACT_TYPE:
        raise IntegrityError(f'{where}: its artifactType is {document.get("artifactType")!r}; expected {ARTIFACT_TYPE}')
    annotations = document.get('annotations')
    if not isinstance(annotations, dict) or annotations.get(FORMAT) not in READABLE:
        found = annotations.get(FORMAT) if isinstance(annotations, dict) else None
        raise IntegrityError(f'{where}: {FORMAT} is {found!r}; this version reads {", ".join(READABLE)}')
    given = document.get('layers')
    if not isinstance(given, list) or not given:
        raise IntegrityError(f'{where}: holds no layers')
    layers = tuple(_layer(one, f'{where}: layer {number}') for number, one in enumerate(given))
    _check_names(layers, where)
    config = _blob(document.get('config'), f'{where}: config', CONFIG_TYPE)
    words = {str(name): str(value) for name, value in annotations.items()}
    return Release(config, layers, words, content)


def file_name(name: object, where: str) -> str:
    """Return ``name`` where it is a plain relative path, as written on every system; refuse it otherwise."""
    if not isinstance(name, str):
        raise IntegrityError(f'{where}: has no file name')
    try:
        said = PurePosixPath(plain(name)).as_posix()
    except RecipeError as error:
        raise IntegrityError(f'{where}: {error}; nothing of it was written') from error
    if said != name or not name.isprintable():
        raise IntegrityError(f'{where}: the name {name!r} is not in its plain form; nothing of it was written')
    return name


def _layer_json(layer: Layer) -> dict[str, Any]:
    metadata = {
        'name': PurePosixPath(layer.name).name or layer.name, 'mode': 0o644, 'uid': 0, 'gid': 0, 'size': layer.size,
        'mtime': '1970-01-01T00:00:00Z', 'typeflag': 48,
    }  # fmt: skip
    said = {FILEPATH: layer.name, METADATA: json.dumps(metadata, sort_keys=True, separators=(',', ':'))}
    if layer.type != WEIGHTS:
        said[TITLE] = layer.name
    return {'mediaType': layer.type, 'digest': layer.digest, 'size': layer.size, 'annotations': said}


def _layer(given: object, where: str) -> Layer:
    blob = _blob(given, where, *TYPES)
    assert isinstance(given, dict)
    said = given.get('annotations')
    name = said.get(FILEPATH) if isinstance(said, dict) else None
    if blob.type == WEIGHTS:
        return blob
    return Layer(file_name(name, where), blob.sha256, blob.size, blob.type)


def _blob(given: object, where: str, *types: str) -> Layer:
    if not isinstance(given, dict):
        raise IntegrityError(f'{where}: is missing or no object')
    type, digest, size = given.get('mediaType'), given.get('digest'), given.get('size')
    if type not in types:
        raise IntegrityError(f'{where}: its media type is {type!r}; expected {" or ".join(types)}')
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 1 << 50:
        raise IntegrityError(f'{where}: its size is {size!r}; expected a number of bytes')
    return Layer('.', sha256_of(digest, where), size, str(type))


def sha256_of(digest: object, where: str) -> str:
    """Return the 64 digits of ``sha256:…``; refuse anything else."""
    hex = digest.removeprefix('sha256:') if isinstance(digest, str) and digest.startswith('sha256:') else ''
    if len(hex) != 64 or not set(hex) <= set('0123456789abcdef'):
        raise IntegrityError(f'{where}: its digest is {digest!r}; expected sha256: and 64 of 0-9a-f')
    return hex


def _check_names(layers: tuple[Layer, ...], where: str) -> None:
    clashing([layer.name for layer in layers if layer.type != WEIGHTS], where)
    if sum(layer.type == WEIGHTS for layer in layers) > 1:
        raise IntegrityError(f'{where}: holds two tars; one is expected')


def clashing(names: list[str], where: str) -> None:
    """Refuse names of which two would be one file on some system, or one would be the other's folder, or is ours."""
    seen: dict[str, str] = {}
    folders = {parent.as_posix().casefold() for name in names for parent in PurePosixPath(name).parents}
    for name in names:
        folded = name.casefold()
        if folded in seen:
            raise IntegrityError(f'{where}: {seen[folded]!r} and {name!r} are one file on some systems')
        if folded in folders:
            raise IntegrityError(f'{where}: {name!r} is a file, and a folder of other files')
        if folded in RESERVED:
            raise IntegrityError(f'{where}: {name!r} is a name that Modelkiln uses itself')
        seen[folded] = name
