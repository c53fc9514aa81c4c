"""What is in a release: a CycloneDX bill of materials with its machine-learning parts.

Source: CycloneDX 1.6, component type machine-learning-model and its modelCard; held against its own JSON Schema.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

from stages import __version__
from stages.deliver.provenance import fetches_of, uri_of
from stages.deliver.release import Layer
from stages.digest import digest_of
from stages.document.manifest import Manifest
from stages.errors import IntegrityError, ToolError
from stages.recipe.model import Recipe

VERSION: Final = '1.6'
SPACE: Final = uuid.UUID('6f3c1b52-9d27-4d8e-9a0e-7c54b1d2a0f4')
"""Serial numbers are made of the content in this space: the same release has the same one."""


def sbom(recipe: Recipe, manifest: Manifest, files: Iterable[Layer]) -> dict[str, Any]:
    """Return the bill of materials. No times are in it: the same release says the same."""
    document = {
        'bomFormat': 'CycloneDX',
        'specVersion': VERSION,
        'version': 1,
        'metadata': {
            'tools': {'components': [{'type': 'application', 'name': 'modelkiln', 'version': __version__}]},
            'component': _model(recipe, manifest),
        },
        'components': [*_files(files), *_sources(recipe), *_tools(manifest)],
    }
    return {**document, 'serialNumber': f'urn:uuid:{uuid.uuid5(SPACE, digest_of(document))}'}


def check_sbom(content: str) -> None:
    """Hold a bill of materials against CycloneDX's own schema. Raises IntegrityError where it breaks that."""
    try:
        from cyclonedx.schema import SchemaVersion
        from cyclonedx.validation.json import JsonStrictValidator
    except ModuleNotFoundError as error:
        raise ToolError("an SBOM is checked by cyclonedx-python-lib; run: pip install 'modelkiln[release]'") from error
    if wrong := JsonStrictValidator(SchemaVersion.from_version(VERSION)).validate_str(content):
        raise IntegrityError(f'the SBOM breaks the schema of CycloneDX {VERSION}: {wrong}')


def _model(recipe: Recipe, manifest: Manifest) -> dict[str, Any]:
    said: dict[str, Any] = {
        'type': 'machine-learning-model',
        'bom-ref': manifest.name,
        'name': manifest.name,
        'version': manifest.digest,
        'modelCard': {
            'modelParameters': {
                'inputs': [{'format': f'{port.name} {port.dtype} {list(port.shape)}'} for port in manifest.inputs],
                'outputs': [{'format': f'{port.name} {port.dtype} {list(port.shape)}'} for port in manifest.outputs],
                **({'datasets': datasets} if (datasets := _datasets(recipe)) else {}),
            },
            'quantitativeAnalysis': {'performanceMetrics': _metrics(manifest)},
        },
        'properties': [
            {'name': f'modelkiln:{name}', 'value': value}
            for name, value in (
                ('format', manifest.model_format), ('precision', manifest.precision), ('engine', manifest.engine),
            )
        ],
    }  # fmt: skip
    if recipe.description:
        said['description'] = recipe.description
    if recipe.license:
        said['licenses'] = [{'expression': recipe.license}]
    if recipe.authors:
        said['authors'] = [{'name': author} for author in recipe.authors]
    return said


def _datasets(recipe: Recipe) -> list[dict[str, Any]]:
    return [
        {'type': 'dataset', 'name': data.role, 'contents': {'url': uri_of(fetch)}}
        for data in recipe.data.values()
        for fetch in data.files
    ]


def _metrics(manifest: Manifest) -> list[dict[str, Any]]:
    found = []
    for name in ('metric', 'agreement'):
        if figure := manifest.check.get(name):
            bounds = {'lowerBound': str(figure['low']), 'upperBound': str(figure['high'])}
            known = None not in (figure['low'], figure['high'])
            found.append(
                {'type': str(figure['name']), 'value': str(figure['value'])}
                | ({'confidenceInterval': bounds} if known else {})
            )
    measured: Mapping[str, Any] = manifest.measured or {}
    for name in ('latency_seconds', 'peak_memory_bytes'):
        if measured.get(name) is not None:
            found.append({'type': name, 'value': str(measured[name])})
    return found


def _files(files: Iterable[Layer]) -> list[dict[str, Any]]:
    return [
        {'type': 'file', 'bom-ref': f'file:{file.name}', 'name': file.name, 'hashes': _hashes(file.sha256)}
        for file in files
    ]


def _sources(recipe: Recipe) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for what, fetch in fetches_of(recipe):
        ref = f'{what}:{uri_of(fetch)}:{fetch.sha256[:12]}'
        type = 'machine-learning-model' if what == 'source' else 'data'
        found[ref] = {'type': type, 'bom-ref': ref, 'name': uri_of(fetch), 'hashes': _hashes(fetch.sha256)}
    return list(found.values())


def _tools(manifest: Manifest) -> list[dict[str, Any]]:
    tools = {(tool, version) for stage in manifest.stages for tool, version in stage.tools.items()}
    tools |= set(manifest.runtime.items())
    return [
        {'type': 'library', 'bom-ref': f'pkg:pypi/{tool}@{version}', 'name': tool, 'version': version,
         'purl': f'pkg:pypi/{tool}@{version}'}
        for tool, version in sorted(tools)
    ]  # fmt: skip


def _hashes(sha256: str) -> list[dict[str, str]]:
    return [{'alg': 'SHA-256', 'content': sha256}]


def text_of(document: Mapping[str, Any]) -> str:
    """Return a JSON document as it is written: the same values are the same bytes."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + '\n'
