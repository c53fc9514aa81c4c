"""The JSON documents of a release as classes: their schemas are made of them, and what we write keeps those."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from stages.deliver.policy import KEYS, Policy
from stages.document.schema import Schema, document_schema
from stages.report.conversions import Evidence
from stages.report.measured import Measured


@dataclass(frozen=True)
class Descriptor:
    """One blob."""

    mediaType: str
    digest: str
    """``sha256:`` and 64 digits."""

    size: int
    """Bytes."""

    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Of a file: its name (``org.cncf.model.filepath``), mode and owner."""


@dataclass(frozen=True)
class ReleaseManifest:
    """A release: an OCI image manifest in the form of a CNCF ModelPack."""

    schemaVersion: Literal[2]
    mediaType: Literal['application/vnd.oci.image.manifest.v1+json']
    artifactType: Literal['application/vnd.cncf.model.manifest.v1+json']
    config: Descriptor
    layers: tuple[Descriptor, ...]
    """The files."""

    annotations: Mapping[str, str]
    """``org.modelkiln.release`` is the version of this format, ``org.modelkiln.forced`` why it should not be there."""


@dataclass(frozen=True)
class Subject:
    """A file that the statement is about."""

    name: str
    digest: Mapping[str, str]


@dataclass(frozen=True)
class Dependency:
    """What it was made from."""

    uri: str
    """A package URL, an address, or a file of the project."""

    name: str = ''
    digest: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Definition:
    """How it was built."""

    buildType: str
    externalParameters: Mapping[str, Any]
    """The recipe and the variant."""

    internalParameters: Mapping[str, Any]
    """The stages with their keys, the check, what was measured, and why it was forced."""

    resolvedDependencies: tuple[Dependency, ...]


@dataclass(frozen=True)
class Run:
    """Who built it."""

    builder: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)
    byproducts: tuple[Dependency, ...] = ()
    """The report and the raw samples."""


@dataclass(frozen=True)
class Predicate:
    """SLSA provenance."""

    buildDefinition: Definition
    runDetails: Run


@dataclass(frozen=True)
class Statement:
    """Where a release comes from: an in-toto Statement with SLSA provenance v1."""

    _type: Literal['https://in-toto.io/Statement/v1']
    subject: tuple[Subject, ...]
    predicateType: Literal['https://slsa.dev/provenance/v1']
    predicate: Predicate


@dataclass(frozen=True)
class Entry:
    """One manifest that an index names."""

    mediaType: str
    digest: str
    size: int
    artifactType: str = ''
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Of an image layout: the tag (``org.opencontainers.image.ref.name``)."""


@dataclass(frozen=True)
class Index:
    """The tags of an image layout (index.json), or what refers to a release: an OCI image index."""

    schemaVersion: Literal[2]
    manifests: tuple[Entry, ...]
    mediaType: Literal['application/vnd.oci.image.index.v1+json'] = 'application/vnd.oci.image.index.v1+json'


@dataclass(frozen=True)
class Layout:
    """The mark of an image layout: oci-layout."""

    imageLayoutVersion: Literal['1.0.0']


@dataclass(frozen=True)
class Files:
    """The blobs of a model."""

    type: Literal['layers']
    diffIds: tuple[str, ...]


@dataclass(frozen=True)
class ModelConfig:
    """The config of a release: that of a CNCF ModelPack."""

    descriptor: Mapping[str, Any]
    """Names, revision, and what the recipe says of license and authors."""

    config: Mapping[str, Any]
    """Format, precision and quantization."""

    modelfs: Files


@dataclass(frozen=True)
class Referrer:
    """What refers to a release: a signature, or one of its documents, as an OCI image manifest with a subject."""

    schemaVersion: Literal[2]
    mediaType: Literal['application/vnd.oci.image.manifest.v1+json']
    artifactType: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    subject: Descriptor


@dataclass(frozen=True)
class DockerConfig:
    """Docker's config.json, as far as logins are read from it."""

    auths: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, hash=False)
    credHelpers: Mapping[str, str] = field(default_factory=dict, hash=False)
    credsStore: str = ''


@dataclass(frozen=True)
class Group:
    """The reports of a group of recipes side by side: comparison.json."""

    format: Literal[1]
    group: str
    recipes: tuple[str, ...]
    rows: tuple[Measured, ...]


@dataclass(frozen=True)
class Conversions:
    """The map of the roads from format to format: docs/conversions.json."""

    format: Literal[1]
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    runs: Mapping[str, Any]
    matrix: tuple[Mapping[str, Any], ...]
    kinds: tuple[Mapping[str, Any], ...]
    optimisations: tuple[Mapping[str, Any], ...]
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Lock:
    """modelkiln.lock: the digest behind each name."""

    format: Literal[1]
    releases: Mapping[str, str]


def release_schema() -> Schema:
    return document_schema(ReleaseManifest, 'Modelkiln release', format=1)


def provenance_schema() -> Schema:
    return document_schema(Statement, 'Modelkiln provenance', format=1)


def lock_schema() -> Schema:
    return document_schema(Lock, 'Modelkiln lock', format=1)


def policy_schema() -> Schema:
    """Return the schema of ``modelkiln.toml``, whose keys have dashes and of which no other is known."""
    schema = document_schema(Policy, 'Modelkiln policy', format=1)
    said = schema['properties']
    properties: Schema = {key: dict(said[name]) for key, name in KEYS.items()}
    properties['signature']['enum'] = ['required', 'optional']
    properties['keep']['minimum'] = 1
    return {**schema, 'properties': properties, 'additionalProperties': False}
